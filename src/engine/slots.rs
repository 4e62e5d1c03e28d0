//! How many stories are told at once in one memory, and how much of it each may take.

use super::engine::Engine;
use super::remedy::{Refusal, Remedy};
use crate::decode::{Keep, Plan, Stories};
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
    /// What stays in memory of stories that have ended, in the room that those leave that run.
    pub keep: Keep,
    /// Whether every story is told alone in a cleared memory, so that nothing that was told before or is told beside it can change a
    /// bit of it.
    pub strict: bool,
}

impl Slots {
    /// So many places, at least one, of so many cells and branches each; nothing is kept.
    #[must_use]
    pub fn new(count: usize, cells: usize, branches: usize, width: usize) -> Self {
        Self { count: count.max(1), cells, branches, width: width.max(1), keep: Keep::default(), strict: false }
    }

    /// So many places, each of which holds any one of these stories.
    #[must_use]
    pub fn for_stories(engine: &Engine, count: usize, plans: &[Plan]) -> Self {
        let width = engine.width(plans, count);
        let (cells, branches) = Stories::room_for(plans, width);
        Self::new(count, cells, branches, width)
    }

    /// The same places, with room for what is kept.
    #[must_use]
    pub fn keeping(self, keep: Keep) -> Self {
        Self { keep, strict: false, ..self }
    }

    /// One place, in which every story is told in a cleared memory.
    #[must_use]
    pub fn strictly(self) -> Self {
        Self { count: 1, keep: Keep::default(), strict: true, ..self }
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
        let kept = self.keep.prompts.saturating_add(self.keep.stories);
        (self.cells * self.count, branches.saturating_add(kept).min(MOST_BRANCHES))
    }
}
