//! `afterword explain`: the next token after a prompt, or one of a story's, and everything that decides about it.

use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::Outcome;
use super::args::{Explain, ModelArgs, StoryArgs, Width};
use super::bars;
use super::engine::Engine;
use super::explanation::{Explanation, Moment, Nexts};
use super::missing::still_there;
use super::prompt::Prompt;
use super::prose::safe;
use super::recording::sha256;
use super::report;
use super::settings::{Chosen, seed};
use super::terminal::Terminal;
use super::usage::Usage;
use crate::catalog::ModelCard;
use crate::decode::{Place, decide};
use crate::llama::MOST_BRANCHES;
use crate::model::Telling;
use crate::preset::{Edit, Preset};
use crate::prob::{Partition, Token, top};
use crate::sampler::{Reach, Watched};
use crate::story::{Mode, Record};

/// How many tokens after each candidate are shown.
const NEXT: usize = 5;

/// What is to be explained, and the engine to do it.
struct Asked {
    engine: Engine,
    chosen: Chosen,
    seed: u64,
    /// The text, as a person knows it.
    text: String,
    prompt: Vec<Token>,
    told: Vec<Token>,
    /// How many tokens the story may have; at its first one nothing depends on it.
    planned: usize,
    /// Before so many tokens the story takes no end.
    least: usize,
    /// The token that the record has there.
    recorded: Option<Token>,
}

pub fn run(args: Explain, terminal: &Terminal) -> Result<Outcome> {
    let (json, tree) = (args.json, args.tree);
    let asked = match args.record.clone() {
        Some(path) => of_record(args, &path, terminal)?,
        None => of_prompt(args, terminal)?,
    };
    let Asked { engine, chosen, seed, text, prompt, told, planned, least, recorded } = asked;
    // The draw is that of `write`: to know more than it needs changes nothing in what is taken.
    let sampler = chosen.sampler().with_reach(Reach::Exhaustive).with_detail().with_min_tokens(least);
    let one = StoryArgs {
        seed: Some(seed),
        tokens: std::num::NonZeroUsize::MIN,
        min_tokens: None,
        go_on: false,
        no_loop_stop: true,
        stop: Vec::new(),
    };
    let so_far = [&prompt[..], &told].concat();
    let plan = engine.plan(sampler, &so_far, seed, &one)?;
    let width = engine.width(std::slice::from_ref(&plan));
    // Every candidate stays until all are known.
    let branches = 1 + plan.sampler.forks(width);
    if branches > MOST_BRANCHES {
        bail!(
            "cannot look at all candidates: they need {branches} branches of the model's memory, and there are {MOST_BRANCHES}\n\
             hint: ask for fewer with `--set future.candidates=20`"
        );
    }
    let mut session = engine.session(std::slice::from_ref(&plan), width)?;
    let mut nexts = Nexts::new();
    let place = Place { prompt: &prompt, told: &told, seed, planned };
    let draw = decide(&mut session, &plan.sampler, place, width, &mut |path, row| {
        if let ([token], Some(partition)) = (&path.0[..], Partition::of(row)) {
            let next = |ranked: &crate::prob::Ranked| Watched { token: ranked.token, log_p: partition.log_p(ranked.logit) };
            nexts.insert(*token, top(row, NEXT).iter().map(next).collect());
        }
    })?;
    let lexicon = engine.weights.lexicon();
    if let Some(recorded) = recorded.filter(|recorded| *recorded != draw.token) {
        terminal.note(format_args!(
            "here {:?} is taken, and the record has {:?}: computed otherwise, or changed by `--set`",
            lexicon.show(draw.token),
            lexicon.show(recorded)
        ));
    }
    let moment = Moment { model: engine.title(), prompt: text, prompt_tokens: so_far, seed, step: told.len() };
    let explanation = Explanation::of(moment, &chosen, &draw, &nexts, lexicon)?;
    let mut out = terminal.out();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&explanation)?)?;
    } else {
        write!(out, "{}", bars::page(&explanation, terminal.width))?;
        if tree {
            write!(out, "{}", bars::tree(&explanation, terminal.width))?;
        }
    }
    Ok(Outcome::Done)
}

