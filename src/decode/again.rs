//! A story told again along the tokens that it has, up to the one that is to be seen closely.

use std::collections::BTreeMap;

use crate::prob::{Partition, Ranked, Token, top};
use crate::sampler::{BoundSampler, Draw, Path, Watched};

/// The way of a story that was told before, and what is seen at its end.
///
/// Up to there it is told by its own sampler, with every look and every decode that it took: what a quantised model computes
/// depends on how many tokens are decoded together, and on where in its memory they lie. The tokens are those of the story,
/// whatever its sampler draws now.
#[derive(Debug)]
pub(super) struct Again {
    told: Vec<Token>,
    closely: BoundSampler,
    nexts: usize,
    /// The row of the last step up to the place.
    row: Vec<f32>,
    strayed: Option<usize>,
    next: BTreeMap<Token, Vec<Watched>>,
}

impl Again {
    /// Along these tokens; the one behind them is decided by `closely`. `nexts` tokens are kept after each candidate there.
    pub fn new(told: &[Token], closely: BoundSampler, nexts: usize) -> Self {
        Self { told: told.to_vec(), closely, nexts, row: Vec::new(), strayed: None, next: BTreeMap::new() }
    }

    /// The sampler of this step, where it is not the story's own. From its row the step decides.
    pub fn meet(&mut self, step: usize, row: &[f32]) -> Option<&BoundSampler> {
        if step <= self.told.len() {
            self.row.clear();
            self.row.extend_from_slice(row);
        }
        (step == self.told.len()).then_some(&self.closely)
    }

    /// The draw of this step with the token that the story has there.
    pub fn keep(&mut self, step: usize, draw: Draw) -> Draw {
        match self.told.get(step) {
            Some(&token) if token != draw.token => {
                self.strayed.get_or_insert(step);
                Draw { token, log_p: self.log_p(token), ..draw }
            }
            _ => draw,
        }
    }

    /// The row behind a path is known at this step.
    pub fn see(&mut self, step: usize, path: &Path, row: &[f32]) {
        if let ([token], Some(partition), true) = (&path.0[..], Partition::of(row), step == self.told.len()) {
            let watched = |ranked: &Ranked| Watched { token: ranked.token, log_p: partition.log_p(ranked.logit) };
            self.next.insert(*token, top(row, self.nexts).iter().map(watched).collect());
        }
    }

    /// The model's own log-probability of a token, at the last step up to the place.
    pub fn log_p(&self, token: Token) -> f64 {
        let logit = self.row.get(token as usize).copied().unwrap_or(f32::NEG_INFINITY);
        Partition::of(&self.row).map_or(f64::NEG_INFINITY, |partition| partition.log_p(logit))
    }

    /// The first step whose draw was another token now, and what is likeliest after each candidate at the place.
    pub fn seen(self) -> (Option<usize>, BTreeMap<Token, Vec<Watched>>) {
        (self.strayed, self.next)
    }
}
