//! One story: what it wants to know next, and what it does with the answer.

use std::borrow::Cow;

use anyhow::Result;

use super::again::Again;
use super::banning::Banning;
use super::detokenizing::{Detokenizing, Heard};
use super::healing::Healing;
use super::loop_detector::LoopDetector;
use super::observer::Ended;
use super::plan::{Completion, Counts, Plan};
use super::request::{Answer, DecodeRequest, Known, Purpose, drop_lost};
use crate::bans::Watch;
use crate::model::{Branch, Origin, Vocabulary};
use crate::prob::{Noise, Token};
use crate::sampler::{Ask, BoundSampler, Carried, Draw, History, TokenPath, Turn, Without};
use crate::story::{Banned, StopReason};

mod hearing;
mod reading;

#[derive(Debug)]
enum Phase {
    /// So many tokens of what the model is to see are in the trunk: of the prompt, or of the story too where its trunk was
    /// lost or the context shifted.
    Reading(usize),
    /// A turn wants to look at these paths, none of them known.
    Choosing(Box<Turn>, Vec<TokenPath>),
    /// The token told last is not in the trunk yet.
    Stepping(Token),
}

/// What came of settling.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// What was told: each draw with the text that it let appear.
    pub told: Vec<(Draw, Heard)>,
    /// Branches that nobody needs any more.
    pub free: Vec<Branch>,
    /// The story is over: what was told before it stays told.
    pub stop: Option<StopReason>,
    /// A row that no decision can be made from.
    pub failed: Option<anyhow::Error>,
    /// Whether it went back, so that its trunk may hold more than its text.
    pub went_back: bool,
}

/// The state of one story that has not ended.
#[derive(Debug)]
pub(super) struct Storyteller {
    plan: Plan,
    sampler: BoundSampler,
    noise: Noise,
    history: History,
    /// How many of the oldest tokens of the story the model no longer sees.
    dropped: usize,
    loops: LoopDetector,
    healing: Healing,
    /// Bytes that the next tokens spell of the writer's own text: they are not told.
    own: usize,
    detokenizing: Detokenizing,
    trunk: Option<Branch>,
    /// Tokens of its text that the trunk holds.
    held: usize,
    /// The row behind all of its text, where others have read it and it has not gone on from there.
    behind: Option<Vec<f32>>,
    known: Vec<Known>,
    phase: Phase,
    /// The surprisals of the tokens that were told before and the entropies of their rows, as far as they are scored, where that is
    /// to be done.
    scores: Option<Vec<[f64; 2]>>,
    text: String,
    log_p: f64,
    counts: Counts,
    cached_tokens: usize,
    /// Whether all of its text that was read was read in chunks from the first token on, with nothing beside it.
    in_chunks: bool,
    /// Where the story was told before.
    again: Option<Again>,
    /// What it is not to say.
    banning: Option<Banning>,
}

impl Storyteller {
    /// A story before its first word.
    ///
    /// # Errors
    /// As [`Plan::check`].
    pub fn new(mut plan: Plan, vocabulary: &Vocabulary) -> Result<Self> {
        plan.check(vocabulary)?;
        let carried = plan.continuation.carried.take();
        let (origin, told) = (plan.origin(), plan.continuation.told);
        let before = &plan.prompt[origin.len()..];
        let bytes = vocabulary.bytes(before);
        let loops = LoopDetector::behind(before);
        let healing = Healing::new(&plan.heal, vocabulary).behind(plan.continuation.before_heal);
        let own = healing.left(before);
        let line = vocabulary.last_line(&plan.prompt) + &String::from_utf8_lossy(own);
        // Who hands on surprisals alone is of a time when nothing followed the entropies.
        let known = carried.as_ref().is_some_and(|carried| carried.entropies.len() == carried.surprisals.len());
        let asked = plan.continuation.scored || !known && plan.sampler.chain().follows_surprisal();
        let scores = (asked && told > 0).then(Vec::new);
        Ok(Self {
            sampler: plan.sampler.bind(vocabulary)?,
            noise: Noise::new(plan.seed, origin),
            history: History::of_text(&plan.prompt, told).planning(plan.planned()).carrying(carried.unwrap_or_default()),
            dropped: 0,
            loops,
            detokenizing: Detokenizing::new(&bytes, plan.stops.clone()).to(plan.to, &line),
            own: own.len(),
            healing,
            trunk: None,
            held: 0,
            behind: None,
            known: Vec::new(),
            phase: Phase::Reading(0),
            scores,
            text: String::new(),
            log_p: 0.0,
            cached_tokens: 0,
            in_chunks: true,
            counts: Counts { prompt: plan.prompt.len(), ..Counts::default() },
            again: None,
            banning: {
                let before = || vocabulary.bytes(&plan.prompt);
                plan.sampler.bans().map(|bans| Banning::new(bans, &before(), plan.continuation.time))
            },
            plan,
        })
    }

    /// The way that it is led, where it was told before; before its first word it can be given one.
    pub fn again(&mut self) -> &mut Option<Again> {
        &mut self.again
    }

    /// What it goes on from.
    pub fn prompt(&self) -> &[Token] {
        &self.plan.prompt
    }

