//! A turn: the decision about one token, asked until it takes.

use std::collections::BTreeMap;

use super::account::{Account, Own, looked};
use super::binding::BoundSampler;
use super::draw::{CandidateTrace, Draw};
use super::lazy_draw::LazyDraw;
use super::opening::entropy_of;
use super::prepared::{self, PreparedStage};
use super::sampler::Reach;
use super::stages::{Changed, Horizon, dealt};
use super::without::Without;
use crate::prob::{Candidate, Candidates, StepNoise, Token, top};

/// Tokens below the trunk of a story, at least one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenPath(pub Vec<Token>);

/// What a turn asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Ask {
    /// The rows after these paths, in the order in which they decide; any non-empty first part of them may be answered by
    /// [`Turn::learn`] before the turn is asked again. A path of several tokens comes after its shorter one was learnt.
    Look(Vec<TokenPath>),
    /// The token that comes next: the turn is over, and says the same if it is asked again.
    Take(Draw),
}

/// The decision about one token, made from what is known of the rows behind its candidates.
#[derive(Debug, Clone)]
pub struct Turn(State);

#[derive(Debug, Clone)]
enum State {
    Taken(Box<Draw>),
    Looking(Box<Looking>),
}

/// A turn that looks ahead.
#[derive(Debug, Clone)]
pub(super) struct Looking {
    pub sampler: BoundSampler,
    pub entropy_top: usize,
    pub horizon: Horizon,
    /// Whether all candidates are known to decide, and not to be shown.
    pub decides_by_all: bool,
    pub account: Account,
    /// Facts of the candidates' tokens, in their order.
    pub own: Vec<Own>,
    pub lazy_draw: LazyDraw,
    pub candidates: Candidates,
    pub after: Vec<PreparedStage>,
    pub noise: StepNoise,
    /// By what the weights are dealt out anew, where they are.
    pub deals: Option<StepNoise>,
    /// What is done without at this place.
    pub without: Without,
}

impl Turn {
    /// A turn that is over as soon as it began.
    pub(super) fn taken(draw: Draw) -> Self {
        Self(State::Taken(Box::new(draw)))
    }

    /// A turn that may want to look.
    pub(super) fn looking(looking: Looking) -> Self {
        Self(State::Looking(Box::new(looking)))
    }

    /// What the turn wants. It looks as long as something unknown can decide it.
    pub fn ask(&mut self) -> Ask {
        let looking = match &self.0 {
            State::Taken(draw) => return Ask::Take((**draw).clone()),
            State::Looking(looking) => looking,
        };
        let wanted = looking.wanted();
        if !wanted.is_empty() {
            return Ask::Look(wanted);
        }
        let draw = looking.take();
        self.0 = State::Taken(Box::new(draw.clone()));
        Ask::Take(draw)
    }

    /// Whether the draw depends on every candidate: then they are best looked at together, where else one after the other may
    /// be enough.
    #[must_use]
    pub fn decides_by_all(&self) -> bool {
        matches!(&self.0, State::Looking(looking) if looking.decides_by_all)
    }

    /// Takes in the row of logits after a path that was asked for; other paths change nothing.
    pub fn learn(&mut self, path: &TokenPath, row: &[f32]) {
        if let State::Looking(looking) = &mut self.0 {
            looking.learn(path, row);
        }
    }

    /// The paths that no longer matter since this was last asked, each with all that is below it: release them.
    pub fn lost(&mut self) -> Vec<TokenPath> {
        match &mut self.0 {
            // Where stages follow that remove, any candidate may still be taken.
            State::Looking(looking) if looking.sampler.sampler().leader_wins() => {
                looking.lazy_draw.newly_lost().into_iter().map(|token| TokenPath(vec![token])).collect()
            }
            _ => Vec::new(),
        }
    }
}

impl Looking {
    fn wanted(&self) -> Vec<TokenPath> {
        match self.sampler.sampler().reach() {
            Reach::Lazy if self.sampler.sampler().shares() == 0 => {
                self.lazy_draw.open().map(|candidate| candidate.path.clone()).collect()
            }
            Reach::Lazy | Reach::Full | Reach::Exhaustive => {
                self.lazy_draw.unknown().map(|candidate| candidate.path.clone()).collect()
            }
        }
    }

    fn learn(&mut self, path: &TokenPath, row: &[f32]) {
        let vocabulary = self.sampler.vocabulary();
        let Some(candidate) = path.0.first().and_then(|&token| self.lazy_draw.find(token)) else { return };
        if candidate.future.is_some() || candidate.path != *path {
            return;
        }
        let (token, length) = (candidate.token, path.0.len());
        let rolls = self.horizon == Horizon::Word && length < Horizon::CAP && !vocabulary.ends(token);
        let likeliest = if rolls { top(row, 1).first().map(|ranked| ranked.token) } else { None };
        if let Some(next) = likeliest.filter(|&next| vocabulary.continues_word(next)) {
            candidate.path.0.push(next);
            return;
        }
        let (left, future) = self.without.foresee(path, top(row, self.entropy_top), vocabulary);
        self.lazy_draw.know(token, entropy_of(&future, self.entropy_top), left);
    }

