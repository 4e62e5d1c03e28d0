//! No change of the program changes a number that a story is drawn by: noise, entropy, schedules and whole turns are computed
//! again and compared with `tests/values`, to the last bit.
//!
//! A change after which a line reads otherwise is a breaking change, and belongs into the changelog; `SNAPSHOTS=overwrite` then
//! writes the files anew. Every number is written in the shortest form that is read back to the same bits.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::support::ROOT;
use afterword::model::{Kind, Vocabulary};
use afterword::prob::{Alpha, Candidate, Candidates, Noise, Partition, Place, Schedule, Temperature, Token};
use afterword::prob::{normalised_entropy, rank, top};
use afterword::sampler::{Ask, BoundSampler, Chain, Draw, History, Pick, Reach, Sampler};

/// The sizes of the vocabularies: by hand, middling, and that of gemma.
const SIZES: [Token; 3] = [12, 4_096, 262_144];

#[test]
fn the_noise_is_what_it_was() {
    let mut lines = Lines::default();
    for (seed, prompt) in [(0, &[][..]), (1, &[1, 2, 3]), (7, &[262_143]), (u64::MAX, &[0, 0])] {
        for (step, stage) in [(0, 0), (0, 1), (1, 0), (999, 7)] {
            let noise = Noise::new(seed, prompt).at(step, stage);
            for token in [0, 1, 11, 4_095, 262_143, Token::MAX] {
                let (bits, uniform, gumbel) = (noise.bits(token), noise.uniform(token), noise.gumbel(token));
                lines.add(format!("{seed} {prompt:?} {step} {stage} {token}: {bits:#018x} {uniform:?} {gumbel:?}"));
            }
            for size in SIZES {
                let row = row(size, seed ^ step as u64);
                let weights = || (0..).zip(&row).map(|(token, &logit)| (token, f64::from(logit)));
                let own = noise.largest(weights().filter(|(_, logit)| logit.is_finite())).unwrap();
                let hot = noise.largest_of_row(None, &row, &[Temperature::new(1.5).unwrap()], |token| token % 3 > 0);
                lines.add(format!("{seed} {prompt:?} {step} {stage} of {size}: {own} {}", hot.unwrap()));
            }
        }
    }
    lines.compare("noise.txt");
}

#[test]
fn partitions_and_entropies_are_what_they_were() {
    let mut lines = Lines::default();
    for size in SIZES {
        for seed in 0..6 {
            let row = row(size, seed);
            let partition = Partition::of(&row).unwrap();
            let candidates = Candidates::of(&row, |token| token % 7 != 1).unwrap();
            let (z, entropy) = (partition.log_sum_exp(), partition.entropy());
            lines.add(format!("{size} {seed}: ln Z {z:?}, entropy {entropy:?}, of survivors {:?}", candidates.entropy()));
            let best = top(&row, 50);
            let logits = |n: usize| best.iter().take(n).map(|ranked| f64::from(ranked.logit));
            let normalised = [1, 2, 5, 20, 50].map(|n| format!("{n} {:?}", normalised_entropy(logits(n), n)));
            lines.add(format!("{size} {seed}: normalised over {}", normalised.join(", ")));
            for ranked in [best[0], best[1], best[best.len() / 2]] {
                let rank = rank(&row, ranked.token);
                let (own, among) = (partition.log_p(ranked.logit), candidates.log_p(ranked.token));
                lines.add(format!(
                    "{size} {seed}: token {} of rank {rank}, ln p {own:?}, among survivors {among:?}",
                    ranked.token
                ));
            }
        }
    }
    let by_hand = |p: &[f64]| Candidates::new((0..).zip(p).map(|(token, p)| Candidate { token, logit: p.ln() }).collect());
    for p in [&[0.5, 0.25, 0.125, 0.125][..], &[0.1, 0.2, 0.3, 0.4], &[1.0], &[1e-300, 1.0], &[0.2; 5]] {
        let (entropy, normalised) = (by_hand(p).unwrap().entropy(), normalised_entropy(p.iter().map(|p| p.ln()), p.len()));
        lines.add(format!("{p:?}: entropy {entropy:?}, normalised {normalised:?}"));
    }
    lines.compare("entropy.txt");
}

