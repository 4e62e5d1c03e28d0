//! A terminal with a margin at its right edge, for lines that are drawn again and again.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

use console::Term;
use indicatif::{ProgressDrawTarget, ProgressStyle, TermLike};

/// Columns that stay free: room for the `^C` with which a terminal answers Ctrl-C, and for the cursor behind it.
const FREE: u16 = 3;

/// Where lines of progress are drawn: standard error, or nowhere.
pub fn target(draws: bool) -> ProgressDrawTarget {
    if draws { ProgressDrawTarget::term_like_with_hz(Box::new(Margin::new()), 10) } else { ProgressDrawTarget::hidden() }
}

/// The columns that a line of progress may take.
pub fn columns() -> usize {
    usize::from(Margin::new().width())
}

/// What indicatif draws: the line as it was made.
pub fn line() -> ProgressStyle {
    ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Standard error without its last columns.
///
/// indicatif fills each line up to the edge, so that whatever comes next stands below. But there a terminal writes its `^C`
/// too, and then the line that is cleared is that one, and the drawn one stays. Here the `^C` stands behind the line, and goes
/// with it.
#[derive(Debug)]
pub struct Margin {
    term: Term,
    /// Whether a line has been filled: what is written next stands below it.
    filled: AtomicBool,
}

impl Margin {
    pub fn new() -> Self {
        Self { term: Term::stderr(), filled: AtomicBool::new(false) }
    }

    fn moved(&self) {
        self.filled.store(false, Ordering::Relaxed);
    }
}

impl TermLike for Margin {
    fn width(&self) -> u16 {
        self.term.size().1.saturating_sub(FREE).max(1)
    }

    fn height(&self) -> u16 {
        self.term.size().0
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.moved();
        self.term.move_cursor_up(n)
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.moved();
        self.term.move_cursor_down(n)
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.term.move_cursor_right(n)
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.term.move_cursor_left(n)
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.moved();
        self.term.write_line(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        // What a line is filled with is nothing but spaces.
        if text.chars().all(|c| c == ' ') {
            self.filled.store(true, Ordering::Relaxed);
            return self.term.write_str(text);
        }
        if self.filled.swap(false, Ordering::Relaxed) {
            self.term.write_str("\n")?;
        }
        self.term.write_str(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.moved();
        self.term.clear_line()
    }

    fn flush(&self) -> io::Result<()> {
        self.term.flush()
    }
}
