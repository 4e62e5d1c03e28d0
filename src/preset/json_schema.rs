//! The JSON Schema of a preset file, for editors.

use serde_json::{Map, Value, json};

use super::overlay::OFF;
use super::schema::Draw;
use super::vocabulary::{self, named, told};
use crate::prob::KEYS;

/// The JSON Schema (draft 2020-12) of a preset file.
#[must_use]
pub fn schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A preset of afterword",
        "type": "object",
        "properties": {
            "description": { "type": "string", "description": "One line on what it is like." },
            "extends": { "type": "string", "description": "The name or path of a preset that is taken first. Of a stage of the \
                same name the keys that are written here change, \"off\" takes it away, and a new stage comes at its usual place." },
            "chain": { "type": "array", "description": "Stages, in the order in which they run. What is absent is off." },
            "draw": published(&vocabulary::schema::<Draw>(), true),
            "bans": published(&vocabulary::bans(), true),
        },
        "additionalProperties": false,
        "if": { "required": ["extends"] },
        "then": { "properties": { "chain": { "items": stage(false) } } },
        "else": { "properties": { "chain": { "items": stage(true) } } },
    })
}

/// A table of the chain: a stage, or with `whole` false what it changes of the stage below it, which it may also switch off.
fn stage(whole: bool) -> Value {
    let stage = |(name, schema): (&str, Value)| {
        let schema = published(&schema, whole);
        let off = json!({ "const": OFF, "description": "Takes the stage away." });
        (name.to_owned(), if whole { schema } else { json!({ "anyOf": [schema, off] }) })
    };
    one_of(&vocabulary::stages().into_iter().map(stage).collect())
}

/// A table with exactly one of these keys.
fn one_of(properties: &Map<String, Value>) -> Value {
    json!({ "type": "object", "properties": properties, "minProperties": 1, "maxProperties": 1, "additionalProperties": false })
}

/// A schema as an editor is to see it: of the comments what they tell a writer, and of several tables with one key each a single
/// one with all the keys, which an editor can complete. Where a table is not `whole` it changes one below it, and needs no key.
fn published(schema: &Value, whole: bool) -> Value {
    let Value::Object(object) = schema else { return schema.clone() };
    let tables = object.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    let property = |table| {
        let (name, schema) = named(table)?;
        let mut schema = published(schema, whole);
        schema["description"] = told(table).into();
        Some((name.clone(), schema))
    };
    let tables: Map<String, Value> = tables.filter_map(property).collect();
    if !tables.is_empty() {
        return one_of(&tables);
    }
    let key = |(key, value): (&String, &Value)| {
        let value = match key.as_str() {
            KEYS | "format" => return None,
            "required" if !whole => return None,
            "description" => told(schema).into(),
            "properties" => {
                let of = value.as_object().into_iter().flatten();
                Value::Object(of.map(|(key, value)| (key.clone(), published(value, whole))).collect())
            }
            "anyOf" | "oneOf" | "prefixItems" => {
                value.as_array().into_iter().flatten().map(|value| published(value, whole)).collect()
            }
            "items" => published(value, whole),
            _ => value.clone(),
        };
        Some((key.clone(), value))
    };
    Value::Object(object.iter().filter_map(key).collect())
}
