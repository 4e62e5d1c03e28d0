//! One story: what it wants to know next, and what it does with the answer.

use anyhow::{Result, bail, ensure};

use super::again::Again;
use super::plan::{Counts, Plan, Told};
use super::refrain::Refrain;
use crate::model::{Branch, Flow, From, Lexicon, Rows, Step, Telling};
use crate::prob::{Noise, Token};
use crate::sampler::{Ask, BoundSampler, Draw, Memory, Path, Turn};
use crate::story::StopReason;

/// A branch to be made for a story.
#[derive(Debug, Clone)]
pub(super) struct Want {
    pub from: From,
    pub tokens: Vec<Token>,
    purpose: Purpose,
}

impl Want {
    pub fn step(&self) -> Step<'_> {
        Step { from: self.from, tokens: &self.tokens, rows: Rows::Last }
    }
}

#[derive(Debug, Clone)]
enum Purpose {
    /// The trunk grows by a part of the prompt, or by the token that was told last.
    Trunk,
    /// A path is looked at.
    Look(Path),
}

/// A path below the trunk that has been looked at and may still be taken.
#[derive(Debug)]
struct Known {
    path: Path,
    branch: Branch,
    row: Vec<f32>,
}

#[derive(Debug)]
enum Phase {
    /// So many tokens of what the model is to see are in the trunk: of the prompt, or of the story too where its trunk was
    /// lost or it slid.
    Reading(usize),
    /// A turn wants to look at these paths, none of them known.
    Choosing(Box<Turn>, Vec<Path>),
    /// The token told last is not in the trunk yet.
    Stepping(Token),
    Ended,
}

/// What came of settling.
#[derive(Debug, Default)]
pub(super) struct Settled {
    /// What was told: each draw with the text that it let appear.
    pub told: Vec<(Draw, String)>,
    /// Branches that nobody needs any more.
    pub free: Vec<Branch>,
    /// A row that no decision can be made from. What was told before it stays told.
    pub failed: Option<anyhow::Error>,
}

/// The state of one story.
#[derive(Debug)]
pub(super) struct Storyteller {
    plan: Plan,
    sampler: BoundSampler,
    noise: Noise,
    memory: Memory,
    /// How many of the oldest tokens of the story the model no longer sees.
    dropped: usize,
    refrain: Refrain,
    telling: Telling,
    trunk: Option<Branch>,
    known: Vec<Known>,
    phase: Phase,
    told: Told,
    /// Where the story was told before.
    again: Option<Again>,
}

impl Storyteller {
    /// A story before its first word.
    ///
    /// # Errors
    /// An empty prompt, one that leaves no room in the context, or a sampler that does not fit the vocabulary.
    pub fn new(plan: Plan, lexicon: &Lexicon) -> Result<Self> {
        let (prompt, context) = (plan.prompt.len(), plan.context);
        ensure!(prompt > 0, "the prompt is empty");
        if prompt >= context {
            bail!("the prompt has {prompt} tokens and leaves no room for a story in a context of {context}");
        }
        ensure!(plan.tokens > 0, "no token is to be told");
        let counts = Counts { prompt, ..Counts::default() };
        Ok(Self {
            sampler: plan.sampler.bind(lexicon)?,
            noise: Noise::new(plan.seed, &plan.prompt),
            memory: Memory::of_prompt(&plan.prompt).planning(plan.planned()),
            dropped: 0,
            refrain: Refrain::new(),
            telling: Telling::new(plan.stops.clone()),
            trunk: None,
            known: Vec::new(),
            phase: Phase::Reading(0),
            told: Told { tokens: Vec::new(), text: String::new(), stop: None, counts },
            again: None,
            plan,
        })
    }

    /// The way that it is led, where it was told before; before its first word it can be given one.
    pub fn again(&mut self) -> &mut Option<Again> {
        &mut self.again
    }

    /// The most cells and branches the story can come to hold when `width` candidates are looked at at once.
    pub fn needs(plan: &Plan, width: usize) -> (usize, usize) {
        let forks = plan.sampler.forks(width);
        (plan.context.min(plan.prompt.len().saturating_add(plan.tokens)) + forks, 1 + forks)
    }

    pub fn is_running(&self) -> bool {
        !matches!(self.phase, Phase::Ended)
    }

    pub fn told(&self) -> &Told {
        &self.told
    }

    pub fn into_told(self) -> Told {
        self.told
    }

    /// What an ended story has told; nothing of it stays behind.
    pub fn give(&mut self) -> Told {
        self.memory = Memory::of_prompt(&[]);
        self.plan.prompt = Vec::new();
        self.plan.stops = Vec::new();
        let nothing = Told { tokens: Vec::new(), text: String::new(), stop: None, counts: Counts::default() };
        std::mem::replace(&mut self.told, nothing)
    }

    /// Whether it stands before the first token of its text and has nothing of it.
    pub fn is_bare(&self) -> bool {
        self.trunk.is_none() && matches!(self.phase, Phase::Reading(0))
    }

    /// Whether the prompt is read to its end by this want, and nothing more.
    pub fn ends_prompt(&self, want: &Want) -> bool {
        matches!((&want.purpose, &self.phase), (Purpose::Trunk, Phase::Reading(read))
            if read + want.tokens.len() == self.plan.prompt.len())
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
        self.told.counts.evaluations += 1;
        self.choose(row)
    }

    /// While a text is read: how many of its tokens have been, and how many there are.
    pub fn reading(&self) -> Option<(usize, usize)> {
        match self.phase {
            Phase::Reading(read) => Some((read, self.seen())),
            _ => None,
        }
    }

