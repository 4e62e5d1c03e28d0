//! `afterword write --resume` and `--again`: a recorded story is gone on with, or its prompt told once more.

use std::num::NonZeroUsize;
use std::path::Path;

use anyhow::{Context, Result};

use super::write::{Begun, Outputs};
use crate::cli::args::{PresetArgs, Write};
use crate::cli::interrupt::interruption;
use crate::cli::opening::{Opened, open_with};
use crate::cli::recorded::{as_recorded, differs, other_build, preset_of};
use crate::cli::render::terminal::Terminal;
use crate::cli::settings::Chosen;
use crate::cli::usage::Usage;
use crate::engine::{Cancelled, Prompt, Standing, StoryRequest, told_text};
use crate::story::{Mode, Record};
use crate::text::visible;

/// The story of a record, to be gone on with.
pub fn resumed(args: &Write, path: &Path, terminal: &Terminal) -> Result<Begun> {
    let record = Record::read(path)?;
    let chosen = chosen(args, &record, path)?;
    let outputs = Outputs::of(args, &chosen, terminal)?;
    let mut request = request(args, &record, args.story.seed.unwrap_or(record.seed));
    request.max_tokens = args.story.tokens.get();
    let engine = opened(args, &record, terminal)?;
    let take = args.take.as_deref().map(meant);
    let standing = engine.standing(&record, args.at.map(NonZeroUsize::get), take.as_deref())?;
    advise(args, &record, &standing, take.as_deref(), &engine, terminal);
    let trace = args.trace.or_else(|| (!record.trace.is_empty()).then_some(crate::cli::args::Trace::Looked));
    let plan = engine.resume(&chosen.sampler_traced(trace), &record, &standing, &request)?;
    let before = match trace.filter(|_| outputs.keeps_records()) {
        Some(_) => engine.trace_of(&record, &standing, interruption())?.ok_or(Cancelled)?,
        None => Vec::new(),
    };
    let prompt = Prompt::of_record(&record);
    let stood = told_text(&standing.tokens, &record.healed, engine.vocabulary());
    let beginning = if args.no_prompt { String::new() } else { prompt.beginning().to_owned() + &stood };
    Ok(Begun { engine, chosen, prompt, plan, beginning, before, trace, outputs })
}

/// The prompt of a record, to be told under the next seed.
pub fn again(args: &Write, path: &Path, terminal: &Terminal) -> Result<Begun> {
    let record = Record::read(path)?;
    if record.prompt_tokens.is_empty() {
        return Err(Usage(format!("cannot tell `{}` again: its story never began", path.display())).into());
    }
    let chosen = chosen(args, &record, path)?;
    let outputs = Outputs::of(args, &chosen, terminal)?;
    let last = || Usage(format!("no seed follows {}\nhint: name one with `--seed N`", record.seed));
    let seed = args.story.seed.or(record.seed.checked_add(1)).ok_or_else(last)?;
    let mut request = request(args, &record, seed);
    request.max_tokens = if args.typed.has("tokens") { args.story.tokens.get() } else { record.run.limit };
    request.check()?;
    let engine = opened(args, &record, terminal)?;
    let prompt = Prompt::of_record(&record);
    let plan = engine.plan(&chosen.sampler_traced(args.trace), &prompt, &request)?;
    let shows = !args.no_prompt || prompt.mode != Mode::Raw;
    let beginning = if shows { prompt.beginning().to_owned() } else { String::new() };
    Ok(Begun { engine, chosen, prompt, plan, beginning, before: Vec::new(), trace: args.trace, outputs })
}

/// The record's preset as it ran, unless another is named; with the changes that are made now.
fn chosen(args: &Write, record: &Record, path: &Path) -> Result<Chosen> {
    let PresetArgs { preset, changes } = &args.preset;
    if args.typed.has("preset") {
        return Chosen::of(preset, changes, &args.model);
    }
    preset_of(record, changes).with_context(|| format!("cannot read the record `{}`", path.display()))
}

/// What the record's story was asked for, where nothing else was typed; how long it may be is for the caller to say.
fn request(args: &Write, record: &Record, seed: u64) -> StoryRequest {
    let (story, run) = (&args.story, &record.run);
    StoryRequest {
        seed,
        max_tokens: run.limit,
        to: story.to.or(run.to),
        min_tokens: story.min_tokens.map_or(run.min_tokens, NonZeroUsize::get),
        context_shift: story.go_on || run.slides,
        stop_on_loop: !story.no_loop_stop && !run.may_loop,
        stops: if story.stop.is_empty() { run.stops.clone() } else { story.stop.clone() },
    }
}

/// The record's model, and what may make its bits others.
fn opened(args: &Write, record: &Record, terminal: &Terminal) -> Result<Opened> {
    let opened = open_with(as_recorded(&args.model, record)?, terminal)?;
    if other_build(&opened, record) {
        terminal.note("told by another build of the program: the bits may differ");
    }
    if differs(&args.model, record) {
        terminal.note("told with other settings than the record's: the bits may differ");
    }
    Ok(opened)
}

/// Says what is perhaps not meant.
fn advise(args: &Write, record: &Record, standing: &Standing, take: Option<&str>, engine: &Opened, terminal: &Terminal) {
    let same_seed = args.story.seed.is_none_or(|seed| seed == record.seed);
    let same_preset = !args.typed.has("preset") && args.preset.changes.is_empty();
    if let (Some(at), None, true) = (args.at, take, same_seed && same_preset) {
        terminal.note(format_args!("the same seed tells the same words again from token {at} on: `--seed` tells others"));
    }
    if standing.had_ended {
        terminal.note("the model had ended the story there: it goes on without that end");
    }
    let there = args.at.and_then(|at| record.tokens.get(at.get() - 1)).map(|&token| engine.vocabulary().show(token));
    if let (Some(take), Some(there)) = (take, there)
        && there.starts_with(' ')
        && take.starts_with(char::is_alphanumeric)
    {
        let take = visible(take);
        terminal.note(format_args!("`{take}` goes on with the word before it: `·{take}` begins a new one"));
    }
}

/// A word as pages show it, as it is in the text.
fn meant(shown: &str) -> String {
    shown.replace('·', " ").replace('⏎', "\n").replace('⇥', "\t")
}
