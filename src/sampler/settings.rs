//! A sampler: what is to be decided at every token, before any token is known.

use std::sync::Arc;

use anyhow::{Context, Result, bail, ensure};

use super::chain::{Chain, Pick};
use super::contest::{Contest, Weighing};
use super::draw::{Skipped, Watched};
use super::memory::Memory;
use super::prepared::{self, PreparedStage, Scene};
use super::shortcut::{Floor, Prelude};
use super::spelling::Bound;
use super::stages::{EndOfText, Future, Horizon, Stage};
use super::turn::{Looking, Moment, Turn, looked};
use crate::model::{Kind, Lexicon};
use crate::prob::{Noise, Partition, Place, Ranked, StepNoise, Survivors, Temperature, Token, normalised_entropy, top};

/// The stage under which the noise of a draw is kept. Plain and future draws share it, so that at α = −1 they are the same.
const DRAW: u64 = 0;

/// The stage under which the coins of stages are kept.
const COINS: u64 = 1;

/// How many of the likeliest tokens are known from the start: enough that one of them has no penalty.
const BEST: usize = 20;

/// How many of the likeliest tokens a sampler with detail follows through the chain.
const WATCHED: usize = 50;

/// How many candidates a sampler wants to know. Whichever it is, it takes the same tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Those that can still decide the draw.
    Lazy,
    /// All of them, where the future has a weight and there is a choice.
    Full,
    /// All of them, always: to show what the future would have been.
    Exhaustive,
}

/// A chain of stages and a way to pick: the decisions of a storyteller, as a pure function of what is known.
#[derive(Debug, Clone)]
pub struct Sampler(Arc<Settings>);

#[derive(Debug, Clone)]
struct Settings {
    chain: Chain,
    pick: Pick,
    reach: Reach,
    detail: bool,
    bound: Option<Bound>,
    min_tokens: usize,
}

impl Sampler {
    /// A sampler of this chain. It is lazy where that is exact: where nothing but one `temperature` follows `future`.
    #[must_use]
    pub fn new(chain: Chain, pick: Pick) -> Self {
        let reach = if leader_wins(&chain) { Reach::Lazy } else { Reach::Full };
        Self(Arc::new(Settings { chain, pick, reach, detail: false, bound: None, min_tokens: 0 }))
    }

    /// The same sampler, wanting to know at least so many candidates: `Lazy` changes nothing.
    #[must_use]
    pub fn with_reach(&self, reach: Reach) -> Self {
        let reach = if reach == Reach::Lazy { self.0.reach } else { reach };
        Self(Arc::new(Settings { reach, ..(*self.0).clone() }))
    }

    /// The same sampler, which also tells ranks and the fate of the likeliest tokens.
    #[must_use]
    pub fn with_detail(&self) -> Self {
        Self(Arc::new(Settings { detail: true, ..(*self.0).clone() }))
    }

    /// The same sampler, which takes no token that ends the story among the first `min_tokens`, unless nothing else is left; 0
    /// lets a story end at once.
    #[must_use]
    pub fn with_min_tokens(&self, min_tokens: usize) -> Self {
        Self(Arc::new(Settings { min_tokens, ..(*self.0).clone() }))
    }

    /// Before so many tokens it takes no end.
    #[must_use]
    pub fn min_tokens(&self) -> usize {
        self.0.min_tokens
    }

    /// Whether every seed takes the same tokens: of what is left one is certain, and no coin is thrown before.
    #[must_use]
    pub fn draws_nothing(&self) -> bool {
        let stages = self.0.chain.stages();
        let throws =
            |stage: &Stage| matches!(stage, Stage::Xtc(xtc) if (f64::MIN_POSITIVE..1.0).contains(&xtc.probability.get()));
        let leaves_one = |stage: &Stage| match stage {
            Stage::TopK(k) => k.0.get() == 1,
            Stage::Temperature(temperature) => temperature.0.constant().is_some_and(Temperature::is_frozen),
            _ => false,
        };
        let certain = self.0.pick == Pick::Argmax || stages.iter().any(leaves_one);
        certain && !stages.iter().any(throws)
    }

    /// How many candidates it wants to know.
    #[must_use]
    pub fn reach(&self) -> Reach {
        self.0.reach
    }

    /// The chain.
    #[must_use]
    pub fn chain(&self) -> &Chain {
        &self.0.chain
    }

    /// The most paths that are alive at one time when `width` of them are looked at at once; 0 without `future`.
    #[must_use]
    pub fn forks(&self, width: usize) -> usize {
        let Some(future) = self.0.chain.split().1 else { return 0 };
        let candidates = future.candidates.get();
        // Where the leader wins, it is kept, and those that are looked at.
        let paths =
            if leader_wins(&self.0.chain) && self.0.reach != Reach::Full { candidates.min(width + 1) } else { candidates };
        match future.horizon {
            Horizon::Token => paths,
            Horizon::Word => paths * Horizon::CAP,
        }
    }