#[test]
fn schedules_are_what_they_were() {
    let surprisals: Vec<f64> = (0..240_u64).map(|at| f64::from(height(5, at)) / 2.0).collect();
    let places = [0, 1, 7, 30, 59, 120, 239].map(|token| Place {
        token,
        sentence: token / 9,
        paragraph: token / 50,
        fraction: token as f64 / 239.0,
        surprisals: &surprisals[..token],
        entropies: &[],
    });
    let mut lines = Lines::default();
    for text in [
        "0.25",
        "{ wave = { period = 60 } }",
        "{ wave = { period = 7.3, amplitude = 0.45, centre = 0.4, phase = 0.25 } }",
        "{ triangle = { period = 60, amplitude = 0.7, phase = -0.4 } }",
        "{ square = { period = 11, amplitude = 0.3, centre = 0.6, unit = 'sentence' } }",
        "{ saw = { period = 2.5, unit = 'paragraph', fade-in = 0.2, fade-out = 0.3 } }",
        "{ steps = { values = [0.1, 0.9, 0.3], every = 3, unit = 'sentence' } }",
        "{ keyframes = [[0, 0.9], [0.3, 0.1], [0.3, 0.2], [1, 0.7]] }",
        "{ band = { surprisal = [0.4, 0.8], window = 16, gain = 2, start = 0.5 } }",
    ] {
        let schedules: (Schedule<Alpha>, Schedule<Temperature>) = (value(text), value(text));
        for place in &places {
            let (alpha, temperature) = (schedules.0.at(place).get(), schedules.1.at(place).get());
            lines.add(format!("{text} at {}: α {alpha:?}, T {temperature:?}", place.token));
        }
    }
    lines.compare("schedules.txt");
}

/// A chain for every stage, with what decides which way a turn takes: the fast ones and the long one.
const CHAINS: [&[&str]; 23] = [
    &[],
    &["temperature = 0"],
    &["temperature = 0.8"],
    &["temperature = { wave = { period = 5 } }", "temperature = 1.4"],
    &["bias = { w4 = 3, w7 = -2 }", "ban = ['w5']", "temperature = 1.1"],
    &["penalties = { repeat = 1.3, frequency = 0.2, presence = 0.1 }", "temperature = 0.9"],
    &["dry = { multiplier = 0.8, allowed-length = 1 }", "min-p = 0.02", "temperature = 1.2"],
    &["penalties = { repeat = 1.1 }", "top-k = 40", "top-p = 0.95", "temperature = 0.8"],
    &["top-k = 300", "typical = 0.9"],
    &["top-p = 0.9"],
    &["typical = 0.95"],
    &["top-n-sigma = 1"],
    &["top-h = 0.4"],
    &["min-p = 0.01", "xtc = { probability = 0.7, threshold = 0.05 }", "temperature = 1"],
    &["dynamic-temperature = { low = 0.5, high = 1.8, exponent = 0.7 }", "min-p = 0.05"],
    &["mirostat = { tau = 4 }"],
    &["min-p = 0.01", "adaptive-p = { target = 0.3 }"],
    &["min-p = 0.05", "future = { candidates = 6, entropy-top = 5, alpha = 0 }", "temperature = 1"],
    &["min-p = 0.02", "future = { candidates = 6, entropy-top = 10, alpha = { wave = { period = 4 } } }", "temperature = 0.7"],
    &["future = { candidates = 5, entropy-top = 8, alpha = 0.5, curve = 'crossfade', horizon = 'word' }"],
    &["future = { candidates = 5, entropy-top = 5, alpha = 1, end-of-text = 'article' }", "temperature = 0"],
    &["top-p = 0.9", "future = { candidates = 5, entropy-top = 5, alpha = -0.5, end-of-text = 'never' }", "top-k = 3"],
    &["top-k = 9", "future = { candidates = 6, entropy-top = 5, alpha = -1 }", "temperature = 1.1"],
];

