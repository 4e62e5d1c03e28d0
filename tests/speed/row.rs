//! The time that a row of a large vocabulary takes outside the model.

use std::time::{Duration, Instant};

use afterword::bench::median;
use afterword::model::{Kind, Lexicon};
use afterword::prob::{Noise, Token};
use afterword::sampler::{Ask, BoundSampler, Chain, Memory, Pick, Sampler};

pub const VOCABULARY: Token = 150_000;

/// What an evaluated row may take.
const MOST: Duration = Duration::from_micros(500);

/// Takes turns on synthetic rows and prints what beginning a turn and learning a row take.
pub fn measure() {
    let lexicon = Lexicon::new((0..VOCABULARY).map(|token| (format!(" w{token}"), Kind::Text)));
    let rows: Vec<Vec<f32>> = (0..8).map(row).collect();
    println!("a row of {VOCABULARY} logits: medians in ms, of a turn with its draw and of a candidate's row");
    for chain in [
        &["dry = { multiplier = 0.8 }", "min-p = 0.05", "future = { candidates = 20, entropy-top = 20, alpha = 0 }"][..],
        &["dry = { multiplier = 0.8 }", "min-p = 0.05", "temperature = 0.9"],
        &["temperature = 0.9"],
        &["dry = { multiplier = 0.8 }", "min-p = 0.02", "xtc = { probability = 0.5, threshold = 0.1 }", "temperature = 1"],
        &["top-k = 40", "top-p = 0.95"],
        &["top-p = 0.95"],
    ] {
        let stages = chain.iter().map(|stage| toml::from_str(stage).unwrap()).collect();
        let sampler = Sampler::new(Chain::new(stages).unwrap(), Pick::Sample).bind(&lexicon).unwrap();
        let (turns, learnt) = times(&sampler, &rows);
        // A turn's own row is one that was evaluated too, and each row is copied out of the model.
        let worst = turns.max(learnt.unwrap_or_default()) + copy(&rows);
        let holds = if worst <= MOST { "holds" } else { "MISSED" };
        let learnt = learnt.map_or("–".into(), |time| format!("{:.3}", milliseconds(time)));
        println!(
            "{holds:<7} turn {:.3}, candidate {learnt}; with its copy at most {:.3} a row: {}",
            milliseconds(turns),
            milliseconds(worst),
            chain.join(", ")
        );
    }
}

/// Medians of the time of a turn and, where any was, of a row that was learnt.
fn times(sampler: &BoundSampler, rows: &[Vec<f32>]) -> (Duration, Option<Duration>) {
    let mut memory = Memory::of_prompt(&(0..1000).map(|i| i % 700).collect::<Vec<_>>());
    let (mut turns, mut learnt) = (Vec::new(), Vec::new());
    for (at, row) in rows.iter().cycle().enumerate().take(80) {
        let began = Instant::now();
        let mut turn = sampler.turn(&memory, row, Noise::new(1, &[])).unwrap();
        let mut time = began.elapsed();
        let draw = loop {
            let began = Instant::now();
            let ask = turn.ask();
            time += began.elapsed();
            match ask {
                Ask::Take(draw) => break draw,
                Ask::Look(paths) => {
                    let began = Instant::now();
                    turn.learn(&paths[0], &rows[(at + 1) % rows.len()]);
                    learnt.push(began.elapsed().as_secs_f64());
                }
            }
        };
        let began = Instant::now();
        memory = memory.after(&draw);
        turns.push((time + began.elapsed()).as_secs_f64());
    }
    (Duration::from_secs_f64(median(turns).unwrap()), median(learnt).map(Duration::from_secs_f64))
}

/// The median time in which a row is copied.
fn copy(rows: &[Vec<f32>]) -> Duration {
    let time = |row: &Vec<f32>| {
        let began = Instant::now();
        std::hint::black_box(row.clone());
        began.elapsed().as_secs_f64()
    };
    Duration::from_secs_f64(median(rows.iter().cycle().take(80).map(time).collect()).unwrap())
}

/// Logits spread like those of a model.
#[allow(clippy::cast_possible_truncation)]
pub fn row(seed: u64) -> Vec<f32> {
    let noise = Noise::new(seed, &[]).at(0, 0);
    (0..VOCABULARY).map(|token| (2.0 * noise.gumbel(token)) as f32).collect()
}

fn milliseconds(time: Duration) -> f64 {
    1e3 * time.as_secs_f64()
}
