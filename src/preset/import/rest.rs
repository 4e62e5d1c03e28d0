//! What settings of other programs hold besides their sampler, and what it is called here.

use serde_json::Value;

use super::Program;
use super::names::plain;

/// So many names of what has no counterpart are told; a saved session has a hundred that concern its window.
const MOST: usize = 12;

/// What a key of theirs is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Here {
    /// An option that takes the number, where it is above 0.
    Count(&'static str),
    /// An option that takes the number, where it is no sign for any.
    Seed,
    /// An option for each of the texts.
    Texts(&'static str),
    /// An option with a value of its own.
    Option(&'static str),
    /// The prompt.
    Prompt,
}

const KNOWN: &[(&str, Here)] = &[
    ("max_length", Here::Count("--tokens")),
    ("genamt", Here::Count("--tokens")),
    ("n_predict", Here::Count("--tokens")),
    ("predict", Here::Count("--tokens")),
    ("num_predict", Here::Count("--tokens")),
    ("max_tokens", Here::Count("--tokens")),
    ("max_new_tokens", Here::Count("--tokens")),
    ("min_length", Here::Count("--min-tokens")),
    ("min_tokens", Here::Count("--min-tokens")),
    ("max_context_length", Here::Count("--ctx")),
    ("truncation_length", Here::Count("--ctx")),
    ("ctx_size", Here::Count("--ctx")),
    ("n_ctx", Here::Count("--ctx")),
    ("num_ctx", Here::Count("--ctx")),
    ("threads", Here::Count("--threads")),
    ("num_thread", Here::Count("--threads")),
    ("seed", Here::Seed),
    ("sampler_seed", Here::Seed),
    ("stop_sequence", Here::Texts("--stop")),
    ("stop_sequences", Here::Texts("--stop")),
    ("stop", Here::Texts("--stop")),
    ("stopping_strings", Here::Texts("--stop")),
    ("custom_stopping_strings", Here::Texts("--stop")),
    ("antiprompt", Here::Texts("--stop")),
    ("reverse_prompt", Here::Texts("--stop")),
    ("system", Here::Option("--system")),
    ("system_prompt", Here::Option("--system")),
    ("model", Here::Option("--model")),
    ("from", Here::Option("--model")),
    ("n_gpu_layers", Here::Option("--gpu-layers")),
    ("gpu_layers", Here::Option("--gpu-layers")),
    ("num_gpu", Here::Option("--gpu-layers")),
    ("main_gpu", Here::Option("--main-gpu")),
    ("device", Here::Option("--device")),
    ("split_mode", Here::Option("--split")),
    ("flash_attn", Here::Option("--flash-attention")),
    ("cache_type_k", Here::Option("--kv-type")),
    ("cache_type_v", Here::Option("--kv-type")),
    ("mlock", Here::Option("--mlock")),
    ("no_mmap", Here::Option("--no-mmap")),
    ("prompt", Here::Prompt),
    ("file", Here::Prompt),
];

/// Keys at the values at which they say nothing.
const NEUTRAL: &[(&str, f64)] = &[
    ("add_bos_token", 1.0),
    ("skip_special_tokens", 1.0),
    ("spaces_between_special_tokens", 1.0),
    ("length_penalty", 1.0),
    ("do_sample", 1.0),
    ("n", 1.0),
    ("send_banned_tokens", 1.0),
    ("include_reasoning", 1.0),
    ("openrouter_allow_fallbacks", 1.0),
    ("streaming", 1.0),
    ("stream", 1.0),
    ("escape", 1.0),
    ("no_escape", 1.0),
];

/// What is not of the sampler, in one line; nothing where that is nothing.
pub(super) fn told(program: Program, others: &[(&String, &Value)]) -> Option<String> {
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for (key, value) in others {
        if says_nothing(key, value) {
            continue;
        }
        match here(program, key) {
            Some(here) => known.extend(option(here, value).map(|option| format!("{key} → {option}"))),
            None => unknown.push((*key).clone()),
        }
    }
    let more = unknown.len().saturating_sub(MOST);
    unknown.truncate(MOST);
    let mut parts = [known, unknown].concat();
    if more > 0 {
        parts.push(format!("{more} more"));
    }
    (!parts.is_empty()).then(|| format!("not of the sampler: {}", parts.join(", ")))
}

fn here(program: Program, key: &str) -> Option<Here> {
    let key = plain(key);
    // There it is the context, and `genamt` the length of an answer.
    if (program, key.as_str()) == (Program::SillyTavern, "max_length") {
        return Some(Here::Count("--ctx"));
    }
    KNOWN.iter().find(|(name, _)| *name == key).map(|(_, here)| *here)
}

/// The option as it is typed; nothing where their value stands for "as it comes".
fn option(here: Here, value: &Value) -> Option<String> {
    let number = super::chain::number_of(value);
    match here {
        Here::Count(option) => number.filter(|&n| n > 0.0).map(|n| format!("`{option} {n}`")),
        // −1 and the largest of 32 bits are "any" there.
        Here::Seed => number.filter(|&n| n >= 0.0 && n < f64::from(u32::MAX)).map(|n| format!("`--seed {n}`")),
        Here::Texts(option) => {
            let texts: Vec<String> = match value {
                Value::Array(values) => values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect(),
                value => value.as_str().map(str::to_owned).into_iter().collect(),
            };
            let texts: Vec<String> =
                texts.iter().filter(|text| !text.is_empty()).map(|text| format!("`{option} {}`", in_shell(text))).collect();
            (!texts.is_empty()).then(|| texts.join(" "))
        }
        Here::Option(option) => Some(format!("`{option}`")),
        Here::Prompt => Some("the prompt".to_owned()),
    }
}

/// A text as a shell takes it: what cannot be seen is escaped as in C.
fn in_shell(text: &str) -> String {
    if let (false, Ok(quoted)) = (text.contains(char::is_control), shlex::try_quote(text)) {
        return quoted.into_owned();
    }
    let escaped = |c: char| match c {
        '\n' => "\\n".to_owned(),
        '\t' => "\\t".to_owned(),
        '\'' | '\\' => format!("\\{c}"),
        c if c.is_control() => format!("\\u{:04x}", u32::from(c)),
        c => c.to_string(),
    };
    format!("$'{}'", text.chars().map(escaped).collect::<String>())
}

/// Whether a value is none, or what holds anyway.
fn says_nothing(key: &str, value: &Value) -> bool {
    let key = plain(key);
    let neutral = NEUTRAL.iter().find(|(name, _)| *name == key).map_or(0.0, |(_, neutral)| *neutral);
    // For a seed 0 is as good as any other number.
    let seed = KNOWN.iter().any(|(name, here)| *name == key && *here == Here::Seed);
    is_empty(value) || (!seed && super::chain::number_of(value) == Some(neutral))
}

/// Whether nothing is written there.
pub(super) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}
