//! `afterword tune`: which width and how many threads suit this machine, and that they are kept where `auto` reads them.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context, Result};
use serde::Serialize;

use crate::bench::{Advice, Curve, SIZES, advise, cost, looks, median};
use crate::cli::Outcome;
use crate::cli::args::Tune as Args;
use crate::cli::commands::bench::{ModelName, counted, milliseconds, model, short};
use crate::cli::interrupt::{at_once, interrupted};
use crate::cli::opening::open;
use crate::cli::render::progress::Progress;
use crate::cli::render::prose::safe;
use crate::cli::render::terminal::{BOLD, Terminal};
use crate::cli::settings::{Chosen, tuned};
use crate::cli::usage::Usage;
use crate::decode::{Plan, Stories};
use crate::engine::{Engine, Session};
use crate::llama::physical_cores;
use crate::model::{Branch, Origin, Rows, SessionOptions, Step};
use crate::prob::Token;

/// How often each size is decoded in a run: one decode alone is soon disturbed.
const TIMES: usize = 5;

/// A session with so many threads, the prompt read, and what its decodes have cost.
struct Bed<'w> {
    threads: usize,
    session: Box<dyn Session + 'w>,
    trunk: Branch,
    /// Milliseconds, for each of [`SIZES`].
    costs: [Vec<f64>; SIZES.len()],
}

/// Told where no prompt is given.
const PROMPT: &str = "Once upon a time there was a king who had three daughters, and";

pub fn run(args: &Args, terminal: &Terminal) -> Result<Outcome> {
    let chosen = Chosen::of(&args.preset, &args.changes, &args.model)?;
    if chosen.preset.chain.split().1.is_none() {
        let hint = "name one that has, such as `--preset future`";
        let message = format!("the preset `{}` has no stage `future`, so nothing is looked at", chosen.name);
        return Err(Usage(format!("{message}\nhint: {hint}")).into());
    }
    if args.prompt.as_ref().is_some_and(|prompt| prompt.trim().is_empty()) {
        return Err(Usage("the prompt is empty\nhint: give the story a first word".into()).into());
    }
    let engine = open(&args.model, terminal)?;
    let prompt = at_once(|| engine.tokens(args.prompt.as_deref().unwrap_or(PROMPT)))?;
    measure(args, &engine, &chosen, &prompt, terminal)
}

fn measure(args: &Args, engine: &Engine, chosen: &Chosen, prompt: &[Token], terminal: &Terminal) -> Result<Outcome> {
    let plan = plan_of(args, engine, chosen, prompt)?;
    let mut beds = threads(args).into_iter().map(|threads| bed(engine, prompt, threads)).collect::<Result<Vec<_>>>()?;
    let rounds = args.runs.get() * TIMES;
    let progress = Progress::measuring(terminal, rounds * beds.len());
    let started = Instant::now();
    let clock = || started.elapsed();
    // All sizes and threads take turns; the first turn wakes everything up and does not count.
    for round in 0..=rounds {
        for bed in &mut beds {
            progress.names(&counted(bed.threads, "thread"));
            for (size, costs) in SIZES.into_iter().zip(&mut bed.costs) {
                let time = cost(&mut *bed.session, bed.trunk, size, &clock)?;
                if round > 0 {
                    costs.push(milliseconds(time));
                }
            }
            progress.more(usize::from(round > 0));
            if interrupted() {
                progress.clear();
                return Ok(Outcome::Interrupted);
            }
        }
    }
    let curves: Vec<Curve> = beds.into_iter().map(curve).collect();
    progress.names("looking");
    let looks = story(engine, plan)?;
    progress.clear();

    let advice = advise(&curves, &looks).context("nothing was measured")?;
    let kept = if args.dry_run { None } else { keep(engine, chosen, advice)? };
    let report = Report {
        model: model(engine),
        preset: &chosen.name,
        runs: args.runs.get(),
        looks_per_token: looks.iter().sum::<usize>() as f64 / looks.len() as f64,
        curves,
        advice,
        kept,
    };
    if args.json {
        terminal.json(&report)?;
    } else {
        print(&mut terminal.out(), &report)?;
        if let Some(file) = &report.kept {
            let where_else = "where neither --width nor --threads is given";
            terminal.note(format_args!("kept in `{}`: commands on this model go by it, {where_else}", file.display()));
        }
    }
    Ok(Outcome::Done)
}

