//! Random weights of the size of a future's: the ablation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::future::Future;
use super::{Role, Rule};
use crate::prob::{Motion, StepNoise, Token};
use crate::sampler::prepared::{Scene, StageOp};

/// For experiments only: weighs the candidates of a `future` at random, as far from p as that would. It takes the settings of
/// `future`, stands in its place, and looks at every candidate. What a story gains by `future` and not by this, it owes to the
/// future.
///
/// # Formula
/// Let q ∝ s be what `future` would draw from, D = KL(q‖p) = Σ q ln(q/p) its divergence in nats, and x(w) = ln s(w) − ln p(w) the
/// change of each candidate. The changes are dealt out anew among the same candidates, g = a random permutation of x, and made so
/// strong that they amount to as much: it draws from
///
/// ```text
/// q'(w) ∝ p(w) · exp(t · g(w)),  t ≥ 0 with KL(q'‖p) = D
/// ```
///
/// Why so: a permutation alone moves p further or less far than `future` did, for the changes meet other p; and noise of a fixed
/// size would be strong where `future` does nothing (one survivor, all futures alike) and weak where it does much. With t solved
/// for, the divergence is the same *at every token*, and since g takes its values from x so is the shape of the change: few
/// candidates moved far, or many a little. KL(q'‖p) grows with t, from 0 to −ln of the mass that p gives to the candidates with
/// the largest g; where that is less than D, the next cyclic shift of the permutation is taken, and there is one that reaches
/// it: that in which the largest change falls on the least likely candidate. The deal is keyed by step and token, as all
/// noise is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Shuffle(pub Future);

impl Rule for Shuffle {
    const NAME: &'static str = "shuffle";
    const ROLE: Role = Role::Future;

    fn prepare(&self, scene: &mut Scene) -> Option<StageOp> {
        self.0.prepare(scene)
    }

    fn schedule(&self) -> Option<&dyn Motion> {
        self.0.schedule()
    }

    fn label(&self) -> String {
        format!("shuffle {}", self.0.candidates)
    }

    fn idle(&self) -> Option<String> {
        self.0.idle()
    }

    fn leaves_one(&self) -> bool {
        self.0.leaves_one()
    }
}

/// A candidate: its ln p, up to a constant, and the change x that its future would make.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Changed {
    pub token: Token,
    pub log_p: f64,
    pub change: f64,
}

/// How often the strength is halved in: more than a double has digits.
const HALVINGS: usize = 60;

/// No strength is larger.
const STRONGEST: f64 = 1e12;

/// The new weights ln p + t·g of the candidates, in their order, up to the constant of their ln p.
pub(crate) fn dealt(candidates: &[Changed], noise: StepNoise) -> Vec<f64> {
    let log_p: Vec<f64> = candidates.iter().map(|one| one.log_p).collect();
    let changes: Vec<f64> = candidates.iter().map(|one| one.change).collect();
    let goal = divergence(&log_p, &changes, 1.0);
    let mut order: Vec<usize> = (0..candidates.len()).collect();
    order.sort_by_key(|&at| (noise.bits(candidates[at].token), at));
    let deal = |shift: usize| {
        let mut hand = vec![0.0; candidates.len()];
        for (at, &to) in order.iter().enumerate() {
            hand[to] = changes[(at + shift) % changes.len()];
        }
        hand
    };
    let all = || (0..candidates.len()).map(deal);
    let reaches = |hand: &Vec<f64>| reach(&log_p, hand);
    let furthest = || all().max_by(|a, b| reaches(a).total_cmp(&reaches(b)));
    let Some(hand) = all().find(|hand| reaches(hand) > goal).or_else(furthest) else { return log_p };
    let strength = strength(&log_p, &hand, goal);
    log_p.iter().zip(hand).map(|(log_p, change)| log_p + strength * change).collect()
}

