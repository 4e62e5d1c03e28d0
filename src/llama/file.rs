//! What can be known of a model file before it is loaded: whether it is a GGUF, and what of.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use crate::gguf::{Header, Pieces, Tensor};

/// The most tokens that a model may have been trained on: llama.cpp counts them with a sign.
const LONGEST_CONTEXT: u64 = i32::MAX as u64;

/// The most layers: llama.cpp has a table of so many (`LLAMA_MAX_LAYERS`).
const MOST_LAYERS: u64 = 512;

/// The most letters of a name by which llama.cpp looks for what it knows; it knows none of half as many.
const LONGEST_NAME: usize = 64;

/// `PLaMo`'s way of cutting text makes a table of all parts of all pieces: that takes as long as the sum of the cubes of their
/// lengths is large. Those of models have a hundredth of this, and this takes seconds.
const MOST_CUBES: u64 = 1 << 31;

/// The widest window of a layer. llama.cpp reserves memory for it before the text is that long, so a number out of nowhere would
/// cost gigabytes; models have some thousands.
const WIDEST_WINDOW: u64 = 1 << 26;

/// Reads a file with care before it is handed to llama.cpp, whose complaints are about parsing and not about what the person
/// gave, and refuses what can never tell a story before gigabytes of it are read. The cause is a clause without its subject:
/// "it is a directory".
///
/// Returns the files that the model is made of, the first one first, whichever was named.
///
/// # Errors
/// The file is missing, unreadable, a directory, empty, no GGUF, of a version that llama.cpp does not read, cut off, damaged,
/// or holds something else than a language model.
pub(super) fn check(path: &Path) -> Result<Vec<PathBuf>> {
    let (_, headers) = Header::read_parts(path)?;
    let first = headers.first().context("it has no header")?;
    ensure!(path.to_str().is_some(), "its name is not UTF-8");
    ensure!(headers.iter().any(|part| !part.tensors.is_empty()), "it is a GGUF without weights");
    describe(first)?;
    // The first part holds what is said of the model, the others only weights.
    let family = first.text("general.architecture").unwrap_or_default();
    sound(first, family)?;
    headers.iter().try_for_each(|part| multiplies(part, family))?;
    first.part_paths(path)
}

/// The architectures without a memory of what came before: they read whole texts. llama.cpp loads them and does not tell.
const WITHOUT_MEMORY: [&str; 12] = [
    "bert",
    "clef",
    "eurobert",
    "gemma-embedding",
    "jina-bert-v2",
    "jina-bert-v3",
    "llama-embed",
    "modern-bert",
    "neo-bert",
    "nomic-bert",
    "nomic-bert-moe",
    "t5encoder",
];

/// Refuses what is something else than a language model.
fn describe(header: &Header) -> Result<()> {
    let text = |key| header.text(key).unwrap_or_default();
    match text("general.type") {
        "adapter" => bail!("it is an adapter (LoRA), which changes a model and is none"),
        "mmproj" => bail!("it is the picture or sound part of a model, without the one that writes"),
        "imatrix" => bail!("it is an importance matrix for quantising, not a model"),
        _ => {}
    }
    let family = text("general.architecture");
    ensure!(!WITHOUT_MEMORY.contains(&family), "`{family}` is an embedding model, and cannot tell stories");
    ensure!(family != "wavtokenizer-dec", "`{family}` is a model of sound, and cannot tell stories");
    let vocabulary = !matches!(text("tokenizer.ggml.model"), "" | "none" | "no_vocab");
    ensure!(vocabulary, "it holds no vocabulary");
    for key in ["general.architecture", "tokenizer.ggml.model", "tokenizer.ggml.pre"] {
        let letters = text(key).chars().count();
        ensure!(letters <= LONGEST_NAME, "it is damaged: its `{key}` has {letters} letters, and can have {LONGEST_NAME}");
    }
    Ok(())
}

/// Refuses numbers that llama.cpp believes and breaks on, where it would not even say so: with a number outside the range of its
/// type, a table without end, or a call into nothing. What it checks itself, it is left to name.
fn sound(header: &Header, family: &str) -> Result<()> {
    for (key, least, most) in [
        ("context_length", 1, LONGEST_CONTEXT),
        ("block_count", 1, MOST_LAYERS),
        ("embedding_length", 1, u64::from(u32::MAX)),
        ("attention.sliding_window", 0, WIDEST_WINDOW),
    ] {
        let key = format!("{family}.{key}");
        if let Some(number) = header.whole(&key) {
            let within = (least..=most).contains(&number);
            ensure!(within, "it is damaged: its `{key}` is {number}, and can be {least} to {most}");
        }
    }
    let plamo = header.text("tokenizer.ggml.model") == Some("plamo2");
    let Pieces { longest, cubes, .. } = header.pieces;
    ensure!(!plamo || cubes <= MOST_CUBES, "it is damaged: the pieces of its vocabulary are too long, up to {longest} bytes");
    Ok(())
}

/// Refuses weights in numbers that nothing can be multiplied with.
fn multiplies(header: &Header, family: &str) -> Result<()> {
    // One thing that is called a weight is a table and no matrix: which tokens go to which experts.
    let multiplied = |name: &str| name.ends_with(".weight") && !name.contains("tid2eid");
    let strange = |tensor: &&Tensor| multiplied(&tensor.name) && !tensor.kind.multiplies();
    if let Some(Tensor { name, kind, .. }) = header.tensors.iter().find(strange).filter(|_| !family.is_empty()) {
        bail!("it is damaged: its weights `{name}` are of the type {kind}, with which nothing can be multiplied");
    }
    Ok(())
}

/// What llama.cpp says of a file that it cannot load, for people: where its words are about parsing, they stand behind ours.
pub(super) fn plain(cause: &str) -> String {
    let torn = ["failed to read", "file bounds", "unexpectedly reached end of file", "invalid magic"];
    let whole = cause.strip_prefix("device ").and_then(|rest| rest.strip_suffix(" does not support split buffers"));
    if let Some(device) = whole {
        format!("`{device}` cannot hold a matrix by its rows\nhint: divide the model by whole layers")
    } else if torn.iter().any(|words| cause.contains(words)) {
        format!("it is cut off or damaged ({cause})")
    } else {
        cause.to_owned()
    }
}
