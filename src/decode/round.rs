//! One decode for all: collects what the running stories want, and hands out the answers.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};

use super::plan::{Counts, Plan, Told};
use super::sharing::{Left, Prompts, fork};
use super::storyteller::{Settled, Storyteller, Want};
use crate::model::{Branch, From, Model, Step};
use crate::prob::Token;
use crate::sampler::Draw;
use crate::story::StopReason;

/// The most tokens of a prompt that are read in one decode, so that its progress can be seen and it can be interrupted.
pub(super) const CHUNK: usize = 256;

/// What happened, to the story with this number.
#[derive(Debug)]
pub enum Event<'a> {
    /// So many tokens of the text have been read: of the prompt, or of all that was told after a decode that failed. A prompt
    /// that stories share is read by the first of them.
    Read {
        /// The story's number.
        story: usize,
        /// Tokens read.
        read: usize,
        /// Tokens of the text in all.
        of: usize,
    },
    /// A token was told.
    Told {
        /// The story's number.
        story: usize,
        /// The decision.
        draw: &'a Draw,
        /// The text that it let appear: often its piece, nothing while a character or a possible stop string is incomplete.
        text: &'a str,
        /// What the story has cost up to this decode.
        counts: Counts,
    },
    /// The story ended.
    Ended {
        /// The story's number.
        story: usize,
        /// The text that had been held back.
        rest: &'a str,
        /// The story.
        told: &'a Told,
    },
    /// The story cannot go on.
    Failed {
        /// The story's number.
        story: usize,
        /// The text that had been held back.
        rest: &'a str,
        /// Why.
        error: anyhow::Error,
    },
}

