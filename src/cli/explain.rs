//! `afterword explain`: the next token after a prompt, or one of a story's, and everything that decides about it.

use std::io::Write;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context, Result, bail};

use super::Outcome;
use super::again::Again;
use super::args::{Explain, StoryArgs};
use super::bars;
use super::engine::{Engine, interruption};
use super::explanation::{Explanation, Moment};
use super::progress::Progress;
use super::prompt::Prompt;
use super::prose::safe;
use super::recorded::{as_recorded, differs};
use super::settings::{Chosen, seed};
use super::terminal::Terminal;
use super::usage::Usage;
use crate::catalog::ModelCard;
use crate::decode::{Decided, Observer, Place, Plan, Stories, Told, decide};
use crate::llama::{self, Session};
use crate::model::{MOST_BRANCHES, Telling};
use crate::preset::{Edit, Preset};
use crate::prob::Token;
use crate::story::{Mode, Record, Versions};
use crate::text::{some, visible};

/// How many tokens after each candidate are shown.
const NEXT: usize = 5;

/// What is to be explained, and the engine to do it.
struct Asked {
    engine: Engine,
    chosen: Chosen,
    /// The text, as a person knows it.
    text: String,
    /// The story, with the sampler that told it, and those that were told beside it.
    plans: Vec<Plan>,
    which: usize,
    told: Vec<Token>,
    /// The record, where the story was told.
    record: Option<Record>,
    /// Whether something is asked to be otherwise than it was.
    what_if: bool,
}

pub fn run(args: Explain, terminal: &Terminal) -> Result<Outcome> {
    let (json, tree) = (args.json, args.tree);
    let asked = match args.record.clone() {
        Some(path) => of_record(args, &path, terminal)?,
        None => of_prompt(args, terminal)?,
    };
    let Some(decided) = asked.decide(terminal)? else { return Ok(Outcome::Interrupted) };
    let Asked { engine, chosen, text, plans, which, told, record, what_if } = asked;
    let plan = &plans[which];
    let lexicon = engine.weights.lexicon();
    let moment = Moment {
        model: engine.title(),
        prompt: text,
        prompt_tokens: [&plan.prompt[..], &told].concat(),
        seed: plan.seed,
        step: told.len(),
        story_tokens: record.as_ref().map(|record| record.tokens.len()),
    };
    let explanation = Explanation::of(moment, &chosen, &decided, lexicon)?;
    let mut out = terminal.out();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&explanation)?)?;
    } else {
        write!(out, "{}", bars::page(&explanation, terminal.width))?;
        if tree {
            write!(out, "{}", bars::tree(&explanation, terminal.width))?;
        }
    }
    let parts = parting(&decided, told.len(), |token| visible(&lexicon.show(token)));
    match parts {
        None => Ok(Outcome::Done),
        Some(parts) if what_if => {
            terminal.note(parts);
            Ok(Outcome::Done)
        }
        // What is shown is not the decision that was made.
        Some(parts) => {
            terminal.err(format_args!("another story: {parts}"));
            Ok(Outcome::Failed)
        }
    }
}

/// Where the story told again is another one, in words.
fn parting(decided: &Decided, at: usize, show: impl Fn(Token) -> String) -> Option<String> {
    let own = decided.own.filter(|own| own.token != decided.draw.token);
    match (decided.strayed, own) {
        (None, None) => None,
        (Some(strayed), _) => Some(format!("told again, another token is drawn at token {} of the story already", strayed + 1)),
        (None, Some(own)) => {
            let (is, was) = (show(decided.draw.token), show(own.token));
            Some(format!("told again, token {} is `{is}`, and was `{was}`", at + 1))
        }
    }
}

impl Asked {
    /// The decision; nothing where it is interrupted.
    fn decide(&self, terminal: &Terminal) -> Result<Option<Decided>> {
        let Self { engine, chosen, plans, which, told, record, .. } = self;
        let plan = &plans[*which];
        let closely = chosen.sampler().with_min_tokens(plan.sampler.min_tokens());
        closely.check(engine.weights.lexicon())?;
        let seen = Plan { sampler: closely.clone(), ..plan.clone() };
        let shapes = [plan.clone(), seen];
        let width = engine.width(&shapes);
        let mut session = self.session(&shapes, width)?;
        let progress = match record {
            Some(_) => Progress::telling_apart(terminal, "telling again", told.len() + 1),
            None => Progress::telling(terminal, 1),
        };
        let own = record.as_ref().map(|record| record.tokens[told.len()]);
        let place = Place { plans, which: *which, told, own };
        let decided = decide(&mut session, &closely, place, NEXT, width, &mut Steps(&progress), interruption());
        progress.clear();
        decided
    }

