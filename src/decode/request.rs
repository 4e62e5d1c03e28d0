//! What a story asks of the next decode, and what it has been given.

use crate::model::{Branch, From, Rows, Step};
use crate::prob::Token;
use crate::sampler::{Path, Turn};

/// A branch to be made for a story.
#[derive(Debug, Clone)]
pub(super) struct DecodeRequest {
    pub from: From,
    pub tokens: Vec<Token>,
    pub purpose: Purpose,
}

/// What it is made for.
#[derive(Debug, Clone)]
pub(super) enum Purpose {
    /// The trunk grows by a part of the prompt, or by the token that was told last.
    Trunk,
    /// A path is looked at.
    Look(Path),
}

impl DecodeRequest {
    pub fn step(&self) -> Step<'_> {
        Step { from: self.from, tokens: &self.tokens, rows: Rows::Last }
    }
}

/// A path below the trunk that has been looked at and may still be taken.
#[derive(Debug)]
pub(super) struct Known {
    pub path: Path,
    pub branch: Branch,
    pub row: Vec<f32>,
}

/// Forgets what can no longer be taken, and returns its branches.
pub(super) fn drop_lost(turn: &mut Turn, known: &mut Vec<Known>) -> Vec<Branch> {
    let lost = turn.lost();
    let is_lost = |known: &mut Known| lost.iter().any(|path| known.path.0.starts_with(&path.0));
    known.extract_if(.., is_lost).map(|known| known.branch).collect()
}
