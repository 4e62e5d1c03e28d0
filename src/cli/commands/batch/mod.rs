//! `afterword batch`: tells many stories into a folder.

mod parallel;
mod parts;
mod progress;
mod setup;
mod summary;
mod workers;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, anyhow, bail, ensure};

use self::progress::Watch;
use self::setup::Setup;
use self::summary::{Total, show, shown};
use self::workers::{Work, tell_all};
use crate::batch::{Entry, Files, Findings, Finished, Folder, Heard, Item, merge};
use crate::cli::Outcome;
use crate::cli::args::Batch;
use crate::cli::interrupt::interrupted;
use crate::cli::opening::{Opened, open};
use crate::cli::render::terminal::Terminal;
use crate::cli::usage::Usage;
use crate::engine::{Engine, Recorded, Width};
use crate::files::causes;
use crate::story::{Record, StopReason, TracedToken};
use crate::text::plural;

pub fn run(args: &Batch, terminal: &Terminal) -> Result<Outcome> {
    if !args.merge.is_empty() {
        return join(args, terminal);
    }
    let shard = parts::shard(args.shard, terminal)?;
    let engine = begun(open(&args.model, terminal)?, args);
    let setup = Setup::new(args, shard, &engine, terminal)?;
    let root = if args.force { beside(&args.out, &setup)? } else { args.out.clone() };
    let items = setup.items();
    let again = |entry: &Entry| args.retry && has_failed(entry);
    if args.dry_run {
        let (mut shelf, findings) = Folder::look(&root, &setup.run)?;
        foresee(&findings, terminal);
        shelf.forget(again);
        let missing: Vec<Item> = items.iter().copied().filter(|item| !shelf.has(*item)).collect();
        setup.show_plan(&engine, items.len(), &missing, terminal)?;
        return Ok(match () {
            () if interrupted() => Outcome::Interrupted,
            // What is known to fail now will have failed then.
            () if missing.iter().any(|item| setup.asked(*item).is_err()) || shelf.entries().any(has_failed) => Outcome::Failed,
            () => Outcome::Done,
        });
    }
    let mut folder = Folder::open(&root, &setup.run, &Files)?;
    say(&folder.findings(), terminal);
    folder.forget(again);
    let missing: Vec<Item> = items.iter().copied().filter(|item| !folder.has(*item)).collect();
    setup.announce(items.len(), missing.len(), &root, terminal);

    let began = Instant::now();
    let mut watch = Watch::new(terminal, args.json_progress, items.len(), missing.len());
    let outcome = tell(&engine, &setup, &missing, &mut folder, &mut watch);
    watch.clear();
    // What is there decides how it went, and not what was told.
    let outcome = outcome.and_then(|()| folder.finish());
    let total = Total { asked: items.len(), told: watch.told(), tokens: watch.tokens(), time: began.elapsed() };
    watch.say(|| show(folder.shelf(), &total, &setup.run.parallel, args.json_progress, terminal));
    outcome?;
    let findings = folder.findings();
    say(&findings, terminal);
    let gone = &findings.gone;
    if !gone.is_empty() {
        let stories = plural(gone.len(), "story is", "stories are");
        bail!("{stories} gone from `{}`: {}\nhint: the same command tells what is missing", root.display(), shown(gone));
    }
    let missing = items.iter().filter(|item| !folder.has(**item)).count();
    if interrupted() && missing > 0 {
        terminal.note("interrupted · the same command goes on from here");
        return Ok(Outcome::Interrupted);
    }
    ensure!(missing == 0, "{} not told", plural(missing, "story was", "stories were"));
    watch.heard_out()?;
    if folder.shelf().entries().any(has_failed) {
        terminal.note("not all is well: the records of the stories that failed tell why · `--retry` tells them again");
        return Ok(Outcome::Failed);
    }
    Ok(Outcome::Done)
}

/// The model as it is to tell in this folder. Where width and threads are left to what was found, a folder that was begun goes on with
/// its own, whatever was found since to be faster: they decide about bits.
fn begun(opened: Opened, args: &Batch) -> Opened {
    let asked = args.force || args.model.width != Width::Auto || args.model.threads.is_some();
    let before = Folder::run(&args.out).ok().flatten().map(|run| run.settings).filter(|_| !asked);
    match before {
        Some(run) if run.tuned.is_some() || opened.tuned().is_some() => {
            Opened { engine: opened.engine.paced_as(&run), ..opened }
        }
        _ => opened,
    }
}

fn has_failed(entry: &Entry) -> bool {
    matches!(entry.stop, StopReason::Failed(_))
}

/// Says what was not as it was left.
fn say(findings: &Findings, terminal: &Terminal) {
    let Findings { mended, edited, gone: _, lost_run } = findings;
    if !mended.is_empty() {
        let one = "text was lost or cut short, and stands again as its record tells it";
        let texts = plural(mended.len(), one, "texts were lost or cut short, and stand again as their records tell them");
        terminal.note(format_args!("{texts}: {}", shown(mended)));
    }
    if !edited.is_empty() {
        terminal.note(format_args!("{}: {}", kept_as_they_are(edited.len()), shown(edited)));
    }
    if *lost_run {
        terminal.note("`run.toml` was gone, and is written anew");
    }
}

