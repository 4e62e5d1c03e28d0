//! Why a story ended.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The ordinary endings of a story.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StopReason {
    /// The model ended it: an end-of-generation token was taken.
    End,
    /// This stop string was met; it is not part of the text.
    Stop(String),
    /// As many tokens as were asked for have been told.
    Tokens,
    /// The context holds no further token.
    Context,
    /// It was interrupted from outside.
    Interrupted,
}

impl fmt::Display for StopReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::End => f.write_str("the model ended the story"),
            Self::Stop(stop) => write!(f, "met the stop string {stop:?}"),
            Self::Tokens => f.write_str("all tokens that were asked for are told"),
            Self::Context => f.write_str("the context is full"),
            Self::Interrupted => f.write_str("interrupted"),
        }
    }
}
