//! The file: read to the byte, added to, and given back what was added.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Error, Result, anyhow, bail, ensure};

use super::LONGEST;
use super::front_matter::FrontMatter;
use super::journal::Journal;
use crate::files;
use crate::text::{decode, no_nul};

/// A writer's file that this process adds to.
///
/// Laws: after [`Manuscript::append`] the file is what it was and the piece behind it, with line breaks as the file has them; after
/// [`Manuscript::take_back`] it is what it was before the piece. Bytes that others wrote are never changed: a file that is no longer
/// as it was read is neither added to nor cut, and what was told for it is kept beside it.
#[derive(Debug)]
pub struct Manuscript {
    /// As it was named.
    path: PathBuf,
    /// Behind links.
    place: PathBuf,
    bytes: Vec<u8>,
    front_matter: FrontMatter,
    /// The text behind the front matter, as a model reads it.
    text: String,
    journal: Option<Journal>,
}

impl Manuscript {
    /// Opens a file to add to it. What was added is kept in a journal in this folder; without one nothing can be taken back.
    ///
    /// # Errors
    /// It is missing, no ordinary file, protected against writing, no text in UTF-8, or longer than 64 MiB; its front matter has a
    /// mistake; another process adds to it; or the journal cannot be kept.
    pub fn open(path: &Path, journals: Option<&Path>) -> Result<Self> {
        let deed = || format!("cannot add to `{}`", path.display());
        let place = path.canonicalize().with_context(deed)?;
        let bytes = files::read(&place, LONGEST).with_context(deed)?;
        ensure!(!place.metadata().with_context(deed)?.permissions().readonly(), "{}: it is protected against writing", deed());
        OpenOptions::new().append(true).open(&place).with_context(deed)?;
        let mut journal = journals.map(|folder| Journal::open(folder, &place)).transpose()?;
        if let Some(journal) = &mut journal {
            journal.settle(&bytes);
        }
        let (front_matter, text) = read(&bytes).with_context(deed)?;
        Ok(Self { path: path.to_owned(), place, bytes, front_matter, text, journal })
    }

    /// Where it is, as it was named.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where it is behind links, where it was named by one.
    #[must_use]
    pub fn behind_link(&self) -> Option<&Path> {
        let is_link = self.path.symlink_metadata().is_ok_and(|facts| facts.is_symlink());
        is_link.then_some(&*self.place)
    }

    /// What its first lines say of how it is to be told on, with paths that lead from its folder.
    #[must_use]
    pub fn front_matter(&self) -> FrontMatter {
        self.front_matter.clone().beside(folder(&self.path))
    }

    /// The text without its front matter, as a model reads it: without a byte-order mark, and with line ends of Windows as `\n`.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// How many bytes of the text, at its end, were told and not written: the pieces that were added one behind the other since the
    /// writer last wrote there.
    #[must_use]
    pub fn told(&self) -> usize {
        let tail = self.journal.as_ref().map_or(0, |journal| journal.tail(&self.bytes));
        let told = String::from_utf8_lossy(&self.bytes[self.bytes.len() - tail..]).replace("\r\n", "\n");
        told.len().min(self.text.len())
    }

    /// Whether the file is as it was read.
    ///
    /// # Errors
    /// It can no longer be read.
    pub fn is_unchanged(&self) -> Result<bool> {
        let deed = || format!("cannot read `{}` again", self.path.display());
        Ok(files::read(&self.place, LONGEST).with_context(deed)? == self.bytes)
    }

    /// Reads the file again, after somebody has written in it.
    ///
    /// # Errors
    /// As [`Manuscript::open`]; then it stays as it was read.
    pub fn reread(&mut self) -> Result<()> {
        let deed = || format!("cannot read `{}` again", self.path.display());
        let bytes = files::read(&self.place, LONGEST).with_context(deed)?;
        let (front_matter, text) = read(&bytes).with_context(deed)?;
        (self.bytes, self.front_matter, self.text) = (bytes, front_matter, text);
        Ok(())
    }

    /// Adds a piece to the end of the file, down to the device, in one step as far as the system has one.
    ///
    /// # Errors
    /// The file is no longer as it was read, or the disk fails. Then the file is as it was, and the piece stands in a file beside it,
    /// which the error names.
    pub fn append(&mut self, told: &str) -> Result<()> {
        let piece = self.in_its_line_ends(told);
        if piece.is_empty() {
            return Ok(());
        }
        self.add(&piece).map_err(|cause| self.rescued(&piece, &cause))?;
        self.bytes.extend(piece.as_bytes());
        self.text.push_str(told);
        self.journal.as_mut().map_or(Ok(()), |journal| journal.done(&self.place))
    }

