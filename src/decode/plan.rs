//! What story is to be told, and what came of it.

use anyhow::{Result, bail, ensure};

use crate::model::Lexicon;
use crate::prob::Token;
use crate::sampler::Sampler;
use crate::story::StopReason;

/// What story is to be told.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The decisions.
    pub sampler: Sampler,
    /// The tokens that the story goes on from, at least 1.
    pub prompt: Vec<Token>,
    /// The seed of its noise.
    pub seed: u64,
    /// The most tokens to tell, at least 1; `usize::MAX` where only the context ends it.
    pub max_tokens: usize,
    /// The most tokens of prompt and story that the model sees together.
    pub context: usize,
    /// Whether a story goes on at a full context: with the prompt and the later half of what the model saw of the story, read
    /// afresh. Without, it ends there.
    pub context_shift: bool,
    /// Whether a story ends that only repeats itself: whose last tokens are a phrase of at most 64 tokens over and over, at
    /// least three times and over at least 96 tokens. Without, it goes on.
    pub stop_on_loop: bool,
    /// Strings before which the text ends.
    pub stops: Vec<String>,
}

impl Plan {
    /// A story of so many tokens, in a context that holds it all: it ends as long as asked for, unless the model ends it.
    #[must_use]
    pub fn new(sampler: Sampler, prompt: Vec<Token>, seed: u64, max_tokens: usize) -> Self {
        let context = prompt.len().saturating_add(max_tokens);
        Self { sampler, prompt, seed, max_tokens, context, context_shift: false, stop_on_loop: false, stops: Vec::new() }
    }

    /// The most tokens that will be told: what a schedule over the length of the story goes by.
    #[must_use]
    pub fn planned(&self) -> usize {
        let room = self.context.saturating_sub(self.prompt.len());
        if self.context_shift { self.max_tokens } else { self.max_tokens.min(room) }
    }

    /// Whether it can be told at all, wherever there is room for it.
    ///
    /// # Errors
    /// An empty prompt, one that leaves no room in the context, no token to be told, or a sampler that does not fit the
    /// vocabulary.
    pub fn check(&self, lexicon: &Lexicon) -> Result<()> {
        let (prompt, context) = (self.prompt.len(), self.context);
        ensure!(prompt > 0, "the prompt is empty");
        if prompt >= context {
            bail!("the prompt has {prompt} tokens and leaves no room for a story in a context of {context}");
        }
        ensure!(self.max_tokens > 0, "no token is to be told");
        self.sampler.check(lexicon)
    }
}

/// What a story has cost so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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
    pub context_shifts: usize,
}

/// A story that has ended, however it did: one that broke off is one whose stop is [`StopReason::Failed`].
#[derive(Debug, Clone, PartialEq)]
pub struct Completion {
    /// The tokens, one that ended the story among them.
    pub tokens: Vec<Token>,
    /// The text without the prompt.
    pub text: String,
    /// Why it ended.
    pub stop: StopReason,
    /// The sum of the tokens' log-probabilities, the model's own and unmodified, in nats.
    pub log_p: f64,
    /// What it cost.
    pub counts: Counts,
}

impl Completion {
    /// A story that ended before it began, behind a prompt of so many tokens.
    #[must_use]
    pub fn unbegun(prompt: usize, stop: StopReason) -> Self {
        let counts = Counts { prompt, ..Counts::default() };
        Self { tokens: Vec::new(), text: String::new(), stop, log_p: 0.0, counts }
    }

    /// Why it broke off, if it did.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        match &self.stop {
            StopReason::Failed(cause) => Some(cause),
            _ => None,
        }
    }

    /// Whether the model ended the story before there was a word of it.
    #[must_use]
    pub fn ended_at_once(&self) -> bool {
        self.stop == StopReason::End && self.text.trim().is_empty()
    }
}