    /// What it has cost so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The tokens of this telling.
    fn told(&self) -> &[Token] {
        &self.history.text()[self.plan.prompt.len()..]
    }

    /// The tokens of the story, those told before among them.
    fn story(&self) -> &[Token] {
        self.history.told()
    }

    /// The story at its end, with the branches that it held. `unheard` is what nobody heard of the text that it told last.
    pub fn end(mut self, stop: StopReason, mut unheard: Heard) -> (Ended, Vec<Branch>) {
        let branches = self.branches();
        self.forget_undecided();
        let held = self.detokenizing.finish();
        self.text.push_str(&held.text);
        unheard.push(held);
        let (rest, parts) = (unheard.text, unheard.parts);
        let (tokens, carried) = (self.told().to_vec(), self.history.carried());
        let Self { text, log_p, counts, cached_tokens, banning, .. } = self;
        let banned = banning.map_or(Banned::default(), Banning::finish);
        let completion = Completion { tokens, text, stop, log_p, counts, cached_tokens, carried, banned };
        (Ended { plan: self.plan, completion, rest, parts, again: self.again }, branches)
    }

    /// Decides whatever can be decided with what is known.
    pub fn settle(&mut self, vocabulary: &Vocabulary) -> Settled {
        let mut settled = Settled::default();
        while settled.stop.is_none()
            && settled.failed.is_none()
            && let Phase::Choosing(turn, looks) = &mut self.phase
        {
            match turn.ask() {
                Ask::Take(draw) => settled.failed = self.take(draw, vocabulary, &mut settled).err(),
                Ask::Look(paths) => {
                    let (known, unknown): (Vec<TokenPath>, Vec<TokenPath>) =
                        paths.into_iter().partition(|path| self.known.iter().any(|known| known.path == *path));
                    if known.is_empty() {
                        *looks = unknown;
                        break;
                    }
                    for known in self.known.iter().filter(|one| known.contains(&one.path)) {
                        if let Some(again) = &mut self.again {
                            again.see(self.history.text().len() - self.plan.prompt.len(), &known.path, &known.row);
                        }
                        turn.learn(&known.path, &known.row);
                    }
                    settled.free.extend(drop_lost(turn, &mut self.known));
                }
            }
        }
        settled
    }

    /// Tells the drawn token and moves the trunk to it, if it has been looked at.
    fn take(&mut self, draw: Draw, vocabulary: &Vocabulary, settled: &mut Settled) -> Result<()> {
        let step = self.told().len();
        let draw = match &mut self.again {
            Some(again) => again.keep(step, draw),
            None => draw,
        };
        let token = draw.token;
        let back = self.hear(draw, vocabulary, settled);
        let to = self.told().len();
        if let Some(again) = &mut self.again {
            if back.is_some() {
                again.go_back(to);
            }
            if again.is_over() {
                // All that was to be seen has been seen.
                settled.stop.get_or_insert(StopReason::Interrupted);
                return Ok(());
            }
        }
        if let Some(row) = back {
            settled.went_back = true;
            settled.free.extend(self.known.drain(..).map(|known| known.branch));
            return self.choose(row);
        }
        if settled.stop.is_some() {
            return Ok(());
        }
        if self.seen() >= self.plan.context {
            settled.free.extend(self.shift_context());
            return Ok(());
        }
        self.phase = Phase::Stepping(token);
        let (below, beside): (Vec<Known>, Vec<Known>) = self.known.drain(..).partition(|known| known.path.0[0] == token);
        settled.free.extend(beside.into_iter().map(|known| known.branch));
        for mut known in below {
            known.path.0.remove(0);
            if known.path.0.is_empty() {
                settled.free.extend(self.trunk.replace(known.branch));
                self.held += 1;
                self.choose(known.row)?;
            } else {
                self.known.push(known);
            }
        }
        Ok(())
    }

    /// Adds a token to the story; returns why the story ends with it, if it does.
    fn tell(&mut self, draw: Draw, vocabulary: &Vocabulary, told: &mut Vec<(Draw, Heard)>) -> Option<StopReason> {
        let token = draw.token;
        self.log_p += draw.log_p;
        let (number, ended) = (self.counts.tokens, vocabulary.ends(token));
        self.counts.tokens += 1;
        let piece = if ended { &[] } else { vocabulary.piece(token) };
        let (own, piece) = piece.split_at(self.own.min(piece.len()));
        self.own -= own.len();
        let (mut heard, stop) = self.detokenizing.push(number, piece, self.counts.tokens >= self.plan.max_tokens);
        let unheard = self.banning.as_ref().map_or(0, Banning::undecided);
        let story = &self.history.told()[..self.history.step() - unheard];
        let loops = self.loops.hear(story) && self.plan.stop_on_loop;
        let mut stop = match stop {
            _ if ended => Some(StopReason::End),
            Some(stop) => Some(stop),
            None if self.counts.tokens >= self.plan.most_tokens() => Some(StopReason::Tokens),
            None if loops => Some(StopReason::Loop),
            None if self.seen() - unheard >= self.plan.context && !self.plan.context_shift => Some(StopReason::Context),
            None => None,
        };
        // Where there is no token more to show that a sentence has ended, one that seems to has.
        if matches!(stop, Some(StopReason::Tokens | StopReason::Context))
            && self.counts.tokens >= self.plan.max_tokens
            && let Some((rest, whole)) = self.detokenizing.end_here()
        {
            heard.push(rest);
            stop = Some(whole);
        }
        self.text.push_str(&heard.text);
        told.push((draw, heard));
        stop
    }

