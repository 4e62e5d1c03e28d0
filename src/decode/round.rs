//! One decode for all: collects what the running stories ask for, and hands out the answers.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use anyhow::{Result, anyhow, ensure};

use super::again::Again;
use super::detokenizing::Heard;
use super::observer::{Observer, Told};
use super::plan::Plan;
use super::prompt_sharing::{Left, Prompts, fork};
use super::request::DecodeRequest;
use super::room::needs;
use super::storyteller::{Settled, Storyteller};
use crate::files::causes;
use crate::model::{Branch, From, Model, Step};
use crate::story::StopReason;

/// The most tokens of a prompt that are read in one decode, so that its progress can be seen and it can be interrupted.
pub(super) const CHUNK: usize = 256;

/// Stories that are told together, each under the smallest number that was free when it began.
///
/// Which stories run beside it changes nothing in a story's decisions, only how many decodes they share. Those whose prompts
/// are equal share the prompt too: it is read once, and its cells count once.
pub struct Stories<'m> {
    model: &'m mut dyn Model,
    width: usize,
    /// By number; a number without a story is free.
    tellers: Vec<Option<Storyteller>>,
    /// Cells and branches that no running story has been promised.
    unpromised: (usize, usize),
    /// What each story was promised beside its prompt.
    promised: Vec<(usize, usize)>,
    prompts: Prompts,
    /// Stories that had a part in a decode that failed, and have told nothing since.
    suspects: BTreeSet<usize>,
}

impl<'m> Stories<'m> {
    /// No story yet, on this model, whose free room is theirs. `width`, at least 1, is how many candidates of a story are
    /// looked at in one decode: it changes the cost and not the decisions.
    pub fn new(model: &'m mut dyn Model, width: usize) -> Self {
        let room = model.room();
        Self {
            model,
            width: width.max(1),
            tellers: Vec::new(),
            unpromised: (room.cells, room.branches),
            promised: Vec::new(),
            prompts: Prompts::default(),
            suspects: BTreeSet::new(),
        }
    }

    /// Takes a story in and reserves all the room that it can come to need, so that none ends because of its neighbours;
    /// returns its number: the smallest that no story has.
    ///
    /// Where a story runs that has the same prompt and shares it, or has not read it yet, the prompt is shared.
    ///
    /// # Errors
    /// A plan that cannot be told, as [`Plan::check`] has it, or not enough room beside the stories that run.
    pub fn begin(&mut self, plan: Plan) -> Result<usize> {
        let (cells, branches) = needs(&plan, self.width);
        let prompt = plan.prompt.clone();
        let story = Storyteller::new(plan, self.model.lexicon())?;
        let number = self.tellers.iter().position(Option::is_none).unwrap_or(self.tellers.len());
        let own = cells - prompt.len();
        let (free_cells, free_branches) = self.unpromised;
        // One branch more may be too much where a prompt read twice is not.
        let shared = self.prompts.to_share(&prompt).filter(|more| own <= free_cells && branches + more <= free_branches);
        self.unpromised = if let Some(more) = shared {
            self.prompts.share(&prompt, number);
            (free_cells - own, free_branches - branches - more)
        } else {
            ensure!(
                cells <= free_cells && branches <= free_branches,
                "the story needs room for {cells} tokens and {branches} branches, but only {free_cells} and {free_branches} are free"
            );
            self.prompts.begin(&prompt, number);
            (free_cells - cells, free_branches - branches)
        };
        if number == self.tellers.len() {
            self.tellers.push(None);
            self.promised.push((0, 0));
        }
        (self.promised[number], self.tellers[number]) = ((own, branches), Some(story));
        Ok(number)
    }

    /// Leads a story, which has begun and told nothing, along the way that it was told before.
    pub(super) fn lead(&mut self, number: usize, again: Again) {
        if let Some(story) = self.tellers.get_mut(number).and_then(Option::as_mut) {
            *story.again() = Some(again);
        }
    }

    /// How many stories have not ended.
    #[must_use]
    pub fn running(&self) -> usize {
        self.tellers.iter().flatten().count()
    }

