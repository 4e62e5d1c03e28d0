//! Refusals that an edge can help with: what is wrong in words, and what would help as data.
//!
//! A command line names an option, a server a field of its request, an interface a button; so what would help is no text here.

use std::fmt;
use std::path::PathBuf;

use crate::catalog::{Instead, Misfit};
use crate::sampler::Horizon;

/// Something that was asked for and cannot be done, with what would help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The deed and its cause, in one sentence.
    pub message: String,
    /// What would help.
    pub remedy: Remedy,
    /// Whether the request itself cannot be meant, whatever the machine.
    pub is_usage: bool,
}

/// What would help.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Remedy {
    /// A context of up to so many tokens.
    LargerContext(usize),
    /// A shorter prompt.
    ShorterPrompt,
    /// A story of fewer tokens.
    FewerTokens,
    /// The end of the prompt alone, from its last so many bytes on; it is all of one-byte characters.
    LastBytes(usize),
    /// The end of the prompt alone, its last so many characters.
    LastCharacters(usize),
    /// A preset that looks at fewer candidates.
    FewerCandidates,
    /// A beginning of the story instead of a request, without what asked for one: the model has no chat template.
    NoChat(AsksForChat),
    /// The prompt as a beginning, without the chat template.
    Raw,
    /// Names of control tokens in the prompt taken as those tokens, or the prompt as a beginning.
    ParseSpecialOrRaw,
    /// More tokens than the least number of them, or fewer of those.
    MinTokensWithinMax,
    /// A stop text of at least one character, or none.
    LeaveOutStop,
    /// The prompt of the record told again.
    TellAgain,
    /// A place in a story, counted from 1 up to this.
    PlaceUpTo(usize),
    /// The record that the story had before it was gone on with.
    EarlierRecord,
    /// Another word.
    OtherWord,
    /// Another folder.
    AnotherFolder,
    /// To start anew, in a folder beside it.
    StartAnew,
    /// A table of what is usual after each token of this model.
    Calibrate {
        /// The model's file.
        model: PathBuf,
        /// Over how many of the likeliest tokens.
        entropy_top: usize,
        /// To which horizon.
        horizon: Horizon,
    },
    /// What would fit into memory.
    Fit(Instead),
}

/// What makes a prompt a request, for which a model needs a chat template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AsksForChat {
    /// That it is to be put as one.
    Put,
    /// A text that tells the model who it is.
    System,
    /// Words that begin its answer.
    Prefill,
    /// That the model is to think.
    Thinking,
}

impl Refusal {
    /// A refusal of a request that could be right elsewhere.
    pub(crate) fn new(message: impl Into<String>, remedy: Remedy) -> Self {
        Self { message: message.into(), remedy, is_usage: false }
    }

    /// A refusal of a request that cannot be meant.
    pub(crate) fn usage(message: impl Into<String>, remedy: Remedy) -> Self {
        Self { is_usage: true, ..Self::new(message, remedy) }
    }
}

impl From<Misfit> for Refusal {
    fn from(misfit: Misfit) -> Self {
        Self::new(misfit.to_string(), Remedy::Fit(misfit.instead()))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Refusal {}

/// It was cancelled before there was anything to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled;

impl fmt::Display for Cancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Cancelled {}
