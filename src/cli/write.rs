//! `afterword write`: tells a story to standard output, as it comes.

use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::Path;

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use super::args::{Trace, Write};
use super::asking::Asked;
use super::engine::Engine;
use super::progress::{Progress, pace, some};
use super::settings::{Chosen, prompt, seed};
use super::tell::{Broken, Tale, tell};
use super::terminal::{BOLD, Terminal};
use super::{Outcome, is_closed_pipe};
use crate::decode::Plan;
use crate::llama::{self, Session};
use crate::sampler::Reach;
use crate::story::{FORMAT, Mode, ModelFile, Record, Run, StopReason, Times, TracedToken, Versions};

pub fn run(args: Write, terminal: &Terminal) -> Result<Outcome> {
    let Write { prompt: typed, asking, preset, story, model, record, trace, no_prompt } = args;
    let chosen = Chosen::of(&preset)?;
    let prompt = prompt(typed)?;
    if let Some(path) = &record {
        Record::check_place(path)?;
    }
    let seed = seed(story.seed);
    let engine = Engine::open(model, terminal)?;
    let sampler = match trace {
        None => chosen.sampler(),
        Some(Trace::Looked) => chosen.sampler().with_detail(),
        Some(Trace::Full) => chosen.sampler().with_detail().with_reach(Reach::Exhaustive),
    };
    let asked = engine.ask(prompt, &asking, seed, story.tokens.get(), terminal)?;
    let plan = engine.plan(sampler, &asked.tokens, seed, &story)?;
    let width = engine.width();
    let mut session = engine.session(std::slice::from_ref(&plan), width)?;

    terminal.note(format_args!("{} · preset {} · seed {seed}", engine.title(), chosen.name));
    let mut say = terminal.story();
    // The words in which an answer was begun are part of the story, and no prompt.
    if !no_prompt || asked.mode != Mode::Raw {
        let bold = terminal.style(BOLD);
        write!(terminal.out(), "{bold}")?;
        say(asked.beginning())?;
        write!(terminal.out(), "{bold:#}")?;
    }
    let progress = Progress::telling(terminal, plan.tokens);
    let told = tell(&mut session, plan.clone(), width, &progress, |text| Ok(say(text)?));
    progress.clear();
    let (mut tale, broken) = match told.map_err(anyhow::Error::downcast) {
        Ok(tale) => (tale, None),
        Err(Ok(Broken { tale, cause })) => (tale, Some(cause)),
        Err(Err(error)) => return Err(error),
    };
    match &broken {
        // Who closed the pipe had read enough: that is an end from outside, as Ctrl-C is.
        Some(cause) if is_closed_pipe(cause) => tale.told.stop = Some(StopReason::Interrupted),
        Some(cause) => tale.told.stop = Some(StopReason::Failed(format!("{cause:#}"))),
        None => say("\n")?,
    }
    if broken.is_none() {
        terminal.note(summary(&tale));
    }
    let interrupted = tale.told.stop == Some(StopReason::Interrupted);
    if let Some(path) = record {
        let lexicon = engine.weights.lexicon();
        let traced = tale.draws.iter().filter(|_| trace.is_some()).map(|draw| TracedToken::of(draw, lexicon)).collect();
        Record { trace: traced, ..record_of(&engine, &session, &chosen, asked, plan, width, tale)? }.write(&path)?;
    }
    match broken {
        Some(cause) => Err(cause.context("the story broke off")),
        None if interrupted => Ok(Outcome::Interrupted),
        None => Ok(Outcome::Done),
    }
}

/// What it took, and why it ended.
fn summary(tale: &Tale) -> String {
    let counts = tale.told.counts;
    let ending = tale.told.stop.as_ref().map_or(String::new(), |stop| format!(" · {stop}"));
    format!("{} · {}{ending}", some(counts.tokens, "token"), pace(counts, tale.tell_time))
}

fn record_of(
    engine: &Engine,
    session: &Session<'_>,
    chosen: &Chosen,
    asked: Asked,
    plan: Plan,
    width: usize,
    tale: Tale,
) -> Result<Record> {
    let settings = session.settings();
    let weights = &engine.weights;
    let log_p: f64 = tale.draws.iter().map(|draw| draw.log_p).sum();
    Ok(Record {
        format: FORMAT,
        text: asked.story(&tale.told.text),
        prompt: asked.prompt,
        mode: asked.mode,
        parse_special: asked.parse_special,
        stop: tale.told.stop.context("the story has no end")?,
        preset: chosen.name.clone(),
        resolved: chosen.preset.to_toml()?,
        seed: plan.seed,
        model: ModelFile {
            file: weights.path().display().to_string(),
            size: weights.path().metadata().map_or(weights.size(), |meta| meta.len()),
            sha256: sha256(weights.path())?,
            architecture: weights.architecture(),
            quantisation: weights.quantisation().map(str::to_string),
        },
        run: Run {
            limit: plan.tokens,
            context: plan.context,
            min_tokens: plan.sampler.min_tokens(),
            slides: plan.slides,
            may_loop: plan.may_loop,
            stops: plan.stops,
            width,
            cells: settings.cells,
            branches: settings.branches,
            batch: settings.batch,
            threads: settings.threads,
            gpu_layers: engine.gpu_layers,
            devices: engine.devices(),
            main_gpu: engine.args.device.main_gpu,
            split: engine.split().to_string(),
            mmap: !engine.args.device.no_mmap,
            mlock: engine.args.device.mlock,
            flash_attention: settings.flash_attention.to_string(),
            cache: [settings.keys.to_string(), settings.values.to_string()],
        },
        versions: Versions::here(llama::build()),
        prompt_tokens: plan.prompt,
        tokens: tale.told.tokens,
        mean_log_p: log_p / tale.draws.len().max(1) as f64,
        evaluations: tale.told.counts.evaluations,
        decodes: tale.told.counts.decodes,
        slides: tale.told.counts.slides,
        times: Times {
            load: engine.load_time.as_secs_f64(),
            read: tale.read_time.as_secs_f64(),
            tell: tale.tell_time.as_secs_f64(),
        },
        trace: Vec::new(),
    })
}

/// The SHA-256 of a file, in hexadecimal digits.
fn sha256(path: &Path) -> Result<String> {
    let sum = || -> io::Result<String> {
        let (mut file, mut hasher, mut buffer) = (File::open(path)?, Sha256::new(), vec![0; 1 << 20]);
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                return Ok(hasher.finalize().iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}")));
            }
            hasher.update(&buffer[..read]);
        }
    };
    sum().with_context(|| format!("cannot read `{}` again for its checksum", path.display()))
}
