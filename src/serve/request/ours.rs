//! Whose sampler decides, and at what time: the preset by any of its names, changes of it, the clock, and what is told of each token.

use serde_json::Value;

use super::fields::{Field, Fields, whole, wrong};
use super::limits::seed;
use crate::engine::Heal;
use crate::model::Choice as _;
use crate::serve::{Clock, Fault, Sampling};

/// How much is told of each token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Trace {
    /// Nothing.
    #[default]
    Off,
    /// What was known of the one that was taken.
    Chosen,
    /// The candidates that were looked at as well.
    Candidates,
    /// All candidates, looked at so that they can be told.
    All,
}

/// Names of how much is told.
const TRACES: [(&str, Trace); 4] =
    [("off", Trace::Off), ("chosen", Trace::Chosen), ("candidates", Trace::Candidates), ("all", Trace::All)];

/// What a request says in fields of our own. What it does not say the server decides.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Ours {
    /// The model as it was named, with what may stand behind `@`.
    pub model: Option<String>,
    /// The preset's name, where it has a field of its own.
    pub preset: Option<String>,
    /// Changes of the preset, each as `path=value`.
    pub edits: Vec<String>,
    /// Whose values count.
    pub sampling: Option<Sampling>,
    /// What t is.
    pub clock: Option<Clock>,
    /// What at the end of a prompt is told anew.
    pub heal: Option<Heal>,
    /// How much is told of each token.
    pub trace: Trace,
    /// The seed, as an earlier answer told it.
    pub seed: Option<u64>,
    /// Keys under `afterword` that nobody knows.
    pub unknown: Vec<String>,
}

/// What stands before the names of our own fields.
const OURS: &str = "afterword.";

/// Our own fields, and those under which an answer tells of itself, which may be sent back.
const KNOWN: [&str; 7] = ["preset", "set", "sampling", "trace", "clock", "heal", "seed"];

/// Keys of an answer that mean nothing in a request.
const TOLD: [&str; 9] = ["stop", "tokens", "evaluations", "decodes", "ignored", "notes", "t", "exact", "cached"];

impl Ours {
    /// Reads it.
    ///
    /// # Errors
    /// A field of ours that cannot be meant.
    pub fn of(fields: Fields) -> Result<Self, Fault> {
        let texts = |fields: Fields, name| {
            let text = fields.text(&[name])?.filter(|text| !text.is_empty());
            Ok::<_, Fault>(text.map(str::to_owned))
        };
        let mut read = Self { model: texts(fields, "model")?, preset: texts(fields, "preset")?, ..Self::default() };
        let Some(ours) = fields.within("afterword", OURS)? else { return Ok(read) };
        read.preset = texts(ours, "preset")?.or(read.preset);
        read.edits = ours.get(&["set"]).map(edits).transpose()?.unwrap_or_default();
        read.sampling = ours.get(&["sampling"]).map(sampling).transpose()?;
        read.clock = ours.get(&["clock"]).map(clock).transpose()?;
        read.heal = ours.get(&["heal"]).map(heal).transpose()?;
        read.trace = ours.get(&["trace"]).map(trace).transpose()?.unwrap_or_default();
        read.seed = seed(ours, &["seed"])?;
        let unknown = ours.each().map(|(name, _)| name).filter(|name| !KNOWN.contains(name) && !TOLD.contains(name));
        read.unknown = unknown.map(|name| format!("{OURS}{name}")).collect();
        Ok(read)
    }
}

/// Changes of a preset: an object from paths to values, or a list of texts as `future.alpha=0.3`.
fn edits(field: Field) -> Result<Vec<String>, Fault> {
    match field.value {
        Value::Object(values) => {
            let edit = |(path, value): (&String, &Value)| {
                let name = || format!("{}.{path}", field.named());
                let written = toml::Value::try_from(value).map_err(|_| wrong(&name(), value, "a value that TOML can hold"))?;
                Ok(format!("{path}={written}"))
            };
            values.iter().map(edit).collect()
        }
        Value::Array(_) | Value::String(_) => Ok(field.texts()?.into_iter().map(str::to_owned).collect()),
        _ => Err(field.wrong("an object such as `{\"future.alpha\": 0.3}`")),
    }
}

fn sampling(field: Field) -> Result<Sampling, Fault> {
    let sampling = field.value.as_str().and_then(Sampling::named);
    sampling.ok_or_else(|| field.wrong("`preset`, `client` or `both`"))
}

