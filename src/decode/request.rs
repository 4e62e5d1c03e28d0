//! What a story asks of the next decode, and what it has been given.

use crate::model::{Branch, Origin, Rows, Step};
use crate::prob::Token;
use crate::sampler::{TokenPath, Turn};

/// A branch to be made for a story.
#[derive(Debug, Clone)]
pub(super) struct DecodeRequest {
    pub from: Origin,
    pub tokens: Vec<Token>,
    pub purpose: Purpose,
    /// Whether the rows of all its tokens are asked for, to see how surprising the next ones were.
    pub scored: bool,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Answer {
    pub branch: Branch,
    /// The row behind its last token.
    pub row: Vec<f32>,
    /// Where it is scored: −ln p of the told tokens that follow its tokens, in their order, and the entropies of their rows, in nats.
    pub scores: Vec<[f64; 2]>,
}

/// What it is made for.
#[derive(Debug, Clone)]
pub(super) enum Purpose {
    /// The trunk grows by a part of the prompt, or by the token that was told last.
    Trunk,
    /// A path is looked at.
    Look(TokenPath),
}

impl DecodeRequest {
    pub fn step(&self) -> Step<'_> {
        let rows = if self.scored { Rows::All } else { Rows::Last };
        Step { from: self.from, tokens: &self.tokens, rows }
    }
}

/// A path below the trunk that has been looked at and may still be taken.
#[derive(Debug)]
pub(super) struct Known {
    pub path: TokenPath,
    pub branch: Branch,
    pub row: Vec<f32>,
}

/// Forgets what can no longer be taken, and returns its branches.
pub(super) fn drop_lost(turn: &mut Turn, known: &mut Vec<Known>) -> Vec<Branch> {
    let lost = turn.lost();
    let is_lost = |known: &mut Known| lost.iter().any(|path| known.path.0.starts_with(&path.0));
    known.extract_if(.., is_lost).map(|known| known.branch).collect()
}
