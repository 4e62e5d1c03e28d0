//! A file that is written: asked for before the work, whole or not at all, and never over what is not ours.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow};
use fs4::{FileExt, TryLockError};
use tempfile::NamedTempFile;

use super::read::{open, what, words};
use super::{Form, Inputs};

/// How a file is called until it is whole: this, six letters, and [`UNFINISHED`].
const BEGUN: &str = ".afterword-";

/// The end of such a name.
const UNFINISHED: &str = ".unfinished";

/// A place for a file that can be taken.
#[derive(Debug, Clone)]
pub struct Output {
    path: PathBuf,
    form: Form,
    inputs: Inputs,
}

/// What stands at a path.
enum Target {
    /// Nothing: a file can be made under this name.
    Free(PathBuf),
    /// A file of ours under this name, which is that behind a link.
    Ours(PathBuf),
    /// A device or a pipe, which is written to as it is.
    Stream,
}

impl Output {
    /// Asks whether a file of this form can be written there, before long work and not after it: it is none of the inputs; what
    /// stands there is of the same form, or empty; and its folder takes a new file. What an earlier process left unfinished in
    /// the folder is removed.
    ///
    /// # Errors
    /// Why it cannot.
    pub fn new(path: impl Into<PathBuf>, form: Form, inputs: &Inputs) -> Result<Self> {
        let output = Self { path: path.into(), form, inputs: inputs.clone() };
        let ask = || match output.place()? {
            Target::Free(place) | Target::Ours(place) => {
                tidy(folder(&place));
                beside(&place).map(drop).map_err(|error| words(&error))
            }
            Target::Stream => Ok(()),
        };
        ask().map_err(|cause| output.refusal(&cause))?;
        Ok(output)
    }

    /// Where it goes.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the file, whole or not at all: into one beside it that then takes its place. A link stays, and what it points to
    /// is replaced. What is no ordinary file, such as a pipe, is written to as it is. The place is asked about once more.
    ///
    /// # Errors
    /// The file cannot be written; then what stood there before still does, and nothing stands beside it.
    pub fn write(&self, bytes: &[u8]) -> Result<()> {
        self.stage(bytes)?.commit()
    }

    /// The first half of [`Output::write`]: the file is whole and on the disk, and its name is still to come. So several files
    /// can come by their names at once.
    ///
    /// # Errors
    /// As there.
    pub fn stage(&self, bytes: &[u8]) -> Result<Staged> {
        let stage = || match self.place()? {
            Target::Free(place) => {
                Ok(Begun::File { file: begin(&place, bytes).map_err(|error| words(&error))?, place, over: false })
            }
            Target::Ours(place) => {
                Ok(Begun::File { file: begin(&place, bytes).map_err(|error| words(&error))?, place, over: true })
            }
            Target::Stream => Ok(Begun::Stream { path: self.path.clone(), bytes: bytes.to_vec() }),
        };
        let begun = stage().map_err(|cause: String| self.refusal(&cause))?;
        Ok(Staged { output: self.clone(), begun })
    }

    /// What is at the path, or why nothing of ours may come there.
    fn place(&self) -> Result<Target, String> {
        let Self { path, form, inputs } = self;
        if path.file_name().is_none() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
            return Err(if path.as_os_str().is_empty() { "it has no name".to_owned() } else { "it names a folder".to_owned() });
        }
        let system = |error: io::Error| words(&error);
        let link = match path.symlink_metadata() {
            Ok(facts) => facts.is_symlink(),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Target::Free(path.clone())),
            Err(error) => return Err(system(error)),
        };
        let facts = match path.metadata() {
            Err(error) if link && error.kind() == ErrorKind::NotFound => return Err("it is a link to nothing".to_owned()),
            facts => facts.map_err(system)?,
        };
        if !facts.is_file() {
            return match what(&facts) {
                kind @ ("a folder" | "a disk") => Err(format!("it is {kind}")),
                _ => Ok(Target::Stream),
            };
        }
        let place = if link { path.canonicalize().map_err(system)? } else { path.clone() };
        if facts.permissions().readonly() {
            return Err("there is a file that is protected against writing".to_owned());
        }
        let file = open(&place).map_err(|error| format!("there is a file that cannot be read: {}", words(&error)))?;
        let mut beginning = Vec::new();
        (&file).take(Form::BEGINNING).read_to_end(&mut beginning).map_err(system)?;
        if let Some(role) = inputs.role(file).map_err(system)? {
            return Err(format!("it is {role}, and stays\nhint: name another file"));
        }
        if !beginning.is_empty() && !(form.is)(&beginning) {
            let other = form.name.trim_start_matches("a ");
            return Err(format!("there is a file that is no {other} of this program, and it stays\nhint: name another file"));
        }
        Ok(Target::Ours(place))
    }

    fn refusal(&self, cause: &str) -> anyhow::Error {
        let what = self.form.name.trim_start_matches("a ");
        anyhow!("cannot write the {what} `{}`: {cause}", self.path.display())
    }
}

/// A file that is written and does not have its name yet; it vanishes if it never gets it.
#[derive(Debug)]
pub struct Staged {
    output: Output,
    begun: Begun,
}

