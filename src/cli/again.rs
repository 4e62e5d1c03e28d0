//! A recorded story once more: to the end of its record, and beside those that were told with it.

use anyhow::{Context, Result, bail, ensure};

use super::engine::interrupted;
use super::progress::Progress;
use crate::decode::{Event, Plan, Stories, Told};
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
    pub told: Told,
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
        let mut stories = Stories::new(model, width);
        for plan in plans {
            stories.begin(plan)?;
        }
        let (mut count, mut ended, mut cut, mut failed) = (0, false, false, None);
        while !ended && failed.is_none() {
            let enough = count >= until;
            cut = !enough && interrupted();
            let mut listener = |event: Event| {
                let text = match event {
                    Event::Read { read, of, .. } if count == 0 => return progress.read(read, of),
                    Event::Told { story, text, counts, .. } if story == which => {
                        count += 1;
                        progress.told(counts);
                        text
                    }
                    Event::Ended { story, rest, .. } if story == which => {
                        ended = true;
                        rest
                    }
                    Event::Failed { story, rest, error } if story == which => {
                        failed.get_or_insert(error);
                        rest
                    }
                    Event::Read { .. } | Event::Told { .. } | Event::Ended { .. } | Event::Failed { .. } => return,
                };
                if !text.is_empty() && failed.is_none() {
                    failed = hear(text).err();
                }
            };
            if enough || cut {
                stories.interrupt(&mut listener);
            } else if let Err(error) = stories.round(&mut listener) {
                failed.get_or_insert(error);
            }
        }
        match failed {
            Some(error) => Err(error),
            None => Ok(Retold { told: stories.take(which).context("no story was told")?, interrupted: cut }),
        }
    }
}
