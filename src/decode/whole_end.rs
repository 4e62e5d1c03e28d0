//! The end of a story at the end of a sentence or a paragraph: what may be the end is held back until it is known whether it is.

use crate::sampler::{SentenceCounter, TextUnit};

/// Watches a text for the ends of a unit, and lets nothing pass behind one before the next unit has begun.
///
/// Of a sentence it is known one character late whether it has ended: `3.` may become `3.14`, and `"Stop!"` be followed by `she said`.
/// White space behind an end belongs to what comes next. So a text that is cut here ends with its last mark, quote or bracket.
#[derive(Debug)]
pub(super) struct WholeEnd {
    unit: TextUnit,
    counter: SentenceCounter,
    /// What nobody has heard yet: the mark of an end and what stands behind it, or white space that a line break may follow.
    held: String,
    end: Option<End>,
}

/// An end of a unit.
#[derive(Debug, Clone, Copy)]
struct End {
    /// Bytes of the held text up to it.
    at: usize,
    /// Whether nothing can take it back.
    is_certain: bool,
}

impl WholeEnd {
    /// Of a text that goes on behind this one.
    pub fn behind(before: &str, unit: TextUnit) -> Self {
        let mut counter = SentenceCounter::default();
        before.chars().for_each(|c| counter.hear(c));
        Self { unit, counter, held: String::new(), end: None }
    }

    pub fn unit(&self) -> TextUnit {
        self.unit
    }

    /// Bytes that are held back.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Takes in the next text; returns what may appear of it and of what was held back. Where the text `may_end`, it does at the first
    /// end that is certain: then the second value is true, what follows is dropped, and nothing more is to be pushed.
    pub fn push(&mut self, text: &str, may_end: bool) -> (String, bool) {
        let mut passed = String::new();
        if self.ends(may_end) {
            return (self.end_here().unwrap_or_default(), true);
        }
        for c in text.chars() {
            self.hear(c);
            if self.ends(may_end) {
                passed.push_str(&self.end_here().unwrap_or_default());
                return (passed, true);
            }
            self.pass(&mut passed);
        }
        (passed, false)
    }

    /// The text up to the end behind which nothing but white space and closing signs has come, certain or not; what stands behind it is
    /// dropped. Nothing where the text stands within a unit.
    pub fn end_here(&mut self) -> Option<String> {
        let end = self.end.take()?;
        let mut held = std::mem::take(&mut self.held);
        held.truncate(end.at);
        Some(held)
    }

    /// All that is held back.
    pub fn give_up(&mut self) -> String {
        self.end = None;
        std::mem::take(&mut self.held)
    }

    fn ends(&self, may_end: bool) -> bool {
        may_end && self.end.is_some_and(|end| end.is_certain)
    }

    /// Lets appear what stands before any end, and all where a certain one is passed by.
    fn pass(&mut self, passed: &mut String) {
        let keeps = match self.end {
            // White space behind a certain end still belongs to none.
            Some(end) => !end.is_certain || self.held[end.at..].chars().all(char::is_whitespace),
            // So does white space that a line break may follow.
            None => self.held.chars().all(char::is_whitespace),
        };
        if !keeps {
            passed.push_str(&self.give_up());
        }
    }

