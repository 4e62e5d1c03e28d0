//! What a request asks for: bodies of every front-end, read into one value.
//!
//! Front-ends send what every server before them wanted, by all of its names at once. So a body is read leniently: names that nobody
//! knows are ignored, `null` is nothing, and of several names for one thing the first counts. What would do harm if it were ignored is
//! refused: a grammar (whoever sends one parses the answer), tools, pictures.

mod fields;
mod limits;
mod messages;
mod ours;
mod prompt;
mod words;

use serde_json::{Map, Value};

pub use fields::{Field, Fields, number, wrong};
pub use limits::{Length, Limits, SEEDS};
pub use messages::Chat;
pub use ours::{Ours, Trace};
pub use prompt::{Piece, Pieces};
pub use words::{Change, Word};

use crate::serve::Fault;

/// In whose words a request is put, and its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Surface {
    /// llama-server's own completion.
    Native,
    /// `OpenAI`'s completions.
    Completions,
    /// `OpenAI`'s chat.
    Chat,
}

/// What a story goes on from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// Texts or tokens, each of which stories are told of.
    Prompts(Vec<Pieces>),
    /// A conversation.
    Chat(Chat),
}

/// What is told beside the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch of a request")]
pub struct Shown {
    /// Token by token, as it is told.
    pub stream: bool,
    /// At the end of a stream, how many tokens there were.
    pub usage: bool,
    /// So many of the likeliest tokens at each place, beside the one that was taken.
    pub top: Option<usize>,
    /// Their shares after the chain, and not the model's own probabilities.
    pub after_sampling: bool,
    /// The prompt before the story.
    pub echo: bool,
    /// The numbers of the tokens.
    pub tokens: bool,
    /// How much of the prompt is read.
    pub progress: bool,
    /// Of the last object only these fields, each with its path.
    pub fields: Vec<String>,
}

/// A request.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// In whose words it is put.
    pub surface: Surface,
    /// What the story goes on from.
    pub source: Source,
    /// Whose sampler decides.
    pub ours: Ours,
    /// How far it goes.
    pub limits: Limits,
    /// Whether the prompt is read, whatever is kept of it in memory.
    pub reads_afresh: bool,
    /// Words whose chances are changed.
    pub changes: Vec<Change>,
    /// What is told beside the text.
    pub shown: Shown,
    /// Names of fields that would do something elsewhere, whoever decides, and do nothing here.
    pub idle: Vec<String>,
    /// All that was sent: its sampler's fields are read where they count.
    pub body: Map<String, Value>,
}

/// The most tokens that are told beside one: a vocabulary is smaller.
const MOST_TOP: i64 = 1 << 24;

impl Request {
    /// Reads a body.
    ///
    /// # Errors
    /// A field that cannot be meant, by its name.
    pub fn read(surface: Surface, body: Map<String, Value>) -> Result<Self, Fault> {
        let fields = Fields::of(&body);
        refuse(fields)?;
        let (source, usual) = match surface {
            Surface::Native => (Source::Prompts(prompt::prompts(fields, false)?), Length::Usual),
            Surface::Completions => (Source::Prompts(prompt::prompts(fields, true)?), Length::Usual),
            Surface::Chat => (Source::Chat(Chat::of(fields)?), Length::ToTheEnd),
        };
        let ours = Ours::of(fields)?;
        let limits = Limits::of(fields, usual)?;
        let limits = Limits { seed: limits.seed.or(ours.seed), ..limits };
        let (changes, shown, idle) = (words::changes(fields)?, Shown::of(fields, surface)?, idle(fields));
        let reads_afresh = fields.flag(&["cache_prompt"])? == Some(false);
        Ok(Self { surface, source, ours, limits, reads_afresh, changes, shown, idle, body })
    }
}

