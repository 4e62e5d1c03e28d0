//! Stories as people read them in a terminal: words, and lines of a width.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::cli::render::flow::breaks;
pub use crate::cli::render::line::{Ink, Line};
use crate::text::visible;

/// Stands before the first word of its own that a story has.
const PARTING: &str = "‖";

/// A text in which nothing moves the cursor or hides: every white space but a line break is a space, and what cannot be
/// seen is a sign.
pub fn safe(text: &str) -> String {
    let mut buffer = [0; 4];
    text.chars().fold(String::new(), |mut safe, c| {
        match c {
            '\n' => safe.push('\n'),
            c if c.is_whitespace() => safe.push(' '),
            c => safe.push_str(&visible(c.encode_utf8(&mut buffer))),
        }
        safe
    })
}

/// The end of a text on one line of at most so many columns. Spaces at its very end can be seen: they decide what comes next.
pub fn end_of(text: &str, columns: usize) -> String {
    let line = safe(text).replace('\n', "⏎");
    let words = line.trim_end();
    let line = words.to_string() + &visible(&line[words.len()..]);
    if line.width() <= columns {
        return line;
    }
    let (mut used, mut from) = (1, line.len());
    for (at, c) in line.char_indices().rev() {
        used += c.width().unwrap_or(0);
        if used > columns {
            break;
        }
        from = at;
    }
    // Whole words, where there are any.
    let tail = &line[from..];
    let word = if line[..from].ends_with(' ') { Some(0) } else { tail.find(' ') };
    format!("…{}", &tail[word.filter(|&at| at <= tail.len() / 2).unwrap_or(0)..])
}

/// A text in lines of at most `columns` ≥ 2 columns. Its line breaks and single blank lines stay; a word wider than a line is
/// broken. What stands from the byte `parting` on is in its own ink, with a sign before it.
pub fn wrap(text: &str, columns: usize, parting: Option<usize>) -> Vec<Line> {
    let columns = columns.max(2);
    let (text, parting) = match parting {
        None => (safe(text), None),
        Some(at) => {
            let whole = (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at));
            let (shared, own) = text.split_at(whole.unwrap_or(0));
            let shared = safe(shared);
            (shared.clone() + &safe(own), Some(shared.len()))
        }
    };
    let mut setting = Setting { columns, lines: Vec::new(), line: Line::default(), is_signed: false };
    let mut begins = 0;
    for paragraph in text.split('\n') {
        for word in paragraph.split_whitespace() {
            let at = begins + (word.as_ptr() as usize - paragraph.as_ptr() as usize);
            // How much of the word is shared.
            let shared = parting.map_or(word.len(), |parting| parting.saturating_sub(at).min(word.len()));
            setting.word(word.split_at(shared));
        }
        begins += paragraph.len() + 1;
        setting.end_paragraph();
    }
    setting.finish()
}

/// Lines that are being filled.
struct Setting {
    columns: usize,
    lines: Vec<Line>,
    line: Line,
    /// Whether the sign of the parting has been set.
    is_signed: bool,
}

impl Setting {
    /// Sets a word, of which the first part is shared: on this line, where it fits, else on the next.
    fn word(&mut self, (shared, own): (&str, &str)) {
        let mut parts = vec![(Ink::Plain, shared)];
        if !own.is_empty() && !std::mem::replace(&mut self.is_signed, true) {
            parts.push((Ink::Bold, PARTING));
            // Within a word the sign stands between its letters.
            parts.push((Ink::Own, if shared.is_empty() { " " } else { "" }));
        }
        let begins_shared = !shared.is_empty() || parts.len() > 1;
        parts.push((Ink::Own, own));
        let letters: Vec<(Ink, char)> = parts.iter().flat_map(|(ink, part)| part.chars().map(move |c| (*ink, c))).collect();
        // The sign stays with the letters behind it.
        let glued: String = letters.iter().map(|(_, c)| if matches!(c, ' ' | '‖') { '\u{2060}' } else { *c }).collect();
        let mut space = Some(if begins_shared { Ink::Plain } else { Ink::Own }).filter(|_| self.line.width() > 0);
        let mut begun = 0;
        for end in breaks(&glued) {
            let end = glued[..end].chars().count();
            self.segment(&letters[begun..end], space.take());
            begun = end;
        }
    }

