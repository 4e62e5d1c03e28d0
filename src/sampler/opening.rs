//! How a turn opens: what is known at once, the fast path, the cut, and then the ending or the lookahead.

use anyhow::{Context, Result, bail};

use super::account::{Account, looked};
use super::binding::BoundSampler;
use super::chain::{Chain, Pick};
use super::draw::{Draw, Skipped, TopTokenTrace};
use super::fast_path::{Floor, Prelude};
use super::history::History;
use super::lazy_draw::{LazyDraw, Weighing};
use super::prepared::{self, PreparedStage, Scene};
use super::sampler::{Reach, Sampler};
use super::stages::{EndOfText, Future, Rule, Shuffle, Stage};
use super::step::{Looking, Turn};
use super::without::Without;
use crate::model::{Kind, Vocabulary};
use crate::prob::{
    Candidates, Noise, Partition, Place, Ranked, StepNoise, Temperature, Token, excess, normalised_entropy, top,
};

/// The stage under which the noise of a draw is kept. Plain and future draws share it, so that at α = −1 they are the same.
const DRAW: u64 = 0;

/// The stage under which the coins of stages are kept.
const COINS: u64 = 1;

/// The stage under which the deals of `shuffle` are kept.
const DEALS: u64 = 2;

/// How many of the likeliest tokens are known from the start: enough that one of them has no penalty.
const BEST: usize = 20;

/// How many of the likeliest tokens a sampler with detail follows through the chain.
const WATCHED: usize = 50;

/// What is known when a turn opens.
pub(super) struct Opening<'a> {
    sampler: &'a BoundSampler,
    place: Place<'a>,
    /// The token before this moment.
    last: Option<Token>,
    row: &'a [f32],
    partition: Partition,
    noise: StepNoise,
    /// The noise by which `shuffle` deals.
    deals: StepNoise,
    /// What runs before `future`, and what runs after it.
    before: Vec<PreparedStage>,
    after: Vec<PreparedStage>,
    /// Whether no token that ends the story may be taken.
    must_go_on: bool,
    without: Without,
}

/// What the stages before `future` have left.
struct Cut {
    candidates: Candidates,
    /// The likeliest tokens of the row, likeliest first.
    best: Vec<Ranked>,
    account: Account,
}

impl<'a> Opening<'a> {
    /// The context: the distribution of the row, the place in the story, the stages as they are at this place.
    ///
    /// # Errors
    /// A row without a finite logit.
    pub fn of(sampler: &'a BoundSampler, history: &'a History, row: &'a [f32], noise: Noise, without: Without) -> Result<Self> {
        let partition =
            Partition::of(row).context("the model gives no word a probability that is a number: its file may be damaged")?;
        let (vocabulary, chain) = (sampler.vocabulary(), sampler.sampler().chain());
        let place = history.place(chain.counts_text(), vocabulary);
        let coins = noise.at(history.step(), COINS);
        let mut scene = Scene { history, place: &place, vocabulary, bound: sampler.bound(), coins, thrown: 0 };
        let (before, _, after) = chain.split();
        let (before, after) = (scene.prepare(before), scene.prepare(after));
        let opening_bias = sampler.opening_bias(without.ahead.as_ref());
        let without_these = sampler.sampler().logit_bias().prepared().chain(without.bias.prepared()).chain(opening_bias);
        let before = without_these.chain(before).collect();
        let [noise, deals] = [DRAW, DEALS].map(|stage| noise.at(history.step(), stage));
        let last = history.text().last().copied();
        let must_go_on = false;
        let mut opening = Self { sampler, place, last, row, partition, noise, deals, before, after, must_go_on, without };
        opening.must_go_on = history.step() < sampler.sampler().min_tokens() && opening.can_go_on();
        Ok(opening)
    }

    /// The turn: taken at once where nothing has to be looked at.
    ///
    /// # Errors
    /// A row in which no token that may be taken has a finite logit.
    pub fn turn(self) -> Result<Turn> {
        let prelude = Prelude::of(&self.before);
        if let Some(draw) = self.fast_draw(&prelude) {
            return Ok(Turn::taken(draw));
        }
        let cut = self.cut(&prelude)?;
        match self.chain().split().1 {
            None => Ok(Turn::taken(self.end(cut))),
            Some(future) => Ok(self.look_ahead(future, cut)),
        }
    }

