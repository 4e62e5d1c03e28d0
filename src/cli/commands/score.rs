//! `afterword score`: what each token of given texts was worth to a model.

use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anstyle::Style;
use anyhow::{Context, Result};
use serde::Serialize;

use crate::cli::Outcome;
use crate::cli::args::{ChangeArgs, Score};
use crate::cli::commands::bench::{ModelName, model};
use crate::cli::given::{Given, Texts};
use crate::cli::interrupt::{at_once, interruption};
use crate::cli::opening::{Opened, open};
use crate::cli::recording::inputs;
use crate::cli::render::notes::words;
use crate::cli::render::progress::{Progress, speed};
use crate::cli::render::scores::{in_parts, legend, table};
use crate::cli::render::story_colours::{Depth, StoryColours};
use crate::cli::render::terminal::{BOLD, Terminal};
use crate::cli::usage::Usage;
use crate::engine::{Note, Passage};
use crate::eval::judge::{Evenness, Profile, Ranks, Surprisal};
use crate::files::{Form, Output};
use crate::report::{ColourScale, Page, Story, page};
use crate::story::{ScoredText, TracedToken, Windows};
use crate::text::{grouped, plural, some};

/// So many names of files that were left out are told.
const NAMED: usize = 3;

pub fn run(args: Score, terminal: &Terminal) -> Result<Outcome> {
    let Score { texts: paths, prompt, model, colour_by, out, json } = args;
    check_colour(colour_by)?;
    let Texts { mut given, left_out } = Texts::of(&paths)?;
    let inputs = paths
        .iter()
        .fold(inputs(&model, &ChangeArgs::default(), []), |inputs, path| inputs.with(path, "a text that is scored"));
    let place = out.map(|path| page_at(path, &inputs)).transpose()?;
    if let Some(prompt) = prompt {
        for one in &mut given {
            one.prompt.clone_from(&prompt);
        }
    }
    let engine = open(&model, terminal)?;
    say_what_is_odd(&given, &left_out, terminal);
    let started = Instant::now();
    let scored = score(&engine, &given, terminal)?;
    let named: Vec<(&str, &ScoredText)> = given.iter().map(Given::title).zip(&scored).collect();
    if json {
        terminal.json(&Report::of(&engine, &given, &scored))?;
    } else {
        if let Some(by) = colour_by.filter(|_| terminal.colours_out()) {
            show(&given, &scored, by, terminal)?;
        }
        let mut out = terminal.out();
        table(&named, terminal.width_now()).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    }
    if let Some(place) = place {
        write_page(&engine, &given, &scored, &place, terminal)?;
    }
    if !json {
        terminal.note(legend());
    }
    for (name, scored) in &named {
        scored.windows.into_iter().for_each(|windows| terminal.note(in_parts(name, windows)));
    }
    let tokens = scored.iter().map(|text| text.tokens.len()).sum();
    let rate = speed(tokens, started.elapsed()).map(|speed| format!(" · {speed}")).unwrap_or_default();
    terminal.note(format_args!("{} · {}{rate} · {}", some(given.len(), "text"), some(tokens, "token"), engine.title()));
    Ok(Outcome::Done)
}

/// Whether words that were not told can be coloured so.
fn check_colour(by: Option<ColourScale>) -> Result<(), Usage> {
    match by.filter(|by| by.needs_future()) {
        None => Ok(()),
        Some(by) => Err(Usage(format!(
            "no `future` chose the words of a given text, so there is no {} to colour by\nhint: `surprisal`, `probability` and \
             `entropy` are known",
            by.name()
        ))),
    }
}

/// Asks for the file of the page before any text is read.
fn page_at(path: PathBuf, inputs: &crate::files::Inputs) -> Result<Output> {
    if path == Path::new("-") {
        let hint = "name a file; `./-` is one of that name";
        return Err(Usage(format!("`--out -` cannot go to standard output, where the table goes\nhint: {hint}")).into());
    }
    Output::new(path, Form::PAGE, inputs)
}

fn say_what_is_odd(given: &[Given], left_out: &[(String, String)], terminal: &Terminal) {
    if given.iter().any(|one| one.prompt.ends_with([' ', '\t'])) {
        terminal.note(words(&Note::PromptEndsInSpace));
    }
    if let Some(one) = given.iter().find(|one| one.begins_in_a_word()) {
        terminal.note(format_args!("`{}` goes on with the last word of its prompt: no space stands between them", one.name));
    }
    if !left_out.is_empty() {
        let more = if left_out.len() > NAMED { ", …" } else { "" };
        let names: Vec<String> = left_out.iter().take(NAMED).map(|(name, why)| format!("`{name}` ({why})")).collect();
        let count = plural(left_out.len(), "file is no text", "files are no texts");
        terminal.note(format_args!("{count}, and left out: {}{more}", names.join(", ")));
    }
}