/// Keeps what was found where `auto` reads it; the file, if there is a place for it.
fn keep(engine: &Engine, chosen: &Chosen, advice: Advice) -> Result<Option<PathBuf>> {
    let [width, threads] = [advice.width, advice.threads].map(NonZeroUsize::new);
    let (Some(folder), Some(width), Some(threads)) = (tuned(), width, threads) else { return Ok(None) };
    engine.keep_tuned(&folder, &chosen.name, width, threads).map(Some)
}

/// 1, 2, 4 and so on up to the physical cores, and these; or those that are asked for.
fn threads(args: &Args) -> Vec<NonZeroUsize> {
    if let Some(threads) = args.model.threads {
        return vec![threads];
    }
    let cores = physical_cores();
    let doubled = std::iter::successors(Some(1), |n| Some(n * 2)).take_while(|&n| n < cores);
    doubled.chain([cores]).filter_map(NonZeroUsize::new).collect()
}

/// The story whose looks are counted.
fn plan_of(args: &Args, engine: &Engine, chosen: &Chosen, prompt: &[Token]) -> Result<Plan> {
    let sampler = engine.furnished(&chosen.sampler())?;
    sampler.check(engine.vocabulary())?;
    let tokens = args.tokens.get().min(engine.context() - prompt.len());
    Ok(Plan::new(sampler, prompt.to_vec(), args.seed, tokens))
}

fn bed<'w>(engine: &'w Engine, prompt: &[Token], threads: NonZeroUsize) -> Result<Bed<'w>> {
    let most = SIZES.into_iter().max().unwrap_or(1);
    let cells = prompt.len() + most;
    let options = engine.options().session_options(cells, 1 + most, cells);
    let mut session = engine.session_with(&SessionOptions { threads: Some(threads.get()), ..options })?;
    let trunk = Step { from: Origin::Root, tokens: prompt, rows: Rows::Last };
    let made = session.extend(&[trunk], &mut |_, _, _| ())?;
    Ok(Bed { threads: threads.get(), session, trunk: made[0], costs: std::array::from_fn(|_| Vec::new()) })
}

fn curve(bed: Bed) -> Curve {
    let middle = |(size, costs): (usize, Vec<f64>)| Some((size, median(costs)?));
    Curve { threads: bed.threads, costs: SIZES.into_iter().zip(bed.costs).filter_map(middle).collect() }
}

/// The looks of a story of the preset.
fn story(engine: &Engine, plan: Plan) -> Result<Vec<usize>> {
    let (cells, branches) = Stories::room_for(std::slice::from_ref(&plan), 1);
    let batch = plan.prompt.len().max(branches);
    looks(&mut *engine.session_in_batches(cells, branches, batch)?, plan)
}

/// All that was measured.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Report<'a> {
    model: ModelName,
    preset: &'a str,
    runs: usize,
    looks_per_token: f64,
    curves: Vec<Curve>,
    advice: Advice,
    /// Where `auto` reads it.
    kept: Option<PathBuf>,
}

fn print(out: &mut impl std::io::Write, report: &Report) -> Result<()> {
    write!(out, "{BOLD}ms for tokens ")?;
    for size in SIZES {
        write!(out, "{size:>9}")?;
    }
    writeln!(out, "{BOLD:#}")?;
    for curve in &report.curves {
        write!(out, "{:<14}", counted(curve.threads, "thread"))?;
        for (_, cost) in &curve.costs {
            write!(out, "{:>9}", short(*cost))?;
        }
        writeln!(out)?;
    }
    let Advice { width, threads, expected_ms_per_token } = report.advice;
    writeln!(
        out,
        "\nThe preset {} looks at {:.2} candidates a token. Least time, about {} ms a token:\n  --width {width} --threads {threads}",
        safe(report.preset),
        report.looks_per_token,
        short(expected_ms_per_token),
    )?;
    Ok(())
}
