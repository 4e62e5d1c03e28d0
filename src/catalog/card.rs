//! What a person wants to know of a model before it is loaded.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use super::layers::{Layer, layers};
use crate::gguf::{Header, Kind, Tensor, Value, mixture};

/// A model file, or several that are one model.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ModelCard {
    /// The file, the first one where there are several.
    pub path: PathBuf,
    /// In how many files it comes.
    pub parts: usize,
    /// All files together, in bytes.
    pub size: u64,
    /// What the model calls itself.
    pub name: Option<String>,
    /// The family: `llama`, `qwen3`, `mamba`.
    pub architecture: String,
    /// The number of weights.
    pub parameters: u64,
    /// All weights, in bytes.
    pub weights: u64,
    /// What people call its mixture of types, such as `Q4_K_M`, as the file says; where it does not, the type of most weights.
    pub quantisation: Option<&'static str>,
    /// All types of weights, that of most weights first.
    pub types: Vec<Share>,
    /// The longest text in tokens that the model was trained on.
    pub context: Option<u64>,
    /// What it is written in.
    pub vocabulary: Vocabulary,
    /// The size of the vector that stands for a token.
    pub embedding: u64,
    /// Layers.
    pub layers: usize,
    /// Attention heads of a layer.
    pub heads: Option<u64>,
    /// Those of them that have keys and values of their own.
    pub kv_heads: Option<u64>,
    /// The sizes of a key and of a value of one head.
    pub head_sizes: Option<[u64; 2]>,
    /// The tokens that some layers look back over; `None` where all see the whole text.
    pub window: Option<u64>,
    /// Experts of a layer, and how many of them a token uses.
    pub experts: Option<[u64; 2]>,
    /// Whether it brings a chat template.
    pub template: bool,
    /// What its makers advise for sampling, as the file has it under `general.sampling.`.
    pub sampling: BTreeMap<String, String>,
    /// What each layer weighs and remembers.
    #[serde(skip)]
    pub layer: Vec<Layer>,
    /// The weights of the output in bytes, and those of the input, which stay with the processor.
    #[serde(skip)]
    pub ends: [u64; 2],
    /// The largest size of a vector inside of a layer.
    #[serde(skip)]
    pub widest: u64,
}

/// How much of a model is of one type.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Share {
    /// The type.
    #[serde(rename = "type")]
    pub kind: Kind,
    /// Of all weights, 0 to 1.
    pub share: f64,
}

/// A vocabulary.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Vocabulary {
    /// `gpt2` is byte-level BPE, `llama` `SentencePiece`; `None` where the file has no vocabulary.
    pub kind: Option<String>,
    /// How many tokens it has.
    pub size: u64,
}

impl ModelCard {
    /// Reads the headers of a model. Any part of a model in several files stands for the whole.
    ///
    /// # Errors
    /// A file cannot be read, is no GGUF of a model, or is one of several that are not all there.
    pub fn read(path: &Path) -> Result<Self> {
        let deed = || format!("cannot read the model `{}`", path.display());
        let (path, headers) = Header::read_parts(path).with_context(deed)?;
        Self::of(&path, &headers).with_context(deed)
    }

