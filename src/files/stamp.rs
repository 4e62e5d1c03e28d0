//! Whether a file is still the one that it was.

use std::fs::{File, Metadata};
use std::io;
use std::path::Path;

/// What changes of a file when it is written to or another one takes its name: size and time, and on Unix its place on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    size: u64,
    /// When it was written to, in whole seconds and nanoseconds, where the system keeps that.
    modified: Option<(i64, i64)>,
    /// Device and number.
    place: Option<(u64, u64)>,
}

impl Stamp {
    /// Of a file that is open, whatever its name is by now.
    ///
    /// # Errors
    /// Those of the system.
    pub fn of(file: &File) -> io::Result<Self> {
        file.metadata().map(|facts| Self::from(&facts))
    }

    /// Of the file that has this name now.
    ///
    /// # Errors
    /// Those of the system.
    pub fn at(path: &Path) -> io::Result<Self> {
        path.metadata().map(|facts| Self::from(&facts))
    }

    /// The size in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl From<&Metadata> for Stamp {
    fn from(facts: &Metadata) -> Self {
        #[cfg(unix)]
        let (modified, place) = {
            use std::os::unix::fs::MetadataExt;
            (Some((facts.mtime(), facts.mtime_nsec())), Some((facts.dev(), facts.ino())))
        };
        #[cfg(not(unix))]
        let (modified, place) = (None, None);
        Self { size: facts.len(), modified, place }
    }
}
