//! How a prompt was put to the model.

use serde::{Deserialize, Serialize};

/// What stands between a request and the answer to it, for a reader who knows no chat.
pub const APART: &str = "\n\n";

/// The two ways to put a prompt.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// As the beginning of a text that goes on.
    #[default]
    Raw,
    /// As a request in the model's own chat template; the story is the answer.
    Chat(Box<Chat>),
}

/// A request and its surroundings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Chat {
    /// What the model was told about itself.
    pub system: Option<String>,
    /// The words of the writer's with which the answer begins; they are part of the story.
    pub prefill: String,
    /// What the model thought before it answered; `None` where it was not to think.
    pub thinking: Option<String>,
    /// The whole text that the story goes on from, with the thinking and the beginning of the answer.
    pub rendered: String,
}
