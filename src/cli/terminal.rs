//! Where output goes and how it looks: colours, widths, errors.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use anstream::ColorChoice;
use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::args::Colour;

/// For errors and warnings.
pub const ERROR: Style = AnsiColor::Red.on_default().bold();
/// For warnings.
pub const WARNING: Style = AnsiColor::Yellow.on_default().bold();
/// For what helps.
pub const HINT: Style = AnsiColor::Cyan.on_default();
/// For what stands back.
pub const DIM: Style = Style::new().dimmed();
/// For what stands out.
pub const BOLD: Style = Style::new().bold();

/// The two streams of the program.
#[derive(Debug)]
pub struct Terminal {
    colour: ColorChoice,
    quiet: bool,
    /// Whether the story goes to the terminal.
    pub shows_story: bool,
    /// Columns of the terminal; 80 where there is none.
    pub width: usize,
}

impl Terminal {
    /// Colours as asked for; with `quiet`, [`Terminal::note`] is silent.
    pub fn new(colour: Colour, quiet: bool) -> Self {
        let colour = match colour {
            Colour::Auto => ColorChoice::Auto,
            Colour::Always => ColorChoice::Always,
            Colour::Never => ColorChoice::Never,
        };
        // Errors of clap and lines of indicatif follow the same choice.
        colour.write_global();
        let width = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0)).max(20);
        Self { colour, quiet, shows_story: io::stdout().is_terminal(), width }
    }

    /// Standard output; styles are left out where they are not wanted.
    pub fn out(&self) -> impl Write + use<> {
        anstream::AutoStream::new(io::stdout(), self.colour)
    }

    /// A line on standard error about what is going on; not with `--quiet`.
    pub fn note(&self, text: impl Display) {
        if !self.quiet {
            self.err(format_args!("{DIM}{text}{DIM:#}"));
        }
    }

    /// A line on standard error.
    pub fn err(&self, text: impl Display) {
        // Nobody is left to be told that this failed.
        let _ = writeln!(anstream::AutoStream::new(io::stderr(), self.colour), "{text}");
    }

    /// An error from the outside in: the deed, the cause, then `hint:` lines.
    pub fn error(&self, error: &anyhow::Error) {
        self.report("error", ERROR, &format!("{error:#}"));
    }

    /// Something that is allowed, but surely not meant.
    pub fn warning(&self, text: &str) {
        self.report("warning", WARNING, text);
    }

    fn report(&self, kind: &str, style: Style, text: &str) {
        let mut lines = text.lines();
        self.err(format_args!("{style}{kind}{style:#}: {}", lines.next().unwrap_or_default()));
        for line in lines {
            match line.strip_prefix("hint: ") {
                Some(hint) => self.err(format_args!("{HINT}hint{HINT:#}: {hint}")),
                None => self.err(line),
            }
        }
    }

    /// Whether progress can be drawn on standard error without disturbing the story on standard output.
    pub fn draws_progress(&self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }
}

/// A text in exactly so many columns: cut with `…` or filled with spaces.
pub fn fit(text: &str, columns: usize) -> String {
    let width = text.width();
    if width <= columns {
        return format!("{text}{}", " ".repeat(columns - width));
    }
    let mut fitted = String::new();
    let mut used = 0;
    for c in text.chars() {
        let more = c.width().unwrap_or(0);
        if used + more + 1 > columns {
            break;
        }
        fitted.push(c);
        used += more;
    }
    fitted.push('…');
    format!("{fitted}{}", " ".repeat(columns.saturating_sub(used + 1)))
}

/// The piece of a token on one line: white space and control characters become visible signs.
pub fn visible(piece: &str) -> String {
    let sign = |c: char| match c {
        ' ' => '·',
        '\n' => '⏎',
        '\t' => '⇥',
        '\r' => '␍',
        c if c.is_control() || ('\u{200e}'..='\u{200f}').contains(&c) || ('\u{202a}'..='\u{202e}').contains(&c) => '�',
        c => c,
    };
    piece.chars().map(sign).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fitted_text_has_its_width() {
        assert_eq!(fit("abc", 5), "abc  ");
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!(fit("狼と森", 5), "狼と…");
        assert_eq!(fit("狼と森", 4), "狼… ");
    }

    #[test]
    fn white_space_and_hostile_characters_are_visible() {
        assert_eq!(visible(" a\nb\u{1b}[31m\u{202e}"), "·a⏎b�[31m�");
    }
}
