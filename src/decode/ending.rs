//! How stories end, and what becomes of the room that they had.

use super::detokenizing::Heard;
use super::kept::Kind;
use super::observer::Observer;
use super::prompt_sharing::Left;
use super::round::Stories;
use crate::files::causes;
use crate::model::Branch;
use crate::prob::Token;
use crate::story::StopReason;

impl Stories<'_> {
    /// Ends a story as interrupted; what is told of it is kept. A number that no story has is ignored.
    pub fn cancel(&mut self, number: usize, observer: &mut dyn Observer) {
        if number < self.tellers.len() {
            self.end(number, StopReason::Interrupted, Heard::default(), observer);
        }
    }

    /// Ends every story that still runs, as interrupted.
    pub fn interrupt(&mut self, observer: &mut dyn Observer) {
        (0..self.tellers.len()).for_each(|number| self.cancel(number, observer));
    }

    pub(super) fn fail(&mut self, number: usize, error: &anyhow::Error, observer: &mut dyn Observer) {
        self.end(number, StopReason::Failed(causes(error)), Heard::default(), observer);
    }

    /// Ends a story, if there is one, and gives its room back.
    pub(super) fn end(&mut self, number: usize, stop: StopReason, unheard: Heard, observer: &mut dyn Observer) {
        let Some(mut story) = self.tellers[number].take() else { return };
        let ([_, keeps], running) = (self.kept.keeps(), self.running());
        // Where a decode failed, the trunk may be gone.
        if keeps && !matches!(stop, StopReason::Failed(_)) {
            let (row, left) = story.arrive().unzip();
            self.release(left.into_iter().collect());
            let gone = story.give_trunk().map(|(text, trunk)| self.kept.keep(Kind::Story, text, trunk, row, running));
            self.release(gone.unwrap_or_default());
        }
        let (ended, branches) = story.end(stop, unheard);
        self.release(branches);
        let (cells, branches) = std::mem::take(&mut self.promised[number]);
        let left: Left = self.prompts.leave(number);
        self.release(left.kept.into_iter().collect());
        let (free_cells, free_branches) = self.unpromised;
        self.unpromised = (free_cells + cells + left.cells, free_branches + branches + left.branches);
        self.suspects.remove(&number);
        self.resting.remove(&number);
        self.make_room();
        observer.ended(number, ended);
    }

    /// Keeps a text of somebody else's, with the row behind it: stories go on from there, and what it takes of the memory counts as
    /// free for them.
    pub(super) fn hold(&mut self, text: Vec<Token>, branch: Branch, row: Vec<f32>) {
        self.unpromised = (self.unpromised.0 + text.len(), self.unpromised.1 + 1);
        let gone = self.kept.keep(Kind::Prompt, text, branch, Some(row), 0);
        self.release(gone);
    }

    /// Hands out what is kept: each text with the branch that holds it, and the row behind it where that is known.
    pub(super) fn hand_back(&mut self) -> Vec<(Vec<Token>, Branch, Option<Vec<f32>>)> {
        self.kept.give_all()
    }

    pub(super) fn release(&mut self, branches: Vec<Branch>) {
        for branch in branches {
            self.model.release(branch);
        }
    }
}

/// The model gets back what stories hold of it, even where they have not ended, and what was kept of those that have.
impl Drop for Stories<'_> {
    fn drop(&mut self) {
        self.interrupt(&mut ());
        while let Some(branch) = self.kept.give_up() {
            self.model.release(branch);
        }
    }
}
