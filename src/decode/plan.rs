//! What story is to be told, and what came of it.

use serde::{Deserialize, Serialize};

use crate::prob::Token;
use crate::sampler::Sampler;
use crate::story::StopReason;

/// What story is to be told.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The decisions.
    pub sampler: Sampler,
    /// The tokens of the prompt.
    pub prompt: Vec<Token>,
    /// The seed of its noise.
    pub seed: u64,
    /// The most tokens to tell, at least 1.
    pub tokens: usize,
    /// The most tokens of prompt and story that the model sees together.
    pub context: usize,
    /// Whether a story goes on at a full context: with the prompt and the later half of what the model saw of the story, read
    /// afresh. Without, it ends there.
    pub slides: bool,
    /// Whether a story goes on that only repeats itself: whose last tokens are a phrase of at most 64 tokens over and over, at
    /// least three times and over at least 96 tokens. Without, it ends there.
    pub may_loop: bool,
    /// Strings before which the text ends.
    pub stops: Vec<String>,
}

impl Plan {
    /// The most tokens that will be told: what a schedule over the length of the story goes by.
    #[must_use]
    pub fn planned(&self) -> usize {
        if self.slides { self.tokens } else { self.tokens.min(self.context.saturating_sub(self.prompt.len())) }
    }
}

/// What a story has cost so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Tokens of the prompt.
    pub prompt: usize,
    /// Tokens told, one that ended the story among them.
    pub tokens: usize,
    /// Rows of logits that were known to decide about tokens: the prompt's last row, which other stories may share, candidates'
    /// rows, plain steps. Plain sampling needs exactly one a token.
    pub evaluations: usize,
    /// Decodes in which the story had a part, those in which a text was read left out.
    pub decodes: usize,
    /// How often it went on without the older half of what the model saw of it.
    pub slides: usize,
}

/// A story as it was told.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// The tokens, one that ended the story among them.
    pub tokens: Vec<Token>,
    /// The text without the prompt.
    pub text: String,
    /// Why it ended; `None` while it goes on, and where it failed.
    pub stop: Option<StopReason>,
    /// What it cost.
    pub counts: Counts,
}

impl Told {
    /// Whether the model ended the story before there was a word of it.
    #[must_use]
    pub fn ended_at_once(&self) -> bool {
        self.stop == Some(StopReason::End) && self.text.trim().is_empty()
    }
}