/// t ≥ 0 with KL(q‖p) = `goal`, for q ∝ p·exp(t·g).
fn strength(log_p: &[f64], hand: &[f64], goal: f64) -> f64 {
    if goal <= 0.0 {
        return 0.0;
    }
    let [mut low, mut high] = [0.0, 1.0];
    while high < STRONGEST && divergence(log_p, hand, high) < goal {
        [low, high] = [high, 2.0 * high];
    }
    for _ in 0..HALVINGS {
        let middle = f64::midpoint(low, high);
        if divergence(log_p, hand, middle) < goal { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

/// KL(q‖p) in nats, for q ∝ p·exp(t·g): Σ q·t·g − ln Σ p·exp(t·g), p normalised.
fn divergence(log_p: &[f64], changes: &[f64], strength: f64) -> f64 {
    let total = log_sum(log_p.iter().copied());
    let weighed = log_p.iter().zip(changes).map(|(log_p, change)| log_p + strength * change);
    let sum = log_sum(weighed.clone());
    let moved: f64 = weighed.zip(changes).map(|(weight, change)| (weight - sum).exp() * strength * change).sum();
    (moved - (sum - total)).max(0.0)
}

/// What KL(q‖p) comes to as t grows without end: −ln of the mass of the candidates with the largest g.
fn reach(log_p: &[f64], hand: &[f64]) -> f64 {
    let most = hand.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let top = log_p.iter().zip(hand).filter(|(_, change)| **change == most).map(|(log_p, _)| *log_p);
    log_sum(log_p.iter().copied()) - log_sum(top)
}

/// ln Σ exp.
fn log_sum(logs: impl Iterator<Item = f64> + Clone) -> f64 {
    let most = logs.clone().fold(f64::NEG_INFINITY, f64::max);
    most + logs.map(|log| (log - most).exp()).sum::<f64>().ln()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prob::Noise;

    fn candidates(p: &[f64], factors: &[f64]) -> Vec<Changed> {
        let one = |(token, (p, factor)): (Token, (&f64, &f64))| Changed { token, log_p: p.ln() + 3.0, change: factor.ln() };
        (0..).zip(p.iter().zip(factors)).map(one).collect()
    }

    /// KL(q‖p) by its definition.
    fn kl(p: &[f64], weights: &[f64]) -> f64 {
        let sum: f64 = weights.iter().map(|weight| (weight - 3.0).exp()).sum();
        p.iter().zip(weights).map(|(p, weight)| {
            let q = (weight - 3.0).exp() / sum;
            if q > 0.0 { q * (q / p).ln() } else { 0.0 }
        }).sum()
    }

    #[test]
    fn the_divergence_of_halves_is_that_of_the_hand() {
        // q ∝ (½·1, ½·3) = (¼, ¾): ¼ ln ½ + ¾ ln 3/2 = .130812.
        let half = 0.5_f64.ln();
        assert!((divergence(&[half, half], &[0.0, 3.0_f64.ln()], 1.0) - 0.130_812).abs() < 1e-6);
        assert!((reach(&[half, half], &[0.0, 1.0]) - 2.0_f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn whatever_is_dealt_the_divergence_is_that_of_the_future() {
        let (mut moved, mut factors) = (0, [0.0; 6]);
        for step in 0..400 {
            let noise = Noise::new(5, &[]).at(step, 9);
            let mut p: Vec<f64> = (0..6).map(|token| (3.0 * noise.gumbel(token)).exp().clamp(1e-9, 1e9)).collect();
            let sum: f64 = p.iter().sum();
            for p in &mut p {
                *p /= sum;
            }
            // From futures that are nearly alike to one that is settled.
            for (token, factor) in (0..).zip(&mut factors) {
                *factor = noise.uniform(token).powi(i32::try_from(step % 7).unwrap()).max(1e-6);
            }
            let candidates = candidates(&p, &factors);
            let s: Vec<f64> = candidates.iter().map(|one| one.log_p + one.change).collect();
            let weights = dealt(&candidates, Noise::new(6, &[]).at(step, 2));
            let (goal, found) = (kl(&p, &s), kl(&p, &weights));
            assert!((goal - found).abs() < 1e-6 * (1.0 + goal), "step {step}: {found} is not {goal}");
            let apart = |one: &[f64]| (0..6).any(|at| ((one[at] - one[0]) - (s[at] - s[0])).abs() > 1e-6);
            moved += usize::from(apart(&weights));
        }
        assert!(moved > 300, "only {moved} of 400 deals were others");
    }

    #[test]
    fn where_the_future_changes_nothing_so_does_the_deal() {
        let p = [0.5, 0.3, 0.2];
        let weights = dealt(&candidates(&p, &[0.4; 3]), Noise::new(1, &[]).at(0, 2));
        assert_eq!(weights, p.map(|p| p.ln() + 3.0));
    }

    #[test]
    fn every_change_falls_on_every_token_about_as_often() {
        // Of 3000 deals a third, give or take five deviations of 26.
        let candidates = candidates(&[0.34, 0.33, 0.33], &[1.0, 0.9, 0.8]);
        let falls = |step| {
            let weights = dealt(&candidates, Noise::new(1, &[]).at(step, 2));
            let lifted = |at: &usize| weights[*at] - candidates[*at].log_p;
            (0..3).max_by(|a, b| lifted(a).total_cmp(&lifted(b))).unwrap()
        };
        let mut counts = [0_usize; 3];
        for step in 0..3000 {
            counts[falls(step)] += 1;
        }
        assert!(counts.iter().all(|count| count.abs_diff(1000) < 130), "{counts:?}");
    }
}
