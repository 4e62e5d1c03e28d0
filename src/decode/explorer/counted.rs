//! A model that counts what is asked of it.

use anyhow::Result;

use crate::model::{Branch, Model, Room, Step, Vocabulary};

/// The same model, which counts its decodes and the tokens that are evaluated in them.
pub(super) struct Counted<'m> {
    pub model: &'m mut dyn Model,
    pub decodes: usize,
    pub evaluations: usize,
}

impl Model for Counted<'_> {
    fn vocabulary(&self) -> &Vocabulary {
        self.model.vocabulary()
    }

    fn extend(&mut self, steps: &[Step], read: &mut dyn FnMut(usize, usize, &[f32])) -> Result<Vec<Branch>> {
        self.decodes += 1;
        self.evaluations += steps.iter().map(|step| step.tokens.len()).sum::<usize>();
        self.model.extend(steps, read)
    }

    fn prefix(&mut self, of: Branch, len: usize) -> Result<Option<Branch>> {
        self.model.prefix(of, len)
    }

    fn release(&mut self, branch: Branch) {
        self.model.release(branch);
    }

    fn steps_back(&self) -> bool {
        self.model.steps_back()
    }

    fn room(&self) -> Room {
        self.model.room()
    }
}
