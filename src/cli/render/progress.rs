//! What is going on, as a line at the bottom of the terminal.

use std::path::Path;
use std::time::Duration;

use indicatif::{HumanDuration, ProgressBar};

use crate::cli::render::figures::gauge;
pub use crate::cli::render::margin::{columns, line, target};
use crate::cli::render::terminal::{Terminal, fit};
use crate::decode::Counts;
use crate::text::excerpt;

/// From so many tokens on a speed is told: fewer come as fast as a clock can tell.
pub const ENOUGH_FOR_A_SPEED: usize = 20;

/// The most characters of a name in such a line.
const LONGEST_NAME: usize = 40;

/// The columns of what is measured, so that the bar stays where it is.
const MEASURED: usize = 16;

/// A line on standard error that is redrawn, as wide as the terminal lets it; silent where that is no terminal. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Progress {
    /// Its message is the line, its prefix the name of what goes on.
    bar: ProgressBar,
    /// Tokens that are to be told at most.
    tokens: usize,
    /// Whether the line may stay while a story is told.
    stays: bool,
}

impl Progress {
    /// While a model is loaded.
    pub fn loading(terminal: &Terminal, path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Self::new(terminal, 100).named(&name)
    }

    /// While a prompt is read, and a story of at most `tokens` tokens is told.
    pub fn telling(terminal: &Terminal, tokens: usize) -> Self {
        Self::new(terminal, tokens)
    }

    /// While a story is told that is shown when it is whole; `which` stands before the line, and the line may stay.
    pub fn telling_apart(terminal: &Terminal, which: &str, tokens: usize) -> Self {
        Self { stays: true, ..Self::telling(terminal, tokens).named(which) }
    }

    /// While so many tokens are told to measure how long it takes.
    pub fn measuring(terminal: &Terminal, tokens: usize) -> Self {
        Self::new(terminal, tokens)
    }

    fn new(terminal: &Terminal, tokens: usize) -> Self {
        let bar = ProgressBar::with_draw_target(Some(tokens as u64), target(terminal.draws_progress())).with_style(line());
        Self { bar, tokens, stays: !terminal.story_may_be_seen() }
    }

    fn named(self, name: &str) -> Self {
        let Self { bar, tokens, stays } = self;
        Self { bar: bar.with_prefix(excerpt(name, LONGEST_NAME)), tokens, stays }
    }

    /// What is measured now.
    pub fn names(&self, what: &str) {
        self.bar.set_prefix(excerpt(what, LONGEST_NAME));
        self.measured();
    }

    /// So many tokens more.
    pub fn more(&self, tokens: usize) {
        self.bar.inc(tokens as u64);
        self.measured();
    }

    fn measured(&self) {
        let share = self.bar.position() as f64 / self.tokens.max(1) as f64;
        let gone = format!("{:#}", HumanDuration(self.bar.elapsed()));
        self.draw(share, |name| {
            let percent = percent(share);
            vec![
                (fit(name, MEASURED), format!("{percent}, {gone} gone")),
                (name.to_owned(), percent.clone()),
                (String::new(), percent),
            ]
        });
    }

    /// A share of the whole, 0 to 1.
    pub fn share(&self, share: f32) {
        let share = f64::from(share);
        self.draw(share, |name| {
            vec![
                (format!("loading {name}"), percent(share)),
                (name.to_owned(), percent(share)),
                (String::new(), percent(share)),
            ]
        });
    }

    /// So many tokens of the prompt are read.
    pub fn read(&self, read: usize, of: usize) {
        let share = read as f64 / of.max(1) as f64;
        self.draw(share, |name| {
            let name = if name.is_empty() { String::new() } else { format!("{name}: ") };
            let tokens = format!("{read} of {of}");
            vec![
                (format!("{name}reading the prompt"), format!("{tokens} tokens")),
                ("reading the prompt".to_owned(), format!("{tokens} tokens")),
                ("reading".to_owned(), tokens),
                (String::new(), percent(share)),
            ]
        });
    }

    /// So much is told. The first token clears the line where the story follows on the same terminal.
    pub fn told(&self, counts: Counts) {
        if !self.stays {
            return self.clear();
        }
        if counts.tokens == 1 {
            self.bar.reset_elapsed();
        }
        let share = counts.tokens as f64 / self.tokens.max(1) as f64;
        self.draw(share, |name| {
            let name = if name.is_empty() { String::new() } else { format!("{name}:") };
            let told = format!("{} of {}", counts.tokens, self.tokens);
            let pace = pace(counts, self.bar.elapsed());
            vec![
                (name.clone(), format!("{told} tokens · {pace}")),
                (name.clone(), format!("{told} tokens")),
                (name, told.clone()),
                (String::new(), told),
                (String::new(), percent(share)),
            ]
        });
    }

    /// Whether a line will stand here while a prompt of so many tokens is read, of which a decode holds `batch`.
    pub fn shows_reading(&self, tokens: usize, batch: usize) -> bool {
        tokens > batch && !self.bar.is_hidden()
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

    /// Draws the line in the first of the forms of this name that fits.
    fn draw(&self, share: f64, forms: impl FnOnce(&str) -> Vec<(String, String)>) {
        if !self.bar.is_hidden() {
            self.bar.set_message(gauge(&forms(&self.bar.prefix()), share, columns()));
        }
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", 100.0 * share.clamp(0.0, 1.0))
}

/// How fast it goes, and what it costs: `899 tokens/s · 1.22 evaluations a token`. `time` has passed since the first token,
/// which falls to the reading of the prompt: it is drawn from the prompt's last row.
pub fn pace(counts: Counts, time: Duration) -> String {
    let each = counts.evaluations as f64 / counts.tokens.max(1) as f64;
    speed(counts.tokens, time).into_iter().chain([format!("{each:.2} evaluations a token")]).collect::<Vec<_>>().join(" · ")
}

/// How fast so many tokens came, the first of them before `time` began: `899 tokens/s`; nothing where they are too few to tell.
pub fn speed(tokens: usize, time: Duration) -> Option<String> {
    if tokens < ENOUGH_FOR_A_SPEED || time.is_zero() {
        return None;
    }
    Some(match (tokens - 1) as f64 / time.as_secs_f64() {
        slow if slow < 10.0 => format!("{slow:.1} tokens/s"),
        speed => format!("{speed:.0} tokens/s"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Colour;

    #[test]
    fn the_line_is_drawn_as_it_was_made() {
        assert!(indicatif::ProgressStyle::with_template("{msg}").is_ok());
        let progress = Progress::telling(&Terminal::new(Colour::Never, true), 3);
        progress.read(1, 2);
        progress.told(Counts { tokens: 1, ..Counts::default() });
        assert!(!progress.shows_reading(1000, 256), "it is quiet");
        progress.clear();
    }

    #[test]
    fn a_speed_is_told_where_there_are_tokens_enough() {
        let pace = |tokens, millis| {
            pace(Counts { tokens, evaluations: tokens * 3 / 2, ..Counts::default() }, Duration::from_millis(millis))
        };
        assert_eq!(pace(2, 1), "1.50 evaluations a token");
        assert_eq!(pace(19, 2_000), "1.47 evaluations a token");
        assert_eq!(pace(20, 0), "1.50 evaluations a token");
        assert_eq!(pace(20, 2_000), "9.5 tokens/s · 1.50 evaluations a token");
        assert_eq!(pace(100, 100), "990 tokens/s · 1.50 evaluations a token");
    }
}
