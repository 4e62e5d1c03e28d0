//! `afterword batch`: tells many stories into a folder.

mod lanes;
mod progress;
mod setup;
mod summary;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, ensure};

use self::lanes::{Work, tell_all};
use self::progress::Watch;
use self::setup::Setup;
use self::summary::{Total, show};
use super::Outcome;
use super::args::Batch;
use super::engine::{Engine, interrupted};
use super::recording::Recorded;
use super::terminal::Terminal;
use crate::batch::{Files, Finished, Folder, Heard, Item, merge};
use crate::story::{Record, StopReason, TracedToken};

pub fn run(args: &Batch, terminal: &Terminal) -> Result<Outcome> {
    if !args.merge.is_empty() {
        return join(args, terminal);
    }
    let engine = Engine::open(args.model.clone(), terminal)?;
    let setup = Setup::new(args, &engine, terminal)?;
    if args.dry_run {
        setup.show_plan(&engine, terminal)?;
        return Ok(Outcome::Done);
    }
    let root = if args.force { beside(&args.out, &setup)? } else { args.out.clone() };
    let mut folder = Folder::open(&root, &setup.run, &Files)?;
    if args.retry {
        folder.forget(|entry| matches!(entry.stop, StopReason::Failed(_)));
    }
    let items = setup.items();
    let missing: Vec<Item> = items.iter().copied().filter(|item| !folder.has(*item)).collect();
    setup.announce(items.len(), missing.len(), &root, terminal);

    let began = Instant::now();
    let mut watch = Watch::new(terminal, args.json_progress, items.len(), missing.len());
    let outcome = tell(&engine, &setup, &missing, &mut folder, &mut watch);
    watch.clear();
    if outcome.is_ok() {
        folder.finish()?;
    }
    let total = Total { asked: items.len(), told: watch.told(), tokens: watch.tokens(), time: began.elapsed() };
    show(&folder, &total, &setup.run.parallel, args.json_progress, terminal)?;
    outcome?;
    let failed = folder.entries().any(|entry| matches!(entry.stop, StopReason::Failed(_)));
    Ok(match () {
        () if interrupted() && watch.told() < missing.len() => {
            terminal.note("interrupted · the same command goes on from here");
            Outcome::Interrupted
        }
        () if failed => {
            terminal.note("not all is well: the records of the stories that failed tell why · `--retry` tells them again");
            Outcome::Failed
        }
        () => Outcome::Done,
    })
}

/// Tells these stories, and keeps each as it ends.
fn tell(engine: &Engine, setup: &Setup, missing: &[Item], folder: &mut Folder, watch: &mut Watch) -> Result<()> {
    // A prompt that cannot be told from is one failure a story, and needs no model.
    let (whole, broken): (Vec<Item>, Vec<Item>) = missing.iter().copied().partition(|item| setup.asked(*item).is_ok());
    for item in broken {
        let record = setup.record(item, setup.unbegun(item), [0.0; 2], Vec::new())?;
        keep(folder, item, &record, watch)?;
    }
    let work =
        Work { cells: setup.run.settings.cells, branches: setup.branches, parallel: setup.run.parallel, pace: setup.pace };
    let mut times = std::collections::BTreeMap::new();
    let lexicon = engine.weights.lexicon();
    tell_all(engine, &work, &whole, &|item| setup.plan(item), &mut |item, heard| {
        match heard {
            Heard::Began(_) => {
                times.insert(item.number, (Instant::now(), None));
                watch.began(item, &folder.matrix().name(item), setup.limit(item));
            }
            Heard::Told(_, counts) => {
                if let Some((_, first)) = times.get_mut(&item.number) {
                    first.get_or_insert_with(Instant::now);
                }
                watch.heard(item, counts);
            }
            Heard::Finished(finished) => {
                let now = Instant::now();
                let (began, first) = times.remove(&item.number).unwrap_or((now, None));
                let first = first.unwrap_or(now);
                let seconds = [first - began, now - first].map(|time| time.as_secs_f64());
                let draws = finished.draws.iter().filter(|_| setup.run.trace.is_some());
                let trace = draws.map(|draw| TracedToken::of(draw, lexicon)).collect();
                let record = setup.record(item, *finished, seconds, trace)?;
                keep(folder, item, &record, watch)?;
            }
        }
        Ok(())
    })
}

fn keep(folder: &mut Folder, item: Item, record: &Record, watch: &mut Watch) -> Result<()> {
    let name = folder.matrix().name(item);
    let kept = folder.keep(item, record).with_context(|| format!("cannot keep the story `{name}`"));
    kept.context("the run broke off, and the same command goes on from here")?;
    watch.finished(item, &name, record)
}

impl Setup<'_> {
    /// The record of a story that has ended or failed.
    fn record(&self, item: Item, story: Finished, times: [f64; 2], trace: Vec<TracedToken>) -> Result<Record> {
        let Finished { plan, mut told, log_p, failed, .. } = story;
        if let Some(error) = failed {
            told.stop = Some(StopReason::Failed(format!("{error:#}")));
        }
        let voice = &self.run.preset[item.voice];
        let (preset, resolved) = (voice.label(), voice.resolved.clone());
        let asked = self.asked_or_prompt(item);
        self.recorder.record(Recorded { preset, resolved, asked: &asked, plan: &plan, told, log_p, times, trace })
    }
}

/// The folder that was asked for where it is free or holds this run, else the first free one beside it: `stories-2`.
fn beside(out: &Path, setup: &Setup) -> Result<PathBuf> {
    let name = out.file_name().context("the folder of `--out` has no name")?.to_string_lossy().into_owned();
    let holds_this = |root: &Path| {
        Folder::run(root).ok().flatten().is_some_and(|before| {
            before.shard == setup.run.shard
                && setup.run.differences(&before).is_empty()
                && setup.run.other_bits(&before).is_empty()
        })
    };
    let named = std::iter::once(out.to_owned()).chain((2..).map(|count| out.with_file_name(format!("{name}-{count}"))));
    let mut free = named.filter(|root| !root.exists() || holds_this(root));
    free.next().context("there is no free folder")
}

/// `--merge`.
fn join(args: &Batch, terminal: &Terminal) -> Result<Outcome> {
    ensure!(!args.merge.contains(&args.out), "the folder of `--out` cannot be one of those that are joined");
    let began = Instant::now();
    let merged = merge(&args.merge, &args.out, &Files)?;
    for note in &merged.notes {
        terminal.note(format_args!("{note}: the same story could have other bits there"));
    }
    let stories = merged.folder.entries().count();
    let parallel = Folder::run(&args.out)?.context("there is no run")?.parallel;
    let total = Total { asked: stories + merged.missing, told: 0, tokens: 0, time: began.elapsed() };
    show(&merged.folder, &total, &parallel, args.json_progress, terminal)?;
    if merged.missing > 0 {
        let stories = if merged.missing == 1 { "1 story is".to_owned() } else { format!("{} stories are", merged.missing) };
        terminal.note(format_args!("{stories} in none of these folders"));
        return Ok(Outcome::Failed);
    }
    Ok(Outcome::Done)
}
