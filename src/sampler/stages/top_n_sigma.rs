//! top-nσ.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::elsewhere::at_most_0;
use super::rule::labelled;
use super::{Apply, Elsewhere, Role, Rule};
use crate::prob::{Candidates, Motion, Schedule, Sigmas};
use crate::sampler::prepared::{Scene, StageOp};

/// Keeps the tokens whose logit is within n standard deviations of the largest; a large n keeps every token, n near 0 the
/// likeliest.
///
/// # Formula
/// l ≥ max l − n·σ, where σ is the standard deviation of the candidates' logits. A temperature before it changes nothing of what
/// it keeps.
///
/// # Source
/// Tang et al., "Top-nσ", arXiv 2411.07641.
///
/// # Examples
/// ```
/// use afterword::prob::{Sigmas, Candidates};
/// use afterword::sampler::{Apply, TopNSigma};
///
/// let row = [0.1_f32, 0.2, 0.3, 0.4].map(f32::ln);
/// let mut candidates = Candidates::of(&row, |_| true).unwrap();
/// TopNSigma(Sigmas::new(1.0)?).apply(&mut candidates);
/// assert_eq!(candidates.iter().map(|one| one.token).collect::<Vec<_>>(), [2, 3]);
/// # Ok::<(), afterword::prob::OutOfRange>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct TopNSigma<S = Schedule<Sigmas>>(pub S);

impl Apply for TopNSigma<Sigmas> {
    fn apply(&self, candidates: &mut Candidates) {
        let count = candidates.len() as f64;
        let mean = candidates.iter().map(|candidate| candidate.logit).sum::<f64>() / count;
        let variance = candidates.iter().map(|candidate| (candidate.logit - mean).powi(2)).sum::<f64>() / count;
        let threshold = candidates.highest() - self.0.get() * variance.sqrt();
        candidates.keep(|candidate| candidate.logit >= threshold);
    }
}

impl Rule for TopNSigma {
    const NAME: &'static str = "top-n-sigma";
    const ROLE: Role = Role::Cut;
    const ELSEWHERE: &'static Elsewhere = &Elsewhere {
        samplers: &["top_nsigma", "nsigma"],
        keys: &[("", &["nsigma", "top_n_sigma", "top_nsigma"])],
        off: at_most_0,
        unit: 1.0,
    };

    fn prepare(&self, scene: &mut Scene) -> Option<StageOp> {
        Some(StageOp::whole(TopNSigma(self.0.at(scene.place))))
    }

    fn schedule(&self) -> Option<&dyn Motion> {
        Some(&self.0)
    }

    fn label(&self) -> String {
        labelled(Self::NAME, &self.0)
    }

    fn ignores_temperature(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::left_of;
    use super::*;

    #[test]
    fn what_is_within_so_many_deviations_is_kept() {
        // ln p = −2.303, −1.609, −1.204, −0.916: mean −1.508, σ = 0.5206.
        // The distances from the top are 1.386 = 2.663 σ, 0.693 = 1.331 σ, 0.288 = 0.553 σ.
        let kept = |p: &[f64], n: f64| left_of(p, &TopNSigma(Sigmas::new(n).unwrap()));
        let four = [0.1, 0.2, 0.3, 0.4];
        assert_eq!(kept(&four, 0.55), [3]);
        assert_eq!(kept(&four, 0.56), [2, 3]);
        assert_eq!(kept(&four, 1.33), [2, 3]);
        assert_eq!(kept(&four, 1.34), [1, 2, 3]);
        assert_eq!(kept(&four, 2.66), [1, 2, 3]);
        assert_eq!(kept(&four, 2.67), [0, 1, 2, 3]);
        assert_eq!(kept(&[0.5, 0.5], 1e-9), [0, 1]);
    }
}
