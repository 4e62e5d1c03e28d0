//! The record of a story: all that is needed to tell it again, and what it cost.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::{StopReason, TracedToken};
use crate::prob::Token;

/// The version of the form of a record; it rises when a field changes its meaning.
pub const FORMAT: u32 = 1;

/// A story with everything that decided about it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Record {
    /// [`FORMAT`].
    pub format: u32,
    /// The prompt as text.
    pub prompt: String,
    /// What was told, without the prompt.
    pub text: String,
    /// Why it ended.
    pub stop: StopReason,
    /// The name by which the preset was asked for.
    pub preset: String,
    /// The preset as it ran, as TOML, with all changes made.
    pub resolved: String,
    /// The seed.
    pub seed: u64,
    /// The model.
    pub model: ModelFile,
    /// How it was computed.
    pub run: Run,
    /// By which program.
    pub versions: Versions,
    /// The tokens of the prompt.
    pub prompt_tokens: Vec<Token>,
    /// The tokens that were told, one that ended the story among them.
    pub tokens: Vec<Token>,
    /// The mean of the tokens' log-probabilities, the model's own and unmodified, in nats.
    pub mean_log_p: f64,
    /// Rows of logits that were computed to decide about tokens.
    pub evaluations: usize,
    /// Decodes, those of the prompt left out.
    pub decodes: usize,
    /// Durations in seconds.
    pub times: Times,
    /// What was known and decided at each token, where that was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trace: Vec<TracedToken>,
}

/// A model file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ModelFile {
    /// Its path as it was given.
    pub file: String,
    /// Its size in bytes.
    pub size: u64,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
    /// Its architecture, as llama.cpp names it.
    pub architecture: String,
    /// The type of its weights, where the file tells.
    pub quantisation: Option<String>,
}

/// What else decides the bits of a story on one machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Run {
    /// The most tokens to tell.
    pub limit: usize,
    /// The most tokens of prompt and story together.
    pub context: usize,
    /// Strings before which the text ends.
    pub stops: Vec<String>,
    /// Candidates looked at in one decode.
    pub width: usize,
    /// Tokens the model's memory had room for.
    pub cells: usize,
    /// Branches it had room for.
    pub branches: usize,
    /// Tokens evaluated in one decode, and so the parts in which the prompt was read.
    pub batch: usize,
    /// Processor threads.
    pub threads: usize,
    /// Layers asked to be on the GPU; all that fit where nothing is said.
    pub gpu_layers: Option<u32>,
    /// `auto`, `on` or `off`.
    pub flash_attention: String,
    /// The types of remembered keys and values.
    pub cache: [String; 2],
}

/// The program and what it is made of.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Versions {
    /// The version of afterword.
    pub afterword: String,
    /// The commit it was built from, or `unknown`.
    pub commit: String,
    /// llama.cpp and ggml, as they name themselves.
    pub backend: String,
    /// The versions of the two binding crates.
    pub bindings: [String; 2],
    /// The target it was built for, and the flags.
    pub build: String,
}

/// Durations in seconds, as the edge measured them.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Times {
    /// Loading the model.
    pub load: f64,
    /// Reading the prompt.
    pub read: f64,
    /// Telling.
    pub tell: f64,
}

impl Versions {
    /// Those of this build; `backend` is what the backend says of itself.
    #[must_use]
    pub fn here(backend: String) -> Self {
        Self {
            afterword: env!("CARGO_PKG_VERSION").into(),
            commit: env!("AFTERWORD_COMMIT").into(),
            backend,
            bindings: [env!("AFTERWORD_LLAMA_CPP_2").into(), env!("AFTERWORD_LLAMA_SYS").into()],
            build: concat!(env!("AFTERWORD_TARGET"), " ", env!("AFTERWORD_PROFILE"), " ", env!("AFTERWORD_RUSTFLAGS")).into(),
        }
    }
}

impl Record {
    /// Writes the record, whole or not at all: into a file beside it that then takes its place.
    ///
    /// # Errors
    /// The file cannot be written; what stood there before still does.
    pub fn write(&self, path: &Path) -> Result<()> {
        let write = || -> Result<()> {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            serde_json::to_writer_pretty(&mut file, self)?;
            file.write_all(b"\n")?;
            file.as_file().sync_all()?;
            file.persist(path)?;
            Ok(())
        };
        write().with_context(|| format!("cannot write the record `{}`", path.display()))
    }
}
