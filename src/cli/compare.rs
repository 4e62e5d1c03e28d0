//! `afterword compare`: one prompt and one seed, told by several presets, and where the stories part.

use std::io::Write;

use anyhow::Result;
use serde::Serialize;

use super::Outcome;
use super::args::{Compare, Layout, ModelArgs};
use super::asking::Asked;
use super::columns::{Shown, page};
use super::engine::Engine;
use super::pictures::Picture;
use super::progress::Progress;
use super::prompt::Prompt;
use super::prose::{Ink, parting, safe, wrap};
use super::recording::inputs;
use super::settings::{Chosen, seed};
use super::tell::{Broken, Tale, tell};
use super::terminal::Terminal;
use super::usage::Usage;
use crate::decode::Plan;
use crate::llama::Session;
use crate::preset::{Edit, vary};
use crate::prob::Token;
use crate::report::Story;
use crate::sampler::Sampler;
use crate::story::{Mode, StopReason, TracedToken};

/// What is compared where nothing is named.
const USUAL: [&str; 4] = ["greedy", "temperature", "future", "wave"];

/// The preset whose values are compared where none is named.
const VARIED: &str = "future";

pub fn run(args: Compare, terminal: &Terminal) -> Result<Outcome> {
    let Compare { prompt: typed, asking, presets, vary: varied, set, story, model, out: drawn, colour_by, layout, json } = args;
    let voices = voices(&presets, varied.as_deref(), &set, &model)?;
    let inputs = inputs(&model, presets.iter().map(String::as_str));
    let drawn = drawn.map(|path| Picture::new(path, voices.len(), &inputs)).transpose()?;
    let prompt = Prompt::of(Some(typed))?;
    let seed = seed(story.seed);
    let engine = Engine::open(model, terminal)?;
    let asked = engine.ask(prompt, &asking, seed, story.tokens.get(), terminal)?;
    let plans: Result<Vec<Plan>> =
        voices.iter().map(|voice| engine.plan(sampler(voice, drawn.is_some()), &asked.tokens, seed, &story)).collect();
    let plans = plans?;
    let width = engine.width(&plans);
    let mut session = engine.session(&plans, width)?;

    let (tales, failure) = tell_all(&mut session, &voices, plans, width, terminal);
    let stories = compared(&voices, &tales, &asked)?;
    let comparison =
        Comparison { prompt: asked.prompt.clone(), seed, model: engine.title(), limit: story.tokens.get(), stories };
    let mut out = terminal.out();
    if json {
        writeln!(out, "{}", serde_json::to_string_pretty(&comparison)?)?;
    } else {
        show(&mut out, &comparison, layout, terminal.width)?;
    }
    if let Some(picture) = drawn {
        let stories: Vec<Story> =
            comparison.stories.iter().zip(&tales).map(|(told, tale)| drawable(told, tale, &asked, &engine)).collect();
        let title = format!("{} · {} · seed {seed}", comparison.prompt, comparison.model);
        picture.draw(&title, &stories, colour_by, terminal)?;
    }
    // What is told is kept, whatever came after it.
    if let Some(error) = failure {
        return Err(error);
    }
    Ok(if was_interrupted(&tales) { Outcome::Interrupted } else { Outcome::Done })
}

/// A preset with its changes, and what its story is called.
#[derive(Debug, Clone)]
struct Voice {
    label: String,
    /// The one change that tells it from others of its preset.
    edit: Option<Edit>,
    chosen: Chosen,
}