/// Has all texts scored, in one go.
fn score(engine: &Opened, given: &[Given], terminal: &Terminal) -> Result<Vec<ScoredText>> {
    let passage = |one: &Given| {
        let cut = engine.passage(&one.prompt, &one.text);
        cut.with_context(|| format!("cannot score `{}`", one.name))
    };
    let passages = at_once(|| given.iter().map(passage).collect::<Result<Vec<Passage>>>())?;
    let (mut progress, mut before) = (None, 0);
    let mut heard = |read: usize, of: usize| {
        let line = progress.get_or_insert_with(|| {
            let line = Progress::measuring(terminal, of);
            line.names("reading");
            line
        });
        line.more(read - before);
        before = read;
        ControlFlow::Continue(())
    };
    let scored = engine.score(&passages, &mut heard, interruption());
    progress.iter().for_each(Progress::clear);
    scored
}

/// The texts with their words coloured.
fn show(given: &[Given], scored: &[ScoredText], by: ColourScale, terminal: &Terminal) -> Result<()> {
    let mut colours = StoryColours::new(by, Depth::here());
    terminal.note_line(&colours.legend());
    for (one, text) in given.iter().zip(scored) {
        let mut sheet = terminal.story();
        if given.len() > 1 {
            sheet.say(BOLD, &format!("{}\n", one.title()))?;
        }
        let (opening, parts) = text.parts();
        sheet.say(Style::new(), opening)?;
        for (token, part) in text.trace().iter().zip(parts) {
            sheet.say(colours.next_of(Some(token)), part)?;
        }
        sheet.end_line()?;
        sheet.say(Style::new(), "\n")?;
    }
    Ok(())
}

fn write_page(engine: &Opened, given: &[Given], scored: &[ScoredText], place: &Output, terminal: &Terminal) -> Result<()> {
    let story =
        |(one, text): (&Given, &ScoredText)| Story::read(one.title(), &one.prompt, text, &facts(engine, &one.name, text));
    let stories: Vec<Story> = given.iter().zip(scored).map(story).collect();
    let (kind, title) = match &stories[..] {
        [story] => (Page::Story, story.title()),
        _ => (Page::Folder, format!("{} as {} reads them", some(stories.len(), "text"), engine.title())),
    };
    place.write(page(kind, &title, &stories)?.as_bytes())?;
    terminal.note(place.path().display());
    Ok(())
}

/// What is known of a text as it was read, for people.
fn facts(engine: &Opened, name: &str, text: &ScoredText) -> Vec<(&'static str, String)> {
    let mut facts = vec![("text", name.to_owned()), ("bytes", grouped(text.text.len()))];
    if let (Some(surprisal), Some(ranks)) = (Surprisal::of(text), Ranks::over([text])) {
        let shares = [ranks.first, ranks.ten, ranks.hundred].map(|share| format!("{:.1} %", 100.0 * share));
        facts.extend([
            ("surprisal", format!("{:.3} nats a token", surprisal.per_token)),
            ("a byte", format!("{:.4} nats, {:.4} bits", surprisal.per_byte, surprisal.bits_per_byte())),
            ("perplexity", format!("{:.2}", surprisal.perplexity())),
            ("entropy", format!("{:.3} nats, a branching factor of {:.2}", surprisal.entropy, surprisal.branching_factor())),
            ("surprisal/entropy", surprisal.ratio().map_or("–".to_owned(), |ratio| format!("{ratio:.3}"))),
            ("likeliest", shares[0].clone()),
            ("among the first 10", shares[1].clone()),
            ("among the first 100", shares[2].clone()),
        ]);
    }
    facts.extend(text.windows.map(|windows| ("read in parts", in_parts(name, windows))));
    let info = engine.info();
    facts.push(("model", info.path.display().to_string()));
    facts.extend(info.quantisation.clone().map(|name| ("weights", name)));
    facts.push(("context", format!("{} tokens", engine.context())));
    facts.push(("backend", engine.backend().version()));
    facts
}

