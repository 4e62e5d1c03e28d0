//! Settings of other programs as presets: their stages in their order, and what could not be carried over.

mod chain;
mod command;
mod modelfile;
mod names;
mod order;
mod request;
mod rest;

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use jsonc_parser::{CollectOptions, ParseOptions, parse_to_ast};
use serde_json::Value;

use self::chain::Settings;
pub use self::request::{OfRequest, laid_over, of_request, would_do};

/// A preset made of another program's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// The program, by its name.
    pub program: &'static str,
    /// The preset as a TOML file, with what was left out as comments.
    pub toml: String,
    /// What could not be carried over, or means something else here: a sentence each.
    pub notes: Vec<String>,
}

/// The program that wrote the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Program {
    SillyTavern,
    KoboldCpp,
    TextGenerationWebui,
    LlamaCpp,
    Ollama,
    /// No program but a model, which advises.
    ModelFile,
    /// A request to a server, of whichever client: its fields are all that is known.
    Request,
}

impl Program {
    fn name(self) -> &'static str {
        match self {
            Self::SillyTavern => "SillyTavern",
            Self::KoboldCpp => "KoboldCpp",
            Self::TextGenerationWebui => "text-generation-webui",
            Self::LlamaCpp => "llama.cpp",
            Self::Ollama => "Ollama",
            Self::ModelFile => "the model",
            Self::Request => "a request",
        }
    }

    /// Whose settings these are, by keys that only they have.
    fn of(object: &Value) -> Option<Self> {
        let has = |key: &str| object.get(key).is_some();
        if has("repeat_penalty") || has("repeat_last_n") || has("n_predict") || has("n_probs") {
            Some(Self::LlamaCpp)
        } else if has("temp") || has("sampler_priority") || has("freq_pen") {
            Some(Self::SillyTavern)
        } else if has("sampler_order") || has("rep_pen") || has("rep_pen_range") {
            Some(Self::KoboldCpp)
        } else {
            has("temperature").then_some(Self::LlamaCpp)
        }
    }
}

/// Makes a preset of the text of a settings file: that of `SillyTavern`'s text completion or of `KoboldCpp` as JSON, of
/// text-generation-webui as YAML, of llama.cpp as its server's JSON or as a command line, of Ollama as a Modelfile. JSON may hold
/// comments and a comma too many. `from` is what the file is called.
///
/// # Errors
/// It is none of these, or holds no sampler.
pub fn import(text: &str, from: &str) -> Result<Imported> {
    let deed = || format!("cannot import `{from}`");
    let text = text.trim_start_matches('\u{feff}').trim();
    let settings = if text.starts_with('{') {
        let object = json(text).with_context(deed)?;
        let object = within(&object);
        let Some(program) = Program::of(object) else {
            bail!(
                "cannot import `{from}`: its JSON is neither SillyTavern's, KoboldCpp's nor llama.cpp's\n\
                 hint: export the sampler settings of a text completion"
            );
        };
        Settings::of(program, object)
    } else if modelfile::is_one(text) {
        Settings::of(Program::Ollama, &modelfile::settings(text))
    } else if command::is_one(text) {
        command::settings(text).with_context(deed)?
    } else {
        match serde_saphyr::from_str::<Value>(text) {
            Ok(object) if object.is_object() => Settings::of(Program::TextGenerationWebui, &object),
            _ => bail!("cannot import `{from}`: it is in no form that can be read here\nhint: it may be {FORMS}"),
        }
    };
    settings.write(from).with_context(deed)
}

/// What can be read.
const FORMS: &str = "JSON (SillyTavern, KoboldCpp, llama.cpp's server), YAML (text-generation-webui), a llama.cpp command line, or an \
                     Ollama Modelfile";

/// JSON, and where it is not quite that, with the comments and commas that people leave in it.
fn json(text: &str) -> Result<Value> {
    serde_json::from_str(text).or_else(|error| {
        let kept = parse_to_ast(text, &CollectOptions::default(), &ParseOptions::default()).ok().and_then(|file| file.value);
        match kept {
            Some(object) => Ok(object.into()),
            None if error.is_eof() => bail!("it is JSON that ends too early"),
            None => bail!("it is JSON with a mistake in line {}, column {}", error.line(), error.column()),
        }
    })
}

/// Makes a preset of what a model's makers advise: the values under `general.sampling.` in its file.
///
/// # Errors
/// They advise nothing, or what cannot be.
pub fn of_model(advice: &BTreeMap<String, String>, model: &str) -> Result<Imported> {
    if advice.is_empty() {
        bail!(
            "the model `{model}` advises nothing about sampling: it has no `general.sampling` values\n\
             hint: choose a preset by its name; `afterword presets list` names them"
        );
    }
    let key = |key: &str| match key {
        "sequence" => "samplers".to_owned(),
        "penalty_last_n" => "repeat_last_n".to_owned(),
        "penalty_repeat" => "repeat_penalty".to_owned(),
        "penalty_freq" => "frequency_penalty".to_owned(),
        "penalty_present" => "presence_penalty".to_owned(),
        other => other.to_owned(),
    };
    let object = advice.iter().map(|(name, value)| (key(name), Value::from(value.as_str()))).collect();
    let settings = Settings::of(Program::ModelFile, &Value::Object(object));
    settings.write(model).with_context(|| format!("cannot sample as the model `{model}` advises"))
}

/// The settings in what is wrapped around them: a saved session of Kobold Lite, or what llama.cpp's server says of itself.
fn within(object: &Value) -> &Value {
    let ways: [&[&str]; 5] =
        [&["savedsettings"], &["default_generation_settings", "params"], &["generation_settings"], &["settings"], &["params"]];
    let inner = |way: &&[&str]| way.iter().try_fold(object, |value, key| value.get(key)).filter(|value| value.is_object());
    ways.iter().find_map(inner).unwrap_or(object)
}
