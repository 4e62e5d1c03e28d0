//! Adaptive-p.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::elsewhere::at_most_0;
use super::{Apply, Elsewhere, Role, Rule, Feedback};
use crate::prob::{Decay, Probability, Candidates, Token, keys_in_order};
use crate::sampler::prepared::{Scene, StageOp};

/// Draws tokens whose own probability is near a target. It draws the token, so it stands last.
///
/// # Formula
/// With A the running average of the p that were drawn: t = clamp(2·target − A, 0, 1), d = |p − t| / 0.3, and the logit of every
/// token becomes 5 − 10·d² / (1 + d); then A ← decay·A + (1 − decay)·p, beginning from A = target.
///
/// All tokens far from the target, the hopeless ones among them, get about the same weight: a cut such as min-p stands before it.
///
/// # Source
/// llama.cpp pull request 17927, 2025, with its constants.
///
/// # Examples
/// ```
/// use afterword::prob::{Decay, Probability};
/// use afterword::sampler::AdaptiveP;
///
/// let adaptive = AdaptiveP { target: Probability::new(0.3)?, decay: Decay::new(0.5)? };
/// assert_eq!(adaptive.begin(), 0.3);
/// assert!((adaptive.follow(0.3, 0.1_f64.ln()) - 0.2).abs() < 1e-12);
/// # Ok::<(), afterword::prob::OutOfRange>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = keys_in_order::<Self>)]
pub struct AdaptiveP {
    /// The probability that is aimed at: 1 draws what is sure, 0 what is least likely.
    #[schemars(example = 0.4)]
    pub target: Probability,
    /// How long the average remembers; 0 only the last draw.
    #[serde(default)]
    pub decay: Decay,
}

impl AdaptiveP {
    /// The distance at which a token has lost half of what it loses so fast.
    const WIDTH: f64 = 0.3;
    /// The logit at the target.
    const PEAK: f64 = 5.0;
    /// How steeply it falls from there.
    const SHARPNESS: f64 = 10.0;

    /// The average before the first draw.
    #[must_use]
    pub fn begin(&self) -> f64 {
        self.target.get()
    }

    /// Gives every candidate the weight of its distance from the target.
    pub fn weigh(&self, candidates: &mut Candidates, average: f64) {
        let target = (2.0 * self.target.get() - average).clamp(0.0, 1.0);
        let own = candidates.mass();
        candidates.reweigh(|candidate| {
            let distance = (own.log_p(candidate.logit).exp() - target).abs() / Self::WIDTH;
            Self::PEAK - Self::SHARPNESS * distance * distance / (1.0 + distance)
        });
    }

    /// The average after a draw of a token that had this ln p before it was weighed.
    #[must_use]
    pub fn follow(&self, average: f64, log_p: f64) -> f64 {
        let decay = self.decay.get();
        decay * average + (1.0 - decay) * log_p.exp()
    }
}

/// Adaptive-p at this average.
#[derive(Debug)]
struct At(AdaptiveP, f64);

impl Apply for At {
    fn apply(&self, candidates: &mut Candidates) {
        self.0.weigh(candidates, self.1);
    }
}

impl Feedback for At {
    fn looks_back(&self) -> bool {
        true
    }

    fn follow(&self, found: Option<&Candidates>, _: &Candidates, token: Token) -> Option<f64> {
        Some(self.0.follow(self.1, found?.log_p(token)?))
    }
}

impl Rule for AdaptiveP {
    const NAME: &'static str = "adaptive-p";
    const ROLE: Role = Role::Draw;
    const ELSEWHERE: &'static Elsewhere = &Elsewhere {
        samplers: &[],
        keys: &[("target", &["adaptive_target"]), ("decay", &["adaptive_decay"])],
        off: at_most_0,
        unit: 1.0,
    };

    fn prepare(&self, scene: &mut Scene) -> Option<StageOp> {
        let average = scene.history.feedback().unwrap_or_else(|| self.begin());
        Some(StageOp::Feedback(Arc::new(At(*self, average))))
    }

    fn label(&self) -> String {
        format!("adaptive-p {}", self.target.get())
    }

    fn may_take_another(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prob::Candidate;

    fn candidates(p: &[f64]) -> Candidates {
        Candidates::new((0..).zip(p).map(|(token, p)| Candidate { token, logit: p.ln() - 2.0 }).collect()).unwrap()
    }

    #[test]
    fn it_weighs_by_the_distance_from_the_target() {
        let adaptive: AdaptiveP = toml::from_str("target = 0.4").unwrap();
        let mut weighed = candidates(&[0.1, 0.2, 0.3, 0.4]);
        adaptive.weigh(&mut weighed, adaptive.begin());
        // d = 1, 2/3, 1/3, 0: 5 − 10·d²/(1 + d) = 0, 7/3, 25/6, 5.
        let expected = [0.0, 7.0 / 3.0, 25.0 / 6.0, 5.0];
        for (candidate, expected) in weighed.iter().zip(expected) {
            assert!((candidate.logit - expected).abs() < 1e-12, "{candidate:?} is not {expected}");
        }
    }

    #[test]
    fn it_aims_as_far_beyond_the_target_as_the_average_fell_short() {
        let adaptive: AdaptiveP = toml::from_str("target = 0.3\ndecay = 0.5").unwrap();
        let highest = |average| {
            let mut weighed = candidates(&[0.1, 0.2, 0.3, 0.4]);
            adaptive.weigh(&mut weighed, average);
            weighed.likeliest().token
        };
        assert_eq!((highest(0.3), highest(0.2), highest(0.4), highest(0.9)), (2, 3, 1, 0));
        assert!((adaptive.follow(0.3, 0.1_f64.ln()) - 0.2).abs() < 1e-12);
    }
}
