//! `afterword compare`: one prompt and one seed, told by several presets, and where the stories part.

use std::io::Write;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use crate::cli::Outcome;
use crate::cli::args::{ChangeArgs, Compare, Layout, ModelArgs};
use crate::cli::opening::open;
use crate::cli::prompt;
use crate::cli::prompting::put;
use crate::cli::recording::inputs;
use crate::cli::remembering::Remembered;
use crate::cli::render::columns::{Shown, page};
use crate::cli::render::pictures::Picture;
use crate::cli::render::progress::{Progress, speed};
use crate::cli::render::prose::{Ink, Line, end_of, wrap};
use crate::cli::render::terminal::Terminal;
use crate::cli::settings::{Chosen, combinations, seed};
use crate::cli::tell::{Tale, tell_in};
use crate::cli::usage::Usage;
use crate::decode::{Keep, Plan, Stories};
use crate::engine::{Engine, Prompt};
use crate::model::{Choice, Vocabulary};
use crate::preset::Edit;
use crate::prob::Token;
use crate::report::{Story, slices_behind};
use crate::sampler::Sampler;
use crate::story::{Mode, StopReason, TracedToken};
use crate::text::some;

/// What is compared where nothing is named.
const USUAL: [&str; 4] = ["greedy", "temperature", "future", "wave"];

/// The preset whose values are compared where none is named.
const VARIED: &str = "future";

/// A prompt of more lines shows its last words only.
const MOST_LINES: usize = 4;

/// The columns of a prompt in the title of a page or a figure.
const LONGEST_TITLE: usize = 100;

