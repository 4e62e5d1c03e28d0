//! The record of a story: all that is needed to tell it again, and what it cost.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::{APART, Banned, Mode, StopReason, TracedToken};
use crate::files::{Form, Inputs, Output};
use crate::model::{Adapter, CacheType, FlashAttention, LoadOptions, SessionOptions, Split};
use crate::prob::Token;
use crate::sampler::TextUnit;

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
    /// The end of the prompt, or of the writer's own words where they began the answer, that its tokens leave out: the first tokens told
    /// spell it, and what they hold behind it is where the text begins.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub healed: String,
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
    /// Where it was gone on with, the last time; what the record says of costs and settings is of what was told since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumed: Option<Resumed>,
    /// Which of several drafts it is; none where it was told alone, and in records of drafts from before they told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub draft: Option<Draft>,
    /// The SHA-256 of the table of what is usual after a token, where openness was measured against it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
    /// By which program.
    pub versions: Versions,
    /// The tokens of the prompt.
    pub prompt_tokens: Vec<Token>,
    /// How many of the last of these were told before, in a text that grows: to waves and noise the story began before them.
    #[serde(default, skip_serializing_if = "is_none")]
    pub clock: usize,
    /// The tokens that were told, one that ended the story among them.
    pub tokens: Vec<Token>,
    /// What a stage that steers by every draw remembered at the end: μ of Mirostat in bits, the average of adaptive-p.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<f64>,
    /// What was not to be said and was told otherwise, of what was told last.
    #[serde(default, skip_serializing_if = "Banned::is_none")]
    pub banned: Banned,
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

/// Where a story was gone on with.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Resumed {
    /// How many of its tokens stood before.
    pub tokens: usize,
    /// How many of the last of these were not drawn, but put there by the writer.
    #[serde(default)]
    pub taken: usize,
    /// What a stage that steers by every draw remembered there; nothing where it began afresh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub feedback: Option<f64>,
}

/// A story among drafts that were told together, under seeds that follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Draft {
    /// Its number among them, counted from 1. There are [`Run::drafts`] of them.
    pub number: usize,
    /// Whether all candidates were looked at, even where that could not matter. It changes no decision, but who is computed
    /// beside whom, and so the bits.
    #[serde(default)]
    pub exhaustive: bool,
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

/// A LoRA adapter that was added to the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AdapterFile {
    /// Its path as it was given.
    pub file: String,
    /// Its SHA-256, in hexadecimal digits.
    pub sha256: String,
    /// How often it was added.
    pub scale: f32,
}

/// What else decides the bits of a story on one machine.
#[allow(clippy::struct_excessive_bools, reason = "each is one switch of the command line")]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Run {
    /// The most tokens to tell.
    pub limit: usize,
    /// The unit of text that was to be ended at the limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<TextUnit>,
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
    /// The finding that width and threads are those of, by the name of its file, where one was kept for the model and the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tuned: Option<String>,
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
    /// How the model was divided among them.
    #[serde(default)]
    pub split: Split,
    /// Whether the file was mapped and not read.
    #[serde(default = "yes")]
    pub mmap: bool,
    /// Whether the weights were kept from being written out.
    #[serde(default)]
    pub mlock: bool,
    /// Whether attention was computed without storing its matrix.
    pub flash_attention: FlashAttention,
    /// The types of remembered keys and values.
    pub cache: [CacheType; 2],
    /// What was added to the model's weights.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adapters: Vec<AdapterFile>,
}

impl Run {
    /// How the model was loaded. A story of a processor stays there, also where there is a GPU now.
    #[must_use]
    pub fn load_options(&self) -> LoadOptions {
        let gpu_layers = self.gpu_layers.unwrap_or(0);
        let devices = match (gpu_layers, self.devices.is_empty()) {
            (0, _) => Some(Vec::new()),
            (_, true) => None,
            (_, false) => Some(self.devices.clone()),
        };
        LoadOptions {
            devices,
            main_gpu: self.main_gpu,
            split: self.split,
            gpu_layers: Some(gpu_layers),
            use_mmap: self.mmap,
            use_mlock: self.mlock,
            adapters: self.adapters.iter().map(|one| Adapter { file: PathBuf::from(&one.file), scale: one.scale }).collect(),
        }
    }

    /// What its memory was asked for.
    #[must_use]
    pub fn session_options(&self) -> SessionOptions {
        SessionOptions {
            cells: self.cells,
            branches: self.branches,
            batch: self.batch,
            threads: Some(self.threads),
            flash_attention: self.flash_attention,
            keys: self.cache[0],
            values: self.cache[1],
        }
    }
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
    /// How many of its tokens stood before it was gone on with, the last time.
    #[must_use]
    pub fn stood(&self) -> usize {
        self.resumed.map_or(0, |resumed| resumed.tokens.min(self.tokens.len()))
    }

    /// What its text goes on from, for a reader who knows no chat: the prompt, and behind a request an empty line.
    #[must_use]
    pub fn lead(&self) -> String {
        match self.mode {
            Mode::Raw => self.prompt.clone(),
            Mode::Chat(_) => format!("{}{APART}", self.prompt),
        }
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

    /// Writes the record to a file, as [`Output`] does.
    ///
    /// # Errors
    /// The file cannot be written, or what stands there is no record; it still does.
    pub fn write(&self, path: &Path) -> Result<()> {
        Output::new(path, Form::RECORD, &Inputs::default())?.write(&self.to_json()?)
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out references")]
pub(crate) fn is_none(count: &usize) -> bool {
    *count == 0
}

/// How many were told together before records told.
fn one() -> usize {
    1
}

/// How a file was read before records told.
fn yes() -> bool {
    true
}
