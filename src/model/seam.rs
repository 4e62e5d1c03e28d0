//! The model seam: a tree of branches, each the memory of one text.

use anyhow::Result;

use super::{Token, Vocabulary};

/// The name of a branch: the memory a model holds of one sequence of tokens.
///
/// A branch lives from the [`Model::extend`] that made it until it is released or moved; its name is never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Branch(pub u64);

/// Where a step begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// With nothing: the first tokens of a text.
    Root,
    /// Behind the branch, which stays as it is and shares its memory with the new one.
    Fork(Branch),
    /// Behind the branch, which becomes the new one: its old name is gone.
    Move(Branch),
}

/// Which rows of logits a step asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// The row after the step's last token, at position `tokens.len() - 1`.
    Last,
    /// The row after every token of the step.
    All,
    /// The row after every token from this position of the step on; where the step has no such token, that after its last.
    From(usize),
}

impl Rows {
    /// Whether the row after the token at this position of a step of so many tokens is asked for.
    #[must_use]
    pub fn wants(self, position: usize, tokens: usize) -> bool {
        let last = position + 1 == tokens;
        match self {
            Self::Last => last,
            Self::All => true,
            Self::From(first) => position >= first || last,
        }
    }
}

/// One branch to be made: the tokens to read, behind what.
#[derive(Debug, Clone, Copy)]
pub struct Step<'a> {
    /// Where it begins.
    pub from: Origin,
    /// What to read; never empty.
    pub tokens: &'a [Token],
    /// Which rows to hand out.
    pub rows: Rows,
}

/// What is free at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Room {
    /// Tokens that can still be remembered, over all branches; a fork's shared tokens count once.
    pub cells: usize,
    /// Branches that can still be made.
    pub branches: usize,
    /// Tokens that one [`Model::extend`] evaluates in one decode; more are evaluated in several.
    pub batch: usize,
}

/// Fewer logits than this, in all rows together, are looked at before a thread has begun.
pub const WORTH_THREADS: usize = 1 << 17;

/// A language model that remembers texts as a tree of branches.
///
/// Prefill, plain decoding, candidate lookahead, rolls to the end of a word, many stories at once and scoring of a given
/// text are all words of this one language. [`Toy`](super::Toy) is its reference implementation.
pub trait Model {
    /// The vocabulary: pieces, ends, control tokens. Rows of logits have [`Vocabulary::len`] entries.
    fn vocabulary(&self) -> &Vocabulary;

    /// Makes a branch for every step, in one decode where the tokens fit [`Room::batch`], and returns them in the order of
    /// the steps. Each row of logits is handed to `read(step, position, row)`, steps in order, positions ascending.
    ///
    /// Is equivalent to evaluating every step's whole text afresh. The same branch may be forked by several steps, but not
    /// both forked and moved, nor moved twice.
    ///
    /// # Errors
    /// A step without tokens, a token outside the vocabulary, a branch that does not live, not enough [`Room`] (nothing is
    /// evaluated then and every branch lives on), or a failed evaluation. On any error no new branch lives and forked
    /// parents are whole; after a failed evaluation moved ones are gone.
    fn extend(&mut self, steps: &[Step], read: &mut dyn FnMut(usize, usize, &[f32])) -> Result<Vec<Branch>>;

    /// As [`Model::extend`], but rows come in any order, and several of them at once where the model computes with several threads: for a
    /// reader to whom each row says all, as in the scoring of given texts.
    ///
    /// # Errors
    /// As [`Model::extend`].
    fn extend_unordered(&mut self, steps: &[Step], read: &(dyn Fn(usize, usize, &[f32]) + Sync)) -> Result<Vec<Branch>> {
        self.extend(steps, &mut |step, position, row| read(step, position, row))
    }

    /// Makes a branch of the first `len` tokens of `of`, which lives on. `None` where the model's memory cannot step back so
    /// far (recurrent models, and sliding windows that no longer hold what was before): prefill again. All of a branch can
    /// always be had.
    ///
    /// # Errors
    /// A branch that does not live, a `len` of 0 or beyond its length, or no free branch.
    fn prefix(&mut self, of: Branch, len: usize) -> Result<Option<Branch>>;

    /// Forgets a branch. Memory shared with others stays theirs; a name that does not live is ignored.
    fn release(&mut self, branch: Branch);

    /// The memory of this branch as bytes, from which [`Model::restore`] makes it in a new memory, whose rows are then the same to
    /// the bit. `None` where that cannot be promised: a memory that holds or held anything beside this one text, or of a kind whose
    /// state is not all of it.
    ///
    /// # Errors
    /// A branch that does not live, a memory that cannot be copied, or one of more than `most` bytes.
    fn save(&mut self, branch: Branch, most: u64) -> Result<Option<Vec<u8>>> {
        let _ = (branch, most);
        Ok(None)
    }

    /// Makes a branch of the first `keep` of the `len` tokens whose memory these bytes are, without evaluating anything; they must
    /// be whole, and of the same model and settings ([`Model::save`]). `None` where this memory is not a new one, has no room for
    /// `len` tokens, or cannot step back from `len` to `keep`.
    ///
    /// # Errors
    /// A `keep` of 0 or beyond `len`, or bytes that are no such memory; it is empty then.
    fn restore(&mut self, state: &[u8], len: usize, keep: usize) -> Result<Option<Branch>> {
        let _ = (state, len, keep);
        Ok(None)
    }

    /// Whether a text's end can be taken out of memory, and its beginning stays: what [`Model::prefix`] needs.
    fn steps_back(&self) -> bool {
        true
    }

    /// How many threads are free to look at its rows beside each other between two decodes, at least 1: on a processor those that compute
    /// wait for the next decode, and are best left alone; where a GPU computes they have nothing else to do.
    fn threads(&self) -> usize {
        1
    }

    /// What is free now.
    fn room(&self) -> Room;
}
