//! ε cutoff.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::elsewhere::at_most_0;
use super::rule::keeps_all;
use super::{Apply, Elsewhere, Role, Rule};
use crate::prob::{Probability, Candidates};
use crate::sampler::prepared::{Scene, StageOp};

/// Keeps the tokens with at least this probability, and the likeliest; 0 keeps every token, 0.0003 is usual.
///
/// # Formula
/// p ≥ min(ε, P), where P is the likeliest one's probability.
///
/// # Source
/// Hewitt et al., "Truncation sampling as language model desmoothing", Findings of EMNLP 2022, arXiv 2210.15191.
///
/// # Examples
/// ```
/// use afterword::prob::{Probability, Candidates};
/// use afterword::sampler::{Apply, Epsilon};
///
/// let row = [0.1_f32, 0.2, 0.3, 0.4].map(f32::ln);
/// let mut candidates = Candidates::of(&row, |_| true).unwrap();
/// Epsilon(Probability::new(0.25)?).apply(&mut candidates);
/// assert_eq!(candidates.iter().map(|one| one.token).collect::<Vec<_>>(), [2, 3]);
/// # Ok::<(), afterword::prob::OutOfRange>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Epsilon(pub Probability);

/// Keeps what has at least this ln p, and the likeliest.
pub(super) fn cut(candidates: &mut Candidates, least: f64) {
    let own = candidates.mass();
    let least = least.min(own.log_p(candidates.highest()));
    candidates.keep(|candidate| own.log_p(candidate.logit) >= least);
}

impl Apply for Epsilon {
    fn apply(&self, candidates: &mut Candidates) {
        cut(candidates, self.0.get().ln());
    }
}

impl Rule for Epsilon {
    const NAME: &'static str = "epsilon";
    const ROLE: Role = Role::Cut;
    /// There it is written in ten-thousandths.
    const ELSEWHERE: &'static Elsewhere =
        &Elsewhere { samplers: &["epsilon_cutoff"], keys: &[("", &["epsilon_cutoff"])], off: at_most_0, unit: 1e4 };

    fn prepare(&self, _: &mut Scene) -> Option<StageOp> {
        Some(StageOp::whole(*self))
    }

    fn label(&self) -> String {
        format!("epsilon {}", self.0.get())
    }

    fn idle(&self) -> Option<String> {
        (self.0.get() == 0.0).then(|| keeps_all(0.0))
    }

    fn leaves_one(&self) -> bool {
        self.0.get() == 1.0
    }
}

#[cfg(test)]
mod tests {
    use super::super::left_of;
    use super::*;

    #[test]
    fn what_is_less_likely_goes_and_the_likeliest_stays() {
        let kept = |p: &[f64], epsilon: f64| left_of(p, &Epsilon(Probability::new(epsilon).unwrap()));
        let four = [0.1, 0.2, 0.3, 0.4];
        assert_eq!(kept(&four, 0.0), [0, 1, 2, 3]);
        assert_eq!(kept(&four, 0.09), [0, 1, 2, 3]);
        assert_eq!(kept(&four, 0.11), [1, 2, 3]);
        assert_eq!(kept(&four, 0.31), [3]);
        assert_eq!(kept(&four, 1.0), [3]);
        assert_eq!(kept(&[0.5, 0.5], 1.0), [0, 1]);
        assert_eq!(kept(&[1.0], 0.5), [0]);
    }
}
