//! The files of a model, held open: they stay what they are when their names go to others.

use std::fs::File;
use std::io::{self, Seek};
use std::path::PathBuf;

use crate::files::{self, Stamp, Sums};

/// Said of a file that was written to.
const CHANGED: &str = "it was changed since it was loaded";

/// Open files, the first of which stands for all, with what they were when they were opened.
#[derive(Debug)]
pub(super) struct Held(Vec<(File, Stamp)>);

impl Held {
    /// Opens them.
    ///
    /// # Errors
    /// Those of the system; or one is no ordinary file.
    pub fn open(paths: &[PathBuf]) -> io::Result<Self> {
        let hold = |path: &PathBuf| {
            let file = files::open(path)?;
            let stamp = Stamp::of(&file)?;
            Ok((file, stamp))
        };
        paths.iter().map(hold).collect::<io::Result<_>>().map(Self)
    }

    /// Whether these names still lead to these files, and none of them was written to.
    pub fn is_at(&self, paths: &[PathBuf]) -> bool {
        self.is_unchanged()
            && paths.iter().zip(&self.0).all(|(path, (_, stamp))| Stamp::at(path).is_ok_and(|now| now == *stamp))
    }

    /// Whether none of the files was written to. What became of their names does not matter.
    pub fn is_unchanged(&self) -> bool {
        self.0.iter().all(|(file, stamp)| Stamp::of(file).is_ok_and(|now| now == *stamp))
    }

    /// The size of the first file in bytes.
    pub fn size(&self) -> u64 {
        self.0.first().map_or(0, |(_, stamp)| stamp.size())
    }

    /// The SHA-256 of the first file, in hexadecimal digits.
    ///
    /// # Errors
    /// Those of the system; or it was written to since it was opened.
    pub fn sha256(&self) -> io::Result<String> {
        let Some((file, stamp)) = self.0.first() else { return Err(io::ErrorKind::NotFound.into()) };
        let mut file = file;
        file.rewind()?;
        let sum = files::sha256(file)?;
        if Stamp::of(file)? != *stamp {
            return Err(io::Error::other(CHANGED));
        }
        Ok(sum)
    }

    /// The SHA-256 of every file, those that are remembered not computed again.
    ///
    /// # Errors
    /// As [`Held::sha256`].
    pub fn sums(&self, known: &Sums) -> io::Result<Vec<String>> {
        let sums = self.0.iter().map(|(file, _)| known.sha256(file)).collect();
        if self.is_unchanged() { sums } else { Err(io::Error::other(CHANGED)) }
    }
}
