//! The folder of a run: `run.toml`, `stories/NAME.txt` and `NAME.json`, and `index.jsonl`.
//!
//! Every file is written beside its place and then renamed into it, so it is there whole or not at all; a story's text stands
//! before its record, and a story is told when its record is there. The index grows by a line a story, and is written anew
//! from the records where it does not agree with them. So a run may end between any two writes.
//!
//! A folder belongs to others too: what a run has not written it neither removes nor writes over, a text that somebody has
//! worked on stays, and at its end a run looks again at what it has told.

mod ground;
mod text;

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};

use self::ground::{Held, Lock, judge, leftovers, new_places_are_free, remove, takes_files};
use self::text::{Text, state, text_of};
use super::disk::{Disk, place};
use super::index::{self, Entry};
use super::matrix::{Item, Matrix};
use super::run::RunFile;
use super::shelf::{Kept, Shelf};
use super::standing::Standing;
use crate::engine::Remedy;
use crate::files;
use crate::story::{FORMAT, Record};

/// No text of a story that somebody has worked on has more bytes.
const LONGEST: u64 = 64 << 20;

/// A folder that this process alone writes to.
pub struct Folder<'d> {
    root: PathBuf,
    disk: &'d dyn Disk,
    run: RunFile,
    matrix: Matrix,
    shelf: Shelf,
    findings: Findings,
    lock: Lock,
}

/// What was not as a run had left it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Findings {
    /// Texts that were lost or cut short, and are whole again.
    pub mended: Vec<String>,
    /// Texts that are not those of their records: somebody has worked on them, and they stay.
    pub edited: Vec<String>,
    /// Stories that were told and are no longer there.
    pub gone: Vec<String>,
    /// Whether `run.toml` was lost and is written anew.
    pub lost_run: bool,
}

/// What is at the place of a record.
enum Found {
    /// Nothing, or what is no record: the story is to be told.
    Nothing,
    Record(Box<Record>, u64),
    /// A record of a form that is not known yet.
    Newer(String),
}

impl<'d> Folder<'d> {
    /// Opens the folder of a run, and makes it where there is none. What an earlier run left unfinished is put in order. A run that
    /// has grown since goes on there, with all its stories.
    ///
    /// # Errors
    /// It holds what is in the way and was not written by a run, another run, with what is different, or a story of another
    /// run; another process writes to it; or the disk fails. What is refused has changed nothing.
    pub fn open(root: &Path, run: &RunFile, disk: &'d dyn Disk) -> Result<Self> {
        Self::open_or(root, run, disk, &Remedy::StartAnew)
    }

    /// The same; `remedy` is what helps where the folder holds another run.
    pub(super) fn open_or(root: &Path, run: &RunFile, disk: &'d dyn Disk, remedy: &Remedy) -> Result<Self> {
        judge(root, run, remedy)?;
        let refusal = || format!("cannot write stories to `{}`", root.display());
        disk.create_folder(&root.join("stories")).with_context(refusal)?;
        let lock = Lock::take(root)?;
        // Somebody may have begun a run there since.
        let held = judge(root, run, remedy)?;
        if held == Held::LessOfIt {
            new_places_are_free(root, run)?;
        }
        let matrix = run.matrix();
        let index = index::read(&root.join("index.jsonl"), matrix.len())?;
        remove(disk, &leftovers(root, &matrix)?)?;
        if held != Held::Run {
            place(disk, &root.join("run.toml"), &run.to_toml()?)?;
        }
        let (shelf, findings) = find(root, run, &matrix, &mut |path, text| place(disk, path, text.as_bytes()))?;
        let stands = index.is_some_and(|lines| shelf.agrees(&lines));
        let folder = Self { root: root.to_owned(), disk, run: run.clone(), matrix, shelf, findings, lock };
        if !stands {
            folder.write_index()?;
        }
        Ok(folder)
    }

