//! A sampler that has met a vocabulary: what its chain reads there is looked up once, and not at every token.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Result, anyhow, ensure};

use super::chain::Chain;
use super::history::Memory;
use super::opening::Opening;
use super::sampler::Sampler;
use super::stages::Stage;
use super::step::Turn;
use super::token_patterns::Spelling;
use crate::model::{Kind, Lexicon};
use crate::prob::{Noise, Token};

/// A sampler for one vocabulary: the decisions of a storyteller, as a pure function of what is known.
///
/// [`Sampler::bind`] makes it. A copy shares everything with it.
#[derive(Debug, Clone)]
pub struct BoundSampler(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    sampler: Sampler,
    lexicon: Lexicon,
    bound: Bound,
}

impl BoundSampler {
    /// This sampler for this vocabulary.
    pub(super) fn new(sampler: &Sampler, lexicon: &Lexicon) -> Result<Self> {
        if let Some(future) = sampler.chain().split().1 {
            let (n, v) = (future.entropy_top.get(), lexicon.len());
            ensure!(n <= v, "`future.entropy-top` is {n}, but the model's vocabulary has only {v} tokens");
        }
        let bound = Bound::of(sampler.chain(), lexicon);
        bound.check(sampler.chain())?;
        Ok(Self(Arc::new(Parts { sampler: sampler.clone(), lexicon: lexicon.clone(), bound })))
    }

    /// The turn for the row of logits after the text that `memory` holds: one logit a token of the vocabulary, in nats up to a
    /// constant; −∞ and NaN have no probability.
    ///
    /// # Errors
    /// A row in which no token that may be taken has a finite logit.
    pub fn turn(&self, memory: &Memory, row: &[f32], noise: Noise) -> Result<Turn> {
        Opening::of(self, memory, row, noise)?.turn()
    }

    /// The description that it was made of.
    #[must_use]
    pub fn sampler(&self) -> &Sampler {
        &self.0.sampler
    }

    /// The vocabulary.
    #[must_use]
    pub fn lexicon(&self) -> &Lexicon {
        &self.0.lexicon
    }

    /// What its chain needs to know of it.
    pub(super) fn bound(&self) -> &Bound {
        &self.0.bound
    }
}

/// What a chain needs to know of a vocabulary, looked up once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Bound {
    spellings: BTreeMap<Spelling, Vec<Token>>,
    /// What XTC never removes, in ascending order.
    protected: Arc<[Token]>,
    /// What is never a candidate, in ascending order.
    control: Vec<Token>,
    /// What is none either as long as the story must go on.
    control_and_ends: Vec<Token>,
}

impl Bound {
    /// Looks up what the chain needs, in one walk through the vocabulary.
    pub fn of(chain: &Chain, lexicon: &Lexicon) -> Self {
        let mut spellings: BTreeMap<Spelling, Vec<Token>> =
            chain.stages().iter().flat_map(Stage::patterns).map(|text| (text.clone(), Vec::new())).collect();
        let tokens = || (0..).take(lexicon.len());
        if !spellings.is_empty() {
            for token in tokens().filter(|&token| lexicon.kind(token) == Kind::Text) {
                let piece = lexicon.piece(token);
                spellings.iter_mut().filter(|(text, _)| text.is(piece)).for_each(|(_, tokens)| tokens.push(token));
            }
        }
        let protects = chain.stages().iter().any(|stage| matches!(stage, Stage::Xtc(_)));
        let is_form = |token: &Token| lexicon.ends(*token) || lexicon.piece(*token).contains(&b'\n');
        let protected = tokens().filter(|token| protects && is_form(token)).collect();
        let control = tokens().filter(|&token| lexicon.kind(token) == Kind::Control).collect();
        let control_and_ends = tokens().filter(|&token| lexicon.kind(token) != Kind::Text).collect();
        Self { spellings, protected, control, control_and_ends }
    }

    /// The tokens of a spelling, in ascending order.
    pub fn tokens(&self, text: &Spelling) -> &[Token] {
        self.spellings.get(text).map_or(&[], Vec::as_slice)
    }

    /// Tokens that end the story and those with a line break in them, in ascending order; none where no stage asks.
    pub fn protected(&self) -> &Arc<[Token]> {
        &self.protected
    }

    /// How many tokens end the story.
    pub fn ends(&self) -> usize {
        self.control_and_ends.len() - self.control.len()
    }

    /// The tokens that may not be taken, in ascending order: those that end the story among them where it must go on.
    pub fn barred(&self, must_go_on: bool) -> &[Token] {
        if must_go_on { &self.control_and_ends } else { &self.control }
    }

    /// Whether every spelling has a token.
    ///
    /// # Errors
    /// One that has none.
    pub fn check(&self, chain: &Chain) -> Result<()> {
        for stage in chain.stages() {
            if let Some(text) = stage.patterns().into_iter().find(|text| self.tokens(text).is_empty()) {
                return Err(anyhow!(
                    "the stage `{}` names {text}, which is not one token of this model\nhint: only what is one token, with or \
                     without a space before it, can be biased or banned",
                    stage.name()
                ));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lexicon() -> Lexicon {
        let pieces = ["cat", " cat", "cats", "\n", " ", "  cat", "\n"];
        Lexicon::new(pieces.map(|piece| (piece, Kind::Text)).into_iter().chain([("cat", Kind::Control)]))
    }

    fn chain(stage: &str) -> Chain {
        Chain::new(vec![toml::from_str(stage).unwrap()]).unwrap()
    }

    #[test]
    fn a_text_stands_for_itself_with_and_without_a_space() {
        let tokens = |text: &str| {
            let chain = chain(&format!("ban = [{text:?}]"));
            Bound::of(&chain, &lexicon()).tokens(&Spelling::try_from(text.to_owned()).unwrap()).to_vec()
        };
        assert_eq!(tokens("cat"), [0, 1]);
        assert_eq!(tokens(" cat"), [1]);
        assert_eq!(tokens("cats"), [2]);
        assert_eq!(tokens("\n"), [3, 6]);
        assert!(tokens("ca").is_empty());
    }

    #[test]
    fn a_text_of_several_tokens_is_refused_by_name() {
        let refusal = |stage: &str| {
            let chain = chain(stage);
            Bound::of(&chain, &lexicon()).check(&chain).map_err(|error| error.to_string())
        };
        let hint = "\nhint: only what is one token, with or without a space before it, can be biased or banned";
        assert_eq!(
            refusal("ban = ['cat', ' cats']").unwrap_err(),
            format!("the stage `ban` names `\" cats\"`, which is not one token of this model{hint}")
        );
        assert_eq!(
            refusal("bias = { dog = 1 }").unwrap_err(),
            format!("the stage `bias` names `dog`, which is not one token of this model{hint}")
        );
        assert_eq!(refusal("bias = { cat = 1 }"), Ok(()));
    }

    #[test]
    fn ends_and_line_breaks_are_protected_where_xtc_asks() {
        let lexicon = Lexicon::new([("a", Kind::Text), (".\n\n", Kind::Text), ("</s>", Kind::End), ("", Kind::Control)]);
        let protected = |stage: &str| Bound::of(&chain(stage), &lexicon).protected().to_vec();
        assert_eq!(protected("xtc = { probability = 1, threshold = 0.1 }"), [1, 2]);
        assert!(protected("top-k = 3").is_empty());
    }
}
