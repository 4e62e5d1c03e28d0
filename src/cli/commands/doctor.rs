//! `afterword doctor`: what this build and this machine have, and whether they tell a story.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use crate::catalog::Machine;
use crate::cli::Outcome;
use crate::cli::args::ChangeArgs;
use crate::cli::commands::models::{holds, places};
use crate::cli::machine::machine;
use crate::cli::opening::{bundled, open_with};
use crate::cli::render::line::{Ink, Line};
use crate::cli::render::progress::Progress;
use crate::cli::render::prose::safe;
use crate::cli::render::terminal::{Terminal, fit};
use crate::cli::settings::{Chosen, folders, tuned};
use crate::cli::tell::{Tale, tell};
use crate::cli::workers::join;
use crate::engine::{EngineOptions, PROTOCOL, StoryRequest, Tuned, Worker};
use crate::llama::{self, Device};
use crate::model::Split;
use crate::story::Versions;

/// Tokens of the story that proves that it works.
const TOKENS: usize = 40;

/// Everything that the doctor looks at.
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
struct Report {
    versions: Versions,
    features: &'static str,
    /// What the backend was compiled for, as `name = value`.
    processor: Vec<String>,
    devices: Vec<Device>,
    /// Workers, each with the version of the protocol that it speaks.
    workers: Vec<[String; 2]>,
    machine: Machine,
    presets: Vec<PathBuf>,
    models: Vec<(String, PathBuf)>,
    bundled: Option<PathBuf>,
    /// What `tune` found on this machine.
    tuned: Vec<Tuned>,
    /// Of the proof; `None` where there is none.
    tokens_a_second: Option<f64>,
    /// What is broken, each as one sentence.
    broken: Vec<String>,
}

pub fn run(as_json: bool, rpc: &[Worker], terminal: &Terminal) -> Result<Outcome> {
    let report = examine(rpc, terminal);
    let mut out = terminal.out();
    if as_json {
        terminal.json(&report)?;
    } else {
        print(&report, &mut out)?;
    }
    for cause in &report.broken {
        terminal.error(&anyhow::anyhow!("{cause}"));
    }
    Ok(if report.broken.is_empty() { Outcome::Done } else { Outcome::Failed })
}

/// What is broken is noted, and the rest looked at all the same.
fn examine(rpc: &[Worker], terminal: &Terminal) -> Report {
    let mut broken = Vec::new();
    let mut noted = |error: anyhow::Error| broken.push(format!("{error:#}"));
    // Their devices are listed among those of this machine.
    let workers = join(rpc).unwrap_or_else(|error| {
        noted(error);
        Vec::new()
    });
    let devices = llama::devices().unwrap_or_else(|error| {
        noted(error);
        Vec::new()
    });
    let proof = prove(terminal).map_err(&mut noted).ok();
    let machine = machine(None, Split::Layer, 0).unwrap_or_else(|error| {
        noted(error);
        Machine::default()
    });
    let tuned = findings(&mut noted);
    let presets = folders();
    let places = places();
    let ollama = places.ollama.map(|folder| ("Ollama".to_owned(), folder));
    Report {
        versions: Versions::here(llama::build()),
        features: env!("AFTERWORD_FEATURES"),
        processor: features(&llama::system_info()),
        devices,
        workers: workers.into_iter().map(|(worker, protocol)| [worker.to_string(), protocol.to_string()]).collect(),
        machine,
        presets: presets.configs.into_iter().chain(presets.user).collect(),
        models: places.folders.into_iter().chain(ollama).collect(),
        bundled: bundled().ok(),
        tuned,
        tokens_a_second: proof,
        broken,
    }
}

/// What was measured on this machine; a file that cannot be read is noted.
fn findings(noted: &mut impl FnMut(anyhow::Error)) -> Vec<Tuned> {
    let all = tuned().map_or(Ok(Vec::new()), |folder| folder.all()).unwrap_or_else(|error| {
        noted(error.context("cannot read what `afterword tune` kept"));
        Vec::new()
    });
    let read = |(path, read): (PathBuf, Result<Tuned>)| {
        let context = || format!("cannot read what `afterword tune` kept in `{}`", path.display());
        read.with_context(context).map_err(&mut *noted).ok()
    };
    all.into_iter().filter_map(read).collect()
}

