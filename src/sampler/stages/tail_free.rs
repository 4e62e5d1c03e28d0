//! Tail free sampling.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rule::keeps_all;
use super::{Apply, Elsewhere, Role, Rule};
use crate::prob::{Probability, Candidates, by_rank};
use crate::sampler::prepared::{Scene, StageOp};

/// Keeps the likeliest tokens up to where the curve of their probabilities has bent into its flat tail: before this share of all
/// its bending; 1 keeps every token, 0 the likeliest.
///
/// # Formula
/// With the probabilities ranked, pᵢ from p₀ down, dᵢ = |pᵢ − 2pᵢ₊₁ + pᵢ₊₂| is how much the curve bends, and wᵢ = dᵢ / Σ d. Let i
/// ≥ 1 be the first with w₀ + … + wᵢ > z: the first i tokens stay. Where the curve is as good as straight, Σ d ≤ 10⁻⁶, all wᵢ are
/// equal; up to two tokens have no bend, and both stay.
///
/// It is the rule of llama.cpp (until October 2024) and of `KoboldCpp`. text-generation-webui keeps one token more, its author's
/// own code another. All tokens are ranked for it, which takes its time over a whole vocabulary: behind a top-k it does not.
///
/// # Source
/// Trenton Bricken, "Tail free sampling", 2019.
///
/// # Examples
/// ```
/// use afterword::prob::{Probability, Candidates};
/// use afterword::sampler::{Apply, TailFree};
///
/// let row = [0.1_f32, 0.2, 0.3, 0.4].map(f32::ln);
/// let mut candidates = Candidates::of(&row, |_| true).unwrap();
/// TailFree(Probability::new(0.9)?).apply(&mut candidates);
/// assert_eq!(candidates.iter().map(|one| one.token).collect::<Vec<_>>(), [3]);
/// # Ok::<(), afterword::prob::OutOfRange>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct TailFree(pub Probability);

/// A curve that bends by less in all counts as straight.
const STRAIGHT: f64 = 1e-6;

impl Apply for TailFree {
    fn apply(&self, candidates: &mut Candidates) {
        let z = self.0.get();
        if z >= 1.0 || candidates.len() <= 2 {
            return;
        }
        let (own, ranked) = (candidates.mass(), candidates.ranked());
        let p: Vec<f64> = ranked.iter().map(|candidate| own.log_p(candidate.logit).exp()).collect();
        let bends: Vec<f64> = p.windows(3).map(|p| (p[0] - 2.0 * p[1] + p[2]).abs()).collect();
        let sum: f64 = bends.iter().sum();
        let even = 1.0 / bends.len() as f64;
        let shares = bends.iter().map(|bend| if sum > STRAIGHT { bend / sum } else { even });
        let passes = |(total, at): &(f64, usize)| *at >= 1 && *total > z;
        let running = shares.enumerate().scan(0.0, |total, (at, share)| {
            *total += share;
            Some((*total, at))
        });
        if let Some((_, kept)) = running.into_iter().find(passes) {
            let last = ranked[kept - 1];
            candidates.keep(|candidate| by_rank(candidate, &last).is_le());
        }
    }
}

impl Rule for TailFree {
    const NAME: &'static str = "tail-free";
    const ROLE: Role = Role::Cut;
    const ELSEWHERE: &'static Elsewhere = &Elsewhere {
        samplers: &["tfs", "tfs_z"],
        keys: &[("", &["tfs", "tfs_z"])],
        off: |z| !(0.0..1.0).contains(&z),
        unit: 1.0,
    };

    fn prepare(&self, _: &mut Scene) -> Option<StageOp> {
        Some(StageOp::whole(*self))
    }

    fn label(&self) -> String {
        format!("tail-free {}", self.0.get())
    }

    fn idle(&self) -> Option<String> {
        (self.0.get() == 1.0).then(|| keeps_all(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::super::left_of;
    use super::*;

    fn kept(p: &[f64], z: f64) -> Vec<crate::prob::Token> {
        left_of(p, &TailFree(Probability::new(z).unwrap()))
    }

    #[test]
    fn the_tail_begins_where_the_curve_has_bent() {
        // Ranked 0.5, 0.25, 0.12, 0.08, 0.05: steps 0.25, 0.13, 0.04, 0.03, bends 0.12, 0.09, 0.01, together 0.22; shares 0.545,
        // 0.409, 0.045, and their sums 0.545, 0.9545, 1.
        let five = [0.5, 0.25, 0.12, 0.08, 0.05];
        assert_eq!(kept(&five, 0.0), [0]);
        assert_eq!(kept(&five, 0.95), [0]);
        assert_eq!(kept(&five, 0.96), [0, 1]);
        assert_eq!(kept(&five, 1.0), [0, 1, 2, 3, 4]);
    }

    #[test]
    fn a_straight_curve_bends_evenly_and_two_tokens_not_at_all() {
        // Two bends of 0 count a half each: the first index from 1 on with a sum above z is 1, but for z = 1.
        assert_eq!(kept(&[0.4, 0.3, 0.2, 0.1], 0.9), [0]);
        // Ten equals have eight bends: ⅛, ¼, … pass 0.5 at index 4.
        assert_eq!(kept(&[0.1; 10], 0.5), [0, 1, 2, 3]);
        assert_eq!(kept(&[0.9, 0.1], 0.0), [0, 1]);
        assert_eq!(kept(&[1.0], 0.0), [0]);
    }
}
