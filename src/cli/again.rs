//! A recorded story once more: to the end of its record, and beside those that were told with it.

use std::ops::ControlFlow;

use anyhow::{Result, anyhow, bail, ensure};

use super::Interruption;
use super::engine::interruption;
use super::progress::Progress;
use crate::decode::{Completion, Ended, Observer, Plan, Stories, Told, drive, each};
use crate::model::MOST_BRANCHES;
use crate::model::Model;
use crate::sampler::Reach;
use crate::story::{Draft, Record, StopReason};

/// What is to be told again.
pub struct Again {
    /// The stories that are told together.
    plans: Vec<Plan>,
    /// Which of them the record is of.
    which: usize,
    /// After so many tokens it has told what the record can be compared with.
    until: usize,
}

/// What was told again.
pub struct Retold {
    pub told: Completion,
    /// Whether it was interrupted before the end of the record.
    pub interrupted: bool,
}

impl Again {
    /// The story of a record, by the plan that was made of it.
    ///
    /// # Errors
    /// The record names drafts that cannot have been.
    pub fn of(record: &Record, mut plan: Plan) -> Result<Self> {
        let until = match record.stop {
            // The record ends, and not its story.
            StopReason::Interrupted | StopReason::Failed(_) => record.tokens.len(),
            // One token more would be another story.
            StopReason::End | StopReason::Stop(_) | StopReason::Tokens | StopReason::Context | StopReason::Loop => {
                record.tokens.len().saturating_add(1)
            }
        };
        let Some(Draft { number, exhaustive }) = record.draft else { return Ok(Self { plans: vec![plan], which: 0, until }) };
        let drafts = record.run.drafts;
        ensure!(
            (1..=drafts).contains(&number) && drafts <= MOST_BRANCHES,
            "it is draft {number} of {drafts}, of which there is at least 1 and are at most {MOST_BRANCHES}"
        );
        if exhaustive {
            plan.sampler = plan.sampler.with_reach(Reach::Exhaustive);
        }
        let (before, behind) = (number as u64 - 1, (drafts - number) as u64);
        let (Some(first), Some(last)) = (plan.seed.checked_sub(before), plan.seed.checked_add(behind)) else {
            bail!("it is draft {number} of {drafts}, and their seeds do not follow each other");
        };
        let plans = (first..=last).map(|seed| Plan { seed, ..plan.clone() }).collect();
        Ok(Self { plans, which: number - 1, until })
    }

    /// The stories that are told together, and which of them the record is of.
    pub fn stories(&self) -> (&[Plan], usize) {
        (&self.plans, self.which)
    }

    /// Tells it; `hear` gets each piece of its text as it appears, and may stop it by an error.
    ///
    /// # Errors
    /// A plan that cannot be told, a story that cannot go on, or one of `hear`.
    pub fn tell(
        self,
        model: &mut dyn Model,
        width: usize,
        progress: &Progress,
        mut hear: impl FnMut(&str) -> Result<()>,
    ) -> Result<Retold> {
        let Self { plans, which, until } = self;
        let mut retelling = Retelling { which, until, progress, hear: &mut hear, count: 0, unshown: None, told: None };
        drive(&mut Stories::new(model, width), plans.len(), &mut each(plans), &mut retelling, interruption());
        let Retelling { unshown, told, count, .. } = retelling;
        if let Some(error) = unshown {
            return Err(error);
        }
        let Some(told) = told else { return Err(Interruption.into()) };
        match told.failure() {
            Some(cause) => Err(anyhow!(cause.to_owned())),
            None => Ok(Retold { interrupted: told.stop == StopReason::Interrupted && count < until, told }),
        }
    }
}

/// Hears one of the stories as far as its record goes, and ends all with it.
struct Retelling<'a> {
    which: usize,
    until: usize,
    progress: &'a Progress,
    hear: &'a mut dyn FnMut(&str) -> Result<()>,
    count: usize,
    unshown: Option<anyhow::Error>,
    told: Option<Completion>,
}

impl Retelling<'_> {
    fn show(&mut self, text: &str) {
        if self.unshown.is_none() && !text.is_empty() {
            self.unshown = (self.hear)(text).err();
        }
    }
}

impl Observer for Retelling<'_> {
    fn reading(&mut self, _: usize, read: usize, of: usize) -> ControlFlow<()> {
        if self.count == 0 {
            self.progress.read(read, of);
        }
        ControlFlow::Continue(())
    }

    fn told(&mut self, story: usize, told: &Told) -> ControlFlow<()> {
        if story != self.which {
            return ControlFlow::Continue(());
        }
        self.count += 1;
        self.progress.told(told.counts);
        self.show(told.text);
        let enough = self.count >= self.until || self.unshown.is_some();
        if enough { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn ended(&mut self, story: usize, ended: Ended) {
        if story == self.which {
            self.show(&ended.rest);
            self.told = Some(ended.completion);
        }
    }

    fn round_over(&mut self) -> ControlFlow<()> {
        if self.told.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
