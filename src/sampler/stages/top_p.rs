//! top-p, also called nucleus sampling.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::elsewhere::no_share;
use super::rule::{keeps_all, labelled};
use super::{Apply, Elsewhere, Role, Rule};
use crate::prob::{Candidates, Kept, Motion, Probability, Schedule};
use crate::sampler::prepared::{Scene, StageOp};

/// Keeps the smallest set of likeliest tokens whose probabilities sum to at least p; 1 keeps every token, 0 the likeliest.
///
/// # Source
/// Holtzman et al., "The curious case of neural text degeneration", ICLR 2020, arXiv 1904.09751.
///
/// # Examples
/// ```
/// use afterword::prob::{Probability, Candidates};
/// use afterword::sampler::{Apply, TopP};
///
/// let row = [0.1_f32, 0.2, 0.3, 0.4].map(f32::ln);
/// let mut candidates = Candidates::of(&row, |_| true).unwrap();
/// TopP(Probability::new(0.65)?).apply(&mut candidates);
/// assert_eq!(candidates.iter().map(|one| one.token).collect::<Vec<_>>(), [2, 3]);
/// # Ok::<(), afterword::prob::OutOfRange>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct TopP<S = Schedule<Kept>>(pub S);

impl Apply for TopP<Probability> {
    fn apply(&self, candidates: &mut Candidates) {
        candidates.top_p(self.0);
    }
}

impl Rule for TopP {
    const NAME: &'static str = "top-p";
    const ROLE: Role = Role::Cut;
    const ELSEWHERE: &'static Elsewhere =
        &Elsewhere { samplers: &[], keys: &[("", &["top_p"])], off: no_share, unit: 1.0 };

    fn prepare(&self, scene: &mut Scene) -> Option<StageOp> {
        Some(StageOp::whole(TopP(self.0.at(scene.place).share())))
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
