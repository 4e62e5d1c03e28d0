//! The folder of a run: `run.toml`, `stories/NAME.txt` and `NAME.json`, and `index.jsonl`.
//!
//! Every file is written beside its place and then renamed into it, so it is there whole or not at all; a story's text stands
//! before its record, and a story is told when its record is there. The index grows by a line a story, and is written anew
//! from the records where it does not agree with them. So a run may end between any two writes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use fs4::{FileExt, TryLockError};

use super::disk::Disk;
use super::index::Entry;
use super::matrix::{Item, Matrix};
use super::run::RunFile;
use crate::story::{Mode, Record};

/// What a file is called until it is whole.
const UNFINISHED: &str = "unfinished";

/// A folder that this process alone writes to.
pub struct Folder<'d> {
    root: PathBuf,
    disk: &'d dyn Disk,
    matrix: Matrix,
    /// The stories that are told, by their number in the matrix.
    told: BTreeMap<usize, Entry>,
    /// Held until the folder is dropped; the system lets go of it when the process ends, however that happens.
    _lock: File,
}

impl<'d> Folder<'d> {
    /// Opens the folder of a run, and makes it where there is none. What an earlier run left unfinished is put in order.
    ///
    /// # Errors
    /// Another process writes to it; it holds another run, with what is different; or the disk fails.
    pub fn open(root: &Path, run: &RunFile, disk: &'d dyn Disk) -> Result<Self> {
        let refusal = || format!("cannot write stories to `{}`", root.display());
        disk.create_folder(&root.join("stories")).with_context(refusal)?;
        let lock = locked(root)?;
        if let Some(before) = Self::run(root)? {
            agree(root, run, &before)?;
        } else {
            let holds = fs::read_dir(root.join("stories")).with_context(refusal)?.next().is_some();
            if holds {
                bail!(
                    "cannot write stories to `{}`: it holds stories, but no `run.toml` that tells which\nhint: \
                     name another folder with `--out`",
                    root.display()
                );
            }
            let text = toml::to_string_pretty(run).context("cannot write the run as TOML")?;
            place(disk, &root.join("run.toml"), text.as_bytes())?;
        }
        let mut folder = Self { root: root.to_owned(), disk, matrix: run.matrix(), told: BTreeMap::new(), _lock: lock };
        folder.tidy()?;
        folder.find(run)?;
        folder.mend_index()?;
        Ok(folder)
    }

