//! The chain: what is done to a row of logits before one token of it is picked. Stages run in the order in which they stand.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use super::token_patterns::Spelling;
use crate::prob::{AdaptiveP, Alpha, Bias, Dry, DynamicTemperature, Mirostat, Penalties, Place, Probability, Schedule, Sigmas};
use crate::prob::{Temperature, Top, Unit, Xtc};

/// The stages in their order, `future` among them at most once.
#[derive(Debug, Clone, PartialEq)]
pub struct Chain(Vec<Stage>);

/// What the temperatures of a chain come to at one step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Warmth {
    /// Their product.
    pub temperature: f64,
    /// Whether it may be another one at the next step.
    pub moves: bool,
}

/// One stage. What a preset writes is what runs: a stage is off by being absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Adds to the logits of the tokens that these texts stand for: l + b, in nats; 0 changes nothing.
    Bias(BTreeMap<Spelling, Bias>),
    /// Removes the tokens that these texts stand for, unless nothing else is left.
    Ban(Vec<Spelling>),
    /// Punishes tokens that were said before.
    Penalties(Penalties),
    /// Punishes tokens that would go on repeating the text.
    Dry(Dry),
    /// Keeps the tokens whose logit is within n standard deviations of the largest; a large n keeps every token, n near 0 the
    /// likeliest.
    #[serde(rename = "top-n-sigma")]
    TopNSigma(Sigmas),
    /// Keeps the k likeliest tokens.
    TopK(NonZeroUsize),
    /// Keeps the tokens that are about as surprising as is to be expected, up to this mass; 1 keeps every token, 0 the most
    /// typical one.
    Typical(Probability),
    /// Keeps the smallest set of likeliest tokens whose probabilities sum to at least p; 1 keeps every token.
    TopP(Probability),
    /// Keeps the tokens with at least this share of the likeliest one's probability; 0 keeps every token, 1 the likeliest.
    MinP(Probability),
    /// Keeps likeliest tokens up to this share of the entropy; 1 keeps every token, 0 the likeliest.
    TopH(Probability),
    /// Removes now and then the likeliest choices, all but the last of them.
    Xtc(Xtc),
    /// Divides the logits by T: p(v)^(1/T), renormalised. 0 keeps only the likeliest token, 1 changes nothing. T may breathe.
    Temperature(Schedule<Temperature>),
    /// Divides the logits by a T that is higher the less sure the model is.
    DynamicTemperature(DynamicTemperature),
    /// Weighs every candidate by how open the story is after it.
    Future(Future),
    /// Keeps the surprise of the text near a target. It draws the token, and so stands last.
    Mirostat(Mirostat),
    /// Draws tokens whose probability is near a target. It draws the token, and so stands last.
    AdaptiveP(AdaptiveP),
}

/// What a stage is for, which decides where in a chain it makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Changes the chances of certain tokens: before anything is cut.
    Words,
    /// Removes tokens by how likely they are.
    Cut,
    /// Weighs what is left by its future.
    Future,
    /// Makes the distribution flatter or steeper.
    Temper,
    /// Draws, and remembers how likely it was: last.
    Draw,
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
    /// It counts as open as this very moment is if the story goes on: Ĥ is the entropy over the n likeliest tokens now that do
    /// not end it. With the end among them a moment would be the more closed the surer the model is of its end, and the end
    /// would pay for that.
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
            Self::Bias(_) => "bias",
            Self::Ban(_) => "ban",
            Self::Penalties(_) => "penalties",
            Self::Dry(_) => "dry",
            Self::TopNSigma(_) => "top-n-sigma",
            Self::TopK(_) => "top-k",
            Self::Typical(_) => "typical",
            Self::TopP(_) => "top-p",
            Self::MinP(_) => "min-p",
            Self::TopH(_) => "top-h",
            Self::Xtc(_) => "xtc",
            Self::Temperature(_) => "temperature",
            Self::DynamicTemperature(_) => "dynamic-temperature",
            Self::Future(_) => "future",
            Self::Mirostat(_) => "mirostat",
            Self::AdaptiveP(_) => "adaptive-p",
        }
    }

    /// What it is for.
    #[must_use]
    pub fn role(&self) -> Role {
        match self {
            Self::Bias(_) | Self::Ban(_) | Self::Penalties(_) | Self::Dry(_) => Role::Words,
            Self::TopNSigma(_)
            | Self::TopK(_)
            | Self::Typical(_)
            | Self::TopP(_)
            | Self::MinP(_)
            | Self::TopH(_)
            | Self::Xtc(_) => Role::Cut,
            Self::Future(_) => Role::Future,
            Self::Temperature(_) | Self::DynamicTemperature(_) => Role::Temper,
            Self::Mirostat(_) | Self::AdaptiveP(_) => Role::Draw,
        }
    }
}