    /// Takes the winner of a lazy draw in which nothing unknown can win any more.
    fn take(&self) -> Draw {
        let mut traces = looked(&self.candidates, &self.own, &self.lazy_draw);
        let (mut account, sampler) = (self.account.clone(), self.sampler.sampler());
        let token = if let (Reach::Lazy, Some(leader)) = (sampler.reach(), self.lazy_draw.leader()) {
            if sampler.shares() > 0 {
                let mut candidates = self.weighed();
                self.after.iter().for_each(|act| act.run(&mut candidates));
                account.share(sampler.shares(), &candidates, leader.token);
            }
            leader.token
        } else {
            let mut candidates = self.weighed();
            if let Some(noise) = self.deals {
                self.deal(noise, &mut candidates, &mut traces);
            }
            account.run(&self.after, &mut candidates);
            let token = prepared::pick(sampler.pick(), &candidates, self.noise);
            account.share(sampler.shares(), &candidates, token);
            token
        };
        let own = self.own.iter().find(|own| own.token == token);
        account.draw(*own.unwrap_or_else(|| unreachable!("the winner is one of the candidates")), traces, None)
    }
}

impl Looking {
    /// The candidates with their weights for logits: all are known, and the stages behind `future` can run.
    fn weighed(&self) -> Candidates {
        let mut candidates = self.candidates.clone();
        candidates.reweigh(|s| {
            let weighed = self.lazy_draw.weighed(s.token, s.logit);
            weighed.unwrap_or_else(|| unreachable!("all candidates are known")).log_s
        });
        candidates
    }

