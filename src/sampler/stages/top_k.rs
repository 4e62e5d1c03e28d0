//! top-k.

use std::num::NonZeroUsize;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::elsewhere::at_most_0;
use super::{Apply, Elsewhere, Role, Rule};
use crate::prob::Candidates;
use crate::sampler::prepared::{Scene, StageOp};

/// Keeps the k likeliest tokens; 1 keeps only the likeliest.
///
/// Of equals the smaller numbers stay; a k of as many as there are, or more, keeps all.
///
/// # Examples
/// ```
/// use std::num::NonZeroUsize;
///
/// use afterword::prob::Candidates;
/// use afterword::sampler::{Apply, TopK};
///
/// let mut candidates = Candidates::of(&[1.0, 3.0, 2.0], |_| true).unwrap();
/// TopK(NonZeroUsize::MIN).apply(&mut candidates);
/// assert_eq!(candidates.likeliest().token, 1);
/// assert_eq!(candidates.len(), 1);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct TopK(pub NonZeroUsize);

impl Apply for TopK {
    fn apply(&self, candidates: &mut Candidates) {
        candidates.top_k(self.0.get());
    }
}

impl Rule for TopK {
    const NAME: &'static str = "top-k";
    const ROLE: Role = Role::Cut;
    const ELSEWHERE: &'static Elsewhere =
        &Elsewhere { samplers: &[], keys: &[("", &["top_k"])], off: at_most_0, unit: 1.0 };

    fn prepare(&self, _: &mut Scene) -> Option<StageOp> {
        Some(StageOp::TopK(*self))
    }

    fn label(&self) -> String {
        format!("top-k {}", self.0)
    }

    fn leaves_one(&self) -> bool {
        self.0.get() == 1
    }

    fn ignores_temperature(&self) -> bool {
        true
    }
}