    /// Begins the turn for this row.
    fn choose(&mut self, row: Vec<f32>) -> Result<()> {
        if let Some(scores) = self.scores.take() {
            let [surprisals, entropies] = [0, 1].map(|of| scores.iter().map(|score| score[of]).collect());
            let feedback = self.history.carried().feedback;
            self.history = self.history.clone().carrying(Carried { surprisals, entropies, feedback });
        }
        let step = self.told().len();
        let fitting = self.healing.fitting(&row, self.story());
        let other = self.again.as_mut().and_then(|again| again.meet(step, &fitting));
        let (is_other, sampler) = (other.is_some(), other.unwrap_or(&self.sampler));
        let (mut without, mut noise) = (Without::default(), self.noise);
        if let Some(banning) = &mut self.banning {
            (without, noise) = banning.meet(self.history.step(), self.noise);
        }
        let (bans, own) = (sampler.sampler().bans(), self.sampler.sampler().bans());
        if is_other && bans != own {
            // Who looks closely asks what if something else were not to be said.
            without.ahead = bans.map(|bans| Watch::behind(bans, &sampler.vocabulary().bytes(self.history.text())));
        }
        let turn = sampler.turn_without(&self.history, &fitting, noise, without)?;
        if let Some(banning) = &mut self.banning {
            banning.keep(row);
        }
        self.phase = Phase::Choosing(Box::new(turn), Vec::new());
        Ok(())
    }

    /// The branches that the story wants next, the most urgent first: at most `width` candidates, at most `chunk` tokens of
    /// the prompt.
    pub fn requests(&self, width: usize, chunk: usize) -> Vec<DecodeRequest> {
        let trunk = |from: fn(Branch) -> Origin| self.trunk.map_or(Origin::Root, from);
        match &self.phase {
            Phase::Reading(read) => vec![self.reading_on(*read, chunk)],
            Phase::Stepping(token) => {
                vec![DecodeRequest { from: trunk(Origin::Move), tokens: vec![*token], purpose: Purpose::Trunk, scored: false }]
            }
            Phase::Choosing(turn, looks) => {
                let look = |path: &TokenPath| {
                    let (last, before) = path.0.split_last()?;
                    let parent = self.known.iter().find(|known| known.path.0 == before);
                    let from = parent.map_or(trunk(Origin::Fork), |known| Origin::Fork(known.branch));
                    Some(DecodeRequest { from, tokens: vec![*last], purpose: Purpose::Look(path.clone()), scored: false })
                };
                // A turn that needs all candidates gets them in as few decodes as there can be. One that only shows them keeps
                // the width, for a batch of another width has other bits, and the story would not be the one that is shown.
                let width = if turn.decides_by_all() { usize::MAX } else { width };
                looks.iter().filter_map(look).take(width).collect()
            }
        }
    }

    /// Takes in what it asked for; returns the branches that nobody needs any more.
    ///
    /// # Errors
    /// A row that no decision can be made from.
    pub fn answer(&mut self, request: DecodeRequest, answer: Answer) -> Result<Vec<Branch>> {
        let Answer { branch, row, scores: scored } = answer;
        let path = match request.purpose {
            Purpose::Trunk => {
                (self.trunk, self.held) = (Some(branch), self.held + request.tokens.len());
                if let Some(scores) = &mut self.scores {
                    scores.extend(scored);
                }
                if let Phase::Reading(read) = &mut self.phase {
                    *read += request.tokens.len();
                    let read = *read;
                    if read < self.seen() {
                        return Ok(Vec::new());
                    }
                }
                self.counts.evaluations += 1;
                return self.choose(row).map(|()| Vec::new());
            }
            Purpose::Look(path) => path,
        };
        self.counts.evaluations += 1;
        let row = match self.healing.fitting(&row, self.story().iter().chain(&path.0)) {
            Cow::Borrowed(_) => row,
            Cow::Owned(fitting) => fitting,
        };
        let step = self.told().len();
        let Phase::Choosing(turn, _) = &mut self.phase else { return Ok(vec![branch]) };
        if let Some(again) = &mut self.again {
            again.see(step, &path, &row);
        }
        turn.learn(&path, &row);
        self.known.push(Known { path, branch, row });
        Ok(drop_lost(turn, &mut self.known))
    }

    /// Takes all its branches from it.
    pub fn branches(&mut self) -> Vec<Branch> {
        self.held = 0;
        let known = self.known.drain(..).map(|known| known.branch);
        known.chain(self.trunk.take()).collect()
    }

    /// The story had a part in a decode.
    pub fn count_decode(&mut self) {
        if self.tells() {
            self.counts.decodes += 1;
        }
    }
}
