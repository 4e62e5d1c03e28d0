//! `afterword write --replay`: tells the story of a record again, with its settings, and says where it differs.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::Outcome;
use super::args::ModelArgs;
use super::engine::Engine;
use super::progress::Progress;
use super::recorded::as_recorded;
use super::tell::tell;
use super::terminal::{BOLD, Terminal};
use crate::decode::Plan;
use crate::preset::Preset;
use crate::sampler::Sampler;
use crate::story::{Mode, Record, StopReason, Versions};
use crate::text::{some, visible};

/// Tells the story of the record in this file.
pub fn run(path: &Path, model: ModelArgs, terminal: &Terminal) -> Result<Outcome> {
    let refusal = || format!("cannot read the record `{}`", path.display());
    let text = fs::read(path).with_context(refusal)?;
    let record: Record = serde_json::from_slice(&text).with_context(refusal)?;
    let engine = Engine::open(as_recorded(model, &record)?, terminal)?;
    let here = Versions::here(crate::llama::build());
    if here != record.versions {
        terminal.note("told by another build of the program: the bits may differ");
    }
    if record.run.drafts > 1 {
        let (drafts, alone) = (record.run.drafts, "alone the bits may differ");
        terminal.note(format_args!("told together, {drafts} drafts at once: {alone}"));
    }
    let plan = Plan {
        sampler: sampler(&record).with_context(refusal)?.with_min_tokens(record.run.min_tokens),
        prompt: record.prompt_tokens.clone(),
        seed: record.seed,
        tokens: record.run.limit,
        context: record.run.context,
        slides: record.run.slides,
        may_loop: record.run.may_loop,
        stops: record.run.stops.clone(),
    };
    let mut session = engine.session_of(record.run.cells, record.run.branches)?;
    terminal.note(format_args!("{} · preset {} · seed {} · again", engine.title(), record.preset, record.seed));
    let progress = Progress::telling(terminal, plan.tokens);
    let mut say = terminal.story();
    if record.mode == Mode::Raw {
        let bold = terminal.style(BOLD);
        write!(terminal.out(), "{bold}")?;
        say(&record.prompt)?;
        write!(terminal.out(), "{bold:#}")?;
    }
    let told = tell(&mut session, plan, record.run.width, &progress, |text| Ok(say(text)?));
    progress.clear();
    let told = told?.told;
    if terminal.shows_story {
        say("\n")?;
    }
    if told.stop == Some(StopReason::Interrupted) {
        return Ok(Outcome::Interrupted);
    }
    let piece = |token: Option<&u32>| match token {
        Some(&token) => format!("`{}`", visible(&String::from_utf8_lossy(engine.weights.lexicon().piece(token)))),
        None => "nothing".to_owned(),
    };
    let parting = (0..record.tokens.len().max(told.tokens.len())).find(|&at| record.tokens.get(at) != told.tokens.get(at));
    match parting {
        None => {
            terminal.note(format_args!("the same story: {}, each as in the record", some(told.tokens.len(), "token")));
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
