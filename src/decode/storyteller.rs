//! One story: what it wants to know next, and what it does with the answer.

use anyhow::Result;

use super::again::Again;
use super::detokenizing::{Detokenizing, Heard};
use super::loop_detector::LoopDetector;
use super::observer::Ended;
use super::plan::{Completion, Counts, Plan};
use super::request::{DecodeRequest, Known, Purpose, drop_lost};
use crate::model::{Branch, From, Lexicon};
use crate::prob::{Noise, Token};
use crate::sampler::{Ask, BoundSampler, Draw, Memory, Path, Turn};
use crate::story::StopReason;

#[derive(Debug)]
enum Phase {
    /// So many tokens of what the model is to see are in the trunk: of the prompt, or of the story too where its trunk was
    /// lost or the context shifted.
    Reading(usize),
    /// A turn wants to look at these paths, none of them known.
    Choosing(Box<Turn>, Vec<Path>),
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
}

/// The state of one story that has not ended.
#[derive(Debug)]
pub(super) struct Storyteller {
    plan: Plan,
    sampler: BoundSampler,
    noise: Noise,
    memory: Memory,
    /// How many of the oldest tokens of the story the model no longer sees.
    dropped: usize,
    loops: LoopDetector,
    detokenizing: Detokenizing,
    trunk: Option<Branch>,
    known: Vec<Known>,
    phase: Phase,
    text: String,
    log_p: f64,
    counts: Counts,
    /// Where the story was told before.
    again: Option<Again>,
}

impl Storyteller {
    /// A story before its first word.
    ///
    /// # Errors
    /// As [`Plan::check`].
    pub fn new(plan: Plan, lexicon: &Lexicon) -> Result<Self> {
        plan.check(lexicon)?;
        Ok(Self {
            sampler: plan.sampler.bind(lexicon)?,
            noise: Noise::new(plan.seed, &plan.prompt),
            memory: Memory::of_prompt(&plan.prompt).planning(plan.planned()),
            dropped: 0,
            loops: LoopDetector::new(),
            detokenizing: Detokenizing::new(plan.stops.clone()),
            trunk: None,
            known: Vec::new(),
            phase: Phase::Reading(0),
            text: String::new(),
            log_p: 0.0,
            counts: Counts { prompt: plan.prompt.len(), ..Counts::default() },
            again: None,
            plan,
        })
    }

    /// The way that it is led, where it was told before; before its first word it can be given one.
    pub fn again(&mut self) -> &mut Option<Again> {
        &mut self.again
    }

    /// What it has cost so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Whether it stands before the first token of its text and has nothing of it.
    pub fn is_bare(&self) -> bool {
        self.trunk.is_none() && matches!(self.phase, Phase::Reading(0))
    }

    /// Whether the prompt is read to its end by this request, and nothing more.
    pub fn ends_prompt(&self, request: &DecodeRequest) -> bool {
        matches!((&request.purpose, &self.phase), (Purpose::Trunk, Phase::Reading(read))
            if read + request.tokens.len() == self.plan.prompt.len())
    }

    /// Goes on behind a branch of its own that holds the prompt; `row` is the one behind it.
    ///
    /// # Errors
    /// A row that no decision can be made from.
    pub fn begin_behind(&mut self, branch: Branch, row: &[f32]) -> Result<()> {
        let prompt = self.plan.prompt.len();
        self.trunk = Some(branch);
        if self.seen() > prompt {
            self.phase = Phase::Reading(prompt);
            return Ok(());
        }
        self.counts.evaluations += 1;
        self.choose(row)
    }

    /// While a text is read: how many of its tokens have been, and how many there are.
    pub fn reading(&self) -> Option<(usize, usize)> {
        match self.phase {
            Phase::Reading(read) => Some((read, self.seen())),
            Phase::Choosing(..) | Phase::Stepping(_) => None,
        }
    }

    /// The story at its end, with the branches that it held. `unheard` is what nobody heard of the text that it told last.
    pub fn end(mut self, stop: StopReason, mut unheard: Heard) -> (Ended, Vec<Branch>) {
        let branches = self.branches();
        let held = self.detokenizing.finish();
        self.text.push_str(&held.text);
        unheard.push(held);
        let (rest, parts) = (unheard.text, unheard.parts);
        let tokens = self.memory.told().to_vec();
        let completion = Completion { tokens, text: self.text, stop, log_p: self.log_p, counts: self.counts };
        (Ended { plan: self.plan, completion, rest, parts, again: self.again }, branches)
    }

