//! A choice: one story of an answer while it is told, and how it ended.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use serde_json::{Value, json};
use tokio_stream::Stream;

use super::aligning::{Aligning, Entry};
use super::order::Order;
use crate::decode::{Completion, Counts};
use crate::engine::StoryEvent;
use crate::model::Vocabulary;
use crate::serve::Telling;
use crate::serve::spaces::Spaces;
use crate::story::StopReason;

/// A story that is told for an answer.
pub struct Choice {
    /// What was asked for.
    pub order: Order,
    /// What was told of its text so far.
    pub text: String,
    /// How much stands before what is told next, with the prompt where that is told: in units of UTF-16, by which clients cut texts.
    pub units: usize,
    /// What it has cost so far.
    pub counts: Counts,
    telling: Telling,
    aligning: Aligning,
    /// After so long of telling it ends.
    time: Option<Duration>,
    timed_out: bool,
    /// The text that it goes on from, and where it is remembered that what came of both ends in a space.
    behind: (String, Arc<Spaces>),
    /// How it ended.
    pub end: Option<End>,
}

/// A story at its end.
#[derive(Debug, Clone)]
pub struct End {
    /// What came of it.
    pub completion: Completion,
    /// Why it ended, in a word.
    pub word: &'static str,
    /// Why it ended, in the two words that every client knows.
    pub finish: &'static str,
    /// How long it took.
    pub spent: Spent,
}

impl End {
    /// Whether it was ended from outside.
    pub fn is_interrupted(&self) -> bool {
        self.completion.stop == StopReason::Interrupted
    }
}

/// What a story took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spent {
    /// From its place to the first token.
    pub reading: Duration,
    /// From the first token to the last.
    pub telling: Duration,
}

/// What happened to a choice.
#[derive(Debug)]
pub enum Happened {
    /// So many tokens of so many are read.
    Read(usize, usize),
    /// These tokens appeared.
    Told(Vec<Entry>),
    /// These tokens appeared, and it has ended.
    Ended(Vec<Entry>),
}

impl Choice {
    /// A story that was handed in.
    pub fn new(order: Order, telling: Telling, vocabulary: &Vocabulary, units: usize, time: Option<Duration>) -> Self {
        let before = &order.plan.prompt[order.plan.origin().len()..];
        let aligning = Aligning::behind(&vocabulary.bytes(before), order.plan.heal.len(), vocabulary.clone());
        let counts = Counts { prompt: order.plan.prompt.len(), ..Counts::default() };
        Self {
            order,
            text: String::new(),
            units,
            counts,
            telling,
            aligning,
            time,
            timed_out: false,
            behind: Default::default(),
            end: None,
        }
    }

    /// The same behind this text.
    pub fn behind(self, text: String, spaces: Arc<Spaces>) -> Self {
        Self { behind: (text, spaces), ..self }
    }

    /// The place that it has or had.
    pub fn place(&self) -> usize {
        self.telling.place().unwrap_or(0)
    }

