//! What stands in a folder before anything is written there: whether it may become that of a run, and what an earlier one left.
//!
//! Only names that a run writes are its own: `run.toml`, `index.jsonl`, `.lock`, `stories/NAME.txt` and `NAME.json`, and the
//! first two and the last two with `.unfinished` behind them. Whatever else lies in a folder stays as it is.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use fs4::{FileExt, TryLockError};

use super::super::disk::{Disk, unfinished};
use super::super::matrix::Matrix;
use super::super::run::RunFile;
use crate::engine::{Refusal, Remedy};
use crate::files::Stamp;

/// The lock's file, which holds nothing.
const LOCK: &str = ".lock";

/// What a folder holds of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Held {
    Nothing,
    /// The run as it is.
    Run,
    /// The run before it grew.
    LessOfIt,
}

/// Asks whether a folder may be written to by this run, and what it holds of it already. Nothing is changed. `remedy` is what helps
/// where it holds another run.
pub fn judge(root: &Path, run: &RunFile, remedy: &Remedy) -> Result<Held> {
    let refusal = || format!("cannot write stories to `{}`", root.display());
    let kind = |name: &str| kind(&root.join(name)).with_context(refusal);
    let facts = match fs::metadata(root) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Held::Nothing),
        facts => facts.with_context(refusal)?,
    };
    ensure!(facts.is_dir(), "{}: it is no folder", refusal());
    let grown = match RunFile::read(&root.join("run.toml"))? {
        Some(before) => agree(root, run, &before, remedy)?,
        None => false,
    };
    let begun = kind("run.toml")?.is_some();
    let other = "\nhint: name another folder";
    for name in ["run.toml.unfinished", "index.jsonl.unfinished"] {
        ensure!(kind(name)? != Some(Kind::Folder), "{}: `{name}` is a folder there{other}", refusal());
    }
    let lock = kind(LOCK)?;
    let empty = root.join(LOCK).symlink_metadata().map_or(0, |facts| facts.len()) == 0;
    let ours = lock.is_none() || lock == Some(Kind::File) && empty;
    ensure!(ours, "{}: its `{LOCK}` is not one of this program's{other}", refusal());
    if !begun {
        ensure!(kind("index.jsonl")?.is_none(), "{}: it holds an `index.jsonl`, but no `run.toml`{other}", refusal());
        let stories = match kind("stories")? {
            None => false,
            Some(Kind::Folder) => fs::read_dir(root.join("stories")).with_context(refusal)?.next().is_some(),
            Some(_) => bail!("{}: `stories` is no folder there{other}", refusal()),
        };
        ensure!(!stories, "{}: it holds stories, but no `run.toml` that tells which{other}", refusal());
    }
    Ok(match (begun, grown) {
        (false, _) => Held::Nothing,
        (true, false) => Held::Run,
        (true, true) => Held::LessOfIt,
    })
}

/// Asks whether a run that grows would write over a text that it has not written: one of the name of a story that was not asked for
/// before, without a record.
///
/// # Errors
/// There is one; or the disk fails.
pub fn new_places_are_free(root: &Path, run: &RunFile) -> Result<()> {
    let stories = root.join("stories");
    let refusal = || format!("cannot list `{}`", stories.display());
    let before = RunFile::read(&root.join("run.toml"))?.map(|before| before.matrix());
    let (matrix, mut texts) = (run.matrix(), HashSet::new());
    let entries = match fs::read_dir(&stories) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        entries => entries.with_context(refusal)?,
    };
    for entry in entries {
        let name = entry.with_context(refusal)?.file_name();
        texts.extend(name.to_str().and_then(|name| name.strip_suffix(".txt")).map(str::to_owned));
    }
    for old in before.iter().flat_map(|before| before.items().map(|item| before.name(item))) {
        texts.remove(&old);
    }
    let is_in_the_way = |name: &String| texts.contains(name) && !stories.join(format!("{name}.json")).exists();
    match matrix.items().map(|item| matrix.name(item)).find(is_in_the_way) {
        None => Ok(()),
        Some(name) => bail!(
            "cannot go on with the run in `{}`: `stories/{name}.txt` is none of its stories\nhint: move it away, and the story is told",
            root.display()
        ),
    }
}

/// Asks whether the folders that a run writes to take new files, or those do in which they would be made. Nothing is left there.
pub fn takes_files(root: &Path) -> Result<()> {
    let asked = || -> io::Result<()> {
        let stories = root.join("stories");
        let near = stories.ancestors().find(|folder| folder.as_os_str().is_empty() || folder.symlink_metadata().is_ok());
        for folder in [near, root.is_dir().then_some(root)].into_iter().flatten() {
            let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
            if !fs::metadata(folder)?.is_dir() {
                return Err(ErrorKind::NotADirectory.into());
            }
            tempfile::tempfile_in(folder).map_err(|error| io::Error::from(error.kind()))?;
        }
        Ok(())
    };
    asked().with_context(|| format!("cannot write stories to `{}`", root.display()))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    File,
    Folder,
    Other,
}

