//! A story set in lines, with each character's token.

use std::ops::Range;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::cli::render::flow::breaks;
use crate::text::visible;

/// A text that can be shown, and where each of its tokens ends in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Legible {
    pub text: String,
    /// Bytes of `text`, one for each token; what is empty is a part of a character that began before it.
    pub ends: Vec<usize>,
}

impl Legible {
    /// The text of tokens, each with its bytes: a character that several of them spell is the first one's.
    pub fn of<'a>(tokens: impl Iterator<Item = &'a [u8]>) -> Self {
        let (mut bytes, mut ends) = (Vec::new(), Vec::new());
        for token in tokens {
            bytes.extend_from_slice(token);
            ends.push(bytes.len());
        }
        let (mut text, mut read, mut told) = (String::new(), 0, 0);
        let mut shown = vec![0; ends.len()];
        // Every token that ends before this byte ends here in the text.
        let mut pass = |byte: usize, text: &str| {
            while told < ends.len() && ends[told] <= byte {
                shown[told] = text.len();
                told += 1;
            }
        };
        for chunk in bytes.utf8_chunks() {
            for c in chunk.valid().chars() {
                pass(read, &text);
                text.push(c);
                read += c.len_utf8();
            }
            if !chunk.invalid().is_empty() {
                pass(read, &text);
                text.push(char::REPLACEMENT_CHARACTER);
                read += chunk.invalid().len();
            }
        }
        pass(read, &text);
        Self { text, ends: shown }
    }

    /// Where a token stands, in bytes.
    pub fn range(&self, token: usize) -> Range<usize> {
        let end = self.ends.get(token).copied().unwrap_or(self.text.len());
        let start = token.checked_sub(1).map_or(0, |before| self.ends.get(before).copied().unwrap_or(end));
        start..end
    }

    /// The token that a byte is of.
    fn token(&self, byte: usize) -> usize {
        self.ends.partition_point(|end| *end <= byte)
    }
}

/// A run of characters of one token, on one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub token: usize,
    /// Where it stands in the text, in bytes.
    pub at: usize,
    /// Harmless, and on one line; empty for a line break.
    pub text: String,
    /// The column in which it begins.
    pub column: usize,
}

/// A text in lines of at most `columns` ≥ 2 columns. Nothing of it is left out but spaces over the edge; a word that is wider than a line is
/// broken.
pub fn set(legible: &Legible, columns: usize) -> Vec<Vec<Run>> {
    let mut setting = Setting { legible, columns: columns.max(2), lines: vec![Vec::new()], column: 0 };
    let mut at = 0;
    for paragraph in legible.text.split('\n') {
        if at > 0 {
            setting.run(at - 1, "");
            setting.end_line();
        }
        setting.paragraph(at, paragraph);
        at += paragraph.len() + 1;
    }
    setting.lines
}

struct Setting<'l> {
    legible: &'l Legible,
    columns: usize,
    lines: Vec<Vec<Run>>,
    column: usize,
}

impl Setting<'_> {
    fn paragraph(&mut self, begins: usize, paragraph: &str) {
        let mut from = 0;
        for end in breaks(paragraph) {
            let word = &paragraph[from..end];
            if self.column > 0 && self.column + word.trim_end().width() > self.columns {
                self.end_line();
            }
            for (at, letter) in word.grapheme_indices(true) {
                self.letter(begins + from + at, letter);
            }
            from = end;
        }
    }

    fn letter(&mut self, at: usize, letter: &str) {
        let is_blank = letter.chars().all(char::is_whitespace);
        let shown = if is_blank { " ".to_owned() } else { visible(letter) };
        let wide = shown.width();
        if self.column + wide > self.columns {
            if is_blank {
                return;
            }
            self.end_line();
        }
        self.run(at, &shown);
        self.column += wide;
    }

    /// Adds to the last run, if that is of the same token.
    fn run(&mut self, at: usize, text: &str) {
        let token = self.legible.token(at);
        let Some(line) = self.lines.last_mut() else { return };
        match line.last_mut() {
            Some(last) if last.token == token && !text.is_empty() => last.text.push_str(text),
            _ => line.push(Run { token, at, text: text.to_owned(), column: self.column }),
        }
    }

    fn end_line(&mut self) {
        self.lines.push(Vec::new());
        self.column = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn legible(tokens: &[&[u8]]) -> Legible {
        Legible::of(tokens.iter().copied())
    }

    fn plain(text: &str, columns: usize) -> Vec<String> {
        let legible = Legible { text: text.to_owned(), ends: vec![text.len()] };
        let lines = set(&legible, columns);
        lines.iter().map(|line| line.iter().map(|run| run.text.as_str()).collect()).collect()
    }

    #[test]
    fn a_character_of_several_tokens_is_the_first_ones() {
        let wolf = "狼".as_bytes();
        let story = legible(&[b"a ", &wolf[..1], &wolf[1..], b" b"]);
        assert_eq!((story.text.as_str(), story.ends.as_slice()), ("a 狼 b", &[2, 5, 5, 7][..]));
        assert_eq!([story.range(1), story.range(2), story.range(3), story.range(9)], [2..5, 5..5, 5..7, 7..7]);
        // One that never ends is a sign, and so is what is none.
        assert_eq!(legible(&[b"a", &wolf[..2]]), Legible { text: "a\u{fffd}".into(), ends: vec![1, 4] });
        assert_eq!(legible(&[b"\xff", b"", b"b"]), Legible { text: "\u{fffd}b".into(), ends: vec![3, 3, 4] });
    }

    #[test]
    fn every_character_is_set_with_its_token() {
        let lines = set(&legible(&[b"once ", b"upon", b" a\n", b"time"]), 9);
        let runs: Vec<Vec<(usize, &str, usize)>> =
            lines.iter().map(|line| line.iter().map(|run| (run.token, run.text.as_str(), run.column)).collect()).collect();
        assert_eq!(runs, [vec![(0, "once ", 0), (1, "upon", 5)], vec![(2, "a", 0), (2, "", 1)], vec![(3, "time", 0)]]);
    }

    #[test]
    fn lines_are_filled_and_blank_ones_stay() {
        assert_eq!(plain("there lived a king", 10), ["there ", "lived a ", "king"]);
        assert_eq!(plain("a\n\n b", 10), ["a", "", " b"]);
        assert_eq!(plain("Rumpelstiltskin", 6), ["Rumpel", "stilts", "kin"]);
        assert_eq!(plain("狼と森", 5), ["狼と", "森"]);
        assert_eq!(plain("", 5), [""]);
        assert_eq!(plain("a\u{1b}[2J\tb\u{202e}", 20), ["a�[2J b�"]);
    }

    #[test]
    fn no_line_is_wider_than_its_columns() {
        let text = "狼と森 there lived a Rumpelstiltskin\n\nwho \u{1b}[2J had   👩‍👩‍👧 e\u{301}".repeat(5);
        for columns in 2..40 {
            for line in plain(&text, columns) {
                assert!(line.width() <= columns, "{columns}: {line:?}");
            }
        }
    }
}
