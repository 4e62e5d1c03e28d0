//! What can be known of a model file before it is loaded: whether it is a GGUF, and what of.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};

use crate::gguf::{Header, Tensor};

/// The most tokens that a model may have been trained on: llama.cpp counts them with a sign.
const LONGEST_CONTEXT: u64 = i32::MAX as u64;

/// The most layers: llama.cpp has a table of so many (`LLAMA_MAX_LAYERS`).
const MOST_LAYERS: u64 = 512;

/// The widest window of a layer. llama.cpp reserves memory for it before the text is that long, so a number out of nowhere would
/// cost gigabytes; models have some thousands.
const WIDEST_WINDOW: u64 = 1 << 26;

/// Reads a file with care before it is handed to llama.cpp, whose complaints are about parsing and not about what the person
/// gave, and refuses what can never tell a story before gigabytes of it are read. The cause is a clause without its subject:
/// "it is a directory". Returns the files that the model is made of.
///
/// # Errors
/// The file is missing, unreadable, a directory, empty, no GGUF, of a version that llama.cpp does not read, cut off, damaged,
/// or holds something else than a language model.
pub(super) fn check(path: &Path) -> Result<Vec<PathBuf>> {
    let header = Header::read(path)?;
    ensure!(path.to_str().is_some(), "its name is not UTF-8");
    ensure!(!header.tensors.is_empty(), "it is a GGUF without weights");
    describe(&header)?;
    // Only the first part stands for all of them: llama.cpp refuses the others, and says so.
    if header.whole("split.count").is_none_or(|count| count <= 1) || is_later_part(&header) {
        sound(&header)?;
        return Ok(vec![path.to_owned()]);
    }
    let (_, headers) = Header::read_parts(path)?;
    let family = header.text("general.architecture").unwrap_or_default();
    sound(&header)?;
    headers.iter().skip(1).try_for_each(|part| multiplies(part, family))?;
    header.part_paths(path)
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
    ensure!(is_later_part(header) || vocabulary, "it holds no vocabulary");
    Ok(())
}

/// The later parts of a model in several files have no metadata of their own; llama.cpp asks for the first.
fn is_later_part(header: &Header) -> bool {
    header.whole("split.no").is_some_and(|number| number > 0)
}

/// Refuses numbers that llama.cpp believes and breaks on, where it would not even say so: with a number outside the range of its
/// type, a table without end, or a call into nothing. What it checks itself, it is left to name.
fn sound(header: &Header) -> Result<()> {
    let family = header.text("general.architecture").unwrap_or_default();
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
    multiplies(header, family)
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
    if torn.iter().any(|words| cause.contains(words)) {
        format!("it is cut off or damaged ({cause})")
    } else {
        cause.to_owned()
    }
}
