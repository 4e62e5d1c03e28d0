//! A mistake in a file of TOML, such as a preset: what is wrong, where, and what was perhaps meant.

use std::fmt;
use std::ops::Range;

use crate::text::{EXCERPT, excerpt, sanitize};

/// What is wrong in a text, and in which bytes of it. A fault becomes a [`Mistake`] where the name of the file is known.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Fault {
    pub span: Option<Range<usize>>,
    pub cause: String,
    pub hint: Option<String>,
}

/// A mistake in a file of TOML, such as a preset. It displays as one sentence, the line with a mark under the place, and a hint where one is known.
#[derive(Debug, Clone, PartialEq)]
pub struct Mistake {
    /// What the file is.
    what: &'static str,
    file: String,
    place: Option<ShownLine>,
    cause: String,
    hint: Option<String>,
}

/// A place in a file, for people: lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq)]
struct ShownLine {
    line: usize,
    column: usize,
    /// The line as it is shown, and where in it the mark stands: its start and its width in characters.
    shown: String,
    mark: (usize, usize),
}

impl Fault {
    /// A fault without a place.
    pub fn new(cause: impl Into<String>) -> Self {
        Self { span: None, cause: cause.into(), hint: None }
    }

    /// A fault in these bytes.
    pub fn at(span: Range<usize>, cause: impl Into<String>) -> Self {
        Self { span: Some(span), ..Self::new(cause) }
    }

    /// The same fault with a hint.
    pub fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }

    /// A text that is not TOML. The messages of the parser that people meet most are said more plainly.
    pub fn of_syntax(error: &toml::de::Error, text: &str) -> Self {
        let span = error.span().unwrap_or_default();
        let (before, from) = text.split_at_checked(span.start).unwrap_or_default();
        let source = text.get(span.clone()).unwrap_or_default();
        let digit_before = before.ends_with(|c: char| c.is_ascii_digit());
        let message = error.message();
        let plain = |cause: &str| Self::at(span.clone(), cause);
        if before.trim().is_empty() && from.starts_with('{') {
            plain("it is JSON, and a preset is TOML")
        } else if message == "duplicate key" {
            let fault = plain(&format!("the key `{}` is written twice", excerpt(source, EXCERPT)));
            if super::vocabulary::is_stage(source) { fault.hint("each stage has a `[[chain]]` of its own") } else { fault }
        } else if from.starts_with(',') && digit_before {
            plain("a comma in a number").hint("a fraction is written with a point: `0.5`")
        } else if from.starts_with('.') && !digit_before {
            plain("a number that begins with its point").hint("write a digit before it: `0.5`")
        } else if message.starts_with("string values must be quoted") && source.is_empty() {
            plain("there is no value behind `=`")
        } else if message.starts_with("string values must be quoted") {
            plain("a word without quotes").hint(format!("write `\"{}\"`", excerpt(source, EXCERPT)))
        } else if message.starts_with("invalid basic string") && matches!(from.chars().next(), None | Some('\n' | '\r')) {
            plain("the string has no quote at its end")
        } else if let (true, Some(c)) =
            (message.starts_with("invalid basic string"), from.chars().next().filter(|c| c.is_control()))
        {
            plain("a control character in a string").hint(format!("write it as `\\u{:04X}`", u32::from(c)))
        } else {
            plain(message)
        }
    }

    /// A chain that cannot be.
    pub fn of_chain(error: &anyhow::Error) -> Self {
        let text = error.to_string();
        match text.split_once("\nhint: ") {
            Some((cause, hint)) => Self::new(cause).hint(hint),
            None => Self::new(text),
        }
    }
}

impl Mistake {
    /// A fault in the text of this file.
    pub(crate) fn new(file: &str, text: &str, fault: Fault) -> Self {
        let Fault { span, cause, hint } = fault;
        let place = span.map(|span| ShownLine::of(&span, text));
        Self { what: "preset", file: tame(file), place, cause: tame(&cause), hint: hint.as_deref().map(tame) }
    }

    /// The same in another kind of file.
    pub(crate) fn of(self, what: &'static str) -> Self {
        Self { what, ..self }
    }

    /// A file whose text is not there to be shown.
    pub(super) fn unread(file: &str, fault: Fault) -> Self {
        Self::new(file, "", Fault { span: None, ..fault })
    }
}

