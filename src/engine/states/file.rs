//! The file of a prompt's state: a head that says what it is, and the memory, each under a checksum.
//!
//! All numbers are little-endian.
//!
//! | bytes | what |
//! | --- | --- |
//! | 8 | `AFTWSTAT` |
//! | 4 | the version of this form |
//! | 4, 4, 4, 8 | how long are: what it is of, in bytes; its tokens; its row, in numbers, 0 for none; its memory, in bytes |
//! | 32 | the SHA-256 of the memory |
//! | … | what it is of, as JSON; the tokens, 4 bytes each; the row, 4 bytes a number |
//! | 32 | the SHA-256 of all that stands before it |
//! | … | the memory, as the backend wrote it |
//!
//! Whatever a file holds, it is read or refused with a reason; a memory is handed out only where both sums are right.

use std::io::Read;

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::decode::PromptState;
use crate::prob::Token;

const MAGIC: [u8; 8] = *b"AFTWSTAT";

/// The version of this form.
const FORM: u32 = 1;

/// Bytes before what it is of.
const FIXED: usize = 64;

/// Bytes of a checksum.
const SUM: usize = 32;

/// The most bytes in which a file says what it is of.
const LONGEST_ABOUT: usize = 1 << 16;

/// The most tokens, and the most numbers of a row: more than any vocabulary or context has.
const MOST: usize = 1 << 26;

/// What a state is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct About {
    /// The SHA-256 of everything that decides about its bits: only where it is equal the state can be used.
    pub key: String,
    /// The model, for people.
    pub model: String,
}

/// A file's head: everything but the memory.
#[derive(Debug, Clone, PartialEq)]
pub struct StateFile {
    /// What it is of.
    pub about: About,
    /// The tokens whose memory it is.
    pub tokens: Vec<Token>,
    /// The row of logits behind them, where they are a whole prompt.
    pub row: Option<Vec<f32>>,
    /// The bytes of the memory, and their SHA-256.
    memory: (u64, [u8; SUM]),
}

impl StateFile {
    /// The head of a file with this state.
    #[must_use]
    pub fn of(about: About, state: &PromptState) -> Self {
        let memory = (state.memory.len() as u64, Sha256::digest(&state.memory).into());
        Self { about, tokens: state.tokens.clone(), row: state.row.clone(), memory }
    }