    /// Ends it from elsewhere, as interrupted with what it has.
    pub fn leaver(&self) -> impl Fn() + Send + Sync + 'static {
        self.telling.leaver()
    }

    /// When it got its place.
    pub fn began(&self) -> Option<Duration> {
        self.telling.times().began
    }

    /// Tokens that were told.
    pub fn told(&self) -> usize {
        if self.order.reads_only { 0 } else { self.counts.tokens }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Happened> {
        loop {
            match Pin::new(&mut self.telling).poll_next(context) {
                // Behind an end there is nothing, and nobody asks.
                Poll::Pending | Poll::Ready(None) => return Poll::Pending,
                Poll::Ready(Some(event)) => {
                    if let Some(happened) = self.hear(event) {
                        return Poll::Ready(happened);
                    }
                }
            }
        }
    }

    fn hear(&mut self, event: StoryEvent) -> Option<Happened> {
        match event {
            StoryEvent::Began => None,
            StoryEvent::Reading { read, of } => Some(Happened::Read(read, of)),
            StoryEvent::Told { draw, text, parts, counts } => {
                // What it has cost is told by decodes, and one may tell several tokens.
                self.counts = Counts { tokens: self.counts.tokens + 1, ..counts };
                let entries = self.aligning.hear(draw, &text, &parts);
                let times = self.telling.times();
                let telling = times.first.zip(times.last).map(|(first, last)| last.saturating_sub(first));
                if self.time.is_some_and(|most| telling.is_some_and(|telling| telling >= most)) && !self.timed_out {
                    self.timed_out = true;
                    self.telling.end();
                }
                Some(Happened::Told(self.keep(entries))).filter(|_| !self.order.reads_only)
            }
            StoryEvent::Ended { completion, rest, parts } => {
                let entries = self.aligning.finish(&rest, &parts, &completion.stop);
                let entries = self.keep(entries);
                let (before, spaces) = &self.behind;
                if !self.text.is_empty() || completion.stop == StopReason::Tokens {
                    spaces.told(before, &self.text);
                }
                self.counts = completion.counts;
                self.end = Some(self.ended(*completion));
                Some(Happened::Ended(entries))
            }
        }
    }

    /// The tokens that are told of, with their text.
    fn keep(&mut self, entries: Vec<Entry>) -> Vec<Entry> {
        if self.order.reads_only {
            return Vec::new();
        }
        self.text.extend(entries.iter().map(|entry| entry.text.as_str()));
        entries
    }

    /// Why it ended, in the two words that every client knows; `None` before.
    pub fn finish(&self) -> Option<&'static str> {
        self.end.as_ref().map(|end| end.finish)
    }

    /// How long it took.
    pub fn timings(&self) -> Value {
        let Some(end) = &self.end else { return Value::Null };
        let cached = end.completion.cached_tokens;
        let read = self.counts.prompt.saturating_sub(cached);
        let per_second = |count: usize, spent: Duration| {
            let seconds = spent.as_secs_f64();
            if seconds > 0.0 { count as f64 / seconds } else { 0.0 }
        };
        let milliseconds = |spent: Duration| spent.as_secs_f64() * 1e3;
        let (told, spent) = (self.told(), end.spent);
        json!({
            "cache_n": cached, "prompt_n": read, "prompt_ms": milliseconds(spent.reading),
            "prompt_per_second": per_second(read, spent.reading), "predicted_n": told, "predicted_ms": milliseconds(spent.telling),
            "predicted_per_second": per_second(told, spent.telling),
        })
    }

    fn ended(&self, completion: Completion) -> End {
        let interrupted = completion.stop == StopReason::Interrupted;
        let (word, finish) = match &completion.stop {
            _ if self.order.reads_only && completion.failure().is_none() && !interrupted => ("tokens", "length"),
            StopReason::Interrupted if self.timed_out => ("time", "length"),
            StopReason::End => ("end-of-text", "stop"),
            StopReason::Stop(_) => ("stop-text", "stop"),
            StopReason::Tokens | StopReason::Whole(_) => ("tokens", "length"),
            StopReason::Context => ("context", "length"),
            StopReason::Loop => ("loop", "stop"),
            StopReason::Interrupted => ("interrupted", "stop"),
            StopReason::Failed(_) => ("failed", "stop"),
        };
        let times = self.telling.times();
        let between = |from: Option<Duration>, to: Option<Duration>| from.zip(to).map(|(from, to)| to.saturating_sub(from));
        let reading = between(times.began, times.first).unwrap_or_default();
        let telling = between(times.first, times.last).unwrap_or_default();
        End { completion, word, finish, spent: Spent { reading, telling } }
    }
}

/// What happens next to any of these; `None` once all have ended.
pub async fn next(choices: &mut [Choice]) -> Option<(usize, Happened)> {
    poll_fn(|context| {
        if choices.iter().all(|choice| choice.end.is_some()) {
            return Poll::Ready(None);
        }
        for (at, choice) in choices.iter_mut().enumerate().filter(|(_, choice)| choice.end.is_none()) {
            if let Poll::Ready(happened) = choice.poll(context) {
                return Poll::Ready(Some((at, happened)));
            }
        }
        Poll::Pending
    })
    .await
}
