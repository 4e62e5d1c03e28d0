//! What of a large vocabulary need not be written down, because it is known to be cut, or never was to be drawn.
//!
//! Most of a row of 150,000 logits is far below what any chain leaves. A shortcut leaves out only tokens of which that is
//! certain, and computes nothing else than the long way does: the tokens drawn are the same ones to the last bit.

use super::chain::Pick;
use super::prepared::{PreparedStage, StageOp};
use super::stages::{MinP, TopK};
use crate::prob::{Candidate, Candidates, Ranked, StepNoise, Temperature, Token, heaviest_of_row};

/// The longest top-k that has a shortcut. For a longer one, ranking the likeliest one by one costs more than it saves.
const LONGEST: usize = 256;

/// The acts at the beginning of a chain that change certain tokens only, and those tokens in ascending order.
#[derive(Debug)]
pub(super) struct Prelude<'a> {
    acts: &'a [PreparedStage],
    rest: &'a [PreparedStage],
    touched: Vec<Token>,
}

/// A logit below which no token outlives the chain.
#[derive(Debug, PartialEq)]
pub(super) struct Floor {
    pub logit: f64,
    /// Which of the acts cuts what is below it.
    pub at: usize,
    /// The tokens that are needed though they are below it, in ascending order: their logits are still to be changed.
    pub also: Vec<Token>,
}

impl<'a> Prelude<'a> {
    /// The prelude of these acts.
    pub fn of(acts: &'a [PreparedStage]) -> Self {
        let length = acts.iter().position(|act| act.touches().is_none()).unwrap_or(acts.len());
        let (acts, rest) = acts.split_at(length);
        let mut touched: Vec<Token> = acts.iter().filter_map(PreparedStage::touches).flatten().collect();
        touched.sort_unstable();
        touched.dedup();
        Self { acts, rest, touched }
    }

    /// How many of the likeliest tokens must be known for a floor to be seen, but at least `least`: some of them may be touched,
    /// and a few may be no candidates at all.
    pub fn needs(&self, least: usize) -> usize {
        match self.rest.first().map(PreparedStage::op) {
            Some(StageOp::TopK(TopK(k))) if k.get() <= LONGEST => least.max(k.get() + self.touched.len().min(LONGEST) + 8),
            _ => least,
        }
    }

    /// The floor, where the prelude is followed by a min-p, a top-k or a frozen temperature. `likeliest` are the likeliest tokens that may be taken,
    /// with their logits.
    ///
    /// Untouched tokens keep their logits. So min-p will cut at least what is below its share of the likeliest of those, and
    /// top-k what is below the k-th, and a frozen temperature all below the likeliest.
    pub fn floor(&self, likeliest: impl IntoIterator<Item = Ranked>) -> Option<Floor> {
        let mut untouched = likeliest.into_iter().filter(|ranked| self.touched.binary_search(&ranked.token).is_err());
        let logit = match self.rest.first().map(PreparedStage::op)? {
            StageOp::MinP(MinP(share)) => f64::from(untouched.next()?.logit) + share.get().ln(),
            StageOp::TopK(TopK(k)) => f64::from(untouched.nth(k.get() - 1)?.logit),
            StageOp::Temperature(temperature) if temperature.is_frozen() => f64::from(untouched.next()?.logit),
            _ => return None,
        };
        Some(Floor { logit, at: self.acts.len(), also: self.touched.clone() })
    }

    /// The token that is drawn from the row, where nothing but temperatures follows the prelude, and the prelude bans nothing:
    /// then nothing is removed, and each token is looked at once. `None` for another chain, and for a row without a token that
    /// may be taken.
    pub fn draw(&self, row: &[f32], may: impl Fn(Token) -> bool, pick: Pick, noise: StepNoise) -> Option<Token> {
        let temperatures: Vec<Temperature> = self.rest.iter().map(temperature).collect::<Option<_>>()?;
        if self.acts.iter().any(|act| matches!(act.op(), StageOp::Ban(_))) {
            return None;
        }
        let cool = |logit: f64| temperatures.iter().fold(logit, |logit, temperature| temperature.cool(logit));
        // The touched tokens run first, and have no part in the row's race: there they would run with another logit.
        let changed = self.changed(row, &may).into_iter().map(|one| (one.token, cool(one.logit)));
        let runs = |token: Token| self.touched.binary_search(&token).is_err() && may(token);
        let first = |best: (Token, f64), next: (Token, f64)| if next.1 > best.1 { next } else { best };
        match pick {
            Pick::Sample => {
                let scores = changed.map(|(token, weight)| (token, weight + noise.gumbel(token)));
                noise.largest_of_row(scores.reduce(first), row, &temperatures, runs)
            }
            Pick::Argmax => heaviest_of_row(changed.reduce(first), row, &temperatures, runs),
        }
    }

    /// The touched tokens after the prelude.
    fn changed(&self, row: &[f32], may: &impl Fn(Token) -> bool) -> Vec<Candidate> {
        let own = |&token: &Token| Some(Candidate { token, logit: f64::from(*row.get(token as usize)?) });
        let there = |candidate: &Candidate| candidate.logit.is_finite() && may(candidate.token);
        let touched: Vec<Candidate> = self.touched.iter().filter_map(own).filter(there).collect();
        let Some(mut candidates) = Candidates::new(touched) else { return Vec::new() };
        self.acts.iter().for_each(|act| act.run(&mut candidates));
        candidates.iter().collect()
    }
}

