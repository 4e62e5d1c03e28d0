//! top-H.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::elsewhere::no_share;
use super::rule::{keeps_all, labelled};
use super::{Apply, Elsewhere, Role, Rule};
use crate::prob::{Candidates, Kept, Motion, Probability, Schedule, by_rank};
use crate::sampler::prepared::{Scene, StageOp};

/// Keeps likeliest tokens up to this share of the entropy; 1 keeps every token, 0 the likeliest.
///
/// # Formula
/// It adds ranked tokens as long as the entropy of the set, renormalised, is at most h·H(p). Each token that is added makes the
/// entropy larger, so the set is the largest that the bound allows. With m = Σ p and w = Σ p ln p over the set it is ln m − w/m.
///
/// # Source
/// Potraghloo et al., "Top-H decoding", arXiv 2509.02510.
///
/// # Examples
/// ```
/// use afterword::prob::{Probability, Candidates};
/// use afterword::sampler::{Apply, TopH};
///
/// let row = [0.1_f32, 0.2, 0.3, 0.4].map(f32::ln);
/// let mut candidates = Candidates::of(&row, |_| true).unwrap();
/// TopH(Probability::new(0.6)?).apply(&mut candidates);
/// assert_eq!(candidates.iter().map(|one| one.token).collect::<Vec<_>>(), [2, 3]);
/// # Ok::<(), afterword::prob::OutOfRange>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct TopH<S = Schedule<Kept>>(pub S);

impl Apply for TopH<Probability> {
    fn apply(&self, candidates: &mut Candidates) {
        let h = self.0.get();
        if h >= 1.0 {
            return;
        }
        let (own, most) = (candidates.mass(), h * candidates.entropy());
        let (mut mass, mut weighted, mut first) = (0.0, 0.0, true);
        candidates.keep_while(by_rank, |candidate| {
            let log_p = own.log_p(candidate.logit);
            let p = log_p.exp();
            mass += p;
            weighted += p * log_p;
            // The entropy of one token is 0, whatever rounding makes of it.
            std::mem::take(&mut first) || mass.ln() - weighted / mass <= most
        });
    }
}

impl Rule for TopH {
    const NAME: &'static str = "top-h";
    const ROLE: Role = Role::Cut;
    const ELSEWHERE: &'static Elsewhere =
        &Elsewhere { samplers: &[], keys: &[("", &["top_h"])], off: no_share, unit: 1.0 };

    fn prepare(&self, scene: &mut Scene) -> Option<StageOp> {
        Some(StageOp::whole(TopH(self.0.at(scene.place).share())))
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
}

#[cfg(test)]
mod tests {
    use super::super::left_of;
    use super::*;

    #[test]
    fn a_share_of_the_entropy_is_kept() {
        // H = 1.2799. Of {0.4, 0.3}: H(4/7) = 0.6829 = 0.5336 H; of {0.4, 0.3, 0.2}: 1.0609 = 0.8289 H.
        let kept = |h: f64| left_of(&[0.1, 0.2, 0.3, 0.4], &TopH(Probability::new(h).unwrap()));
        assert_eq!(kept(0.0), [3]);
        assert_eq!(kept(0.533), [3]);
        assert_eq!(kept(0.534), [2, 3]);
        assert_eq!(kept(0.828), [2, 3]);
        assert_eq!(kept(0.830), [1, 2, 3]);
        assert_eq!(kept(1.0), [0, 1, 2, 3]);
    }
}
