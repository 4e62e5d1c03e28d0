//! The chain: what is done to a row of logits before one token of it is picked. Stages run in the order in which they stand.

use std::num::NonZeroUsize;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use crate::prob::{Alpha, Dry, Probability, Schedule, Temperature, Top, Unit};

/// The stages in their order, `future` among them at most once.
#[derive(Debug, Clone, PartialEq)]
pub struct Chain(Vec<Stage>);

/// One stage. What a preset writes is what runs: a stage is off by being absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Punishes tokens that would go on repeating the text.
    Dry(Dry),
    /// Keeps the k likeliest tokens.
    TopK(NonZeroUsize),
    /// Keeps the smallest set of likeliest tokens whose probabilities sum to at least p; 1 keeps every token.
    TopP(Probability),
    /// Keeps the tokens with at least this share of the likeliest one's probability; 0 keeps every token, 1 the likeliest.
    MinP(Probability),
    /// Divides the logits by T: p(v)^(1/T), renormalised. 0 keeps only the likeliest token, 1 changes nothing. T may breathe.
    Temperature(Schedule<Temperature>),
    /// Weighs every candidate by how open the story is after it.
    Future(Future),
}

/// The future-entropy sampler: s(w) = p(w)^a · Ĥ(w)^b over the likeliest survivors.
///
/// Source: Will Kurt, "Making LLMs Better at Creative Writing using Entropy", countbayesie.com, 2026.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Future {
    /// k: how many of the likeliest survivors are candidates.
    pub candidates: NonZeroUsize,
    /// n: how many of the likeliest tokens after a candidate its entropy is measured over.
    pub entropy_top: Top,
    /// The crossfader: −1 the model's own voice, 0 the article's product, +1 only the future.
    pub alpha: Schedule<Alpha>,
    /// How α becomes the exponents a and b.
    #[serde(default)]
    pub curve: Curve,
    /// How far a candidate is followed before Ĥ is measured.
    #[serde(default)]
    pub horizon: Horizon,
    /// What a candidate that ends the story counts.
    #[serde(default)]
    pub end_of_text: EndOfText,
}

/// How far a candidate is followed before its future is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Horizon {
    /// Not at all: Ĥ is that of the row after the candidate, as in the article.
    #[default]
    Token,
    /// To the end of its word: as long as the likeliest next token continues the word, up to [`Horizon::CAP`] tokens, the
    /// candidate goes on with it. One token of lookahead punishes a rare word of several tokens, for it is followed by
    /// forced pieces; this does not. Scripts without spaces between words are measured as with `token`.
    Word,
}

impl Horizon {
    /// The longest path that is followed, in tokens, the candidate among them.
    pub const CAP: usize = 8;
}

/// How α ∈ [−1, 1] becomes the exponents of s = p^a · Ĥ^b.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Curve {
    /// a = 1 − max(0, α), b = 1 − max(0, −α): at the centre the full product p · Ĥ.
    #[default]
    Article,
    /// a = 1 − t, b = t with t = (α + 1)/2: at the centre the geometric mean of p and Ĥ.
    Crossfade,
}

impl Curve {
    /// The exponents (a, b) at α. At α = −1 b is exactly 0, at α = 1 a is exactly 0.
    #[must_use]
    pub fn exponents(self, alpha: Alpha) -> (f64, f64) {
        let alpha = alpha.get();
        match self {
            Self::Article => (1.0 - alpha.max(0.0), 1.0 - (-alpha).max(0.0)),
            Self::Crossfade => {
                let t = f64::midpoint(alpha, 1.0);
                (1.0 - t, t)
            }
        }
    }
}

/// After a token that ends the story there is no future to measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndOfText {
    /// It counts as open as this very moment is: Ĥ is the entropy over the n likeliest tokens now.
    #[default]
    Neutral,
    /// It is never a candidate, unless nothing else is left.
    Never,
    /// It is looked at like any other token, whatever the model says after an end.
    Article,
}

/// How a token is picked from what the chain has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pick {
    /// Drawn by its weight.
    #[default]
    Sample,
    /// The one with the most weight; of equals the one with the smaller number.
    Argmax,
}

impl Stage {
    /// The name by which a preset knows the stage.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Dry(_) => "dry",
            Self::TopK(_) => "top-k",
            Self::TopP(_) => "top-p",
            Self::MinP(_) => "min-p",
            Self::Temperature(_) => "temperature",
            Self::Future(_) => "future",
        }
    }
}

impl Chain {
    /// A chain of these stages.
    ///
    /// # Errors
    /// More than one `future`: the second would weigh what the first has already weighed.
    pub fn new(stages: Vec<Stage>) -> Result<Self> {
        if stages.iter().filter(|stage| matches!(stage, Stage::Future(_))).count() > 1 {
            bail!("the chain has more than one stage `future`");
        }
        Ok(Self(stages))
    }

    /// The stages in their order.
    #[must_use]
    pub fn stages(&self) -> &[Stage] {
        &self.0
    }

    /// Whether a schedule of the chain counts sentences or paragraphs.
    #[must_use]
    pub fn counts_text(&self) -> bool {
        let unit = |stage: &Stage| match stage {
            Stage::Temperature(temperature) => temperature.unit(),
            Stage::Future(future) => future.alpha.unit(),
            Stage::Dry(_) | Stage::TopK(_) | Stage::TopP(_) | Stage::MinP(_) => None,
        };
        self.0.iter().filter_map(unit).any(|unit| unit != Unit::Token)
    }

    /// The stages before `future`, `future` itself, and the stages after it; all of them and nothing where there is none.
    #[must_use]
    pub fn split(&self) -> (&[Stage], Option<&Future>, &[Stage]) {
        for (at, stage) in self.0.iter().enumerate() {
            if let Stage::Future(future) = stage {
                return (&self.0[..at], Some(future), &self.0[at + 1..]);
            }
        }
        (&self.0, None, &[])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exponents_at_the_ends_and_in_the_middle() {
        let at = |curve: Curve, alpha: f64| curve.exponents(Alpha::new(alpha).unwrap());
        for (alpha, article, crossfade) in [
            (-1.0, (1.0, 0.0), (1.0, 0.0)),
            (-0.5, (1.0, 0.5), (0.75, 0.25)),
            (0.0, (1.0, 1.0), (0.5, 0.5)),
            (0.5, (0.5, 1.0), (0.25, 0.75)),
            (1.0, (0.0, 1.0), (0.0, 1.0)),
        ] {
            assert_eq!(at(Curve::Article, alpha), article);
            assert_eq!(at(Curve::Crossfade, alpha), crossfade);
        }
    }

    #[test]
    fn a_stage_is_written_under_its_name() {
        for (name, value) in
            [("top-k", "40"), ("top-p", "0.9"), ("min-p", "0.05"), ("temperature", "1"), ("dry", "{ multiplier = 1 }")]
        {
            let stage: Stage = toml::from_str(&format!("{name} = {value}")).unwrap();
            assert_eq!(stage.name(), name);
        }
    }

    #[test]
    fn two_futures_are_refused() {
        let future: Stage = toml::from_str("future = { candidates = 20, entropy-top = 20, alpha = 0 }").unwrap();
        assert!(Chain::new(vec![future.clone(), Stage::TopK(NonZeroUsize::MIN), future]).is_err());
    }
}
