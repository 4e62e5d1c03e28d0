//! The chain: what is done to a row of logits before one token of it is picked. Stages run in the order in which they stand.

use anyhow::{Result, bail};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::stages::{Against, Future, Role, Shuffle, Stage};
use crate::prob::{Motion, Place, Unit};

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

/// How a token is picked from what the chain has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Pick {
    /// Drawn by its weight.
    #[default]
    Sample,
    /// The one with the most weight; of equals the one with the smaller number.
    Argmax,
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
            bail!("the chain has more than one stage `future` or `shuffle`");
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

    /// Whether a stage has feedback: it steers by how likely the tokens were that were drawn before.
    #[must_use]
    pub fn has_feedback(&self) -> bool {
        self.0.iter().any(|stage| stage.role() == Role::Draw)
    }

    /// The product of its temperatures at this place, those left out that only their candidates tell; and whether it is another
    /// one at another place.
    pub(super) fn warmth(&self, place: &Place) -> Warmth {
        let mut warmth = Warmth { temperature: 1.0, moves: false };
        for stage in &self.0 {
            match stage {
                Stage::Temperature(temperature) => {
                    warmth.temperature *= temperature.0.at(place).get();
                    warmth.moves |= temperature.0.constant().is_none();
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
        self.0.iter().filter_map(|stage| stage.schedule()?.unit()).any(|unit| unit != Unit::Token)
    }

    /// Whether a schedule of the chain, or a guard, follows the surprisal of what was told.
    #[must_use]
    pub fn follows_surprisal(&self) -> bool {
        let guards = self.split().1.is_some_and(|future| future.derail.is_some());
        guards || self.0.iter().filter_map(Stage::schedule).any(Motion::follows_surprisal)
    }

    /// Whether a `shuffle` stands in the place of `future`.
    #[must_use]
    pub fn shuffles(&self) -> bool {
        self.0.iter().any(|stage| matches!(stage, Stage::Shuffle(_)))
    }

    /// `future`, where it measures Ĥ against what is usual after a token.
    #[must_use]
    pub fn measured(&self) -> Option<&Future> {
        self.split().1.filter(|future| future.baseline == Against::Model)
    }

    /// The stages before `future`, `future` itself or the one whose weights `shuffle` deals out, and the stages after it; all of them and nothing where there is none.
    #[must_use]
    pub fn split(&self) -> (&[Stage], Option<&Future>, &[Stage]) {
        for (at, stage) in self.0.iter().enumerate() {
            if let Stage::Future(future) | Stage::Shuffle(Shuffle(future)) = stage {
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
        let top_k: Stage = toml::from_str("top-k = 1").unwrap();
        assert!(Chain::new(vec![future.clone(), top_k, future]).is_err());
    }
}
