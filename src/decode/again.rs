//! A story told again along the tokens that it has, up to the one that is to be seen closely.

use std::collections::BTreeMap;

use crate::prob::{Partition, Ranked, Token, top};
use crate::sampler::{BoundSampler, Draw, TokenPath, TopTokenTrace};
use crate::story::Rewind;

/// The way of a story that was told before, and what is seen at its end.
///
/// Up to there it is told by its own sampler, with every look and every decode that it took: what a quantised model computes
/// depends on how many tokens are decoded together, and on where in its memory they lie. The tokens are those of the story,
/// whatever its sampler draws now; where it went back, the tokens that it took back are told and taken back again.
#[derive(Debug)]
pub(super) struct Again {
    /// The tokens between one time that it went back and the next, from the first one on; at last those before the place.
    ways: Vec<Vec<Token>>,
    /// To which step it went back, each time.
    backs: Vec<usize>,
    /// How often it has gone back now.
    time: usize,
    closely: BoundSampler,
    nexts: usize,
    /// The row of the last step.
    row: Vec<f32>,
    strayed: Option<usize>,
    /// The step to which it went back, where it had not.
    lost: Option<usize>,
    decided: Option<Draw>,
    next: BTreeMap<Token, Vec<TopTokenTrace>>,
}

/// What came of a story told again.
#[derive(Debug)]
pub(super) struct Seen {
    /// The draw at the place, if it came there.
    pub draw: Option<Draw>,
    /// The first step whose draw was another token now.
    pub strayed: Option<usize>,
    /// The step to which it went back, where it had not.
    pub lost: Option<usize>,
    /// What is likeliest after each candidate at the place.
    pub next: BTreeMap<Token, Vec<TopTokenTrace>>,
}

impl Again {
    /// Along these tokens, with all times that the story went back before the token behind them stood; that one is decided by
    /// `closely`. `nexts` tokens are kept after each candidate there.
    pub fn new(told: &[Token], rewinds: &[Rewind], closely: BoundSampler, nexts: usize) -> Self {
        // Whatever came after the last time that it went back so far is behind the place.
        let times = rewinds.iter().rposition(|rewind| rewind.at <= told.len()).map_or(0, |last| last + 1);
        let rewinds = &rewinds[..times];
        let mut ways = vec![told.to_vec()];
        for Rewind { at, tokens, .. } in rewinds.iter().rev() {
            // What stood before was there then, too, as far as the next way tells.
            let after = &ways[ways.len() - 1];
            ways.push([&after[..(*at).min(after.len())], tokens].concat());
        }
        ways.reverse();
        let backs = rewinds.iter().map(|rewind| rewind.at).collect();
        let (time, row, next) = (0, Vec::new(), BTreeMap::new());
        Self { ways, backs, time, closely, nexts, row, strayed: None, lost: None, decided: None, next }
    }

    /// The sampler of this step, where it is not the story's own. From its row the step decides.
    pub fn meet(&mut self, step: usize, row: &[f32]) -> Option<&BoundSampler> {
        self.row.clear();
        self.row.extend_from_slice(row);
        self.is_there(step).then_some(&self.closely)
    }

    /// The draw of this step with the token that the story has there.
    pub fn keep(&mut self, step: usize, draw: Draw) -> Draw {
        if self.is_there(step) {
            self.decided = Some(draw.clone());
            return draw;
        }
        match self.ways.get(self.time).and_then(|way| way.get(step)) {
            Some(&token) if token != draw.token => {
                self.strayed.get_or_insert(step);
                Draw { token, log_p: self.log_p(token), ..draw }
            }
            _ => draw,
        }
    }

    /// It goes back to this step.
    pub fn go_back(&mut self, step: usize) {
        if self.is_over() {
            return;
        }
        if self.backs.get(self.time) != Some(&step) {
            self.lost.get_or_insert(step);
        }
        self.time += 1;
    }

    /// Whether all has been seen: the place is decided, or the story is another one.
    pub fn is_over(&self) -> bool {
        self.decided.is_some() || self.lost.is_some()
    }

    /// The row behind a path is known at this step.
    pub fn see(&mut self, step: usize, path: &TokenPath, row: &[f32]) {
        if let ([token], Some(partition), true) = (&path.0[..], Partition::of(row), self.is_there(step)) {
            let watched = |ranked: &Ranked| TopTokenTrace { token: ranked.token, log_p: partition.log_p(ranked.logit) };
            self.next.insert(*token, top(row, self.nexts).iter().map(watched).collect());
        }
    }

    /// The model's own log-probability of a token, at the last step up to the place.
    pub fn log_p(&self, token: Token) -> f64 {
        let logit = self.row.get(token as usize).copied().unwrap_or(f32::NEG_INFINITY);
        Partition::of(&self.row).map_or(f64::NEG_INFINITY, |partition| partition.log_p(logit))
    }

    /// What came of it.
    pub fn seen(self) -> Seen {
        let Self { decided: draw, strayed, lost, next, .. } = self;
        Seen { draw, strayed, lost, next }
    }

    /// Whether this step is the place: it has gone back as often as it did before the token there stood.
    fn is_there(&self, step: usize) -> bool {
        self.time + 1 == self.ways.len() && self.ways[self.time].len() == step
    }
}
