//! How a draw becomes a part of the story: at once, or where something is not to be said when it is certain.

use super::super::banning::{Banning, Before, Verdict};
use super::{Settled, Storyteller};
use crate::model::Vocabulary;
use crate::sampler::Draw;

impl Storyteller {
    /// Takes a draw into the story, and tells what is certain by it; returns the row from which it goes on, where it went back.
    pub(super) fn hear(&mut self, draw: Draw, vocabulary: &Vocabulary, settled: &mut Settled) -> Option<Vec<f32>> {
        let feedback = self.history.feedback();
        self.history.hear(&draw);
        let is_full = self.told().len() >= self.plan.most_tokens() || self.seen() >= self.plan.context;
        let Some(banning) = &mut self.banning else {
            settled.stop = self.tell(draw, vocabulary, &mut settled.told);
            return None;
        };
        let is_last = is_full || vocabulary.ends(draw.token);
        let certain = match banning.hear(draw, feedback, is_last, vocabulary, &self.history) {
            Verdict::Tell(certain) => certain,
            Verdict::Back(draws, Before { row, feedback }) => {
                self.history.take_back(draws, feedback);
                return Some(row);
            }
        };
        for _ in 0..certain {
            if settled.stop.is_none()
                && let Some(draw) = self.banning.as_mut().and_then(Banning::tell)
            {
                settled.stop = self.tell(draw, vocabulary, &mut settled.told);
            }
        }
        None
    }

    /// Takes back what nobody has heard.
    pub(super) fn forget_undecided(&mut self) {
        if let Some((draws, feedback)) = self.banning.as_mut().map(Banning::forget).filter(|(draws, _)| *draws > 0) {
            self.history.take_back(draws, feedback);
        }
    }
}