/// A text for the terminal: a key may hold an escape sequence, and must not reach it as one, nor begin a line of its own.
fn tame(text: &str) -> String {
    sanitize(text).replace(['\n', '\t'], "\u{fffd}")
}

impl ShownLine {
    /// Lines of more than this many characters are shown in part.
    const WIDEST: usize = 120;

    fn of(span: &Range<usize>, text: &str) -> Self {
        let border = |at: usize| (0..=at.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        let (start, end) = (border(span.start), border(span.end.max(span.start)));
        let first = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line: &str = text[first..].lines().next().unwrap_or_default();
        let column = text[first..start].chars().count();
        let width = text[start..end].lines().next().unwrap_or_default().chars().count().max(1);
        // Nor may a tab move the cursor, or the mark would stand elsewhere.
        let blank = |c: char| if c.is_control() { ' ' } else { c };
        let characters: Vec<char> = sanitize(&line.chars().map(blank).collect::<String>()).replace('\n', " ").chars().collect();
        let skipped = if characters.len() > Self::WIDEST { column.saturating_sub(Self::WIDEST / 2) } else { 0 };
        let shown: String = characters.iter().skip(skipped).take(Self::WIDEST).collect();
        let room = Self::WIDEST.saturating_sub(column - skipped).max(1);
        let number = text[..start].matches('\n').count() + 1;
        Self { line: number, column: column + 1, shown, mark: (column - skipped, width.min(room)) }
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot read the {} `{}`", self.what, self.file)?;
        if let Some(ShownLine { line, column, .. }) = &self.place {
            write!(f, ", line {line}, column {column}")?;
        }
        write!(f, ": {}", self.cause)?;
        if let Some(ShownLine { line, shown, mark: (start, width), .. }) = &self.place {
            let number = line.to_string();
            let gutter = " ".repeat(number.len());
            write!(f, "\n  {number} | {shown}\n  {gutter} | {}{}", " ".repeat(*start), "^".repeat(*width))?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\nhint: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistake {}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, span: Range<usize>) -> String {
        Mistake::new("my.toml", text, Fault::at(span, "so")).to_string()
    }

    #[test]
    fn the_mark_stands_under_the_place() {
        assert_eq!(
            shown("a = 1\nbc = 2\n", 6..8),
            "cannot read the preset `my.toml`, line 2, column 1: so\n  2 | bc = 2\n    | ^^"
        );
        assert_eq!(shown("α = 1", 5..6), "cannot read the preset `my.toml`, line 1, column 5: so\n  1 | α = 1\n    |     ^");
    }

    #[test]
    fn a_place_behind_the_end_is_marked_once() {
        assert!(shown("a =", 3..3).ends_with("  1 | a =\n    |    ^"));
        assert!(shown("", 0..0).ends_with("  1 | \n    | ^"));
    }

    #[test]
    fn nothing_of_a_file_turns_the_terminal_or_fills_it() {
        let turned =
            Mistake::new("m\u{202e}y.toml", "a = \u{202e}1", Fault::at(4..5, "unknown key `\u{2066}a\nb`")).to_string();
        assert!(!turned.contains(['\u{202e}', '\u{2066}']) && turned.lines().count() == 3, "{turned}");
        let long = super::super::overlay::read(&format!("{} = 1", "a".repeat(70_000))).unwrap_err();
        assert!(long.cause.chars().count() < 120, "{long:?}");
    }

    #[test]
    fn control_characters_and_windows_line_ends_do_not_reach_the_terminal() {
        let key = Mistake::new("my.toml", "", Fault::new("unknown key `\u{1b}[2J`")).to_string();
        assert_eq!(key, "cannot read the preset `my.toml`: unknown key `\u{fffd}[2J`");
        assert!(shown("\ta = \u{1b}[2J\r\nb = 1", 5..6).ends_with("  1 |  a =  [2J\n    |      ^"));
    }

    #[test]
    fn a_mark_over_several_lines_ends_with_the_first() {
        assert!(shown("a = [\n1,\n2]", 4..11).ends_with("  1 | a = [\n    |     ^"));
    }

    #[test]
    fn a_long_line_is_shown_in_part() {
        let text = format!("{} = 1", "a".repeat(500));
        let message = shown(&text, 503..504);
        assert!(message.contains("column 504"));
        assert!(message.lines().all(|line| line.chars().count() < 140), "{message}");
        assert!(message.ends_with(&format!("| {} = 1\n    | {}^", "a".repeat(57), " ".repeat(60))));
    }
}
