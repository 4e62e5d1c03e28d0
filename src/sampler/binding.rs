//! A sampler that has met a vocabulary: what its chain reads there is looked up once, and not at every token.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::{Result, anyhow, ensure};

use super::baseline::Usual;
use super::chain::Chain;
use super::history::History;
use super::opening::Opening;
use super::prepared::{PreparedStage, StageOp};
use super::sampler::Sampler;
use super::stages::{Bias, Future, Rule, Stage};
use super::step::Turn;
use super::token_patterns::TokenPattern;
use super::without::Without;
use crate::bans::{Openings, Watch};
use crate::model::{Kind, Vocabulary};
use crate::prob::{Noise, Token};

/// A sampler for one vocabulary: the decisions of a storyteller, as a pure function of what is known.
///
/// [`Sampler::bind`] makes it. A copy shares everything with it.
///
/// ```
/// use afterword::model::{Kind, Vocabulary};
/// use afterword::prob::Noise;
/// use afterword::sampler::{Ask, Chain, History, Pick, Sampler};
///
/// let words = Vocabulary::new([" wood", " door", " sea"].map(|piece| (piece, Kind::Text)));
/// let future = toml::from_str("future = { candidates = 3, entropy-top = 3, alpha = 1 }")?;
/// let sampler = Sampler::new(Chain::new(vec![future])?, Pick::Argmax).bind(&words)?;
///
/// // A model's row after the text, and one behind each candidate: only behind ` door` anything may follow.
/// let mut turn = sampler.turn(&History::of_prompt(&[2]), &[1.0, 0.5, 0.0], Noise::new(1, &[2]))?;
/// let draw = loop {
///     match turn.ask() {
///         Ask::Take(draw) => break draw,
///         Ask::Look(paths) => {
///             let row = if paths[0].0 == [1] { [0.0, 0.0, 0.0] } else { [9.0, 0.0, 0.0] };
///             turn.learn(&paths[0], &row);
///         }
///     }
/// };
/// assert_eq!(draw.token, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct BoundSampler(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    sampler: Sampler,
    vocabulary: Vocabulary,
    bound: Binding,
    /// ln Ē of every token, where Ĥ is measured against it.
    usual: Option<Usual>,
    /// The tokens with which what is not to be said would begin, where they are to come less often.
    openings: Option<Openings>,
}

impl BoundSampler {
    /// This sampler for this vocabulary.
    pub(super) fn new(sampler: &Sampler, vocabulary: &Vocabulary) -> Result<Self> {
        if let Some(future) = sampler.chain().split().1 {
            let (n, v) = (future.entropy_top.get(), vocabulary.len());
            ensure!(n <= v, "`future.entropy-top` is {n}, but the model's vocabulary has only {v} tokens");
        }
        let bound = Binding::of(sampler.chain(), vocabulary);
        bound.check(sampler.chain())?;
        let measures = sampler.chain().measured();
        let usual = measures.map(|future| usual(sampler, future, vocabulary)).transpose()?;
        let openings = sampler.bans().filter(|bans| bans.bans().bias < 0.0).map(|bans| Openings::of(bans, &pieces(vocabulary)));
        Ok(Self(Arc::new(Parts { sampler: sampler.clone(), vocabulary: vocabulary.clone(), bound, usual, openings })))
    }

    /// The turn for the row of logits after the text that `history` holds: one logit a token of the vocabulary, in nats up to a
    /// constant; −∞ and NaN have no probability.
    ///
    /// # Errors
    /// A row in which no token that may be taken has a finite logit.
    pub fn turn(&self, history: &History, row: &[f32], noise: Noise) -> Result<Turn> {
        self.turn_without(history, row, noise, Without::default())
    }

    /// The same turn, which does without certain things at this place.
    ///
    /// # Errors
    /// As [`BoundSampler::turn`].
    pub fn turn_without(&self, history: &History, row: &[f32], noise: Noise, without: Without) -> Result<Turn> {
        Opening::of(self, history, row, noise, without)?.turn()
    }

    /// The description that it was made of.
    #[must_use]
    pub fn sampler(&self) -> &Sampler {
        &self.0.sampler
    }

    /// The vocabulary.
    #[must_use]
    pub fn vocabulary(&self) -> &Vocabulary {
        &self.0.vocabulary
    }

    /// What is usual after each token, where Ĥ is measured against it.
    pub(super) fn usual(&self) -> Option<&Usual> {
        self.0.usual.as_ref()
    }