    /// Ends the story: returns the text that was held back, and the branches it held.
    pub fn end(&mut self, stop: Option<StopReason>) -> (String, Vec<Branch>) {
        self.phase = Phase::Ended;
        self.told.stop = stop;
        let rest = self.telling.finish();
        self.told.text.push_str(&rest);
        (rest, self.branches())
    }

    /// Decides whatever can be decided with what is known.
    pub fn settle(&mut self, lexicon: &Lexicon) -> Settled {
        let mut settled = Settled::default();
        while let Phase::Choosing(turn, looks) = &mut self.phase {
            let draw = match turn.ask() {
                Ask::Take(draw) => draw,
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
                    continue;
                }
            };
            if let Err(error) = self.take(draw, lexicon, &mut settled) {
                settled.failed = Some(error);
                break;
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
        self.memory.hear(&draw);
        self.told.tokens.push(token);
        self.told.counts.tokens += 1;
        let ended = lexicon.ends(token);
        let flow = if ended { Flow::Text(String::new()) } else { self.telling.push(lexicon.piece(token)) };
        let (text, stop) = match flow {
            Flow::Text(text) => (text, None),
            Flow::Stopped { text, stop } => (text, Some(stop)),
        };
        self.told.text.push_str(&text);
        settled.told.push((draw, text));

        let loops = self.refrain.hear(self.memory.told()) && !self.plan.may_loop;
        let full = self.seen() >= self.plan.context;
        let stop = match stop {
            _ if ended => Some(StopReason::End),
            Some(stop) => Some(StopReason::Stop(stop)),
            None if self.told.tokens.len() >= self.plan.tokens => Some(StopReason::Tokens),
            None if loops => Some(StopReason::Loop),
            None if full && !self.plan.slides => Some(StopReason::Context),
            None => None,
        };
        if let Some(stop) = stop {
            self.told.stop = Some(stop);
            self.phase = Phase::Ended;
            return Ok(());
        }

        if full {
            settled.free.extend(self.slide());
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
    fn slide(&mut self) -> Vec<Branch> {
        self.dropped += (self.seen() - self.plan.prompt.len()).div_ceil(2);
        self.told.counts.slides += 1;
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
    pub fn wants(&self, width: usize, chunk: usize) -> Vec<Want> {
        let trunk = |from: fn(Branch) -> From| self.trunk.map_or(From::Root, from);
        match &self.phase {
            Phase::Ended => Vec::new(),
            Phase::Reading(read) => {
                let tokens: Vec<Token> = self.seen_from(*read).take(chunk).collect();
                vec![Want { from: trunk(From::Move), tokens, purpose: Purpose::Trunk }]
            }
            Phase::Stepping(token) => {
                vec![Want { from: trunk(From::Move), tokens: vec![*token], purpose: Purpose::Trunk }]
            }
            Phase::Choosing(turn, looks) => {
                let look = |path: &Path| {
                    let (last, before) = path.0.split_last()?;
                    let parent = self.known.iter().find(|known| known.path.0 == before);
                    let from = parent.map_or(trunk(From::Fork), |known| From::Fork(known.branch));
                    Some(Want { from, tokens: vec![*last], purpose: Purpose::Look(path.clone()) })
                };
                // A turn that needs all candidates gets them in as few decodes as there can be. One that only shows them keeps
                // the width, for a batch of another width has other bits, and the story would not be the one that is shown.
                let width = if turn.decides_by_all() { usize::MAX } else { width };
                looks.iter().filter_map(look).take(width).collect()
            }
        }
    }

    /// Takes in a branch that it wanted, and the row behind it; returns the branches that nobody needs any more.
    ///
    /// # Errors
    /// A row that no decision can be made from.
    pub fn answer(&mut self, want: Want, branch: Branch, row: Vec<f32>) -> Result<Vec<Branch>> {
        match (want.purpose, &mut self.phase) {
            (Purpose::Trunk, Phase::Reading(read)) => {
                self.trunk = Some(branch);
                *read += want.tokens.len();
                let read = *read;
                if read == self.seen() {
                    self.told.counts.evaluations += 1;
                    self.choose(&row)?;
                }
                Ok(Vec::new())
            }
            (Purpose::Trunk, _) => {
                self.trunk = Some(branch);
                self.told.counts.evaluations += 1;
                self.choose(&row)?;
                Ok(Vec::new())
            }
            (Purpose::Look(path), phase) => {
                self.told.counts.evaluations += 1;
                if let Phase::Choosing(turn, _) = phase {
                    if let Some(again) = &mut self.again {
                        again.see(self.memory.step(), &path, &row);
                    }
                    turn.learn(&path, &row);
                    self.known.push(Known { path, branch, row });
                    return Ok(drop_lost(turn, &mut self.known));
                }
                Ok(vec![branch])
            }
        }
    }

    /// Goes back to reading all that the model is to see, for its branches can no longer be trusted; returns them.
    pub fn read_again(&mut self) -> Vec<Branch> {
        self.phase = Phase::Reading(0);
        self.branches()
    }

    /// Takes all its branches from it.
    fn branches(&mut self) -> Vec<Branch> {
        let known = self.known.drain(..).map(|known| known.branch);
        known.chain(self.trunk.take()).collect()
    }

    /// The story had a part in a decode.
    pub fn count_decode(&mut self) {
        if !matches!(self.phase, Phase::Reading(_)) {
            self.told.counts.decodes += 1;
        }
    }
}

/// Forgets what can no longer be taken, and returns its branches.
fn drop_lost(turn: &mut Turn, known: &mut Vec<Known>) -> Vec<Branch> {
    let lost = turn.lost();
    let is_lost = |known: &mut Known| lost.iter().any(|path| known.path.0.starts_with(&path.0));
    known.extract_if(.., is_lost).map(|known| known.branch).collect()
}