#[test]
fn turns_are_what_they_were() {
    let mut lines = Lines::default();
    for size in SIZES {
        let vocabulary = vocabulary(size);
        for stages in CHAINS {
            let chain = || Chain::new(stages.iter().map(|stage| toml::from_str(stage).unwrap()).collect()).unwrap();
            let sample = Sampler::new(chain(), Pick::Sample);
            let mut samplers = vec![("sample", sample.clone())];
            if size < SIZES[2] {
                let least = Sampler::new(chain(), Pick::Argmax).with_min_tokens(2);
                samplers.extend([("argmax", least), ("exhaustive", sample.with_reach(Reach::Exhaustive))]);
            }
            if size == SIZES[0] {
                samplers.push(("detail", sample.with_detail()));
            }
            for (how, sampler) in samplers {
                let sampler = sampler.bind(&vocabulary).unwrap();
                for seed in if how == "sample" { 1..3 } else { 2..3 } {
                    lines.add(format!("\n{size} tokens, {how}, seed {seed}: {}", stages.join(", ")));
                    tell(&sampler, size, seed, &mut lines);
                }
            }
        }
    }
    lines.compare("turns.txt");
}

/// The draws of a story's first tokens.
fn tell(sampler: &BoundSampler, size: Token, seed: u64, lines: &mut Lines) {
    let steps = if size == SIZES[2] { 2 } else { 3 };
    let mut history = History::of_prompt(&[4, 7, 4, 7]).planning(steps);
    for _ in 0..steps {
        let mut turn = sampler.turn(&history, &row_after(size, history.text()), Noise::new(seed, &[4, 7])).unwrap();
        let mut learnt = 0;
        let draw = loop {
            match turn.ask() {
                Ask::Take(draw) => break draw,
                Ask::Look(paths) => {
                    turn.learn(&paths[0], &row_after(size, &[history.text(), &paths[0].0].concat()));
                    learnt += 1;
                }
            }
        };
        lines.add(shown(&draw, learnt));
        history = history.after(&draw);
    }
}

/// All that a draw tells.
fn shown(draw: &Draw, learnt: usize) -> String {
    let mut text = format!("{} ln p {:?}, entropy {:?}", draw.token, draw.log_p, draw.now.entropy);
    let mut tell = |name: &str, value: Option<String>| {
        if let Some(value) = value {
            write!(text, ", {name} {value}").unwrap();
        }
    };
    let number = |value: Option<f64>| value.map(|value| format!("{value:?}"));
    tell("normalised", number(draw.now.normalised_entropy));
    tell("rank", draw.now.rank.map(|rank| rank.to_string()));
    tell("α", number(draw.alpha));
    tell("T", number(draw.temperature));
    tell("steering", number(draw.feedback));
    tell("skipped", draw.skipped.map(|why| format!("{why:?}")));
    tell("learnt", (learnt > 0).then(|| learnt.to_string()));
    for removed in &draw.removed {
        let likeliest: Vec<String> = removed.likeliest.iter().map(|one| format!(" {} {:?}", one.token, one.log_p)).collect();
        tell(removed.stage, Some(format!("-{}{}", removed.count, likeliest.concat())));
    }
    for one in &draw.candidates {
        write!(text, "\n  {}: p {:?}, ln p {:?}", one.token, one.p, one.log_p).unwrap();
        if let (Some(future), Some(log_s)) = (one.future, one.log_s) {
            write!(text, ", Ĥ {future:?}, ln s {log_s:?}").unwrap();
        }
    }
    text
}

/// Words, pieces that go on with one, line breaks, an end and a control token.
fn vocabulary(size: Token) -> Vocabulary {
    Vocabulary::new((0..size).map(|token| match token {
        8 => ("\n".to_owned(), Kind::Text),
        10 => ("</s>".to_owned(), Kind::End),
        11 => ("<pad>".to_owned(), Kind::Control),
        _ if token % 3 == 0 => (format!("ly{token}"), Kind::Text),
        _ => (format!(" w{token}"), Kind::Text),
    }))
}

/// The row after a text.
fn row_after(size: Token, text: &[Token]) -> Vec<f32> {
    row(size, text.iter().fold(3, |key, &token| mix(key ^ u64::from(token))))
}

