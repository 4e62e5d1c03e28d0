//! `afterword write --replay`: tells the story of a record again, with its settings, and says where it differs.

use std::path::Path;

use anstyle::Style;
use anyhow::{Context, Result, ensure};

use super::Outcome;
use super::again::{Again, Retold};
use super::args::ModelArgs;
use super::engine::{BATCH, Engine};
use super::progress::Progress;
use super::recorded::as_recorded;
use super::terminal::Terminal;
use crate::decode::Plan;
use crate::preset::Preset;
use crate::sampler::Sampler;
use crate::story::{Mode, Record, StopReason, Versions};
use crate::text::{some, visible};

/// Tells the story of the record in this file.
pub fn run(path: &Path, model: ModelArgs, terminal: &Terminal) -> Result<Outcome> {
    let refusal = || format!("cannot read the record `{}`", path.display());
    let record = Record::read(path)?;
    let engine = Engine::open(as_recorded(model, &record)?, terminal)?;
    let here = Versions::here(crate::llama::build());
    if here != record.versions {
        terminal.note("told by another build of the program: the bits may differ");
    }
    match (record.draft, record.run.drafts) {
        (Some(draft), drafts) => {
            terminal.note(format_args!("draft {} of {drafts}: the others are told beside it again", draft.number));
        }
        (None, 0 | 1) => {}
        (None, drafts) => {
            let alone = "the record does not say which of them it is, so it is told alone, and the bits may differ";
            terminal.note(format_args!("one of {drafts} drafts that were told together: {alone}"));
        }
    }
    let sampler = sampler(&record).with_context(refusal)?.with_min_tokens(record.run.min_tokens);
    let plan = Plan {
        context: record.run.context,
        context_shift: record.run.slides,
        stop_on_loop: !record.run.may_loop,
        stops: record.run.stops.clone(),
        ..Plan::new(sampler, record.prompt_tokens.clone(), record.seed, record.run.limit)
    };
    let again = Again::of(&record, plan).with_context(refusal)?;
    let mut session = engine.session_of(record.run.cells, record.run.branches)?;
    terminal.note(format_args!("{} · preset {} · seed {} · again", engine.title(), record.preset, record.seed));
    let progress = Progress::telling(terminal, record.run.limit);
    let mut sheet = terminal.story();
    if record.mode == Mode::Raw {
        sheet.begins_with(&record.prompt);
    }
    if !progress.shows_reading(record.prompt_tokens.len(), BATCH) {
        sheet.begin()?;
    }
    let told = again.tell(&mut session, record.run.width, &progress, |text| Ok(sheet.say(Style::new(), text)?));
    progress.clear();
    if told.is_err() {
        sheet.break_off();
    }
    let Retold { told, interrupted } = told?;
    sheet.end()?;
    if interrupted {
        return Ok(Outcome::Interrupted);
    }
    let piece = |token: Option<&u32>| match token {
        Some(&token) => format!("`{}`", visible(&String::from_utf8_lossy(engine.weights.lexicon().piece(token)))),
        None => "nothing".to_owned(),
    };
    let parting = (0..record.tokens.len().max(told.tokens.len())).find(|&at| record.tokens.get(at) != told.tokens.get(at));
    match parting {
        None => {
            let ending = match record.stop {
                StopReason::Interrupted => "interrupted there",
                StopReason::Failed(_) => "broken off there",
                _ => "each as in the record",
            };
            terminal.note(format_args!("the same story: {}, {ending}", some(told.tokens.len(), "token")));
            Ok(Outcome::Done)
        }
        Some(at) => {
            let (was, is) = (piece(record.tokens.get(at)), piece(told.tokens.get(at)));
            terminal.err(format_args!("another story: token {} is {is}, and was {was}", at + 1));
            Ok(Outcome::Failed)
        }
    }
}

/// The preset as it ran.
fn sampler(record: &Record) -> Result<Sampler> {
    ensure!(!record.prompt_tokens.is_empty(), "its story never began");
    let preset: Preset = Preset::of_record(&record.resolved).context("its preset")?;
    Ok(Sampler::new(preset.chain, preset.pick))
}
