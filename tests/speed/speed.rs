//! The benchmark: what must be fast, as ratios between things measured in turns on one machine, and the time that one row
//! takes outside the model. `cargo bench` runs it; it measures and judges, and fails at nothing. Where model files are named,
//! `cargo bench --bench speed -- judge.gguf`, only how fast they read is measured; `-- serving` measures the server
//! alone, and `-- banning` what is not to be said.

#![allow(clippy::unwrap_used, clippy::print_stdout)] // A benchmark speaks, and one that cannot run may panic.

mod banning;
#[path = "../it/support/gguf/mod.rs"]
mod gguf;
mod model;
mod peer;
mod reading;
mod row;
mod serving;
mod together;

use std::path::Path;
use std::time::Instant;

use afterword::bench::{Bench, Mode, Row, Samplers, rows};
use afterword::llama::Weights;
use afterword::model::{Kind, LoadOptions, SessionOptions, Token};
use afterword::preset::{Folders, find};
use afterword::sampler::Sampler;

const RUNS: usize = 5;

fn main() {
    // `cargo test --all-targets` starts benchmarks too, to see that they build.
    if !std::env::args().any(|arg| arg == "--bench") {
        return;
    }
    let named: Vec<String> =
        std::env::args().filter(|arg| Path::new(arg).extension().is_some_and(|end| end == "gguf")).collect();
    if !named.is_empty() {
        for path in &named {
            reading::measure(path, Path::new(path));
        }
        return;
    }
    let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/fable-3m-q8_0.gguf");
    if std::env::args().any(|arg| arg == "serving") {
        serving::measure("the bundled model", &bundled);
        return;
    }
    if std::env::args().any(|arg| arg == "banning") {
        banning::measure();
        return;
    }
    row::measure();
    banning::measure();
    peer::measure();

    let large = model::large().write();
    measure(
        "a random model of 70 million weights",
        &large,
        &[Mode::Bare, Mode::Plain, Mode::Voice, Mode::Lazy, Mode::Wave],
        64,
    );
    measure("the bundled model", &bundled, &Mode::ALL, 128);

    reading::measure("the bundled model", &bundled);

    serving::measure("the bundled model", &bundled);

    let prompts = "Once upon a time\nThe door opened\nA wolf\nIn the deep wood\n";
    together::measure("the bundled model", &bundled, prompts, "200");
    let words = "▁word300 ▁word301\n▁word400\n▁word500 ▁word700\n▁word900\n";
    together::measure("a random model of 70 million weights", &large, words, "32");
}

fn measure(name: &str, path: &Path, modes: &[Mode], tokens: usize) {
    let weights = Weights::load(path, &LoadOptions::default(), |_| true).unwrap();
    let bench = Bench {
        samplers: samplers(),
        modes: modes.to_vec(),
        stories: vec![1],
        runs: RUNS,
        prompts: vec![prompt(&weights)],
        tokens,
        width: 1,
        seed: 1,
    };
    let (cells, branches) = bench.room();
    let options = SessionOptions { cells, branches, batch: 256, ..SessionOptions::default() };
    let mut session = weights.session(&options).unwrap();
    let started = Instant::now();
    let clock = || started.elapsed();
    let jobs = bench.jobs();
    bench.measure(jobs[0], &mut session, &clock, &mut |_| true).unwrap();
    let mut measured = Vec::new();
    for job in jobs {
        session.clear();
        measured.extend(bench.measure(job, &mut session, &clock, &mut |_| true).unwrap().map(|measure| (job, measure)));
    }
    let rows = rows(&measured);
    println!("\n{name}, {} threads, medians of {RUNS} runs", session.settings().threads);
    println!("mode   tokens/s  evaluations  decodes  ms in decode  ms outside");
    for row in &rows {
        println!(
            "{:<6} {:>8.1} {:>12.2} {:>8.2} {:>13.3} {:>11.3}",
            row.mode,
            row.tokens_per_second,
            row.evaluations_per_token,
            row.decodes_per_token,
            row.decode_ms_per_token,
            row.outside_decode_ms_per_token
        );
    }
    judge(&rows);
}

/// What must hold of the ratios, each taken within a run.
fn judge(rows: &[Row]) {
    let find = |mode| rows.iter().find(|row| row.mode == mode);
    let against_plain = |row: &Row| 1.0 / row.slowdown_vs_plain.unwrap();
    if let Some(bare) = find(Mode::Bare) {
        verdict("plain / bare", 1.0 / against_plain(bare), 0.97);
    }
    if let Some(voice) = find(Mode::Voice) {
        verdict("α = −1 / plain", against_plain(voice), 0.97);
    }
    if let Some(lazy) = find(Mode::Lazy) {
        verdict("lazy × evaluations / plain", against_plain(lazy) * lazy.evaluations_per_token, 0.85);
        if let Some(speedup) = lazy.speedup_vs_naive {
            verdict("lazy / naive", speedup, 3.0);
        }
    }
}

fn verdict(what: &str, ratio: f64, at_least: f64) {
    let holds = if ratio >= at_least { "holds" } else { "MISSED" };
    println!("{holds:<7} {what} = {ratio:.3}, at least {at_least}");
}

fn samplers() -> Samplers {
    let preset = |name| find(name, &Folders::default()).unwrap();
    let sampler = |name| Sampler::new(preset(name).chain, preset(name).pick);
    Samplers::new(&sampler("article"), preset("article").pick, sampler("article-wave")).unwrap()
}

/// Sixteen tokens of text.
fn prompt(weights: &Weights) -> Vec<Token> {
    let vocabulary = weights.vocabulary();
    let is_text = |token: &Token| vocabulary.kind(*token) == Kind::Text;
    let size = Token::try_from(vocabulary.len()).unwrap();
    (300..size).filter(is_text).step_by(vocabulary.len() / 20).take(16).collect()
}
