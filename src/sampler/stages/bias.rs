//! Bias: words that are said more often, or less.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Role, Rule};
use crate::prob;
use crate::sampler::TokenPattern;
use crate::sampler::prepared::{Scene, StageOp};

/// Adds to the logits of the tokens that these texts stand for, in nats: `bias = { rain = 2, suddenly = -3 }`; 0 changes nothing.
/// A text stands for the token that it is, with and without a space before it.
///
/// # Formula
/// l ← l + b
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Bias(pub BTreeMap<TokenPattern, prob::Bias>);

impl Rule for Bias {
    const NAME: &'static str = "bias";
    const ROLE: Role = Role::Words;

    fn prepare(&self, scene: &mut Scene) -> Option<StageOp> {
        let penalties = self.0.iter().flat_map(|(text, bias)| {
            let penalty = -bias.get();
            scene.bound.tokens(text).iter().map(move |&token| (token, penalty))
        });
        Some(StageOp::Penalise(penalties.collect()))
    }

    fn label(&self) -> String {
        format!("bias {}", self.0.len())
    }

    fn idle(&self) -> Option<String> {
        self.0.values().all(|bias| bias.get() == 0.0).then(|| "moves no word: it does nothing".to_owned())
    }

    fn patterns(&self) -> Vec<&TokenPattern> {
        self.0.keys().collect()
    }
}
