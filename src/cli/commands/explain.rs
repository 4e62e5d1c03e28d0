//! `afterword explain`: the next token after a prompt, or one of a story's, and everything that decides about it.

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use anyhow::{Context, Result};

use crate::catalog::ModelCard;
use crate::cli::Outcome;
use crate::cli::args::Explain;
use crate::cli::interrupt::interruption;
use crate::cli::opening::{Opened, open, open_with};
use crate::cli::prompt::TypedPrompt;
use crate::cli::prompting::put;
use crate::cli::recorded::{as_recorded, differs, other_build, preset_of};
use crate::cli::render::bars;
use crate::cli::render::progress::Progress;
use crate::cli::render::prose::safe;
use crate::cli::render::terminal::Terminal;
use crate::cli::settings::{Chosen, seed};
use crate::cli::usage::Usage;
use crate::decode::{Decided, Observer, Plan, Told};
use crate::engine::{Beside, Explanation, Moment, Question, Replay, StoryRequest, told_text};
use crate::prob::Token;
use crate::story::{Mode, Record};
use crate::text::{some, visible};

/// What is to be explained, and the engine to do it.
struct Asked {
    opened: Opened,
    chosen: Chosen,
    /// The text, as a person knows it.
    text: String,
    story: Story,
    /// Whether something is asked to be otherwise than it was.
    what_if: bool,
}

/// Whose token it is.
enum Story {
    /// One that would be told.
    New(Box<Plan>),
    /// One that was told, behind so many of its tokens.
    Told { record: Box<Record>, replay: Replay, after: usize },
}

pub fn run(args: Explain, terminal: &Terminal) -> Result<Outcome> {
    let (json, tree) = (args.json, args.tree);
    let Asked { opened, chosen, text, story, what_if } = match args.record.clone() {
        Some(path) => of_record(args, &path, terminal)?,
        None => of_prompt(args, terminal)?,
    };
    let (question, story_tokens) = match &story {
        Story::New(plan) => (Question::after((**plan).clone()), None),
        Story::Told { record, replay, after } => (Question::within(replay, record, *after)?, Some(record.tokens.len())),
    };
    let (plan, told) = (question.plan(), question.told());
    let place = question.place();
    let progress = match &story {
        Story::Told { .. } => Progress::telling_apart(terminal, "telling again", told.len() + 1),
        Story::New(_) => Progress::telling(terminal, 1),
    };
    let decided = opened.explain(&question, &chosen.sampler(), &mut Steps(&progress), interruption());
    progress.clear();
    let Some(decided) = decided? else { return Ok(Outcome::Interrupted) };
    let moment = Moment {
        model: opened.title(),
        prompt: text,
        prompt_tokens: [&plan.prompt[..], told].concat(),
        seed: plan.seed,
        step: place,
        story_tokens,
    };
    let vocabulary = opened.vocabulary();
    let explanation = Explanation::of(moment, &chosen.name, &chosen.preset, &decided, vocabulary)?;
    let mut out = terminal.out();
    if json {
        terminal.json(&explanation)?;
    } else {
        write!(out, "{}", bars::page(&explanation, terminal.width))?;
        if tree {
            write!(out, "{}", bars::tree(&explanation, terminal.width))?;
        }
    }
    let parts = parting(&decided, place, |token| visible(&vocabulary.show(token)));
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
    let chosen = Chosen::of(&preset.preset, &preset.changes, &model)?;
    let text = TypedPrompt::of(typed, asking.asked())?;
    let seed = seed(typed_seed);
    let opened = open(&model, terminal)?;
    let advice = ModelCard::read(&opened.info().path).map(|card| card.sampling).unwrap_or_default();
    if !advice.is_empty() {
        let advice: Vec<String> = advice.iter().map(|(key, value)| format!("{key} = {value}")).collect();
        terminal.note(safe(&format!("the model's makers advise {}: `--preset model`", advice.join(", "))));
    }
    let prompt = put(&opened, text, &asking, seed, 1, terminal)?;
    let request = StoryRequest { stop_on_loop: false, ..StoryRequest::new(seed, 1) };
    let plan = opened.plan(&chosen.sampler(), &prompt, &request)?;
    Ok(Asked { opened, chosen, text: prompt.text, story: Story::New(Box::new(plan)), what_if: false })
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
    let replay = Replay::of(&record).with_context(refusal)?;
    let chosen = preset_of(&record, &preset.changes).with_context(refusal)?;
    let what_if = !preset.changes.is_empty() || differs(&model, &record);
    let opened = open_with(as_recorded(&model, &record)?, terminal)?;
    let replay = replay.furnished(&opened.engine, &record)?;
    if other_build(&opened, &record) {
        terminal.note("told by another build of the program: the bits may differ");
    }
    let beside = replay.beside(&record).map(|beside| match beside {
        Beside::Drafts(drafts) => format!("one of {drafts} drafts that were told together, and the record does not say which"),
        Beside::Perhaps => "told in a memory with room for several, perhaps beside others".to_owned(),
    });
    if let Some(beside) = beside {
        terminal.note(format_args!("{beside}: alone the bits may differ"));
    }
    let begun = match &record.mode {
        Mode::Raw => "",
        Mode::Chat(chat) => chat.prefill.as_str(),
    };
    let text = record.lead() + begun + &told_text(&record.tokens[..after], &record.healed, opened.vocabulary());
    Ok(Asked { opened, chosen, text, story: Story::Told { record: Box::new(record), replay, after }, what_if })
}