    /// One decode for all running stories, and all that follows from it. Call it until [`Stories::running`] is 0.
    ///
    /// Where the decode fails, each story that had a part in it reads its text again and is decoded by itself until it has
    /// told its next token; one that fails by itself has failed, and disturbs no other. Where there is no room for any, all
    /// have failed.
    pub fn round(&mut self, observer: &mut dyn Observer) {
        let shared = self.share(observer);
        let (alone, together): (Vec<usize>, Vec<usize>) =
            (0..self.tellers.len()).partition(|number| self.suspects.contains(number));
        let groups = std::iter::once(together).chain(alone.into_iter().map(|number| vec![number]));
        let mut idle = !shared;
        for group in groups {
            let requests = self.collect(&group);
            idle &= requests.is_empty();
            let mut involved: Vec<usize> = requests.iter().map(|(number, _)| *number).collect();
            involved.dedup();
            let Err(error) = self.decode(requests, observer) else { continue };
            if let [only] = involved[..] {
                self.fail(only, &error, observer);
                continue;
            }
            for number in involved {
                let branches = self.tellers[number].as_mut().map(Storyteller::read_again);
                self.release(branches.unwrap_or_default());
                self.suspects.insert(number);
            }
        }
        if idle && self.running() > 0 {
            let error = anyhow!("the model has no room left for any of {} stories", self.running());
            (0..self.tellers.len()).for_each(|number| self.fail(number, &error, observer));
        }
        for number in 0..self.tellers.len() {
            self.settle(number, observer);
        }
    }

    /// Gives every story that is at its beginning the prompt that is kept for it, and lets it go on from there; whether there
    /// was one.
    fn share(&mut self, observer: &mut dyn Observer) -> bool {
        let mut shared = false;
        for number in 0..self.tellers.len() {
            let Some(story) = self.tellers[number].as_mut().filter(|story| story.is_bare()) else { continue };
            let Some((kept, row)) = self.prompts.kept(number) else { continue };
            let begun = fork(self.model, kept, story.counts().prompt).and_then(|branch| story.begin_behind(branch, row));
            match begun {
                Ok(()) => self.settle(number, observer),
                Err(error) => self.fail(number, &error, observer),
            }
            shared = true;
        }
        shared
    }

    /// Makes the branches that are asked for, and hands them out with their rows.
    fn decode(&mut self, requests: Vec<(usize, DecodeRequest)>, observer: &mut dyn Observer) -> Result<()> {
        if requests.is_empty() {
            return Ok(());
        }
        let steps: Vec<Step> = requests.iter().map(|(_, request)| request.step()).collect();
        let mut rows: Vec<Vec<f32>> = vec![Vec::new(); steps.len()];
        let branches = self.model.extend(&steps, &mut |step, _, row| rows[step] = row.to_vec())?;

        let mut last = None;
        for (((number, request), branch), row) in requests.into_iter().zip(branches).zip(rows) {
            let Some(story) = self.tellers[number].as_mut() else {
                // It failed over what this very decode told it before.
                self.model.release(branch);
                continue;
            };
            if last.replace(number) != Some(number) {
                story.count_decode();
            }
            let ends_prompt = story.ends_prompt(&request);
            let kept = if ends_prompt { self.prompts.read(number, self.model, branch, &row) } else { Ok(()) };
            match kept.and_then(|()| story.answer(request, branch, row)) {
                Ok(free) => self.release(free),
                Err(error) => {
                    self.fail(number, &error, observer);
                    self.model.release(branch);
                }
            }
            self.tell_reading(number, observer);
        }
        Ok(())
    }

    /// Tells how far a text is read, if it is.
    fn tell_reading(&mut self, number: usize, observer: &mut dyn Observer) {
        let Some((read, of)) = self.tellers[number].as_ref().and_then(Storyteller::reading) else { return };
        if observer.reading(number, read, of).is_break() {
            self.end(number, StopReason::Interrupted, Heard::default(), observer);
        }
    }