    /// Sets what is not to be broken, behind a space where it stands behind a word.
    fn segment(&mut self, segment: &[(Ink, char)], space: Option<Ink>) {
        let wide: usize = segment.iter().map(|(_, c)| c.width().unwrap_or(0)).sum();
        if self.line.width() + usize::from(space.is_some()) + wide > self.columns && self.line.width() > 0 {
            self.lines.push(std::mem::take(&mut self.line));
        } else if let Some(ink) = space {
            self.line.push(ink, " ");
        }
        for (ink, c) in segment {
            if self.line.width() + c.width().unwrap_or(0) > self.columns {
                self.lines.push(std::mem::take(&mut self.line));
            }
            self.line.push(*ink, c.encode_utf8(&mut [0; 4]));
        }
    }

    /// Ends a line; of blank ones that follow each other one stays.
    fn end_paragraph(&mut self) {
        let line = std::mem::take(&mut self.line);
        if line.width() > 0 || self.lines.last().is_some_and(|last| last.width() > 0) {
            self.lines.push(line);
        }
    }

    fn finish(mut self) -> Vec<Line> {
        while self.lines.last().is_some_and(|last| last.width() == 0) {
            self.lines.pop();
        }
        self.lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str, columns: usize, parting: Option<usize>) -> Vec<String> {
        let lines = wrap(text, columns, parting);
        assert!(lines.iter().all(|line| line.width() <= columns.max(2)), "{lines:?}");
        lines.iter().map(|line| anstream::adapter::strip_str(&line.to_string()).to_string()).collect()
    }

    #[test]
    fn words_fill_lines_and_paragraphs_stay() {
        assert_eq!(plain("there lived a king", 10, None), ["there", "lived a", "king"].map(String::from));
        assert_eq!(plain("\n\na\n\n\n b\nc\n\n", 10, None), ["a", "", "b", "c"]);
        assert_eq!(plain("", 10, None), [""; 0]);
    }

    #[test]
    fn a_word_wider_than_a_line_is_broken() {
        assert_eq!(plain("a Rumpelstiltskin b", 6, None), ["a", "Rumpel", "stilts", "kin b"]);
        assert_eq!(plain("狼と森", 4, None), ["狼と", "森"]);
        assert_eq!(plain("狼と", 1, None), ["狼", "と"]);
        // No line begins with a full stop, and the sign with which stories part ends none.
        assert_eq!(plain("狼と森。中", 6, None), ["狼と", "森。中"]);
        assert_eq!(plain("狼と森の中", 6, Some(6)), ["狼", "と‖森", "の中"]);
        assert_eq!(plain("by the well-known sea", 12, None), ["by the well-", "known sea"]);
    }

    #[test]
    fn the_parting_is_signed_and_stays_with_its_word() {
        let king = "a king had one";
        for parting in [6, 7] {
            assert_eq!(plain(king, 20, Some(parting)), ["a king ‖ had one"]);
            assert_eq!(plain(king, 10, Some(parting)), ["a king", "‖ had one"]);
        }
        assert_eq!(plain("a king", 10, Some(6)), ["a king"]);
        assert_eq!(plain("a king", 10, Some(0)), ["‖ a king"]);
        assert_eq!(plain("a\u{1b}\n\nking", 10, Some(4)), ["a�", "", "‖ king"]);
        let line = &wrap("a b c", 10, Some(1))[0];
        assert_eq!(line.runs().last(), Some((Ink::Own.into(), " b c")));
    }

    #[test]
    fn a_parting_within_a_word_stands_between_its_letters() {
        assert_eq!(plain("古い家があり", 20, Some(6)), ["古い‖家があり"]);
        assert_eq!(plain("a kingdom", 20, Some(6)), ["a king‖dom"]);
        // Within a character it stands before it.
        assert_eq!(plain("古い家", 20, Some(7)), ["古い‖家"]);
    }

    #[test]
    fn hostile_text_moves_no_cursor() {
        assert_eq!(safe("a\u{1b}[31m\tb\r\u{202e}c\u{3000}d\n"), "a�[31m b �c d\n");
    }

    #[test]
    fn the_end_of_a_text_is_what_is_kept() {
        assert_eq!(end_of("Once upon a time", 8), "… a time");
        assert_eq!(end_of("Once\nupon  ", 20), "Once⏎upon··");
        assert_eq!(end_of("狼と森", 4), "…森");
        assert_eq!(end_of("Rumpelstiltskin", 8), "…iltskin");
        assert_eq!(end_of("her brother counted the bell", 22), "… counted the bell");
    }
}
