//! One decode for all: collects what the running stories ask for, and hands out the answers.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use anyhow::{Result, anyhow, ensure};

use super::again::Again;
use super::detokenizing::Heard;
use super::kept::{Beginning, Keep, Kept, Kind};
use super::observer::{Observer, Told};
use super::plan::Plan;
use super::prompt_cache::PromptCache;
use super::prompt_sharing::{Prompts, fork};
use super::request::DecodeRequest;
use super::room::needs;
use super::storyteller::{Settled, Storyteller};
use crate::files::causes;
use crate::model::{Branch, Model, Origin};
use crate::story::StopReason;

/// The most tokens of a prompt that are read in one decode, so that its progress can be seen and it can be interrupted.
pub(super) const CHUNK: usize = 256;

/// Stories that are told together, each under the smallest number that was free when it began.
///
/// Which stories run beside it changes nothing in a story's decisions, only how many decodes they share. Those whose prompts
/// are equal share the prompt too: it is read once, and its cells count once.
pub struct Stories<'m> {
    pub(super) model: &'m mut dyn Model,
    width: usize,
    /// By number; a number without a story is free.
    pub(super) tellers: Vec<Option<Storyteller>>,
    /// Cells and branches that no running story has been promised.
    pub(super) unpromised: (usize, usize),
    /// What each story was promised beside its prompt.
    pub(super) promised: Vec<(usize, usize)>,
    pub(super) prompts: Prompts,
    /// What stays in memory of stories that ended.
    pub(super) kept: Kept,
    /// Where prompts are kept that others may read.
    pub(super) cache: Option<&'m mut dyn PromptCache>,
    /// Whether no story has begun yet: only a new memory takes over what is in the cache.
    pub(super) is_new: bool,
    /// Stories that had a part in a decode that failed, and have told nothing since.
    pub(super) suspects: BTreeSet<usize>,
    /// Stories that nobody listens to now.
    pub(super) resting: BTreeSet<usize>,
    /// Whether those that tell come before those that read.
    tellers_first: bool,
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
            kept: Kept::default(),
            cache: None,
            is_new: true,
            suspects: BTreeSet::new(),
            resting: BTreeSet::new(),
            tellers_first: false,
        }
    }

    /// The same, with so many texts kept in the room that no story is promised.
    #[must_use]
    pub fn keeping(mut self, keep: Keep) -> Self {
        self.kept = Kept::new(keep);
        self
    }

    /// The same, in which a prompt is read with what a decode has room for beside the next tokens of stories that are told: else a
    /// long one may stop them all until it is read. Which decodes a prompt is read in depends on who tells beside it, then.
    #[must_use]
    pub fn tellers_first(mut self) -> Self {
        self.tellers_first = true;
        self
    }

    /// Whether a story can be told at all, as [`Plan::check`] has it for this model.
    ///
    /// # Errors
    /// As there.
    pub fn check(&self, plan: &Plan) -> Result<()> {
        plan.check(self.model.vocabulary())
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
        let plan = plan.within_budget(self.width);
        let prompt = plan.prompt.clone();
        let story = Storyteller::new(plan, self.model.vocabulary())?;
        let number = self.tellers.iter().position(Option::is_none).unwrap_or(self.tellers.len());
        let own = cells - prompt.len();
        let (free_cells, free_branches) = self.unpromised;
        // One branch more may be too much where a prompt read twice is not.
        let open = if story.scores() { None } else { self.prompts.to_share(&prompt) };
        let shared = open.filter(|more| own <= free_cells && branches + more <= free_branches);
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
        self.recall(number);
        // What it takes over it need not find room for.
        self.make_branches();
        if let Err(error) = self.take_over(number) {
            self.fail(number, &error, &mut ());
            return Err(error);
        }
        let gone = self.kept.bound(self.running());
        self.release(gone);
        self.make_room();
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
        let (alone, together): (Vec<usize>, Vec<usize>) = self.attending().partition(|number| self.suspects.contains(number));
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
            self.make_room();
        }
        let left: Vec<usize> = if idle { self.attending().collect() } else { Vec::new() };
        for &number in &left {
            let error = anyhow!("the model has no room left for any of {} stories", left.len());
            self.fail(number, &error, observer);
        }
        for number in 0..self.tellers.len() {
            self.settle(number, observer);
        }
    }

    /// Lets every story that is at its beginning go on from where others have read to: from the end of a prompt that it shares,
    /// or of the longest beginning that is kept. Whether there was one.
    fn share(&mut self, observer: &mut dyn Observer) -> bool {
        let mut shared = false;
        for number in 0..self.tellers.len() {
            let begun = self.share_prompt(number).and_then(|()| self.take_over(number)).and_then(|()| self.go_on(number));
            match begun {
                Ok(false) => continue,
                Ok(true) => self.settle(number, observer),
                Err(error) => self.fail(number, &error, observer),
            }
            shared = true;
        }
        shared
    }

    /// Gives a story the prompt that is kept for it while others of that prompt run, if there is one.
    fn share_prompt(&mut self, number: usize) -> Result<()> {
        let Some(story) = self.tellers[number].as_mut().filter(|story| story.is_bare()) else { return Ok(()) };
        let Some((kept, row)) = self.prompts.kept(number) else { return Ok(()) };
        let prompt = story.counts().prompt;
        let branch = fork(self.model, kept, prompt)?;
        story.begin_behind(branch, prompt, Some(row.to_vec()));
        Ok(())
    }

    /// Gives a story what is kept of its text, if it is not to get it from another one that reads it for both.
    fn take_over(&mut self, number: usize) -> Result<()> {
        if self.kept.is_empty() || self.prompts.waits(number) {
            return Ok(());
        }
        let Some(story) = self.tellers[number].as_mut() else { return Ok(()) };
        let Some((text, most)) = story.unread() else { return Ok(()) };
        if let Some(Beginning { branch, len, row }) = self.kept.take_over(self.model, &text, most)? {
            story.begin_behind(branch, len, row);
        }
        Ok(())
    }

    /// Lets a story go on behind a text that others have read to its end; whether it is there.
    fn go_on(&mut self, number: usize) -> Result<bool> {
        let Some(story) = self.tellers[number].as_mut() else { return Ok(false) };
        let Some((branch, row, is_prompt)) = story.behind() else { return Ok(false) };
        if is_prompt {
            self.prompts.read(number, self.model, branch, &row)?;
        }
        story.go_on_behind(&row).map(|()| true)
    }

    /// Keeps a prompt that this story has read to its end, if prompts are kept and there is a branch for it.
    fn keep_prompt(&mut self, number: usize, branch: Branch, row: &[f32]) -> Result<()> {
        let ([keeps, _], Some(story)) = (self.kept.keeps(), &self.tellers[number]) else { return Ok(()) };
        let (_, branches) = self.owed();
        if keeps && self.model.room().branches > branches {
            let prompt = story.prompt().to_vec();
            let kept = fork(self.model, branch, prompt.len())?;
            let gone = self.kept.keep(Kind::Prompt, prompt, kept, Some(row.to_vec()), self.running());
            self.release(gone);
        }
        Ok(())
    }

    /// Makes the branches that are asked for, and hands them out with their rows.
    fn decode(&mut self, requests: Vec<(usize, DecodeRequest)>, observer: &mut dyn Observer) -> Result<()> {
        if requests.is_empty() {
            return Ok(());
        }
        let answers = self.evaluate(&requests)?;
        let (mut last, alone, all_tell) = (None, requests.len() == 1, self.all_tell(&requests));
        let answers = requests.into_iter().zip(answers);
        if all_tell {
            self.answer_tellers(answers.map(|((number, request), answer)| (number, request, answer)).collect(), observer);
            return Ok(());
        }
        for ((number, request), answer) in answers {
            let branch = answer.branch;
            let Some(story) = self.tellers[number].as_mut() else {
                // It failed over what this very decode told it before.
                self.model.release(branch);
                continue;
            };
            if last.replace(number) != Some(number) {
                story.count_decode();
            }
            let ends_prompt = story.ends_prompt(&request);
            self.remember(number, &request, alone, branch, &answer.row);
            let kept = if ends_prompt { self.prompts.read(number, self.model, branch, &answer.row) } else { Ok(()) };
            let row = (ends_prompt && self.kept.keeps()[0]).then(|| answer.row.clone());
            let Some(story) = self.tellers[number].as_mut() else { continue };
            match kept.and_then(|()| story.answer(request, answer)) {
                Ok(free) => self.release(free),
                Err(error) => {
                    self.fail(number, &error, observer);
                    self.model.release(branch);
                    continue;
                }
            }
            if let Some(row) = row
                && let Err(error) = self.keep_prompt(number, branch, &row)
            {
                self.fail(number, &error, observer);
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
        if self.tellers_first {
            asked.sort_by_key(|(_, requests)| requests.as_slice().first().map_or(0, |request| request.tokens.len()));
        }
        let mut granted = Vec::new();
        loop {
            let before = granted.len();
            for (number, requests) in &mut asked {
                let Some(mut request) = requests.next() else { continue };
                // A branch that moves takes no new one.
                let made = usize::from(!matches!(request.from, Origin::Move(_)));
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
        let Settled { told, free, stop, failed, went_back } = story.settle(self.model.vocabulary());
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
        let failed = failed.or_else(|| if went_back { self.step_back(number).err() } else { None });
        let stop = match failed {
            Some(error) => Some(StopReason::Failed(causes(&error))),
            None => stop.or(flow.is_break().then_some(StopReason::Interrupted)),
        };
        if let Some(stop) = stop {
            self.end(number, stop, unheard, observer);
        }
    }
}
