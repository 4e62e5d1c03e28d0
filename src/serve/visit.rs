//! A request from its first byte to the last of its answer, and the line that the log gets of it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::app::Edge;
use crate::story::StopReason;
use crate::text::{EXCERPT, excerpt, some};

/// A request that is being answered. Where the last copy is dropped, it is over, and the log gets its line: who asked for what, and
/// how it ended, without a word of any text.
pub struct Visit {
    edge: Arc<Edge>,
    verbose: bool,
    route: String,
    agent: String,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    status: u16,
    preset: Option<String>,
    stories: usize,
    tokens: usize,
    /// From the first token to the last, added over stories.
    telling: Duration,
    ends: Vec<&'static str>,
}

impl Visit {
    /// Somebody who calls themselves `agent` asks for this route.
    #[must_use]
    pub fn new(edge: Arc<Edge>, verbose: bool, route: String, agent: String) -> Self {
        Self { edge, verbose, route, agent, seen: Mutex::default() }
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Which preset tells.
    pub fn preset(&self, name: &str) {
        self.seen().preset = Some(name.to_owned());
    }

    /// With which status it is answered.
    pub(super) fn answered(&self, status: u16) {
        self.seen().status = status;
    }

    /// A prompt of it, which is logged only by those who asked for that.
    pub fn prompt(&self, text: &str) {
        if self.verbose {
            (self.edge.log)(&format!("{} prompt: {}", self.route, text.replace('\n', "⏎")));
        }
    }

    /// A story of it is over, after so many tokens.
    pub(super) fn told(&self, tokens: usize, telling: Duration, end: &'static str) {
        let mut seen = self.seen();
        seen.stories += 1;
        seen.tokens += tokens;
        seen.telling += telling;
        if !seen.ends.contains(&end) {
            seen.ends.push(end);
        }
    }

    /// The line.
    fn line(&self) -> String {
        let Seen { status, preset, stories, tokens, telling, ends } = &*self.seen();
        let mut parts = vec![self.route.clone(), excerpt(&self.agent, EXCERPT)];
        parts.push(if *status == 0 { "gone".to_owned() } else { status.to_string() });
        parts.extend(preset.clone());
        if *stories > 0 {
            parts.push(some(*tokens, "token"));
            let seconds = telling.as_secs_f64();
            if *tokens > *stories && seconds > 0.0 {
                parts.push(format!("{:.1} tokens/s", (tokens - stories) as f64 / seconds));
            }
            parts.push(ends.join(", "));
        }
        parts.retain(|part| !part.is_empty());
        parts.join(" · ")
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        (self.edge.log)(&self.line());
    }
}

/// How a story ended, in a word.
pub(super) fn word(stop: &StopReason) -> &'static str {
    match stop {
        StopReason::End => "end of text",
        StopReason::Stop(_) => "stop text",
        StopReason::Tokens | StopReason::Whole(_) => "as long as asked for",
        StopReason::Context => "context full",
        StopReason::Loop => "loop",
        StopReason::Interrupted => "interrupted",
        StopReason::Failed(_) => "failed",
    }
}
