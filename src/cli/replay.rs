//! `afterword write --replay`: tells the story of a record again, with its settings, and says where it differs.

use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;

use anstyle::Style;
use anyhow::{Context, Result, ensure};

use super::Outcome;
use super::args::{Flash, ModelArgs, Width};
use super::engine::{BATCH, Engine};
use super::progress::Progress;
use super::recording::sha256;
use super::tell::tell;
use super::terminal::Terminal;
use super::usage::Usage;
use crate::catalog::Kind;
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
    let engine = Engine::open(with_settings(model, &record).with_context(refusal)?, terminal)?;
    let file = engine.weights.path();
    if sha256(file)? != record.model.sha256 {
        let hint = format!("the story was told by `{}`, SHA-256 {}", record.model.file, record.model.sha256);
        return Err(Usage(format!("the model `{}` is not the record's\nhint: {hint}", file.display())).into());
    }
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
    let mut sheet = terminal.story();
    if record.mode == Mode::Raw {
        sheet.begins_with(&record.prompt);
    }
    if !progress.shows_reading(plan.prompt.len(), BATCH) {
        sheet.begin()?;
    }
    let told = tell(&mut session, plan, record.run.width, &progress, |text| Ok(sheet.say(Style::new(), text)?));
    progress.clear();
    if told.is_err() {
        sheet.break_off();
    }
    let told = told?.told;
    sheet.end()?;
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

/// What decides the bits, as the record has it; the model's path too, where none was given.
fn with_settings(model: ModelArgs, record: &Record) -> Result<ModelArgs> {
    let run = &record.run;
    let kind = |name: &String| Kind::named(name).with_context(|| format!("keys and values are remembered as `{name}`"));
    let mut args = model;
    args.model.get_or_insert_with(|| record.model.file.clone().into());
    args.threads = NonZeroUsize::new(run.threads);
    args.ctx = NonZeroUsize::new(run.context);
    args.width = Width::Fixed(NonZeroUsize::new(run.width).context("its width is 0")?);
    args.device.kv_type.keys = kind(&run.cache[0])?;
    args.device.kv_type.values = kind(&run.cache[1])?;
    args.device.flash_attention = match run.flash_attention.as_str() {
        "on" => Flash::On,
        "off" => Flash::Off,
        _ => Flash::Auto,
    };
    Ok(args)
}

/// The preset as it ran.
fn sampler(record: &Record) -> Result<Sampler> {
    ensure!(!record.prompt_tokens.is_empty(), "its story never began");
    let preset: Preset = toml::from_str(&record.resolved).context("its preset")?;
    Ok(Sampler::new(preset.chain, preset.pick))
}
