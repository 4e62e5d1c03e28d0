//! A trial: stories that begin together and are told round by round, until one of them ends.
//!
//! Measured time is time in which all of them run: a story that ended early would leave the others alone, and its mode would
//! look slow. So the trial is over with the first ending, and the next one begins with other seeds. A trial begins where each story
//! has told at least one token, so that a round stands for any other: reading the prompt has no part in it.

use std::cell::Cell;
use std::ops::ControlFlow;
use std::time::Duration;

use anyhow::{Result, anyhow};

use super::measure::Measure;
use super::naive::Naive;
use super::timed::{Clock, Spent};
use crate::decode::{Cancel, Ended, Observer, Plan, Stories, Told, drive, each};
use crate::model::{Branch, From, Model, Rows, Step};

/// Adds up the rounds of trials.
pub(super) struct Stopwatch<'a> {
    clock: Clock<'a>,
    spent: &'a Cell<Spent>,
    /// Hears how many tokens a round told, and whether that was the last one.
    go_on: &'a mut dyn FnMut(usize) -> bool,
    /// The tokens after which there is enough.
    goal: usize,
    began: (Duration, Spent),
    /// What was measured so far.
    pub measure: Measure,
    /// Whether who listens has had enough.
    pub stopped: bool,
}

impl<'a> Stopwatch<'a> {
    /// Of nothing yet; what the model is asked for is counted in `spent`.
    pub fn new(clock: Clock<'a>, spent: &'a Cell<Spent>, goal: usize, go_on: &'a mut dyn FnMut(usize) -> bool) -> Self {
        let began = (Duration::ZERO, Spent::default());
        Self { clock, spent, go_on, goal, began, measure: Measure::default(), stopped: false }
    }

    /// Whether enough has been told.
    pub fn is_done(&self) -> bool {
        self.measure.tokens >= self.goal
    }

    /// A round begins.
    fn start(&mut self) {
        self.began = ((self.clock)(), self.spent.get());
    }

    /// A round is over, and another one begins unless there is enough.
    fn lap(&mut self, told: usize) -> ControlFlow<()> {
        let (began, before) = self.began;
        let Measure { tokens, time, spent } = &mut self.measure;
        *time += (self.clock)().saturating_sub(began);
        let more = self.spent.get().since(before);
        spent.decodes += more.decodes;
        spent.evaluations += more.evaluations;
        spent.time += more.time;
        *tokens += told;
        self.stopped = !(self.go_on)(told);
        if self.stopped || self.is_done() {
            return ControlFlow::Break(());
        }
        self.start();
        ControlFlow::Continue(())
    }
}

/// A trial of stories told by the program's own loop.
///
/// # Errors
/// A story that cannot be told.
pub(super) fn together(model: &mut dyn Model, width: usize, plans: Vec<Plan>, watch: &mut Stopwatch) -> Result<()> {
    let silent = vec![true; plans.len()];
    let mut trial = Together { watch, silent, measures: false, round: 0, ended: false, failed: None };
    drive(&mut Stories::new(model, width), trial.silent.len(), &mut each(plans), &mut trial, &Cancel::new());
    trial.failed.map_or(Ok(()), |cause| Err(anyhow!(cause)))
}

/// Hears of stories until the first of them ends.
struct Together<'w, 'a> {
    watch: &'w mut Stopwatch<'a>,
    /// Which stories have told nothing yet.
    silent: Vec<bool>,
    /// Whether all have told something, and rounds are measured.
    measures: bool,
    /// Tokens told in this round.
    round: usize,
    ended: bool,
    failed: Option<String>,
}

impl Observer for Together<'_, '_> {
    fn told(&mut self, story: usize, _: &Told) -> ControlFlow<()> {
        self.round += 1;
        self.silent[story] = false;
        ControlFlow::Continue(())
    }

    fn ended(&mut self, _: usize, ended: Ended) {
        self.ended = true;
        self.failed = self.failed.take().or(ended.completion.failure().map(str::to_owned));
    }

    fn round_over(&mut self) -> ControlFlow<()> {
        let told = std::mem::take(&mut self.round);
        if self.failed.is_some() || (self.ended && !self.measures) {
            return ControlFlow::Break(());
        }
        if self.measures {
            let flow = self.watch.lap(told);
            return if self.ended { ControlFlow::Break(()) } else { flow };
        }
        if !self.silent.contains(&true) {
            self.measures = true;
            self.watch.start();
        }
        ControlFlow::Continue(())
    }
}

/// A trial of stories told naively, each for itself.
///
/// # Errors
/// A decode that failed.
pub(super) fn one_by_one(model: &mut dyn Model, plans: &[Plan], watch: &mut Stopwatch) -> Result<()> {
    let mut stories = Vec::new();
    for plan in plans {
        stories.push((Naive::begin(model, plan)?, plan.max_tokens));
    }
    let mut measures = false;
    loop {
        let mut ended = false;
        for (story, left) in &mut stories {
            let token = story.tell(model)?;
            *left -= 1;
            ended |= *left == 0 || model.lexicon().ends(token);
        }
        let flow = if measures { watch.lap(stories.len()) } else { ControlFlow::Continue(()) };
        if ended || flow.is_break() {
            break;
        }
        if !measures {
            measures = true;
            watch.start();
        }
    }
    for (story, _) in stories {
        story.end(model);
    }
    Ok(())
}

/// A trial of texts that are read, not told: their prompts again and again.
///
/// # Errors
/// A decode that failed.
pub(super) fn bare(model: &mut dyn Model, plans: &[Plan], watch: &mut Stopwatch) -> Result<()> {
    let prompts: Vec<Step> =
        plans.iter().map(|plan| Step { from: From::Root, tokens: &plan.prompt, rows: Rows::Last }).collect();
    let mut branches: Vec<Branch> = model.extend(&prompts, &mut |_, _, _| ())?;
    watch.start();
    for read in 0.. {
        let step = |(plan, &branch)| {
            let Plan { prompt, .. }: &Plan = plan;
            let token = std::slice::from_ref(&prompt[read % prompt.len()]);
            Step { from: From::Move(branch), tokens: token, rows: Rows::Last }
        };
        let steps: Vec<Step> = plans.iter().zip(&branches).map(step).collect();
        branches = model.extend(&steps, &mut |_, _, _| ())?;
        let flow = watch.lap(branches.len());
        if flow.is_break() || plans.iter().any(|plan| read + 1 == plan.max_tokens) {
            break;
        }
    }
    for branch in branches {
        model.release(branch);
    }
    Ok(())
}

/// A story that ends with its first words, again and again, cannot be measured.
pub(super) fn too_short(mode: super::Mode) -> anyhow::Error {
    anyhow!("cannot measure `{mode}`: the stories end as soon as they begin\nhint: try another prompt")
}
