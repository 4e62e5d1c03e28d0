//! What was added to a file, so that it can be taken back: a small file of ours for each of the writer's.
//!
//! A piece is written down before it is added, and marked as added behind that. So whatever ends the program, a piece that stands in the
//! journal as added was added as a whole, and only such a piece is ever taken back.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use fs4::{FileExt, TryLockError};
use serde::{Deserialize, Serialize};

use crate::files;

/// The version of the form.
const FORMAT: u32 = 1;

/// No more pieces are remembered, the oldest forgotten first.
const MOST_PIECES: usize = 1000;

/// No journal has more bytes.
const LONGEST: u64 = 256 << 20;

/// Text that was added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Piece {
    /// As it stands in the file.
    pub text: String,
    /// The length of the file before, in bytes.
    pub at: u64,
    /// Whether all of it is known to have been added.
    pub added: bool,
}

/// The pieces that were added to a file, in their order.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    pieces: Vec<Piece>,
    /// Held as long as the file is open here.
    _lock: File,
}

#[derive(Serialize, Deserialize)]
struct Kept {
    format: u32,
    file: PathBuf,
    pieces: Vec<Piece>,
}

impl Journal {
    /// The journal of a file, in this folder, which is made where it is missing. No other process has it until it is dropped.
    ///
    /// # Errors
    /// Another process has it, or the disk fails. A journal that cannot be read is begun anew: nothing can be taken back then.
    pub fn open(folder: &Path, of: &Path) -> Result<Self> {
        let deed = || format!("cannot keep a journal in `{}`", folder.display());
        fs::create_dir_all(folder).with_context(deed)?;
        let name = files::sha256(of.as_os_str().as_encoded_bytes()).with_context(deed)?;
        let path = folder.join(format!("{}.json", &name[..32]));
        let lock = File::create(path.with_extension("lock")).with_context(deed)?;
        match FileExt::try_lock(&lock) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => bail!("another afterword adds to `{}`\nhint: wait for its end", of.display()),
            Err(TryLockError::Error(error)) => return Err(error).with_context(deed),
        }
        let kept = files::read(&path, LONGEST).ok().and_then(|bytes| serde_json::from_slice::<Kept>(&bytes).ok());
        let pieces = kept.filter(|kept| kept.format == FORMAT && kept.file == of).map_or_else(Vec::new, |kept| kept.pieces);
        Ok(Self { path, pieces, _lock: lock })
    }

    /// The last piece.
    pub fn last(&self) -> Option<&Piece> {
        self.pieces.last()
    }

    /// Finds out what became of a piece that was being added when the program ended: only one that the file ends with was added.
    pub fn settle(&mut self, file: &[u8]) {
        if let Some(last) = self.pieces.last_mut().filter(|piece| !piece.added) {
            let whole = last.at + last.text.len() as u64 == file.len() as u64 && file.ends_with(last.text.as_bytes());
            if whole {
                last.added = true;
            } else {
                self.pieces.pop();
            }
        }
    }

    /// How many bytes at the end of a file are pieces, one behind the other.
    pub fn tail(&self, file: &[u8]) -> usize {
        let mut rest = file;
        for piece in self.pieces.iter().rev() {
            match rest.strip_suffix(piece.text.as_bytes()) {
                Some(before) => rest = before,
                None => break,
            }
        }
        file.len() - rest.len()
    }

    /// Writes down that a piece is about to be added behind so many bytes.
    pub fn begin(&mut self, of: &Path, text: &str, at: u64) -> Result<()> {
        self.pieces.push(Piece { text: text.to_owned(), at, added: false });
        let over = self.pieces.len().saturating_sub(MOST_PIECES);
        self.pieces.drain(..over);
        self.write(of)
    }

    /// Writes down that the last piece was added.
    pub fn done(&mut self, of: &Path) -> Result<()> {
        if let Some(last) = self.pieces.last_mut() {
            last.added = true;
        }
        self.write(of)
    }

    /// Forgets the last piece.
    pub fn forget(&mut self, of: &Path) -> Result<()> {
        self.pieces.pop();
        self.write(of)
    }

    fn write(&self, of: &Path) -> Result<()> {
        let kept = Kept { format: FORMAT, file: of.to_owned(), pieces: self.pieces.clone() };
        let deed = || format!("cannot keep the journal `{}`", self.path.display());
        files::replace(&self.path, &serde_json::to_vec(&kept)?).with_context(deed)
    }
}
