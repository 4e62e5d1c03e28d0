//! XTC, "exclude top choices".

use std::cmp::Ordering;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::elsewhere::at_most_0;
use super::{Apply, Elsewhere, Role, Rule};
use crate::prob::{Probability, Candidate, Candidates, Token, by_rank, keys_in_order};
use crate::sampler::prepared::{Scene, StageOp};

/// Removes now and then the top choices, all but the least likely of them; never an end of the text or a line break.
///
/// With this probability, where at least two tokens have p ≥ threshold, all of those but the least likely are removed: what is
/// still plausible stays, what everybody would say goes. Tokens that end the story and those with a line break in them are never
/// removed: a choice among them is one of form, and without them a story cannot end where it should.
///
/// # Source
/// p-e-w, text-generation-webui pull request 6335, 2024.
///
/// # Examples
/// ```
/// use afterword::prob::{Probability, Candidates};
/// use afterword::sampler::{Apply, Xtc};
///
/// let row = [0.1_f32, 0.2, 0.3, 0.4].map(f32::ln);
/// let mut candidates = Candidates::of(&row, |_| true).unwrap();
/// Xtc { probability: Probability::new(1.0)?, threshold: Probability::new(0.15)? }.apply(&mut candidates);
/// assert_eq!(candidates.iter().map(|one| one.token).collect::<Vec<_>>(), [0, 1]);
/// # Ok::<(), afterword::prob::OutOfRange>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = keys_in_order::<Self>)]
pub struct Xtc {
    /// How often it is done: 0 never, 1 at every token.
    #[schemars(example = 0.5)]
    pub probability: Probability,
    /// The least p of a top choice; above 0.5 there are never two.
    ///
    /// At 0 every token is one, and the least likely of all is left.
    #[schemars(example = 0.1)]
    pub threshold: Probability,
}

/// The coin has fallen: all with p ≥ threshold go but the least likely of them and those that are protected.
#[derive(Debug)]
struct Exclusion {
    threshold: Probability,
    /// In ascending order.
    protected: Arc<[Token]>,
}

impl Apply for Exclusion {
    fn apply(&self, candidates: &mut Candidates) {
        let (own, least) = (candidates.mass(), self.threshold.get().ln());
        let top = |candidate: &Candidate| own.log_p(candidate.logit) >= least;
        let (mut choices, mut least_likely) = (0, None);
        for candidate in candidates.iter().filter(top) {
            choices += 1;
            least_likely = least_likely.filter(|one| by_rank(one, &candidate) == Ordering::Greater).or(Some(candidate));
        }
        let Some(spared) = least_likely.filter(|_| choices >= 2) else { return };
        let protected = |token: Token| self.protected.binary_search(&token).is_ok();
        candidates.keep(|candidate| !top(candidate) || candidate.token == spared.token || protected(candidate.token));
    }
}

/// The coin has not fallen.
#[derive(Debug)]
struct Nothing;

impl Apply for Nothing {
    fn apply(&self, _: &mut Candidates) {}
}

/// As where the coin has fallen, and nothing is protected.
impl Apply for Xtc {
    fn apply(&self, candidates: &mut Candidates) {
        Exclusion { threshold: self.threshold, protected: Arc::new([]) }.apply(candidates);
    }
}

impl Rule for Xtc {
    const NAME: &'static str = "xtc";
    const ROLE: Role = Role::Exclude;
    const ELSEWHERE: &'static Elsewhere = &Elsewhere {
        samplers: &[],
        keys: &[("probability", &["xtc_probability"]), ("threshold", &["xtc_threshold"])],
        off: at_most_0,
        unit: 1.0,
    };

    fn prepare(&self, scene: &mut Scene) -> Option<StageOp> {
        let falls = scene.throw(self.probability.get());
        let protected = scene.bound.protected().clone();
        Some(if falls { StageOp::whole(Exclusion { threshold: self.threshold, protected }) } else { StageOp::whole(Nothing) })
    }

    fn label(&self) -> String {
        format!("xtc {}", self.threshold.get())
    }

    fn idle(&self) -> Option<String> {
        let threshold = self.threshold.get();
        if self.probability.get() == 0.0 {
            return Some("with a probability of 0 is never done".to_owned());
        }
        (threshold > 0.5).then(|| {
            format!("with a threshold of {threshold}, above 0.5, does nothing: there are never two tokens as likely as that")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::left_of;
    use super::*;

    fn kept(p: &[f64], threshold: f64, protected: &[Token]) -> Vec<Token> {
        left_of(p, &Exclusion { threshold: Probability::new(threshold).unwrap(), protected: protected.into() })
    }

    const P: [f64; 4] = [0.1, 0.2, 0.3, 0.4];

    #[test]
    fn the_least_likely_of_the_top_choices_stays() {
        assert_eq!(kept(&P, 0.09, &[]), [0]);
        assert_eq!(kept(&P, 0.11, &[]), [0, 1]);
        assert_eq!(kept(&P, 0.19, &[]), [0, 1]);
        assert_eq!(kept(&P, 0.21, &[]), [0, 1, 2]);
        assert_eq!(kept(&P, 0.31, &[]), [0, 1, 2, 3]);
        assert_eq!(kept(&P, 0.0, &[]), [0]);
        assert_eq!(kept(&[0.5, 0.5], 0.5, &[]), [1]);
        assert_eq!(kept(&[1.0], 0.1, &[]), [0]);
    }

    #[test]
    fn nothing_that_is_protected_goes() {
        assert_eq!(kept(&P, 0.15, &[3]), [0, 1, 3]);
        assert_eq!(kept(&P, 0.15, &[0, 1, 2, 3]), [0, 1, 2, 3]);
    }
}