    /// Decides whatever can be decided with what is known.
    pub fn settle(&mut self, lexicon: &Lexicon) -> Settled {
        let mut settled = Settled::default();
        while settled.stop.is_none()
            && settled.failed.is_none()
            && let Phase::Choosing(turn, looks) = &mut self.phase
        {
            match turn.ask() {
                Ask::Take(draw) => settled.failed = self.take(draw, lexicon, &mut settled).err(),
                Ask::Look(paths) => {
                    let (known, unknown): (Vec<Path>, Vec<Path>) =
                        paths.into_iter().partition(|path| self.known.iter().any(|known| known.path == *path));
                    if known.is_empty() {
                        *looks = unknown;
                        break;
                    }
                    for known in self.known.iter().filter(|one| known.contains(&one.path)) {
                        if let Some(again) = &mut self.again {
                            again.see(self.memory.step(), &known.path, &known.row);
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
    fn take(&mut self, draw: Draw, lexicon: &Lexicon, settled: &mut Settled) -> Result<()> {
        let draw = match &mut self.again {
            Some(again) => again.keep(self.memory.step(), draw),
            None => draw,
        };
        let token = draw.token;
        settled.stop = self.tell(draw, lexicon, &mut settled.told);
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
                self.choose(&known.row)?;
            } else {
                self.known.push(known);
            }
        }
        Ok(())
    }

    /// Adds a token to the story; returns why the story ends with it, if it does.
    fn tell(&mut self, draw: Draw, lexicon: &Lexicon, told: &mut Vec<(Draw, Heard)>) -> Option<StopReason> {
        let token = draw.token;
        self.memory.hear(&draw);
        self.log_p += draw.log_p;
        let (number, ended) = (self.counts.tokens, lexicon.ends(token));
        self.counts.tokens += 1;
        let piece = if ended { &[] } else { lexicon.piece(token) };
        let (heard, stop) = self.detokenizing.push(number, piece);
        self.text.push_str(&heard.text);
        told.push((draw, heard));
        let loops = self.loops.hear(self.memory.told()) && self.plan.stop_on_loop;
        match stop {
            _ if ended => Some(StopReason::End),
            Some(stop) => Some(StopReason::Stop(stop)),
            None if self.counts.tokens >= self.plan.max_tokens => Some(StopReason::Tokens),
            None if loops => Some(StopReason::Loop),
            None if self.seen() >= self.plan.context && !self.plan.context_shift => Some(StopReason::Context),
            None => None,
        }
    }

    /// How many tokens of prompt and story the model sees, the one told last among them.
    fn seen(&self) -> usize {
        self.memory.text().len() - self.dropped
    }

    /// The same tokens, from this one on.
    fn seen_from(&self, from: usize) -> impl Iterator<Item = Token> {
        let kept = self.memory.told()[self.dropped..].iter();
        self.plan.prompt.iter().chain(kept).copied().skip(from)
    }

    /// Drops the older half of what the model sees of the story, the larger one of two, and goes back to reading: nothing but
    /// a fresh reading can take tokens out of every kind of memory. Returns the branches that held it.
    fn shift_context(&mut self) -> Vec<Branch> {
        self.dropped += (self.seen() - self.plan.prompt.len()).div_ceil(2);
        self.counts.context_shifts += 1;
        self.read_again()
    }

    /// Begins the turn for this row.
    fn choose(&mut self, row: &[f32]) -> Result<()> {
        let other = self.again.as_mut().and_then(|again| again.meet(self.memory.step(), row));
        let turn = other.unwrap_or(&self.sampler).turn(&self.memory, row, self.noise)?;
        self.phase = Phase::Choosing(Box::new(turn), Vec::new());
        Ok(())
    }

    /// The branches that the story wants next, the most urgent first: at most `width` candidates, at most `chunk` tokens of
    /// the prompt.
    pub fn requests(&self, width: usize, chunk: usize) -> Vec<DecodeRequest> {
        let trunk = |from: fn(Branch) -> From| self.trunk.map_or(From::Root, from);
        match &self.phase {
            Phase::Reading(read) => {
                let tokens: Vec<Token> = self.seen_from(*read).take(chunk).collect();
                vec![DecodeRequest { from: trunk(From::Move), tokens, purpose: Purpose::Trunk }]
            }
            Phase::Stepping(token) => {
                vec![DecodeRequest { from: trunk(From::Move), tokens: vec![*token], purpose: Purpose::Trunk }]
            }
            Phase::Choosing(turn, looks) => {
                let look = |path: &Path| {
                    let (last, before) = path.0.split_last()?;
                    let parent = self.known.iter().find(|known| known.path.0 == before);
                    let from = parent.map_or(trunk(From::Fork), |known| From::Fork(known.branch));
                    Some(DecodeRequest { from, tokens: vec![*last], purpose: Purpose::Look(path.clone()) })
                };
                // A turn that needs all candidates gets them in as few decodes as there can be. One that only shows them keeps
                // the width, for a batch of another width has other bits, and the story would not be the one that is shown.
                let width = if turn.decides_by_all() { usize::MAX } else { width };
                looks.iter().filter_map(look).take(width).collect()
            }
        }
    }

    /// Takes in a branch that it asked for, and the row behind it; returns the branches that nobody needs any more.
    ///
    /// # Errors
    /// A row that no decision can be made from.
    pub fn answer(&mut self, request: DecodeRequest, branch: Branch, row: Vec<f32>) -> Result<Vec<Branch>> {
        let path = match request.purpose {
            Purpose::Trunk => {
                self.trunk = Some(branch);
                if let Phase::Reading(read) = &mut self.phase {
                    *read += request.tokens.len();
                    let read = *read;
                    if read < self.seen() {
                        return Ok(Vec::new());
                    }
                }
                self.counts.evaluations += 1;
                return self.choose(&row).map(|()| Vec::new());
            }
            Purpose::Look(path) => path,
        };
        self.counts.evaluations += 1;
        let Phase::Choosing(turn, _) = &mut self.phase else { return Ok(vec![branch]) };
        if let Some(again) = &mut self.again {
            again.see(self.memory.step(), &path, &row);
        }
        turn.learn(&path, &row);
        self.known.push(Known { path, branch, row });
        Ok(drop_lost(turn, &mut self.known))
    }

    /// Goes back to reading all that the model is to see, for its branches can no longer be trusted; returns them.
    pub fn read_again(&mut self) -> Vec<Branch> {
        self.phase = Phase::Reading(0);
        self.branches()
    }

    /// Takes all its branches from it.
    pub fn branches(&mut self) -> Vec<Branch> {
        let known = self.known.drain(..).map(|known| known.branch);
        known.chain(self.trunk.take()).collect()
    }

    /// The story had a part in a decode.
    pub fn count_decode(&mut self) {
        if !matches!(self.phase, Phase::Reading(_)) {
            self.counts.decodes += 1;
        }
    }
}