    /// The run of a folder; `None` where it has none.
    ///
    /// # Errors
    /// `run.toml` cannot be read.
    pub fn run(root: &Path) -> Result<Option<RunFile>> {
        let path = root.join("run.toml");
        let refusal = || format!("cannot read the run `{}`", path.display());
        match fs::read_to_string(&path) {
            Ok(text) => {
                let run = toml::from_str(&text).map_err(|error| anyhow::anyhow!("{}", error.message()));
                run.with_context(refusal).map(Some)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(refusal),
        }
    }

    /// The stories that are told, in the order of the matrix.
    pub fn entries(&self) -> impl Iterator<Item = &Entry> {
        self.told.values()
    }

    /// Whether this story is told.
    #[must_use]
    pub fn has(&self, item: Item) -> bool {
        self.told.contains_key(&item.number)
    }

    /// The stories.
    #[must_use]
    pub fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// Keeps a story: its text, then its record, then its line in the index.
    ///
    /// # Errors
    /// The disk fails; then the story is whole or not there, and all others are as they were.
    pub fn keep(&mut self, item: Item, record: &Record) -> Result<()> {
        let name = self.matrix.name(item);
        place(self.disk, &self.file(&name, "txt"), text_of(record).as_bytes())?;
        place(self.disk, &self.file(&name, "json"), &record.to_json()?)?;
        let entry = Entry::of(name, self.matrix.prompt(item), record);
        let index = self.index();
        let refusal = || format!("cannot write the index `{}`", index.display());
        self.disk.append(&index, line(&entry)?.as_bytes()).with_context(refusal)?;
        self.told.insert(item.number, entry);
        Ok(())
    }

    /// Forgets these stories, so that they are told again: their files stay until then.
    pub fn forget(&mut self, which: impl Fn(&Entry) -> bool) {
        self.told.retain(|_, entry| !which(entry));
    }

    /// Writes the index in the order of the matrix, and so equal for equal stories, whatever order they were told in.
    ///
    /// # Errors
    /// The disk fails.
    pub fn finish(&self) -> Result<()> {
        let lines: Result<String> = self.told.values().map(line).collect();
        place(self.disk, &self.index(), lines?.as_bytes())
    }

    /// The record of a story, if it is there and whole.
    #[must_use]
    pub fn record(root: &Path, name: &str) -> Option<Record> {
        let text = fs::read(root.join("stories").join(format!("{name}.json"))).ok()?;
        serde_json::from_slice(&text).ok()
    }

    fn file(&self, name: &str, ending: &str) -> PathBuf {
        self.root.join("stories").join(format!("{name}.{ending}"))
    }

    fn index(&self) -> PathBuf {
        self.root.join("index.jsonl")
    }

    /// Removes what an earlier run did not finish writing.
    fn tidy(&self) -> Result<()> {
        for folder in [self.root.clone(), self.root.join("stories")] {
            let refusal = || format!("cannot list `{}`", folder.display());
            for entry in fs::read_dir(&folder).with_context(refusal)? {
                let path = entry.with_context(refusal)?.path();
                if path.extension().is_some_and(|ending| ending == UNFINISHED) {
                    self.disk.remove(&path).with_context(|| format!("cannot remove `{}`", path.display()))?;
                }
            }
        }
        Ok(())
    }

    /// Finds the stories that are told. A record that cannot be read, or is of another story, is none.
    fn find(&mut self, run: &RunFile) -> Result<()> {
        for item in self.matrix.items() {
            let name = self.matrix.name(item);
            let Some(record) = Self::record(&self.root, &name) else { continue };
            let voice = &run.preset[item.voice];
            if record.seed != item.seed || record.resolved != voice.resolved || record.prompt != run.prompt[item.prompt].text {
                continue;
            }
            // The record holds the text, so a lost one is no lost story.
            let text = self.file(&name, "txt");
            if !text.exists() {
                place(self.disk, &text, text_of(&record).as_bytes())?;
            }
            self.told.insert(item.number, Entry::of(name, self.matrix.prompt(item), &record));
        }
        Ok(())
    }

    /// Writes the index anew where it is missing, torn, or not of the stories that are there.
    fn mend_index(&self) -> Result<()> {
        let text = fs::read_to_string(self.index()).unwrap_or_default();
        let entries: Option<BTreeMap<String, Entry>> =
            text.lines().map(|line| serde_json::from_str(line).ok().map(|entry: Entry| (entry.name.clone(), entry))).collect();
        let whole = text.is_empty() || text.ends_with('\n');
        let stands = entries.filter(|entries| whole && entries.len() == text.lines().count()).is_some_and(|entries| {
            entries.len() == self.told.len() && self.told.values().all(|entry| entries.get(&entry.name) == Some(entry))
        });
        if stands { Ok(()) } else { self.finish() }
    }
}

/// What a person reads: the story from its first word on, and a line break.
fn text_of(record: &Record) -> String {
    match record.mode {
        Mode::Raw => format!("{}{}\n", record.prompt, record.text),
        Mode::Chat(_) => format!("{}\n", record.text),
    }
}

fn line(entry: &Entry) -> Result<String> {
    Ok(serde_json::to_string(entry).context("cannot write a line of the index")? + "\n")
}

/// Writes a file, whole or not at all.
fn place(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<()> {
    let unfinished = PathBuf::from(format!("{}.{UNFINISHED}", path.display()));
    let write = || -> io::Result<()> {
        disk.write(&unfinished, bytes)?;
        disk.rename(&unfinished, path)
    };
    write().with_context(|| format!("cannot write `{}`", path.display()))
}

/// Locks a folder for this process.
fn locked(root: &Path) -> Result<File> {
    let path = root.join(".lock");
    let refusal = || format!("cannot lock the folder `{}`", root.display());
    let file = File::options().create(true).append(true).open(path).with_context(refusal)?;
    match FileExt::try_lock(&file) {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => {
            bail!("another run is writing to `{}`\nhint: wait for its end, or name another folder with `--out`", root.display())
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(refusal),
    }
}

/// Refuses a run that is not the one in the folder.
fn agree(root: &Path, run: &RunFile, before: &RunFile) -> Result<()> {
    let mut changed = run.differences(before);
    if run.shard != before.shard {
        let words = |run: &RunFile| run.shard.map_or("all stories".to_owned(), |shard| format!("part {shard}"));
        changed.push(format!("it is to hold {} (it held {})", words(run), words(before)));
    }
    changed.extend(run.other_bits(before));
    if changed.is_empty() {
        return Ok(());
    }
    bail!(
        "cannot go on with the run in `{}`: {}\nhint: `--force` starts anew in a folder beside it",
        root.display(),
        changed.join("; ")
    )
}

#[cfg(test)]
mod tests;
