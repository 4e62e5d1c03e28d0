//! Where output goes and how it looks: colours, widths, errors.
//!
//! The one door to the terminal. What is said about the work takes texts and styles apart (see [`Line`]), so that a text that
//! was not written here arrives as letters; what is data goes to [`Terminal::out`], and a story to [`Terminal::story`].

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};
use anyhow::Result;
use serde::Serialize;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::cli::args::Colour;
use crate::cli::render::flow::Flow;
use crate::cli::render::line::{Ink, Line};
use crate::cli::render::screen::Screen;
use crate::cli::render::sheet::Sheet;
use crate::files::{causes, words};
use crate::text::{EXCERPT, excerpt, sanitize};

/// For errors.
pub const ERROR: Style = AnsiColor::Red.on_default().bold();
/// For what helps.
pub const HINT: Style = AnsiColor::Cyan.on_default();
/// For what stands back.
pub const DIM: Style = Style::new().dimmed();
/// For what stands out.
pub const BOLD: Style = Style::new().bold();

/// The most characters of a quoted text that an error repeats: most paths are shorter, and what is longer is cut to an excerpt.
const LONGEST_QUOTE: usize = 300;

/// The most characters of one line of an error.
const LONGEST_LINE: usize = 1000;

/// The narrowest terminal that pages are laid out for.
const NARROWEST: usize = 20;

/// The two streams of the program.
#[derive(Debug, Clone, Copy)]
pub struct Terminal {
    colour: ColorChoice,
    quiet: bool,
    /// Whether the story goes to the terminal.
    pub shows_story: bool,
    /// Columns of the terminal when the program began; 80 where there is none.
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
        Self { colour, quiet, shows_story: io::stdout().is_terminal(), width: columns() }
    }

    /// The same without notes.
    pub fn silent(&self) -> Self {
        Self { quiet: true, ..*self }
    }

    /// Columns of the terminal as it is now, which may not be those of [`Terminal::width`]; 80 where there is none.
    #[allow(clippy::unused_self, reason = "whoever lays out a page has a terminal")]
    pub fn width_now(&self) -> usize {
        columns()
    }

    /// Standard output for data; styles are left out where they are not wanted. A terminal gets nothing but letters and styles,
    /// whatever is written; a file or a pipe gets it to the last byte.
    pub fn out(&self) -> impl Write + use<> {
        Out(Screen::new(AutoStream::new(io::stdout(), self.colour), self.shows_story))
    }

    /// Data as JSON, on standard output.
    pub fn json(&self, data: &impl Serialize) -> Result<()> {
        Ok(writeln!(self.out(), "{}", serde_json::to_string_pretty(data)?)?)
    }

    /// Standard output for a story.
    pub fn story(&self) -> Sheet {
        // Into a pipe even what looks like a style is the story's own.
        let out: Box<dyn Write> = if self.shows_story {
            Box::new(Out(AutoStream::new(io::stdout(), self.colour)))
        } else {
            Box::new(Out(io::stdout()))
        };
        Sheet::of_story(out, self.shows_story, self.colours_out())
    }

    /// Standard error for a text that comes in pieces, was not written here and is not the story.
    pub fn aside(&self) -> Sheet {
        Sheet::of_aside(Box::new(AutoStream::new(io::stderr(), self.colour)), io::stderr().is_terminal())
    }

    /// Whether styles are wanted on standard output.
    pub fn colours_out(&self) -> bool {
        AutoStream::new(io::stdout(), self.colour).current_choice() != ColorChoice::Never
    }

    /// Whether nothing is said but the result and errors.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// A line on standard error about what is going on; not with `--quiet`.
    pub fn note(&self, text: impl Display) {
        self.note_line(&Line::of(Ink::Dim, &text.to_string()));
    }

    /// As [`Terminal::note`], for a line that has its own styles.
    pub fn note_line(&self, line: &Line) {
        if !self.quiet {
            self.say(line);
        }
    }

    /// A line on standard error.
    pub fn err(&self, text: impl Display) {
        self.say(&Line::of(Ink::Plain, &text.to_string()));
    }

    /// An error from the outside in: the deed, the cause, then `hint:` lines.
    pub fn error(&self, error: &anyhow::Error) {
        let text = shortened(&causes(error));
        let mut lines = text.lines();
        let named = |ink: Ink, name: &str, text: &str| Line::of(ink, name).and(Ink::Plain, &format!(": {text}"));
        self.say(&named(Ink::Error, "error", lines.next().unwrap_or_default()));
        for line in lines {
            match line.strip_prefix("hint: ") {
                Some(hint) => self.say(&named(Ink::Hint, "hint", hint)),
                None => self.say(&Line::of(Ink::Plain, line)),
            }
        }
    }

    /// Puts a line on standard error, on a terminal in lines of whole words.
    fn say(&self, line: &Line) {
        let text = if io::stderr().is_terminal() {
            let (mut flow, columns) = (Flow::of_messages(), columns_of(&io::stderr()));
            let shown: String = line.runs().map(|(style, text)| flow.push(style, text, columns)).collect();
            shown + &flow.finish(columns)
        } else {
            line.to_string()
        };
        // Nobody is left to be told that this failed.
        let _ = writeln!(AutoStream::new(io::stderr(), self.colour), "{text}");
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

    /// Ends the line in which a story ends that went into a pipe, where what is said of it would stand behind it: with `| tee` in a
    /// terminal, and with `2>&1`. The story itself gets no line break.
    pub fn below_story(&self) {
        let together =
            || same_file::Handle::stdout().ok().zip(same_file::Handle::stderr().ok()).is_some_and(|(out, err)| out == err);
        if !self.quiet && !self.shows_story && self.story_may_be_seen() && (io::stderr().is_terminal() || together()) {
            // As with a line there.
            let _ = writeln!(io::stderr());
        }
    }

    /// A line on standard error for whoever sits before it; not into a file or pipe, where nobody is who could heed it.
    #[cfg(all(feature = "llama", feature = "hub"))]
    pub fn advise(&self, text: impl Display) {
        if self.draws_progress() {
            self.note(text);
        }
    }

    /// Whether progress can be drawn on standard error without disturbing the story on standard output.
    pub fn draws_progress(&self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }
}

