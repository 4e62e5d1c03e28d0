//! A running memory over weights: the implementation of [`Model`] by llama.cpp.
//!
//! A branch is a sequence of llama.cpp's unified cache. A fork notes the new sequence in the cells of its parent and then
//! adds its own tokens; a move adds them to the sequence it has. So a token is never evaluated twice, and a fork costs a
//! walk over a table and no arithmetic.

use std::sync::Mutex;

use anyhow::{Result, anyhow, ensure};
use llama_cpp_2::DecodeError;
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::token::LlamaToken;

use super::backend::{backend, overheard};
use super::branches::{Branches, LiveBranch, Sequence};
use super::settings::{parameters, resolve};
use super::weights::Weights;
use crate::model::{
    Branch, MOST_BRANCHES, Model, Origin, Room, SessionOptions, SessionSettings, Step, Vocabulary, WORTH_THREADS,
};

/// A memory of branches over the weights that it borrows.
pub struct Session<'w> {
    pub(super) weights: &'w Weights,
    pub(super) settings: SessionSettings,
    pub(super) context: LlamaContext<'w>,
    batch: LlamaBatch<'static>,
    pub(super) branches: Branches,
    /// The rows that the batch being filled will give. Kept for its allocation.
    rows: Vec<Row>,
    pub(super) past: Past,
}

/// What a memory has been used for: where its cells lie depends on that, and so do the bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Past {
    /// Nothing.
    New,
    /// One text, whose tokens lie in the order of its cells from the first one on.
    OneText,
    /// Several.
    Several,
}

/// One row of logits to come.
#[derive(Clone, Copy)]
struct Row {
    /// The token's index in the batch.
    index: i32,
    step: usize,
    position: usize,
}

/// Who reads rows of logits: `read(step, position, row)`.
enum Reader<'r> {
    /// One row after the other, in order.
    InOrder(&'r mut dyn FnMut(usize, usize, &[f32])),
    /// As many rows at once as there are threads, in any order.
    Unordered(&'r (dyn Fn(usize, usize, &[f32]) + Sync)),
}

/// Why an evaluation failed, and whether memory is as it was before.
struct Failure {
    untouched: bool,
    cause: anyhow::Error,
}

impl Weights {
    /// A new, empty memory.
    ///
    /// # Errors
    /// An option outside its range, a combination that llama.cpp refuses, or not enough memory.
    pub fn session(&self, options: &SessionOptions) -> Result<Session<'_>> {
        // Making a context may write to the model, so contexts are made one after the other.
        static ONE: Mutex<()> = Mutex::new(());

        let settings = resolve(options, self.size())?;
        let backend = backend()?;
        let turn = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (context, cause) = overheard("making a memory", || self.model.new_context(backend, parameters(&settings)));
        drop(turn);
        let mut context = context.map_err(|error| {
            let cause = cause.unwrap_or_else(|| error.to_string());
            anyhow!("cannot open the model `{}` for {} tokens: {cause}", self.path().display(), settings.cells)
        })?;
        if let Some(adapter) = &self.adapter {
            adapter.put_into(&mut context)?;
        }
        let batch = LlamaBatch::new(settings.batch, 1);
        let branches = Branches::new(settings.branches);
        Ok(Session { weights: self, settings, context, batch, branches, rows: Vec::new(), past: Past::New })
    }
}