/// Logits spread like those of a model: few are high. Every third row holds some without mass, and some that are equal.
fn row(size: Token, key: u64) -> Vec<f32> {
    let flat = key.is_multiple_of(3);
    let logit = |token: Token| match height(key, u64::from(token)) {
        _ if flat && token % 17 == 6 => f32::NEG_INFINITY,
        _ if flat && token % 19 == 9 => f32::NAN,
        height if flat => (height * 4.0).floor() / 4.0 - 2.5,
        height => height - 4.0,
    };
    (0..size).map(logit).collect()
}

/// A number from 0 up that is above x with a probability near 2^(−x/1.5). It is made of whole numbers, and is the same one
/// everywhere.
fn height(key: u64, at: u64) -> f32 {
    let bits = mix(key.wrapping_add((at + 1).wrapping_mul(0xD134_2543_DE82_EF95)));
    let fraction = ((bits & 0xFFFF) as f32) / 65_536.0;
    1.5 * ((bits.leading_zeros() as f32) + fraction)
}

/// The finaliser of `MurmurHash3`.
fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    bits = (bits ^ (bits >> 33)).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    bits ^ (bits >> 33)
}

/// A value as a preset writes it.
fn value<T: serde::de::DeserializeOwned>(text: &str) -> T {
    toml::from_str::<std::collections::BTreeMap<String, T>>(&format!("value = {text}")).unwrap().remove("value").unwrap()
}

/// What is compared with a file.
#[derive(Default)]
struct Lines(String);

impl Lines {
    fn add(&mut self, line: impl AsRef<str>) {
        self.0.push_str(line.as_ref());
        self.0.push('\n');
    }

    fn compare(&self, name: &str) {
        let path = Path::new(ROOT).join("tests/values").join(name);
        if std::env::var("SNAPSHOTS").is_ok_and(|action| action == "overwrite") {
            fs::write(&path, &self.0).unwrap();
        }
        let written = fs::read_to_string(&path).unwrap();
        let same = |now: &str, then: &str| if has_the_logarithms() { now == then } else { nearly(now, then) };
        let mut pairs = self.0.lines().zip(written.lines()).enumerate();
        if let Some((at, (now, then))) = pairs.find(|(_, (now, then))| !same(now, then)) {
            panic!("tests/values/{name}:{}\n  was {then}\n  is  {now}", at + 1);
        }
        assert_eq!(self.0.lines().count(), written.lines().count(), "tests/values/{name} has another length");
    }
}

/// Whether this machine's logarithms and exponentials have the last bits that those of the machine had that wrote the files:
/// the standard library leaves them to the system.
fn has_the_logarithms() -> bool {
    let mut sum = 0_u64;
    for at in 1..2000_u32 {
        let x = f64::from(at) / 2000.0;
        for y in [x.ln(), (-x).ln_1p(), (-9.0 * x).exp(), (6.0 * x).sin(), x.powf(0.7)] {
            sum = mix(sum ^ y.to_bits());
        }
    }
    sum == 17_553_452_094_611_337_191
}

/// Whether two lines hold the same words, and numbers that are equal but for their last digits.
fn nearly(now: &str, then: &str) -> bool {
    let words = |line: &str| line.split([' ', ',', ':', '(', ')']).map(str::to_owned).collect::<Vec<_>>();
    let (now, then) = (words(now), words(then));
    let near = |a: f64, b: f64| (a - b).abs() <= 1e-9 * (1.0 + a.abs());
    let same = |(a, b): (&String, &String)| {
        a == b || a.parse().is_ok_and(|a: f64| b.parse().is_ok_and(|b: f64| a.fract() != 0.0 && near(a, b)))
    };
    now.len() == then.len() && now.iter().zip(&then).all(same)
}

#[test]
fn a_changed_token_or_number_is_seen_without_the_logarithms_too() {
    assert!(nearly("7 ln p -1.2345678901234567, T 1.0", "7 ln p -1.2345678901234569, T 1.0"));
    assert!(!nearly("7 ln p -1.2345678901234567", "8 ln p -1.2345678901234567"));
    assert!(!nearly("7 ln p -1.2345678901234567", "7 ln p -1.2346678901234567"));
    assert!(!nearly("7 ln p -1.25", "7 ln p -1.25, rank 3"));
}
