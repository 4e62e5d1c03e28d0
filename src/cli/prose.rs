//! Stories as people read them in a terminal: words, lines of a width, and where two stories part.

use std::fmt;

use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::terminal::{BOLD, DIM};
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
    format!("…{}", &line[from..])
}

/// How many words two texts have in common before the first one that differs or is not there; `None` where none differs.
pub fn parting(one: &str, other: &str) -> Option<usize> {
    let (mut one, mut other) = (one.split_whitespace(), other.split_whitespace());
    let mut common = 0;
    loop {
        match (one.next(), other.next()) {
            (None, None) => return None,
            (this, that) if this == that => common += 1,
            _ => return Some(common),
        }
    }
}

/// How a run of text is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ink {
    /// As it is.
    Plain,
    /// What a story has for itself.
    Own,
    /// What stands back.
    Dim,
    /// A heading.
    Bold,
}

impl Ink {
    fn style(self) -> Style {
        match self {
            Self::Plain => Style::new(),
            Self::Own => AnsiColor::Cyan.on_default(),
            Self::Dim => DIM,
            Self::Bold => BOLD,
        }
    }
}

/// A line: runs of text, each in its ink.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    runs: Vec<(Ink, String)>,
    width: usize,
}

impl Line {
    /// A line of one run.
    pub fn of(ink: Ink, text: &str) -> Self {
        let mut line = Self::default();
        line.push(ink, text);
        line
    }

    /// Its width in columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The line in one ink.
    pub fn inked(self, ink: Ink) -> Self {
        let text: String = self.runs.into_iter().map(|(_, run)| run).collect();
        Self::of(ink, &text)
    }

    fn push(&mut self, ink: Ink, text: &str) {
        self.width += text.width();
        match self.runs.last_mut() {
            Some((last, run)) if *last == ink => run.push_str(text),
            _ => self.runs.push((ink, text.to_string())),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (ink, run) in &self.runs {
            let style = ink.style();
            write!(f, "{style}{run}{style:#}")?;
        }
        Ok(())
    }
}

/// A text in lines of at most `columns` ≥ 2 columns. Its line breaks and single blank lines stay; a word wider than a line is
/// broken. The words from `parting` on are in their own ink, with a sign before the first.
pub fn wrap(text: &str, columns: usize, parting: Option<usize>) -> Vec<Line> {
    let columns = columns.max(2);
    let mut lines: Vec<Line> = Vec::new();
    let mut count = 0;
    for paragraph in safe(text).lines() {
        let mut line = Line::default();
        for word in paragraph.split_whitespace() {
            let sign = if parting == Some(count) { PARTING.width() + 1 } else { 0 };
            let ink = if parting.is_some_and(|parting| count >= parting) { Ink::Own } else { Ink::Plain };
            count += 1;
            let space = usize::from(line.width > 0);
            if line.width + space + sign + word.width() > columns && line.width > 0 {
                lines.push(std::mem::take(&mut line));
            }
            if line.width > 0 {
                line.push(if sign > 0 { Ink::Plain } else { ink }, " ");
            }
            if sign > 0 {
                line.push(Ink::Bold, PARTING);
                line.push(ink, " ");
            }
            for c in word.chars() {
                if line.width + c.width().unwrap_or(0) > columns {
                    lines.push(std::mem::take(&mut line));
                }
                line.push(ink, c.encode_utf8(&mut [0; 4]));
            }
        }
        let blank = line.width == 0;
        if !blank || lines.last().is_some_and(|last| last.width > 0) {
            lines.push(line);
        }
    }
    while lines.last().is_some_and(|last| last.width == 0) {
        lines.pop();
    }
    lines
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
    fn stories_part_at_the_first_word_that_differs() {
        for (one, other, at) in [
            ("a king had", "a king had", None),
            ("a king had", " a\nking  had ", None),
            ("a king had", "a queen had", Some(1)),
            ("a king had", "a king", Some(2)),
            ("a king", "a king had", Some(2)),
            ("", "a", Some(0)),
            ("", "", None),
        ] {
            assert_eq!(parting(one, other), at, "{one:?} {other:?}");
        }
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
    }

    #[test]
    fn the_parting_is_signed_and_stays_with_its_word() {
        assert_eq!(plain("a king had one", 20, Some(2)), ["a king ‖ had one"]);
        assert_eq!(plain("a king had one", 10, Some(2)), ["a king", "‖ had one"]);
        assert_eq!(plain("a king", 10, Some(2)), ["a king"]);
        let line = &wrap("a b", 10, Some(1))[0];
        assert_eq!(line.runs.last(), Some(&(Ink::Own, " b".to_string())));
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
    }
}
