//! The command line of llama.cpp.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use super::Program;
use super::chain::Settings;
use super::names::unescaped;

/// A text at which DRY's matches break.
const REPEATED_BREAKER: &str = "dry_sequence_breaker";

/// Short forms, each with the key that it stands for.
const SHORT: &[(&str, &str)] = &[
    ("--sampling-seq", "sampler_seq"),
    ("-l", "logit_bias"),
    ("-j", "json_schema"),
    ("-n", "n_predict"),
    ("--predict", "n_predict"),
    ("-c", "ctx_size"),
    ("-t", "threads"),
    ("-s", "seed"),
    ("-m", "model"),
    ("-p", "prompt"),
    ("-f", "file"),
    ("-r", "reverse_prompt"),
    ("-sys", "system_prompt"),
    ("-ngl", "n_gpu_layers"),
    ("--gpu-layers", "n_gpu_layers"),
    ("-fa", "flash_attn"),
    ("-ctk", "cache_type_k"),
    ("-ctv", "cache_type_v"),
    ("-sm", "split_mode"),
    ("-mg", "main_gpu"),
    ("-dev", "device"),
    ("-b", "batch_size"),
    ("-ub", "ubatch_size"),
    ("-e", "escape"),
    ("-i", "interactive"),
    ("-cnv", "conversation"),
    ("-no-cnv", "no_conversation"),
    ("-st", "single_turn"),
    ("-co", "color"),
    ("-v", "verbose"),
];

/// Options that take no value.
const ALONE: &[&str] = &[
    "escape",
    "no_escape",
    "mlock",
    "no_mmap",
    "ignore_eos",
    "interactive",
    "conversation",
    "no_conversation",
    "single_turn",
    "color",
    "verbose",
    "jinja",
    "no_warmup",
    "no_context_shift",
    "context_shift",
    "swa_full",
    "special",
    "no_display_prompt",
    "verbose_prompt",
];

/// Whether a text is a command line: it begins with an option, or with a program and has one.
pub(super) fn is_one(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    text.starts_with("--") || (first.contains(" --") && !first.trim_end().ends_with(':') && !first.starts_with('#'))
}

/// The settings of a command line.
///
/// # Errors
/// A quote that does not end, or no option about sampling.
pub(super) fn settings(text: &str) -> Result<Settings> {
    let words = shlex::split(text).context("a quote in the command line has no end")?;
    let mut object = Map::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        at += 1;
        let (flag, given) = word.split_once('=').map_or((word.as_str(), None), |(flag, value)| (flag, Some(value.to_owned())));
        let short = SHORT.iter().find(|(short, _)| *short == flag).map(|(_, key)| (*key).to_owned());
        let Some(key) = short.or_else(|| flag.strip_prefix("--").map(|name| name.replace('-', "_"))) else { continue };
        if ALONE.contains(&key.as_str()) {
            object.insert(key, true.into());
            continue;
        }
        let is_option = |word: &str| word.starts_with("--") || SHORT.iter().any(|(short, _)| *short == word);
        let alone = given.is_none();
        let Some(value) = given.or_else(|| words.get(at).filter(|word| !is_option(word)).cloned()) else {
            object.insert(key, true.into());
            continue;
        };
        at += usize::from(alone);
        match (key.as_str(), object.get_mut(&key)) {
            // These may be repeated.
            (REPEATED_BREAKER | "reverse_prompt", Some(Value::Array(values))) => values.push(value.into()),
            (REPEATED_BREAKER | "reverse_prompt", _) => drop(object.insert(key, json!([value]))),
            _ => drop(object.insert(key, value.into())),
        }
    }
    if object.is_empty() {
        bail!("it is a command line without options");
    }
    let escapes = !object.contains_key("no_escape");
    for key in [REPEATED_BREAKER, "reverse_prompt"] {
        let Some(Value::Array(values)) = object.get_mut(key) else { continue };
        if key == REPEATED_BREAKER {
            // It clears what was named before it.
            let none = values.iter().rposition(|value| value == "none").map_or(0, |at| at + 1);
            values.drain(..none);
        }
        for value in values.iter_mut().filter(|_| escapes) {
            *value = value.as_str().map(unescaped).unwrap_or_default().into();
        }
    }
    Ok(Settings::of(Program::LlamaCpp, &Value::Object(object)))
}
