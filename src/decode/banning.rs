//! What is not to be said: draws wait until their text can be part of no ban, and what was said all the same is taken back and told
//! otherwise.
//!
//! A ban is about text, and a text is only known when it is told. So a story goes on, and its listeners hear of a token as soon as
//! nothing that may still come can make its text a part of a ban. Where one is complete, the story goes back to the token where it
//! begins (or to the one that completed it, [`Redraw`]), and draws there again without that token.
//!
//! **Exactness.** A draw is the largest of ln p + g over Gumbel noise g. Without the token that was largest, the largest of the rest
//! falls on each other token with its share of p among them, whatever won before: so the token drawn instead is one of p without the
//! banned one, under the very noise of that place. Of the noise at later places it is known that it led to the ban, and it might do
//! so again behind another word: those places are drawn under noise that is new with every time the story went back. A story that
//! never does is told under the noise that it had anyway, and a seed names one story in either case.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use crate::bans::{Match, Matcher, Redraw, Watch};
use crate::model::Vocabulary;
use crate::prob::{Bias, Noise, Token};
use crate::sampler::{Draw, History, LogitBias, Without};
use crate::story::{Banned, Rewind, Stood};

/// How many tokens before the beginning of a ban may be changed where none is left to begin it with.
const BACK: usize = 3;

/// The draws of a story that are not told yet, and what is known of bans in its text.
#[derive(Debug)]
pub(super) struct Banning {
    watch: Watch,
    /// What was drawn last, of which nobody has heard.
    undecided: VecDeque<Undecided>,
    /// What is not drawn at a step, as long as the story can go back to it.
    without: BTreeMap<usize, LogitBias>,
    /// The row of this moment, and under the noise of which time it decides.
    row: Vec<f32>,
    time: usize,
    /// Of this moment, where it is drawn again.
    again: Option<usize>,
    /// How often the story went back since something was told.
    tries: usize,
    banned: Banned,
}

/// A draw that nobody has heard of.
#[derive(Debug)]
struct Undecided {
    draw: Draw,
    /// What was known before it.
    watch: Watch,
    row: Vec<f32>,
    time: usize,
    feedback: Option<f64>,
    /// Where its text ends, in bytes.
    end: usize,
}

/// What follows from a draw.
#[derive(Debug)]
pub(super) enum Verdict {
    /// The first so many of what nobody has heard can be told.
    Tell(usize),
    /// So many draws are taken back, and the first of them is drawn again.
    Back(usize, Before),
}

/// What a draw that is taken back was made from.
#[derive(Debug)]
pub(super) struct Before {
    pub row: Vec<f32>,
    /// What a stage with feedback remembered.
    pub feedback: Option<f64>,
}

impl Banning {
    /// Of a story behind this text, in which it has gone back so often.
    pub fn new(matcher: &Arc<Matcher>, before: &[u8], time: usize) -> Self {
        Self {
            watch: Watch::behind(matcher, before),
            undecided: VecDeque::new(),
            without: BTreeMap::new(),
            row: Vec::new(),
            time: 0,
            again: None,
            tries: 0,
            banned: Banned { before: time, ..Banned::default() },
        }
    }

    /// What the story at this step does without, and its noise.
    pub fn meet(&mut self, step: usize, noise: Noise) -> (Without, Noise) {
        self.time = self.again.unwrap_or(self.banned.before.saturating_add(self.banned.rewinds.len()));
        let bias = self.without.get(&step).cloned().unwrap_or_default();
        (Without { bias, ahead: Some(self.watch.clone()) }, noise.of_time(self.time))
    }

    /// Remembers the row from which it decides.
    pub fn keep(&mut self, row: Vec<f32>) {
        self.row = row;
    }

    /// How many draws nobody has heard of.
    pub fn undecided(&self) -> usize {
        self.undecided.len()
    }

    /// The next draw that can be told, of as many as a [`Verdict`] said.
    pub fn tell(&mut self) -> Option<Draw> {
        self.undecided.pop_front().map(|undecided| undecided.draw)
    }

    /// Takes a draw in, which `history` has heard; `is_last` is whether nothing can come behind it.
    pub fn hear(
        &mut self,
        draw: Draw,
        feedback: Option<f64>,
        is_last: bool,
        vocabulary: &Vocabulary,
        history: &History,
    ) -> Verdict {
        let before = self.watch.clone();
        let piece = if vocabulary.ends(draw.token) { &[] } else { vocabulary.piece(draw.token) };
        let found = self.watch.push(piece).or_else(|| if is_last { self.watch.finish() } else { None });
        let (row, time, end) = (std::mem::take(&mut self.row), self.time, self.watch.bytes());
        self.undecided.push_back(Undecided { draw, watch: before, row, time, feedback, end });
        self.again = None;
        if let Some(found) = found {
            if let Some(at) = self.place(found, history) {
                return self.go_back(at, found, vocabulary, history);
            }
            let ban = self.watch.written(found).to_owned();
            self.banned.stood.push(Stood { at: history.step() - 1, ban });
            self.watch.forgive();
        }
        let certain = if is_last { self.undecided.len() } else { self.certain() };
        if certain > 0 {
            // Nobody goes back to before what is told.
            let told = self.step_of(certain, history);
            self.without = self.without.split_off(&told);
            self.tries = 0;
        }
        Verdict::Tell(certain)
    }

