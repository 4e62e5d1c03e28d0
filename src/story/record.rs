//! The record of a story: all that is needed to tell it again, and what it cost.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::{Mode, StopReason, TracedToken};
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
    /// How it was put to the model.
    #[serde(default)]
    pub mode: Mode,
    /// Whether names of control tokens in the writer's texts were taken as those tokens.
    #[serde(default)]
    pub parse_special: bool,
    /// What was told, without the prompt; behind the writer's own words where they began the answer to a request.
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
    /// How often the model forgot the older half of what it saw of the story, to go on at a full context.
    #[serde(default)]
    pub slides: usize,
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
#[allow(clippy::struct_excessive_bools, reason = "each is one switch of the command line")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Run {
    /// The most tokens to tell.
    pub limit: usize,
    /// The most tokens of prompt and story that the model saw together.
    pub context: usize,
    /// Before so many tokens no end of the model's was taken.
    #[serde(default)]
    pub min_tokens: usize,
    /// Whether it was to go on at a full context.
    #[serde(default)]
    pub slides: bool,
    /// Whether it was to go on where it only repeated itself: so did all before records told.
    #[serde(default = "yes")]
    pub may_loop: bool,
    /// Drafts that were told together, this one among them: the bits depend on who is beside it.
    #[serde(default = "one")]
    pub drafts: usize,
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
    /// Layers asked to be on GPUs, as many as were found to fit where nothing was said; `None` where there is no GPU.
    pub gpu_layers: Option<u32>,
    /// The GPUs that it could use, by name.
    #[serde(default)]
    pub devices: Vec<String>,
    /// Which of them held everything, with `split` at `none`.
    #[serde(default)]
    pub main_gpu: usize,
    /// How the model was divided among them: `none`, `layer` or `row`.
    #[serde(default = "by_layer")]
    pub split: String,
    /// Whether the file was mapped and not read.
    #[serde(default = "yes")]
    pub mmap: bool,
    /// Whether the weights were kept from being written out.
    #[serde(default)]
    pub mlock: bool,
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
    /// Asks whether a record can be written there, before a long story is told and not after it.
    ///
    /// # Errors
    /// The folder does not exist or takes no new file, or the path is that of a folder.
    pub fn check_place(path: &Path) -> Result<()> {
        let check = || if special(path)? { Ok(()) } else { beside(path).map(drop) };
        check().with_context(|| refusal(path))
    }

    /// The record as it stands in a file.
    ///
    /// # Errors
    /// None that a record could bring.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        // With a trace the file is read by programs, and would be twice as long with every number on a line of its own.
        let to_json = if self.trace.is_empty() { serde_json::to_vec_pretty } else { serde_json::to_vec };
        let mut text = to_json(self).context("cannot write the record as JSON")?;
        text.push(b'\n');
        Ok(text)
    }

    /// Writes the record, whole or not at all: into a file beside it that then takes its place. What is no ordinary file,
    /// such as a pipe, is written to as it is.
    ///
    /// # Errors
    /// The file cannot be written; what stood there before still does.
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = self.to_json().with_context(|| refusal(path))?;
        let write = || {
            if special(path)? {
                return OpenOptions::new().write(true).open(path)?.write_all(&text);
            }
            let mut file = beside(path)?;
            file.write_all(&text)?;
            file.as_file().sync_all()?;
            // Behind a link stands the file that is meant.
            file.persist(path.canonicalize().as_deref().unwrap_or(path)).map_err(|error| error.error)?;
            Ok(())
        };
        write().with_context(|| refusal(path))
    }
}

/// How a model was divided before records told.
fn by_layer() -> String {
    "layer".to_owned()
}

/// How many were told together before records told.
fn one() -> usize {
    1
}

/// How a file was read before records told.
fn yes() -> bool {
    true
}

fn refusal(path: &Path) -> String {
    format!("cannot write the record `{}`", path.display())
}

/// Whether something stands there that must not be replaced by a file: a device or a pipe.
fn special(path: &Path) -> io::Result<bool> {
    match path.metadata() {
        Ok(facts) if facts.is_dir() => Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a folder")),
        Ok(facts) => Ok(!facts.is_file()),
        Err(_) => Ok(false),
    }
}

/// A new file in the folder of `path`, which vanishes if it does not take a place.
fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let path = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As any new file: the process's mask takes from it what the person does not want. A temporary file is secret else.
        builder.permissions(std::fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}
