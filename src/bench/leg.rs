//! A leg: stories that begin together and are told round by round, until one of them ends.
//!
//! Measured time is time in which all of them run: a story that ended early would leave the others alone, and its mode would
//! look slow. So the leg is over with the first ending, and the next one begins with other seeds.

use anyhow::{Result, anyhow};

use super::naive::Naive;
use crate::decode::{Event, Plan, Stories};
use crate::model::{Branch, From, Model, Rows, Step};
use crate::prob::Token;

/// What came of a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Round {
    /// Tokens that were told.
    pub told: usize,
    /// Whether a story has ended.
    pub ended: bool,
}

/// Stories that are told round by round.
pub(super) trait Leg {
    /// Some more of every story. A leg begins where each of them has told at least one token, so that a round stands for any
    /// other: reading the prompt has no part in it.
    ///
    /// # Errors
    /// A decode that failed, or a story that cannot go on.
    fn round(&mut self) -> Result<Round>;

    /// Forgets the stories.
    fn end(self: Box<Self>);
}

/// Stories told by the program's own loop.
pub(super) struct Together<'m>(Stories<'m>);

impl<'m> Together<'m> {
    /// Tells the first token of each, or more; `None` where one ended over it.
    pub fn begin(model: &'m mut dyn Model, width: usize, plans: Vec<Plan>) -> Result<Option<Self>> {
        let mut silent = vec![true; plans.len()];
        let mut stories = Stories::new(model, width);
        for plan in plans {
            stories.begin(plan)?;
        }
        while silent.contains(&true) {
            let (mut ended, mut failed) = (false, None);
            stories.round(&mut |event| match event {
                Event::Told { story, .. } => silent[story] = false,
                Event::Ended { .. } => ended = true,
                Event::Failed { error, .. } => failed = Some(error),
                Event::Read { .. } => (),
            })?;
            if let Some(error) = failed {
                return Err(error);
            }
            if ended {
                // The stories that still run give their branches back.
                let _ = stories.finish();
                return Ok(None);
            }
        }
        Ok(Some(Self(stories)))
    }
}

impl Leg for Together<'_> {
    fn end(self: Box<Self>) {
        let _ = self.0.finish();
    }

    fn round(&mut self) -> Result<Round> {
        let (mut round, mut failed) = (Round::default(), None);
        self.0.round(&mut |event| match event {
            Event::Told { .. } => round.told += 1,
            Event::Ended { .. } => round.ended = true,
            Event::Failed { error, .. } => failed = Some(error),
            Event::Read { .. } => (),
        })?;
        match failed {
            Some(error) => Err(error),
            None => Ok(round),
        }
    }
}

/// Stories told naively, each for itself.
pub(super) struct OneByOne<'m> {
    model: &'m mut dyn Model,
    stories: Vec<(Naive, usize)>,
}

impl<'m> OneByOne<'m> {
    /// Tells the first token of each; `None` where one ended over it.
    pub fn begin(model: &'m mut dyn Model, plans: &[Plan]) -> Result<Option<Self>> {
        let mut leg = Self { model, stories: Vec::new() };
        for plan in plans {
            let story = Naive::begin(leg.model, plan)?;
            leg.stories.push((story, plan.tokens));
        }
        if leg.round()?.ended {
            Box::new(leg).end();
            return Ok(None);
        }
        Ok(Some(leg))
    }
}

impl Leg for OneByOne<'_> {
    fn end(self: Box<Self>) {
        for (story, _) in self.stories {
            story.end(self.model);
        }
    }

    fn round(&mut self) -> Result<Round> {
        let mut round = Round::default();
        for (story, left) in &mut self.stories {
            let token = story.tell(self.model)?;
            *left -= 1;
            round.told += 1;
            round.ended |= *left == 0 || self.model.lexicon().ends(token);
        }
        Ok(round)
    }
}

/// Texts that are read, not told: their prompts again and again.
pub(super) struct Bare<'m> {
    model: &'m mut dyn Model,
    texts: Vec<Text>,
}

struct Text {
    branch: Branch,
    tokens: Vec<Token>,
    read: usize,
    left: usize,
}

impl<'m> Bare<'m> {
    /// Reads the prompts.
    pub fn begin(model: &'m mut dyn Model, plans: &[Plan]) -> Result<Self> {
        let steps: Vec<Step> =
            plans.iter().map(|plan| Step { from: From::Root, tokens: &plan.prompt, rows: Rows::Last }).collect();
        let branches = model.extend(&steps, &mut |_, _, _| ())?;
        let text = |(plan, branch): (&Plan, Branch)| Text { branch, tokens: plan.prompt.clone(), read: 0, left: plan.tokens };
        let texts = plans.iter().zip(branches).map(text).collect();
        Ok(Self { model, texts })
    }
}

impl Leg for Bare<'_> {
    fn end(self: Box<Self>) {
        for text in self.texts {
            self.model.release(text.branch);
        }
    }

    fn round(&mut self) -> Result<Round> {
        let step = |text: &Text| {
            let at = text.read % text.tokens.len();
            (From::Move(text.branch), at)
        };
        let places: Vec<(From, usize)> = self.texts.iter().map(step).collect();
        let steps: Vec<Step> = self
            .texts
            .iter()
            .zip(&places)
            .map(|(text, &(from, at))| Step { from, tokens: &text.tokens[at..=at], rows: Rows::Last })
            .collect();
        let branches = self.model.extend(&steps, &mut |_, _, _| ())?;
        let mut round = Round { told: branches.len(), ended: false };
        for (text, branch) in self.texts.iter_mut().zip(branches) {
            (text.branch, text.read, text.left) = (branch, text.read + 1, text.left - 1);
            round.ended |= text.left == 0;
        }
        Ok(round)
    }
}

/// A story that ends with its first words, again and again, cannot be measured.
pub(super) fn too_short(mode: super::Mode) -> anyhow::Error {
    anyhow!("cannot measure `{mode}`: the stories end as soon as they begin\nhint: try another prompt")
}
