//! What was measured to suit a machine and a model: how many candidates to look at in one decode, and how many threads.
//!
//! A finding is a file, read where nobody says otherwise; so what `auto` means changes only when somebody measures, and the record of a
//! story has the numbers and names the finding.

use std::fs;
use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use serde::{Deserialize, Serialize};

use super::engine::Engine;
use super::note::Note;
use super::options::{EngineOptions, Width};
use crate::files::{self, Sums, causes, replace, sha256, words};
use crate::model::{MOST_BRANCHES, MOST_THREADS};
use crate::story::Run;

/// The version of the form of a finding.
const FORMAT: u32 = 1;

/// No finding has more bytes.
const LONGEST: u64 = 64 << 10;

/// How a file's name ends.
const ENDING: &str = ".json";

/// The digits of its name before that.
const DIGITS: usize = 16;

/// A finding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Tuned {
    /// The version of the form.
    format: u32,
    /// What the model calls itself, for people.
    pub title: String,
    /// The preset whose lookahead was counted.
    pub preset: String,
    /// What it is true of.
    pub ground: Ground,
    /// Candidates to look at in one decode.
    pub width: NonZeroUsize,
    /// Processor threads.
    pub threads: NonZeroUsize,
}

/// What a finding is true of: where any of it is another, it says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Ground {
    /// The SHA-256 of every file of the model, and of its adapters with how often each is added.
    pub model: Vec<String>,
    /// The processor and its cores.
    pub processor: String,
    /// What the backend uses of the processor.
    pub features: String,
    /// The backend.
    pub backend: String,
    /// The GPUs that are used, each with its bytes; none where no layer is on one.
    pub gpus: Vec<String>,
}

/// The folder of findings of this machine.
#[derive(Debug, Clone)]
pub struct TunedFolder {
    path: PathBuf,
    /// As its maker calls it, with its cores.
    processor: String,
}

impl TunedFolder {
    /// The findings in this folder, which is made when there is one; `processor` is what the machine computes with, in words.
    #[must_use]
    pub fn new(path: PathBuf, processor: String) -> Self {
        Self { path, processor }
    }

    /// All findings of this processor and those that cannot be read, in the order of their names.
    ///
    /// # Errors
    /// The folder cannot be read; one that is not there is empty.
    pub fn all(&self) -> Result<Vec<(PathBuf, Result<Tuned>)>> {
        let mut all: Vec<_> = self.files()?.into_iter().map(|path| (path.clone(), Tuned::read(&path))).collect();
        all.retain(|(_, read)| read.as_ref().map_or(true, |tuned| tuned.ground.processor == self.processor));
        Ok(all)
    }

    fn files(&self) -> Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|error| anyhow!(words(&error)))?,
        };
        let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| is_ours(path)).collect();
        files.sort();
        Ok(files)
    }
}

/// Whether a file has the name of a finding.
fn is_ours(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(ENDING));
    name.is_some_and(|name| name.len() == DIGITS && name.bytes().all(|digit| digit.is_ascii_hexdigit()))
}

impl Tuned {
    fn read(path: &Path) -> Result<Self> {
        let bytes = files::read(path, LONGEST).map_err(|error| anyhow!(words(&error)))?;
        let tuned: Self = serde_json::from_slice(&bytes).map_err(|_| anyhow!("it is damaged, or was never one"))?;
        let Self { format, width, threads, .. } = &tuned;
        ensure!(*format == FORMAT, "it has the form {format}, and this program reads {FORMAT}");
        ensure!(width.get() <= MOST_BRANCHES, "its width is {width}: at most {MOST_BRANCHES}");
        ensure!(threads.get() <= MOST_THREADS, "its threads are {threads}: at most {MOST_THREADS}");
        Ok(tuned)
    }
}

impl Engine {
    /// The name of the finding by whose width and threads it goes, where it goes by one.
    #[must_use]
    pub fn tuned(&self) -> Option<&str> {
        self.tuned.as_deref()
    }

