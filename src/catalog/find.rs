//! The models that are already on a machine, wherever another program has put them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};

use super::card::ModelCard;
use super::need::in_words;
use crate::gguf::{Header, is_gguf_name, part_of};

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
    /// The file that this name leads to, where it is a link.
    pub blob: Option<PathBuf>,
    /// What it is, or why it cannot be read.
    pub card: Result<ModelCard>,
}

/// All models in these places, sorted within each. A file that two paths lead to is there once, with all names that it is given. What
/// is broken is there too: links to nothing, models without their first part, and what was only half fetched.
#[must_use]
pub fn find(places: &Places) -> Vec<Found> {
    let mut all = All::default();
    for (place, folder) in &places.folders {
        for path in files(folder) {
            all.look(place, path);
        }
    }
    if let Some(folder) = &places.ollama {
        for manifest in files(&folder.join("manifests")) {
            if let Some(blob) = blob(folder, &manifest) {
                all.add("Ollama", label(folder, &manifest), blob);
            }
        }
    }
    all.found
}

/// What was found so far.
#[derive(Default)]
struct All {
    seen: BTreeMap<PathBuf, usize>,
    found: Vec<Found>,
}

impl All {
    /// Adds what this file is, if it is a model or what is left of one.
    fn look(&mut self, place: &str, path: PathBuf) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        if let Some(cause) = half(&path, &name) {
            self.add_card(place, repository(&path), path, || Err(cause));
            return;
        }
        if !is_model_name(&name) {
            return;
        }
        let first = part_of(&name).filter(|part| part.number > 1).map(|_| first_part(&path));
        match first {
            Some(first) if first.symlink_metadata().is_ok() => {}
            Some(first) => {
                let label = in_snapshot(&first);
                self.add_card(place, label, first, || Err(anyhow!("its first part is not there")));
            }
            None if !path.exists() => {
                let label = in_snapshot(&path);
                self.add_card(place, label, path, || Err(anyhow!("it is a link to nothing")));
            }
            None if is_other(&path) => {}
            None => self.add(place, in_snapshot(&path), path),
        }
    }

    fn add(&mut self, place: &str, label: Option<String>, path: PathBuf) {
        let read = path.clone();
        self.add_card(place, label, path, || ModelCard::read(&read));
    }

    fn add_card(&mut self, place: &str, label: Option<String>, path: PathBuf, card: impl FnOnce() -> Result<ModelCard>) {
        let file = path.canonicalize().unwrap_or_else(|_| path.clone());
        let is_link = path.symlink_metadata().is_ok_and(|facts| facts.is_symlink()) && path.exists();
        let at = *self.seen.entry(file.clone()).or_insert(self.found.len());
        if at == self.found.len() {
            let blob = is_link.then_some(file);
            self.found.push(Found { place: place.to_owned(), labels: Vec::new(), path, blob, card: card() });
        }
        let labels = &mut self.found[at].labels;
        labels.extend(label.filter(|label| !labels.contains(label)));
    }
}

/// Why a file is only the beginning of a model, if it is: as programs call it that fetch one.
fn half(path: &Path, name: &str) -> Option<anyhow::Error> {
    let whole = name.strip_suffix(".incomplete")?;
    let begins_so = || {
        let mut magic = [0; 4];
        fs::File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == *b"GGUF"
    };
    let size = path.metadata().ok()?.len();
    (is_model_name(whole) || begins_so()).then(|| anyhow!("it is not whole: {} of it are here", in_words(size)))
}

/// The path of the first part of the model that a later part's path is of.
fn first_part(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    part_of(&name).map_or_else(|| path.to_owned(), |part| path.with_file_name(part.of(1)))
}

/// The repository in whose folder of the Hugging Face cache a file lies: `hf:USER/REPO`.
fn repository(path: &Path) -> Option<String> {
    let folder = path.iter().find_map(|part| part.to_str()?.strip_prefix("models--"))?;
    let (user, name) = folder.split_once("--")?;
    Some(format!("hf:{user}/{name}"))
}

/// What a file of a snapshot in the Hugging Face cache is called: `hf:USER/REPO:FILE.gguf`.
fn in_snapshot(path: &Path) -> Option<String> {
    let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
    let at = parts.windows(2).position(|two| two[0].starts_with("models--") && two[1] == "snapshots")?;
    Some(format!("{}:{}", repository(path)?, parts.get(at + 3..).filter(|rest| !rest.is_empty())?.join("/")))
}

/// Whether a file of this name, in small letters, may be a model or a part of one. The part of a model that sees or hears tells no
/// stories, but lies beside one that does.
#[must_use]
pub fn is_model_name(name: &str) -> bool {
    is_gguf_name(name) && !name.contains("mmproj") && !name.contains("imatrix")
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
            } else if !is_folder && !is_hidden && (path.is_file() || is_link(&entry)) {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

/// Whether an entry is a link that leads nowhere.
fn is_link(entry: &fs::DirEntry) -> bool {
    entry.file_type().is_ok_and(|kind| kind.is_symlink()) && !entry.path().exists()
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
