//! A unit of text that a story may be asked to end with.

use serde::{Deserialize, Serialize};

use crate::model::Choice;

/// A unit of text, ended as [`SentenceCounter`](super::SentenceCounter) has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TextUnit {
    /// A sentence, with the quotes and brackets that close behind it.
    Sentence,
    /// A paragraph, which a line break ends.
    Paragraph,
}

impl Choice for TextUnit {
    const ALL: &'static [(Self, &'static str, &'static str)] = &[
        (Self::Sentence, "sentence", "A sentence, with the quotes and brackets that close behind it"),
        (Self::Paragraph, "paragraph", "A paragraph, which a line break ends"),
    ];
}

impl TextUnit {
    /// The most tokens of a story of `limit` tokens that may go on until the unit has ended in which it then is: half as many more
    /// for a sentence, and at least 40; as many more for a paragraph, and at least 200.
    #[must_use]
    pub fn most(self, limit: usize) -> usize {
        let more = match self {
            Self::Sentence => (limit / 2).max(40),
            Self::Paragraph => limit.max(200),
        };
        limit.saturating_add(more)
    }
}