/// What has this name; a link is what it is, and not what it points to.
fn kind(path: &Path) -> io::Result<Option<Kind>> {
    match path.symlink_metadata() {
        Ok(facts) if facts.is_file() => Ok(Some(Kind::File)),
        Ok(facts) if facts.is_dir() => Ok(Some(Kind::Folder)),
        Ok(_) => Ok(Some(Kind::Other)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Refuses a run that is not the one in the folder; whether it has grown since.
fn agree(root: &Path, run: &RunFile, before: &RunFile, remedy: &Remedy) -> Result<bool> {
    let grown = run.growth(before).is_some();
    let mut changed = if grown { run.other_ways(before) } else { run.differences(before) };
    if run.shard != before.shard {
        let words = |run: &RunFile| run.shard.map_or("all stories".to_owned(), |shard| format!("part {shard}"));
        changed.push(format!("it is to hold {} (it held {})", words(run), words(before)));
    }
    changed.extend(run.other_bits(before));
    if !changed.is_empty() {
        let message = format!("cannot go on with the run in `{}`: {}", root.display(), changed.join("; "));
        bail!(Refusal::new(message, remedy.clone()));
    }
    Ok(grown)
}

/// What an earlier run of these stories left unfinished.
///
/// # Errors
/// A folder has the name of a story's file; or the disk fails.
pub fn leftovers(root: &Path, matrix: &Matrix) -> Result<Vec<PathBuf>> {
    let mut left = Vec::new();
    for name in ["run.toml", "index.jsonl"] {
        let path = unfinished(&root.join(name));
        if kind(&path).with_context(|| format!("cannot look at `{}`", path.display()))?.is_some() {
            left.push(path);
        }
    }
    let stories = root.join("stories");
    let refusal = || format!("cannot list `{}`", stories.display());
    let entries = match fs::read_dir(&stories) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(left),
        entries => entries.with_context(refusal)?,
    };
    // There are few of these, and of whole files any number.
    let (mut unfinished, mut folders) = (Vec::new(), Vec::new());
    for entry in entries {
        let entry = entry.with_context(refusal)?;
        let name = entry.file_name();
        let is_folder = entry.file_type().with_context(refusal)?.is_dir();
        if is_folder {
            folders.push(name);
        } else if without(&name, ".unfinished").is_some() {
            unfinished.push(name);
        }
    }
    if unfinished.is_empty() && folders.is_empty() {
        return Ok(left);
    }
    let story = |name: &OsStr| {
        let name = name.to_str()?;
        let name = name.strip_suffix(".unfinished").unwrap_or(name);
        name.strip_suffix(".txt").or(name.strip_suffix(".json")).map(str::to_owned)
    };
    let named: HashSet<String> = unfinished.iter().chain(&folders).filter_map(|name| story(name)).collect();
    let ours: HashSet<String> = matrix.items().map(|item| matrix.name(item)).filter(|name| named.contains(name)).collect();
    let is_ours = |name: &OsStr| story(name).is_some_and(|story| ours.contains(&story));
    if let Some(name) = folders.iter().find(|name| is_ours(name)) {
        let path = stories.join(name);
        bail!("cannot write a story to `{}`: there is a folder of this name\nhint: move it away", path.display());
    }
    left.extend(unfinished.iter().filter(|name| is_ours(name)).map(|name| stories.join(name)));
    Ok(left)
}

/// A name without its ending, if it has it and more.
fn without<'n>(name: &'n OsStr, ending: &str) -> Option<&'n [u8]> {
    name.as_encoded_bytes().strip_suffix(ending.as_bytes()).filter(|rest| !rest.is_empty())
}

/// The lock of a folder, held until it is dropped; the system lets go of it when the process ends, however that happens.
#[derive(Debug)]
pub struct Lock(File);

impl Lock {
    /// Locks a folder for this process.
    pub fn take(root: &Path) -> Result<Self> {
        let path = root.join(LOCK);
        let refusal = || format!("cannot lock the folder `{}`", root.display());
        // A file that is made here is made under this very name, and not behind a link.
        let made = File::options().append(true).create_new(true).open(&path);
        let file = match made {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => File::options().append(true).open(&path),
            made => made,
        };
        let lock = Self(file.with_context(refusal)?);
        lock.claim(root)?;
        lock.holds(root)?;
        Ok(lock)
    }

    /// Asks whether a folder is free to be locked, and leaves it so.
    pub fn is_free(root: &Path) -> Result<()> {
        match File::options().append(true).open(root.join(LOCK)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            file => Self(file.with_context(|| format!("cannot lock the folder `{}`", root.display()))?).claim(root),
        }
    }

    fn claim(&self, root: &Path) -> Result<()> {
        match FileExt::try_lock(&self.0) {
            Ok(()) => Ok(()),
            Err(TryLockError::WouldBlock) => {
                bail!("another run is writing to `{}`\nhint: wait for its end, or name another folder", root.display())
            }
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("cannot lock the folder `{}`", root.display()))
            }
        }
    }

    /// Asks whether the folder of this name is still the one that is locked: it may have been removed, or changed for another.
    pub fn holds(&self, root: &Path) -> Result<()> {
        let here = Stamp::at(&root.join(LOCK));
        let same = here.is_ok_and(|here| Stamp::of(&self.0).is_ok_and(|own| own == here));
        ensure!(same, "the folder `{}` was removed, or another one has its name now", root.display());
        Ok(())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // A child that is being started has the file too, for a moment, and would hold the lock that long. Where this fails the
        // system lets go of it with the last of them.
        let _ = FileExt::unlock(&self.0);
    }
}

/// Removes these files.
pub fn remove(disk: &dyn Disk, paths: &[PathBuf]) -> Result<()> {
    for path in paths {
        disk.remove(path).with_context(|| format!("cannot remove `{}`", path.display()))?;
    }
    Ok(())
}
