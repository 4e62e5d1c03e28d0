//! What a model sees of a text that is longer than its context: the beginning and the end.

use std::ops::Range;

/// The share of the room that the beginning of a text may take.
const BEGINNING: usize = 4;

/// The end begins at a multiple of this share of the room. So it stays where it is while the text grows by a piece, and what was read
/// of it need not be read again.
const STEP: usize = 4;

/// Tokens that a text may have more or fewer where it is cut and put together.
const MARGIN: usize = 8;

/// The room for a text, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowSize {
    /// All of it.
    pub tokens: usize,
    /// Whether the beginning of the text has a part of it; notes may stand in its place.
    pub keeps_beginning: bool,
}

/// What is seen of a text: ranges of its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// The beginning; empty where it is not kept or nothing is left out.
    pub beginning: Range<usize>,
    /// The end.
    pub end: Range<usize>,
}

impl Window {
    /// The window on a text of which each token ends at such a byte. Both parts are whole paragraphs where they can be, else whole
    /// lines, sentences or words. `None` where there is no room at all.
    #[must_use]
    pub fn of(text: &str, ends: &[usize], size: WindowSize) -> Option<Self> {
        if ends.len() <= size.tokens {
            return Some(Self { beginning: 0..0, end: 0..text.len() });
        }
        let room = size.tokens.checked_sub(2 * MARGIN).filter(|&room| room > 0)?;
        let at = |token: usize| floor(text, token.checked_sub(1).map_or(0, |last| ends[last.min(ends.len() - 1)]));
        let most = if size.keeps_beginning { room / BEGINNING } else { 0 };
        let beginning = 0..last_end(&text[..at(most)]);
        let kept = ends.partition_point(|&end| end <= beginning.end);
        let step = (room / STEP).max(1);
        let least = ends.len().saturating_sub(room - kept);
        let first = at(least.next_multiple_of(step).min(ends.len() - 1));
        let within = at((least.next_multiple_of(step) + step / 2).min(ends.len() - 1));
        let start = first + next_start(&text[first..within.max(first)]);
        Some(Self { beginning, end: start..text.len() })
    }

    /// What is seen, in one text: the parts as paragraphs of their own.
    #[must_use]
    pub fn seen(&self, text: &str) -> String {
        let (beginning, end) = (&text[self.beginning.clone()], &text[self.end.clone()]);
        if beginning.is_empty() { end.to_owned() } else { format!("{}\n\n{end}", beginning.trim_end()) }
    }

    /// What is not seen.
    #[must_use]
    pub fn left_out<'t>(&self, text: &'t str) -> &'t str {
        &text[self.beginning.end..self.end.start]
    }
}

/// The next character boundary at or before a byte.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

/// What a paragraph, a line, a sentence and a word are followed by.
const ENDS: [&[&str]; 4] = [&["\n\n"], &["\n"], &[". ", "! ", "? ", "。", "！", "？"], &[" "]];

/// Where the last whole paragraph of a text ends, or what else is whole; the end of the text where nothing is.
fn last_end(text: &str) -> usize {
    let found = ENDS.iter().find_map(|ends| ends.iter().filter_map(|end| text.rfind(end).map(|at| at + end.len())).max());
    found.unwrap_or(text.len())
}

/// Where the first paragraph of a text begins, or what else is whole; 0 where nothing does.
fn next_start(text: &str) -> usize {
    let found = ENDS.iter().find_map(|ends| ends.iter().filter_map(|end| text.find(end).map(|at| at + end.len())).min());
    found.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Each character a token.
    fn ends(text: &str) -> Vec<usize> {
        text.char_indices().map(|(at, c)| at + c.len_utf8()).collect()
    }

    fn window(text: &str, tokens: usize, keeps_beginning: bool) -> Window {
        Window::of(text, &ends(text), WindowSize { tokens, keeps_beginning }).unwrap()
    }

    #[test]
    fn what_fits_is_seen_as_it_stands() {
        let text = "One.\n\nTwo.";
        let window = window(text, 10, true);
        assert_eq!((window.seen(text).as_str(), window.left_out(text)), (text, ""));
    }

    #[test]
    fn the_beginning_and_the_end_are_whole_paragraphs() {
        let paragraphs: Vec<String> = (10..40).map(|number| format!("This is paragraph {number}.\n\n")).collect();
        let text = paragraphs.concat();
        let seen = window(&text, 300, true);
        assert_eq!(&text[seen.beginning.clone()], paragraphs[..3].concat().as_str());
        assert!(text[seen.end.clone()].starts_with("This is paragraph "));
        assert!(seen.seen(&text).starts_with("This is paragraph 10.") && seen.seen(&text).ends_with("paragraph 39.\n\n"));
        let without = window(&text, 300, false);
        assert!(without.beginning.is_empty() && without.seen(&text).starts_with("This is"));
    }

    #[test]
    fn the_end_stays_where_it_begins_while_the_text_grows_by_pieces() {
        let mut text = "A line of the story, and no more.\n".repeat(40);
        let mut starts = std::collections::BTreeSet::new();
        for _ in 0..20 {
            text += "Another one.\n";
            starts.insert(window(&text, 400, true).end.start);
        }
        // 260 tokens more in steps of 96.
        assert!((2..=4).contains(&starts.len()), "{starts:?}");
    }

    #[test]
    fn without_room_nothing_is_seen() {
        assert_eq!(
            Window::of("One two three four", &ends("One two three four"), WindowSize { tokens: 16, keeps_beginning: true }),
            None
        );
    }

    proptest! {
        #[test]
        fn any_text_is_seen_in_room_and_in_order(
            text in "(\\PC|[ \\n.]){0,400}", tokens in 17usize..300, keeps_beginning: bool
        ) {
            let window = window(&text, tokens, keeps_beginning);
            let seen = window.seen(&text);
            prop_assert!(seen.chars().count() <= tokens);
            prop_assert!(window.beginning.end <= window.end.start && window.end.end == text.len());
            let parts = [&text[window.beginning.clone()], window.left_out(&text), &text[window.end.clone()]];
            prop_assert_eq!(parts.concat(), text);
        }
    }
}