    /// The head as it stands in the file, before the memory.
    ///
    /// # Errors
    /// It is longer than a head may be.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let about = serde_json::to_vec(&self.about).context("what it is of")?;
        let row = self.row.as_deref().unwrap_or_default();
        ensure!(about.len() <= LONGEST_ABOUT && self.tokens.len() <= MOST && row.len() <= MOST, "it is too long");
        let mut bytes = MAGIC.to_vec();
        bytes.extend(FORM.to_le_bytes());
        for length in [about.len(), self.tokens.len(), row.len()] {
            bytes.extend(u32::try_from(length)?.to_le_bytes());
        }
        bytes.extend(self.memory.0.to_le_bytes());
        bytes.extend(self.memory.1);
        bytes.extend(about);
        bytes.extend(self.tokens.iter().flat_map(|token| token.to_le_bytes()));
        bytes.extend(row.iter().flat_map(|logit| logit.to_le_bytes()));
        let sum: [u8; SUM] = Sha256::digest(&bytes).into();
        bytes.extend(sum);
        Ok(bytes)
    }

    /// Reads the head of a file of so many bytes; what is read next is the memory.
    ///
    /// # Errors
    /// It is no such file, of another version, or damaged; or those of the reader.
    pub fn read(from: &mut impl Read, size: u64) -> Result<Self> {
        let mut bytes = vec![0; FIXED];
        from.read_exact(&mut bytes).context("it ends too soon")?;
        let number = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        ensure!(bytes.starts_with(&MAGIC), "it is no state of a prompt");
        ensure!(number(8) == FORM, "it is of version {}, and this program reads {FORM}", number(8));
        let [about, tokens, row] = [12, 16, 20].map(|at| number(at) as usize);
        let memory = u64::from(number(24)) | u64::from(number(28)) << 32;
        ensure!(about <= LONGEST_ABOUT && tokens <= MOST && row <= MOST, "it is damaged: its lengths are impossible");
        let rest = about + 4 * tokens + 4 * row + SUM;
        let whole = ((FIXED + rest) as u64).checked_add(memory);
        ensure!(whole == Some(size), "it is damaged: it has {size} bytes, and its lengths say otherwise");
        bytes.resize(FIXED + rest, 0);
        from.read_exact(&mut bytes[FIXED..]).context("it ends too soon")?;
        let (head, sum) = bytes.split_at(FIXED + rest - SUM);
        ensure!(Sha256::digest(head)[..] == *sum, "it is damaged: the checksum of its head is wrong");
        let (about, numbers) = head[FIXED..].split_at(about);
        let about: About = serde_json::from_slice(about).context("what it is of")?;
        let (numbers, _) = numbers.as_chunks();
        let (tokens, row) = numbers.split_at(tokens);
        let sum = head[32..FIXED].try_into().context("its checksum")?;
        Ok(Self {
            about,
            tokens: tokens.iter().map(|token| Token::from_le_bytes(*token)).collect(),
            row: (!row.is_empty()).then(|| row.iter().map(|logit| f32::from_le_bytes(*logit)).collect()),
            memory: (memory, sum),
        })
    }

    /// Reads the memory, which stands behind the head.
    ///
    /// # Errors
    /// It is damaged, or longer than the machine's memory has room for; or those of the reader.
    pub fn read_memory(self, from: &mut impl Read) -> Result<PromptState> {
        let (size, sum) = self.memory;
        let mut memory = Vec::new();
        memory.try_reserve_exact(usize::try_from(size)?).context("there is no room for it in memory")?;
        from.take(size).read_to_end(&mut memory)?;
        ensure!(memory.len() as u64 == size, "it ends too soon");
        ensure!(Sha256::digest(&memory)[..] == sum, "it is damaged: its checksum is wrong");
        Ok(PromptState { tokens: self.tokens, row: self.row, memory })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> (StateFile, Vec<u8>) {
        let state = PromptState { tokens: vec![3, 1, 4, 1], row: Some(vec![1.5, f32::NEG_INFINITY]), memory: vec![7; 40] };
        let about = About { key: "ab".repeat(32), model: "Toy".to_owned() };
        let head = StateFile::of(about, &state);
        let file = [head.to_bytes().unwrap(), state.memory].concat();
        (head, file)
    }

    fn read(file: &[u8]) -> Result<(StateFile, PromptState)> {
        let mut from = file;
        let head = StateFile::read(&mut from, file.len() as u64)?;
        Ok((head.clone(), head.read_memory(&mut from)?))
    }

    #[test]
    fn what_is_written_is_read() {
        let (head, file) = state();
        let (again, state) = read(&file).unwrap();
        assert_eq!((again, state.memory, state.tokens), (head, vec![7; 40], vec![3, 1, 4, 1]));
        let without = StateFile { row: None, ..read(&file).unwrap().0 };
        let file = [without.to_bytes().unwrap(), vec![7; 40]].concat();
        assert_eq!(read(&file).unwrap().0, without);
    }

    #[test]
    fn no_byte_can_be_changed_added_or_left_out() {
        let (_, file) = state();
        for at in 0..file.len() {
            for bit in 0..8 {
                let mut changed = file.clone();
                changed[at] ^= 1 << bit;
                assert!(read(&changed).is_err(), "bit {bit} of byte {at}");
            }
            assert!(read(&file[..at]).is_err(), "{at} bytes");
        }
        assert!(read(&[&file[..], &[0]].concat()).is_err());
    }

    #[test]
    fn lengths_that_no_file_has_are_refused_before_anything_is_read() {
        let (_, file) = state();
        for at in 12..32 {
            let mut changed = file.clone();
            changed[at] = 0xff;
            let said = read(&changed).unwrap_err().to_string();
            assert!(said.starts_with("it is damaged: "), "{said}");
        }
    }
}
