//! The order in which each program samples.

use serde_json::Value;

use super::Program;
use super::names::{self, StageName};

/// The order of llama.cpp where nothing is said.
pub(super) const OF_LLAMA: [StageName; 10] =
    ["penalties", "dry", "top-n-sigma", "top-k", "tail-free", "typical", "top-p", "min-p", "xtc", "temperature"];

/// That of text-generation-webui.
const OF_WEBUI: [StageName; 14] = [
    "penalties",
    "dry",
    "top-n-sigma",
    "temperature",
    "quadratic",
    "top-k",
    "top-p",
    "typical",
    "epsilon",
    "eta",
    "tail-free",
    "top-a",
    "min-p",
    "xtc",
];

/// What `SillyTavern` completes a `samplers` list with, for llama.cpp: a name that is missing comes at its index here.
const SAMPLERS_OF_SILLYTAVERN: [&str; 10] =
    ["penalties", "dry", "top_n_sigma", "top_k", "typ_p", "top_p", "min_p", "xtc", "temperature", "adaptive_p"];

/// What it completes a `sampler_priority` list with, for text-generation-webui.
const PRIORITY_OF_SILLYTAVERN: [&str; 21] = [
    "repetition_penalty",
    "presence_penalty",
    "frequency_penalty",
    "dry",
    "temperature",
    "dynamic_temperature",
    "quadratic_sampling",
    "top_n_sigma",
    "top_k",
    "top_p",
    "typical_p",
    "epsilon_cutoff",
    "eta_cutoff",
    "tfs",
    "top_a",
    "min_p",
    "adaptive_p",
    "mirostat",
    "xtc",
    "encoder_repetition_penalty",
    "no_repeat_ngram",
];

/// Stages of theirs that are named in an order and are told of where their numbers stand.
const TOLD_ELSEWHERE: [&str; 3] = ["no_repeat_ngram", "infill", "top_p_top_k"];

/// An order, and what is to be told of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Order {
    pub samplers: Vec<StageName>,
    /// Those of them that the program of this order does not know.
    pub foreign: Vec<StageName>,
    pub notes: Vec<String>,
}

impl Order {
    /// Finds the order in which a program samples by these settings.
    pub fn of(program: Program, object: &Value) -> Self {
        let mut notes = Vec::new();
        let numbers = |key: &str| {
            let numbers = object.get(key).and_then(Value::as_array).filter(|numbers| !numbers.is_empty());
            numbers.map(|numbers| numbers.iter().filter_map(Value::as_u64).collect::<Vec<_>>())
        };
        let named = |key: &str| object.get(key).and_then(names::texts).filter(|names| !names.is_empty());
        let listed = ["samplers", "sampler_priority"].into_iter().find_map(|key| Some((key, named(key)?)));
        let mut samplers = match (program, listed, numbers("sampler_order")) {
            (Program::KoboldCpp, _, numbers) => of_kobold(numbers, &mut notes),
            (Program::SillyTavern | Program::Request, None, Some(numbers)) => of_kobold(Some(numbers), &mut notes),
            (_, Some((key, listed)), _) => {
                if program == Program::SillyTavern && key == "samplers" && named("sampler_priority").is_some() {
                    notes.push("the order is that of `samplers`, for llama.cpp; `sampler_priority` has one of its own".into());
                }
                of_names(program, key, listed, &mut notes)
            }
            (Program::TextGenerationWebui, None, _) => OF_WEBUI.to_vec(),
            (_, None, _) => match object.get("sampler_seq").and_then(Value::as_str) {
                Some(letters) => letters.chars().filter_map(names::of_letter).collect(),
                None => OF_LLAMA.to_vec(),
            },
        };
        let mut seen = Vec::new();
        samplers.retain(|sampler| {
            let first = !seen.contains(sampler);
            seen.push(*sampler);
            first
        });
        let mut foreign = Vec::new();
        let is_named = ["samplers", "sampler_seq"].into_iter().any(|key| named(key).is_some());
        if program == Program::Request && !is_named {
            // Who names no order, or numbers that know not all, wants what he asks for.
            complete(&mut samplers, &OF_WEBUI);
        }
        if program == Program::SillyTavern && !samplers.contains(&"quadratic") {
            foreign = complete(&mut samplers, &OF_WEBUI);
        }
        Self { samplers, foreign, notes }
    }
}

/// The order of a list of names. Only llama.cpp leaves out what such a list does not name.
fn of_names(program: Program, key: &str, mut listed: Vec<String>, notes: &mut Vec<String>) -> Vec<StageName> {
    let unknown = |name: &&String| {
        names::sampler(name).is_none() && names::unsupported(name).is_none() && !TOLD_ELSEWHERE.contains(&name.as_str())
    };
    let others: Vec<String> = listed.iter().filter(unknown).map(|name| format!("`{name}`")).collect();
    if !others.is_empty() {
        notes.push(format!("{} in `{key}` are stages that are not here", others.join(", ")));
    }
    let usual: &[&str] = match (program, key) {
        (Program::SillyTavern, "samplers") => &SAMPLERS_OF_SILLYTAVERN,
        (Program::SillyTavern, _) => &PRIORITY_OF_SILLYTAVERN,
        _ => &[],
    };
    // As it loads a preset, of whatever age, it puts each name that is missing at its index.
    for (at, name) in usual.iter().enumerate() {
        if !listed.iter().any(|other| other == name) {
            listed.insert(at.min(listed.len()), (*name).to_owned());
        }
    }
    let samplers = listed.iter().filter_map(|name| names::sampler(name));
    if program == Program::TextGenerationWebui || (program == Program::Request && key == "sampler_priority") {
        // What its list does not name runs there before what it names.
        let missing = OF_WEBUI.into_iter().filter(|sampler| !listed.iter().any(|name| names::sampler(name) == Some(*sampler)));
        missing.chain(samplers.clone()).collect()
    } else {
        samplers.collect()
    }
}

/// The order of `KoboldCpp`: DRY runs before all that is listed and XTC behind it, whatever is said.
fn of_kobold(listed: Option<Vec<u64>>, notes: &mut Vec<String>) -> Vec<StageName> {
    const WHOLE: usize = 7;
    let mut numbers = listed.unwrap_or_else(|| vec![6, 0, 1, 3, 4, 2, 5]);
    if numbers.len() < WHOLE && !numbers.contains(&6) {
        notes.push("`sampler_order` does not name the repetition penalty (6): as in KoboldAI it runs first".into());
        numbers.insert(0, 6);
    }
    let listed = numbers.into_iter().flat_map(names::of_kobold).copied();
    std::iter::once("dry").chain(listed).chain(["xtc", "adaptive-p"]).collect()
}

/// Puts each stage of a whole order that is missing behind the nearest one that comes before it there, and tells which those were.
fn complete(samplers: &mut Vec<StageName>, whole: &[StageName]) -> Vec<StageName> {
    let mut added = Vec::new();
    for (at, name) in whole.iter().enumerate().filter(|(_, name)| !samplers.contains(name)).collect::<Vec<_>>() {
        let before = whole[..at].iter().rev().find_map(|before| samplers.iter().position(|one| one == before));
        samplers.insert(before.map_or(0, |before| before + 1), name);
        added.push(*name);
    }
    added
}
