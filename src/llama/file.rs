//! What can be known of a model file before it is loaded: whether it is a GGUF, and what of.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::Path;

use anyhow::{Result, bail, ensure};
use llama_cpp_2::gguf::GgufContext;
use llama_cpp_sys_2::GGUF_TYPE_STRING;

/// Magic, version, number of tensors, number of metadata entries.
const HEADER: usize = 4 + 4 + 8 + 8;

/// Checks the beginning of a file before it is handed to llama.cpp, whose complaints are about parsing and not about what
/// the person gave. The cause is a clause without its subject: "it is a directory".
///
/// # Errors
/// The file is missing, unreadable, a directory, empty, no GGUF, of a version that llama.cpp does not read, or holds no
/// tensor.
pub(super) fn check(path: &Path) -> Result<()> {
    let facts = match fs::metadata(path) {
        Ok(facts) => facts,
        Err(error) if error.kind() == ErrorKind::NotFound => bail!("there is no such file"),
        Err(error) => bail!("{}", cause(&error)),
    };
    ensure!(!facts.is_dir(), "it is a directory");
    ensure!(facts.is_file(), "it is not an ordinary file");
    ensure!(facts.len() > 0, "it is empty");
    ensure!(path.to_str().is_some(), "its name is not UTF-8");

    let mut header = Vec::with_capacity(HEADER);
    let reading = File::open(path).and_then(|file| file.take(HEADER as u64).read_to_end(&mut header));
    if let Err(error) = reading {
        bail!("{}", cause(&error));
    }
    if !header.starts_with(b"GGUF") {
        let beginning = String::from_utf8_lossy(&header[..header.len().min(8)]).escape_debug().to_string();
        bail!("it is not a GGUF file: it begins with `{beginning}`");
    }
    ensure!(header.len() == HEADER, "it is cut off within its header");
    let version = u32::from_le_bytes([header[4], header[5], header[6], header[7]]);
    if matches!(version.swap_bytes(), 2 | 3) {
        bail!("it is a big-endian GGUF, for machines of the other byte order");
    }
    ensure!(matches!(version, 2 | 3), "it is a GGUF of version {version}, and only versions 2 and 3 can be read");
    ensure!(header[8..16] != [0; 8], "it is a GGUF without weights");
    Ok(())
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

/// Reads what the file says it holds, and refuses what can never tell a story before gigabytes of it are read. A file that
/// does not parse passes: loading it names the cause.
///
/// # Errors
/// The file holds something else than a language model.
pub(super) fn describe(path: &Path) -> Result<()> {
    let Some(gguf) = GgufContext::from_file(path) else { return Ok(()) };
    let text = |key| {
        let index = gguf.find_key(key);
        let found = index >= 0 && gguf.kv_type(index) == GGUF_TYPE_STRING;
        found.then(|| gguf.val_str(index)).flatten().unwrap_or_default()
    };
    match text("general.type") {
        "adapter" => bail!("it is an adapter (LoRA), which changes a model and is none"),
        "mmproj" => bail!("it is the picture or sound part of a model, without the one that writes"),
        "imatrix" => bail!("it is an importance matrix for quantising, not a model"),
        _ => {}
    }
    let family = text("general.architecture");
    ensure!(!WITHOUT_MEMORY.contains(&family), "`{family}` is an embedding model, and cannot tell stories");
    ensure!(family != "wavtokenizer-dec", "`{family}` is a model of sound, and cannot tell stories");
    // The later parts of a model in several files have none of their own; llama.cpp asks for the first.
    let part = gguf.find_key("split.no") >= 0;
    let vocabulary = !matches!(text("tokenizer.ggml.model"), "" | "none" | "no_vocab");
    ensure!(part || vocabulary, "it holds no vocabulary");
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

/// The system's own words, in lower case and without the number.
fn cause(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut characters = text.chars();
    characters.next().map(|first| first.to_lowercase().collect::<String>() + characters.as_str()).unwrap_or_default()
}