pub fn run(args: Compare, terminal: &Terminal) -> Result<Outcome> {
    let Compare {
        prompt: typed,
        asking,
        presets,
        vary: varied,
        changes,
        story,
        model,
        keeping,
        out: drawn,
        colour_by,
        layout,
        json,
    } = args;
    let voices = voices(&presets, &varied, &changes, &model)?;
    let inputs = inputs(&model, &changes, presets.iter().map(String::as_str));
    let drawn = drawn.map(|path| Picture::new(path, voices.len(), &inputs)).transpose()?;
    let prompt = prompt::TypedPrompt::of(Some(typed), asking.asked())?;
    let seed = seed(story.seed);
    let request = story.request(seed);
    request.check()?;
    let engine = open(&model, terminal)?;
    let prompt = put(&engine, prompt, &asking, seed, request.max_tokens, terminal)?;
    let plan = |voice: &Voice| engine.plan(&sampler(voice, drawn.is_some()), &prompt, &request);
    let plans = voices.iter().map(plan).collect::<Result<Vec<Plan>>>()?;
    let width = engine.width(&plans, 1);
    let mut session = engine.session_keeping(&plans, width, 1)?;

    let mut remembered = Remembered::of(&engine, session.settings(), prompt.tokens.len(), keeping, terminal);
    let stories = remembered.in_mind(Stories::new(&mut *session, width));
    let (tales, failure) = tell_all(stories, &voices, plans, terminal);
    remembered.tell(terminal);
    let stories = compared(&voices, &tales, &prompt, engine.vocabulary())?;
    let (model, limit) = (engine.title(), request.max_tokens);
    let comparison = Comparison { prompt: prompt.text.clone(), seed, model, limit, stories };
    let mut out = terminal.out();
    if json {
        terminal.json(&comparison)?;
    } else {
        // Told for minutes: the terminal may have changed since.
        show(&mut out, &comparison, layout, terminal.width_now())?;
    }
    if let Some(picture) = drawn {
        let stories: Vec<Story> =
            comparison.stories.iter().zip(&tales).map(|(told, tale)| drawable(told, tale, &prompt, &engine)).collect();
        let title = format!("{} · {} · seed {seed}", end_of(&comparison.prompt, LONGEST_TITLE), comparison.model);
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
    /// The changes that tell it from others of its preset.
    edits: Vec<Edit>,
    chosen: Chosen,
}

/// Each preset, with each combination of the varied values where there are any.
fn voices(presets: &[String], varied: &[String], changes: &ChangeArgs, model: &ModelArgs) -> Result<Vec<Voice>> {
    let names: Vec<&str> = match (presets, varied) {
        ([], []) => USUAL.to_vec(),
        ([], _) => vec![VARIED],
        (named, _) => named.iter().map(String::as_str).collect(),
    };
    let combinations = combinations(varied, names.len())?;
    let mut voices = Vec::new();
    for &name in &names {
        let chosen = Chosen::of(name, changes, model)?;
        for edits in &combinations {
            let mut chosen = chosen.clone();
            for edit in edits {
                chosen.preset.set(edit).map_err(|error| Usage(format!("{error:#}")))?;
            }
            // Of one preset only the values differ.
            let only = names.len() == 1 && !edits.is_empty();
            let words = (!only).then(|| name.to_owned()).into_iter().chain(edits.iter().map(Edit::to_string));
            let label = words.collect::<Vec<_>>().join(" · ");
            voices.push(Voice { label, edits: edits.clone(), chosen });
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
fn drawable(compared: &Compared, tale: &Tale, prompt: &Prompt, engine: &Engine) -> Story {
    let vocabulary = engine.vocabulary();
    let trace: Vec<TracedToken> = tale.draws.iter().map(|draw| TracedToken::of(draw, vocabulary)).collect();
    let shown = shown(compared, true);
    let facts =
        shown.facts.into_iter().enumerate().map(|(at, fact)| (if at == 0 { "told".into() } else { String::new() }, fact));
    Story {
        answers: prompt.mode != Mode::Raw,
        begun: if prompt.mode == Mode::Raw { String::new() } else { prompt.beginning().to_owned() },
        resolved: compared.resolved.clone(),
        evaluations: tale.told.counts.evaluations as f64 / trace.len().max(1) as f64,
        facts: facts.collect(),
        ..Story::healed(&compared.label, &prompt.text, &prompt.healed, &tale.told.text, &trace).without(&tale.told.banned)
    }
}

/// Tells the stories one after another, each in a memory that holds nothing but the prompt, which the first one reads: so each
/// is the one that `write` tells. Returns those that were told, and why no further one could be.
fn tell_all(stories: Stories, voices: &[Voice], plans: Vec<Plan>, terminal: &Terminal) -> (Vec<Tale>, Option<anyhow::Error>) {
    let (mut tales, all) = (Vec::new(), plans.len());
    let mut stories = stories.keeping(Keep { prompts: 1, stories: 0 });
    for (voice, plan) in voices.iter().zip(plans) {
        let which = format!("{} of {all} · {}", tales.len() + 1, voice.label);
        let progress = Progress::telling_apart(terminal, &which, plan.max_tokens);
        let told = tell_in(&mut stories, plan, &progress, &mut |_, _| Ok(()));
        progress.clear();
        let mut tale = match told {
            Ok(tale) => tale,
            Err(error) => return (tales, Some(error)),
        };
        let failure = tale.failure();
        tales.push(tale);
        if failure.is_some() {
            return (tales, failure);
        }
        if was_interrupted(&tales) {
            break;
        }
    }
    (tales, None)
}

fn was_interrupted(tales: &[Tale]) -> bool {
    tales.last().is_some_and(|tale| tale.told.stop == StopReason::Interrupted)
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
    /// The changes that tell it from others of its preset: `future.alpha=1`, or several with ` · ` between them.
    edit: Option<String>,
    /// The preset as it ran, as TOML, with all changes made.
    resolved: String,
    /// What was told, without the prompt.
    text: String,
    /// The tokens, one that ended the story among them.
    tokens: Vec<Token>,
    /// Why it ended.
    stop: StopReason,
    /// After how many tokens it parts from the first story; null where no token differs.
    parts_at: Option<usize>,
    /// The same in bytes of the text.
    #[serde(skip)]
    own_from: Option<usize>,
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

fn compared(voices: &[Voice], tales: &[Tale], prompt: &Prompt, vocabulary: &Vocabulary) -> Result<Vec<Compared>> {
    let first = tales.first().map_or(&[][..], |tale| &tale.told.tokens);
    let compare = |(voice, tale): (&Voice, &Tale)| {
        let Voice { label, edits, chosen: Chosen { name, preset } } = voice;
        let Tale { told, draws, read_time, tell_time, unshown: _ } = tale;
        let text = prompt.story(&told.text);
        let parts_at = parting(first, &told.tokens);
        let begun = text.len() - told.text.len();
        let own_from = parts_at.map(|at| {
            let trace: Vec<TracedToken> = draws.iter().map(|draw| TracedToken::of(draw, vocabulary)).collect();
            begun + slices_behind(&prompt.healed, &told.text, &trace).iter().take(at).map(String::len).sum::<usize>()
        });
        Ok(Compared {
            label: label.clone(),
            preset: name.clone(),
            edit: (!edits.is_empty()).then(|| edits.iter().map(Edit::to_string).collect::<Vec<_>>().join(" · ")),
            resolved: preset.to_toml()?,
            tokens: told.tokens.clone(),
            stop: told.stop.clone(),
            parts_at,
            own_from,
            text,
            mean_log_p: (!draws.is_empty()).then(|| told.log_p / draws.len() as f64),
            evaluations: told.counts.evaluations,
            seconds: Seconds { read: read_time.as_secs_f64(), tell: tell_time.as_secs_f64() },
        })
    };
    voices.iter().zip(tales).map(compare).collect()
}

/// How many tokens two stories have in common before the first one that differs or is not there; `None` where none differs.
fn parting(one: &[Token], other: &[Token]) -> Option<usize> {
    let common = one.iter().zip(other).take_while(|(this, that)| this == that).count();
    (common < one.len().max(other.len())).then_some(common)
}

/// The comparison for people.
fn show(out: &mut impl Write, comparison: &Comparison, layout: Layout, width: usize) -> Result<()> {
    let Comparison { prompt, seed, model, limit, stories } = comparison;
    let lines = wrap(prompt, width, None);
    if lines.len() <= MOST_LINES {
        lines.into_iter().try_for_each(|line| writeln!(out, "{}", line.inked(Ink::Bold)))?;
    } else {
        writeln!(out, "{}", Line::of(Ink::Bold, &end_of(prompt, width)))?;
    }
    let title = format!("{model} · seed {seed} · at most {limit} tokens");
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
    let Compared { label, text, tokens, stop, parts_at, own_from, mean_log_p, evaluations, seconds, .. } = story;
    let (count, mut facts) = (tokens.len(), Vec::new());
    if !is_first {
        facts.push(match parts_at {
            Some(0) => "parts at the first token".to_string(),
            Some(tokens) => format!("parts after {}", some(*tokens, "token")),
            None => "every token the same".to_string(),
        });
    }
    facts.push(some(count, "token"));
    facts.push(ending(stop));
    facts.extend(mean_log_p.map(|log_p| format!("surprisal {:.2} nats", -log_p)));
    if count > 0 {
        facts.push(format!("{:.2} evaluations a token", *evaluations as f64 / count as f64));
    }
    facts.extend(speed(count, Duration::from_secs_f64(seconds.tell)));
    Shown { label: label.clone(), text: text.clone(), parting: own_from.filter(|_| !is_first), facts }
}

/// Why a story ended, in few words.
fn ending(stop: &StopReason) -> String {
    match stop {
        StopReason::End => "ended by the model".into(),
        StopReason::Stop(stop) => format!("stopped before {stop:?}"),
        StopReason::Tokens => "token limit".into(),
        StopReason::Whole(unit) => format!("whole {}", unit.name()),
        StopReason::Context => "context full".into(),
        StopReason::Loop => "repeats itself".into(),
        StopReason::Interrupted => "interrupted".into(),
        StopReason::Failed(_) => "broke off".into(),
    }
}
