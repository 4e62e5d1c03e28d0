//! The closed loop: a story whose α moves by itself stays nearer to its band than one whose α stands anywhere.

use afterword::model::{Kind, Vocabulary};
use afterword::preset::parse;
use afterword::prob::Noise;
use afterword::sampler::{Ask, History};

const TOKENS: usize = 600;

/// A language of 24 words: after an even one the next is nearly settled, after an odd one it is open; even ones are likelier.
fn row(text: &[u32]) -> Vec<f32> {
    let last = text.last().copied().unwrap_or_default();
    let sharp = if last % 2 == 0 { 4.0 } else { 0.4 };
    let mixed = |v: u32| (last.wrapping_mul(2_654_435_761) ^ v.wrapping_mul(40_503)).wrapping_mul(2_246_822_519) >> 16;
    let height = |v: u32| f32::from(u16::try_from(mixed(v) & 0xff).unwrap()) / 255.0;
    (0..24).map(|v| sharp * height(v) + if v % 2 == 0 { 1.0 } else { 0.0 }).collect()
}

/// The surprisals of a story told with this α.
fn told(alpha: &str, seed: u64) -> Vec<f64> {
    let text =
        format!("[[chain]]\nfuture = {{ candidates = 24, entropy-top = 12, alpha = {alpha} }}\n[[chain]]\ntemperature = 1.0\n");
    let preset = parse(&text, "steady").unwrap();
    let vocabulary = Vocabulary::new((0..24).map(|n| (format!(" {n}"), Kind::Text)));
    let sampler = preset.sampler().bind(&vocabulary).unwrap();
    let (mut history, mut surprisals) = (History::of_prompt(&[1]).planning(TOKENS), Vec::new());
    while surprisals.len() < TOKENS {
        let mut turn = sampler.turn(&history, &row(history.text()), Noise::new(seed, &[1])).unwrap();
        let draw = loop {
            match turn.ask() {
                Ask::Take(draw) => break draw,
                Ask::Look(paths) => turn.learn(&paths[0], &row(&[history.text(), &paths[0].0].concat())),
            }
        };
        surprisals.push(-draw.log_p);
        // What is written down and read again goes on alike.
        history = serde_json::from_str(&serde_json::to_string(&history.after(&draw)).unwrap()).unwrap();
    }
    surprisals
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// How far the surprisal averaged over 64 tokens is outside of the band, in the mean over the last 400 tokens.
fn outside(surprisals: &[f64], [low, high]: [f64; 2]) -> f64 {
    let averages: Vec<f64> = surprisals[TOKENS - 464..].windows(64).map(mean).collect();
    mean(&averages.iter().map(|&average| (average.clamp(low, high) - average).abs()).collect::<Vec<_>>())
}

#[test]
fn a_closed_loop_holds_its_band_better_than_an_open_one() {
    let stories = |alpha: &str| (1..=4).map(|seed| told(alpha, seed)).collect::<Vec<_>>();
    let open = ["-1", "0", "1"].map(stories);
    let level = |stories: &[Vec<f64>]| mean(&stories.iter().map(|story| mean(story)).collect::<Vec<_>>());
    let [lowest, middle, highest] = [0, 1, 2].map(|at| level(&open[at]));
    assert!(lowest + 0.2 < highest, "α moves the surprisal of this language: {lowest} {middle} {highest}");
    // A band between two levels that an open loop has.
    let (from, to) = if middle - lowest > highest - middle { (lowest, middle) } else { (middle, highest) };
    let band = [from + 0.4 * (to - from), from + 0.6 * (to - from)];
    let far = |stories: &[Vec<f64>]| mean(&stories.iter().map(|story| outside(story, band)).collect::<Vec<_>>());
    let closed = far(&stories(&format!("{{ band = {{ surprisal = [{:?}, {:?}], window = 64 }} }}", band[0], band[1])));
    for stories in &open {
        assert!(closed < far(stories), "{closed} is not below {} for the band {band:?}", far(stories));
    }
}
