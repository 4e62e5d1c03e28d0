//! How many stories are told at once in one memory, and how much of it each may take.

use super::engine::Engine;
use super::remedy::{Refusal, Remedy};
use crate::decode::{Plan, Stories};
use crate::model::MOST_BRANCHES;

/// Places for stories in one memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slots {
    /// How many stories are told at once, at least 1.
    pub count: usize,
    /// Cells of each: its prompt, its story, and the candidates that are looked at.
    pub cells: usize,
    /// Branches of each: its story and the candidates that are alive at one time.
    pub branches: usize,
    /// Candidates looked at in one decode.
    pub width: usize,
}

impl Slots {
    /// So many places, each of which holds any one of these stories.
    #[must_use]
    pub fn for_stories(engine: &Engine, count: usize, plans: &[Plan]) -> Self {
        let width = engine.width(plans);
        let (cells, branches) = Stories::room_for(plans, width);
        Self { count: count.max(1), cells, branches, width }
    }

    /// Whether a place holds this story.
    ///
    /// # Errors
    /// It needs more cells or branches than a place has.
    pub fn check(&self, plan: &Plan) -> Result<(), Refusal> {
        let (cells, branches) = Stories::room_for(std::slice::from_ref(plan), self.width);
        if cells > self.cells {
            let message =
                format!("the story needs {cells} cells of the KV cache, and each of those told at once has {}", self.cells);
            return Err(Refusal::new(message, Remedy::ShorterPrompt));
        }
        if branches > self.branches {
            let message =
                format!("the preset needs {branches} sequences of the KV cache, and each story has {}", self.branches);
            return Err(Refusal::new(message, Remedy::FewerCandidates));
        }
        Ok(())
    }

    /// The cells and branches of the whole memory: stories that share a prompt need one branch more for it.
    #[must_use]
    pub fn room(&self) -> (usize, usize) {
        let branches = if self.count == 1 { self.branches } else { self.branches * self.count + self.count };
        (self.cells * self.count, branches.min(MOST_BRANCHES))
    }
}
