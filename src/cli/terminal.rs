//! Where output goes and how it looks: colours, widths, errors.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use anstream::ColorChoice;
use anstyle::{AnsiColor, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::args::Colour;
use crate::files::words;

/// For errors.
pub const ERROR: Style = AnsiColor::Red.on_default().bold();
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
            Colour::Auto | Colour::By(_) => ColorChoice::Auto,
            Colour::Always => ColorChoice::Always,
            Colour::Never => ColorChoice::Never,
        };
        // Errors of clap and lines of indicatif follow the same choice.
        colour.write_global();
        let width = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0)).max(20);
        Self { colour, quiet, shows_story: io::stdout().is_terminal(), width }
    }

    /// The same without notes.
    pub fn silent(&self) -> Self {
        Self { quiet: true, ..*self }
    }

    /// Standard output; styles are left out where they are not wanted.
    pub fn out(&self) -> impl Write + use<> {
        Out(anstream::AutoStream::new(io::stdout(), self.colour))
    }

    /// Standard output for text that was not written here. Into a file or a pipe it goes as it is, to the last byte; on a
    /// terminal, control characters that could move its cursor or change its settings become `�`.
    pub fn story(&self) -> impl FnMut(&str) -> io::Result<()> + use<> {
        let (mut out, shown) = (Out(io::stdout()), self.shows_story);
        move |text| {
            let moves = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
            if shown && text.contains(moves) {
                out.write_all(text.replace(moves, "\u{fffd}").as_bytes())?;
            } else {
                out.write_all(text.as_bytes())?;
            }
            out.flush()
        }
    }

    /// The style for standard output, or none where styles are not wanted there.
    pub fn style(&self, style: Style) -> Style {
        if self.colours_out() { style } else { Style::new() }
    }

    /// Whether styles are wanted on standard output.
    pub fn colours_out(&self) -> bool {
        anstream::AutoStream::new(io::stdout(), self.colour).current_choice() != ColorChoice::Never
    }

    /// As [`Terminal::note`], for a line that has its own colours.
    pub fn note_in_colour(&self, text: impl Display) {
        if !self.quiet {
            self.err(text);
        }
    }

    /// A line on standard error about what is going on; not with `--quiet`.
    pub fn note(&self, text: impl Display) {
        if !self.quiet {
            self.err(format_args!("{DIM}{text}{DIM:#}"));
        }
    }

    /// A part of a text that was not written here and is not the story, on standard error.
    pub fn aside(&self, text: &str) {
        let text = text.replace(|c: char| c.is_control() && !matches!(c, '\n' | '\t'), "\u{fffd}");
        // As with a line there.
        let _ = write!(anstream::AutoStream::new(io::stderr(), self.colour), "{DIM}{text}{DIM:#}");
    }

    /// A line on standard error.
    pub fn err(&self, text: impl Display) {
        // Nobody is left to be told that this failed.
        let _ = writeln!(anstream::AutoStream::new(io::stderr(), self.colour), "{text}");
    }

    /// An error from the outside in: the deed, the cause, then `hint:` lines.
    pub fn error(&self, error: &anyhow::Error) {
        let causes = error.chain().map(|cause| cause.downcast_ref().map_or_else(|| cause.to_string(), words));
        let text = causes.collect::<Vec<_>>().join(": ");
        let mut lines = text.lines();
        self.err(format_args!("{ERROR}error{ERROR:#}: {}", lines.next().unwrap_or_default()));
        for line in lines {
            match line.strip_prefix("hint: ") {
                Some(hint) => self.err(format_args!("{HINT}hint{HINT:#}: {hint}")),
                None => self.err(line),
            }
        }
    }

    /// Whether the story may run over the terminal while it is told: also a pipe may end there, as with `| tee`.
    pub fn story_may_be_seen(&self) -> bool {
        #[cfg(unix)]
        {
            use std::os::{fd::AsFd, unix::fs::FileTypeExt};
            let facts = io::stdout().as_fd().try_clone_to_owned().and_then(|out| std::fs::File::from(out).metadata());
            self.shows_story || facts.is_ok_and(|facts| facts.file_type().is_fifo())
        }
        #[cfg(not(unix))]
        self.shows_story
    }

    /// Whether progress can be drawn on standard error without disturbing the story on standard output.
    pub fn draws_progress(&self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }
}

/// A stream whose failures say what it is.
struct Out<W>(W);

impl<W: Write> Write for Out<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes).map_err(|error| named(&error))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush().map_err(|error| named(&error))
    }
}

/// The kind stays: a closed pipe must be known as one, and an interrupted call is tried again.
fn named(error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("cannot write to standard output: {}", words(error)))
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
}