    /// The same engine with the width and the threads of a run, by whichever finding it went.
    #[must_use]
    pub fn paced_as(mut self, run: &Run) -> Self {
        let EngineOptions { width, threads, .. } = EngineOptions::of_run(&self.options.model, run);
        (self.options.width, self.options.threads, self.tuned) = (width, threads, run.tuned.clone());
        self
    }

    /// The same engine, which goes by the finding of this folder for its model and machine, where there is one and neither width nor
    /// threads were asked for: measured together, they are good together. A note tells of one that cannot be read, and what a machine is
    /// decides then.
    #[must_use]
    pub fn tuned_by(mut self, folder: &TunedFolder) -> (Self, Option<Note>) {
        if self.options.width != Width::Auto || self.options.threads.is_some() {
            return (self, None);
        }
        match self.find_tuned(folder) {
            Ok(None) => (self, None),
            Ok(Some((name, tuned))) => {
                self.options.width = Width::Fixed(tuned.width);
                self.options.threads = Some(tuned.threads);
                self.tuned = Some(name);
                (self, None)
            }
            Err((path, error)) => (self, Some(Note::TunedIgnored { path, cause: causes(&error) })),
        }
    }

    /// The finding for this model and machine, with its name.
    fn find_tuned(&self, folder: &TunedFolder) -> Result<Option<(String, Tuned)>, (PathBuf, anyhow::Error)> {
        let of_folder = |error| (folder.path.clone(), error);
        // Without one nothing is known to ask for, and the model need not be read for its checksum.
        if folder.files().map_err(of_folder)?.is_empty() {
            return Ok(None);
        }
        let (ground, path) = self.ground(folder).map_err(of_folder)?;
        if path.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound) {
            return Ok(None);
        }
        let read = Tuned::read(&path).and_then(|tuned| {
            ensure!(tuned.ground == ground, "it is of another model or machine");
            Ok(tuned)
        });
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        read.map(|tuned| Some((name, tuned))).map_err(|error| (path, error))
    }

    /// Keeps what suits this model on this machine in the folder, instead of what was kept there before; returns the file.
    ///
    /// # Errors
    /// The model cannot be read for its checksum, or the disk fails.
    pub fn keep_tuned(
        &self,
        folder: &TunedFolder,
        preset: &str,
        width: NonZeroUsize,
        threads: NonZeroUsize,
    ) -> Result<PathBuf> {
        let (ground, path) = self.ground(folder)?;
        let tuned = Tuned { format: FORMAT, title: self.title(), preset: preset.to_owned(), ground, width, threads };
        let mut text = serde_json::to_vec_pretty(&tuned).context("cannot write the finding as JSON")?;
        text.push(b'\n');
        let written = fs::create_dir_all(&folder.path).and_then(|()| replace(&path, &text));
        written
            .map_err(|error| anyhow!(words(&error)))
            .with_context(|| format!("cannot keep the finding `{}`", path.display()))?;
        Ok(path)
    }

    /// What a finding here is true of, and where it is kept.
    fn ground(&self, folder: &TunedFolder) -> Result<(Ground, PathBuf)> {
        let mut model = self.backend().sums(&Sums::new(folder.path.join("sums")))?;
        model.extend(self.options.adapters.iter().map(|adapter| format!("× {}", adapter.scale)));
        let gpus = self.machine.gpus.iter().map(|gpu| format!("{}: {}", gpu.name, gpu.total));
        let ground = Ground {
            model,
            processor: folder.processor.clone(),
            features: self.backend().system(),
            backend: self.backend().version(),
            gpus: if self.is_on_gpu() { gpus.collect() } else { Vec::new() },
        };
        let key = serde_json::to_vec(&ground).context("cannot name the finding")?;
        let name = sha256(&key[..])?;
        let path = folder.path.join(format!("{}{ENDING}", name.get(..DIGITS).unwrap_or(&name)));
        Ok((ground, path))
    }
}