impl Session<'_> {
    /// What the session runs with, every default filled in.
    #[must_use]
    pub fn settings(&self) -> &SessionSettings {
        &self.settings
    }

    /// The weights under it.
    #[must_use]
    pub fn weights(&self) -> &Weights {
        self.weights
    }

    /// Forgets every branch and leaves the memory as a new session's, so that what comes next has the bits it would have
    /// had there.
    pub fn clear(&mut self) {
        self.context.clear_kv_cache();
        self.branches = Branches::new(self.settings.branches);
        self.past = Past::New;
    }

    /// Where every step will write: its sequence, and the length of the text before it.
    fn places(&self, steps: &[Step]) -> Result<Vec<LiveBranch>> {
        let mut free = self.branches.free();
        let mut uses = [Use::None; MOST_BRANCHES];
        let room = self.room();
        let tokens: usize = steps.iter().map(|step| step.tokens.len()).sum();
        let made = steps.iter().filter(|step| !matches!(step.from, Origin::Move(_))).count();
        ensure!(tokens <= room.cells, "{tokens} tokens do not fit into {} free cells", room.cells);
        ensure!(made <= room.branches, "{made} branches asked for, {} are free", room.branches);

        steps
            .iter()
            .map(|step| {
                ensure!(!step.tokens.is_empty(), "a step without tokens");
                let size = self.weights.vocabulary().len();
                for &token in step.tokens {
                    ensure!((token as usize) < size, "token {token} is outside the vocabulary of {size}");
                }
                let mut new = || free.next().ok_or_else(|| anyhow!("no branch is free"));
                match step.from {
                    Origin::Root => Ok(LiveBranch { sequence: new()?, len: 0 }),
                    Origin::Fork(branch) => {
                        let parent = self.branches.find(branch)?;
                        let before = &mut uses[usize::from(parent.sequence)];
                        ensure!(*before != Use::Moved, "branch {} is both forked and moved", branch.0);
                        *before = Use::Forked;
                        Ok(LiveBranch { sequence: new()?, len: parent.len })
                    }
                    Origin::Move(branch) => {
                        let place = self.branches.find(branch)?;
                        let before = &mut uses[usize::from(place.sequence)];
                        ensure!(*before != Use::Forked, "branch {} is both forked and moved", branch.0);
                        ensure!(*before != Use::Moved, "branch {} is moved twice", branch.0);
                        *before = Use::Moved;
                        Ok(place)
                    }
                }
            })
            .collect()
    }

    /// Notes every fork in the cells of its parent.
    fn fork(&mut self, steps: &[Step], places: &[LiveBranch]) -> Result<()> {
        for (step, place) in steps.iter().zip(places) {
            if let Origin::Fork(parent) = step.from {
                let parent = self.branches.find(parent)?;
                self.context.kv_cache_seq_cp(parent.sequence.into(), place.sequence.into(), None, None)?;
            }
        }
        Ok(())
    }

    /// Evaluates all tokens, a batch at a time, and hands the rows on.
    fn evaluate(&mut self, steps: &[Step], places: &[LiveBranch], reader: &mut Reader) -> Result<(), Failure> {
        let mut first = true;
        self.batch.clear();
        self.rows.clear();
        for (number, (step, place)) in steps.iter().zip(places).enumerate() {
            for (position, &token) in step.tokens.iter().enumerate() {
                let wanted = step.rows.wants(position, step.tokens.len());
                if wanted {
                    self.rows.push(Row { index: self.batch.n_tokens(), step: number, position });
                }
                // In range: a token is below the vocabulary's size, a position below the number of cells.
                let at = i32::try_from(place.len + position).unwrap_or(i32::MAX);
                let token = LlamaToken(i32::try_from(token).unwrap_or(-1));
                self.batch
                    .add(token, at, &[place.sequence.into()], wanted)
                    .map_err(|error| Failure { untouched: first, cause: error.into() })?;
                if usize::try_from(self.batch.n_tokens()) == Ok(self.settings.batch) {
                    self.decode(first, reader)?;
                    first = false;
                }
            }
        }
        if self.batch.n_tokens() > 0 { self.decode(first, reader) } else { Ok(()) }
    }

    /// Evaluates the batch and empties it.
    fn decode(&mut self, first: bool, reader: &mut Reader) -> Result<(), Failure> {
        let (done, cause) = overheard("evaluating tokens", || self.context.decode(&mut self.batch));
        match done {
            Ok(()) => {}
            Err(DecodeError::NoKvCacheSlot) => {
                let cause = anyhow!("{} tokens do not fit into the memory", self.batch.n_tokens());
                return Err(Failure { untouched: first, cause });
            }
            Err(error) => {
                let cause = cause.unwrap_or_else(|| error.to_string());
                return Err(Failure { untouched: false, cause: anyhow!("cannot evaluate the tokens: {cause}") });
            }
        }
        self.hand_on(reader);
        self.rows.clear();
        self.batch.clear();
        Ok(())
    }

    /// Hands the rows of the last decode on, where llama.cpp left them.
    fn hand_on(&self, reader: &mut Reader) {
        let rows = self.rows.iter().map(|row| (row, self.context.get_logits_ith(row.index)));
        match reader {
            Reader::InOrder(read) => rows.for_each(|(row, logits)| read(row.step, row.position, logits)),
            Reader::Unordered(read) => {
                let rows: Vec<_> = rows.collect();
                let logits = rows.len() * self.weights.vocabulary().len();
                let threads = if logits < WORTH_THREADS { 1 } else { self.settings.threads };
                let share = rows.len().div_ceil(threads).max(1);
                let read_all =
                    |rows: &[(&Row, &[f32])]| rows.iter().for_each(|(row, logits)| read(row.step, row.position, logits));
                std::thread::scope(|scope| {
                    let mut shares = rows.chunks(share);
                    let own = shares.next().unwrap_or_default();
                    shares.for_each(|rows| drop(scope.spawn(|| read_all(rows))));
                    read_all(own);
                });
            }
        }
    }

    /// Makes the branches of these steps, and hands their rows to the reader.
    fn extend_for(&mut self, steps: &[Step], mut reader: Reader) -> Result<Vec<Branch>> {
        let places = self.places(steps)?;
        self.past = match (self.past, steps) {
            (Past::New, [Step { from: Origin::Root, .. }]) | (Past::OneText, [Step { from: Origin::Move(_), .. }]) => {
                Past::OneText
            }
            _ => Past::Several,
        };
        self.fork(steps, &places)?;
        if let Err(failure) = self.evaluate(steps, &places, &mut reader) {
            for (step, place) in steps.iter().zip(&places) {
                match step.from {
                    Origin::Root | Origin::Fork(_) => self.wipe(place.sequence),
                    Origin::Move(_) if failure.untouched => {}
                    Origin::Move(branch) => self.release(branch),
                }
            }
            return Err(failure.cause);
        }
        steps
            .iter()
            .zip(&places)
            .map(|(step, place)| match step.from {
                Origin::Root => Ok(self.branches.grow(None, place.sequence, step.tokens.len())),
                Origin::Fork(parent) => Ok(self.branches.grow(Some(parent), place.sequence, step.tokens.len())),
                Origin::Move(branch) => {
                    self.branches.lengthen(branch, step.tokens.len()).ok_or_else(|| anyhow!("a moved branch was lost"))
                }
            })
            .collect()
    }

    /// Whether a sequence still holds what comes after its first `len` tokens will look at.
    ///
    /// A recurrent memory holds its last state alone. A sliding window has a cache of full size here, which holds every token,
    /// until its cells run short: then llama.cpp writes over those that lie outside of the window of their sequence, the oldest
    /// first.
    pub(super) fn reaches_back(&self, sequence: Sequence, len: usize) -> bool {
        self.steps_back()
            && self.weights.window().is_none_or(|window| {
                let oldest = usize::try_from(self.context.kv_cache_seq_pos_min(sequence.into()));
                oldest.is_ok_and(|oldest| oldest <= len.saturating_sub(window))
            })
    }

    /// Empties a sequence. Whole sequences can always be removed, so the answer carries nothing.
    fn wipe(&mut self, sequence: Sequence) {
        let _ = self.context.clear_kv_cache_seq(Some(sequence.into()), None, None);
    }
}