/// Tells a short story with the bundled model; returns its tokens a second.
fn prove(terminal: &Terminal) -> Result<f64> {
    let chosen = Chosen::find("wave", &ChangeArgs::default())?;
    let engine = open_with(EngineOptions::new(bundled()?), terminal)?;
    let prompt = engine.tokens("Once upon a time")?;
    let plan = engine.plan_behind(&chosen.sampler(), &prompt, &StoryRequest::new(1, TOKENS))?;
    let width = engine.width(std::slice::from_ref(&plan), 1);
    let mut session = engine.session(std::slice::from_ref(&plan), width)?;
    let progress = Progress::telling(terminal, plan.max_tokens);
    let tale = tell(&mut *session, plan, width, &progress, |_| Ok(())).and_then(Tale::whole);
    progress.clear();
    let tale = tale.context("the bundled model tells no story")?;
    ensure!(!tale.told.text.trim().is_empty(), "the bundled model tells an empty story");
    Ok(tale.told.counts.tokens as f64 / tale.tell_time.as_secs_f64().max(1e-9))
}

/// `CPU : AVX2 = 1 | AVX512 = 1 | ` becomes `AVX2`, `AVX512`; what is off is left out.
fn features(info: &str) -> Vec<String> {
    let words = info.split('|').map(|word| word.rsplit(" : ").next().unwrap_or_default().trim());
    let on = |word: &str| match word.split_once(" = ") {
        Some((name, "1")) => Some(name.to_owned()),
        Some((_, "0")) | None => None,
        Some((name, value)) => Some(format!("{name} = {value}")),
    };
    words.filter_map(on).collect()
}

fn print(report: &Report, out: &mut impl Write) -> Result<()> {
    let Report { versions, features, processor, devices, workers, machine, presets, .. } = report;
    let Report { models, bundled, tuned, tokens_a_second, broken, .. } = report;
    let Versions { afterword, commit, backend, bindings, build } = versions;
    let named = |name: &str| Line::of(Ink::Dim, &fit(name, 14)).and(Ink::Plain, " ");
    writeln!(out, "{}", named("afterword").and(Ink::Bold, afterword).and(Ink::Plain, &format!(" ({commit})")))?;
    let mut line = |name: &str, value: String| writeln!(out, "{}", named(name).and(Ink::Plain, &value));
    line("backend", backend.clone())?;
    line("bindings", format!("llama-cpp-2 {}, llama-cpp-sys-2 {}", bindings[0], bindings[1]))?;
    line("features", (*features).to_owned())?;
    line("build", build.trim().to_owned())?;
    line("processor", processor.join(" "))?;
    for device in devices {
        line("device", format!("{}: {}", device.name, device.description))?;
    }
    for [worker, protocol] in workers {
        line("worker", format!("{worker} · protocol {protocol}, and {PROTOCOL} here"))?;
    }
    for (name, value) in holds(machine) {
        line(&name, value)?;
    }
    let there = |folder: &PathBuf| if folder.is_dir() { "" } else { " (not there)" };
    for folder in presets {
        line("presets", format!("{}{}", folder.display(), there(folder)))?;
    }
    for (name, folder) in models {
        line("models", format!("{}{} · {name}", folder.display(), there(folder)))?;
    }
    line("bundled model", bundled.as_ref().map_or("not there".to_owned(), |path| path.display().to_string()))?;
    for Tuned { title, preset, width, threads, .. } in tuned {
        line("tuned", format!("--width {width} --threads {threads} · {} · by {}", safe(title), safe(preset)))?;
    }
    if let Some(rate) = tokens_a_second {
        line("proof", format!("{TOKENS} tokens were told, {rate:.0} a second"))?;
    }
    if broken.is_empty() {
        writeln!(out, "{}", named("so").and(Ink::Bold, "it works"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_that_are_on_are_named() {
        let info = "CUDA : ARCHS = 900 | USE_GRAPHS = 1 | CPU : SSE3 = 1 | AVX512 = 0 | AVX512_VNNI = 1 | ";
        assert_eq!(features(info), ["ARCHS = 900", "USE_GRAPHS", "SSE3", "AVX512_VNNI"]);
    }
}