    /// What a run would find in a folder: its stories that are told, and what is not as it was left. It is refused as [`Folder::open`]
    /// would refuse it, and nothing is changed.
    ///
    /// # Errors
    /// As there.
    pub fn look(root: &Path, run: &RunFile) -> Result<(Shelf, Findings)> {
        let held = judge(root, run, &Remedy::StartAnew)?;
        takes_files(root)?;
        if held == Held::LessOfIt {
            new_places_are_free(root, run)?;
        }
        if held == Held::Nothing {
            return Ok((Shelf::default(), Findings::default()));
        }
        Lock::is_free(root)?;
        let matrix = run.matrix();
        index::read(&root.join("index.jsonl"), matrix.len())?;
        leftovers(root, &matrix)?;
        find(root, run, &matrix, &mut |_, _| Ok(()))
    }

    /// The run of a folder; `None` where it has none.
    ///
    /// # Errors
    /// `run.toml` cannot be read.
    pub fn run(root: &Path) -> Result<Option<RunFile>> {
        RunFile::read(&root.join("run.toml"))
    }

    /// The stories that are told.
    #[must_use]
    pub fn shelf(&self) -> &Shelf {
        &self.shelf
    }

    /// Whether this story is told.
    #[must_use]
    pub fn has(&self, item: Item) -> bool {
        self.shelf.has(item)
    }

    /// The stories.
    #[must_use]
    pub fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// What was not as a run had left it, as far as it was not asked for before.
    #[must_use]
    pub fn findings(&mut self) -> Findings {
        std::mem::take(&mut self.findings)
    }

    /// Keeps a story: its text, then its record, then its line in the index.
    ///
    /// # Errors
    /// The folder is no longer this run's; or the disk fails; then the story is whole or not there, and all others are as they
    /// were.
    pub fn keep(&mut self, item: Item, record: &Record) -> Result<()> {
        self.keep_with(item, record, text_of(record).as_bytes())
    }

    /// Keeps a story with the text that somebody has made of it.
    pub(super) fn keep_with(&mut self, item: Item, record: &Record, text: &[u8]) -> Result<()> {
        self.stands()?;
        let name = self.matrix.name(item);
        let json = record.to_json()?;
        place(self.disk, &file(&self.root, &name, "txt"), text)?;
        place(self.disk, &file(&self.root, &name, "json"), &json)?;
        let entry = Entry::of(name, self.matrix.prompt(item), record);
        let index = self.root.join("index.jsonl");
        let refusal = || format!("cannot write the index `{}`", index.display());
        self.disk.append(&index, entry.line()?.as_bytes()).with_context(refusal)?;
        self.shelf.put(item, Kept { entry, size: json.len() as u64 });
        Ok(())
    }

    /// Forgets these stories, so that they are told again: their files stay until then.
    pub fn forget(&mut self, which: impl Fn(&Entry) -> bool) {
        self.shelf.forget(which);
    }

    /// Looks at the folder once more, leaves out what is gone, and writes the index in the order of the matrix: so it is equal
    /// for equal stories, whatever order they were told in.
    ///
    /// # Errors
    /// The folder is no longer this run's; or the disk fails.
    pub fn finish(&mut self) -> Result<()> {
        self.stands()?;
        for item in self.matrix.items() {
            let Some(size) = self.shelf.size(item) else { continue };
            let name = self.matrix.name(item);
            let length = |ending: &str| file(&self.root, &name, ending).metadata().ok().filter(std::fs::Metadata::is_file);
            let record = length("json").is_some_and(|facts| facts.len() == size);
            if record && length("txt").is_some_and(|facts| facts.len() > 0) {
                continue;
            }
            let disk = self.disk;
            let mut mend = |path: &Path, text: &str| place(disk, path, text.as_bytes());
            let found = find_one(&self.root, &self.run, &self.matrix, item, &mut self.findings, &mut mend)?;
            if let Some(kept) = found {
                self.shelf.put(item, kept);
            } else {
                self.shelf.lose(item);
                self.findings.gone.push(name);
            }
        }
        self.write_index()
    }

    /// The record of a story, if it is there.
    #[must_use]
    pub fn record(root: &Path, name: &str) -> Option<Record> {
        match found(root, name) {
            Ok(Found::Record(record, _)) => Some(*record),
            _ => None,
        }
    }