/// The temperature of an act that is a plain one and leaves more than one token.
fn temperature(act: &PreparedStage) -> Option<Temperature> {
    match act.op() {
        StageOp::Temperature(temperature) if !temperature.is_frozen() => Some(*temperature),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prob::{Noise, Probability, top};
    use crate::sampler::{Penalties, TopP, prepared};

    fn row() -> Vec<f32> {
        (0_u16..40).map(|i| f32::from(i * 7 % 40) / 4.0).collect()
    }

    /// Preludes: penalties on some of the likeliest, on all, a reward for an unlikely one, a ban.
    fn preludes() -> Vec<Vec<PreparedStage>> {
        let punish: Penalties = toml::from_str("repeat = 1.5").unwrap();
        let does = [
            vec![],
            vec![StageOp::Penalise(vec![(17, 0.5)])],
            vec![StageOp::Penalise(vec![(17, 3.0), (34, 9.0)]), StageOp::Ban(vec![11, 28])],
            vec![StageOp::Penalise((0..40).map(|token| (token, 1.0)).collect())],
            vec![StageOp::Penalise(vec![(0, -30.0)]), StageOp::Punish(punish, [(17, 1), (0, 2), (3, 1)].into())],
        ];
        does.into_iter().map(|acts| acts.into_iter().map(|op| PreparedStage::of("", op)).collect()).collect()
    }

    #[test]
    fn nothing_below_the_floor_outlives_the_acts() {
        let row = row();
        let mut floors = 0;
        for prelude in preludes() {
            let frozen = StageOp::Temperature(Temperature::new(0.0).unwrap());
            let top_k = |k| StageOp::TopK(TopK(std::num::NonZeroUsize::new(k).unwrap()));
            for cut in [StageOp::MinP(MinP(Probability::new(0.1).unwrap())), top_k(1), top_k(5), frozen] {
                let acts: Vec<PreparedStage> = prelude.iter().cloned().chain([PreparedStage::of("", cut)]).collect();
                let mut all = Candidates::of(&row, |_| true).unwrap();
                prepared::run(&acts, &mut all, &[]);
                let shortcut = Prelude::of(&acts);
                let Some(floor) = shortcut.floor(top(&row, shortcut.needs(20))) else { continue };
                let (mut some, below) = Candidates::from_floor(&row, floor.logit, &floor.also, &[]).unwrap();
                assert!(below > 0 && floor.at == prelude.len());
                prepared::run(&acts, &mut some, &[]);
                assert_eq!(some, all);
                floors += 1;
            }
        }
        assert!(floors >= 16, "only {floors} chains have a floor");
    }

    #[test]
    fn a_token_drawn_from_the_row_is_the_one_drawn_from_the_list() {
        let row = row();
        let may = |token: Token| !token.is_multiple_of(7);
        let temperature = |t: f64| PreparedStage::of("", StageOp::Temperature(Temperature::new(t).unwrap()));
        for prelude in preludes() {
            for temperatures in [vec![], vec![temperature(0.7)], vec![temperature(3.0), temperature(0.4)]] {
                let acts: Vec<PreparedStage> = prelude.iter().cloned().chain(temperatures).collect();
                for (step, pick) in (0..200).map(|step| (step, if step == 0 { Pick::Argmax } else { Pick::Sample })) {
                    let noise = Noise::new(1, &[]).at(step, 0);
                    let mut candidates = Candidates::of(&row, may).unwrap();
                    prepared::run(&acts, &mut candidates, &[]);
                    let drawn = Prelude::of(&acts).draw(&row, may, pick, noise);
                    let bans = acts.iter().any(|act| matches!(act.op(), StageOp::Ban(_)));
                    assert_eq!(drawn, (!bans).then(|| prepared::pick(pick, &candidates, noise)));
                }
            }
        }
    }

    #[test]
    fn other_chains_have_no_shortcut() {
        let share = Probability::new(0.5).unwrap();
        let none = |acts: &[StageOp]| {
            let acts: Vec<PreparedStage> = acts.iter().cloned().map(|op| PreparedStage::of("", op)).collect();
            let noise = Noise::new(1, &[]).at(0, 0);
            Prelude::of(&acts).floor(top(&[1.0, 2.0], 20)).is_none()
                && Prelude::of(&acts).draw(&[1.0, 2.0], |_| true, Pick::Sample, noise).is_none()
        };
        assert!(none(&[StageOp::whole(TopP(share))]));
        assert!(none(&[StageOp::Temperature(Temperature::ONE), StageOp::Temperature(Temperature::new(0.0).unwrap())]));
        assert!(none(&[StageOp::Temperature(Temperature::ONE), StageOp::MinP(MinP(share))]));
        assert!(none(&[StageOp::Penalise(vec![(0, 1.0), (1, 1.0)]), StageOp::MinP(MinP(share))]));
    }
}
