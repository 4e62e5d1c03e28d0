//! η cutoff.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::elsewhere::at_most_0;
use super::rule::keeps_all;
use super::{Apply, Elsewhere, Role, Rule, epsilon};
use crate::prob::{Probability, Candidates};
use crate::sampler::prepared::{Scene, StageOp};

/// Keeps the tokens with at least the probability η, which is ε where the model is sure and less the more it is at a loss, and
/// the likeliest; an ε of 0 keeps every token, 0.0003 is usual.
///
/// # Formula
/// p ≥ min(η, P) with η = min(ε, √ε · exp(−H)), where P is the likeliest one's probability and H the entropy in nats.
///
/// # Source
/// Hewitt et al., "Truncation sampling as language model desmoothing", Findings of EMNLP 2022, arXiv 2210.15191.
///
/// # Examples
/// ```
/// use afterword::prob::{Probability, Candidates};
/// use afterword::sampler::{Apply, Eta};
///
/// let row = [0.1_f32, 0.2, 0.3, 0.4].map(f32::ln);
/// let mut candidates = Candidates::of(&row, |_| true).unwrap();
/// Eta(Probability::new(0.3)?).apply(&mut candidates);
/// assert_eq!(candidates.iter().map(|one| one.token).collect::<Vec<_>>(), [1, 2, 3]);
/// # Ok::<(), afterword::prob::OutOfRange>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Eta(pub Probability);

impl Apply for Eta {
    fn apply(&self, candidates: &mut Candidates) {
        let epsilon = self.0.get().ln();
        epsilon::cut(candidates, epsilon.min(epsilon / 2.0 - candidates.entropy()));
    }
}

impl Rule for Eta {
    const NAME: &'static str = "eta";
    const ROLE: Role = Role::Cut;
    /// There it is written in ten-thousandths.
    const ELSEWHERE: &'static Elsewhere =
        &Elsewhere { samplers: &["eta_cutoff"], keys: &[("", &["eta_cutoff"])], off: at_most_0, unit: 1e4 };

    fn prepare(&self, _: &mut Scene) -> Option<StageOp> {
        Some(StageOp::whole(*self))
    }

    fn label(&self) -> String {
        format!("eta {}", self.0.get())
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
    fn the_cut_is_lower_the_more_open_the_row() {
        // H = 1.2799, exp(−H) = 0.2781: η = min(ε, 0.2781 · √ε), which is ε up to ε = 0.0773.
        let kept = |p: &[f64], epsilon: f64| left_of(p, &Eta(Probability::new(epsilon).unwrap()));
        let four = [0.1, 0.2, 0.3, 0.4];
        assert_eq!(kept(&four, 0.0), [0, 1, 2, 3]);
        // 0.2781 · √0.129 = 0.0999, and with 0.130 0.1003.
        assert_eq!(kept(&four, 0.129), [0, 1, 2, 3]);
        assert_eq!(kept(&four, 0.130), [1, 2, 3]);
        // 0.2781 · √0.51 = 0.1986, and with 0.52 0.2005.
        assert_eq!(kept(&four, 0.51), [1, 2, 3]);
        assert_eq!(kept(&four, 0.52), [2, 3]);
        assert_eq!(kept(&four, 1.0), [2, 3]);
        // Where it is sure, η = ε: H = 0.0560, and √0.011 · exp(−H) = 0.099 is above 0.011.
        assert_eq!(kept(&[0.01, 0.99], 0.009), [0, 1]);
        assert_eq!(kept(&[0.01, 0.99], 0.011), [1]);
        assert_eq!(kept(&[1.0], 1.0), [0]);
        assert_eq!(kept(&[0.25; 4], 1.0), [0, 1, 2, 3]);
    }
}