    /// Asks whether the folder is still this run's, and puts back what it cannot do without.
    fn stands(&mut self) -> Result<()> {
        self.lock.holds(&self.root)?;
        let missing = |path: &Path| path.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound);
        let (stories, run) = (self.root.join("stories"), self.root.join("run.toml"));
        if missing(&stories) {
            self.disk.create_folder(&stories).with_context(|| format!("cannot make the folder `{}`", stories.display()))?;
        }
        // Without it the folder could not be gone on with, and what it says is known here.
        if missing(&run) {
            place(self.disk, &run, &self.run.to_toml()?)?;
            self.findings.lost_run = true;
        }
        Ok(())
    }

    fn write_index(&self) -> Result<()> {
        let lines: Result<String> = self.shelf.entries().map(Entry::line).collect();
        place(self.disk, &self.root.join("index.jsonl"), lines?.as_bytes())
    }
}

/// Makes a text whole again.
type Mend<'m> = dyn FnMut(&Path, &str) -> Result<()> + 'm;

/// Finds the stories that are told.
fn find(root: &Path, run: &RunFile, matrix: &Matrix, mend: &mut Mend) -> Result<(Shelf, Findings)> {
    let (mut shelf, mut findings) = (Shelf::default(), Findings::default());
    for item in matrix.items().filter(|item| run.holds(*item)) {
        if let Some(kept) = find_one(root, run, matrix, item, &mut findings, mend)? {
            shelf.put(item, kept);
        }
    }
    Ok((shelf, findings))
}

/// Finds one story. A record that cannot be read, or that of no whole story, is none.
fn find_one(
    root: &Path,
    run: &RunFile,
    matrix: &Matrix,
    item: Item,
    findings: &mut Findings,
    mend: &mut Mend,
) -> Result<Option<Kept>> {
    let name = matrix.name(item);
    let Some((record, size)) = of_run(root, &name, run, item)? else { return Ok(None) };
    let (path, whole) = (file(root, &name, "txt"), text_of(&record));
    match state(&path, &whole)? {
        Text::Same => {}
        Text::Cut => {
            mend(&path, &whole)?;
            findings.mended.push(name.clone());
        }
        Text::Edited => findings.edited.push(name.clone()),
    }
    Ok(Some(Kept { entry: Entry::of(name, matrix.prompt(item), &record), size }))
}

/// The record of a whole story of this run, with its size in bytes.
///
/// # Errors
/// There is the record of another run.
pub(super) fn of_run(root: &Path, name: &str, run: &RunFile, item: Item) -> Result<Option<(Box<Record>, u64)>> {
    let foreign = |why: &str| {
        let path = file(root, name, "json");
        anyhow!("`{}` is no story of this run: {why}\nhint: move it and its text away, and the story is told", path.display())
    };
    match found(root, name)? {
        Found::Nothing => Ok(None),
        Found::Newer(why) => Err(foreign(&why)),
        Found::Record(record, size) => match run.standing(item, &record) {
            Standing::Whole => Ok(Some((record, size))),
            Standing::Torn => Ok(None),
            Standing::Foreign(why) => Err(foreign(&why)),
        },
    }
}

/// The text of a story, where somebody has worked on it.
pub(super) fn edited(root: &Path, name: &str, record: &Record) -> Result<Option<Vec<u8>>> {
    let path = file(root, name, "txt");
    if state(&path, &text_of(record))? != Text::Edited {
        return Ok(None);
    }
    files::read(&path, LONGEST).map(Some).with_context(|| format!("cannot read the text `{}`", path.display()))
}

fn found(root: &Path, name: &str) -> Result<Found> {
    let path = file(root, name, "json");
    let bytes = match files::read(&path, Record::LONGEST) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::Nothing),
        bytes => bytes.with_context(|| format!("cannot read the record `{}`", path.display()))?,
    };
    if let Ok(record) = Record::parse(&bytes) {
        return Ok(Found::Record(Box::new(record), bytes.len() as u64));
    }
    // What a newer program wrote is whole, though it cannot be read here.
    let format = serde_json::from_slice::<serde_json::Value>(&bytes).ok().and_then(|record| record.get("format")?.as_u64());
    Ok(match format.filter(|format| *format > u64::from(FORMAT)) {
        Some(newer) => Found::Newer(format!("it has the form {newer}, and this program reads up to {FORMAT}")),
        None => Found::Nothing,
    })
}

fn file(root: &Path, name: &str, ending: &str) -> PathBuf {
    root.join("stories").join(format!("{name}.{ending}"))
}

#[cfg(test)]
pub(super) mod tests;