/// All that is known, for programs.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Report<'a> {
    model: ModelName,
    /// The most tokens of prompt and text that the model saw together.
    context: usize,
    texts: Vec<Text<'a>>,
    /// All texts as if they were one.
    all: Measures,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Text<'a> {
    name: &'a str,
    prompt: &'a str,
    bytes: usize,
    /// Bytes at its beginning that nothing stands before, and that have no score.
    opening_bytes: usize,
    #[serde(flatten)]
    measures: Measures,
    /// Surprisal in tenths of the text, in nats; `null` for fewer than ten tokens.
    deciles: Option<[f64; 10]>,
    slope: Option<f64>,
    autocorrelation: Option<f64>,
    windows: Option<Parts>,
    tokens: Vec<Token>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Token {
    bytes: usize,
    #[serde(flatten)]
    known: TracedToken,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Parts {
    count: usize,
    context: usize,
    overlap: usize,
}

/// Numbers in nats unless they say otherwise; `null` where no token has a score.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Measures {
    scored_tokens: usize,
    scored_bytes: usize,
    nats_per_token: Option<f64>,
    nats_per_byte: Option<f64>,
    bits_per_byte: Option<f64>,
    perplexity: Option<f64>,
    entropy: Option<f64>,
    branching_factor: Option<f64>,
    surprisal_per_entropy: Option<f64>,
    /// Shares of the tokens that were the likeliest, and among the first ten and hundred.
    likeliest: Option<f64>,
    first_ten: Option<f64>,
    first_hundred: Option<f64>,
    /// Of the surprisals: mean s^1.25, mean (s − mean s)², mean (s − the one before)².
    superlinear: Option<f64>,
    variance: Option<f64>,
    local_variance: Option<f64>,
}

impl Measures {
    fn of(texts: &[&ScoredText]) -> Self {
        let surprisal = Surprisal::over(texts.iter().copied());
        let ranks = Ranks::over(texts.iter().copied());
        // From the end of one text to the beginning of the next there is no step.
        let even = match texts {
            [text] => Evenness::of(&surprisals(text)),
            _ => None,
        };
        Self {
            scored_tokens: surprisal.map_or(0, |one| one.tokens),
            scored_bytes: surprisal.map_or(0, |one| one.bytes),
            nats_per_token: surprisal.map(|one| one.per_token),
            nats_per_byte: surprisal.map(|one| one.per_byte),
            bits_per_byte: surprisal.map(|one| one.bits_per_byte()),
            perplexity: surprisal.map(|one| one.perplexity()),
            entropy: surprisal.map(|one| one.entropy),
            branching_factor: surprisal.map(|one| one.branching_factor()),
            surprisal_per_entropy: surprisal.and_then(|one| one.ratio()),
            likeliest: ranks.map(|ranks| ranks.first),
            first_ten: ranks.map(|ranks| ranks.ten),
            first_hundred: ranks.map(|ranks| ranks.hundred),
            superlinear: even.map(|even| even.superlinear),
            variance: even.map(|even| even.variance),
            local_variance: even.map(|even| even.local),
        }
    }
}

impl<'a> Report<'a> {
    fn of(engine: &Opened, given: &'a [Given], scored: &[ScoredText]) -> Self {
        let texts = given.iter().zip(scored).map(|(given, scored)| Text::of(given, scored)).collect();
        let all = Measures::of(&scored.iter().collect::<Vec<_>>());
        Self { model: model(engine), context: engine.context(), texts, all }
    }
}

impl<'a> Text<'a> {
    fn of(given: &'a Given, scored: &ScoredText) -> Self {
        let profile = Profile::of(&surprisals(scored));
        let token = |(known, token): (TracedToken, &crate::story::ScoredToken)| Token { bytes: token.bytes, known };
        Self {
            name: &given.name,
            prompt: &given.prompt,
            bytes: given.text.len(),
            opening_bytes: scored.opening,
            measures: Measures::of(&[scored]),
            deciles: profile.as_ref().map(|profile| profile.deciles),
            slope: profile.as_ref().map(|profile| profile.slope),
            autocorrelation: profile.as_ref().map(|profile| profile.autocorrelation),
            windows: scored.windows.map(|Windows { count, context, overlap }| Parts { count, context, overlap }),
            tokens: scored.trace().into_iter().zip(&scored.tokens).map(token).collect(),
        }
    }
}

fn surprisals(text: &ScoredText) -> Vec<f64> {
    text.tokens.iter().map(|token| token.surprisal).collect()
}