impl Shown {
    fn of(fields: Fields, surface: Surface) -> Result<Self, Fault> {
        let flag = |name| Ok::<_, Fault>(fields.flag(&[name])?.unwrap_or(false));
        let options = fields.within("stream_options", "stream_options.")?;
        let usage = options.map(|options| options.flag(&["include_usage"])).transpose()?.flatten();
        let response_fields = fields.get(&["response_fields"]).map(Field::texts).transpose()?.unwrap_or_default();
        Ok(Self {
            stream: flag("stream")?,
            usage: usage.unwrap_or(false),
            top: top(fields, surface)?,
            after_sampling: flag("post_sampling_probs")?,
            echo: flag("echo")?,
            tokens: flag("return_tokens")?,
            progress: flag("return_progress")?,
            fields: response_fields.into_iter().map(str::to_owned).collect(),
        })
    }
}

/// How many of the likeliest tokens are told; `None` tells no probabilities.
///
/// For llama-server 0 is none. For `OpenAI` it is that of the drawn token alone, and `true` is one.
fn top(fields: Fields, surface: Surface) -> Result<Option<usize>, Fault> {
    let count = |name| fields.clamped(&[name], 0..=MOST_TOP);
    let logprobs = match fields.get(&["logprobs"]).map(|field| field.value) {
        Some(Value::Bool(asked)) => Some(i64::from(*asked)).filter(|_| *asked),
        _ => count("logprobs")?,
    };
    let is_refused = fields.get(&["logprobs"]).is_some_and(|field| *field.value == Value::Bool(false));
    let top = match surface {
        Surface::Native => count("n_probs")?.or(logprobs).filter(|&count| count > 0),
        Surface::Completions => logprobs.or(count("n_probs")?.filter(|&count| count > 0)),
        Surface::Chat => {
            let named = count("top_logprobs")?.filter(|&count| count > 0 || logprobs.is_some());
            if is_refused { None } else { named.or(logprobs).or(count("n_probs")?.filter(|&count| count > 0)) }
        }
    };
    Ok(top.and_then(|top| usize::try_from(top).ok()))
}

/// Refuses what would be answered wrongly if it were ignored.
fn refuse(fields: Fields) -> Result<(), Fault> {
    let grammars = ["grammar", "grammar_string", "json_schema", "guided_json", "guided_grammar", "guided_regex"];
    if let Some(field) = fields.all(&grammars).find(|field| !is_empty(field.value)) {
        return Err(Fault::field(&field.named(), "Afterword tells stories and has no grammars: leave it out"));
    }
    if let Some(field) = fields.all(&["tools", "functions"]).find(|field| !is_empty(field.value)) {
        return Err(Fault::field(&field.named(), "Afterword tells stories and calls no tools: leave them out"));
    }
    if let Some(field) = fields.get(&["response_format"]) {
        let kind = field.value.get("type").and_then(Value::as_str).or(field.value.as_str());
        if kind != Some("text") && !is_empty(field.value) {
            let cause = "only `{\"type\": \"text\"}` is answered: Afterword tells stories and has no grammars";
            return Err(Fault::field(&field.named(), cause));
        }
    }
    if let Some(field) = fields.get(&["suffix"]).filter(|field| !is_empty(field.value)) {
        return Err(Fault::field(&field.named(), "Afterword goes on with a text and fills no gaps: leave it out"));
    }
    Ok(())
}

/// Fields that are accepted and do nothing, where they would do something elsewhere.
fn idle(fields: Fields) -> Vec<String> {
    let does = |name: &str, value: &Value| match name {
        "add_bos_token" | "skip_special_tokens" | "add_generation_prompt" => *value == Value::Bool(false),
        "id_slot" => value.as_i64().is_some_and(|slot| slot >= 0),
        "n_keep" | "n_discard" | "n_indent" | "t_max_prompt_ms" => value.as_i64().is_some_and(|count| count > 0),
        "lora" | "images" | "image_data" => !is_empty(value),
        _ => false,
    };
    fields.each().filter(|(name, value)| does(name, value)).map(|(name, _)| name.to_owned()).collect()
}

/// Whether a value stands for nothing.
fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(values) => values.is_empty(),
        Value::Object(entries) => entries.is_empty(),
        Value::Bool(true) | Value::Number(_) => false,
    }
}

#[cfg(test)]
pub(super) mod tests;
