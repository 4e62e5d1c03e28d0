//! `afterword replay`: tells the story of a record again, with its settings, and says where it differs.

use anstyle::Style;
use anyhow::{Context, Result};

use crate::cli::Outcome;
use crate::cli::args::{ModelArgs, Replay as Args};
use crate::cli::interrupt::interruption;
use crate::cli::opening::open_with;
use crate::cli::recorded::{as_recorded, differs, other_build};
use crate::cli::render::progress::Progress;
use crate::cli::render::terminal::Terminal;
use crate::cli::tell::Teller;
use crate::engine::{BATCH, Beside, Engine, Replay, Width, parting, told_text};
use crate::sampler::Draw;
use crate::story::{Mode, Record, Resumed, StopReason};
use crate::text::{some, visible};

pub fn run(args: Args, terminal: &Terminal) -> Result<Outcome> {
    let Args { record: path, model, lora, threads, device } = args;
    let typed = ModelArgs { model, lora, threads, ctx: None, width: Width::Auto, device };
    let record = Record::read(&path)?;
    let replay = Replay::of(&record).with_context(|| format!("cannot read the record `{}`", path.display()))?;
    let opened = open_with(as_recorded(&typed, &record)?, terminal)?;
    let replay = replay.furnished(&opened.engine, &record)?;
    announce(&opened.engine, &record, &replay, differs(&typed, &record), terminal);
    let run = &record.run;
    let mut session = opened.session_in_batches(run.cells, run.branches, run.batch)?;
    let stood = record.stood();
    let progress = Progress::telling(terminal, run.limit - stood);
    let mut sheet = terminal.story();
    let before = told_text(&record.tokens[..stood], &record.healed, opened.vocabulary());
    sheet.begins_with(&(if record.mode == Mode::Raw { record.prompt.clone() } else { String::new() } + &before));
    if !progress.shows_reading(record.prompt_tokens.len() + stood, BATCH) {
        sheet.begin()?;
    }
    let mut hear = |text: &str, _: Option<&Draw>| Ok(sheet.say(Style::new(), text)?);
    let mut teller = Teller::new(&progress, &mut hear);
    let again = replay.tell(&mut *session, &mut teller, interruption());
    let unshown = teller.unshown;
    progress.clear();
    if let Some(error) = unshown.or(again.failure().map(|cause| anyhow::anyhow!(cause.to_owned()))) {
        sheet.break_off();
        return Err(error.context("the story broke off"));
    }
    sheet.end()?;
    if interruption().is_cancelled() {
        return Ok(Outcome::Interrupted);
    }
    let Some(at) = parting(&record, &again) else {
        let ending = match record.stop {
            StopReason::Interrupted => "interrupted there",
            StopReason::Failed(_) => "broken off there",
            _ => "each as in the record",
        };
        terminal.note(format_args!("the same story: {}, {ending}", some(again.tokens.len(), "token")));
        return Ok(Outcome::Done);
    };
    let piece = |token: Option<&u32>| match token {
        Some(&token) => format!("`{}`", visible(&opened.vocabulary().show(token))),
        None => "nothing".to_owned(),
    };
    let (was, is) = (piece(record.tokens.get(at)), piece(again.tokens.get(at - stood)));
    terminal.err(format_args!("another story: token {} is {is}, and was {was}", at + 1));
    Ok(Outcome::Failed)
}

/// Says what is told again, and why it may come out otherwise.
fn announce(engine: &Engine, record: &Record, replay: &Replay, otherwise: bool, terminal: &Terminal) {
    if other_build(engine, record) {
        terminal.note("told by another build of the program: the bits may differ");
    }
    if otherwise {
        terminal.note("told with other settings than the record's: the bits may differ");
    }
    if let Some(draft) = record.draft {
        let drafts = record.run.drafts;
        terminal.note(format_args!("draft {} of {drafts}: the others are told beside it again", draft.number));
    }
    if let Some(Resumed { tokens, .. }) = record.resumed {
        terminal.note(format_args!("gone on with from token {}: what stood before it is taken as it is", tokens + 1));
    }
    if let Some(Beside::Drafts(drafts)) = replay.beside(record) {
        let alone = "the record does not say which of them it is, so it is told alone, and the bits may differ";
        terminal.note(format_args!("one of {drafts} drafts that were told together: {alone}"));
    }
    terminal.note(format_args!("{} · preset {} · seed {} · again", engine.title(), record.preset, record.seed));
}
