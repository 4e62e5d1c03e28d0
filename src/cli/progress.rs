//! What is going on, as a line at the bottom of the terminal.

use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::terminal::Terminal;

/// A line on standard error that is redrawn; silent where that is no terminal. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Progress {
    bar: ProgressBar,
    /// Whether the line may stay while a story is told: not where the story runs over the same terminal.
    stays: bool,
}

impl Progress {
    /// While a model is loaded.
    pub fn loading(terminal: &Terminal, path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self::new(terminal, 100, "loading {msg} {bar:30} {percent:>3} %").with_message(name)
    }

    /// While a story of at most `tokens` tokens is told.
    pub fn telling(terminal: &Terminal, tokens: usize) -> Self {
        Self::new(terminal, tokens as u64, "{prefix}{msg} {bar:30} {pos}/{len} tokens, {per_sec}, {eta} left")
    }

    /// While a story is told that is shown when it is whole; `which` stands before the line, and the line may stay.
    pub fn telling_apart(terminal: &Terminal, which: String, tokens: usize) -> Self {
        let progress = Self { stays: true, ..Self::telling(terminal, tokens) };
        progress.bar.set_prefix(which + ": ");
        progress.with_message("reading the prompt".into())
    }

    fn new(terminal: &Terminal, length: u64, template: &str) -> Self {
        let bar = if terminal.draws_progress() {
            ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr_with_hz(10))
        } else {
            ProgressBar::hidden()
        };
        // The templates are constants of this file, and a test reads them.
        bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
        Self { bar, stays: !terminal.shows_story }
    }

    fn with_message(self, message: String) -> Self {
        self.bar.set_message(message);
        self
    }

    /// A share of the whole, 0 to 1.
    pub fn share(&self, share: f32) {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share is between 0 and 1")]
        self.bar.set_position((share.clamp(0.0, 1.0) * 100.0) as u64);
    }

    /// So many tokens of the prompt are read.
    pub fn read(&self, read: usize, of: usize) {
        self.bar.set_message(format!("reading {read} of {of} tokens of the prompt"));
        self.bar.tick();
    }

    /// So many tokens are told. The first one clears the line where the story follows on the same terminal.
    pub fn told(&self, tokens: usize) {
        if !self.stays {
            self.clear();
        } else if tokens == 1 {
            self.bar.reset_elapsed();
            self.bar.set_message("telling");
        }
        self.bar.set_position(tokens as u64);
    }

    /// Takes the line away.
    pub fn clear(&self) {
        self.bar.finish_and_clear();
    }
}

/// A duration for people: `0.42 s`, `12 s`, `3 min 5 s`.
pub fn seconds(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    match duration.as_secs() {
        0..10 => format!("{seconds:.2} s"),
        10..120 => format!("{seconds:.0} s"),
        whole => format!("{} min {} s", whole / 60, whole % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Colour;

    #[test]
    fn the_templates_can_be_read() {
        for template in
            ["loading {msg} {bar:30} {percent:>3} %", "{prefix}{msg} {bar:30} {pos}/{len} tokens, {per_sec}, {eta} left"]
        {
            assert!(ProgressStyle::with_template(template).is_ok());
        }
        Progress::telling(&Terminal::new(Colour::Never, true), 3).told(1);
    }

    #[test]
    fn durations_are_short_and_plain() {
        assert_eq!(seconds(Duration::from_millis(420)), "0.42 s");
        assert_eq!(seconds(Duration::from_millis(12_300)), "12 s");
        assert_eq!(seconds(Duration::from_secs(185)), "3 min 5 s");
    }
}
