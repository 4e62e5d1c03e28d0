//! Logit bias by token: what a request wants said more often, less or never, whatever the chain.

use std::collections::{BTreeMap, BTreeSet};

use super::prepared::{PreparedStage, StageOp};
use super::stages::{Ban, Bias, Rule};
use crate::prob::{self, Token};

/// Changes of logits by the numbers of tokens, made before the first stage of a chain.
///
/// A preset names words ([`Bias`], [`Ban`]), which every vocabulary spells in its own tokens. This is for whoever has the tokens of one
/// vocabulary in hand. Where everything else is gone, what is banned is taken all the same.
///
/// # Formula
/// l ← l + b; −∞ for what is banned
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LogitBias {
    /// What is added to the logit of each of these, in nats.
    pub added: BTreeMap<Token, prob::Bias>,
    /// What is never taken.
    pub banned: BTreeSet<Token>,
}

impl LogitBias {
    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.banned.is_empty()
    }

    /// What it does, made ready: nothing where there is nothing to do.
    pub(super) fn prepared(&self) -> impl Iterator<Item = PreparedStage> {
        let Self { added, banned } = self;
        let penalties: Vec<(Token, f64)> = added.iter().map(|(&token, bias)| (token, -bias.get())).collect();
        let banned: Vec<Token> = banned.iter().copied().collect();
        let added = (!penalties.is_empty()).then(|| PreparedStage::of(Bias::NAME, StageOp::Penalise(penalties)));
        let banned = (!banned.is_empty()).then(|| PreparedStage::of(Ban::NAME, StageOp::Ban(banned)));
        added.into_iter().chain(banned)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Kind, Vocabulary};
    use crate::prob::Noise;
    use crate::sampler::{Ask, Chain, History, Pick, Sampler};

    fn bias(added: &[(Token, f64)], banned: &[Token]) -> LogitBias {
        let added = added.iter().map(|&(token, bias)| (token, prob::Bias::new(bias).unwrap())).collect();
        LogitBias { added, banned: banned.iter().copied().collect() }
    }

    /// The token that is taken of logits 0, 1, 2, 3.
    fn taken(chain: &[&str], pick: Pick, bias: LogitBias, seed: u64) -> Token {
        let pieces = [("a", Kind::Text), (" a", Kind::Text), ("b", Kind::Text), ("</s>", Kind::End)];
        let stages = chain.iter().map(|stage| toml::from_str(stage).unwrap()).collect();
        let sampler = Sampler::new(Chain::new(stages).unwrap(), pick).with_logit_bias(bias);
        let bound = sampler.bind(&Vocabulary::new(pieces)).unwrap();
        let turn = bound.turn(&History::of_prompt(&[0]), &[0.0, 1.0, 2.0, 3.0], Noise::new(seed, &[0]));
        match turn.unwrap().ask() {
            Ask::Take(draw) => draw.token,
            Ask::Look(paths) => panic!("{paths:?}"),
        }
    }

    #[test]
    fn a_token_is_moved_by_its_number_and_not_by_its_text() {
        for chain in [&[][..], &["min-p = 0.01"], &["top-k = 3", "temperature = 0.5"]] {
            let likeliest = |bias| taken(chain, Pick::Argmax, bias, 1);
            assert_eq!(likeliest(bias(&[], &[])), 3);
            assert_eq!(likeliest(bias(&[(0, 9.0)], &[])), 0);
            assert_eq!(likeliest(bias(&[(3, -9.0)], &[])), 2);
            assert_eq!(likeliest(bias(&[], &[3, 2])), 1);
            assert_eq!(likeliest(bias(&[(1, 9.0)], &[1])), 3);
        }
    }

    #[test]
    fn what_is_banned_is_never_drawn_unless_nothing_else_is_left() {
        for seed in 0..200 {
            assert!([0, 2].contains(&taken(&[], Pick::Sample, bias(&[], &[1, 3]), seed)), "{seed}");
        }
        assert!(taken(&[], Pick::Sample, bias(&[], &[0, 1, 2, 3]), 1) < 4);
    }

    #[test]
    fn nothing_to_change_changes_no_draw() {
        for seed in 0..50 {
            let plain = |bias| taken(&["temperature = 1.5"], Pick::Sample, bias, seed);
            assert_eq!(plain(bias(&[], &[])), plain(bias(&[(2, 0.0)], &[])));
        }
    }
}