/// Stories that are told together.
///
/// Which stories run beside it changes nothing in a story's decisions, only how many decodes they share. Those whose prompts
/// are equal share the prompt too: it is read once, and its cells count once.
pub struct Stories<'m> {
    model: &'m mut dyn Model,
    width: usize,
    tellers: Vec<Storyteller>,
    /// Cells and branches that no running story has been promised.
    unpromised: (usize, usize),
    /// What each story was promised beside its prompt.
    promised: Vec<(usize, usize)>,
    prompts: Prompts,
    /// Stories that had a part in a decode that failed, and have told nothing since.
    suspects: BTreeSet<usize>,
    /// Numbers whose stories were taken out, free for others.
    vacant: BTreeSet<usize>,
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
            vacant: BTreeSet::new(),
        }
    }

    /// The cells and branches in which any one of these plans can be told.
    #[must_use]
    pub fn room_for(plans: &[Plan], width: usize) -> (usize, usize) {
        let needs = plans.iter().map(|plan| Storyteller::needs(plan, width.max(1)));
        needs.fold((1, 1), |(cells, branches), need| (cells.max(need.0), branches.max(need.1)))
    }

    /// The cells and branches in which all of these plans can be told together. The cells of a prompt that several of them
    /// share count once; a branch more keeps it for them.
    #[must_use]
    pub fn room_for_all(plans: &[Plan], width: usize) -> (usize, usize) {
        let mut prompts: BTreeMap<&[Token], usize> = BTreeMap::new();
        let (mut cells, mut branches) = (0_usize, 0_usize);
        for plan in plans {
            let need = Storyteller::needs(plan, width.max(1));
            *prompts.entry(&plan.prompt).or_default() += 1;
            cells = cells.saturating_add(need.0.saturating_sub(plan.prompt.len()));
            branches = branches.saturating_add(need.1);
        }
        let (read, kept) = (prompts.keys().map(|prompt| prompt.len()).sum(), prompts.values().filter(|&&by| by > 1).count());
        (cells.saturating_add(read).max(1), branches.saturating_add(kept).max(1))
    }

    /// Takes a story in and reserves all the room that it can come to need, so that none ends because of its neighbours;
    /// returns its number: the smallest that no story has.
    ///
    /// Where a story runs that has the same prompt and shares it, or has not read it yet, the prompt is shared.
    ///
    /// # Errors
    /// A plan that cannot be told: an empty prompt, one that leaves no room in the context, a sampler that does not fit the
    /// vocabulary, or not enough room beside the stories that run.
    pub fn begin(&mut self, plan: Plan) -> Result<usize> {
        let (cells, branches) = Storyteller::needs(&plan, self.width);
        let prompt = plan.prompt.clone();
        let story = Storyteller::new(plan, self.model.lexicon())?;
        let number = self.vacant.first().copied().unwrap_or(self.tellers.len());
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
        if self.vacant.remove(&number) {
            (self.promised[number], self.tellers[number]) = ((own, branches), story);
        } else {
            self.promised.push((own, branches));
            self.tellers.push(story);
        }
        Ok(number)
    }

    /// The story with this number, which has begun.
    pub(super) fn teller(&mut self, number: usize) -> &mut Storyteller {
        &mut self.tellers[number]
    }

    /// How many stories have not ended.
    #[must_use]
    pub fn running(&self) -> usize {
        self.tellers.iter().filter(|story| story.is_running()).count()
    }

    /// One decode for all running stories, and all that follows from it. Call it until [`Stories::running`] is 0.
    ///
    /// Where the decode fails, each story that had a part in it reads its text again and is decoded by itself until it has
    /// told its next token; one that fails by itself has failed, and disturbs no other.
    ///
    /// # Errors
    /// No story can go on, for want of room.
    pub fn round(&mut self, listener: &mut dyn FnMut(Event)) -> Result<()> {
        let shared = self.share(listener);
        let (alone, together): (Vec<usize>, Vec<usize>) =
            (0..self.tellers.len()).partition(|number| self.suspects.contains(number));
        let groups = std::iter::once(together).chain(alone.into_iter().map(|number| vec![number]));
        let mut idle = !shared;
        for group in groups {
            let wants = self.collect(&group);
            idle &= wants.is_empty();
            let mut involved: Vec<usize> = wants.iter().map(|(number, _)| *number).collect();
            involved.dedup();
            let Err(error) = self.decode(wants, listener) else { continue };
            if let [only] = involved[..] {
                self.fail(only, error, listener);
                continue;
            }
            for number in involved {
                let branches = self.tellers[number].read_again();
                self.release(branches);
                self.suspects.insert(number);
            }
        }
        ensure!(!idle || self.running() == 0, "the model has no room left for any of {} stories", self.running());
        for number in 0..self.tellers.len() {
            self.settle(number, listener);
        }
        Ok(())
    }

    /// Gives every story that is at its beginning the prompt that is kept for it, and lets it go on from there; whether there
    /// was one.
    fn share(&mut self, listener: &mut dyn FnMut(Event)) -> bool {
        let mut shared = false;
        for number in 0..self.tellers.len() {
            let story = &mut self.tellers[number];
            let Some((kept, row)) = self.prompts.kept(number).filter(|_| story.is_bare()) else { continue };
            let begun = fork(self.model, kept, story.told().counts.prompt).and_then(|branch| story.begin_behind(branch, row));
            match begun {
                Ok(()) => self.settle(number, listener),
                Err(error) => self.fail(number, error, listener),
            }
            shared = true;
        }
        shared
    }

    /// Makes the branches that are wanted, and hands them out with their rows.
    fn decode(&mut self, wants: Vec<(usize, Want)>, listener: &mut dyn FnMut(Event)) -> Result<()> {
        if wants.is_empty() {
            return Ok(());
        }
        let steps: Vec<Step> = wants.iter().map(|(_, want)| want.step()).collect();
        let mut rows: Vec<Vec<f32>> = vec![Vec::new(); steps.len()];
        let branches = self.model.extend(&steps, &mut |step, _, row| rows[step] = row.to_vec())?;

        let mut last = None;
        for (((number, want), branch), row) in wants.into_iter().zip(branches).zip(rows) {
            let story = &mut self.tellers[number];
            if last.replace(number) != Some(number) {
                story.count_decode();
            }
            let ends_prompt = story.ends_prompt(&want);
            let kept = if ends_prompt { self.prompts.read(number, self.model, branch, &row) } else { Ok(()) };
            match kept.and_then(|()| story.answer(want, branch, row)) {
                Ok(free) => self.release(free),
                Err(error) => {
                    self.fail(number, error, listener);
                    self.model.release(branch);
                }
            }
            if let Some((read, of)) = self.tellers[number].reading() {
                listener(Event::Read { story: number, read, of });
            }
        }
        Ok(())
    }

    /// What these stories want next, as much of it as one decode holds. Every story that has a part gets its first wish before
    /// any gets a second.
    fn collect(&self, numbers: &[usize]) -> Vec<(usize, Want)> {
        let room = self.model.room();
        let (mut tokens, mut branches) = (room.batch, room.branches);
        let mut wishes: Vec<(usize, std::vec::IntoIter<Want>)> = Vec::new();
        // Who has no trunk and need not read its prompt gets it at the beginning of the next round.
        let served = |number| self.prompts.kept(number).is_some() && self.tellers[number].is_bare();
        for &number in numbers.iter().filter(|&&number| !self.prompts.waits(number) && !served(number)) {
            wishes.push((number, self.tellers[number].wants(self.width, CHUNK.min(room.batch)).into_iter()));
        }
        let mut wants = Vec::new();
        loop {
            let before = wants.len();
            for (number, wish) in &mut wishes {
                let Some(mut want) = wish.next() else { continue };
                // A branch that moves takes no new one.
                let made = usize::from(!matches!(want.from, From::Move(_)));
                if tokens > 0 && made <= branches {
                    // Only a part of a prompt is longer than one token; a shorter part serves as well.
                    want.tokens.truncate(tokens);
                    tokens -= want.tokens.len();
                    branches -= made;
                    wants.push((*number, want));
                }
            }
            if wants.len() == before {
                break;
            }
        }
        // The answers of one story stand together and keep their order.
        wants.sort_by_key(|(number, _)| *number);
        wants
    }

    /// Lets a story decide what it can.
    fn settle(&mut self, number: usize, listener: &mut dyn FnMut(Event)) {
        let was_running = self.tellers[number].is_running();
        let Settled { told, free, failed } = self.tellers[number].settle(self.model.lexicon());
        if !told.is_empty() {
            self.suspects.remove(&number);
        }
        let counts = self.tellers[number].told().counts;
        for (draw, text) in &told {
            listener(Event::Told { story: number, draw, text, counts });
        }
        self.release(free);
        if let Some(error) = failed {
            self.fail(number, error, listener);
        } else if was_running && !self.tellers[number].is_running() {
            let stop = self.tellers[number].told().stop.clone();
            self.end(number, stop, listener);
        }
    }

    /// Ends every story that still runs.
    pub fn interrupt(&mut self, listener: &mut dyn FnMut(Event)) {
        for number in 0..self.tellers.len() {
            if self.tellers[number].is_running() {
                self.end(number, Some(StopReason::Interrupted), listener);
            }
        }
    }

    /// Takes out a story that has ended, so that nothing of it stays in memory; `None` while it runs, and where there is none.
    /// Its number is then free for another.
    pub fn take(&mut self, number: usize) -> Option<Told> {
        let story = self.tellers.get_mut(number).filter(|story| !story.is_running())?;
        self.suspects.remove(&number);
        self.vacant.insert(number).then(|| story.give())
    }

    /// All stories that were not taken out, in the order of their numbers; those that have not ended end here, without a stop reason.
    #[must_use]
    pub fn finish(mut self) -> Vec<Told> {
        for number in 0..self.tellers.len() {
            if self.tellers[number].is_running() {
                self.free(number, None);
            }
        }
        let vacant = self.vacant;
        let stays = |(number, _): &(usize, Storyteller)| !vacant.contains(number);
        self.tellers.into_iter().enumerate().filter(stays).map(|(_, story)| story.into_told()).collect()
    }

    fn end(&mut self, number: usize, stop: Option<StopReason>, listener: &mut dyn FnMut(Event)) {
        let rest = self.free(number, stop);
        listener(Event::Ended { story: number, rest: &rest, told: self.tellers[number].told() });
    }

    fn fail(&mut self, number: usize, error: anyhow::Error, listener: &mut dyn FnMut(Event)) {
        let rest = self.free(number, None);
        listener(Event::Failed { story: number, rest: &rest, error });
    }

    /// Ends a story and gives its room back; returns the text that had been held back.
    fn free(&mut self, number: usize, stop: Option<StopReason>) -> String {
        let (rest, branches) = self.tellers[number].end(stop);
        self.release(branches);
        let (cells, branches) = std::mem::take(&mut self.promised[number]);
        let left: Left = self.prompts.leave(number);
        self.release(left.kept.into_iter().collect());
        let (free_cells, free_branches) = self.unpromised;
        self.unpromised = (free_cells + cells + left.cells, free_branches + branches + left.branches);
        rest
    }

    fn release(&mut self, branches: Vec<Branch>) {
        for branch in branches {
            self.model.release(branch);
        }
    }
}