    /// The same sampler for this vocabulary alone: what its chain reads there is looked up once, and not at every token.
    ///
    /// # Errors
    /// As [`Sampler::check`].
    pub fn bind(&self, lexicon: &Lexicon) -> Result<Self> {
        self.check(lexicon)?;
        let bound = Some(Bound::of(&self.0.chain, lexicon));
        Ok(Self(Arc::new(Settings { bound, ..(*self.0).clone() })))
    }

    /// Whether the sampler fits the vocabulary.
    ///
    /// # Errors
    /// An `entropy-top` above the number of tokens; a text to be biased or banned that is not one token.
    pub fn check(&self, lexicon: &Lexicon) -> Result<()> {
        if let Some(future) = self.0.chain.split().1 {
            let (n, v) = (future.entropy_top.get(), lexicon.len());
            ensure!(n <= v, "`future.entropy-top` is {n}, but the model's vocabulary has only {v} tokens");
        }
        Bound::of(&self.0.chain, lexicon).check(&self.0.chain)
    }

    /// The turn for the row of logits after the text that `memory` holds.
    ///
    /// # Errors
    /// A row in which no token that may be taken has a finite logit.
    pub fn turn(&self, memory: &Memory, row: &[f32], lexicon: &Lexicon, noise: Noise) -> Result<Turn> {
        let settings = &*self.0;
        let coins = noise.at(memory.step(), COINS);
        let noise = noise.at(memory.step(), DRAW);
        let partition =
            Partition::of(row).context("the model gives no word a probability that is a number: its file may be damaged")?;
        let (before, future, after) = settings.chain.split();
        let unbound = settings.bound.is_none().then(|| Bound::of(&settings.chain, lexicon));
        let bound = settings.bound.as_ref().or(unbound.as_ref()).context("a sampler without its vocabulary")?;
        let place = memory.place(settings.chain.counts_text(), lexicon);
        let warmth = settings.chain.warmth(&place);
        let mut scene = Scene { memory, place: &place, lexicon, bound, coins, thrown: 0 };
        let acts = scene.prepare(before);
        let prelude = Prelude::of(&acts);
        let takeable = |token: Token| lexicon.kind(token) != Kind::Control;
        // Before the story may end, an end is no candidate; but where the model has nothing else to say, it may say that.
        let goes_on = |token: Token| row.get(token as usize).is_some_and(|logit| logit.is_finite()) && !lexicon.ends(token);
        let must_go_on = memory.step() < settings.min_tokens && (0..).take(row.len()).any(|t| takeable(t) && goes_on(t));
        let may = |token: Token| takeable(token) && !(must_go_on && lexicon.ends(token));
        // Detail wants to know who is cut, and so has to see them all.
        let direct = future.is_none() && !settings.detail;
        if let Some(token) = direct.then(|| prelude.draw(row, may, settings.pick, noise)).flatten() {
            let mut moment = Moment::new(partition, warmth, Vec::new(), false);
            moment.ran_idle(&acts);
            return Ok(Turn::taken(moment.draw(moment.own(row, token), Vec::new(), None)));
        }
        let best = if settings.detail { WATCHED } else { BEST }.max(future.map_or(0, |future| future.entropy_top.get()));
        let best = top(row, prelude.needs(best));
        let followed = best.iter().take(if settings.detail { WATCHED } else { 0 });
        let watched = followed.map(|ranked| Watched { token: ranked.token, log_p: partition.log_p(ranked.logit) }).collect();
        let mut moment = Moment::new(partition, warmth, watched, settings.detail);
        let allowed = best.iter().copied().filter(|ranked| may(ranked.token));
        let floor = if settings.detail { None } else { prelude.floor(allowed) };
        let all = Floor { logit: f64::NEG_INFINITY, at: 0, also: Vec::new() };
        let Floor { logit, at, also } = floor.unwrap_or(all);
        // A row that is longer than the vocabulary has nothing behind it that may be taken.
        let known = &row[..row.len().min(lexicon.len())];
        let Some((mut survivors, below)) = Survivors::from_floor(known, logit, &also, bound.barred(must_go_on)) else {
            bail!("the model gives no word that may be taken a probability that is a number")
        };
        let (plain, steering) = acts.split_at(acts.len() - usize::from(acts.last().is_some_and(PreparedStage::steers)));
        moment.run(plain, &mut survivors);
        if below > 0 {
            moment.count_more(at, below);
        }
        let Some(future) = future else {
            let found = steering.first().filter(|act| act.looks_back()).map(|_| survivors.clone());
            moment.run(steering, &mut survivors);
            let token = prepared::pick(settings.pick, &survivors, noise);
            moment.remember(steering.first().and_then(|act| act.follow(found.as_ref(), &survivors, token)));
            return Ok(Turn::taken(moment.draw(moment.own(row, token), moment.left(&survivors), None)));
        };

        let alpha = future.alpha.at(&place);
        let here = openness_of(&best, future.entropy_top.get());
        moment.enter(alpha, here, &mut survivors, |survivors| narrow(survivors, future, lexicon));
        let after = scene.prepare(after);
        let (a, b) = future.curve.exponents(alpha);
        let skipped = match (survivors.len(), b) {
            (1, _) => Some(Skipped::OneSurvivor),
            (_, 0.0) => Some(Skipped::OwnVoice),
            _ => None,
        };
        let mut contest = self.contest(a, b, &place, &survivors, noise);
        if let Some(skipped) = skipped.filter(|_| settings.reach != Reach::Exhaustive) {
            let own: Vec<_> = survivors.iter().map(|survivor| moment.own(row, survivor.token)).collect();
            let candidates = looked(&survivors, &own, &contest);
            moment.run(&after, &mut survivors);
            let token = prepared::pick(settings.pick, &survivors, noise);
            return Ok(Turn::taken(moment.draw(moment.own(row, token), candidates, Some(skipped))));
        }
        if future.end_of_text != EndOfText::Article {
            let ends: Vec<Token> = survivors.iter().map(|one| one.token).filter(|&token| lexicon.ends(token)).collect();
            if !ends.is_empty() {
                let going_on = openness_going_on(row, future.entropy_top.get(), bound.ends(), lexicon);
                for token in ends {
                    contest.know(token, going_on);
                }
            }
        }
        let own = survivors.iter().map(|survivor| moment.own(row, survivor.token)).collect();
        Ok(Turn::looking(Looking {
            reach: settings.reach,
            leader_wins: leader_wins(&settings.chain),
            decides_by_all: skipped.is_none() && (settings.reach == Reach::Full || !leader_wins(&settings.chain)),
            pick: settings.pick,
            entropy_top: future.entropy_top.get(),
            horizon: future.horizon,
            moment,
            own,
            contest,
            survivors,
            after,
            noise,
        }))
    }

