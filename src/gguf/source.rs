//! Bytes of a file in order, never more than it has.

use std::io::{self, BufReader, Read, Seek};

use anyhow::{Context, Result, anyhow, ensure};

use crate::files::words;

/// The longest header in bytes. Those of models have some megabytes, most of them of the vocabulary; what claims more would only
/// be read for minutes, and a sparse file of any size costs nothing to make.
const LONGEST: u64 = 1 << 28;

/// A file that is read from its beginning to some place within it.
pub(super) struct Source<R> {
    from: BufReader<R>,
    at: u64,
    size: u64,
}

impl<R: Read + Seek> Source<R> {
    /// Over a file of `size` bytes.
    pub fn new(from: R, size: u64) -> Self {
        Self { from: BufReader::with_capacity(1 << 16, from), at: 0, size }
    }

    /// How many bytes are behind.
    pub fn at(&self) -> u64 {
        self.at
    }

    /// Asks that `count` things of at least `least` bytes each can still follow. Only then may memory be taken for them.
    ///
    /// # Errors
    /// The file is too short for them, or the header would be longer than any is.
    pub fn holds(&self, count: u64, least: u64, what: &str) -> Result<()> {
        let left = self.size - self.at;
        let bytes = count.checked_mul(least).filter(|&bytes| bytes <= left);
        let bytes = bytes
            .with_context(|| format!("it is cut off or damaged: it names {count} {what}, and only {left} bytes follow"))?;
        ensure!(self.at + bytes <= LONGEST, "it is damaged: its header names {count} {what}, which is more than any model has");
        Ok(())
    }

    /// The next bytes.
    ///
    /// # Errors
    /// The file ends before, or cannot be read.
    pub fn bytes<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    /// So many bytes as a text; what is no UTF-8 becomes `�`.
    ///
    /// # Errors
    /// The file ends before, or cannot be read.
    pub fn text(&mut self, length: u64) -> Result<String> {
        self.holds(length, 1, "bytes of text")?;
        let mut bytes = vec![0; usize::try_from(length)?];
        self.fill(&mut bytes)?;
        Ok(String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
    }

    /// Goes on without reading.
    ///
    /// # Errors
    /// The file ends before, or cannot be read.
    pub fn skip(&mut self, length: u64) -> Result<()> {
        self.holds(length, 1, "bytes")?;
        self.from.seek_relative(i64::try_from(length)?).map_err(|error| unread(&error))?;
        self.at += length;
        Ok(())
    }

    pub fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.bytes()?))
    }

    pub fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.bytes()?))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        let end = self.at + bytes.len() as u64;
        ensure!(end <= self.size, "it is cut off within its header");
        ensure!(end <= LONGEST, "it is damaged: its header is longer than {} MB, which none is", LONGEST / 1_000_000);
        self.from.read_exact(bytes).map_err(|error| unread(&error))?;
        self.at = end;
        Ok(())
    }
}

fn unread(error: &io::Error) -> anyhow::Error {
    match error.kind() {
        // Someone is shortening the file while it is read.
        io::ErrorKind::UnexpectedEof => anyhow!("it is cut off within its header"),
        _ => anyhow!("{}", words(error)),
    }
}
