//! `afterword bench`: how fast the model tells stories, and what looking ahead costs.

use std::time::{Duration, Instant};

use anyhow::Result;
use serde::Serialize;

use crate::bench::{Bench, Job, Measure, Row, Samplers, rows};
use crate::catalog::in_words;
use crate::cli::args::{Bench as Args, ChangeArgs};
use crate::cli::interrupt::{at_once, interrupted};
use crate::cli::opening::open;
use crate::cli::render::line::{Ink, Line};
use crate::cli::render::progress::Progress;
use crate::cli::render::terminal::{BOLD, Terminal};
use crate::cli::settings::Chosen;
use crate::cli::{Outcome, Usage};
use crate::engine::{BATCH, Engine, Session};
use crate::model::{MOST_BRANCHES, SessionSettings};
use crate::prob::Token;

/// Told where no prompt is given.
const PROMPTS: [&str; 4] = [
    "Once upon a time there was a king who had three daughters, and",
    "In the middle of the dark forest stood a little house, where",
    "The old woman opened the door of the tower and said:",
    "There was once a poor fisherman who lived by the sea with his wife.",
];

pub fn run(args: &Args, terminal: &Terminal) -> Result<Outcome> {
    let chosen = Chosen::of(&args.preset, &args.changes, &args.model)?;
    let Some(_) = chosen.preset.chain.split().1 else {
        let hint = "hint: measure one that has, such as `--preset article`";
        return Err(Usage(format!(
            "the preset `{}` has no stage `future`, so there is nothing to compare\n{hint}",
            chosen.name
        ))
        .into());
    };
    if args.prompt.iter().any(|prompt| prompt.trim().is_empty()) {
        return Err(Usage("a prompt is empty\nhint: give the stories a first word".into()).into());
    }
    let engine = open(&args.model, terminal)?;
    let texts: Vec<&str> =
        if args.prompt.is_empty() { PROMPTS.to_vec() } else { args.prompt.iter().map(String::as_str).collect() };
    let prompts = texts.iter().map(|text| at_once(|| engine.tokens(text))).collect::<Result<Vec<_>>>()?;
    let bench = bench(args, &engine, &chosen, prompts)?;
    measure(args, &engine, &chosen, &bench, terminal)
}

/// What the arguments ask to be measured.
fn bench(args: &Args, engine: &Engine, chosen: &Chosen, prompts: Vec<Vec<Token>>) -> Result<Bench> {
    let wave = engine.furnished(&Chosen::find("article-wave", &ChangeArgs::default())?.sampler())?;
    Ok(Bench {
        samplers: Samplers::new(&engine.furnished(&chosen.sampler())?, chosen.preset.pick, wave)?,
        modes: once(&args.modes),
        stories: once(&args.stories.iter().map(|stories| stories.get()).collect::<Vec<_>>()),
        runs: args.runs.get(),
        prompts,
        tokens: args.tokens.get(),
        width: engine.width(&[], 1),
        seed: args.seed,
    })
}

/// Each of them once, where it first stands.
fn once<T: Copy + PartialEq>(all: &[T]) -> Vec<T> {
    let mut each = Vec::new();
    for one in all {
        if !each.contains(one) {
            each.push(*one);
        }
    }
    each
}

fn measure(args: &Args, engine: &Engine, chosen: &Chosen, bench: &Bench, terminal: &Terminal) -> Result<Outcome> {
    let (cells, branches) = bench.room();
    let (longest, context) = (bench.longest(), engine.context());
    if longest > context {
        let hint = "hint: ask for fewer with `--tokens`, or give shorter prompts";
        return Err(Usage(format!("the stories need room for {longest} tokens, the model has {context}\n{hint}")).into());
    }
    if branches > MOST_BRANCHES {
        let mode = bench.widest().map_or_else(String::new, |mode| format!(", or leave out the mode `{mode}`"));
        let hint = format!("hint: tell fewer `--stories` at once, with a smaller `--width`{mode}");
        return Err(
            Usage(format!("the stories need {branches} branches at once, and llama.cpp has {MOST_BRANCHES}\n{hint}")).into()
        );
    }
    // One decode holds all that the widest round wants.
    let batch = BATCH.max(branches);
    let mut session = engine.session_in_batches(cells, branches, batch)?;

    let threads = counted(session.settings().threads, "thread");
    terminal.note(format_args!("{} · preset {} · {threads}", engine.title(), chosen.name));
    let progress = Progress::measuring(terminal, bench.jobs().iter().map(|job| job.stories * bench.tokens).sum());
    let measured = all(bench, &mut *session, &progress);
    progress.clear();
    let Some(measured) = measured? else { return Ok(Outcome::Interrupted) };

    let report = Report {
        model: model(engine),
        preset: &chosen.name,
        settings: session.settings(),
        width: bench.width,
        tokens: bench.tokens,
        runs: bench.runs,
        seed: bench.seed,
        peak_memory_bytes: peak_memory(),
        rows: rows(&measured),
    };
    let mut out = terminal.out();
    if args.json {
        terminal.json(&report)?;
    } else {
        print(&mut out, &report)?;
    }
    Ok(Outcome::Done)
}

