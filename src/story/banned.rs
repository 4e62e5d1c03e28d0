//! What was not to be said, and was told otherwise.

use serde::{Deserialize, Serialize};

use crate::prob::Token;

/// A place that a story went back to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Rewind {
    /// The number of the token that was drawn anew, counted from 0.
    pub at: usize,
    /// The phrase or the pattern, as it is written.
    pub ban: String,
    /// What was found, as it stood in the text, as far as nobody had heard it.
    pub text: String,
    /// The tokens that were taken back, the one that was banned first.
    pub tokens: Vec<Token>,
}

/// A ban that stands in a story, since nothing else would come there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Stood {
    /// The number of the token with which it was complete, counted from 0.
    pub at: usize,
    /// The phrase or the pattern, as it is written.
    pub ban: String,
}

/// What became of bans in a story.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Banned {
    /// How often the story had gone back before it was gone on with: noise that is new with every time begins behind these.
    #[serde(default, skip_serializing_if = "super::record::is_none")]
    pub before: usize,
    /// The places that it went back to, in the order in which it did.
    pub rewinds: Vec<Rewind>,
    /// What stands in it all the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stood: Vec<Stood>,
}

impl Banned {
    /// Whether nothing banned was met.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// How often the story had gone back when this token was drawn that stands in it: the time under whose noise it was.
    #[must_use]
    pub fn time_of(&self, token: usize) -> usize {
        // Who goes back to a token draws it under the noise that it had.
        let last = self.rewinds.iter().rposition(|rewind| rewind.at < token);
        self.before.saturating_add(last.map_or(0, |last| last + 1))
    }

    /// The same, counted in a story that begins with this token of the other.
    #[must_use]
    pub fn counted_from(mut self, first: usize) -> Self {
        self.rewinds.iter_mut().for_each(|rewind| rewind.at = rewind.at.saturating_sub(first));
        self.stood.iter_mut().for_each(|stood| stood.at = stood.at.saturating_sub(first));
        self
    }
}
