//! What is going on, as a line at the bottom of the terminal.

use std::path::Path;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::terminal::Terminal;
use crate::decode::Counts;

const LOADING: &str = "loading {msg} {bar:30} {percent:>3} %";
const READING: &str = "{prefix}reading the prompt {bar:30} {pos} of {len} tokens";
const TELLING: &str = "{prefix}{bar:20} {pos} of {len} tokens{msg}";
const MEASURING: &str = "{msg:16} {bar:30} {percent:>3} %, {elapsed} gone";

/// A line on standard error that is redrawn; silent where that is no terminal. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Progress {
    bar: ProgressBar,
    /// Tokens that are to be told at most.
    tokens: u64,
    /// Whether the line may stay while a story is told.
    stays: bool,
}

impl Progress {
    /// While a model is loaded.
    pub fn loading(terminal: &Terminal, path: &Path) -> Self {
        let progress = Self::new(terminal, 100, LOADING);
        progress.bar.set_message(path.file_name().unwrap_or_default().to_string_lossy().into_owned());
        progress
    }

    /// While a prompt is read, and a story of at most `tokens` tokens is told.
    pub fn telling(terminal: &Terminal, tokens: usize) -> Self {
        Self::new(terminal, tokens as u64, READING)
    }

    /// While a story is told that is shown when it is whole; `which` stands before the line, and the line may stay.
    pub fn telling_apart(terminal: &Terminal, which: String, tokens: usize) -> Self {
        let progress = Self { stays: true, ..Self::telling(terminal, tokens) };
        progress.bar.set_prefix(which + ": ");
        progress
    }

    /// While so many tokens are told to measure how long it takes.
    pub fn measuring(terminal: &Terminal, tokens: usize) -> Self {
        Self::new(terminal, tokens as u64, MEASURING)
    }

    /// What is measured now.
    pub fn names(&self, what: String) {
        self.bar.set_message(what);
    }

    /// So many tokens more.
    pub fn more(&self, tokens: usize) {
        self.bar.inc(tokens as u64);
    }

    fn new(terminal: &Terminal, tokens: u64, template: &str) -> Self {
        let target =
            if terminal.draws_progress() { ProgressDrawTarget::stderr_with_hz(10) } else { ProgressDrawTarget::hidden() };
        let bar = ProgressBar::with_draw_target(Some(tokens), target).with_style(style(template));
        Self { bar, tokens, stays: !terminal.story_may_be_seen() }
    }

    /// A share of the whole, 0 to 1.
    pub fn share(&self, share: f32) {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share is between 0 and 1")]
        self.bar.set_position((share.clamp(0.0, 1.0) * 100.0) as u64);
    }

    /// So many tokens of the prompt are read.
    pub fn read(&self, read: usize, of: usize) {
        self.bar.set_length(of as u64);
        self.bar.set_position(read as u64);
    }

    /// So much is told. The first token clears the line where the story follows on the same terminal.
    pub fn told(&self, counts: Counts) {
        if !self.stays {
            return self.clear();
        }
        if self.bar.is_hidden() {
            return;
        }
        if counts.tokens == 1 {
            self.bar.set_style(style(TELLING));
            self.bar.reset_elapsed();
        }
        self.bar.set_message(format!(" · {}", pace(counts, self.bar.elapsed())));
        self.bar.set_length(self.tokens);
        self.bar.set_position(counts.tokens as u64);
    }

    /// Takes the line away while something is printed.
    pub fn clear_for<R>(&self, print: impl FnOnce() -> R) -> R {
        self.bar.suspend(print)
    }

    /// Takes the line away.
    pub fn clear(&self) {
        if !self.bar.is_finished() {
            self.bar.finish_and_clear();
        }
    }
}

/// The templates are constants of this file, and a test reads them.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// How fast it goes, and what it costs: `899 tokens/s · 1.22 evaluations a token`. `time` has passed since the first token,
/// which falls to the reading of the prompt: it is drawn from the prompt's last row.
pub fn pace(counts: Counts, time: Duration) -> String {
    let each = counts.evaluations as f64 / counts.tokens.max(1) as f64;
    let after_the_first = counts.tokens.saturating_sub(1);
    let speed = match after_the_first as f64 / time.as_secs_f64() {
        _ if after_the_first == 0 || time.is_zero() => String::new(),
        slow if slow < 10.0 => format!("{slow:.1} tokens/s · "),
        speed => format!("{speed:.0} tokens/s · "),
    };
    format!("{speed}{each:.2} evaluations a token")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Colour;

    #[test]
    fn the_templates_can_be_read() {
        for template in [LOADING, READING, TELLING, MEASURING] {
            assert!(ProgressStyle::with_template(template).is_ok());
        }
        let progress = Progress::telling(&Terminal::new(Colour::Never, true), 3);
        progress.read(1, 2);
        progress.told(Counts { tokens: 1, ..Counts::default() });
        progress.clear();
    }

    #[test]
    fn a_pace_is_told_from_the_second_token_on() {
        let pace = |tokens, millis| {
            pace(Counts { tokens, evaluations: tokens * 3 / 2, ..Counts::default() }, Duration::from_millis(millis))
        };
        assert_eq!(pace(1, 50), "1.00 evaluations a token");
        assert_eq!(pace(2, 0), "1.50 evaluations a token");
        assert_eq!(pace(10, 2_000), "4.5 tokens/s · 1.50 evaluations a token");
        assert_eq!(pace(100, 100), "990 tokens/s · 1.50 evaluations a token");
    }
}