    /// What takes from the tokens with which the first word of something that is not to be said would be whole, behind this text.
    pub(super) fn opening_bias(&self, ahead: Option<&Watch>) -> Option<PreparedStage> {
        let (openings, ahead) = (self.0.openings.as_ref()?, ahead?);
        let penalty = -ahead.bans().bias;
        let tokens = openings.after(ahead, &pieces(&self.0.vocabulary));
        let penalties: Vec<(Token, f64)> = tokens.into_iter().map(|token| (token, penalty)).collect();
        (!penalties.is_empty()).then(|| PreparedStage::of(Bias::NAME, StageOp::Penalise(penalties)))
    }

    /// What its chain needs to know of it.
    pub(super) fn bound(&self) -> &Binding {
        &self.0.bound
    }
}

/// The tokens of text with their pieces.
fn pieces(vocabulary: &Vocabulary) -> impl Iterator<Item = (Token, &[u8])> + Clone {
    let texts = (0..).take(vocabulary.len()).filter(|&token| vocabulary.kind(token) == Kind::Text);
    texts.map(|token| (token, vocabulary.piece(token)))
}

/// ln Ē of every token, by the sampler's table.
fn usual(sampler: &Sampler, future: &Future, vocabulary: &Vocabulary) -> Result<Usual> {
    let unknown = || anyhow!("`future.baseline` asks for what is usual after a token, and no table of the model is known");
    let baseline = sampler.baseline().ok_or_else(unknown)?;
    baseline.check(future, vocabulary)?;
    Ok(baseline.usual(future.ceiling))
}

/// What a chain needs to know of a vocabulary, looked up once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Binding {
    patterns: BTreeMap<TokenPattern, Vec<Token>>,
    /// What XTC never removes, in ascending order.
    protected: Arc<[Token]>,
    /// What is never a candidate, in ascending order.
    control: Vec<Token>,
    /// What is none either as long as the story must go on.
    control_and_ends: Vec<Token>,
}

impl Binding {
    /// Looks up what the chain needs, in one walk through the vocabulary.
    pub fn of(chain: &Chain, vocabulary: &Vocabulary) -> Self {
        let mut patterns: BTreeMap<TokenPattern, Vec<Token>> =
            chain.stages().iter().flat_map(Stage::patterns).map(|text| (text.clone(), Vec::new())).collect();
        let tokens = || (0..).take(vocabulary.len());
        if !patterns.is_empty() {
            for token in tokens().filter(|&token| vocabulary.kind(token) == Kind::Text) {
                let piece = vocabulary.piece(token);
                patterns.iter_mut().filter(|(text, _)| text.is(piece)).for_each(|(_, tokens)| tokens.push(token));
            }
        }
        let protects = chain.stages().iter().any(|stage| matches!(stage, Stage::Xtc(_)));
        let is_form = |token: &Token| vocabulary.ends(*token) || vocabulary.piece(*token).contains(&b'\n');
        let protected = tokens().filter(|token| protects && is_form(token)).collect();
        let control = tokens().filter(|&token| vocabulary.kind(token) == Kind::Control).collect();
        let control_and_ends = tokens().filter(|&token| vocabulary.kind(token) != Kind::Text).collect();
        Self { patterns, protected, control, control_and_ends }
    }

    /// The tokens of a pattern, in ascending order.
    pub fn tokens(&self, text: &TokenPattern) -> &[Token] {
        self.patterns.get(text).map_or(&[], Vec::as_slice)
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

    /// Whether every pattern has a token.
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

    fn vocabulary() -> Vocabulary {
        let pieces = ["cat", " cat", "cats", "\n", " ", "  cat", "\n"];
        Vocabulary::new(pieces.map(|piece| (piece, Kind::Text)).into_iter().chain([("cat", Kind::Control)]))
    }

    fn chain(stage: &str) -> Chain {
        Chain::new(vec![toml::from_str(stage).unwrap()]).unwrap()
    }

    #[test]
    fn a_text_stands_for_itself_with_and_without_a_space() {
        let tokens = |text: &str| {
            let chain = chain(&format!("ban = [{text:?}]"));
            Binding::of(&chain, &vocabulary()).tokens(&TokenPattern::try_from(text.to_owned()).unwrap()).to_vec()
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
            Binding::of(&chain, &vocabulary()).check(&chain).map_err(|error| error.to_string())
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
        let vocabulary = Vocabulary::new([("a", Kind::Text), (".\n\n", Kind::Text), ("</s>", Kind::End), ("", Kind::Control)]);
        let protected = |stage: &str| Binding::of(&chain(stage), &vocabulary).protected().to_vec();
        assert_eq!(protected("xtc = { probability = 1, threshold = 0.1 }"), [1, 2]);
        assert!(protected("top-k = 3").is_empty());
    }
}
