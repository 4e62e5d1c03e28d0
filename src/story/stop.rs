//! Why a story ended.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::sampler::TextUnit;

/// The endings of a story: the ordinary ones, and the one that nobody asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    /// The model ended it: an end-of-generation token was taken.
    End,
    /// This stop string was met; it is not part of the text.
    Stop(String),
    /// As many tokens as were asked for have been told; where it was to end with a whole unit of text, as many more as that may take.
    Tokens,
    /// As many tokens as were asked for have been told, and so has the end of the sentence or paragraph in which it then was. What the
    /// last tokens hold behind that end is no part of the text.
    Whole(TextUnit),
    /// The context holds no further token.
    Context,
    /// It repeated itself for good: its end was one phrase over and over.
    Loop,
    /// It was interrupted from outside.
    Interrupted,
    /// It could not go on, for this reason; what was told until then is kept.
    Failed(String),
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::End => f.write_str("the model ended the story"),
            Self::Stop(stop) => write!(f, "met the stop string {stop:?}"),
            Self::Tokens => f.write_str("as long as asked for"),
            Self::Whole(TextUnit::Sentence) => f.write_str("as long as asked for, to the end of a sentence"),
            Self::Whole(TextUnit::Paragraph) => f.write_str("as long as asked for, to the end of a paragraph"),
            Self::Context => f.write_str("the context is full"),
            Self::Loop => f.write_str("it only repeated itself"),
            Self::Interrupted => f.write_str("interrupted"),
            Self::Failed(cause) => write!(f, "failed: {cause}"),
        }
    }
}