/// Each preset, with each of the varied values where there are any.
fn voices(presets: &[String], varied: Option<&str>, set: &[String], model: &ModelArgs) -> Result<Vec<Voice>> {
    let names: Vec<&str> = match (presets, varied) {
        ([], None) => USUAL.to_vec(),
        ([], Some(_)) => vec![VARIED],
        (named, _) => named.iter().map(String::as_str).collect(),
    };
    // What is typed is wrong usage where it is wrong.
    let wrong = |error: anyhow::Error| Usage(format!("{error:#}"));
    let edits = varied.map_or(Ok(Vec::new()), vary).map_err(wrong)?;
    let mut voices = Vec::new();
    for &name in &names {
        let chosen = Chosen::of(name, set, model)?;
        if edits.is_empty() {
            voices.push(Voice { label: name.to_string(), edit: None, chosen: chosen.clone() });
        }
        for edit in &edits {
            let mut chosen = chosen.clone();
            chosen.preset.set(edit).map_err(wrong)?;
            // Of one preset only the value differs.
            let label = if names.len() == 1 { edit.to_string() } else { format!("{name} · {edit}") };
            voices.push(Voice { label, edit: Some(edit.clone()), chosen });
        }
    }
    Ok(voices)
}

/// The voice's sampler; who draws its story wants to know the ranks too.
fn sampler(voice: &Voice, drawn: bool) -> Sampler {
    let sampler = voice.chosen.sampler();
    if drawn { sampler.with_detail() } else { sampler }
}

/// A story as it is drawn.
fn drawable(compared: &Compared, tale: &Tale, asked: &Asked, engine: &Engine) -> Story {
    let lexicon = engine.weights.lexicon();
    let trace: Vec<TracedToken> = tale.draws.iter().map(|draw| TracedToken::of(draw, lexicon)).collect();
    let shown = shown(compared, true);
    let facts =
        shown.facts.into_iter().enumerate().map(|(at, fact)| (if at == 0 { "told".into() } else { String::new() }, fact));
    Story {
        answers: asked.mode != Mode::Raw,
        begun: if asked.mode == Mode::Raw { String::new() } else { asked.beginning().to_owned() },
        resolved: compared.resolved.clone(),
        evaluations: tale.told.counts.evaluations as f64 / trace.len().max(1) as f64,
        facts: facts.collect(),
        ..Story::told(&compared.label, &asked.prompt, &tale.told.text, &trace)
    }
}

/// Tells the stories one after another, each in an empty memory: so each is the one that `write` tells. Returns those that
/// were told, and why no further one could be.
fn tell_all(
    session: &mut Session<'_>,
    voices: &[Voice],
    plans: Vec<Plan>,
    width: usize,
    terminal: &Terminal,
) -> (Vec<Tale>, Option<anyhow::Error>) {
    let (mut tales, all) = (Vec::new(), plans.len());
    for (voice, plan) in voices.iter().zip(plans) {
        let which = format!("{} of {all} · {}", tales.len() + 1, safe(&voice.label));
        let progress = Progress::telling_apart(terminal, which, plan.tokens);
        session.clear();
        let told = tell(session, plan, width, &progress, |_| Ok(()));
        progress.clear();
        match told.map_err(anyhow::Error::downcast) {
            Ok(tale) => tales.push(tale),
            Err(Ok(Broken { mut tale, cause })) => {
                tale.told.stop = Some(StopReason::Failed(format!("{cause:#}")));
                tales.push(tale);
                return (tales, Some(cause.context("the story broke off")));
            }
            Err(Err(error)) => return (tales, Some(error)),
        }
        if was_interrupted(&tales) {
            break;
        }
    }
    (tales, None)
}

fn was_interrupted(tales: &[Tale]) -> bool {
    tales.last().is_some_and(|tale| tale.told.stop == Some(StopReason::Interrupted))
}

/// What was compared. Durations are in seconds, log-probabilities in nats.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Comparison {
    prompt: String,
    seed: u64,
    /// The model's name.
    model: String,
    /// The most tokens to tell.
    limit: usize,
    /// The stories that were told; the others are measured against the first.
    stories: Vec<Compared>,
}

/// One of the stories.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Compared {
    /// What it is called here.
    label: String,
    /// The name by which its preset was asked for.
    preset: String,
    /// The one change that tells it from others of its preset.
    edit: Option<String>,
    /// The preset as it ran, as TOML, with all changes made.
    resolved: String,
    /// What was told, without the prompt.
    text: String,
    /// The tokens, one that ended the story among them.
    tokens: Vec<Token>,
    /// Why it ended.
    stop: Option<StopReason>,
    /// After how many words it parts from the first story; null where no word differs.
    parts_at: Option<usize>,
    /// The mean of the tokens' log-probabilities, the model's own and unmodified; null for no tokens.
    mean_log_p: Option<f64>,
    /// Rows of logits that were computed to decide about tokens.
    evaluations: usize,
    /// How long the prompt was read and the story told.
    seconds: Seconds,
}

