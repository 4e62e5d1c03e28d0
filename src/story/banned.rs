//! What was not to be said, and was told otherwise.

use serde::{Deserialize, Serialize};

use crate::prob::Token;

/// A place that a story went back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rewind {
    /// The number of the token that was drawn anew, counted from 0.
    pub at: usize,
    /// What was found, as it stood in the text.
    pub text: String,
    /// The tokens that were taken back, the one that was banned first.
    pub tokens: Vec<Token>,
}

/// What became of bans in a story.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Banned {
    /// The places that it went back to, in the order in which it did.
    pub rewinds: Vec<Rewind>,
    /// How many bans stand in it, since nothing else would come there.
    pub stood: usize,
}

impl Banned {
    /// Whether nothing banned was met.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.rewinds.is_empty() && self.stood == 0
    }
}
