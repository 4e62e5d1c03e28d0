//! A line for the terminal: runs of text, each in its style.
//!
//! Here texts meet styles, and nowhere else should they: a run is made harmless as it is added, so what a file says of itself
//! cannot colour, move or retitle anything, and a line break in a name does not break the line.

use std::fmt;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

use crate::cli::render::terminal::{BOLD, DIM, ERROR, HINT};
use crate::text::sanitize;

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
    /// The name of what went wrong.
    Error,
    /// The name of what helps.
    Hint,
}

impl From<Ink> for Style {
    fn from(ink: Ink) -> Self {
        match ink {
            Ink::Plain => Self::new(),
            Ink::Own => AnsiColor::Cyan.on_default(),
            Ink::Dim => DIM,
            Ink::Bold => BOLD,
            Ink::Error => ERROR,
            Ink::Hint => HINT,
        }
    }
}

/// A line: runs of text, each in its style.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    runs: Vec<(Style, String)>,
    width: usize,
}

impl Line {
    /// A line of one run.
    pub fn of(style: impl Into<Style>, text: &str) -> Self {
        Self::default().and(style, text)
    }

    /// The line with a run more.
    pub fn and(mut self, style: impl Into<Style>, text: &str) -> Self {
        self.push(style, text);
        self
    }

    /// Adds a run, harmless and on one line.
    pub fn push(&mut self, style: impl Into<Style>, text: &str) {
        let (style, text) = (style.into(), sanitize(text).replace(['\n', '\t'], " "));
        self.width += text.width();
        match self.runs.last_mut() {
            Some((last, run)) if *last == style => run.push_str(&text),
            _ => self.runs.push((style, text)),
        }
    }

    /// Its width in columns.
    pub fn width(&self) -> usize {
        self.width
    }

    /// The runs, each with its style.
    pub fn runs(&self) -> impl Iterator<Item = (Style, &str)> {
        self.runs.iter().map(|(style, text)| (*style, text.as_str()))
    }

    /// The line in one style.
    pub fn inked(self, style: impl Into<Style>) -> Self {
        let text: String = self.runs.into_iter().map(|(_, run)| run).collect();
        Self::of(style, &text)
    }
}

/// With its styles, as a stream that knows colours wants it.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (style, run) in self.runs() {
            write!(f, "{style}{run}{style:#}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_brings_no_style_and_no_line_break_of_its_own() {
        let line = Line::of(Ink::Bold, "a\u{1b}[31m\nb\u{202e}").and(Ink::Plain, "\tc\u{7}");
        assert_eq!(line.to_string(), "\u{1b}[1ma�[31m b�\u{1b}[0m c�");
        assert_eq!(line.width(), "a�[31m b� c�".width());
        assert_eq!(line.inked(Ink::Plain).to_string(), "a�[31m b� c�");
    }
}
