//! What a new stage lacks, and to which stage a key belongs.

use toml::de::DeValue;

use super::form::{Entry, Form};
use super::vocabulary::{self, STAGES};

/// What a new stage lacks.
pub(super) struct Lacking {
    /// Which keys, as a sentence.
    pub cause: String,
    /// The stage with all that it needs, as TOML on one line: its name, and its value.
    pub whole: [String; 2],
}

/// What a new stage of this name and value lacks; `text` is where it is written.
pub(super) fn lacking(name: &str, value: &DeValue, text: &str) -> Option<Lacking> {
    let entry = vocabulary::stage(name)?;
    let (Form::Table(keys), DeValue::Table(table)) = (&entry.form, value) else { return None };
    let needed = |key: &&Entry| key.usual.is_none() && !table.contains_key(key.name.as_str());
    let missing: Vec<&str> = keys.iter().filter(needed).map(|key| key.name.as_str()).collect();
    if missing.is_empty() {
        return None;
    }
    let part = |key: &Entry| match table.get(key.name.as_str()) {
        Some(value) if value.get_ref().is_table() && !text.get(value.span())?.starts_with('{') => Some(key.example.clone()),
        Some(value) => text.get(value.span()).map(str::to_owned),
        None => key.usual.is_none().then(|| key.example.clone()),
    };
    let parts: Vec<String> = keys.iter().filter_map(|key| Some(format!("{} = {}", key.name, part(key)?))).collect();
    let (missing, parts) = (missing.join("` and `"), parts.join(", "));
    Some(Lacking {
        cause: format!("the preset has no stage `{name}`, and a new one needs `{missing}` too"),
        whole: [name.to_owned(), format!("{{ {parts} }}")],
    })
}

/// The one stage that has a key of this name.
pub(super) fn owner(key: &str) -> Option<&'static str> {
    // `shuffle` takes the keys of `future`, and is hardly meant.
    let has = |entry: &&Entry| matches!(&entry.form, Form::Table(keys) if keys.iter().any(|entry| entry.name == key));
    let has = |entry: &&Entry| has(entry) && entry.name != "shuffle";
    let owners: Vec<&'static Entry> = STAGES.iter().filter(has).collect();
    if let [owner] = owners[..] { Some(owner.name.as_str()) } else { None }
}
