//! A lock that one process has at a time. The system takes it back from whoever is gone.

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, anyhow};
use fs4::{FileExt, TryLockError};
use same_file::Handle;

use super::event::{Event, Watch};
use crate::files::{folder, words};

/// How often it is asked whether the other process is done.
const STEP: Duration = Duration::from_millis(100);

/// A lock, held as long as this lives. Python's `filelock`, by which `huggingface_hub` locks, locks the same way.
#[derive(Debug)]
pub(super) struct Lock {
    path: PathBuf,
    _file: Option<File>,
}

impl Lock {
    /// Waits for the lock that is this file; `what` is what it stands for.
    ///
    /// # Errors
    /// The file cannot be made, or it was ended from outside.
    pub(super) fn take(path: &Path, what: &str, watch: &mut Watch<'_>) -> Result<Self> {
        let unmade = |error: std::io::Error| anyhow!("cannot lock `{}`: {}", path.display(), words(&error));
        let mut is_told = false;
        loop {
            fs::create_dir_all(folder(path)).map_err(unmade)?;
            let file = OpenOptions::new().create(true).truncate(false).write(true).open(path).map_err(unmade)?;
            match FileExt::try_lock(&file) {
                // Whoever had it before may have taken the file away: then others lock another one.
                Ok(()) if !is_at(&file, path) => {}
                Ok(()) => return Ok(Self { path: path.to_owned(), _file: Some(file) }),
                Err(TryLockError::WouldBlock) => {
                    if !is_told {
                        watch.tell(Event::Waiting(what.to_owned()));
                        is_told = true;
                    }
                    watch.wait(STEP)?;
                }
                Err(TryLockError::Error(error)) if error.kind() == std::io::ErrorKind::Unsupported => {
                    watch.tell(Event::NotLocked);
                    return Ok(Self { path: path.to_owned(), _file: None });
                }
                Err(TryLockError::Error(error)) => return Err(unmade(error)),
            }
        }
    }

    /// Takes its file away, where nobody else needs it.
    pub(super) fn vanish(self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Whether this open file is the one of that name.
fn is_at(file: &File, path: &Path) -> bool {
    let own = file.try_clone().and_then(Handle::from_file);
    own.is_ok_and(|own| Handle::from_path(path).is_ok_and(|there| own == there))
}