    fn hear(&mut self, c: char) {
        let before = self.counter.counts();
        self.counter.hear(c);
        let after = self.counter.counts();
        let blank = self.held.trim_end().len();
        self.held.push(c);
        let (over, taken_back) = match self.unit {
            TextUnit::Sentence => (after.0 > before.0, after.0 < before.0),
            TextUnit::Paragraph => (after.1 > before.1, false),
        };
        let is_break = c == '\n';
        if taken_back {
            self.end = None;
        } else if over {
            // A line break stands behind what it ends.
            let at = if is_break { blank } else { self.held.len() };
            self.end = Some(End { at, is_certain: is_break });
        } else if let Some(end) = &mut self.end {
            if end.at + c.len_utf8() == self.held.len() && !end.is_certain && SentenceCounter::belongs_to_end(c) {
                end.at = self.held.len();
            }
            end.is_certain |= is_break || c.is_alphanumeric();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text that appears of these pieces, where the story may end from this piece on; and whether it ended whole. At the end of the
    /// pieces it has to end.
    fn told(unit: TextUnit, before: &str, pieces: &[&str], from: usize) -> (String, bool) {
        let mut whole = WholeEnd::behind(before, unit);
        let mut text = String::new();
        for (at, piece) in pieces.iter().enumerate() {
            let (passed, ended) = whole.push(piece, at >= from);
            text += &passed;
            if ended {
                return (text, true);
            }
        }
        match whole.end_here() {
            Some(rest) => (text + &rest, true),
            None => (text + &whole.give_up(), false),
        }
    }

    #[test]
    fn a_text_ends_at_the_whole_sentence_with_nothing_behind_it() {
        for (pieces, from, text) in [
            (&[" The fox", " ran", ".", " He", " hid", "."][..], 1, Some(" The fox ran.")),
            // One that ended before is passed by.
            (&[" The fox", " ran", ".", " He", " hid", ".", " It"], 4, Some(" The fox ran. He hid.")),
            // The end that the last token shows is still one.
            (&[" The fox", " ran", ".", " He"], 3, Some(" The fox ran.")),
            (&[" He paid 3", ".", "14", " pounds", ".\n\n", "She"], 0, Some(" He paid 3.14 pounds.")),
            (&[" \"Stop", "!\"", " she", " said", ".", " He"], 0, Some(" \"Stop!\" she said.")),
            (&[" \"Stop", "!", "\"", " He", " ran"], 0, Some(" \"Stop!\"")),
            (&[" So it ended", ".)", "  \n", "X"], 0, Some(" So it ended.)")),
            (&[" Mr", ".", " Fox", " ran", "...", " \"Why"], 0, Some(" Mr. Fox ran...")),
            (&[" a heading", " \n", "Text"], 0, Some(" a heading")),
            (&["狐が走った", "。", "」", "と", "森"], 0, Some("狐が走った。」")),
            (&["狐が走った", "。", "「", "森"], 0, Some("狐が走った。")),
            // Behind a line break, blank lines or white space the next sentence is not begun.
            (&[" He hid", ".\n", "\n", "She"], 1, Some(" He hid.")),
            (&[" He hid", ".\n", "\n", "She"], 2, Some(" He hid.")),
            (&[" He hid", ".\n", "\n", "She"], 3, Some(" He hid.")),
            (&[" He hid", ".", " ", "She", " hid"], 3, Some(" He hid.")),
            (&[" He hid", ".\n", "She", " ran"], 3, None),
        ] {
            let (found, whole) = told(TextUnit::Sentence, "", pieces, from);
            assert_eq!((found, whole), (text.map_or(pieces.concat(), str::to_owned), text.is_some()), "{pieces:?}, {from}");
        }
    }

    #[test]
    fn a_paragraph_ends_at_its_line_break_which_is_not_told() {
        for (pieces, from, text) in [
            (&["One", ". Two", ".", " \n", "\n", "Three"][..], 0, Some("One. Two.")),
            (&["One.\n\nTwo", ". Three", ".\n", "Four"], 1, Some("One.\n\nTwo. Three.")),
            (&["One.", "\n", "\n", "Two"], 2, Some("One.")),
            (&["* * *\n", "One", " two"], 0, None),
        ] {
            let (found, whole) = told(TextUnit::Paragraph, "", pieces, from);
            assert_eq!((found, whole), (text.map_or(pieces.concat(), str::to_owned), text.is_some()), "{pieces:?}, {from}");
        }
    }

    #[test]
    fn the_sentence_that_the_prompt_began_is_one() {
        assert_eq!(told(TextUnit::Sentence, "He met Mr", &[".", " Fox", ".", " It"], 0), (". Fox.".to_owned(), true));
        assert_eq!(told(TextUnit::Sentence, "The fox", &[".", " It"], 0), (".".to_owned(), true));
        assert_eq!(told(TextUnit::Paragraph, "The fox", &[".\n", "It"], 0), (".".to_owned(), true));
    }

    #[test]
    fn nothing_is_lost_where_nothing_ends() {
        for text in ["a. b! C? \"D.\" e\n\n f… G) 3.14 。「x」", "  \n \n", "... .\n! \n", ""] {
            for unit in [TextUnit::Sentence, TextUnit::Paragraph] {
                let mut whole = WholeEnd::behind("", unit);
                let mut passed: String = text.chars().map(|c| whole.push(&c.to_string(), false).0).collect();
                passed += &whole.give_up();
                assert_eq!(passed, text);
            }
        }
    }
}
