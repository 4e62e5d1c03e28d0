//! `afterword write`: tells a story to standard output, as it comes.

use std::num::NonZeroUsize;

use anstyle::Style;
use anyhow::Result;

use super::args::Write;
use super::drafting::{Drafts, Kept};
use super::engine::{BATCH, Engine};
use super::progress::{Progress, pace};
use super::prompt::Prompt;
use super::recording::{Recorded, Recorder, inputs, record_at};
use super::settings::{Chosen, seed};
use super::tell::{ENDED_AT_ONCE, Tale, tell_why};
use super::terminal::Terminal;
use super::tinted::{Depth, Tinted};
use super::usage::Usage;
use super::{Outcome, is_closed_pipe, replay};
use crate::report::Tint;
use crate::story::{Mode, StopReason, TracedToken};
use crate::text::some;

pub fn run(args: Write, terminal: &Terminal) -> Result<Outcome> {
    let Write { prompt: typed, asking, preset, story, model, drafts, out, record, trace, no_prompt, colour_by, replay: again } =
        args;
    if let Some(path) = again {
        return replay::run(&path, model, terminal);
    }
    let chosen = Chosen::of(&preset.preset, &preset.set, &model)?;
    let mut tinted = tinted(colour_by, &chosen, terminal)?;
    let prompt = Prompt::of(typed)?;
    let inputs = inputs(&model, [preset.preset.as_str()]);
    check_kept(record.is_some(), out.is_some(), trace.is_some(), drafts)?;
    let record = record.map(|path| record_at(path, &inputs)).transpose()?;
    let out = out.map(|folder| Kept::new(folder, drafts, inputs)).transpose()?;
    let seed = seed(story.seed);
    let engine = Engine::open(model, terminal)?;
    let sampler = chosen.sampler_traced(trace);
    let asked = engine.ask(prompt, &asking, seed, story.tokens.get(), terminal)?;
    let plan = engine.plan(sampler, &asked.tokens, seed, &story)?;
    let width = engine.width(std::slice::from_ref(&plan));
    // The words in which an answer was begun are part of the story, and no prompt.
    let shows_beginning = !no_prompt || asked.mode != Mode::Raw;
    if drafts.get() > 1 || out.is_some() {
        let tint = tinted.and(colour_by);
        let told = Drafts { engine: &engine, chosen: &chosen, asked: &asked, width, kept: out, trace, tint, shows_beginning };
        return told.run(&plan, drafts, terminal);
    }
    let mut session = engine.session(std::slice::from_ref(&plan), width)?;
    let recorder = record.map(|output| Recorder::new(&engine, session.settings(), width).map(|recorder| (recorder, output)));
    let recorder = recorder.transpose()?;

    terminal.note(format_args!("{} · preset {} · seed {seed}", engine.title(), chosen.name));
    if let Some(tinted) = &tinted {
        terminal.note_line(&tinted.legend());
    }
    let progress = Progress::telling(terminal, plan.max_tokens);
    let mut sheet = terminal.story();
    if shows_beginning {
        sheet.begins_with(asked.beginning());
    }
    // Where a line of progress stands below, the prompt waits until it is read: behind it the line would be in the text.
    if !progress.shows_reading(plan.prompt.len(), BATCH) {
        sheet.begin()?;
    }
    let lexicon = engine.weights.lexicon();
    let told = tell_why(&mut session, plan.clone(), width, &progress, |text, draw| {
        let style = match (&mut tinted, colour_by) {
            (Some(tinted), Some(tint)) => tinted.next(draw.and_then(|draw| tint.of(&TracedToken::of(draw, lexicon)))),
            _ => Style::new(),
        };
        Ok(sheet.say(style, text)?)
    });
    progress.clear();
    let mut tale = told?;
    let broken = tale.failure();
    if broken.as_ref().is_some_and(is_closed_pipe) {
        // Who closed the pipe had read enough: that is an end from outside, as Ctrl-C is.
        tale.told.stop = StopReason::Interrupted;
    } else if broken.is_none() {
        sheet.end()?;
    }
    terminal.below_story();
    if broken.is_some() {
        sheet.break_off();
    } else {
        if let Some(wave) = tinted.and_then(|tinted| tinted.wave(terminal.width_now())) {
            terminal.note_line(&wave);
        }
        terminal.note(summary(&tale));
        if tale.told.ended_at_once() {
            terminal.note(ENDED_AT_ONCE);
        }
    }
    let interrupted = tale.told.stop == StopReason::Interrupted;
    let mut saved = Ok(());
    if let Some((recorder, output)) = recorder {
        let lexicon = engine.weights.lexicon();
        let Tale { told, draws, read_time, tell_time, unshown: _ } = tale;
        let story = Recorded {
            resolved: chosen.preset.to_toml()?,
            preset: chosen.name,
            asked: &asked,
            plan: &plan,
            told,
            times: [read_time, tell_time].map(|time| time.as_secs_f64()),
            trace: draws.iter().filter(|_| trace.is_some()).map(|draw| TracedToken::of(draw, lexicon)).collect(),
        };
        saved = recorder.record(story).to_json().and_then(|record| output.write(&record));
    }
    match broken {
        Some(cause) => {
            // Both are to be known, and the first is the one that came first.
            saved.unwrap_or_else(|error| terminal.error(&error));
            Err(cause)
        }
        None if saved.is_err() => saved.map(|()| Outcome::Failed),
        None if interrupted => Ok(Outcome::Interrupted),
        None => Ok(Outcome::Done),
    }
}

/// Whether what is to be kept has a place: a record is of one story, and a trace is in a record.
fn check_kept(record: bool, folder: bool, trace: bool, drafts: NonZeroUsize) -> Result<(), Usage> {
    if record && drafts.get() > 1 {
        let message = format!("`--record` keeps one story, and {drafts} drafts are asked for");
        return Err(Usage(message + "\nhint: `--out DIR` keeps each draft and its record"));
    }
    if trace && !record && !folder {
        let hint = "name one with `--record FILE`, or a folder of them with `--out DIR`";
        return Err(Usage(format!("`--trace` is kept in a record, and none is asked for\nhint: {hint}")));
    }
    Ok(())
}

/// What colours the words, if they are to be coloured and can be.
fn tinted(tint: Option<Tint>, chosen: &Chosen, terminal: &Terminal) -> Result<Option<Tinted>> {
    let Some(tint) = tint else { return Ok(None) };
    if matches!(tint, Tint::Alpha | Tint::Future) && chosen.preset.chain.split().1.is_none() {
        let (name, tint) = (&chosen.name, tint.name());
        let hint = "`probability`, `surprisal` and `entropy` are known of every preset";
        return Err(
            Usage(format!("the preset `{name}` has no `future`, so there is no {tint} to colour by\nhint: {hint}")).into()
        );
    }
    Ok(terminal.colours_out().then(|| Tinted::new(tint, Depth::here())))
}

/// What it took, and why it ended.
fn summary(tale: &Tale) -> String {
    let counts = tale.told.counts;
    format!("{} · {} · {}", some(counts.tokens, "token"), pace(counts, tale.tell_time), tale.told.stop)
}
