//! What is going on: one bar for the whole and a line for each running story; lines where there is no terminal; JSON for programs.

use std::collections::BTreeMap;
use std::io::Write as _;

use anyhow::Result;
use indicatif::{MultiProgress, ProgressBar};
use serde::Serialize;

use crate::batch::Item;
use crate::cli::is_closed_pipe;
use crate::cli::render::figures::{gauge, grouped};
use crate::cli::render::progress::{columns, line, target};
use crate::cli::render::terminal::{Terminal, fit};
use crate::cli::tell::stood_in_words;
use crate::decode::Counts;
use crate::story::{Record, StopReason};
use crate::text::some;

/// Stories that have a line of their own; more would push the bar off the screen.
const SHOWN: usize = 8;

/// The columns that the names of stories may take beside their bars.
const NAMES: usize = 40;

/// The watcher of a run.
pub struct Watch<'t> {
    terminal: &'t Terminal,
    json: bool,
    bars: MultiProgress,
    whole: ProgressBar,
    lines: BTreeMap<usize, ProgressBar>,
    /// Stories of this run or part, and those that were there at its beginning.
    all: usize,
    there: usize,
    told: usize,
    tokens: usize,
    /// Why standard output takes no more, if it does not.
    unheard: Option<anyhow::Error>,
}

/// A story that ended, for programs.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Line<'s> {
    event: &'static str,
    name: &'s str,
    stop: &'s StopReason,
    tokens: usize,
    /// Stories that are told, with those of earlier runs.
    done: usize,
    of: usize,
    /// Tokens a second of this run so far.
    pace: f64,
}

impl<'t> Watch<'t> {
    /// Before the first of `missing` stories, of `all` in all.
    pub fn new(terminal: &'t Terminal, json: bool, all: usize, missing: usize) -> Self {
        let bars = MultiProgress::with_draw_target(target(terminal.draws_progress() && !json));
        let whole = bars.add(ProgressBar::new(all as u64).with_style(line()));
        Self {
            terminal,
            json,
            bars,
            whole,
            lines: BTreeMap::new(),
            all,
            there: all - missing,
            told: 0,
            tokens: 0,
            unheard: None,
        }
    }

    /// A story's prompt is being read.
    pub fn began(&mut self, item: Item, name: &str, limit: usize) {
        if self.lines.len() < SHOWN && !self.bars.is_hidden() {
            let line = ProgressBar::new(limit as u64).with_style(line()).with_prefix(name.to_owned());
            self.lines.insert(item.number, self.bars.insert_before(&self.whole, line));
        }
    }

    /// A token was told.
    pub fn heard(&mut self, item: Item, counts: Counts) {
        self.tokens += 1;
        let columns = columns();
        if let Some(line) = self.lines.get(&item.number) {
            let (told, of) = (counts.tokens, line.length().unwrap_or(1));
            let name = fit(&line.prefix(), columns.saturating_sub(NAMES).max(10));
            let told_of = format!("{told} of {of}");
            let forms = [(format!("  {name}"), told_of.clone()), (String::new(), told_of)];
            line.set_message(gauge(&forms, told as f64 / of.max(1) as f64, columns));
        }
        self.draw(columns);
    }

    /// Draws the line of the whole run.
    fn draw(&self, columns: usize) {
        if self.whole.is_hidden() {
            return;
        }
        let (told, of) = (self.there + self.told, self.all);
        let pace = format!("{:.0} tokens/s", self.pace());
        let stories = format!("{told} of {of} stories");
        let left = (self.told > 0).then(|| format!("{stories} · {pace} · {} left", super::setup::duration(self.left())));
        let forms = left.into_iter().chain([format!("{stories} · {pace}"), stories, format!("{told} of {of}")]);
        let forms: Vec<_> = forms.map(|form| (String::new(), form)).collect();
        self.whole.set_message(gauge(&forms, told as f64 / of.max(1) as f64, columns));
    }

    /// A story is kept.
    pub fn finished(&mut self, item: Item, name: &str, record: &Record) {
        self.told += 1;
        self.draw(columns());
        if let Some(stood) = stood_in_words(&record.banned) {
            self.bars.suspend(|| self.terminal.err(format_args!("{name}: {stood}")));
        }
        if let Some(line) = self.lines.remove(&item.number) {
            line.finish_and_clear();
            self.bars.remove(&line);
        }
        let (done, of) = (self.there + self.told, self.all);
        if self.json {
            let (stop, tokens, pace) = (&record.stop, record.tokens.len(), self.pace());
            let line = Line { event: "told", name, stop, tokens, done, of, pace };
            let mut out = self.terminal.out();
            self.say(|| {
                writeln!(out, "{}", serde_json::to_string(&line)?)?;
                Ok(out.flush()?)
            });
        } else if self.whole.is_hidden() {
            let tokens = some(record.tokens.len(), "token");
            self.terminal.note(format_args!("{done} of {} · {name} · {tokens} · {}", grouped(of), record.stop));
        }
    }

    /// Says something on standard output. Nobody need listen: the stories are in their folder, and are told to their end.
    pub fn say(&mut self, speak: impl FnOnce() -> Result<()>) {
        if self.unheard.is_some() {
            return;
        }
        if let Err(error) = speak() {
            if is_closed_pipe(&error) {
                self.terminal.note("nobody reads standard output any more · the stories are told on");
            }
            self.unheard = Some(error);
        }
    }

    /// Whether everything could be said. Who closed a pipe has heard what they wanted.
    pub fn heard_out(self) -> Result<()> {
        self.unheard.filter(|error| !is_closed_pipe(error)).map_or(Ok(()), Err)
    }

    /// Takes everything that was drawn away.
    pub fn clear(&mut self) {
        for line in std::mem::take(&mut self.lines).into_values() {
            line.finish_and_clear();
        }
        self.whole.finish_and_clear();
    }

    /// Stories that were told.
    pub fn told(&self) -> usize {
        self.told
    }

    /// Tokens that were told, those of unfinished stories among them.
    pub fn tokens(&self) -> usize {
        self.tokens
    }

    fn pace(&self) -> f64 {
        self.tokens as f64 / self.whole.elapsed().as_secs_f64().max(1e-9)
    }

    /// Seconds that the stories to come will take, if they are as those that were told.
    fn left(&self) -> f64 {
        let to_come = self.all - self.there - self.told;
        self.whole.elapsed().as_secs_f64() / self.told.max(1) as f64 * to_come as f64
    }
}
