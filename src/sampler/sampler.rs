//! A sampler: what is to be decided at every token, before a model is known.

use std::sync::Arc;

use anyhow::Result;

use super::baseline::Baseline;
use super::binding::BoundSampler;
use super::chain::{Chain, Pick};
use super::logit_bias::LogitBias;
use super::stages::{Horizon, Stage};
use crate::bans::Matcher;
use crate::model::Vocabulary;
use crate::prob::Temperature;

/// How many candidates a sampler wants to know. Whichever it is, it takes the same tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Those that can still decide the draw.
    Lazy,
    /// All of them, where the future has a weight and there is a choice.
    Full,
    /// All of them, always: to show what the future would have been.
    Exhaustive,
}

/// A chain of stages and a way to pick: the description of a decision. [`Sampler::bind`] makes of it what decides.
///
/// ```
/// use afterword::sampler::{Chain, Pick, Reach, Sampler};
///
/// let future = toml::from_str("future = { candidates = 20, entropy-top = 20, alpha = 0 }")?;
/// let sampler = Sampler::new(Chain::new(vec![toml::from_str("min-p = 0.05")?, future])?, Pick::Sample);
/// // Nothing follows `future`: so it is enough to look at the candidates that can still win, two branches at a time.
/// assert_eq!((sampler.reach(), sampler.forks(1)), (Reach::Lazy, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Sampler {
    chain: Chain,
    pick: Pick,
    reach: Reach,
    detail: bool,
    likeliest: usize,
    shares: usize,
    min_tokens: usize,
    logit_bias: Arc<LogitBias>,
    bans: Option<Arc<Matcher>>,
    baseline: Option<Arc<Baseline>>,
}

impl Sampler {
    /// A sampler of this chain. It is lazy where that is exact: where nothing but one `temperature` follows `future`, and it is no
    /// `shuffle`, which must know all weights.
    #[must_use]
    pub fn new(chain: Chain, pick: Pick) -> Self {
        let (reach, logit_bias) = (Reach::Full, Arc::default());
        let (likeliest, shares, min_tokens) = (0, 0, 0);
        let bans = None;
        let mut sampler =
            Self { chain, pick, reach, detail: false, likeliest, shares, min_tokens, logit_bias, bans, baseline: None };
        if sampler.leader_wins() {
            sampler.reach = Reach::Lazy;
        }
        sampler
    }

    /// The same sampler, wanting to know at least so many candidates: `Lazy` changes nothing.
    #[must_use]
    pub fn with_reach(&self, reach: Reach) -> Self {
        Self { reach: if reach == Reach::Lazy { self.reach } else { reach }, ..self.clone() }
    }

    /// The same sampler, which also tells ranks and the fate of the likeliest tokens.
    #[must_use]
    pub fn with_detail(&self) -> Self {
        Self { detail: true, ..self.clone() }
    }

    /// The same sampler, whose draws also tell the `n` likeliest tokens of the model's own distribution ([`Draw::likeliest`]); 0
    /// tells none. It takes the same tokens.
    ///
    /// [`Draw::likeliest`]: super::Draw::likeliest
    #[must_use]
    pub fn with_likeliest(&self, n: usize) -> Self {
        Self { likeliest: n, ..self.clone() }
    }

    /// The same sampler, whose draws also tell the chances of the token taken and of the `n` that had the largest
    /// ([`Draw::shares`]); 0 tells none. It takes the same tokens. With `future` it looks at every candidate that has a weight, for
    /// chances are not known before all weights are.
    ///
    /// [`Draw::shares`]: super::Draw::shares
    #[must_use]
    pub fn with_shares(&self, n: usize) -> Self {
        Self { shares: n, ..self.clone() }
    }

    /// The same sampler, which takes no token that ends the story among the first `min_tokens`, unless nothing else is left; 0
    /// lets a story end at once.
    #[must_use]
    pub fn with_min_tokens(&self, min_tokens: usize) -> Self {
        Self { min_tokens, ..self.clone() }
    }

    /// The same sampler, which changes the logits of certain tokens before its first stage.
    #[must_use]
    pub fn with_logit_bias(&self, logit_bias: LogitBias) -> Self {
        Self { logit_bias: Arc::new(logit_bias), ..self.clone() }
    }

    /// The same sampler for stories that are not to say this: whoever tells them takes it back and draws otherwise.
    #[must_use]
    pub fn with_bans(&self, bans: Option<Arc<Matcher>>) -> Self {
        Self { bans, ..self.clone() }
    }

    /// What its stories are not to say.
    #[must_use]
    pub fn bans(&self) -> Option<&Arc<Matcher>> {
        self.bans.as_ref()
    }

    /// The same sampler with a table of what is usual after each token, against which `future` measures where it has a baseline.
    #[must_use]
    pub fn with_baseline(&self, baseline: Arc<Baseline>) -> Self {
        Self { baseline: Some(baseline), ..self.clone() }
    }