    /// A memory in which the story can be told and looked at: of the kind of the record's, where there is one.
    fn session(&self, shapes: &[Plan], width: usize) -> Result<Session<'_>> {
        let (cells, branches) = Stories::room_for(shapes, width);
        if branches > MOST_BRANCHES {
            bail!(
                "cannot look at all candidates: they need {branches} branches of the model's memory, and there are {MOST_BRANCHES}\n\
                 hint: ask for fewer with `--set future.candidates=20`"
            );
        }
        match &self.record {
            None => self.engine.session_of(cells, branches),
            Some(Record { run, .. }) => {
                // Beside others the close look has room of its own.
                let others = if self.plans.len() > 1 { (run.cells, run.branches) } else { (0, 0) };
                let (cells, branches) = ((cells + others.0).max(run.cells), (branches + others.1).max(run.branches));
                let branches = branches.min(MOST_BRANCHES);
                self.engine.session_in_batches(cells, branches, run.batch, self.engine.args.threads)
            }
        }
    }
}

/// Shows how far the way to the decision is gone.
struct Steps<'a>(&'a Progress);

impl Observer for Steps<'_> {
    fn reading(&mut self, _: usize, read: usize, of: usize) -> ControlFlow<()> {
        self.0.read(read, of);
        ControlFlow::Continue(())
    }

    fn told(&mut self, _: usize, told: &Told) -> ControlFlow<()> {
        self.0.told(told.counts);
        ControlFlow::Continue(())
    }
}

/// The token after a prompt.
fn of_prompt(args: Explain, terminal: &Terminal) -> Result<Asked> {
    let Explain { prompt: typed, asking, preset, seed: typed_seed, model, record: _, token, after, tree: _, json: _ } = args;
    if let Some(option) = token.map(|_| "--token").or(after.map(|_| "--after")) {
        let hint = "`--record FILE` names it, and without it the token behind the prompt is explained";
        return Err(Usage(format!("`{option}` is for a story that was told, and none is given\nhint: {hint}")).into());
    }
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
    let one = StoryArgs {
        seed: Some(seed),
        tokens: NonZeroUsize::MIN,
        min_tokens: None,
        go_on: false,
        no_loop_stop: true,
        stop: Vec::new(),
    };
    let plan = engine.plan(chosen.sampler(), &asked.tokens, seed, &one)?;
    Ok(Asked {
        engine,
        chosen,
        text: asked.prompt,
        plans: vec![plan],
        which: 0,
        told: Vec::new(),
        record: None,
        what_if: false,
    })
}

/// A token of a story that was told, as its record has it.
fn of_record(args: Explain, path: &Path, terminal: &Terminal) -> Result<Asked> {
    let Explain { prompt: _, asking: _, preset, seed: _, model, record: _, token, after, tree: _, json: _ } = args;
    let record = Record::read(path)?;
    let count = record.tokens.len();
    let after = token.map(|token| token.get() - 1).or(after).unwrap_or(0);
    let Some(last) = count.checked_sub(1) else {
        return Err(Usage(format!("the story of `{}` has no token that could be explained", path.display())).into());
    };
    if after > last {
        let hint = format!("the last can be explained with `--token {count}`, which is `--after {last}`");
        return Err(Usage(format!("the story has {}\nhint: {hint}", some(count, "token"))).into());
    }
    let refusal = || format!("cannot read the record `{}`", path.display());
    let own = preset_of(&record, &[]).with_context(refusal)?;
    let chosen = preset_of(&record, &preset.set).with_context(refusal)?;
    let what_if = !preset.set.is_empty() || differs(&model, &record);
    let engine = Engine::open(as_recorded(model, &record)?, terminal)?;
    if Versions::here(llama::build()) != record.versions {
        terminal.note("told by another build of the program: the bits may differ");
    }
    let told = record.tokens[..after].to_vec();
    let lexicon = engine.weights.lexicon();
    let bytes: Vec<u8> = told.iter().flat_map(|&token| lexicon.piece(token)).copied().collect();
    let begun = match &record.mode {
        Mode::Raw => record.prompt.clone(),
        Mode::Chat(chat) => format!("{}\n\n{}", record.prompt, chat.prefill),
    };
    let text = begun + &Telling::text_of(&bytes);
    let sampler = own.sampler().with_min_tokens(record.run.min_tokens);
    let plan = Plan {
        context: record.run.context,
        context_shift: record.run.slides,
        stop_on_loop: !record.run.may_loop,
        stops: record.run.stops.clone(),
        ..Plan::new(sampler, record.prompt_tokens.clone(), record.seed, record.run.limit)
    };
    if let Some(beside) = beside(&record, &plan) {
        terminal.note(format_args!("{beside}: alone the bits may differ"));
    }
    let again = Again::of(&record, plan).with_context(refusal)?;
    let (plans, which) = again.stories();
    Ok(Asked { engine, chosen, text, plans: plans.to_vec(), which, told, record: Some(record), what_if })
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

/// What others did beside the story, if it was told together with them: then it was decoded with them too.
fn beside(record: &Record, plan: &Plan) -> Option<String> {
    let run = &record.run;
    if run.drafts > 1 {
        let drafts = format!("one of {} drafts that were told together, and the record does not say which", run.drafts);
        return record.draft.is_none().then_some(drafts);
    }
    // As `batch` has it where it tells several at a time.
    let (_, branches) = Stories::room_for(std::slice::from_ref(plan), run.width);
    let for_several = run.branches >= 2 * branches && run.cells >= 2 * plan.prompt.len();
    for_several.then(|| "told in a memory with room for several, perhaps beside others".to_owned())
}