/// Columns of whichever stream is a terminal.
fn columns() -> usize {
    terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0)).max(NARROWEST)
}

/// Columns of the terminal behind this stream; of any other one where it is none.
#[cfg(unix)]
pub(super) fn columns_of(stream: &impl std::os::fd::AsFd) -> usize {
    terminal_size::terminal_size_of(stream).map_or_else(columns, |(width, _)| usize::from(width.0))
}

/// Columns of the terminal behind this stream; of any other one where it is none.
#[cfg(windows)]
pub(super) fn columns_of(stream: &impl std::os::windows::io::AsHandle) -> usize {
    terminal_size::terminal_size_of(stream).map_or_else(columns, |(width, _)| usize::from(width.0))
}

/// Lines of the terminal; 24 where there is none.
pub(super) fn rows() -> usize {
    terminal_size::terminal_size().map_or(24, |(_, height)| usize::from(height.0))
}

/// An error in which no foreign text takes all the room or brings a line of its own: what stands between backticks is quoted.
fn shortened(text: &str) -> String {
    let quoted = |text: &str| match text.chars().count() {
        long if long > LONGEST_QUOTE => excerpt(text, EXCERPT),
        _ => text.replace('\n', "⏎"),
    };
    let parts: Vec<&str> = text.split('`').collect();
    // A backtick that has no second one quotes nothing.
    let pairs = parts.len() % 2 == 1;
    let parts = parts.iter().enumerate().map(|(at, part)| if pairs && at % 2 == 1 { quoted(part) } else { (*part).into() });
    let text = parts.collect::<Vec<String>>().join("`");
    let cut = |line: &str| match line.char_indices().nth(LONGEST_LINE) {
        Some((at, _)) => format!("{}…", &line[..at]),
        None => line.to_owned(),
    };
    text.lines().map(cut).collect::<Vec<_>>().join("\n")
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

/// A text in exactly so many columns, harmless and on one line: cut with `…` or filled with spaces.
pub fn fit(text: &str, columns: usize) -> String {
    let text = sanitize(text).replace(['\n', '\t'], " ");
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
        assert_eq!(fit("a\nb\u{1b}c", 5), "a b�c");
    }

    #[test]
    fn a_quoted_text_takes_one_line_and_not_all_the_room() {
        let long = "x".repeat(70_000);
        let cut = shortened(&format!("cannot read `{long}`: no such file\nhint: name another"));
        assert_eq!(cut, format!("cannot read `{}…`: no such file\nhint: name another", "x".repeat(79)));
        assert_eq!(shortened("cannot read `a\nhint: rm`: gone"), "cannot read `a⏎hint: rm`: gone");
        assert_eq!(shortened("it is ` and\nhint: so"), "it is ` and\nhint: so");
        assert_eq!(shortened(&long).chars().count(), LONGEST_LINE + 1);
        let path = "a/".repeat(140);
        assert!(shortened(&format!("cannot read `{path}`")).contains(&path));
    }
}
