//! A line of the index for every story that is told, and what the stories of a preset come to.

use serde::{Deserialize, Serialize};

use crate::story::{Record, StopReason};

/// A story in one line: enough for tables and for choosing, derived from its record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Entry {
    /// The name of its files, without their ending.
    pub name: String,
    /// What its prompt is called in names.
    pub prompt: String,
    /// The preset with its changes.
    pub preset: String,
    /// The seed.
    pub seed: u64,
    /// Why it ended.
    pub stop: StopReason,
    /// Words that were told.
    pub words: usize,
    /// Tokens that were told.
    pub tokens: usize,
    /// Rows of logits that were computed to decide about them.
    pub evaluations: usize,
    /// The mean of the tokens' log-probabilities, the model's own, in nats.
    pub mean_log_p: f64,
    /// Seconds from the first token to the end.
    pub seconds: f64,
}

impl Entry {
    /// The line of this record.
    #[must_use]
    pub fn of(name: String, prompt: &str, record: &Record) -> Self {
        Self {
            name,
            prompt: prompt.to_owned(),
            preset: record.preset.clone(),
            seed: record.seed,
            stop: record.stop.clone(),
            words: record.text.split_whitespace().count(),
            tokens: record.tokens.len(),
            evaluations: record.evaluations,
            mean_log_p: record.mean_log_p,
            seconds: record.times.tell,
        }
    }
}

/// What stories come to together.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Sums {
    /// Stories.
    pub stories: usize,
    /// Their words.
    pub words: usize,
    /// Their tokens.
    pub tokens: usize,
    /// Rows of logits that were computed.
    pub evaluations: usize,
    /// Stories that the model ended.
    pub ended: usize,
    /// Stories that met a stop string.
    pub stopped: usize,
    /// Stories as long as asked for.
    pub full: usize,
    /// Stories that filled the context.
    pub context: usize,
    /// Stories that only repeated themselves in the end.
    pub looped: usize,
    /// Stories that failed.
    pub failed: usize,
    /// Seconds from their first tokens to their ends, together.
    pub seconds: f64,
}

impl Sums {
    /// One more.
    pub fn add(&mut self, entry: &Entry) {
        self.stories += 1;
        self.words += entry.words;
        self.tokens += entry.tokens;
        self.evaluations += entry.evaluations;
        self.seconds += entry.seconds;
        *match entry.stop {
            StopReason::End => &mut self.ended,
            StopReason::Stop(_) => &mut self.stopped,
            StopReason::Tokens => &mut self.full,
            StopReason::Context => &mut self.context,
            StopReason::Loop => &mut self.looped,
            // An interrupted story is never kept; one that says so is no whole story.
            StopReason::Interrupted | StopReason::Failed(_) => &mut self.failed,
        } += 1;
    }

    /// By preset, in the order in which presets appear.
    #[must_use]
    pub fn by_preset<'e>(entries: impl Iterator<Item = &'e Entry>) -> Vec<(String, Self)> {
        let mut sums: Vec<(String, Self)> = Vec::new();
        for entry in entries {
            let at = sums.iter().position(|(preset, _)| *preset == entry.preset).unwrap_or_else(|| {
                sums.push((entry.preset.clone(), Self::default()));
                sums.len() - 1
            });
            sums[at].1.add(entry);
        }
        sums
    }
}
