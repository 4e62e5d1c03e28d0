//! What a story is written on: a pipe gets it as it is, a terminal in lines of whole words.

use std::fmt;
use std::io::{self, Write};

use anstyle::Style;

use crate::cli::render::flow::Flow;
use crate::cli::render::terminal::{BOLD, DIM, columns_of, rows};
use crate::text::sanitize;

/// A text that is shown while it comes.
pub struct Sheet {
    out: Box<dyn Write>,
    columns: fn() -> usize,
    /// Lines, where a terminal shows them.
    flow: Option<Flow>,
    /// Whether styles are wanted.
    colours: bool,
    /// Whether what has no style goes as it is.
    raw: bool,
    /// What stands before everything else, and is not shown yet.
    beginning: Option<String>,
}

impl fmt::Debug for Sheet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sheet").field("flow", &self.flow).field("raw", &self.raw).finish_non_exhaustive()
    }
}

impl Sheet {
    /// Standard output, which is a terminal where it is `shown`. Into a file or a pipe, text without a style goes to the last
    /// byte as it is.
    pub(super) fn of_story(out: Box<dyn Write>, shown: bool, colours: bool) -> Self {
        let columns = || columns_of(&io::stdout());
        Self { out, columns, flow: shown.then(Flow::default), colours, raw: !shown, beginning: None }
    }

    /// Standard error, where nothing goes as it is.
    pub(super) fn of_aside(out: Box<dyn Write>, shown: bool) -> Self {
        let columns = || columns_of(&io::stderr());
        Self { out, columns, flow: shown.then(Flow::default), colours: true, raw: false, beginning: None }
    }

    /// Keeps a prompt to be shown before what is said first, or at the end: while it is read, a line of progress stands here.
    pub fn begins_with(&mut self, prompt: &str) {
        self.beginning = Some(prompt.to_owned()).filter(|prompt| !prompt.is_empty());
    }

    /// Shows the prompt if that has not been done. A terminal that cannot hold it gets its last lines.
    pub fn begin(&mut self) -> io::Result<()> {
        let Some(prompt) = self.beginning.take() else { return Ok(()) };
        match self.flow.is_some().then(|| last_lines(&prompt, (self.columns)(), rows())).flatten() {
            Some(lines) => {
                self.write(DIM, "…\n")?;
                self.write(BOLD, &lines)
            }
            None => self.write(BOLD, &prompt),
        }
    }

    /// The next piece of the text.
    pub fn say(&mut self, style: Style, text: &str) -> io::Result<()> {
        self.begin()?;
        self.write(style, text)
    }

    /// The end of the text. On a screen the next line begins below; into a file goes what is told and nothing else, so that it
    /// can be told on from there.
    pub fn end(&mut self) -> io::Result<()> {
        if self.flow.is_some() { self.end_line() } else { self.begin() }
    }

    /// The end of the text, and of its line.
    pub fn end_line(&mut self) -> io::Result<()> {
        self.begin()?;
        self.flush_held()?;
        self.write(Style::new(), "\n")
    }

    /// The text breaks off: on a terminal what is said next has a line of its own.
    pub fn break_off(&mut self) {
        if self.flow.is_some() {
            // The cause is told after this; that nobody sees the text is no other.
            let _ = self.end();
        }
    }

    fn flush_held(&mut self) -> io::Result<()> {
        let columns = (self.columns)();
        let held = self.flow.as_mut().map(|flow| flow.finish(columns));
        held.map_or(Ok(()), |held| self.out.write_all(held.as_bytes()))
    }

    fn write(&mut self, style: Style, text: &str) -> io::Result<()> {
        let style = if self.colours { style } else { Style::new() };
        let columns = (self.columns)();
        match &mut self.flow {
            Some(flow) => self.out.write_all(flow.push(style, text, columns).as_bytes())?,
            None if self.raw && style.is_plain() => self.out.write_all(text.as_bytes())?,
            None => self.out.write_all(painted(style, text).as_bytes())?,
        }
        self.out.flush()
    }
}

/// A text in a style, of which nothing moves the cursor. Line breaks stand between the styles, which would else run to the
/// edge of the terminal.
fn painted(style: Style, text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    let line = |line: &str| if line.is_empty() { String::new() } else { format!("{style}{line}{style:#}") };
    sanitize(&text).split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// The last lines of a text that has more than a terminal of this size; half of it, so that a story has the other.
fn last_lines(text: &str, columns: usize, rows: usize) -> Option<String> {
    let mut flow = Flow::default();
    let set = flow.push(Style::new(), text, columns) + &flow.finish(columns);
    let lines: Vec<&str> = set.split('\n').collect();
    (lines.len() > rows).then(|| lines[lines.len() - (rows / 2).max(1)..].join("\n"))
}

#[cfg(test)]
mod tests {
    use anstyle::AnsiColor;

    use super::*;

    #[test]
    fn a_style_changes_no_letter_and_stops_at_the_end_of_a_line() {
        let painted = painted(AnsiColor::Red.on_default(), " a\n\nb\u{1b}[2J\u{202e}");
        assert_eq!(painted, "\u{1b}[31m a\u{1b}[0m\n\n\u{1b}[31mb�[2J�\u{1b}[0m");
    }

    #[test]
    fn a_prompt_longer_than_the_screen_shows_its_end() {
        let prompt = "one two three\n".repeat(9);
        assert_eq!(last_lines(&prompt, 80, 10), None);
        assert_eq!(last_lines(&prompt, 80, 8).as_deref(), Some("one two three\none two three\none two three\n"));
        assert_eq!(last_lines(&"word ".repeat(40), 10, 6).as_deref(), Some("word word\nword word\nword word "));
    }
}
