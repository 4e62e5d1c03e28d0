//! What a story has of the kept states: those of its own model, build and settings.

use std::path::Path;
use std::thread::JoinHandle;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use super::file::About;
use super::folder::{KeptState, StateFolder};
use crate::decode::{PromptCache, PromptState};
use crate::engine::engine::{BATCH, Engine};
use crate::engine::note::Note;
use crate::files::{causes, sha256};
use crate::model::{CacheType, FlashAttention, SessionSettings, Split};
use crate::prob::Token;
use crate::story::Versions;

/// Everything that decides about the bits of a memory, beside the tokens.
#[derive(Serialize)]
struct Key<'e> {
    /// The SHA-256 of every file of the model and of its adapters.
    model: Vec<String>,
    versions: Versions,
    /// What of the processor is used.
    system: String,
    batch: usize,
    threads: usize,
    flash_attention: FlashAttention,
    cache: [CacheType; 2],
    gpu_layers: Option<u32>,
    devices: Vec<String>,
    main_gpu: usize,
    split: Split,
    mmap: bool,
    /// How often each adapter is added.
    scales: Vec<f32>,
    trained_context: usize,
    architecture: &'e str,
}

impl Engine {
    /// The same engine, whose stories may keep states of prompts in this folder.
    #[must_use]
    pub fn keeping_states_in(mut self, folder: StateFolder) -> Self {
        self.states = Some(folder);
        self
    }

    /// The states of prompts that a story of `prompt` tokens, in a memory with these settings, can begin behind and leave. `None`
    /// where the engine keeps none, or the prompt is so short that it is read at once.
    ///
    /// # Errors
    /// The model's file cannot be read again for its checksum.
    pub fn states(&self, settings: &SessionSettings, prompt: usize) -> Result<Option<States>> {
        let Some(folder) = self.states.clone().filter(|_| prompt > BATCH) else { return Ok(None) };
        let SessionSettings { cells: _, branches: _, batch, threads, flash_attention, keys, values } = *settings;
        let (info, options) = (self.info(), self.options());
        let key = Key {
            model: self.backend().sums(&folder.sums())?,
            versions: Versions::here(self.backend().version()),
            system: self.backend().system(),
            batch,
            threads,
            flash_attention,
            cache: [keys, values],
            gpu_layers: self.gpu_layers(),
            devices: self.devices(),
            main_gpu: options.main_gpu,
            split: options.split,
            mmap: options.use_mmap,
            scales: options.adapters.iter().map(|adapter| adapter.scale).collect(),
            trained_context: info.trained_context,
            architecture: &info.architecture,
        };
        let key = sha256(&serde_json::to_vec(&key).context("the key of a state")?[..])?;
        let about = About { key, model: self.title() };
        Ok(Some(States { folder, about, writer: None, taken: 0, notes: Vec::new() }))
    }
}

/// The states that one story may use, as [`PromptCache`].
#[derive(Debug)]
pub struct States {
    folder: StateFolder,
    about: About,
    /// Writes the last one while the story is told.
    writer: Option<JoinHandle<Result<()>>>,
    taken: usize,
    notes: Vec<Note>,
}

impl States {
    /// How many tokens a story began behind.
    #[must_use]
    pub fn taken(&self) -> usize {
        self.taken
    }

    /// Waits until all is kept; returns what could not be used or kept.
    #[must_use]
    pub fn finish(mut self) -> Vec<Note> {
        self.wait();
        std::mem::take(&mut self.notes)
    }

    fn wait(&mut self) {
        let Some(written) = self.writer.take().map(JoinHandle::join) else { return };
        match written {
            Ok(Ok(())) => {}
            Ok(Err(error)) => self.notes.push(Note::StateNotKept(causes(&error))),
            Err(_) => self.notes.push(Note::StateNotKept("its writing was broken off".to_owned())),
        }
    }

    /// Removes what is no state, and says so.
    fn discard(&mut self, kept: &KeptState, cause: &anyhow::Error) {
        // Another process may have removed it by now.
        if kept.path.exists() {
            self.notes.push(ignored(&kept.path, cause));
            let _ = self.folder.remove(kept);
        }
    }

    /// The state of a file, if it is of the same key, and how much of it is usable.
    fn usable(&self, kept: &KeptState, usable: &dyn Fn(&[Token], bool) -> usize) -> Result<usize> {
        let head = kept.head()?;
        ensure!(head.about.key == self.about.key, "it is of another model, or was made in another way");
        Ok(usable(&head.tokens, head.row.is_some()))
    }
}

fn ignored(path: &Path, cause: &anyhow::Error) -> Note {
    Note::StateIgnored { path: path.to_owned(), cause: causes(cause) }
}

impl PromptCache for States {
    fn find(&mut self, usable: &dyn Fn(&[Token], bool) -> usize) -> Option<PromptState> {
        self.wait();
        let all = match self.folder.of(&self.about.key) {
            Ok(all) => all,
            Err(error) => {
                self.notes.push(ignored(self.folder.path(), &error));
                return None;
            }
        };
        let mut known = Vec::new();
        for kept in all {
            match self.usable(&kept, usable) {
                Ok(0) => {}
                Ok(tokens) => known.push((tokens, kept)),
                Err(error) => self.discard(&kept, &error),
            }
        }
        // Of equals the first one stays first: it was used last.
        known.sort_by_key(|(tokens, _)| std::cmp::Reverse(*tokens));
        for (tokens, kept) in known {
            match kept.state() {
                Ok(state) => {
                    self.folder.touch(&kept);
                    self.taken = tokens;
                    return Some(state);
                }
                Err(error) => self.discard(&kept, &error),
            }
        }
        None
    }

    fn keep(&mut self, state: PromptState, steps_back: bool) {
        self.wait();
        let (folder, about) = (self.folder.clone(), self.about.clone());
        self.writer = Some(std::thread::spawn(move || folder.keep(&about, &state, steps_back)));
    }

    fn limit(&self) -> u64 {
        self.folder.limit()
    }

    fn unusable(&mut self, cause: &anyhow::Error) {
        self.taken = 0;
        self.notes.push(Note::StateNotUsed(causes(cause)));
    }

    fn unkept(&mut self, cause: &anyhow::Error) {
        self.notes.push(Note::StateNotKept(causes(cause)));
    }
}

/// What is begun is finished.
impl Drop for States {
    fn drop(&mut self) {
        self.wait();
    }
}