/// Says what a run would find that is not as it was left, and do about it.
fn foresee(findings: &Findings, terminal: &Terminal) {
    let Findings { mended, edited, gone: _, lost_run: _ } = findings;
    if !mended.is_empty() {
        let one = "text is lost or cut short, and would be written as its record tells it";
        let texts = plural(mended.len(), one, "texts are lost or cut short, and would be written as their records tell them");
        terminal.note(format_args!("{texts}: {}", shown(mended)));
    }
    if !edited.is_empty() {
        terminal.note(format_args!("{}: {}", kept_as_they_are(edited.len()), shown(edited)));
    }
}

fn kept_as_they_are(count: usize) -> String {
    plural(
        count,
        "text is not that of its record, and stays as it is",
        "texts are not those of their records, and stay as they are",
    )
}

/// Tells these stories, and keeps each as it ends.
fn tell(engine: &Engine, setup: &Setup, missing: &[Item], folder: &mut Folder, watch: &mut Watch) -> Result<()> {
    // A prompt that cannot be told from is one failure a story, and needs no model.
    let (whole, broken): (Vec<Item>, Vec<Item>) = missing.iter().copied().partition(|item| setup.asked(*item).is_ok());
    for item in broken {
        let record = setup.record(item, setup.unbegun(item), [0.0; 2], Vec::new());
        keep(folder, item, &record, watch)?;
    }
    let work =
        Work { cells: setup.run.settings.cells, branches: setup.branches, parallel: setup.run.parallel, pace: setup.pace };
    let mut times = std::collections::BTreeMap::new();
    let vocabulary = engine.vocabulary();
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
                let trace = draws.map(|draw| TracedToken::of(draw, vocabulary)).collect();
                let record = setup.record(item, *finished, seconds, trace);
                // Mapped weights change with their file. What was kept before was told before.
                ensure!(
                    !engine.options().use_mmap || engine.backend().is_unchanged(),
                    "the run broke off: the model `{}` was written to while it told, and what it told since is not kept\nhint: \
                     once the file is whole again, the same command goes on from here; `--no-mmap` reads it once, into memory",
                    engine.info().path.display()
                );
                keep(folder, item, &record, watch)?;
            }
        }
        Ok(())
    })
}

fn keep(folder: &mut Folder, item: Item, record: &Record, watch: &mut Watch) -> Result<()> {
    let name = folder.matrix().name(item);
    let kept = folder.keep(item, record).with_context(|| format!("the run broke off: cannot keep the story `{name}`"));
    kept.map_err(|error| anyhow!("{}\nhint: once that is mended, the same command goes on from here", causes(&error)))?;
    watch.finished(item, &name, record);
    Ok(())
}

impl Setup<'_> {
    /// The record of a story that has ended or failed.
    fn record(&self, item: Item, story: Finished, times: [f64; 2], trace: Vec<TracedToken>) -> Record {
        let Finished { plan, told, .. } = story;
        let voice = &self.run.preset[item.voice];
        self.recorder.record(Recorded {
            preset: &voice.label(),
            resolved: voice.resolved.clone(),
            prompt: &self.asked_or_prompt(item),
            plan: &plan,
            completion: told,
            times,
            trace,
            draft: None,
        })
    }
}

/// The folder that was asked for where it is free or holds this run, else the first free one beside it: `stories-2`.
fn beside(out: &Path, setup: &Setup) -> Result<PathBuf> {
    // `.` and `..` have no name of their own, but the folders that they stand for have.
    let named = if out.file_name().is_some() { out.to_owned() } else { out.canonicalize().unwrap_or_default() };
    let Some(name) = named.file_name() else {
        let message = format!("no folder can be made beside `{}`\nhint: name another one with `--out`", out.display());
        return Err(Usage(message).into());
    };
    let counted = |count: usize| {
        let mut name = name.to_owned();
        name.push(format!("-{count}"));
        named.with_file_name(name)
    };
    let holds_this = |root: &Path| {
        Folder::run(root).ok().flatten().is_some_and(|before| {
            before.shard == setup.run.shard
                && setup.run.differences(&before).is_empty()
                && setup.run.other_bits(&before).is_empty()
        })
    };
    let places = std::iter::once(out.to_owned()).chain((2..).map(counted));
    let mut free = places.filter(|root| root.symlink_metadata().is_err() || holds_this(root));
    free.next().context("there is no free folder")
}

/// `--merge`.
fn join(args: &Batch, terminal: &Terminal) -> Result<Outcome> {
    let same = |part: &PathBuf| {
        *part == args.out || part.canonicalize().ok().is_some_and(|part| args.out.canonicalize().is_ok_and(|out| out == part))
    };
    if args.merge.iter().any(same) {
        return Err(Usage("the folder of `--out` cannot be one of those that are joined".into()).into());
    }
    let began = Instant::now();
    let mut merged = merge(&args.merge, &args.out, &Files)?;
    for note in &merged.notes {
        terminal.note(format_args!("{note}: the same story could have other bits there"));
    }
    say(&merged.folder.findings(), terminal);
    let stories = merged.folder.shelf().len();
    let parallel = Folder::run(&args.out)?.context("there is no run")?.parallel;
    let missing = &merged.missing;
    let total = Total { asked: stories + missing.stories.len(), told: 0, tokens: 0, time: began.elapsed() };
    show(merged.folder.shelf(), &total, &parallel, args.json_progress, terminal)?;
    if !missing.stories.is_empty() {
        parts::lacking(missing, terminal);
        return Ok(Outcome::Failed);
    }
    Ok(Outcome::Done)
}
