//! Locally typical sampling.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::elsewhere::no_share;
use super::rule::{keeps_all, labelled};
use super::{Apply, Elsewhere, Role, Rule};
use crate::prob::{Candidate, Candidates, Kept, Motion, Probability, Schedule, by_rank};
use crate::sampler::prepared::{Scene, StageOp};

/// Keeps the tokens that are about as surprising as is to be expected, up to this mass; 1 keeps every token, 0 the most typical
/// one.
///
/// Ranked by |−ln p − H|, of equals the likelier first, it keeps the smallest set with a mass above this one.
///
/// # Source
/// Meister et al., "Locally typical sampling", TACL 2023, arXiv 2202.00666.
///
/// # Examples
/// ```
/// use afterword::prob::{Probability, Candidates};
/// use afterword::sampler::{Apply, Typical};
///
/// let row = [0.1_f32, 0.2, 0.3, 0.4].map(f32::ln);
/// let mut candidates = Candidates::of(&row, |_| true).unwrap();
/// Typical(Probability::new(0.4)?).apply(&mut candidates);
/// assert_eq!(candidates.iter().map(|one| one.token).collect::<Vec<_>>(), [1, 2]);
/// # Ok::<(), afterword::prob::OutOfRange>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Typical<S = Schedule<Kept>>(pub S);

impl Apply for Typical<Probability> {
    fn apply(&self, candidates: &mut Candidates) {
        let mass = self.0.get();
        if mass >= 1.0 {
            return;
        }
        let (own, entropy) = (candidates.mass(), candidates.entropy());
        let strangeness = |candidate: &Candidate| (own.log_p(candidate.logit) + entropy).abs();
        let order = |a: &Candidate, b: &Candidate| strangeness(a).total_cmp(&strangeness(b)).then_with(|| by_rank(a, b));
        let mut sum = 0.0;
        candidates.keep_until(order, |candidate| {
            sum += own.log_p(candidate.logit).exp();
            sum > mass
        });
    }
}

impl Rule for Typical {
    const NAME: &'static str = "typical";
    const ROLE: Role = Role::Cut;
    const ELSEWHERE: &'static Elsewhere = &Elsewhere {
        samplers: &["typ_p", "typical_p"],
        keys: &[("", &["typical", "typical_p", "typ_p"])],
        off: no_share,
        unit: 1.0,
    };

    fn prepare(&self, scene: &mut Scene) -> Option<StageOp> {
        Some(StageOp::whole(Typical(self.0.at(scene.place).share())))
    }

    fn schedule(&self) -> Option<&dyn Motion> {
        Some(&self.0)
    }

    fn label(&self) -> String {
        labelled(Self::NAME, &self.0)
    }

    fn idle(&self) -> Option<String> {
        (self.0.extremes() == [1.0; 2]).then(|| keeps_all(1.0))
    }

    fn leaves_one(&self) -> bool {
        self.0.extremes()[1] == 0.0
    }

    fn may_take_another(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::super::left_of;
    use super::*;
    use crate::prob::Token;

    fn left(p: &[f64], mass: f64) -> Vec<Token> {
        left_of(p, &Typical(Probability::new(mass).unwrap()))
    }

    #[test]
    fn what_is_about_as_surprising_as_expected_is_kept() {
        // H = 1.2799; −ln p = 2.303, 1.609, 1.204, 0.916: strangeness 1.023, 0.330, 0.076, 0.364. So the order is 2, 1, 3, 0.
        let kept = |mass| left(&[0.1, 0.2, 0.3, 0.4], mass);
        assert_eq!(kept(0.0), [2]);
        assert_eq!(kept(0.29), [2]);
        assert_eq!(kept(0.31), [1, 2]);
        assert_eq!(kept(0.49), [1, 2]);
        assert_eq!(kept(0.51), [1, 2, 3]);
        assert_eq!(kept(0.91), [0, 1, 2, 3]);
        assert_eq!(kept(1.0), [0, 1, 2, 3]);
    }

    #[test]
    fn of_equally_typical_ones_the_smaller_number_comes_first() {
        assert_eq!(left(&[0.25; 4], 0.3), [0, 1]);
    }
}