/// The token after a prompt.
fn of_prompt(args: Explain, terminal: &Terminal) -> Result<Asked> {
    let Explain { prompt: typed, asking, preset, seed: typed_seed, model, record: _, after: _, tree: _, json: _ } = args;
    let chosen = Chosen::of(&preset.preset, &preset.set, &model)?;
    let text = Prompt::of(typed)?;
    let seed = seed(typed_seed);
    let engine = Engine::open(model, terminal)?;
    let advice = ModelCard::read(engine.weights.path()).map(|card| card.sampling).unwrap_or_default();
    if !advice.is_empty() {
        let advice: Vec<String> = advice.iter().map(|(key, value)| format!("{key} = {value}")).collect();
        terminal.note(safe(&format!("the model's makers advise {}: `--preset model`", advice.join(", "))));
    }
    let asked = engine.ask(text, &asking, seed, 1, terminal)?;
    Ok(Asked {
        engine,
        chosen,
        seed,
        text: asked.prompt,
        prompt: asked.tokens,
        told: Vec::new(),
        planned: 1,
        least: 0,
        recorded: None,
    })
}

/// A token of a story that was told, as its record has it.
fn of_record(args: Explain, path: &Path, terminal: &Terminal) -> Result<Asked> {
    let Explain { prompt: _, asking: _, preset, seed: _, model, record: _, after, tree: _, json: _ } = args;
    let record = report::read(path)?;
    let count = record.tokens.len();
    if after >= count {
        let hint = "0 explains the first token, and the page of `afterword report` counts them";
        return Err(Usage(format!("the story has {count} tokens, so `--after {after}` is behind its end\nhint: {hint}")).into());
    }
    let chosen = preset_of(&record, &preset.set).with_context(|| format!("cannot read the preset of `{}`", path.display()))?;
    if model.model.is_none() {
        still_there(Path::new(&record.model.file))?;
    }
    let engine = Engine::open(as_recorded(model, &record), terminal)?;
    if sha256(engine.weights.path())? != record.model.sha256 {
        terminal.note("the model is not the one of the record: its checksum differs");
    }
    let told = record.tokens[..after].to_vec();
    let lexicon = engine.weights.lexicon();
    let bytes: Vec<u8> = told.iter().flat_map(|&token| lexicon.piece(token)).copied().collect();
    let begun = match &record.mode {
        Mode::Raw => record.prompt.clone(),
        Mode::Chat(chat) => format!("{}\n\n{}", record.prompt, chat.prefill),
    };
    let text = begun + &Telling::text_of(&bytes);
    let recorded = Some(record.tokens[after]);
    let room = record.run.context.saturating_sub(record.prompt_tokens.len());
    if after > room {
        let hint = format!("up to `--after {room}` it saw everything");
        let refusal = "the model no longer saw the whole story there: it had slid, and where is not recorded";
        return Err(Usage(format!("cannot explain token {after} of `{}`: {refusal}\nhint: {hint}", path.display())).into());
    }
    let least = record.run.min_tokens;
    let planned = if record.run.slides { record.run.limit } else { record.run.limit.min(room) };
    Ok(Asked { engine, chosen, seed: record.seed, text, prompt: record.prompt_tokens, told, planned, least, recorded })
}

/// The preset as it ran, with what is to be otherwise now.
fn preset_of(record: &Record, edits: &[String]) -> Result<Chosen> {
    let mut preset: Preset = Preset::of_record(&record.resolved)?;
    for edit in edits {
        let edited = Edit::parse(edit).and_then(|edit| preset.set(&edit));
        edited.map_err(|error| Usage(format!("{error:#}")))?;
    }
    Ok(Chosen { name: record.preset.clone(), preset })
}

/// The model and the settings of the record, where nothing else was typed.
fn as_recorded(typed: ModelArgs, record: &Record) -> ModelArgs {
    let run = &record.run;
    ModelArgs {
        model: typed.model.or_else(|| Some(record.model.file.clone().into())),
        threads: typed.threads.or_else(|| run.threads.try_into().ok()),
        ctx: typed.ctx.or_else(|| run.context.try_into().ok()),
        width: match (typed.width, run.width.try_into()) {
            (Width::Auto, Ok(width)) => Width::Fixed(width),
            (width, _) => width,
        },
        device: typed.device,
    }
}
