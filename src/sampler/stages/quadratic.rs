//! Quadratic sampling, also called smoothing.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::elsewhere::at_most_0;
use super::{Apply, Elsewhere, Role, Rule};
use crate::prob::{Bend, Factor, Candidates, keys_in_order, tame};
use crate::sampler::prepared::{Scene, StageOp};

/// Bends the logits: those near the largest come closer to it, those far below fall away. It makes good choices more alike and
/// bad ones hopeless, and stands where a temperature stands.
///
/// # Formula
/// With d = l − max l ≤ 0: l ← max l − factor · d² · (k − s·d), where k = (3 − curve)/2 and s = (curve − 1)/2. A curve of 1 is the
/// parabola max l − factor · d².
///
/// # Source
/// kalomaze, text-generation-webui pull requests 5403 and 5551, 2024.
///
/// # Examples
/// ```
/// use afterword::prob::{Bend, Factor, Candidates};
/// use afterword::sampler::{Apply, Quadratic};
///
/// let mut candidates = Candidates::of(&[2.0, 1.0, -2.0], |_| true).unwrap();
/// Quadratic { factor: Factor::new(0.25)?, curve: Bend::default() }.apply(&mut candidates);
/// assert_eq!(candidates.iter().map(|one| one.logit).collect::<Vec<_>>(), [2.0, 1.75, -2.0]);
/// # Ok::<(), afterword::prob::OutOfRange>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = keys_in_order::<Self>)]
pub struct Quadratic {
    /// How steeply the logits fall, a nat below the largest by so many nats; near 0 all become alike.
    #[schemars(example = 0.2)]
    pub factor: Factor,
    /// How much of the fall is cubic: 1 nothing of it, 3 all of it; above 3 tokens a little below the largest rise above it.
    #[serde(default)]
    pub curve: Bend,
}

impl Apply for Quadratic {
    fn apply(&self, candidates: &mut Candidates) {
        let (factor, curve, most) = (self.factor.get(), self.curve.get(), candidates.highest());
        let (k, s) = (f64::midpoint(3.0, -curve), f64::midpoint(curve, -1.0));
        candidates.reweigh(|candidate| {
            let below = candidate.logit - most;
            // A difference whose square is no number any more is still below everything.
            tame(most - factor * (below * below).min(f64::MAX) * (k - s * below))
        });
    }
}

impl Rule for Quadratic {
    const NAME: &'static str = "quadratic";
    const ROLE: Role = Role::Temper;
    const ELSEWHERE: &'static Elsewhere = &Elsewhere {
        samplers: &["quadratic_sampling"],
        keys: &[("factor", &["smoothing_factor"]), ("curve", &["smoothing_curve"])],
        off: at_most_0,
        unit: 1.0,
    };

    fn prepare(&self, _: &mut Scene) -> Option<StageOp> {
        Some(StageOp::whole(*self))
    }

    fn label(&self) -> String {
        format!("quadratic {}", self.factor.get())
    }

    fn may_take_another(&self) -> bool {
        self.curve.get() > 3.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The logits 2, 1, 0 and −2 after it.
    fn after(stage: &str) -> Vec<f64> {
        let quadratic: Quadratic = toml::from_str(stage).unwrap();
        let mut candidates = Candidates::of(&[2.0, 1.0, 0.0, -2.0], |_| true).unwrap();
        quadratic.apply(&mut candidates);
        candidates.iter().map(|candidate| candidate.logit).collect()
    }

    #[test]
    fn what_is_near_the_largest_comes_nearer_and_what_is_far_falls_away() {
        // d = 0, −1, −2, −4. A curve of 1: 2 − ¼·d²; of 3: 2 − ¼·|d|³; of 2: 2 − ¼·(d² + |d|³)/2.
        assert_eq!(after("factor = 0.25"), [2.0, 1.75, 1.0, -2.0]);
        assert_eq!(after("factor = 0.25\ncurve = 3"), [2.0, 1.75, 0.0, -14.0]);
        assert_eq!(after("factor = 0.25\ncurve = 2"), [2.0, 1.75, 0.5, -8.0]);
        // Of 5: k = −1 and s = 2, so 2 − d²·(2|d| − 1).
        assert_eq!(after("factor = 1\ncurve = 5"), [2.0, 1.0, -10.0, -110.0]);
    }

    #[test]
    fn no_logit_leaves_the_finite_numbers() {
        for stage in ["factor = 1e300", "factor = 1e-300\ncurve = 3", "factor = 1e300\ncurve = 1e300"] {
            let quadratic: Quadratic = toml::from_str(stage).unwrap();
            let mut candidates = Candidates::of(&[0.0, f32::MAX, f32::MIN, 1.0], |_| true).unwrap();
            for _ in 0..3 {
                quadratic.apply(&mut candidates);
                assert!(candidates.iter().all(|one| one.logit.is_finite()), "{stage}: {candidates:?}");
            }
        }
    }
}