    /// Takes the last piece back that was added; returns it.
    ///
    /// # Errors
    /// No piece is known, the file no longer ends with it, or the disk fails. Then the file is as it was.
    pub fn take_back(&mut self) -> Result<String> {
        let named = self.path.display();
        let Some(journal) = &mut self.journal else { bail!("cannot take anything back: there is no place for a journal") };
        let Some(piece) = journal.last() else {
            bail!("cannot take anything back: no piece of `{named}` is known to be added")
        };
        let Some(before) = self.bytes.strip_suffix(piece.text.as_bytes()) else {
            bail!("cannot take back the last piece that was added: `{named}` no longer ends with it");
        };
        let (text, length) = (piece.text.clone(), before.len());
        let deed = || format!("cannot take back the last piece of `{named}`");
        ensure!(files::read(&self.place, LONGEST).with_context(deed)? == self.bytes, "{}: somebody writes in it", deed());
        let file = OpenOptions::new().write(true).open(&self.place).with_context(deed)?;
        file.set_len(length as u64).and_then(|()| file.sync_all()).with_context(deed)?;
        self.bytes.truncate(length);
        (_, self.text) = read(&self.bytes)?;
        journal.forget(&self.place)?;
        Ok(text)
    }

    fn add(&mut self, piece: &str) -> Result<(), Error> {
        let before = self.bytes.len() as u64;
        if let Some(journal) = &mut self.journal {
            journal.begin(&self.place, piece, before)?;
        }
        let mut file = OpenOptions::new().read(true).append(true).open(&self.place)?;
        ensure!(files::bounded(&file, LONGEST)? == self.bytes, "it was changed while the story was told");
        let added = file.write_all(piece.as_bytes()).and_then(|()| file.sync_data());
        added.map_err(|error| {
            // What came of it before the disk was full is ours, and goes.
            let mended = mend(&file, before, piece);
            anyhow!("{}", files::words(mended.as_ref().err().unwrap_or(&error)))
        })
    }

    /// The error of a piece that could not be added, once the piece is kept in a file of its own.
    fn rescued(&mut self, piece: &str, cause: &Error) -> Error {
        if let Some(journal) = &mut self.journal {
            // What is not known to be added is not taken for added either.
            let _ = journal.forget(&self.place);
        }
        let refusal = format!("cannot add to `{}`: {}", self.path.display(), files::causes(cause));
        match keep_beside(&self.path, piece) {
            Ok(kept) => anyhow!("{refusal}\nhint: it stays as it is, and what was told stands in `{}`", kept.display()),
            Err(error) => anyhow!("{refusal}; and what was told can be kept nowhere beside it: {}", files::words(&error)),
        }
    }

    /// A text with line ends of Windows where all of the file's are.
    fn in_its_line_ends(&self, told: &str) -> String {
        let mut lines = self.bytes.split_inclusive(|&byte| byte == b'\n').filter(|line| line.ends_with(b"\n")).peekable();
        if lines.peek().is_some() && lines.all(|line| line.ends_with(b"\r\n")) {
            told.replace('\n', "\r\n")
        } else {
            told.to_owned()
        }
    }
}

/// The front matter of a file, and the text behind it.
fn read(bytes: &[u8]) -> Result<(FrontMatter, String)> {
    let text = decode(bytes.to_vec()).map_err(|found| anyhow!("it is {found}"))?;
    no_nul("it", &text).map_err(Error::msg)?;
    let (front_matter, at) = FrontMatter::split(&text)?;
    Ok((front_matter, text[at..].to_owned()))
}

/// Takes off what was added of a piece, if nothing else came behind it.
fn mend(file: &File, before: u64, piece: &str) -> std::io::Result<()> {
    let length = file.metadata()?.len();
    let ours = length > before && length - before <= piece.len() as u64;
    if ours { file.set_len(before) } else { Ok(()) }
}

/// Keeps a piece in a new file beside another one.
fn keep_beside(path: &Path, piece: &str) -> std::io::Result<PathBuf> {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let ending = path.extension().map_or_else(String::new, |ending| format!(".{}", ending.to_string_lossy()));
    for number in 1.. {
        let number = if number == 1 { String::new() } else { format!("-{number}") };
        let kept = path.with_file_name(format!("{stem}.told{number}{ending}"));
        match OpenOptions::new().write(true).create_new(true).open(&kept) {
            Ok(mut file) => return file.write_all(piece.as_bytes()).and_then(|()| file.sync_all()).map(|()| kept),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::AlreadyExists.into())
}

/// The folder that a file lies in.
fn folder(path: &Path) -> &Path {
    path.parent().unwrap_or(Path::new(""))
}

#[cfg(test)]
mod tests;
