//! A recorded story once more: with the sampler and limits of its record, to the record's end, and beside those that were told
//! with it.

use std::ops::ControlFlow;

use anyhow::{Context, Result, bail, ensure};

use crate::decode::{Cancel, Completion, Continuation, Ended, Observer, Plan, Stories, Told, drive, each};
use crate::model::{MOST_BRANCHES, Model};
use crate::preset::Preset;
use crate::sampler::{Carried, Reach};
use crate::story::{Draft, Record, Resumed, StopReason};

/// A story to be told again.
#[derive(Debug, Clone)]
pub struct Replay {
    plans: Vec<Plan>,
    which: usize,
    /// So many tokens are all that the record can be compared with.
    until: usize,
    width: usize,
}

impl Replay {
    /// What the record's story was asked for, and those that were told together with it.
    ///
    /// # Errors
    /// A story that never began, a preset that cannot be read, a width of 0, or drafts that cannot have been; the cause is a
    /// clause without its subject.
    pub fn of(record: &Record) -> Result<Self> {
        ensure!(!record.prompt_tokens.is_empty(), "its story never began");
        ensure!(record.run.width > 0, "its width is 0");
        let mut plan = plan_of(record)?;
        let told = record.tokens.len() - record.stood();
        let until = match record.stop {
            // The record ends, and not its story.
            StopReason::Interrupted | StopReason::Failed(_) => told,
            // One token more would be another story.
            StopReason::End
            | StopReason::Stop(_)
            | StopReason::Tokens
            | StopReason::Whole(_)
            | StopReason::Context
            | StopReason::Loop => record.tokens.len().saturating_add(1),
        };
        let width = record.run.width;
        let Some(Draft { number, exhaustive }) = record.draft else {
            return Ok(Self { plans: vec![plan], which: 0, until, width });
        };
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
        Ok(Self { plans, which: number - 1, until, width })
    }

    /// The stories that are told together, and which of them the record is of.
    #[must_use]
    pub fn stories(&self) -> (&[Plan], usize) {
        (&self.plans, self.which)
    }

    /// The stories, to be changed.
    pub(super) fn plans_mut(&mut self) -> &mut [Plan] {
        &mut self.plans
    }

    /// What others did beside the story, where the record does not say it and they cannot be told beside it again: then the bits
    /// may differ.
    #[must_use]
    pub fn beside(&self, record: &Record) -> Option<Beside> {
        let run = &record.run;
        if run.drafts > 1 {
            return record.draft.is_none().then_some(Beside::Drafts(run.drafts));
        }
        // As a batch has it where it tells several at a time.
        let plan = &self.plans[self.which];
        let (_, branches) = Stories::room_for(std::slice::from_ref(plan), run.width);
        let for_several = run.branches >= 2 * branches && run.cells >= 2 * plan.prompt.len();
        for_several.then_some(Beside::Perhaps)
    }

    /// Tells it, as far as the record goes. `observer` hears of the recorded story alone, as number 0; where it breaks off or
    /// `cancel` is set the story ends there as interrupted. In a memory like the record's ([`Run::session_options`]) on the
    /// machine that told it, every bit is as it was.
    ///
    /// [`Run::session_options`]: crate::story::Run::session_options
    pub fn tell(self, model: &mut dyn Model, observer: &mut dyn Observer, cancel: &Cancel) -> Completion {
        let Self { plans, which, until, width } = self;
        let (all, prompt, mut stories) = (plans.len(), plans[which].prompt.len(), Stories::new(model, width));
        if until == 0 {
            // The record broke off before the first token, and with it the story is over.
            return Completion::unbegun(prompt, StopReason::Interrupted);
        }
        let mut witness = Witness { observer, which, until, told: 0, is_over: false, completion: None };
        drive(&mut stories, all, &mut each(plans), &mut witness, cancel);
        // One that was cancelled before it began never ended.
        witness.completion.unwrap_or_else(|| Completion::unbegun(prompt, StopReason::Interrupted))
    }
}

/// What may have been told beside a story.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Beside {
    /// So many drafts in all; the record does not say which of them it is.
    Drafts(usize),
    /// Perhaps others: its memory had room for several.
    Perhaps,
}

/// The plan of the record's story, as it was told alone.
fn plan_of(record: &Record) -> Result<Plan> {
    let preset = Preset::of_record(&record.resolved).context("its preset")?;
    let run = &record.run;
    let sampler = preset.sampler().with_min_tokens(run.min_tokens);
    let (clock, origin) = (record.clock, &record.prompt_tokens);
    ensure!(clock <= origin.len(), "of a prompt of {} tokens {clock} cannot have been told before", origin.len());
    let (stood, continuation) = match record.resumed {
        Some(Resumed { tokens: stood, taken, feedback }) => {
            ensure!(
                stood <= record.tokens.len() && stood < run.limit,
                "of its tokens {stood} cannot have stood before it went on"
            );
            let carried = feedback.map(|_| Carried { feedback, ..Carried::default() });
            let time = record.banned.before;
            let told = clock + stood;
            (stood, Continuation { told, before_heal: clock, taken, scored: true, planned: None, carried, time })
        }
        None => (0, Continuation { told: clock, before_heal: clock, ..Continuation::default() }),
    };
    let prompt = [&origin[..], &record.tokens[..stood]].concat();
    let limit = run.limit - stood;
    Ok(Plan {
        heal: record.healed.clone(),
        to: run.to,
        context: run.context,
        context_shift: run.slides,
        stop_on_loop: !run.may_loop,
        stops: run.stops.clone(),
        continuation,
        ..Plan::new(sampler, prompt, record.seed, limit)
    })
}

/// The first token of a story, counted from 0, at which it is another one told again than the record's; `None` where there is none. Of one
/// that was gone on with only what was told since is told again.
#[must_use]
pub fn parting(record: &Record, again: &Completion) -> Option<usize> {
    let (stood, told) = (record.stood(), &record.tokens[record.stood()..]);
    (0..told.len().max(again.tokens.len())).find(|&at| told.get(at) != again.tokens.get(at)).map(|at| stood + at)
}

/// Hears of one story up to where its record ends, and ends all with it.
struct Witness<'o> {
    observer: &'o mut dyn Observer,
    which: usize,
    until: usize,
    told: usize,
    is_over: bool,
    completion: Option<Completion>,
}

impl Observer for Witness<'_> {
    fn reading(&mut self, _: usize, read: usize, of: usize) -> ControlFlow<()> {
        self.observer.reading(0, read, of)
    }

    fn told(&mut self, story: usize, told: &Told) -> ControlFlow<()> {
        if story != self.which {
            return ControlFlow::Continue(());
        }
        self.told += 1;
        self.is_over |= self.told >= self.until;
        let heard = self.observer.told(0, told);
        self.is_over |= heard.is_break();
        heard
    }

    fn ended(&mut self, story: usize, ended: Ended) {
        if story == self.which {
            self.is_over = true;
            self.completion = Some(ended.completion.clone());
            self.observer.ended(0, ended);
        }
    }

    fn round_over(&mut self) -> ControlFlow<()> {
        let over = self.is_over || self.observer.round_over().is_break();
        if over { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}