/// Does all jobs, each with a clear memory; nothing where it is interrupted.
fn all(bench: &Bench, session: &mut dyn Session, progress: &Progress) -> Result<Option<Vec<(Job, Measure)>>> {
    let started = Instant::now();
    let clock = || started.elapsed();
    let jobs = bench.jobs();
    // The first touch of the weights brings them into memory: it is not measured.
    if let Some(first) = jobs.first() {
        progress.names("warming up");
        bench.measure(*first, session, &clock, &mut |_| !interrupted())?;
    }
    let mut measured = Vec::new();
    for job in jobs {
        progress.names(&format!("{} × {}", job.mode, job.stories));
        session.clear();
        let mut go_on = |told| {
            progress.more(told);
            !interrupted()
        };
        let Some(measure) = bench.measure(job, session, &clock, &mut go_on)? else { return Ok(None) };
        measured.push((job, measure));
    }
    Ok(Some(measured))
}

/// The model that was measured.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct ModelName {
    file: String,
    name: String,
    quantisation: Option<String>,
    bytes: u64,
    llama_cpp: String,
}

pub(super) fn model(engine: &Engine) -> ModelName {
    let info = engine.info();
    ModelName {
        file: info.path.display().to_string(),
        name: engine.title(),
        quantisation: info.quantisation.clone(),
        bytes: info.size,
        llama_cpp: engine.backend().version(),
    }
}

/// All that was measured, with what it depends on.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Report<'a> {
    model: ModelName,
    preset: &'a str,
    /// How the session ran, its threads among them.
    settings: &'a SessionSettings,
    width: usize,
    tokens: usize,
    runs: usize,
    seed: u64,
    /// The most memory that the process has had, over all modes; `null` where the system does not tell.
    peak_memory_bytes: Option<u64>,
    rows: Vec<Row>,
}

fn print(out: &mut impl std::io::Write, report: &Report) -> Result<()> {
    for head in [
        "mode   stories   tokens    evals  decodes      ms a token:     slower     faster",
        "              a second  a token  a token in decode around than plain than naive",
    ] {
        writeln!(out, "{BOLD}{head}{BOLD:#}")?;
    }
    let times = |ratio: Option<f64>| ratio.map_or("–".to_string(), |ratio| format!("{ratio:.2} ×"));
    let mut stories = None;
    for row in &report.rows {
        if stories.replace(row.stories).is_some_and(|before| before != row.stories) {
            writeln!(out)?;
        }
        writeln!(
            out,
            "{:<6}{:>8}{:>9}{:>9.2}{:>9.2}{:>10}{:>7}{:>11}{:>11}",
            row.mode,
            row.stories,
            short(row.tokens_per_second),
            row.evaluations_per_token,
            row.decodes_per_token,
            short(row.decode_ms_per_token),
            short(row.outside_decode_ms_per_token),
            times(row.slowdown_vs_plain),
            times(row.speedup_vs_naive),
        )?;
    }
    let quantisation = report.model.quantisation.as_ref().map_or(String::new(), |name| format!(" {name}"));
    let memory = report.peak_memory_bytes.map_or(String::new(), |bytes| format!(" · peak memory {}", in_words(bytes)));
    writeln!(
        out,
        "\n{}{quantisation} · {} · width {}{memory}\nmedians of {} with {} a story",
        Line::of(Ink::Plain, &report.model.name),
        counted(report.settings.threads, "thread"),
        report.width,
        counted(report.runs, "run"),
        counted(report.tokens, "token"),
    )?;
    Ok(())
}

/// `1 thread`, `2 threads`.
pub(super) fn counted(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Three or four digits, whatever the size: `1234`, `56.7`, `8.90`, `0.123`.
pub(super) fn short(number: f64) -> String {
    let places = match number.abs() {
        1000.0.. => 0,
        10.0.. => 1,
        1.0.. => 2,
        _ => 3,
    };
    format!("{number:.places$}")
}

/// The most memory the process has had, in bytes. Linux tells it, the others do not.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// Milliseconds.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    1e3 * duration.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_three_digits() {
        assert_eq!([1234.5, 56.78, 8.901, 0.1234].map(short), ["1234", "56.8", "8.90", "0.123"]);
    }

    #[test]
    fn what_is_named_twice_is_measured_once() {
        assert_eq!(once(&[1, 4, 1]), [1, 4]);
    }
}