/// What a branch was named for in one call.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    None,
    Forked,
    Moved,
}

impl Model for Session<'_> {
    fn vocabulary(&self) -> &Vocabulary {
        self.weights.vocabulary()
    }

    fn extend(&mut self, steps: &[Step], read: &mut dyn FnMut(usize, usize, &[f32])) -> Result<Vec<Branch>> {
        self.extend_for(steps, Reader::InOrder(read))
    }

    fn extend_unordered(&mut self, steps: &[Step], read: &(dyn Fn(usize, usize, &[f32]) + Sync)) -> Result<Vec<Branch>> {
        self.extend_for(steps, Reader::Unordered(read))
    }

    fn prefix(&mut self, of: Branch, len: usize) -> Result<Option<Branch>> {
        let place = self.branches.find(of)?;
        ensure!(len >= 1 && len <= place.len, "no prefix of {len} tokens of a branch of {}", place.len);
        let sequence = self.branches.free().next().ok_or_else(|| anyhow!("no branch is free"))?;
        if len < place.len && !self.reaches_back(place.sequence, len) {
            return Ok(None);
        }
        self.past = Past::Several;
        self.context.kv_cache_seq_cp(place.sequence.into(), sequence.into(), None, Some(u32::try_from(len)?))?;
        Ok(self.branches.shorten(of, len, sequence))
    }

    fn release(&mut self, branch: Branch) {
        if let Some(sequence) = self.branches.release(branch) {
            self.past = Past::Several;
            self.wipe(sequence);
        }
    }

    fn save(&mut self, branch: Branch, most: u64) -> Result<Option<Vec<u8>>> {
        self.save_state(branch, most)
    }

    fn restore(&mut self, state: &[u8], len: usize, keep: usize) -> Result<Option<Branch>> {
        self.restore_state(state, len, keep)
    }

    fn steps_back(&self) -> bool {
        !self.weights.is_recurrent() && !self.weights.is_hybrid()
    }

    fn threads(&self) -> usize {
        if self.weights.on_gpu { self.settings.threads } else { 1 }
    }

    fn room(&self) -> Room {
        Room {
            cells: self.settings.cells - self.branches.cells(),
            branches: self.branches.free().count(),
            batch: self.settings.batch,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::model::{LoadOptions, Rows, Token};

    fn weights() -> Weights {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/fable-3m-q8_0.gguf");
        Weights::load(&path, &LoadOptions::default(), |_| true).unwrap()
    }

    /// A session that believes in more memory than llama.cpp has, so that decodes fail.
    fn deluded(weights: &Weights) -> Session<'_> {
        let options = SessionOptions { cells: 256, branches: 4, batch: 64, threads: Some(1), ..SessionOptions::default() };
        let mut session = weights.session(&options).unwrap();
        session.settings.cells = 10_000;
        session
    }

    fn make(session: &mut Session, from: Origin, tokens: usize) -> Result<Branch> {
        let tokens: Vec<Token> = vec![300; tokens];
        Ok(session.extend(&[Step { from, tokens: &tokens, rows: Rows::Last }], &mut |_, _, _| ())?[0])
    }

    #[test]
    fn a_decode_refused_for_room_leaves_every_branch() {
        let weights = weights();
        let mut session = deluded(&weights);
        let trunk = make(&mut session, Origin::Root, 200).unwrap();
        let room = session.room();
        assert!(make(&mut session, Origin::Fork(trunk), 60).unwrap_err().to_string().contains("do not fit"));
        assert!(make(&mut session, Origin::Move(trunk), 60).is_err());
        assert_eq!(session.room(), room);
        make(&mut session, Origin::Move(trunk), 56).unwrap();
    }

    #[test]
    fn a_decode_that_fails_midway_takes_its_moved_branch_and_no_other() {
        let weights = weights();
        let mut session = deluded(&weights);
        let kept = make(&mut session, Origin::Root, 50).unwrap();
        let moved = make(&mut session, Origin::Fork(kept), 10).unwrap();
        assert!(make(&mut session, Origin::Fork(kept), 300).is_err());
        assert!(make(&mut session, Origin::Move(moved), 300).is_err());
        assert!(make(&mut session, Origin::Fork(moved), 1).unwrap_err().to_string().contains("does not live"));
        assert_eq!(session.room(), Room { cells: 10_000 - 50, branches: 3, batch: 64 });
        make(&mut session, Origin::Move(kept), 206).unwrap();
    }
}
