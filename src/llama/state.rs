//! The memory of one text as bytes, for a session of later: llama.cpp's state of a sequence, so used that no bit changes.
//!
//! The bits of a row depend on where its text lies in memory. So a state is taken only of a memory that holds one text in the order of
//! its cells, and is given only to a memory that is new: there llama.cpp puts it into the same cells, and what comes next goes behind
//! it as it would have gone. It reads sizes and types in a state and compares them with its own, but it was not written for bytes of
//! strangers: whoever hands some in has checked that they are whole and of the same model.

use anyhow::{Result, ensure};
use llama_cpp_2::context::session::LlamaStateSeqFlags;

use super::backend::overheard;
use super::session::{Past, Session};
use crate::model::{Branch, Model};

/// All sequences, in llama.cpp's words.
const ALL: i32 = -1;

/// The only sequence of a new memory.
const FIRST: i32 = 0;

impl Session<'_> {
    /// [`Model::save`](crate::model::Model::save).
    pub(super) fn save_state(&mut self, branch: Branch, most: u64) -> Result<Option<Vec<u8>>> {
        let place = self.branches.find(branch)?;
        if self.past != Past::OneText || i32::from(place.sequence) != FIRST {
            return Ok(None);
        }
        let sequence = match (self.steps_back(), self.weights.window()) {
            // Of one sequence llama.cpp leaves out the cells that are beyond a sliding window, and then the others lie elsewhere. Of
            // all it leaves out none, and here there is one.
            (true, _) => ALL,
            // States of recurrent layers are kept by sequence.
            (false, None) => FIRST,
            (false, Some(_)) => return Ok(None),
        };
        let size = self.size_of(sequence);
        ensure!(size as u64 <= most, "the memory of {} tokens has {size} bytes, and may have {most}", place.len);
        let mut state = vec![0; size];
        // SAFETY: there is room for as many bytes as llama.cpp says that it will write.
        let written = unsafe { self.context.state_seq_get_data_ext(state.as_mut_ptr(), sequence, LlamaStateSeqFlags::empty()) };
        ensure!(size > 0 && written == size, "cannot copy the memory of {} tokens: {written} of {size} bytes came", place.len);
        Ok(Some(state))
    }

    /// [`Model::restore`](crate::model::Model::restore).
    pub(super) fn restore_state(&mut self, state: &[u8], len: usize, keep: usize) -> Result<Option<Branch>> {
        ensure!(keep >= 1 && keep <= len, "no prefix of {keep} tokens of a text of {len}");
        if self.past != Past::New || len > self.settings.cells || (keep < len && !self.steps_back()) {
            return Ok(None);
        }
        let least = self.size_of(FIRST);
        ensure!(state.len() > least, "the memory of {len} tokens is too short: {} bytes", state.len());
        let (done, cause) = overheard("restoring a memory", || {
            // SAFETY: llama.cpp reads no further than the slice is long, throws and catches where it would have to, and compares
            // every size and type in it with those of its own memory before it copies.
            unsafe { self.context.state_seq_set_data_ext(state, FIRST, LlamaStateSeqFlags::empty()) }
        });
        let whole = done && self.holds(state.len(), len);
        if whole && (keep == len || self.cut(len, keep)) {
            self.past = Past::OneText;
            return Ok(Some(self.branches.grow(None, FIRST.to_le_bytes()[0], keep)));
        }
        // What was copied up to there is as good as none; then the memory is a new one again.
        self.clear();
        ensure!(whole, "these bytes are no memory of {len} tokens: {}", cause.unwrap_or_else(|| "other tokens".to_owned()));
        Ok(None)
    }

    /// Whether the first sequence holds so many tokens, and nothing more than these bytes told.
    fn holds(&self, bytes: usize, len: usize) -> bool {
        let last = usize::try_from(self.context.kv_cache_seq_pos_max(FIRST));
        let first = self.context.kv_cache_seq_pos_min(FIRST);
        let sequence = if self.steps_back() { ALL } else { FIRST };
        // A recurrent memory holds its last token alone.
        let from_the_first = first == 0 || !self.steps_back();
        last.is_ok_and(|last| last + 1 == len) && from_the_first && self.size_of(sequence) == bytes
    }

    /// How many bytes the state of a sequence has.
    fn size_of(&self, sequence: i32) -> usize {
        self.context.state_seq_get_size_ext(sequence, LlamaStateSeqFlags::empty())
    }

    /// Takes all tokens behind the first `keep` out of the first sequence.
    fn cut(&mut self, len: usize, keep: usize) -> bool {
        let [from, to] = [keep, len].map(|count| u32::try_from(count).ok());
        let cut = self.reaches_back(FIRST.to_le_bytes()[0], keep)
            && self.context.clear_kv_cache_seq(Some(0), from, to).unwrap_or(false);
        cut && usize::try_from(self.context.kv_cache_seq_pos_max(FIRST)).is_ok_and(|last| last + 1 == keep)
    }
}