    /// The fast path: the draw from the row itself, where the chain removes nothing and nobody asks for more.
    fn fast_draw(&self, prelude: &Prelude) -> Option<Draw> {
        let described = self.description();
        // Detail wants to know who is cut, and so has to see them all, and chances are those of all that are left.
        let direct = self.chain().split().1.is_none() && !described.has_detail() && described.shares() == 0;
        let token = direct.then(|| prelude.draw(self.row, |token| self.may(token), described.pick(), self.noise)).flatten()?;
        let mut account = self.account(Vec::new());
        account.ran_idle(&self.before);
        Some(account.draw(account.own(self.row, token), Vec::new(), None))
    }

    /// The cut: runs the stages before `future`, those left out that need their feedback, over the tokens that can outlive it.
    ///
    /// # Errors
    /// A row in which no token that may be taken has a finite logit.
    fn cut(&self, prelude: &Prelude) -> Result<Cut> {
        let (row, vocabulary, detail) = (self.row, self.sampler.vocabulary(), self.description().has_detail());
        let future = self.chain().split().1;
        let best = if detail { WATCHED } else { BEST }.max(future.map_or(0, |future| future.entropy_top.get()));
        let best = top(row, prelude.needs(best));
        let followed = best.iter().take(if detail { WATCHED } else { 0 });
        let watched = |ranked: &Ranked| TopTokenTrace { token: ranked.token, log_p: self.partition.log_p(ranked.logit) };
        let mut account = self.account(followed.map(watched).collect());

        let allowed = best.iter().copied().filter(|ranked| self.may(ranked.token));
        let floor = if detail { None } else { prelude.floor(allowed) };
        let all = Floor { logit: f64::NEG_INFINITY, at: 0, also: Vec::new() };
        let Floor { logit, at, also } = floor.unwrap_or(all);
        // A row that is longer than the vocabulary has nothing behind it that may be taken.
        let known = &row[..row.len().min(vocabulary.len())];
        let barred = self.sampler.bound().barred(self.must_go_on);
        let Some((mut candidates, below)) = Candidates::from_floor(known, logit, &also, barred) else {
            bail!("the model gives no word that may be taken a probability that is a number")
        };
        account.run(self.before_feedback(), &mut candidates);
        if below > 0 {
            account.count_more(at, below);
        }
        Ok(Cut { candidates, best, account })
    }

    /// The ending of a chain without `future`: a stage with feedback, and the draw.
    fn end(&self, Cut { mut candidates, mut account, best: _ }: Cut) -> Draw {
        let feedback = &self.before[self.before_feedback().len()..];
        let found = feedback.first().filter(|act| act.looks_back()).map(|_| candidates.clone());
        account.run(feedback, &mut candidates);
        let token = prepared::pick(self.description().pick(), &candidates, self.noise);
        account.remember(feedback.first().and_then(|act| act.follow(found.as_ref(), &candidates, token)));
        account.share(self.description().shares(), &candidates, token);
        account.draw(account.own(self.row, token), account.left(&candidates), None)
    }

    /// The future: narrows what is left to the likeliest, and opens their lazy draw where there is something to look at.
    fn look_ahead(self, future: &Future, Cut { mut candidates, best, mut account }: Cut) -> Turn {
        let described = self.description();
        let alpha = future.alpha_at(&self.place);
        account.guard(future.derail.map(|_| excess(&self.place)));
        let here = entropy_of(&best, future.entropy_top.get());
        let stage = if self.chain().shuffles() { Shuffle::NAME } else { Future::NAME };
        account.enter(stage, alpha, here, &mut candidates, |candidates| narrow(candidates, future, self.sampler.vocabulary()));
        let (a, b) = future.curve.exponents(alpha);
        let skipped = match (candidates.len(), b) {
            (1, _) => Some(Skipped::OneSurvivor),
            (_, 0.0) => Some(Skipped::OwnVoice),
            _ => None,
        };
        let mut lazy_draw = self.lazy_draw(future, a, b, &candidates);
        let own: Vec<_> = candidates.iter().map(|candidate| account.own(self.row, candidate.token)).collect();
        if let Some(skipped) = skipped.filter(|_| described.reach() != Reach::Exhaustive) {
            let traces = looked(&candidates, &own, &lazy_draw);
            account.run(&self.after, &mut candidates);
            let token = prepared::pick(described.pick(), &candidates, self.noise);
            account.share(described.shares(), &candidates, token);
            return Turn::taken(account.draw(account.own(self.row, token), traces, Some(skipped)));
        }
        self.settle_ends(future, &candidates, &mut lazy_draw);
        Turn::looking(Looking {
            sampler: self.sampler.clone(),
            entropy_top: future.entropy_top.get(),
            horizon: future.horizon,
            decides_by_all: skipped.is_none() && (described.reach() == Reach::Full || !described.leader_wins()),
            account,
            own,
            lazy_draw,
            candidates,
            deals: self.chain().shuffles().then_some(self.deals),
            after: self.after,
            noise: self.noise,
            // What is looked at only to be shown decides nothing.
            without: if skipped.is_some() { Without::default() } else { self.without },
        })
    }