    /// Deals the weights of these candidates out anew, and tells of it in their traces.
    fn deal(&self, noise: StepNoise, weighed: &mut Candidates, traces: &mut [CandidateTrace]) {
        let change = |(own, weighed): (Candidate, Candidate)| Changed {
            token: own.token,
            log_p: own.logit,
            change: weighed.logit - own.logit,
        };
        let changed: Vec<Changed> = self.candidates.iter().zip(weighed.iter()).map(change).collect();
        let weights: BTreeMap<Token, f64> = changed.iter().map(|one| one.token).zip(dealt(&changed, noise)).collect();
        let mass = self.candidates.mass();
        weighed.reweigh(|one| weights[&one.token]);
        for trace in traces {
            trace.log_s = weights.get(&trace.token).map(|&weight| mass.log_p(weight));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, LazyLock};

    use super::*;
    use crate::model::{Kind, Vocabulary};
    use crate::prob::{Noise, rank};
    use crate::sampler::{Baseline, Chain, History, Pick, Sampler, Skipped, Stage};

    const V: Token = 12;

    fn entropy_behind(row: &[f32], n: usize) -> f64 {
        entropy_of(&top(row, n), n)
    }

    fn vocabulary() -> Vocabulary {
        static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(|| {
            Vocabulary::new((0..V).map(|token| match token {
                10 => ("</s>".to_string(), Kind::End),
                11 => ("<pad>".to_string(), Kind::Control),
                _ if token.is_multiple_of(3) => ("ly".to_string(), Kind::Text),
                _ => (format!(" w{token}"), Kind::Text),
            }))
        });
        VOCABULARY.clone()
    }

    /// The row after a text: pseudo-random logits between 0 and 4.
    #[allow(clippy::cast_possible_truncation)]
    fn row(text: &[Token]) -> Vec<f32> {
        let noise = Noise::new(99, text).at(0, 0);
        (0..V).map(|token| (noise.uniform(token) * 4.0) as f32).collect()
    }

    fn sampler(chain: &[&str], pick: Pick) -> Sampler {
        let stages = chain.iter().map(|stage| toml::from_str::<Stage>(stage).unwrap());
        Sampler::new(Chain::new(stages.collect()).unwrap(), pick)
    }

    fn future(alpha: &str, more: &str) -> String {
        format!("future = {{ candidates = 8, entropy-top = 5, alpha = {alpha}{more} }}")
    }

    /// What was seen after a token: more of some than of others.
    fn seen(token: Token) -> Vec<f64> {
        (0..token % 4).map(|i| 0.31 + 0.05 * f64::from((token * 7 + i * 3) % 12)).collect()
    }

    /// The same sampler with a table of that.
    fn measured(sampler: &Sampler, horizon: Horizon) -> Sampler {
        let all = (0..V).flat_map(|token| seen(token).into_iter().map(move |future| (token, future)));
        sampler.with_baseline(Arc::new(Baseline::of(&"0".repeat(64), 5, horizon, V as usize, all).unwrap()))
    }

    /// Takes one token after `text`, answering `width` paths at a time; returns the draw and the paths that were answered.
    fn take(sampler: &Sampler, history: &History, seed: u64, width: usize) -> (Draw, Vec<TokenPath>) {
        take_bound(&sampler.bind(&vocabulary()).unwrap(), history, seed, width)
    }

    fn take_bound(sampler: &BoundSampler, history: &History, seed: u64, width: usize) -> (Draw, Vec<TokenPath>) {
        let mut turn = sampler.turn(history, &row(history.text()), Noise::new(seed, &[])).unwrap();
        let mut answered = Vec::new();
        loop {
            match turn.ask() {
                Ask::Take(draw) => return (draw, answered),
                Ask::Look(paths) => {
                    for path in paths.into_iter().take(width) {
                        turn.learn(&path, &row(&[history.text(), &path.0].concat()));
                        answered.push(path);
                    }
                }
            }
        }
    }

    /// The first 300 tokens of a story.
    fn story(sampler: &Sampler, seed: u64, width: usize) -> (Vec<Token>, usize) {
        let (mut history, mut looks) = (History::of_prompt(&[1, 2, 3]), 0);
        let sampler = sampler.bind(&vocabulary()).unwrap();
        for _ in 0..300 {
            let (draw, answered) = take_bound(&sampler, &history, seed, width);
            history = history.after(&draw);
            looks += answered.len();
        }
        (history.told().to_vec(), looks)
    }

    #[test]
    fn the_lazy_draw_takes_the_tokens_of_the_full_one_whatever_the_width() {
        for alpha in ["-1", "-0.6", "0", "0.4", "1", "{ wave = { period = 17 } }"] {
            for temperature in ["temperature = 0", "temperature = 0.7", "temperature = 1", "temperature = 1.6"] {
                for (horizon, more) in [
                    ("token", ""),
                    ("word", ""),
                    ("token", ", ceiling = 0.8"),
                    ("token", ", baseline = 'model'"),
                    ("word", ", ceiling = 0.9, baseline = 'model'"),
                ] {
                    let future = future(alpha, &format!(", horizon = '{horizon}'{more}"));
                    let measures = if horizon == "word" { Horizon::Word } else { Horizon::Token };
                    for pick in [Pick::Sample, Pick::Argmax] {
                        // What bends Ĥ bends it the same way whatever is done with s.
                        if !more.is_empty() && (pick == Pick::Argmax || temperature != "temperature = 0.7") {
                            continue;
                        }
                        let dry = "dry = { multiplier = 0.5, allowed-length = 1 }";
                        let lazy = measured(&sampler(&[dry, "min-p = 0.05", &future, temperature], pick), measures);
                        let (told, looks) = story(&lazy, 5, 1);
                        let (full, all) = story(&lazy.with_reach(Reach::Exhaustive), 5, 99);
                        assert_eq!(told, full, "α = {alpha}, {temperature}, {horizon}{more}, {pick:?}");
                        assert_eq!(story(&lazy, 5, 3).0, told);
                        // At α = 1 an argmax has only equal bounds: nothing can be ruled out unseen.
                        assert!(looks < all || (alpha == "1" && looks == all), "{looks} of {all}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_lazy_draw_has_the_distribution_of_the_weights() {
        // χ² over up to 10⁵ draws against p^a·Ĥ^b computed here; 40 is exceeded by chance less than once in 10⁵ at 7 degrees.
        let text = [4, 5];
        for (alpha, a, b, c, against) in [
            ("-0.5", 1.0, 0.5, 1.0, "none"),
            ("0", 1.0, 1.0, 1.0, "none"),
            ("0.5", 0.5, 1.0, 1.0, "none"),
            ("1", 0.0, 1.0, 1.0, "none"),
            ("0", 1.0, 1.0, 0.85, "none"),
            ("0", 1.0, 1.0, 1.0, "model"),
            ("0.5", 0.5, 1.0, 0.85, "model"),
        ] {
            let lazy = sampler(&[&future(alpha, &format!(", ceiling = {c:?}, baseline = '{against}'"))], Pick::Sample);
            let lazy = measured(&lazy, Horizon::Token);
            // Ē by hand: the mean of what was seen, shrunk with weight 4.
            let under = |future: f64| future.min(c) / c;
            let all: Vec<f64> = (0..V).flat_map(seen).map(under).collect();
            let mean = all.iter().sum::<f64>() / all.len() as f64;
            let usual = |token: Token| {
                let own: f64 = seen(token).into_iter().map(under).sum();
                (own + 4.0 * mean) / (seen(token).len() as f64 + 4.0)
            };
            let ranked: Vec<Token> = top(&row(&text), 9).iter().map(|r| r.token).filter(|&t| t < 11).take(8).collect();
            let weight = |&token: &Token| {
                let p = f64::from(row(&text)[token as usize]).exp();
                let after = if token == 10 { row(&text) } else { row(&[4, 5, token]) };
                // An end counts as this moment does, and that is held against the token before it.
                let usual = if against == "none" { 1.0 } else { usual(if token == 10 { 5 } else { token }) };
                p.powf(a) * (under(entropy_behind(&after, 5)) / usual).powf(b)
            };
            let sum: f64 = ranked.iter().map(weight).sum();
            let mut counts = vec![0.0; V as usize];
            let (lazy, history) = (lazy.bind(&vocabulary()).unwrap(), History::of_prompt(&text));
            let draws: u32 = if c == 1.0 && against == "none" { 100_000 } else { 30_000 };
            for seed in 0..draws {
                counts[take_bound(&lazy, &history, seed.into(), 1).0.token as usize] += 1.0;
            }
            let expected = |token: &Token| f64::from(draws) * weight(token) / sum;
            let chi: f64 = ranked.iter().map(|t| (counts[*t as usize] - expected(t)).powi(2) / expected(t)).sum();
            assert!(chi < 40.0, "α = {alpha}, ceiling {c}, against {against}: χ² = {chi}");
        }
    }

    #[test]
    fn at_minus_1_future_is_top_k_and_looks_at_nothing() {
        let plain = story(&sampler(&["min-p = 0.02", "top-k = 8", "temperature = 0.9"], Pick::Sample), 3, 1);
        let voice = story(&sampler(&["min-p = 0.02", &future("-1", ""), "temperature = 0.9"], Pick::Sample), 3, 1);
        let cross = future("-1", ", curve = 'crossfade'");
        assert_eq!(voice, plain);
        assert_eq!(voice.1, 0);
        assert_eq!(story(&sampler(&["min-p = 0.02", &cross, "temperature = 0.9"], Pick::Sample), 3, 1), plain);
    }

    #[test]
    fn a_ceiling_of_1_is_none_and_a_lower_one_spares_looks() {
        let told = |more: &str| story(&sampler(&["min-p = 0.02", &future("0", more), "temperature = 1"], Pick::Sample), 3, 1);
        assert_eq!(told(", ceiling = 1"), told(""));
        // Below the least Ĥ of these rows every candidate is open enough: the first look ends it, and p alone decides.
        let (least, looks) = told(", ceiling = 0.01");
        assert_eq!(least, story(&sampler(&["min-p = 0.02", "top-k = 8"], Pick::Sample), 3, 1).0);
        assert!(looks <= 300, "{looks} looks for 300 tokens");
        assert!(told(", ceiling = 0.8").1 < told("").1);
    }

    #[test]
    fn a_trace_tells_what_of_a_future_was_weighed() {
        let looked = |more: &str| {
            let sampler = measured(&sampler(&[&future("0", more)], Pick::Sample), Horizon::Token);
            take(&sampler.with_reach(Reach::Exhaustive), &History::of_prompt(&[1]), 1, 99).0.candidates
        };
        assert!(looked("").iter().all(|one| one.openness.is_none()));
        for one in looked(", ceiling = 0.8, baseline = 'model'") {
            let openness = one.openness.unwrap();
            assert!((one.log_s.unwrap() - (one.p * openness).ln()).abs() < 1e-12);
            assert!(one.future.unwrap() <= 1.0 && openness != one.future.unwrap());
        }
    }

    #[test]
    fn a_baseline_without_a_table_or_with_another_one_is_refused() {
        let lacks = sampler(&[&future("0", ", baseline = 'model'")], Pick::Sample);
        let refusal = |sampler: &Sampler| sampler.bind(&vocabulary()).unwrap_err().to_string();
        assert!(refusal(&lacks).contains("no table of the model is known"));
        let words = refusal(&measured(&lacks, Horizon::Word));
        assert!(words.contains("over 5 tokens to the horizon word, and `future` looks over 5 to the horizon token"), "{words}");
        let all = [(1, 0.5)];
        let larger = lacks.with_baseline(Arc::new(Baseline::of(&"0".repeat(64), 5, Horizon::Token, 13, all).unwrap()));
        assert!(refusal(&larger).contains("a vocabulary of 13 tokens, and that of the model has 12"));
        assert!(measured(&lacks, Horizon::Token).bind(&vocabulary()).is_ok());
    }

    #[test]
    fn a_cut_that_breathes_is_at_each_step_the_cut_of_its_value() {
        let wave = "{ wave = { period = 4, amplitude = 0.2, centre = 0.3 } }";
        for (name, at) in [
            ("min-p", [0.3, 0.5, 0.3, 0.1]),
            ("top-p", [0.3, 0.5, 0.3, 0.1]),
            ("top-h", [0.3, 0.5, 0.3, 0.1]),
            ("typical", [0.3, 0.5, 0.3, 0.1]),
            ("top-n-sigma", [0.3, 0.5, 0.3, 0.1]),
        ] {
            for after in [&[][..], &["temperature = 0.8"], &[future("0", "").as_str(), "temperature = 1"]] {
                let with = |cut: &str| sampler(&[&[cut], after].concat(), Pick::Sample).with_detail();
                let breathing = with(&format!("{name} = {wave}"));
                let mut history = History::of_prompt(&[1, 2]);
                for step in 0..8 {
                    let fixed = with(&format!("{name} = {:?}", at[step % 4]));
                    let (mut moved, one) = (take(&breathing, &history, 3, 9).0, take(&fixed, &history, 3, 9).0);
                    let value = moved.removed[0].value.take().unwrap();
                    assert!((value - at[step % 4]).abs() < 1e-12, "{name} stands at {value}");
                    // sin π is no 0: such a value may cut a token more or less only where one stands just at the edge.
                    assert_eq!(moved, one, "{name} at step {step}");
                    history = history.after(&moved);
                }
            }
        }
    }

    #[test]
    fn a_shuffle_moves_p_as_far_as_the_future_would_and_elsewhere() {
        let settings = "{ candidates = 8, entropy-top = 5, alpha = { wave = { period = 17 } }, ceiling = 0.95 }";
        let [future, shuffle] =
            ["future", "shuffle"].map(|name| sampler(&["min-p = 0.05", &format!("{name} = {settings}")], Pick::Sample));
        assert_eq!(shuffle.reach(), Reach::Full);
        // KL(q‖p) of the weights that a draw tells.
        let divergence = |draw: &Draw| {
            let weights: Vec<f64> = draw.candidates.iter().map(|one| one.log_s.unwrap().exp()).collect();
            let sum: f64 = weights.iter().sum();
            let pairs = draw.candidates.iter().zip(&weights).map(|(one, weight)| (one.p, weight / sum));
            pairs.map(|(p, q)| if q > 0.0 { q * (q / p).ln() } else { 0.0 }).sum::<f64>()
        };
        let (mut history, mut others) = (History::of_prompt(&[1, 2]), 0);
        for _ in 0..100 {
            let of = |sampler: &Sampler| take(&sampler.with_reach(Reach::Exhaustive), &history, 3, 9).0;
            let (own, dealt) = (of(&future), of(&shuffle));
            assert!((divergence(&own) - divergence(&dealt)).abs() < 1e-9);
            assert_eq!(dealt.removed.last().unwrap().stage, "shuffle");
            others += usize::from(own.token != dealt.token);
            // What is shown is what is done: without a look where nothing is weighed.
            assert_eq!(take(&shuffle, &history, 3, 9).0.token, dealt.token);
            history = history.after(&dealt);
        }
        assert!(others > 10, "{others} of 100 tokens are others");
    }

    #[test]
    fn a_story_that_goes_beyond_its_model_is_told_in_the_models_own_voice_until_it_is_back() {
        let guarded = sampler(&["min-p = 0.02", &future("0.5", ", derail = 1")], Pick::Sample);
        let free = sampler(&["min-p = 0.02", &future("0.5", "")], Pick::Sample);
        let voice = sampler(&["min-p = 0.02", &future("-1", "")], Pick::Sample);
        // Three nats where one was to be expected, and then what was.
        let mut history = History::of_prompt(&[1]);
        let mut pulled = Vec::new();
        for step in 0..80 {
            let surprisal = if step < 40 { 3.0 } else { 1.0 };
            let draws = [&guarded, &free, &voice].map(|sampler| take(sampler, &history, 3, 1).0);
            let [guarded, free, voice] = &draws;
            assert_eq!((free.excess, voice.excess), (None, None));
            let derailed = guarded.excess.unwrap() > 1.0;
            assert_eq!(guarded.alpha, Some(if derailed { -1.0 } else { 0.5 }));
            assert_eq!(guarded.token, if derailed { voice } else { free }.token);
            pulled.push(derailed);
            history = history.retold(2, -surprisal, 1.0);
        }
        // 2·(1 − (31/32)ᵗ) is above 1 from t = 22, and below again at t = 40 + 12: by then .719 · 2 · (31/32)¹² = .98.
        let whole: Vec<bool> = (0..80).map(|step| (22..52).contains(&step)).collect();
        assert_eq!(pulled, whole);
    }

    #[test]
    fn a_wave_without_amplitude_is_the_future_at_its_centre() {
        let flat = future("{ wave = { period = 60, amplitude = 0, centre = 0.3 } }", "");
        let constant = future("0.3", "");
        assert_eq!(story(&sampler(&[&flat], Pick::Sample), 3, 1), story(&sampler(&[&constant], Pick::Sample), 3, 1));
    }

    #[test]
    fn a_stage_behind_the_future_has_all_candidates_looked_at() {
        let truncated = sampler(&[&future("0", ", end-of-text = 'article'"), "top-k = 2"], Pick::Sample);
        assert_eq!(truncated.reach(), Reach::Full);
        let (draw, answered) = take(&truncated, &History::of_prompt(&[1]), 1, 99);
        assert_eq!(answered.len(), 8);
        let mut weights: Vec<(f64, Token)> = draw.candidates.iter().map(|c| (-c.log_s.unwrap(), c.token)).collect();
        weights.sort_by(|a, b| a.0.total_cmp(&b.0));
        assert!(weights[..2].iter().any(|(_, token)| *token == draw.token));
        assert_eq!(draw.removed.last().map(|removed| (removed.stage, removed.count)), Some(("top-k", 6)));
    }

    #[test]
    fn one_survivor_is_taken_without_a_look() {
        let (draw, answered) = take(&sampler(&["top-k = 1", &future("1", "")], Pick::Sample), &History::of_prompt(&[1]), 1, 9);
        assert_eq!((answered.len(), draw.skipped), (0, Some(Skipped::OneSurvivor)));
    }

    #[test]
    fn control_tokens_are_never_taken() {
        assert!(!story(&sampler(&[], Pick::Sample), 1, 1).0.contains(&11));
    }

    #[test]
    fn before_the_least_length_no_end_is_taken_by_the_lazy_draw_or_the_full_one() {
        // The end is by far the likeliest token.
        let row = |text: &[Token]| row(text).into_iter().zip(0..V).map(|(l, t)| if t == 10 { 9.0 } else { l }).collect();
        let row = |text: &[Token]| -> Vec<f32> { row(text) };
        let ends = |sampler: &Sampler, told: &[Token], seed| {
            let mut history = History::of_prompt(&[1]);
            for &token in told {
                history = history.retold(token, -1.0, 1.0);
            }
            let mut turn =
                sampler.bind(&vocabulary()).unwrap().turn(&history, &row(history.text()), Noise::new(seed, &[])).unwrap();
            loop {
                match turn.ask() {
                    Ask::Take(draw) => return draw.token,
                    Ask::Look(paths) => turn.learn(&paths[0], &row(&[history.text(), &paths[0].0].concat())),
                }
            }
        };
        for chain in
            [vec!["min-p = 0.05".to_owned()], vec!["min-p = 0.05".to_owned(), future("0", ""), "temperature = 1".to_owned()]]
        {
            let chain: Vec<&str> = chain.iter().map(String::as_str).collect();
            let plain = sampler(&chain, Pick::Sample);
            let least = plain.with_min_tokens(2);
            for seed in 0..50 {
                for told in [&[][..], &[2]] {
                    let token = ends(&least, told, seed);
                    assert_ne!(token, 10);
                    assert_eq!(ends(&least.with_reach(Reach::Exhaustive), told, seed), token);
                }
                // From the second token on it is as if nothing had been asked for.
                assert_eq!(ends(&least, &[2, 3], seed), ends(&plain, &[2, 3], seed));
            }
            assert_eq!(ends(&least, &[2, 3], 0), 10);
        }
    }

    #[test]
    fn where_nothing_but_an_end_is_left_it_is_taken_before_its_time() {
        let mut row = [f32::NEG_INFINITY; 12];
        (row[10], row[11]) = (1.0, 2.0);
        let least = sampler(&[], Pick::Sample).with_min_tokens(9);
        let ask = least.bind(&vocabulary()).unwrap().turn(&History::of_prompt(&[1]), &row, Noise::new(1, &[])).unwrap().ask();
        assert!(matches!(ask, Ask::Take(draw) if draw.token == 10));
    }

    #[test]
    fn an_end_counts_as_open_as_now_if_the_story_goes_on_or_is_never_taken_or_looked_at_like_others() {
        let history = History::of_prompt(&[7]);
        let end = |how: &str| {
            let sampler = sampler(
                &[&format!("future = {{ candidates = 11, entropy-top = 5, alpha = 0, end-of-text = '{how}' }}")],
                Pick::Sample,
            );
            let (draw, answered) = take(&sampler.with_reach(Reach::Exhaustive), &history, 1, 99);
            let looked = draw.candidates.iter().find(|c| c.token == 10).map(|c| c.future.unwrap());
            (looked, answered.contains(&TokenPath(vec![10])))
        };
        let going_on: Vec<f32> = (0..).zip(row(&[7])).map(|(t, l)| if t == 10 { f32::NEG_INFINITY } else { l }).collect();
        assert_eq!(end("neutral"), (Some(entropy_behind(&going_on, 5)), false));
        assert_eq!(end("never"), (None, false));
        assert_eq!(end("article"), (Some(entropy_behind(&row(&[7, 10]), 5)), true));
    }

    #[test]
    fn a_model_that_is_sure_of_its_end_does_not_make_the_end_a_closed_future() {
        // Whatever the logit of the end: its Ĥ is that of the story going on, and at α = 0 its odds grow as those of p do.
        let sampler = sampler(&[&future("0", "")], Pick::Sample).with_reach(Reach::Exhaustive);
        let log_odds = |logit: f32| {
            let mut row = row(&[7]);
            row[10] = logit;
            let mut turn =
                sampler.bind(&vocabulary()).unwrap().turn(&History::of_prompt(&[7]), &row, Noise::new(1, &[])).unwrap();
            let draw = loop {
                match turn.ask() {
                    Ask::Take(draw) => break draw,
                    Ask::Look(paths) => turn.learn(&paths[0], &self::row(&[7, paths[0].0[0]])),
                }
            };
            let end = draw.candidates.iter().find(|c| c.token == 10).unwrap();
            let other = draw.candidates.iter().find(|c| c.token != 10).unwrap();
            end.log_s.unwrap() - other.log_s.unwrap()
        };
        for logit in [3.0_f32, 5.0, 9.0] {
            assert!((log_odds(logit + 2.0) - log_odds(logit) - 2.0).abs() < 1e-9, "{logit}");
        }
    }

    #[test]
    fn a_temperature_that_moves_is_told_with_every_draw() {
        let temperature = |chain: &[&str], step: usize| {
            let mut history = History::of_prompt(&[1]);
            for _ in 0..step {
                history = history.retold(2, -1.0, 1.0);
            }
            let sampler = sampler(chain, Pick::Sample);
            let told = take(&sampler.with_detail(), &history, 1, 99).0.temperature;
            assert!(
                chain.iter().any(|stage| stage.starts_with("dynamic")) || told == take(&sampler, &history, 1, 99).0.temperature
            );
            told
        };
        let steps = "temperature = { steps = { values = [0.5, 1.5], every = 1 } }";
        let future = future("0", "");
        for chain in [&["top-k = 5", steps][..], &["min-p = 0.05", &future, steps], &[steps, &future, "top-k = 3"]] {
            assert_eq!([0, 1, 2].map(|step| temperature(chain, step)), [0.5, 1.5, 0.5].map(Some), "{chain:?}");
        }
        // Those that stand one behind the other are multiplied; what never moves is known from the preset.
        assert_eq!(temperature(&["temperature = 2", steps], 1), Some(3.0));
        assert_eq!(temperature(&["temperature = 2", &future], 1), None);
        assert_eq!(temperature(&["dynamic-temperature = { low = 0.7, high = 0.7 }"], 1), Some(0.7));
        assert_eq!(temperature(&["top-k = 1", "dynamic-temperature = { low = 0.5, high = 2 }"], 1), Some(1.0));
    }

    #[test]
    fn the_word_horizon_follows_a_candidate_to_the_end_of_its_word() {
        let word = sampler(&[&future("0", ", horizon = 'word'")], Pick::Sample).with_reach(Reach::Exhaustive);
        let (draw, answered) = take(&word, &History::of_prompt(&[7]), 1, 99);
        for candidate in draw.candidates.iter().filter(|c| c.token != 10) {
            let mut path = vec![candidate.token];
            let next = |path: &[Token]| top(&row(&[&[7], path].concat()), 1)[0].token;
            while path.len() < Horizon::CAP && vocabulary().continues_word(next(&path)) {
                path.push(next(&path));
            }
            assert_eq!(candidate.future, Some(entropy_behind(&row(&[&[7], &path[..]].concat()), 5)));
            assert!((1..=path.len()).all(|length| answered.contains(&TokenPath(path[..length].to_vec()))));
        }
        assert!(answered.iter().any(|path| path.0.len() > 1), "no candidate was rolled on");
    }

    #[test]
    fn what_has_lost_is_told_once_and_never_the_leader() {
        let history = History::of_prompt(&[1, 2]);
        let lazy = sampler(&[&future("0.5", "")], Pick::Sample);
        let mut turn = lazy.bind(&vocabulary()).unwrap().turn(&history, &row(history.text()), Noise::new(8, &[])).unwrap();
        let (mut lost, mut learnt) = (Vec::new(), 0);
        let draw = loop {
            match turn.ask() {
                Ask::Take(draw) => break draw,
                Ask::Look(paths) => {
                    turn.learn(&paths[0], &row(&[1, 2, paths[0].0[0]]));
                    learnt += 1;
                    lost.extend(turn.lost());
                }
            }
        };
        assert!(!lost.contains(&TokenPath(vec![draw.token])));
        let unique: std::collections::BTreeSet<_> = lost.iter().collect();
        assert_eq!(unique.len(), lost.len());
        assert!(learnt <= lost.len() + 1);
    }

    #[test]
    fn a_draw_tells_the_models_own_probability_and_rank() {
        let text = [3, 3];
        let (draw, _) = take(&sampler(&["temperature = 0.1"], Pick::Sample).with_detail(), &History::of_prompt(&text), 1, 1);
        let z: f64 = row(&text).iter().map(|&l| f64::from(l).exp()).sum();
        assert!((draw.log_p - (f64::from(row(&text)[draw.token as usize]) - z.ln())).abs() < 1e-12);
        assert_eq!(draw.now.rank, Some(rank(&row(&text), draw.token)));
    }

    #[test]
    fn detail_tells_where_the_likeliest_fell() {
        let detailed = sampler(&["top-k = 5", &future("0", "")], Pick::Sample).with_detail();
        let (draw, _) = take(&detailed, &History::of_prompt(&[2]), 1, 1);
        let mut ranked: Vec<Token> = top(&row(&[2]), 12).iter().map(|r| r.token).collect();
        ranked.retain(|&token| token != 11);
        let fallen: Vec<Token> = draw.removed[0].likeliest.iter().map(|one| one.token).collect();
        assert_eq!((draw.removed[0].count, &fallen[..]), (6, &ranked[5..]));
        assert_eq!(draw.removed[1].count, 0);
    }

    #[test]
    fn detail_tells_what_a_plain_chain_has_left() {
        let sampler = sampler(&["top-k = 3"], Pick::Argmax);
        assert_eq!(take(&sampler, &History::of_prompt(&[2]), 1, 1).0.candidates, []);
        let left = take(&sampler.with_detail(), &History::of_prompt(&[2]), 1, 1).0.candidates;
        assert_eq!(left.len(), 3);
        assert!((left.iter().map(|one| one.p).sum::<f64>() - 1.0).abs() < 1e-12);
        assert!(left.windows(2).all(|pair| pair[0].p >= pair[1].p && pair[0].log_p < pair[0].p.ln()));
    }

    #[test]
    fn a_draw_tells_the_likeliest_tokens_whatever_the_chain_does_with_them() {
        let text = [3, 3];
        let z: f64 = row(&text).iter().map(|&l| f64::from(l).exp()).sum();
        let ranked = top(&row(&text), 12);
        let future = future("0.3", "");
        for chain in [&["temperature = 2"][..], &["ban = [' w1']", "top-k = 1"], &["min-p = 0.3", &future]] {
            let plain = sampler(chain, Pick::Sample);
            for n in [0, 1, 5, 12, 99] {
                let (mut draw, answered) = take(&plain.with_likeliest(n), &History::of_prompt(&text), 1, 1);
                let told = std::mem::take(&mut draw.likeliest);
                assert_eq!(told.iter().map(|one| one.token).collect::<Vec<_>>(), {
                    ranked.iter().take(n).map(|one| one.token).collect::<Vec<_>>()
                });
                for one in told {
                    let p = f64::from(row(&text)[one.token as usize]).exp() / z;
                    assert!((one.log_p.exp() - p).abs() < 1e-12);
                }
                // Beside that it is the draw that tells nothing.
                assert_eq!((draw, answered), take(&plain, &History::of_prompt(&text), 1, 1));
            }
        }
    }

    #[test]
    fn the_chances_of_a_draw_are_those_of_what_all_stages_leave() {
        let text = [3, 3];
        // A temperature of 2 takes the root of p, and top-k leaves three.
        let plain = sampler(&["top-k = 3", "temperature = 2"], Pick::Sample).with_shares(2);
        let shares = take(&plain, &History::of_prompt(&text), 1, 1).0.shares.unwrap();
        let roots: Vec<(Token, f64)> = top(&row(&text), 4)
            .iter()
            .filter(|one| one.token != 11)
            .take(3)
            .map(|one| (one.token, f64::from(one.logit / 2.0).exp()))
            .collect();
        let sum: f64 = roots.iter().map(|one| one.1).sum();
        for (share, (token, root)) in shares.largest.iter().zip(&roots) {
            assert_eq!(share.token, *token);
            assert!((share.p - root / sum).abs() < 1e-6, "{shares:?}");
        }
        assert_eq!(shares.largest.len(), 2);
        let cold = take(&sampler(&["temperature = 0"], Pick::Sample).with_shares(9), &History::of_prompt(&text), 1, 1).0;
        assert_eq!(
            cold.shares,
            Some(crate::sampler::Shares { taken: 1.0, largest: vec![crate::sampler::Share { token: cold.token, p: 1.0 }] })
        );
    }

    #[test]
    fn with_a_future_chances_are_those_of_all_weights_and_the_tokens_stay() {
        for (alpha, more) in [("0.4", ""), ("-1", ""), ("{ wave = { period = 17 } }", ", horizon = 'word'")] {
            for behind in ["temperature = 1.6", "temperature = 0", "top-k = 3"] {
                let plain = sampler(&["min-p = 0.05", &future(alpha, more), behind], Pick::Sample);
                let asked = plain.with_shares(20);
                let (mut history, mut looks) = (History::of_prompt(&[1, 2, 3]), [0, 0]);
                for _ in 0..60 {
                    let [(one, few), (other, all)] = [&plain, &asked].map(|sampler| take(sampler, &history, 5, 1));
                    assert_eq!((one.token, one.log_p, &one.removed), (other.token, other.log_p, &other.removed));
                    assert!(all.starts_with(&few), "they are looked at in the same order");
                    looks = [looks[0] + few.len(), looks[1] + all.len()];
                    let shares = other.shares.unwrap();
                    assert!((shares.largest.iter().map(|share| share.p).sum::<f64>() - 1.0).abs() < 1e-12);
                    assert!(shares.largest.iter().any(|share| share.token == one.token && share.p == shares.taken));
                    if behind == "temperature = 1.6" && alpha != "-1" && other.skipped.is_none() {
                        let weight = |one: &CandidateTrace| (one.log_s.unwrap() / 1.6).exp();
                        let sum: f64 = other.candidates.iter().map(weight).sum();
                        for share in &shares.largest {
                            let candidate = other.candidates.iter().find(|one| one.token == share.token).unwrap();
                            assert!((share.p - weight(candidate) / sum).abs() < 1e-9);
                        }
                    }
                    history = history.after(&one);
                }
                assert_eq!(looks[0] < looks[1], alpha != "-1" && behind != "top-k = 3", "{alpha} {behind}: {looks:?}");
            }
        }
    }

    #[test]
    fn a_row_of_nothing_is_an_error() {
        let sampler = sampler(&[], Pick::Sample);
        let turn = |row: &[f32]| sampler.bind(&vocabulary()).unwrap().turn(&History::of_prompt(&[1]), row, Noise::new(1, &[]));
        assert!(turn(&[f32::NAN; 12]).is_err());
        let mut only_control = [f32::NEG_INFINITY; 12];
        only_control[11] = 1.0;
        assert!(turn(&only_control).unwrap_err().to_string().contains("no word that may be taken"));
    }
}