impl Chain {
    /// A chain of these stages.
    ///
    /// # Errors
    /// More than one `future`: the second would weigh what the first has already weighed. A stage that draws (`mirostat`,
    /// `adaptive-p`) anywhere but at the end, or beside `future`: it steers by how likely the tokens were that were drawn, and
    /// would work against what the future has chosen.
    pub fn new(stages: Vec<Stage>) -> Result<Self> {
        let futures = stages.iter().filter(|stage| stage.role() == Role::Future).count();
        if futures > 1 {
            bail!("the chain has more than one stage `future`");
        }
        if let Some(at) = stages.iter().position(|stage| stage.role() == Role::Draw) {
            let name = stages[at].name();
            if futures > 0 {
                bail!("the chain has `{name}` beside `future`: both decide what is drawn\nhint: keep one of them");
            }
            if let Some(next) = stages.get(at + 1) {
                bail!(
                    "the chain goes on with `{}` after `{name}`, which draws the token\nhint: `{name}` stands last",
                    next.name()
                );
            }
        }
        Ok(Self(stages))
    }

    /// The stages in their order.
    #[must_use]
    pub fn stages(&self) -> &[Stage] {
        &self.0
    }

    /// Whether a stage steers by how likely the tokens were that were drawn before.
    #[must_use]
    pub fn steers(&self) -> bool {
        self.0.iter().any(|stage| stage.role() == Role::Draw)
    }

    /// The product of its temperatures at this place, those left out that only their survivors tell; and whether it is another
    /// one at another place.
    pub(super) fn warmth(&self, place: &Place) -> Warmth {
        let mut warmth = Warmth { temperature: 1.0, moves: false };
        for stage in &self.0 {
            match stage {
                Stage::Temperature(schedule) => {
                    warmth.temperature *= schedule.at(place).get();
                    warmth.moves |= schedule.constant().is_none();
                }
                Stage::DynamicTemperature(_) => warmth.moves = true,
                _ => {}
            }
        }
        warmth
    }

    /// Whether a schedule of the chain counts sentences or paragraphs.
    #[must_use]
    pub fn counts_text(&self) -> bool {
        let unit = |stage: &Stage| match stage {
            Stage::Temperature(temperature) => temperature.unit(),
            Stage::Future(future) => future.alpha.unit(),
            _ => None,
        };
        self.0.iter().filter_map(unit).any(|unit| unit != Unit::Token)
    }

    /// Whether a schedule of the chain follows the surprisal of what was told.
    #[must_use]
    pub fn follows_surprisal(&self) -> bool {
        self.0.iter().any(|stage| match stage {
            Stage::Temperature(temperature) => matches!(temperature, Schedule::Band(_)),
            Stage::Future(future) => matches!(future.alpha, Schedule::Band(_)),
            _ => false,
        })
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
        for (name, value) in [
            ("bias", "{ word = -2 }"),
            ("ban", "['word']"),
            ("penalties", "{}"),
            ("dry", "{ multiplier = 1 }"),
            ("top-n-sigma", "1"),
            ("top-k", "40"),
            ("typical", "0.9"),
            ("top-p", "0.9"),
            ("min-p", "0.05"),
            ("top-h", "0.4"),
            ("xtc", "{ probability = 0.5, threshold = 0.1 }"),
            ("temperature", "1"),
            ("dynamic-temperature", "{ low = 0.5, high = 1.5 }"),
            ("mirostat", "{ tau = 5 }"),
            ("adaptive-p", "{ target = 0.4 }"),
        ] {
            let stage: Stage = toml::from_str(&format!("{name} = {value}")).unwrap();
            assert_eq!(stage.name(), name);
        }
    }

    #[test]
    fn a_stage_that_draws_stands_last_and_not_beside_future() {
        let refused = |stages: &[&str]| {
            let stages = stages.iter().map(|stage| toml::from_str(stage).unwrap()).collect();
            Chain::new(stages).map_err(|error| error.to_string().lines().next().unwrap().to_owned()).err()
        };
        let future = "future = { candidates = 20, entropy-top = 20, alpha = 0 }";
        for draws in ["mirostat = { tau = 5 }", "adaptive-p = { target = 0.4 }"] {
            assert_eq!(refused(&["min-p = 0.05", draws]), None);
            assert!(refused(&[draws, "temperature = 1"]).unwrap().contains("goes on with `temperature` after"));
            assert!(refused(&[future, draws]).unwrap().contains("beside `future`"));
            assert!(refused(&[draws, future]).unwrap().contains("beside `future`"));
            assert!(refused(&[draws, draws]).unwrap().contains("goes on with"));
        }
    }

    #[test]
    fn two_futures_are_refused() {
        let future: Stage = toml::from_str("future = { candidates = 20, entropy-top = 20, alpha = 0 }").unwrap();
        assert!(Chain::new(vec![future.clone(), Stage::TopK(NonZeroUsize::MIN), future]).is_err());
    }
}