    /// The contest for a draw with this noise: at the temperature behind `future`, or the argmax where that is frozen.
    fn contest(&self, a: f64, b: f64, place: &Place, survivors: &Survivors, noise: StepNoise) -> Contest {
        let temperature = match self.0.chain.split().2 {
            [Stage::Temperature(t)] => Some(t.0.at(place)),
            _ => None,
        };
        let argmax = self.0.pick == Pick::Argmax || temperature.is_some_and(Temperature::is_frozen);
        let temperature = if argmax { 1.0 } else { temperature.map_or(1.0, Temperature::get) };
        let gumbel = |token: Token| if argmax { 0.0 } else { noise.gumbel(token) };
        Contest::new(Weighing { a, b, temperature }, survivors, gumbel)
    }
}

/// Whether the draw is the leader of the contest: where nothing but one `temperature` follows `future`.
fn leader_wins(chain: &Chain) -> bool {
    matches!(chain.split().2, [] | [Stage::Temperature(_)])
}

/// Ĥ of a row over its n likeliest tokens.
pub(super) fn openness(row: &[f32], n: usize) -> f64 {
    openness_of(&top(row, n), n)
}

/// Ĥ of a row over its n likeliest tokens that do not end the story; `ends` is how many of the vocabulary do.
fn openness_going_on(row: &[f32], n: usize, ends: usize, lexicon: &Lexicon) -> f64 {
    let mut likeliest = top(row, n + ends);
    likeliest.retain(|ranked| !lexicon.ends(ranked.token));
    openness_of(&likeliest, n)
}

/// Ĥ over the first n of a row's likeliest tokens.
fn openness_of(best: &[Ranked], n: usize) -> f64 {
    normalised_entropy(best.iter().take(n).map(|ranked| f64::from(ranked.logit)), n)
}

/// Leaves the candidates of `future`.
fn narrow(survivors: &mut Survivors, future: &Future, lexicon: &Lexicon) {
    if future.end_of_text == EndOfText::Never {
        survivors.retain(|token| !lexicon.ends(token));
    }
    survivors.top_k(future.candidates.get());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_throws_no_coin_and_leaves_one_token_draws_nothing() {
        let draws_nothing = |chain: &[&str], pick| {
            let stages = chain.iter().map(|stage| toml::from_str(stage).unwrap()).collect();
            Sampler::new(Chain::new(stages).unwrap(), pick).draws_nothing()
        };
        for chain in [&["top-k = 1"][..], &["temperature = 0"], &["min-p = 0.1", "top-k = 1", "temperature = 2"]] {
            assert!(draws_nothing(chain, Pick::Sample), "{chain:?}");
        }
        for chain in [&[][..], &["top-k = 2"], &["temperature = 1"], &["temperature = { wave = { period = 9 } }"]] {
            assert!(!draws_nothing(chain, Pick::Sample), "{chain:?}");
            assert!(draws_nothing(chain, Pick::Argmax), "{chain:?}");
        }
        let xtc = |p: &str| format!("xtc = {{ probability = {p}, threshold = 0.1 }}");
        assert_eq!(["0", "0.5", "1"].map(|p| draws_nothing(&[&xtc(p)], Pick::Argmax)), [true, false, true]);
    }
}