    /// The lazy draw of these candidates: at the temperature behind `future`, or the argmax where that is frozen.
    fn lazy_draw(&self, future: &Future, a: f64, b: f64, candidates: &Candidates) -> LazyDraw {
        let temperature = match self.chain().split().2 {
            [Stage::Temperature(t)] => Some(t.0.at(&self.place)),
            _ => None,
        };
        let argmax = self.description().pick() == Pick::Argmax || temperature.is_some_and(Temperature::is_frozen);
        let temperature = if argmax { 1.0 } else { temperature.map_or(1.0, Temperature::get) };
        let gumbel = |token: Token| if argmax { 0.0 } else { self.noise.gumbel(token) };
        let usual = self.sampler.usual().map(|usual| move |token| usual.log(self.measured(future, token)));
        let usual = usual.as_ref().map(|usual| -> &dyn Fn(Token) -> f64 { usual });
        LazyDraw::new(Weighing { a, b, temperature, ceiling: future.ceiling }, candidates, gumbel, usual)
    }

    /// The token after which the Ĥ of a candidate is measured: of one that ends the story and counts as this very moment does,
    /// the token told last, so that both are held against the same.
    fn measured(&self, future: &Future, token: Token) -> Token {
        let counts_as_now = future.end_of_text != EndOfText::Article && self.sampler.vocabulary().ends(token);
        self.last.filter(|_| counts_as_now).unwrap_or(token)
    }

    /// Tells the lazy draw what the candidates count that end the story, unless they are looked at like others.
    fn settle_ends(&self, future: &Future, candidates: &Candidates, lazy_draw: &mut LazyDraw) {
        let vocabulary = self.sampler.vocabulary();
        if future.end_of_text == EndOfText::Article || !candidates.iter().any(|one| vocabulary.ends(one.token)) {
            return;
        }
        let going_on = entropy_going_on(self.row, future.entropy_top.get(), self.sampler.bound().ends(), vocabulary);
        for end in candidates.iter().filter(|one| vocabulary.ends(one.token)) {
            lazy_draw.know(end.token, going_on, 0.0);
        }
    }

    /// The stages before `future`, without the last one where that has feedback.
    fn before_feedback(&self) -> &[PreparedStage] {
        &self.before[..self.before.len() - usize::from(self.before.last().is_some_and(PreparedStage::has_feedback))]
    }

    /// Whether the token may be taken.
    fn may(&self, token: Token) -> bool {
        let vocabulary = self.sampler.vocabulary();
        vocabulary.kind(token) != Kind::Control && !(self.must_go_on && vocabulary.ends(token))
    }

    /// Whether the model has anything else to say than an end: where it has not, it may end before its time.
    fn can_go_on(&self) -> bool {
        (0..).zip(self.row).any(|(token, logit)| logit.is_finite() && self.sampler.vocabulary().kind(token) == Kind::Text)
    }

    /// The account of this turn, which follows these tokens through the chain.
    fn account(&self, watched: Vec<TopTokenTrace>) -> Account {
        let (warmth, described) = (self.chain().warmth(&self.place), self.description());
        Account::new(self.partition, warmth, watched, described.has_detail()).telling(self.row, described.likeliest())
    }

    fn description(&self) -> &'a Sampler {
        self.sampler.sampler()
    }

    fn chain(&self) -> &'a Chain {
        self.description().chain()
    }
}

/// Ĥ of a row over its n likeliest tokens that do not end the story; `ends` is how many of the vocabulary do.
fn entropy_going_on(row: &[f32], n: usize, ends: usize, vocabulary: &Vocabulary) -> f64 {
    let mut likeliest = top(row, n + ends);
    likeliest.retain(|ranked| !vocabulary.ends(ranked.token));
    entropy_of(&likeliest, n)
}

/// Ĥ over the first n of a row's likeliest tokens.
pub(super) fn entropy_of(best: &[Ranked], n: usize) -> f64 {
    normalised_entropy(best.iter().take(n).map(|ranked| f64::from(ranked.logit)), n)
}

/// Leaves the candidates of `future`.
fn narrow(candidates: &mut Candidates, future: &Future, vocabulary: &Vocabulary) {
    if future.end_of_text == EndOfText::Never {
        candidates.retain(|token| !vocabulary.ends(token));
    }
    candidates.top_k(future.candidates.get());
}
