//! Every word of a preset, with what may stand behind it and what it does: read from the schemas that the stages' own types and
//! comments give.

use std::sync::LazyLock;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::Value;

use super::form::{Entry, Form};
use crate::bans::Bans;
use crate::prob::{Alpha, KEYS, Kept, Least, Schedule, Sigmas, Temperature, keys_in_order};
use crate::sampler::Stage;

/// The stages, in the order in which the reference tells of them.
pub(super) static STAGES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let entry = |(name, schema): (&str, Value)| Entry::of(name, &schema, true);
    stages().into_iter().map(entry).collect()
});

/// The schedules, as they move anything: where they differ by what they move, that is said.
pub(super) static SCHEDULES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let tables = |form: Form| if let Form::Schedule(_, tables) = form { tables } else { Vec::new() };
    let all = [
        ("alpha", schema::<Schedule<Alpha>>()),
        ("temperature", schema::<Schedule<Temperature>>()),
        ("min-p", schema::<Schedule<Least>>()),
        ("top-p, top-h and typical", schema::<Schedule<Kept>>()),
        ("top-n-sigma", schema::<Schedule<Sigmas>>()),
    ]
    .map(|(of, schema)| (of, tables(Form::of(&schema))));
    let entry = |at: usize| Entry::any(&all.iter().map(|(of, tables)| (*of, &tables[at])).collect::<Vec<_>>());
    (0..all[0].1.len()).map(entry).collect()
});

/// The names of all stages.
pub(super) fn names() -> Vec<&'static str> {
    Stage::KINDS.iter().map(|kind| kind.name).collect()
}

/// Whether a stage goes by this name.
pub(super) fn is_stage(name: &str) -> bool {
    Stage::KINDS.iter().any(|kind| kind.name == name)
}

/// The stage of this name.
pub(super) fn stage(name: &str) -> Option<&'static Entry> {
    STAGES.iter().find(|entry| entry.name == name)
}

/// The names of the stages with the schemas of their values.
pub(super) fn stages() -> Vec<(&'static str, Value)> {
    Stage::KINDS.iter().map(|kind| (kind.name, (kind.schema)(&mut generator()).into())).collect()
}

/// The schema of a type, with nothing left to look up.
pub(super) fn schema<T: JsonSchema>() -> Value {
    T::json_schema(&mut generator()).into()
}

/// The schema of the table `[bans]`.
pub(super) fn bans() -> Value {
    let mut schema = Bans::json_schema(&mut generator());
    keys_in_order::<Bans>(&mut schema);
    schema.into()
}

fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true).into_generator()
}

/// What a comment tells a writer: its first paragraph, and whom it is owed to. The rest is for those who read the code.
pub(super) fn told(schema: &Value) -> String {
    let comment = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    let paragraph = |text: &str| text.split("\n\n").next().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
    let summary = paragraph(comment);
    match comment.split_once("# Source\n") {
        Some((_, source)) => format!("{summary} ({})", paragraph(source)),
        None => summary,
    }
}

/// The keys of a table with their schemas, in the order in which they are declared.
pub(super) fn keys(schema: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let keys = schema.get(KEYS).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    keys.filter_map(|key| Some((key, schema.get("properties")?.get(key)?)))
}

/// The one key of a table that names what it is, with its schema.
pub(super) fn named(table: &Value) -> Option<(&String, &Value)> {
    table.get("properties")?.as_object()?.iter().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_comment_a_writer_is_told_the_first_paragraph_and_the_source() {
        let comment =
            "Keeps\nmost.\n\nFor developers.\n\n# Formula\nl / T\n\n# Source\nA. Writer,\n2020.\n\n# Examples\n```\n```";
        assert_eq!(told(&serde_json::json!({ "description": comment })), "Keeps most. (A. Writer, 2020.)");
        assert_eq!(told(&serde_json::json!({})), "");
    }

    #[test]
    fn every_word_says_what_it_does_and_every_table_has_all_of_its_keys() {
        fn check(entry: &Entry) {
            assert!(entry.what.len() > 10 && !entry.what.contains("[`"), "{}: {}", entry.name, entry.what);
            if let Form::Table(keys) = &entry.form {
                assert!(!keys.is_empty(), "{}", entry.name);
                keys.iter().for_each(check);
            }
        }
        STAGES.iter().chain(SCHEDULES.iter()).for_each(check);
        let entries = STAGES.iter().flat_map(|stage| match &stage.form {
            Form::Table(keys) => keys.iter().collect(),
            _ => vec![stage],
        });
        let moved = entries.filter(|entry| matches!(entry.form, Form::Schedule(..)));
        assert!(moved.into_iter().all(|entry| crate::preset::structure::NUMBER_OR_NAMED.contains(&entry.name.as_str())));
        for (name, schema) in stages() {
            let count = schema.get("properties").and_then(Value::as_object).map_or(0, serde_json::Map::len);
            assert_eq!(keys(&schema).count(), count, "{name}");
        }
    }
}
