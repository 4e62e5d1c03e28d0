//! top-a.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::elsewhere::at_most_0;
use super::rule::keeps_all;
use super::{Apply, Elsewhere, Role, Rule};
use crate::prob::{Probability, Candidates};
use crate::sampler::prepared::{Scene, StageOp};

/// Keeps the tokens with at least a times the square of the likeliest one's probability: few where the model is sure, many where
/// it is not; 0 keeps every token.
///
/// # Formula
/// p ≥ a · P², where P is the likeliest one's probability; as ln p ≥ ln a + 2 ln P. The likeliest always stays, for P ≥ a · P².
///
/// # Source
/// `BlinkDL`, RWKV-LM, 2022; `KoboldAI` and text-generation-webui know it by this name.
///
/// # Examples
/// ```
/// use afterword::prob::{Probability, Candidates};
/// use afterword::sampler::{Apply, TopA};
///
/// let row = [0.1_f32, 0.2, 0.3, 0.4].map(f32::ln);
/// let mut candidates = Candidates::of(&row, |_| true).unwrap();
/// TopA(Probability::new(1.0)?).apply(&mut candidates);
/// assert_eq!(candidates.iter().map(|one| one.token).collect::<Vec<_>>(), [1, 2, 3]);
/// # Ok::<(), afterword::prob::OutOfRange>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct TopA(pub Probability);

impl Apply for TopA {
    fn apply(&self, candidates: &mut Candidates) {
        let (own, most) = (candidates.mass(), candidates.highest());
        // Rounding must not cut the likeliest of a row in which one token has all the mass.
        let least = (self.0.get().ln() + 2.0 * own.log_p(most)).min(own.log_p(most));
        candidates.keep(|candidate| own.log_p(candidate.logit) >= least);
    }
}

impl Rule for TopA {
    const NAME: &'static str = "top-a";
    const ROLE: Role = Role::Cut;
    const ELSEWHERE: &'static Elsewhere =
        &Elsewhere { samplers: &[], keys: &[("", &["top_a"])], off: at_most_0, unit: 1.0 };

    fn prepare(&self, _: &mut Scene) -> Option<StageOp> {
        Some(StageOp::whole(*self))
    }

    fn label(&self) -> String {
        format!("top-a {}", self.0.get())
    }

    fn idle(&self) -> Option<String> {
        (self.0.get() == 0.0).then(|| keeps_all(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::super::left_of;
    use super::*;

    #[test]
    fn the_square_of_the_likeliest_is_the_measure() {
        // p_max² = 0.16: 0.1 is 0.625 of it, 0.2 and more are above it. So it cuts only 0.1, and that above a = 0.625.
        let kept = |p: &[f64], a: f64| left_of(p, &TopA(Probability::new(a).unwrap()));
        let four = [0.1, 0.2, 0.3, 0.4];
        assert_eq!(kept(&four, 0.0), [0, 1, 2, 3]);
        assert_eq!(kept(&four, 0.62), [0, 1, 2, 3]);
        assert_eq!(kept(&four, 0.63), [1, 2, 3]);
        assert_eq!(kept(&four, 1.0), [1, 2, 3]);
        // p_max² = 0.64: 0.15 is 0.234 of it, 0.05 is 0.078.
        let sure = [0.05, 0.15, 0.8];
        assert_eq!(kept(&sure, 0.07), [0, 1, 2]);
        assert_eq!(kept(&sure, 0.08), [1, 2]);
        assert_eq!(kept(&sure, 0.24), [2]);
        assert_eq!(kept(&[1.0], 1.0), [0]);
        assert_eq!(kept(&[0.5, 0.5], 1.0), [0, 1]);
    }
}
