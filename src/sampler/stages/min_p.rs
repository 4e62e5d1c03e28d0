//! min-p.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::elsewhere::at_most_0;
use super::rule::{keeps_all, labelled};
use super::{Apply, Elsewhere, Role, Rule};
use crate::prob::{Candidates, Least, Motion, Probability, Schedule};
use crate::sampler::prepared::{Scene, StageOp};

/// Keeps the tokens with at least this share of the likeliest one's probability; 0 keeps every token, 1 the likeliest.
///
/// # Formula
/// l ≥ max l + ln share
///
/// # Source
/// Nguyen et al., "Turning up the heat: min-p sampling", arXiv 2407.01082.
///
/// # Examples
/// ```
/// use afterword::prob::{Probability, Candidates};
/// use afterword::sampler::{Apply, MinP};
///
/// let row = [0.1_f32, 0.2, 0.3, 0.4].map(f32::ln);
/// let mut candidates = Candidates::of(&row, |_| true).unwrap();
/// MinP(Probability::new(0.6)?).apply(&mut candidates);
/// assert_eq!(candidates.iter().map(|one| one.token).collect::<Vec<_>>(), [2, 3]);
/// # Ok::<(), afterword::prob::OutOfRange>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct MinP<S = Schedule<Least>>(pub S);

impl Apply for MinP<Probability> {
    fn apply(&self, candidates: &mut Candidates) {
        candidates.min_p(self.0);
    }
}

impl Rule for MinP {
    const NAME: &'static str = "min-p";
    const ROLE: Role = Role::Cut;
    const ELSEWHERE: &'static Elsewhere =
        &Elsewhere { samplers: &[], keys: &[("", &["min_p"])], off: at_most_0, unit: 1.0 };

    fn prepare(&self, scene: &mut Scene) -> Option<StageOp> {
        Some(StageOp::MinP(MinP(self.0.at(scene.place).share())))
    }

    fn schedule(&self) -> Option<&dyn Motion> {
        Some(&self.0)
    }

    fn label(&self) -> String {
        labelled(Self::NAME, &self.0)
    }

    fn idle(&self) -> Option<String> {
        (self.0.extremes() == [0.0; 2]).then(|| keeps_all(0.0))
    }

    fn leaves_one(&self) -> bool {
        self.0.extremes()[0] == 1.0
    }
}