fn clock(field: Field) -> Result<Clock, Fault> {
    match field.value.as_str() {
        Some("text") => Ok(Clock::Text),
        Some("request") => Ok(Clock::Request),
        _ => {
            let behind = whole(field.value).and_then(|tokens| usize::try_from(tokens).ok());
            behind.map(Clock::Behind).ok_or_else(|| field.wrong("`text`, `request` or the number of tokens of the prompt"))
        }
    }
}

fn heal(field: Field) -> Result<Heal, Fault> {
    let heal = field.value.as_str().and_then(|name| Heal::named(name).ok());
    heal.ok_or_else(|| field.wrong("`off`, `space` or `word`"))
}

fn trace(field: Field) -> Result<Trace, Fault> {
    match field.value {
        Value::Bool(false) => Ok(Trace::Off),
        Value::Bool(true) => Ok(Trace::Candidates),
        value => {
            let named = TRACES.into_iter().find(|(name, _)| value.as_str() == Some(name));
            named.map(|(_, trace)| trace).ok_or_else(|| field.wrong("`off`, `chosen`, `candidates` or `all`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: &Value) -> Result<Ours, String> {
        Ours::of(Fields::of(body.as_object().unwrap())).map_err(|fault| fault.message)
    }

    #[test]
    fn a_preset_is_named_at_the_top_or_under_our_own_name() {
        assert_eq!(read(&json!({"preset": "tide"})).unwrap().preset.as_deref(), Some("tide"));
        let both = json!({"preset": "tide", "afterword": {"preset": "wave"}});
        assert_eq!(read(&both).unwrap().preset.as_deref(), Some("wave"));
        assert_eq!(read(&json!({"model": "fable@wave", "preset": ""})).unwrap().preset, None);
        assert_eq!(read(&json!({"afterword": null})).unwrap(), Ours::default());
        assert!(read(&json!({"afterword": "wave"})).unwrap_err().contains("`afterword`: it is \"wave\", and an object"));
    }

    #[test]
    fn changes_are_written_as_the_command_line_takes_them() {
        let body = json!({"afterword": {"set": {
            "future.alpha": 0.3, "top-k": 5, "dry": "off", "dry.breakers": ["*", ":"], "future.alpha.wave": {"period": 40.5},
        }}});
        let mut edits = read(&body).unwrap().edits;
        edits.sort();
        let written = [
            "dry.breakers=[\"*\", \":\"]",
            "dry=\"off\"",
            "future.alpha.wave={ period = 40.5 }",
            "future.alpha=0.3",
            "top-k=5",
        ];
        assert_eq!(edits, written);
        for edit in &edits {
            crate::preset::Edit::parse(edit).unwrap();
        }
        assert_eq!(read(&json!({"afterword": {"set": ["min-p=0.1"]}})).unwrap().edits, ["min-p=0.1"]);
        assert!(read(&json!({"afterword": {"set": {"dry": null}}})).unwrap_err().contains("`afterword.set.dry`"));
        assert!(read(&json!({"afterword": {"set": 3}})).unwrap_err().contains("an object such as"));
    }

    #[test]
    fn clock_sampling_and_trace_are_what_they_may_be() {
        let ours = |ours: Value| read(&json!({ "afterword": ours }));
        assert_eq!(ours(json!({"clock": "text"})).unwrap().clock, Some(Clock::Text));
        assert_eq!(ours(json!({"clock": "request"})).unwrap().clock, Some(Clock::Request));
        assert_eq!(ours(json!({"clock": "31"})).unwrap().clock, Some(Clock::Behind(31)));
        assert_eq!(ours(json!({"sampling": "both"})).unwrap().sampling, Some(Sampling::Both));
        assert_eq!(ours(json!({"trace": true})).unwrap().trace, Trace::Candidates);
        assert_eq!(ours(json!({"trace": "all"})).unwrap().trace, Trace::All);
        for (wrong, words) in
            [(json!({"clock": -1}), "afterword.clock"), (json!({"sampling": 1}), "client"), (json!({"trace": "x"}), "chosen")]
        {
            assert!(ours(wrong).unwrap_err().contains(words));
        }
    }

    #[test]
    fn what_an_answer_told_can_be_sent_back_and_a_misspelt_key_is_named() {
        let told = json!({"afterword": {"preset": "wave", "seed": 7, "stop": "tokens", "evaluations": 12, "ignored": ["tfs"], "aplha": 1}});
        let told = read(&told).unwrap();
        assert_eq!(
            (told.preset.as_deref(), told.seed, told.unknown),
            (Some("wave"), Some(7), vec!["afterword.aplha".to_owned()])
        );
    }
}