    /// What these stories ask for next, as much of it as one decode holds. Every story that has a part gets its first request
    /// before any gets a second.
    fn collect(&self, numbers: &[usize]) -> Vec<(usize, DecodeRequest)> {
        let room = self.model.room();
        let (mut tokens, mut branches) = (room.batch, room.branches);
        let mut asked: Vec<(usize, std::vec::IntoIter<DecodeRequest>)> = Vec::new();
        for &number in numbers {
            let Some(story) = &self.tellers[number] else { continue };
            // Who has no trunk and need not read its prompt gets it at the beginning of the next round.
            let served = story.is_bare() && self.prompts.kept(number).is_some();
            if !served && !self.prompts.waits(number) {
                asked.push((number, story.requests(self.width, CHUNK.min(room.batch)).into_iter()));
            }
        }
        let mut granted = Vec::new();
        loop {
            let before = granted.len();
            for (number, requests) in &mut asked {
                let Some(mut request) = requests.next() else { continue };
                // A branch that moves takes no new one.
                let made = usize::from(!matches!(request.from, From::Move(_)));
                if tokens > 0 && made <= branches {
                    // Only a part of a prompt is longer than one token; a shorter part serves as well.
                    request.tokens.truncate(tokens);
                    tokens -= request.tokens.len();
                    branches -= made;
                    granted.push((*number, request));
                }
            }
            if granted.len() == before {
                break;
            }
        }
        // The answers of one story stand together and keep their order.
        granted.sort_by_key(|(number, _)| *number);
        granted
    }

    /// Lets a story decide what it can.
    fn settle(&mut self, number: usize, observer: &mut dyn Observer) {
        let Some(story) = self.tellers[number].as_mut() else { return };
        let Settled { told, free, stop, failed } = story.settle(self.model.lexicon());
        let counts = story.counts();
        if !told.is_empty() {
            self.suspects.remove(&number);
        }
        self.release(free);
        let (mut flow, mut unheard) = (ControlFlow::Continue(()), Heard::default());
        for (draw, heard) in told {
            if flow.is_break() {
                unheard.push(heard);
            } else {
                let Heard { text, parts } = &heard;
                flow = observer.told(number, &Told { draw: &draw, text, parts, counts });
            }
        }
        let stop = match failed {
            Some(error) => Some(StopReason::Failed(causes(&error))),
            None => stop.or(flow.is_break().then_some(StopReason::Interrupted)),
        };
        if let Some(stop) = stop {
            self.end(number, stop, unheard, observer);
        }
    }

    /// Ends a story as interrupted; what is told of it is kept. A number that no story has is ignored.
    pub fn cancel(&mut self, number: usize, observer: &mut dyn Observer) {
        if number < self.tellers.len() {
            self.end(number, StopReason::Interrupted, Heard::default(), observer);
        }
    }

    /// Ends every story that still runs, as interrupted.
    pub fn interrupt(&mut self, observer: &mut dyn Observer) {
        (0..self.tellers.len()).for_each(|number| self.cancel(number, observer));
    }

    fn fail(&mut self, number: usize, error: &anyhow::Error, observer: &mut dyn Observer) {
        self.end(number, StopReason::Failed(causes(error)), Heard::default(), observer);
    }

    /// Ends a story, if there is one, and gives its room back.
    fn end(&mut self, number: usize, stop: StopReason, unheard: Heard, observer: &mut dyn Observer) {
        let Some(story) = self.tellers[number].take() else { return };
        let (ended, branches) = story.end(stop, unheard);
        self.release(branches);
        let (cells, branches) = std::mem::take(&mut self.promised[number]);
        let left: Left = self.prompts.leave(number);
        self.release(left.kept.into_iter().collect());
        let (free_cells, free_branches) = self.unpromised;
        self.unpromised = (free_cells + cells + left.cells, free_branches + branches + left.branches);
        self.suspects.remove(&number);
        observer.ended(number, ended);
    }

    fn release(&mut self, branches: Vec<Branch>) {
        for branch in branches {
            self.model.release(branch);
        }
    }
}

/// The model gets back what stories hold of it, even where they have not ended.
impl Drop for Stories<'_> {
    fn drop(&mut self) {
        self.interrupt(&mut ());
    }
}