#[derive(Debug)]
enum Begun {
    File {
        file: NamedTempFile,
        place: PathBuf,
        /// Whether something of ours stands there.
        over: bool,
    },
    Stream {
        path: PathBuf,
        bytes: Vec<u8>,
    },
}

impl Staged {
    /// Gives the file its name.
    ///
    /// # Errors
    /// Those of the system, or something has come there by now; then it stays, and this file is gone.
    pub fn commit(self) -> Result<()> {
        commit_together(vec![self]).pop().unwrap_or(Ok(()))
    }

    /// The name, still to be written down in the folder that is returned.
    fn rename(self) -> Result<PathBuf> {
        let Self { output, begun } = self;
        let rename = || match begun {
            Begun::File { file, place, over } => {
                let renamed = if over { file.persist(&place) } else { file.persist_noclobber(&place) };
                match renamed {
                    // Not every file system can ask and rename in one step.
                    Err(error) if !over && error.error.kind() != ErrorKind::AlreadyExists => error.file.persist(&place)?,
                    renamed => renamed?,
                };
                Ok(folder(&place).to_owned())
            }
            Begun::Stream { path, bytes } => {
                OpenOptions::new().write(true).open(&path)?.write_all(&bytes)?;
                Ok(folder(&path).to_owned())
            }
        };
        rename().map_err(|error: io::Error| match error.kind() {
            ErrorKind::AlreadyExists => output.refusal("there is such a file by now, and it stays\nhint: name another file"),
            _ => output.refusal(&words(&error)),
        })
    }
}

/// Gives files their names, one right behind the other: a process that is killed rarely falls between two of them.
///
/// # Errors
/// As [`Staged::commit`], for each of them.
pub fn commit_together(staged: Vec<Staged>) -> Vec<Result<()>> {
    let outputs: Vec<Output> = staged.iter().map(|staged| staged.output.clone()).collect();
    let renamed: Vec<Result<PathBuf>> = staged.into_iter().map(Staged::rename).collect();
    let settled =
        |(renamed, output): (Result<PathBuf>, Output)| sync(&renamed?).map_err(|error| output.refusal(&words(&error)));
    renamed.into_iter().zip(outputs).map(settled).collect()
}

/// Writes a file, whole or not at all, over whatever ordinary file is there: into one beside it that then takes its place. For
/// names that are known to be ours; all others go through [`Output`].
///
/// # Errors
/// Those of the system; then what stood there before still does, and nothing stands beside it.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    begin(path, bytes)?.persist(path)?;
    sync(folder(path))
}

/// The same for a file of a cache, which consists of these parts: it is not waited for until it is on the disk. What a power cut leaves
/// of it is to be known by its checksum.
///
/// # Errors
/// As [`replace`].
pub fn replace_in_cache(path: &Path, parts: &[&[u8]]) -> io::Result<()> {
    let mut file = beside(path)?;
    parts.iter().try_for_each(|part| file.write_all(part))?;
    file.persist(path)?;
    Ok(())
}

/// The file beside its place, whole and on the disk.
fn begin(path: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut file = beside(path)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

/// Writes down the names in a folder, which else happens at its own time.
///
/// # Errors
/// Those of the system.
pub fn sync(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    if let Ok(folder) = File::open(folder) {
        match folder.sync_all() {
            // Some file systems of networks cannot.
            Err(error) if error.kind() != ErrorKind::InvalidInput => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// A new file in the folder of `path`, which vanishes if it does not take a place, and is locked as long as it has this name.
fn beside(path: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(BEGUN).suffix(UNFINISHED);
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As any new file: the process's mask takes from it what the person does not want. A temporary file is secret else.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    loop {
        let file = builder.tempfile_in(folder(path))?;
        // Between its making and its lock it may look like one that was left behind: then another process holds it to remove
        // it, or has done so. Where nothing can be locked, nothing is tidied either.
        let held = matches!(FileExt::try_lock(file.as_file()), Err(TryLockError::WouldBlock));
        if !held && file.path().exists() {
            return Ok(file);
        }
    }
}

/// Removes what a process that was killed left unfinished in a folder. What cannot be removed stays, for it is in nobody's way.
pub fn tidy(folder: &Path) {
    for path in left_behind(folder) {
        let _ = fs::remove_file(path);
    }
}

/// What a process that was killed left unfinished in a folder: files of our temporary names that nobody holds.
#[must_use]
pub fn left_behind(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let ours = entries.filter(|entry| {
        let name = entry.file_name();
        let name = name.as_encoded_bytes();
        let middle = name.strip_prefix(BEGUN.as_bytes()).and_then(|name| name.strip_suffix(UNFINISHED.as_bytes()));
        middle.is_some_and(|middle| middle.len() == 6 && middle.iter().all(u8::is_ascii_alphanumeric))
            && entry.file_type().is_ok_and(|kind| kind.is_file())
    });
    // Whoever still writes one holds its lock.
    ours.map(|entry| entry.path()).filter(|path| open(path).is_ok_and(|file| FileExt::try_lock(&file).is_ok())).collect()
}

/// The folder that a file lies in.
#[must_use]
pub fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests;