    /// What the headers of one model say; the first one holds the metadata.
    ///
    /// # Errors
    /// They are no model's.
    pub fn of(path: &Path, headers: &[Header]) -> Result<Self> {
        let header = headers.first().context("it has no header")?;
        let tensors: Vec<&Tensor> = headers.iter().flat_map(|header| &header.tensors).collect();
        ensure!(!tensors.is_empty(), "it is a GGUF without weights");
        let architecture = header.text("general.architecture").context("it does not name its architecture")?.to_owned();
        let own = |key: &str| format!("{architecture}.{key}");
        let count = header.whole(&own("block_count")).unwrap_or(0);
        ensure!(count <= tensors.len() as u64, "it is damaged: it names {count} layers, and has {} tensors", tensors.len());
        let parameters = total(tensors.iter().map(|tensor| tensor.numbers))?;
        let weights = total(tensors.iter().map(|tensor| tensor.bytes))?;
        let types = shares(&tensors, parameters);
        let embedding = header.whole(&own("embedding_length")).unwrap_or(0);
        let heads = header.largest(&own("attention.head_count")).filter(|&heads| heads > 0);
        let size = |key: &str| header.whole(&own(key)).or(heads.map(|heads| embedding / heads));
        Ok(Self {
            path: path.to_owned(),
            parts: headers.len(),
            size: total(headers.iter().map(|header| header.size))?,
            name: header.text("general.name").map(str::to_owned),
            parameters,
            weights,
            quantisation: header
                .whole("general.file_type")
                .and_then(mixture)
                .or_else(|| types.first().map(|share| share.kind.name())),
            types,
            context: header.whole(&own("context_length")),
            vocabulary: Vocabulary {
                kind: header.text("tokenizer.ggml.model").filter(|kind| *kind != "none").map(str::to_owned),
                size: header.length("tokenizer.ggml.tokens").or(header.whole(&own("vocab_size"))).unwrap_or(0),
            },
            embedding,
            layers: usize::try_from(count)?,
            heads,
            kv_heads: header.largest(&own("attention.head_count_kv")).or(heads),
            head_sizes: size("attention.key_length").zip(size("attention.value_length")).map(|(key, value)| [key, value]),
            window: header.whole(&own("attention.sliding_window")).filter(|&window| window > 0),
            experts: header
                .whole(&own("expert_count"))
                .filter(|&experts| experts > 0)
                .map(|experts| [experts, header.whole(&own("expert_used_count")).unwrap_or(0)]),
            template: header.metadata.contains_key("tokenizer.chat_template"),
            sampling: advice(header),
            layer: layers(header, &architecture, &tensors, usize::try_from(count)?),
            ends: ends(&tensors),
            widest: header.largest(&own("feed_forward_length")).unwrap_or(0).max(embedding),
            architecture,
        })
    }

    /// The name of the model, or of its file.
    #[must_use]
    pub fn title(&self) -> String {
        self.name.clone().unwrap_or_else(|| self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned())
    }
}

/// How the makers of the model advise to sample it, each value by its key.
fn advice(header: &Header) -> BTreeMap<String, String> {
    let advised = header.metadata.iter().filter_map(|(key, value)| {
        let key = key.strip_prefix("general.sampling.")?;
        Some((key.to_owned(), plain(value)?))
    });
    advised.collect()
}

/// The bytes of the output, and of what turns tokens into vectors. Where the output has no weights of its own, it uses those.
fn ends(tensors: &[&Tensor]) -> [u64; 2] {
    let bytes = |names: &[&str]| -> u64 {
        let named = tensors.iter().filter(|tensor| names.iter().any(|name| tensor.name.starts_with(name)));
        named.map(|tensor| tensor.bytes).sum()
    };
    let (input, output) = (bytes(&["token_embd", "per_layer_token_embd"]), bytes(&["output"]));
    [if output < input / 2 { input + output } else { output }, input]
}

/// The sum of sizes from a file, which may be any numbers.
fn total(mut sizes: impl Iterator<Item = u64>) -> Result<u64> {
    sizes.try_fold(0_u64, u64::checked_add).context("it is damaged: its sizes cannot be")
}

fn shares(tensors: &[&Tensor], parameters: u64) -> Vec<Share> {
    let mut counts: BTreeMap<Kind, u64> = BTreeMap::new();
    for tensor in tensors {
        *counts.entry(tensor.kind).or_default() += tensor.numbers;
    }
    let share = |(kind, count): (Kind, u64)| Share { kind, share: count as f64 / parameters.max(1) as f64 };
    let mut shares: Vec<Share> = counts.into_iter().map(share).collect();
    shares.sort_by(|a, b| b.share.total_cmp(&a.share));
    shares
}

/// A value as a person would write it.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::Whole(number) => Some(number.to_string()),
        // What was written with 32 bits is read with them: 0.7 and not 0.699999988079071.
        #[allow(clippy::cast_possible_truncation)]
        Value::Real(number) => Some((*number as f32).to_string()),
        Value::Truth(truth) => Some(truth.to_string()),
        Value::Text(text) => Some(text.clone()),
        Value::Numbers(_) | Value::Many(_) => None,
    }
}