/// Durations.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
struct Seconds {
    /// To the first token.
    read: f64,
    /// From there to the end.
    tell: f64,
}

fn compared(voices: &[Voice], tales: &[Tale], asked: &Asked) -> Result<Vec<Compared>> {
    let first = tales.first().map_or(String::new(), |tale| asked.story(&tale.told.text));
    let compare = |(voice, tale): (&Voice, &Tale)| {
        let Voice { label, edit, chosen: Chosen { name, preset } } = voice;
        let Tale { told, draws, read_time, tell_time } = tale;
        let text = asked.story(&told.text);
        let log_p: f64 = draws.iter().map(|draw| draw.log_p).sum();
        Ok(Compared {
            label: label.clone(),
            preset: name.clone(),
            edit: edit.as_ref().map(Edit::to_string),
            resolved: preset.to_toml()?,
            tokens: told.tokens.clone(),
            stop: told.stop.clone(),
            parts_at: parting(&first, &text),
            text,
            mean_log_p: (!draws.is_empty()).then(|| log_p / draws.len() as f64),
            evaluations: told.counts.evaluations,
            seconds: Seconds { read: read_time.as_secs_f64(), tell: tell_time.as_secs_f64() },
        })
    };
    voices.iter().zip(tales).map(compare).collect()
}

/// The comparison for people.
fn show(out: &mut impl Write, comparison: &Comparison, layout: Layout, width: usize) -> Result<()> {
    let Comparison { prompt, seed, model, limit, stories } = comparison;
    for line in wrap(prompt, width, None) {
        writeln!(out, "{}", line.inked(Ink::Bold))?;
    }
    let title = format!("{} · seed {seed} · at most {limit} tokens", safe(model));
    for line in wrap(&title, width, None) {
        writeln!(out, "{}", line.inked(Ink::Dim))?;
    }
    writeln!(out)?;
    let shown: Vec<Shown> = stories.iter().enumerate().map(|(at, story)| shown(story, at == 0)).collect();
    for line in page(&shown, layout, width) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn shown(story: &Compared, is_first: bool) -> Shown {
    let Compared { label, text, tokens, stop, parts_at, mean_log_p, evaluations, seconds, .. } = story;
    let (count, mut facts) = (tokens.len(), Vec::new());
    if !is_first {
        facts.push(match parts_at {
            Some(0) => "parts at the first word".to_string(),
            Some(1) => "parts after 1 word".to_string(),
            Some(words) => format!("parts after {words} words"),
            None => "every word the same".to_string(),
        });
    }
    facts.push(format!("{count} tokens"));
    facts.extend(stop.as_ref().map(ending));
    facts.extend(mean_log_p.map(|log_p| format!("surprisal {:.2} nats", -log_p)));
    if count > 0 {
        facts.push(format!("{:.2} evaluations a token", *evaluations as f64 / count as f64));
    }
    // The first token falls to the reading of the prompt.
    if count > 1 {
        facts.push(format!("{:.0} tokens/s", (count - 1) as f64 / seconds.tell.max(1e-9)));
    }
    Shown { label: label.clone(), text: text.clone(), parting: parts_at.filter(|_| !is_first), facts }
}

/// Why a story ended, in few words.
fn ending(stop: &StopReason) -> String {
    match stop {
        StopReason::End => "ended by the model".into(),
        StopReason::Stop(stop) => format!("stopped before {stop:?}"),
        StopReason::Tokens => "token limit".into(),
        StopReason::Context => "context full".into(),
        StopReason::Loop => "repeats itself".into(),
        StopReason::Interrupted => "interrupted".into(),
        StopReason::Failed(_) => "broke off".into(),
    }
}
