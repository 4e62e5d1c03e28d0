//! What the application needs of a backend: a loaded model that cuts texts into tokens and opens memories.

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Result;

use crate::chat::{Renderer, Script, Template};
use crate::files::Sums;
use crate::model::{Model, SessionOptions, SessionSettings, Token, Vocabulary};

/// What a model file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelInfo {
    /// The file, as it was given; where there are several, the first one.
    pub path: PathBuf,
    /// What the model calls itself.
    pub name: Option<String>,
    /// The family, as llama.cpp names it: `llama`, `qwen3`, `mamba`.
    pub architecture: String,
    /// How most weights are stored, as people call it: `Q4_K_M`.
    pub quantisation: Option<String>,
    /// The size of the file in bytes.
    pub file_size: u64,
    /// The weights in bytes.
    pub size: u64,
    /// The longest text in tokens that the model was trained on.
    pub trained_context: usize,
    /// Whether the weights are kept from being written out to disk.
    pub locked: bool,
}

/// A memory of branches that can be emptied, and that knows what it computes with.
pub trait Session: Model {
    /// What it runs with, every default filled in.
    fn settings(&self) -> &SessionSettings;

    /// Forgets all branches: after that it is as a new one.
    fn clear(&mut self);
}

/// A loaded model. The application is written against this; llama.cpp's weights and [`ToyBackend`](super::ToyBackend)
/// implement it.
pub trait Backend: Send + Sync {
    /// What the model file is.
    fn info(&self) -> &ModelInfo;

    /// The vocabulary.
    fn vocabulary(&self) -> &Vocabulary;

    /// Cuts a text into tokens; `begins` puts the token before it with which texts begin, if the model wants one, and
    /// `parse_special` reads names of control tokens as those.
    ///
    /// # Errors
    /// The text cannot be cut.
    fn tokenize(&self, text: &str, begins: bool, parse_special: bool) -> Result<Vec<Token>>;

    /// Cuts a text that goes on behind another one into tokens: as [`Backend::tokenize`], with nothing put before it. Every name of a
    /// control token in it is letters.
    ///
    /// # Errors
    /// As there.
    fn tokenize_on(&self, text: &str) -> Result<Vec<Token>>;

    /// Cuts a conversation into tokens: names of control tokens are those where the template wrote them, and letters elsewhere.
    ///
    /// # Errors
    /// As [`Backend::tokenize`].
    fn tokenize_script(&self, script: &Script) -> Result<Vec<Token>>;

    /// No text of more bytes than this has so few tokens; `None` where that is not known.
    fn longest_text(&self, tokens: usize) -> Option<usize>;

    /// The chat template of the file, to be rendered by this renderer; `None` for a base model.
    fn chat_template(&self, renderer: Arc<dyn Renderer>) -> Option<Template>;

    /// The names of all control tokens.
    fn control_names(&self) -> Vec<String>;

    /// The texts of the tokens that begin and end a text; empty where the model has none.
    fn ends_of_text(&self) -> (String, String);

    /// The token of this name; `None` where it is no token of its own.
    fn token_named(&self, name: &str) -> Option<Token>;

    /// A new, empty memory.
    ///
    /// # Errors
    /// An option outside its range, a combination that the backend refuses, or not enough memory.
    fn open(&self, options: &SessionOptions) -> Result<Box<dyn Session + '_>>;

    /// The SHA-256 of the file that was loaded, in hexadecimal digits.
    ///
    /// # Errors
    /// The file cannot be read again, or was written to since.
    fn sha256(&self) -> Result<String>;

    /// The SHA-256 of every adapter that was loaded onto the model, in the order in which they were asked for.
    ///
    /// # Errors
    /// As [`Backend::sha256`].
    fn adapter_sums(&self) -> Result<Vec<String>>;

    /// The SHA-256 of every file of the model and of its adapters, in hexadecimal digits; those that are remembered are not computed
    /// again.
    ///
    /// # Errors
    /// As [`Backend::sha256`].
    fn sums(&self, known: &Sums) -> Result<Vec<String>>;

    /// Whether the file is as it was when it was loaded: mapped weights change with it.
    fn is_unchanged(&self) -> bool;

    /// What the backend says of itself, for records.
    fn version(&self) -> String;

    /// What the backend uses of the processor: equal settings compute equal bits only where this is equal, too.
    fn system(&self) -> String;
}