    /// The step of an undecided draw, or of the one behind the last.
    fn step_of(&self, at: usize, history: &History) -> usize {
        history.step() - self.undecided.len() + at
    }

    /// How many of the undecided draws are part of no ban, whatever comes, and whatever other draws the story goes back to.
    fn certain(&self) -> usize {
        let before = |watch: &Watch| watch.bytes() - watch.held();
        let mut shown = before(&self.watch);
        // Who goes back to a draw stands again where that was made, and what had begun there may go on.
        for undecided in self.undecided.iter().rev() {
            if undecided.end > shown {
                shown = shown.min(before(&undecided.watch));
            }
        }
        self.undecided.iter().take_while(|undecided| undecided.end <= shown).count()
    }

    /// Which of the undecided draws is to be another one; `None` where none can be.
    fn place(&self, found: Match, history: &History) -> Option<usize> {
        let ends_behind = |place: usize| move |undecided: &Undecided| undecided.end > place;
        let first = self.undecided.iter().position(ends_behind(found.from))?;
        let last = self.undecided.iter().position(ends_behind(found.to - 1))?.max(first);
        let unlikely = self.undecided[last].draw.log_p < 0.5_f64.ln();
        let bans = self.watch.bans();
        let at = match bans.at {
            Redraw::End => last,
            Redraw::Auto if unlikely => last,
            Redraw::Start | Redraw::Auto => first,
        };
        let tried =
            |at: usize| self.without.get(&self.step_of(at, history)).map_or(0, |bias| bias.banned.len() + bias.added.len());
        // A factor is asked for once a place: what is drawn in spite of it stands.
        let most = if bans.strength < 1.0 { 1 } else { bans.retries.get() };
        let is_stuck = self.tries >= most.saturating_mul(BACK + 1);
        (at.saturating_sub(BACK)..=at).rev().find(|&at| !is_stuck && tried(at) < most)
    }

    /// Goes back to an undecided draw, and does without its token there.
    fn go_back(&mut self, at: usize, found: Match, vocabulary: &Vocabulary, history: &History) -> Verdict {
        let step = self.step_of(at, history);
        let back = self.undecided.split_off(at);
        let draws = back.len();
        let tokens: Vec<Token> = back.iter().map(|undecided| undecided.draw.token).collect();
        let text = self.found_text(found, vocabulary, &tokens);
        let Some(first) = back.into_iter().next() else { unreachable!("it goes back to a draw") };
        // What was tried behind this place was tried behind another text.
        self.without.retain(|&other, _| other <= step);
        let without = self.without.entry(step).or_default();
        let strength = self.watch.bans().strength;
        match Bias::new((1.0 - strength).ln()) {
            Ok(bias) if strength < 1.0 => drop(without.added.insert(first.draw.token, bias)),
            _ => drop(without.banned.insert(first.draw.token)),
        }
        let ban = self.watch.written(found).to_owned();
        self.watch = first.watch;
        self.again = Some(first.time);
        self.tries += 1;
        self.banned.rewinds.push(Rewind { at: step, ban, text, tokens });
        Verdict::Back(draws, Before { row: first.row, feedback: first.feedback })
    }

    /// What was found, as it stands in the text: as much of it as these tokens hold, and those before them that nobody has heard.
    fn found_text(&self, found: Match, vocabulary: &Vocabulary, back: &[Token]) -> String {
        let kept = self.undecided.iter().map(|undecided| undecided.draw.token);
        let tokens: Vec<Token> = kept.chain(back.iter().copied()).filter(|&token| !vocabulary.ends(token)).collect();
        let text = vocabulary.bytes(&tokens);
        let start = self.watch.bytes() - text.len();
        let [from, to] = [found.from, found.to].map(|place| place.saturating_sub(start).min(text.len()));
        String::from_utf8_lossy(&text[from..to]).into_owned()
    }

    /// Lets go of what nobody has heard: so many draws, and what was remembered before them.
    pub fn forget(&mut self) -> (usize, Option<f64>) {
        let undecided = std::mem::take(&mut self.undecided);
        (undecided.len(), undecided.front().and_then(|first| first.feedback))
    }

    /// What became of the bans.
    pub fn finish(self) -> Banned {
        self.banned
    }
}
