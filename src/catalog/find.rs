//! The models that are already on a machine, wherever another program has put them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;

use super::card::ModelCard;
use crate::gguf::Header;

/// How deep a folder is searched: the Hugging Face cache has `models--…/snapshots/HASH/…`.
const DEEPEST: usize = 6;

/// The most entries of a folder tree that are looked at, so that a wrong folder costs a moment and not a minute.
const MOST: usize = 50_000;

/// Where models may be. A folder that does not exist is an empty one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    /// Folders with GGUF files in them, each with the name of whom it belongs to.
    pub folders: Vec<(String, PathBuf)>,
    /// Ollama's folder `models`, in which models are blobs without names, and manifests name them.
    pub ollama: Option<PathBuf>,
}

/// A model that was found.
#[derive(Debug)]
pub struct Found {
    /// Whose place it is in.
    pub place: String,
    /// What it is called there, where the path does not tell: each of its names.
    pub labels: Vec<String>,
    /// Its file, the first one where there are several.
    pub path: PathBuf,
    /// What it is, or why it cannot be read.
    pub card: Result<ModelCard>,
}

/// All models in these places, sorted within each. A file that two paths lead to is there once, with all names that it is given.
#[must_use]
pub fn find(places: &Places) -> Vec<Found> {
    let mut seen: BTreeMap<PathBuf, usize> = BTreeMap::new();
    let mut found: Vec<Found> = Vec::new();
    let mut add = |place: &str, label: Option<String>, path: PathBuf| {
        let at = *seen.entry(path.canonicalize().unwrap_or_else(|_| path.clone())).or_insert(found.len());
        if at == found.len() {
            let card = ModelCard::read(&path);
            found.push(Found { place: place.to_owned(), labels: Vec::new(), path, card });
        }
        found[at].labels.extend(label);
    };
    for (place, folder) in &places.folders {
        let mut files = files(folder);
        files.retain(|path| is_model(path));
        for path in files {
            add(place, None, path);
        }
    }
    if let Some(folder) = &places.ollama {
        for manifest in files(&folder.join("manifests")) {
            if let Some(blob) = blob(folder, &manifest) {
                add("Ollama", label(folder, &manifest), blob);
            }
        }
    }
    found
}

/// Whether a file may be a model, and if one of several the first.
fn is_model(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let later = name.strip_suffix(".gguf").and_then(|name| name.rsplit_once("-of-")).is_some_and(|(before, count)| {
        count.len() == 5 && count.bytes().all(|byte| byte.is_ascii_digit()) && !before.ends_with("-00001")
    });
    // The part of a model that sees or hears tells no stories, but lies beside one that does.
    let other = name.contains("mmproj") || name.contains("imatrix");
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("gguf")) && !later && !other && !is_other(path)
}

/// Whether a file says of itself that it is no model but belongs to one.
fn is_other(path: &Path) -> bool {
    let kind = |header: Header| header.text("general.type").map(str::to_owned);
    Header::read(path).ok().and_then(kind).is_some_and(|kind| kind != "model")
}

/// All files below a folder, sorted; what is hidden is passed over: caches keep their locks there, and other systems their notes
/// on every file.
fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut files, mut left) = (Vec::new(), MOST);
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((folder, depth)) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            left = left.saturating_sub(1);
            let path = entry.path();
            // A link to a file is followed, one to a folder is not: it may lead in a circle.
            let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let is_hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
            if left == 0 {
                break;
            }
            if is_folder && depth < DEEPEST && !is_hidden {
                folders.push((path, depth + 1));
            } else if !is_folder && !is_hidden && path.is_file() {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// The file of weights that one of Ollama's manifests names.
fn blob(folder: &Path, manifest: &Path) -> Option<PathBuf> {
    // A manifest is some hundred bytes of JSON.
    let small = manifest.metadata().is_ok_and(|facts| facts.len() < 1 << 20);
    let text = small.then(|| fs::read_to_string(manifest).ok())??;
    let json: serde_json::Value = serde_json::from_str(&text).ok()?;
    let layers = json.get("layers")?.as_array()?;
    let is_weights = |layer: &&serde_json::Value| layer["mediaType"] == "application/vnd.ollama.image.model";
    let digest = layers.iter().find(is_weights)?["digest"].as_str()?;
    let digits = digest.strip_prefix("sha256:").filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    Some(folder.join("blobs").join(format!("sha256-{digits}")))
}

/// `manifests/registry.ollama.ai/library/qwen3/4b` is `qwen3:4b`.
fn label(folder: &Path, manifest: &Path) -> Option<String> {
    let path = manifest.strip_prefix(folder.join("manifests")).ok()?;
    let parts: Vec<_> = path.iter().skip(1).map(|part| part.to_string_lossy()).collect();
    let (tag, names) = parts.split_last()?;
    let name = names.join("/");
    Some(format!("{}:{tag}", name.strip_prefix("library/").unwrap_or(&name)))
}
