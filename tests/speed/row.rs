//! The time that a row of a large vocabulary takes outside the model.

use std::time::Instant;

use afterword::bench::median;
use afterword::model::{Kind, Lexicon};
use afterword::prob::{Noise, Token};
use afterword::sampler::{Ask, BoundSampler, Chain, Memory, Pick, Sampler};

pub const VOCABULARY: Token = 150_000;

/// The vocabulary of gemma, the largest of a well-known family.
const LARGEST: Token = 262_144;

/// What an evaluated row may take, in milliseconds.
const MOST: f64 = 0.5;

/// How many rows are timed.
const ROWS: usize = 80;

/// Takes turns on synthetic rows and prints what beginning a turn and learning a row take.
pub fn measure() {
    println!("a row of {VOCABULARY} logits: medians in ms, of a turn with its draw and of a candidate's row");
    let future = "future = { candidates = 20, entropy-top = 20, alpha = 0 }";
    let (rows, lexicon) = (rows(VOCABULARY), lexicon(VOCABULARY));
    for chain in [
        &["dry = { multiplier = 0.8 }", "min-p = 0.05", future][..],
        &["dry = { multiplier = 0.8 }", "min-p = 0.05", "temperature = 0.9"],
        &["temperature = 0.9"],
        &["dry = { multiplier = 0.8 }", "min-p = 0.02", "xtc = { probability = 0.5, threshold = 0.1 }", "temperature = 1"],
        &["top-k = 40", "top-p = 0.95"],
        &["top-p = 0.95"],
    ] {
        let Times { turn, candidate, copy, .. } = times(&bound(chain, &lexicon), &rows);
        // A turn's own row is one that was evaluated too, and each row is copied out of the model.
        let worst = turn.max(candidate.unwrap_or_default()) + copy;
        let (holds, chain) = (if worst <= MOST { "holds" } else { "MISSED" }, chain.join(", "));
        println!("{holds:<7} turn {turn:.3}, candidate {}; with its copy at most {worst:.3} a row: {chain}", shown(candidate));
    }

    println!("\na row of {LARGEST} logits, as gemma's, beside the sum of its exponentials: medians in ms");
    let (rows, lexicon) = (self::rows(LARGEST), self::lexicon(LARGEST));
    for chain in [&["temperature = 0.9"][..], &["temperature = 0"], &["min-p = 0.05", future, "temperature = 0.9"]] {
        let Times { turn, candidate, copy, sum } = times(&bound(chain, &lexicon), &rows);
        let (holds, chain) = (if turn <= sum { "holds" } else { "MISSED" }, chain.join(", "));
        let (ratio, candidate) = (turn / sum, shown(candidate));
        println!("{holds:<7} turn {turn:.3}, {ratio:.2} of the sum's {sum:.3}; candidate {candidate}; copy {copy:.3}: {chain}");
    }
}

fn bound(chain: &[&str], lexicon: &Lexicon) -> BoundSampler {
    let stages = chain.iter().map(|stage| toml::from_str(stage).unwrap()).collect();
    Sampler::new(Chain::new(stages).unwrap(), Pick::Sample).bind(lexicon).unwrap()
}

/// Medians in milliseconds, all taken in turns.
struct Times {
    /// A turn with its draw, without what it learnt.
    turn: f64,
    /// A row that was learnt, where any was.
    candidate: Option<f64>,
    /// The copy of a row.
    copy: f64,
    /// Σ eˡ of a row by the standard library: what every softmax has to do at least.
    sum: f64,
}

fn times(sampler: &BoundSampler, rows: &[Vec<f32>]) -> Times {
    let mut memory = Memory::of_prompt(&(0..1000).map(|i| i % 700).collect::<Vec<_>>());
    let (mut turns, mut learnt, mut copies, mut sums) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for (at, row) in rows.iter().cycle().enumerate().take(ROWS) {
        let began = Instant::now();
        let mut turn = sampler.turn(&memory, row, Noise::new(1, &[])).unwrap();
        let mut time = since(began);
        let draw = loop {
            let began = Instant::now();
            let ask = turn.ask();
            time += since(began);
            match ask {
                Ask::Take(draw) => break draw,
                Ask::Look(paths) => {
                    let began = Instant::now();
                    turn.learn(&paths[0], &rows[(at + 1) % rows.len()]);
                    learnt.push(since(began));
                }
            }
        };
        let began = Instant::now();
        memory = memory.after(&draw);
        turns.push(time + since(began));

        let began = Instant::now();
        std::hint::black_box(row.clone());
        copies.push(since(began));
        let began = Instant::now();
        std::hint::black_box(row.iter().map(|&logit| f64::from(logit).exp()).sum::<f64>());
        sums.push(since(began));
    }
    let median = |times| median(times).unwrap();
    Times {
        turn: median(turns),
        candidate: (!learnt.is_empty()).then(|| median(learnt)),
        copy: median(copies),
        sum: median(sums),
    }
}

/// Milliseconds.
fn since(began: Instant) -> f64 {
    1e3 * began.elapsed().as_secs_f64()
}

fn shown(time: Option<f64>) -> String {
    time.map_or("–".into(), |time| format!("{time:.3}"))
}

pub fn lexicon(size: Token) -> Lexicon {
    Lexicon::new((0..size).map(|token| (format!(" w{token}"), Kind::Text)))
}

fn rows(size: Token) -> Vec<Vec<f32>> {
    (0..8).map(|seed| row(seed, size)).collect()
}

/// Logits spread like those of a model.
#[allow(clippy::cast_possible_truncation)]
pub fn row(seed: u64, size: Token) -> Vec<f32> {
    let noise = Noise::new(seed, &[]).at(0, 0);
    (0..size).map(|token| (2.0 * noise.gumbel(token)) as f32).collect()
}
