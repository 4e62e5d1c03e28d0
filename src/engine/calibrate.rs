//! Measures how open the story usually is after each token of a model: once, for all presets with a baseline.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use anyhow::{Result, bail};
use serde::Deserialize;

use super::engine::Engine;
use super::request::StoryRequest;
use crate::decode::{Cancel, Ended, Observer, Stories, Told, drive, each};
use crate::model::{Token, Vocabulary};
use crate::preset::parse;
use crate::prob::Top;
use crate::sampler::{Baseline, Future, Horizon, Reach, Sampler};

/// Beginnings of stories of several kinds. No list of prompts that samplers are compared on holds one of them.
const OPENINGS: &str = include_str!("../../configs/prompts/openings-calibration.toml");

/// A list of prompts, as far as it matters here.
#[derive(Deserialize)]
struct Openings {
    prompt: Vec<Opening>,
}

#[derive(Deserialize)]
struct Opening {
    text: String,
}

/// What is to be measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Calibration {
    sampler: Sampler,
    /// How the stories begin.
    pub openings: Vec<String>,
    /// The most tokens of each.
    pub max_tokens: NonZeroUsize,
    /// The seed of the first; the others follow.
    pub seed: u64,
}

impl Calibration {
    /// An entropy over so many of the likeliest tokens, to this horizon, in twelve stories of 200 tokens: some twenty thousand looks.
    ///
    /// The stories are told by the article's product, with every candidate of every choice looked at. Where one survivor is left
    /// there is no choice, and what comes after it is held against nothing.
    ///
    /// # Errors
    /// None that these values could bring.
    pub fn usual(entropy_top: Top, horizon: Horizon) -> Result<Self> {
        let (n, horizon) = (entropy_top.get(), horizon.name());
        let preset = parse(
            &format!(
                "[[chain]]\ndry = {{ multiplier = 0.8 }}\n[[chain]]\nmin-p = 0.05\n[[chain]]\n\
                 future = {{ candidates = 20, entropy-top = {n}, alpha = 0, horizon = '{horizon}' }}"
            ),
            "calibration",
        )?;
        let Openings { prompt } = toml::from_str(OPENINGS)?;
        let openings = prompt.into_iter().map(|opening| opening.text).collect();
        let max_tokens = NonZeroUsize::new(200).unwrap_or(NonZeroUsize::MIN);
        Ok(Self { sampler: preset.sampler().with_bans(None).with_reach(Reach::Full), openings, max_tokens, seed: 1 })
    }

    /// The stage whose table it is.
    #[must_use]
    pub fn future(&self) -> &Future {
        self.sampler.chain().split().1.unwrap_or_else(|| unreachable!("its chain has a future"))
    }
}

/// Hears how far a calibration has come.
pub trait CalibrationObserver {
    /// A token of a story was told; `seen` is how many observations there are.
    fn told(&mut self, story: usize, seen: usize);
}

/// Nobody, who hears nothing.
impl CalibrationObserver for () {
    fn told(&mut self, _: usize, _: usize) {}
}

impl Engine {
    /// Tells stories, looks at all candidates of every choice, and makes a table of what was seen after each token. Nothing where
    /// it is cancelled.
    ///
    /// # Errors
    /// An opening that does not fit, a memory that does not, or stories in which there was no choice.
    pub fn calibrate(
        &self,
        wanted: &Calibration,
        observer: &mut dyn CalibrationObserver,
        cancel: &Cancel,
    ) -> Result<Option<Baseline>> {
        let plan = |(seed, opening): (u64, &String)| {
            let request = StoryRequest::new(seed, wanted.max_tokens.get());
            self.plan_behind(&wanted.sampler, &self.tokens(opening)?, &request)
        };
        let plans = (wanted.seed..).zip(&wanted.openings).map(plan).collect::<Result<Vec<_>>>()?;
        let width = self.width(&plans, 1);
        let mut session = self.session(&plans, width)?;
        let mut gatherer = Gatherer { vocabulary: self.vocabulary(), observer, seen: Vec::new(), failed: None };
        drive(&mut Stories::new(&mut *session, width), 1, &mut each(plans), &mut gatherer, cancel);
        if let Some(cause) = gatherer.failed {
            bail!("a story broke off: {cause}");
        }
        if cancel.is_cancelled() {
            return Ok(None);
        }
        let (future, size) = (wanted.future(), self.vocabulary().len());
        Baseline::of(&self.identity()?, future.entropy_top.get(), future.horizon, size, gatherer.seen).map(Some)
    }
}

/// Gathers tokens and what was seen after them.
struct Gatherer<'a> {
    vocabulary: &'a Vocabulary,
    observer: &'a mut dyn CalibrationObserver,
    seen: Vec<(Token, f64)>,
    failed: Option<String>,
}

impl Observer for Gatherer<'_> {
    fn told(&mut self, story: usize, told: &Told) -> ControlFlow<()> {
        // After an end nothing was looked at.
        let looked = told.draw.candidates.iter().filter(|one| !self.vocabulary.ends(one.token));
        self.seen.extend(looked.filter_map(|one| Some((one.token, one.future?))));
        self.observer.told(story, self.seen.len());
        ControlFlow::Continue(())
    }

    fn ended(&mut self, _: usize, ended: Ended) {
        if self.failed.is_none() {
            self.failed = ended.completion.failure().map(str::to_owned);
        }
    }
}
