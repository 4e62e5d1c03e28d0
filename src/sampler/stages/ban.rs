//! Bans: words that are never said.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Role, Rule};
use crate::prob::Token;
use crate::sampler::TokenPattern;
use crate::sampler::prepared::{Scene, StageOp};

/// Removes the tokens that these texts stand for, unless nothing else is left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Ban(pub Vec<TokenPattern>);

impl Rule for Ban {
    const NAME: &'static str = "ban";
    const ROLE: Role = Role::Words;

    fn prepare(&self, scene: &mut Scene) -> Option<StageOp> {
        let mut tokens: Vec<Token> = self.0.iter().flat_map(|text| scene.bound.tokens(text)).copied().collect();
        tokens.sort_unstable();
        Some(StageOp::Ban(tokens))
    }

    fn label(&self) -> String {
        format!("ban {}", self.0.len())
    }

    fn idle(&self) -> Option<String> {
        self.0.is_empty().then(|| "names no word: it does nothing".to_owned())
    }

    fn patterns(&self) -> Vec<&TokenPattern> {
        self.0.iter().collect()
    }
}
