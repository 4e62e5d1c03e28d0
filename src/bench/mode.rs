//! The ways to tell a story that are measured against each other.

use std::fmt;
use std::str::FromStr;

use anyhow::{Result, bail};
use serde::Serialize;

use crate::prob::{Alpha, Schedule};
use crate::sampler::{Against, Chain, Future, Horizon, Pick, Reach, Sampler, Stage};

/// A way to tell a story.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// The model alone, reading a text that is given: no sampler at all.
    Bare,
    /// The preset's chain without `future`.
    Plain,
    /// The preset at α = −1, where the future has no weight.
    Voice,
    /// The preset, its candidates looked at one after the other and the chosen one read again: k + 1 passes a token.
    Naive,
    /// The preset, all candidates looked at in one decode.
    Batch,
    /// The preset as it is: no more candidates are looked at than decide.
    Lazy,
    /// The preset `wave`.
    Wave,
    /// The preset with the horizon at the end of a word.
    Word,
}

impl Mode {
    /// All of them.
    pub const ALL: [Self; 8] =
        [Self::Bare, Self::Plain, Self::Voice, Self::Naive, Self::Batch, Self::Lazy, Self::Wave, Self::Word];

    /// What is measured where nothing else is asked for.
    pub const USUAL: [Self; 7] = [Self::Bare, Self::Plain, Self::Naive, Self::Batch, Self::Lazy, Self::Wave, Self::Word];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Bare => "bare",
            Self::Plain => "plain",
            Self::Voice => "voice",
            Self::Naive => "naive",
            Self::Batch => "batch",
            Self::Lazy => "lazy",
            Self::Wave => "wave",
            Self::Word => "word",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|mode| mode.name() == name);
        found.ok_or_else(|| format!("there is no mode `{name}`; the modes are {}", Self::ALL.map(Self::name).join(", ")))
    }
}

/// The samplers of all modes.
#[derive(Debug, Clone)]
pub struct Samplers {
    plain: Sampler,
    voice: Sampler,
    full: Sampler,
    lazy: Sampler,
    wave: Sampler,
    word: Sampler,
}

impl Samplers {
    /// Those of a preset, and that of the preset `wave`.
    ///
    /// # Errors
    /// A preset without `future`: there would be nothing to measure.
    pub fn new(preset: &Sampler, pick: Pick, wave: Sampler) -> Result<Self> {
        let (before, Some(future), after) = preset.chain().split() else {
            bail!("cannot measure lookahead: the preset has no stage `future`")
        };
        let with = |future: Option<Future>| -> Result<Sampler> {
            let stages = before.iter().cloned().chain(future.map(Stage::Future)).chain(after.iter().cloned());
            let sampler = Sampler::new(Chain::new(stages.collect())?, pick);
            // One of another horizon is measured against nothing.
            Ok(preset.baseline().cloned().map_or(sampler.clone(), |baseline| sampler.with_baseline(baseline)))
        };
        Ok(Self {
            plain: with(None)?,
            voice: with(Some(Future { alpha: Schedule::Constant(Alpha::new(-1.0)?), ..future.clone() }))?,
            full: preset.with_reach(Reach::Full),
            lazy: preset.clone(),
            wave,
            word: with(Some(Future { horizon: Horizon::Word, baseline: Against::None, ..future.clone() }))?,
        })
    }

    /// The sampler of a mode; [`Mode::Bare`] has none.
    #[must_use]
    pub fn of(&self, mode: Mode) -> Option<&Sampler> {
        match mode {
            Mode::Bare => None,
            Mode::Plain => Some(&self.plain),
            Mode::Voice => Some(&self.voice),
            Mode::Naive | Mode::Batch => Some(&self.full),
            Mode::Lazy => Some(&self.lazy),
            Mode::Wave => Some(&self.wave),
            Mode::Word => Some(&self.word),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampler(stages: &[&str]) -> Sampler {
        let stages = stages.iter().map(|stage| toml::from_str::<Stage>(stage).unwrap());
        Sampler::new(Chain::new(stages.collect()).unwrap(), Pick::Sample)
    }

    #[test]
    fn a_mode_is_read_under_its_name() {
        for mode in Mode::ALL {
            assert_eq!(mode.to_string().parse(), Ok(mode));
            assert_eq!(serde_json::to_value(mode).unwrap(), mode.name());
        }
        assert!("fast".parse::<Mode>().unwrap_err().contains("there is no mode `fast`"));
    }

    #[test]
    fn plain_is_the_chain_without_future_and_word_differs_in_the_horizon_alone() {
        let future = "future = { candidates = 8, entropy-top = 5, alpha = 0.5 }";
        let preset = sampler(&["min-p = 0.1", future, "temperature = 0.9"]);
        let samplers = Samplers::new(&preset, Pick::Sample, preset.clone()).unwrap();
        let chain = |mode| samplers.of(mode).unwrap().chain().stages().to_vec();
        assert_eq!(chain(Mode::Plain), sampler(&["min-p = 0.1", "temperature = 0.9"]).chain().stages());
        let word = "future = { candidates = 8, entropy-top = 5, alpha = 0.5, horizon = 'word' }";
        assert_eq!(chain(Mode::Word), sampler(&["min-p = 0.1", word, "temperature = 0.9"]).chain().stages());
        assert!(samplers.of(Mode::Bare).is_none());
    }

    #[test]
    fn a_preset_without_future_is_refused() {
        let plain = sampler(&["temperature = 1"]);
        assert!(Samplers::new(&plain, Pick::Sample, plain.clone()).is_err());
    }
}
