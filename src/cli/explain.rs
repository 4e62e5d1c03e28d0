//! `afterword explain`: the next token after a prompt, and everything that decides about it.

use std::io::Write;
use std::num::NonZeroUsize;

use anyhow::{Result, bail};

use super::Outcome;
use super::args::{Explain, StoryArgs};
use super::bars;
use super::engine::Engine;
use super::explanation::{Explanation, Moment};
use super::progress::Progress;
use super::settings::{Chosen, prompt, seed};
use super::tell::tell;
use super::terminal::Terminal;
use crate::llama::MOST_BRANCHES;
use crate::sampler::Reach;

pub fn run(args: Explain, terminal: &Terminal) -> Result<Outcome> {
    let Explain { prompt: typed, asking, preset, seed: typed_seed, model, json } = args;
    let chosen = Chosen::of(&preset)?;
    let prompt = prompt(Some(typed))?;
    let seed = seed(typed_seed);
    let engine = Engine::open(model, terminal)?;
    // The draw is that of `write`: to know more than it needs changes nothing in what is taken.
    let sampler = chosen.sampler().with_reach(Reach::Exhaustive).with_detail();
    let asked = engine.ask(prompt, &asking, seed, 1, terminal)?;
    let one = StoryArgs {
        seed: Some(seed),
        tokens: NonZeroUsize::MIN,
        min_tokens: None,
        go_on: false,
        no_loop_stop: true,
        stop: Vec::new(),
    };
    let plan = engine.plan(sampler, &asked.tokens, seed, &one)?;
    let width = engine.width();
    // Every candidate stays until all are known.
    let branches = 1 + plan.sampler.forks(width);
    if branches > MOST_BRANCHES {
        bail!(
            "cannot look at all candidates: they need {branches} branches of the model's memory, and there are {MOST_BRANCHES}\n\
             hint: ask for fewer with `--set future.candidates=20`"
        );
    }
    let mut session = engine.session(std::slice::from_ref(&plan), width)?;

    let progress = Progress::telling(terminal, 1);
    let told = tell(&mut session, plan, width, &progress, |_| Ok(()));
    progress.clear();
    let Some(draw) = told?.draws.pop() else { return Ok(Outcome::Interrupted) };
    let moment = Moment { model: engine.title(), prompt: asked.prompt, prompt_tokens: asked.tokens, seed };
    let explanation = Explanation::of(moment, &chosen, &draw, engine.weights.lexicon())?;
    let mut out = terminal.out();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&explanation)?)?;
    } else {
        write!(out, "{}", bars::page(&explanation, terminal.width))?;
    }
    Ok(Outcome::Done)
}
