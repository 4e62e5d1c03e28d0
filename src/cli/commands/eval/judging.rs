//! A model reads the stories, and what it says of them goes into the evaluation.

use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context, Result};

use crate::cli::args::{Eval, ModelArgs};
use crate::cli::interrupt::interruption;
use crate::cli::opening::open;
use crate::cli::render::progress::Progress;
use crate::cli::render::terminal::Terminal;
use crate::engine::Width;
use crate::eval::judge::Asked;
use crate::eval::{Ground, Hearing, Judge};
use crate::text::some;

/// From so many tokens on a reading is spoken of at every tenth of it, where no line can be drawn.
const LONG: usize = 20_000;

/// Has one judge read all stories.
pub fn judge(path: &Path, args: &Eval, ground: &Ground, terminal: &Terminal) -> Result<Judge> {
    let model = ModelArgs {
        model: Some(path.to_owned()),
        lora: Vec::new(),
        threads: args.threads,
        ctx: args.ctx,
        width: Width::Auto,
        device: args.device.clone(),
    };
    let engine = open(&model, terminal)?;
    let sha256 = engine.backend().sha256()?;
    let asked = Asked { turn: args.in_a_row.map_or(0, std::num::NonZero::get), ..Asked::default() };
    let hearing = Hearing::of(ground, asked);
    let (mut progress, mut before) = (None, 0);
    let mut heard = |read: usize, of: usize| {
        let line = progress.get_or_insert_with(|| {
            let line = Progress::measuring(terminal, of);
            line.names("reading");
            line
        });
        line.more(read - before);
        if !terminal.draws_progress() && of >= LONG {
            let tenths = |read: usize| read * 10 / of;
            if tenths(read) > tenths(before) && read < of {
                terminal.note(format_args!("{}: {} % of {} read", engine.title(), tenths(read) * 10, some(of, "token")));
            }
        }
        before = read;
        ControlFlow::Continue(())
    };
    let scored = hearing.sitting().hold(&engine, &mut heard, interruption());
    progress.iter().for_each(Progress::clear);
    let scored = scored.with_context(|| format!("cannot have the stories judged by `{}`", path.display()))?;
    let judge = hearing.judge(engine.title(), sha256, &scored);
    if judge.wrote(ground) {
        let all = args.judge.len() == 1;
        let alone = if all { ", and does not judge alone: give another one too" } else { "" };
        terminal.note(format_args!("`{}` told some of the stories itself{alone}", path.display()));
    }
    terminal.note(format_args!("{} read by {}", some(scored.len(), "text"), engine.title()));
    Ok(judge)
}