    /// The table of what is usual after each token, where it has one.
    #[must_use]
    pub fn baseline(&self) -> Option<&Arc<Baseline>> {
        self.baseline.as_ref()
    }

    /// The chain.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        &self.chain
    }

    /// How a token is picked from what the chain has left.
    #[must_use]
    pub fn pick(&self) -> Pick {
        self.pick
    }

    /// How many candidates it wants to know.
    #[must_use]
    pub fn reach(&self) -> Reach {
        self.reach
    }

    /// Whether it tells ranks and the fate of the likeliest tokens.
    #[must_use]
    pub fn has_detail(&self) -> bool {
        self.detail
    }

    /// How many of the model's likeliest tokens its draws tell.
    #[must_use]
    pub fn likeliest(&self) -> usize {
        self.likeliest
    }

    /// How many of the largest chances its draws tell.
    #[must_use]
    pub fn shares(&self) -> usize {
        self.shares
    }

    /// Before so many tokens it takes no end.
    #[must_use]
    pub fn min_tokens(&self) -> usize {
        self.min_tokens
    }

    /// What it does to certain tokens before its first stage.
    #[must_use]
    pub fn logit_bias(&self) -> &LogitBias {
        &self.logit_bias
    }

    /// Whether every seed takes the same tokens: of what is left one is certain, and no coin is thrown before.
    #[must_use]
    pub fn draws_nothing(&self) -> bool {
        let stages = self.chain.stages();
        let throws =
            |stage: &Stage| matches!(stage, Stage::Xtc(xtc) if (f64::MIN_POSITIVE..1.0).contains(&xtc.probability.get()));
        let leaves_one = |stage: &Stage| match stage {
            Stage::TopK(k) => k.0.get() == 1,
            Stage::Temperature(temperature) => temperature.0.constant().is_some_and(Temperature::is_frozen),
            _ => false,
        };
        let certain = self.pick == Pick::Argmax || stages.iter().any(leaves_one);
        certain && !stages.iter().any(throws)
    }

    /// The most paths that are alive at one time when `width` of them are looked at at once; 0 without `future`.
    #[must_use]
    pub fn forks(&self, width: usize) -> usize {
        let Some(future) = self.chain.split().1 else { return 0 };
        let candidates = future.candidates.get();
        // Where the leader wins, it is kept, and those that are looked at.
        let paths = if self.leader_wins() && self.reach != Reach::Full { candidates.min(width + 1) } else { candidates };
        match future.horizon {
            Horizon::Token => paths,
            Horizon::Word => paths * Horizon::CAP,
        }
    }

    /// What decides by this description about texts of a model with this vocabulary.
    ///
    /// # Errors
    /// As [`Sampler::check`].
    pub fn bind(&self, vocabulary: &Vocabulary) -> Result<BoundSampler> {
        BoundSampler::new(self, vocabulary)
    }

    /// Whether the sampler fits the vocabulary.
    ///
    /// # Errors
    /// An `entropy-top` above the number of tokens; a text to be biased or banned that is not one token; a `baseline` without a
    /// table, or with one that was measured otherwise.
    pub fn check(&self, vocabulary: &Vocabulary) -> Result<()> {
        self.bind(vocabulary).map(drop)
    }

    /// Whether the draw is the leader of the lazy draw: where nothing but one `temperature` follows `future`, and its weights are
    /// not dealt out anew.
    pub(super) fn leader_wins(&self) -> bool {
        matches!(self.chain.split().2, [] | [Stage::Temperature(_)]) && !self.chain.shuffles()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_throws_no_coin_and_leaves_one_token_draws_nothing() {
        let draws_nothing = |chain: &[&str], pick| {
            let stages = chain.iter().map(|stage| toml::from_str(stage).unwrap()).collect();
            Sampler::new(Chain::new(stages).unwrap(), pick).draws_nothing()
        };
        for chain in [&["top-k = 1"][..], &["temperature = 0"], &["min-p = 0.1", "top-k = 1", "temperature = 2"]] {
            assert!(draws_nothing(chain, Pick::Sample), "{chain:?}");
        }
        for chain in [&[][..], &["top-k = 2"], &["temperature = 1"], &["temperature = { wave = { period = 9 } }"]] {
            assert!(!draws_nothing(chain, Pick::Sample), "{chain:?}");
            assert!(draws_nothing(chain, Pick::Argmax), "{chain:?}");
        }
        let xtc = |p: &str| format!("xtc = {{ probability = {p}, threshold = 0.1 }}");
        assert_eq!(["0", "0.5", "1"].map(|p| draws_nothing(&[&xtc(p)], Pick::Argmax)), [true, false, true]);
    }
}
