//! What can be written in a preset: one table, from which the reference page and the JSON Schema are made.

use serde_json::{Map, Value, json};
use toml::de::DeValue;

use super::overlay::OFF;
use super::vocabulary::{KEYS_OF_SCHEDULES, STAGE_ENTRIES};

/// A stage, a schedule or a key, and what may stand behind its name.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// Its name in a preset.
    pub name: &'static str,
    /// What may stand behind it.
    pub form: Form,
    /// What holds where it is absent, as TOML; `None` where it cannot be absent.
    pub usual: Option<&'static str>,
    /// What a person may begin with where it cannot be absent, as TOML.
    pub example: &'static str,
    /// What it does, and what its ends mean.
    pub what: &'static str,
}

/// What may stand behind a name.
#[derive(Debug, Clone, Copy)]
pub enum Form {
    /// A number from the first to the second, both allowed; `None` is no end.
    Number(Option<f64>, Option<f64>),
    /// A number above this one.
    Above(f64),
    /// A whole number from this one up.
    Whole(u64),
    /// A whole number from this one up, or `"all"`.
    WholeOrAll(u64),
    /// One of these words.
    Word(&'static [&'static str]),
    /// Texts.
    Texts,
    /// Texts, each with a number.
    Weights,
    /// A list of at least one of them.
    List(&'static Form),
    /// Two of them.
    Pair(&'static Form, &'static Form),
    /// A table with these keys.
    Table(&'static [Entry]),
    /// A number in these ends, or a schedule that moves it.
    Schedule(&'static Form),
    /// What the number of the schedule around it may be.
    Scheduled,
}

impl Form {
    /// In a few words.
    pub(super) fn words(&self) -> String {
        let end = |x: f64| format!("{x}").replace('-', "−");
        match self {
            Self::Number(Some(low), Some(high)) => format!("a number from {} to {}", end(*low), end(*high)),
            Self::Number(Some(low), None) => format!("a number from {} up", end(*low)),
            Self::Number(None, Some(high)) => format!("a number up to {}", end(*high)),
            Self::Number(None, None) => "a number".to_owned(),
            Self::Above(low) => format!("a number above {}", end(*low)),
            Self::Whole(low) => format!("a whole number from {low} up"),
            Self::WholeOrAll(low) => format!("a whole number from {low} up, or \"all\""),
            Self::Word(words) => words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" or "),
            Self::Texts => "a list of texts".to_owned(),
            Self::Weights => "texts, each with a number".to_owned(),
            Self::List(of) => format!("a list: {} each", of.words()),
            Self::Pair(a, b) => format!("a pair: {}, {}", a.words(), b.words()),
            Self::Table(_) => "a table".to_owned(),
            Self::Schedule(of) => format!("{}, or a schedule", of.words()),
            Self::Scheduled => "a value of what it moves".to_owned(),
        }
    }

    /// As JSON Schema; `around` is what a schedule moves. A table that is not `whole` changes one below it, and needs no key.
    fn schema(&self, around: &Form, whole: bool) -> Value {
        match self {
            Self::Number(low, high) => {
                let mut schema = Map::from_iter([("type".to_owned(), json!("number"))]);
                schema.extend(low.map(|low| ("minimum".to_owned(), json!(low))));
                schema.extend(high.map(|high| ("maximum".to_owned(), json!(high))));
                Value::Object(schema)
            }
            Self::Above(low) => json!({ "type": "number", "exclusiveMinimum": low }),
            Self::Whole(low) => json!({ "type": "integer", "minimum": low }),
            Self::WholeOrAll(low) => json!({ "anyOf": [{ "type": "integer", "minimum": low }, { "const": "all" }] }),
            Self::Word(words) => json!({ "enum": words }),
            Self::Texts => json!({ "type": "array", "items": { "type": "string" } }),
            Self::Weights => json!({ "type": "object", "additionalProperties": { "type": "number" } }),
            Self::List(of) => json!({ "type": "array", "items": of.schema(around, whole), "minItems": 1 }),
            Self::Pair(a, b) => {
                let items = [a.schema(around, whole), b.schema(around, whole)];
                json!({ "type": "array", "prefixItems": items, "minItems": 2, "maxItems": 2 })
            }
            Self::Table(keys) => table(keys, around, whole),
            Self::Schedule(of) => {
                json!({ "anyOf": [of.schema(around, whole), one_of(&properties(KEYS_OF_SCHEDULES, of, whole))] })
            }
            Self::Scheduled => around.schema(around, whole),
        }
    }
}

/// A table with these keys and no others.
fn table(keys: &[Entry], around: &Form, whole: bool) -> Value {
    let required: Vec<&str> = keys.iter().filter(|key| whole && key.usual.is_none()).map(|key| key.name).collect();
    let properties = properties(keys, around, whole);
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// A table with exactly one of these keys.
fn one_of(properties: &Value) -> Value {
    json!({ "type": "object", "properties": properties, "minProperties": 1, "maxProperties": 1, "additionalProperties": false })
}

/// A table of the chain: a stage, or with `whole` false what it changes of the stage below it, which it may also switch off.
fn stage(whole: bool) -> Value {
    let mut stages = properties(STAGE_ENTRIES, &Form::Scheduled, whole);
    if !whole {
        for schema in stages.as_object_mut().into_iter().flat_map(Map::values_mut) {
            *schema = json!({ "anyOf": [schema.take(), { "const": OFF, "description": "Takes the stage away." }] });
        }
    }
    one_of(&stages)
}

fn properties(keys: &[Entry], around: &Form, whole: bool) -> Value {
    let property = |key: &Entry| {
        let mut schema = key.form.schema(around, whole);
        schema["description"] = json!(key.what);
        (key.name.to_owned(), schema)
    };
    Value::Object(keys.iter().map(property).collect())
}

/// The JSON Schema (draft 2020-12) of a preset file, for editors.
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
            "draw": { "type": "object", "additionalProperties": false, "properties": {
                "pick": { "enum": ["sample", "argmax"], "description": "How a token is picked from what the chain leaves." } } },
        },
        "additionalProperties": false,
        "if": { "required": ["extends"] },
        "then": { "properties": { "chain": { "items": stage(false) } } },
        "else": { "properties": { "chain": { "items": stage(true) } } },
    })
}

/// A part of the reference: a name, what may stand behind it, and what it does; `depth` is how deep it lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paragraph {
    /// 0 for a stage, 1 for a key of it.
    pub depth: usize,
    /// The name; empty for a heading.
    pub name: String,
    /// What may stand behind it, and what holds where it is absent.
    pub form: String,
    /// What it does.
    pub what: String,
}

/// The reference of all stages, then of the schedules.
#[must_use]
pub fn reference() -> Vec<Paragraph> {
    let heading = |what: &str| Paragraph { depth: 0, name: String::new(), form: String::new(), what: what.to_owned() };
    let mut page = vec![heading(
        "Stages. Each stands under a `[[chain]]` of its own, and they run in the order of the file; what is absent is off.",
    )];
    for entry in STAGE_ENTRIES {
        tell(&mut page, 0, entry);
    }
    page.push(heading(
        "Under `extends` a table of the chain changes the stage of its name in what is extended: the keys that it names, and no \
         others. `\"off\"` in the place of a stage takes it away. A stage that is new comes behind those of its kind, in the order \
         bias, bans and penalties, cuts, xtc, future, temperatures, mirostat or adaptive-p. `--set` does the same: \
         `--set future.alpha=0.5`, `--set dry=off`.",
    ));
    page.push(heading(
        "Schedules. Where a number may breathe, it is a number or a table with one of these: \
         `alpha = { wave = { period = 60 } }`.",
    ));
    for entry in KEYS_OF_SCHEDULES {
        tell(&mut page, 0, entry);
    }
    page
}

fn tell(page: &mut Vec<Paragraph>, depth: usize, entry: &Entry) {
    let Entry { name, form, usual, example: _, what } = entry;
    let absent = match usual {
        Some(usual) => format!("; without it {usual}"),
        None if depth > 0 => "; needed".to_owned(),
        None => String::new(),
    };
    let form_in_words = form.words();
    page.push(Paragraph {
        depth,
        name: (*name).to_owned(),
        form: format!("{form_in_words}{absent}"),
        what: (*what).to_owned(),
    });
    if let Form::Table(keys) = form {
        for key in *keys {
            tell(page, depth + 1, key);
        }
    }
}

/// What a new stage lacks.
pub(super) struct Lacking {
    /// Which keys, as a sentence.
    pub cause: String,
    /// The stage with all that it needs, as TOML on one line: its name, and its value.
    pub whole: [String; 2],
}

/// What a new stage of this name and value lacks; `text` is where it is written.
pub(super) fn lacking(name: &str, value: &DeValue, text: &str) -> Option<Lacking> {
    let entry = STAGE_ENTRIES.iter().find(|entry| entry.name == name)?;
    let (Form::Table(keys), DeValue::Table(table)) = (entry.form, value) else { return None };
    let needed = |key: &&Entry| key.usual.is_none() && !table.contains_key(key.name);
    let missing: Vec<&str> = keys.iter().filter(needed).map(|key| key.name).collect();
    if missing.is_empty() {
        return None;
    }
    let part = |key: &Entry| match table.get(key.name) {
        Some(value) if value.get_ref().is_table() && !text.get(value.span())?.starts_with('{') => Some(key.example),
        Some(value) => text.get(value.span()),
        None => key.usual.is_none().then_some(key.example),
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
    let has = |entry: &&Entry| matches!(entry.form, Form::Table(keys) if keys.iter().any(|entry| entry.name == key));
    let owners: Vec<&str> = STAGE_ENTRIES.iter().filter(has).map(|entry| entry.name).collect();
    if let [owner] = owners[..] { Some(owner) } else { None }
}

/// The reference as Markdown.
#[must_use]
pub fn markdown() -> String {
    let line = |Paragraph { depth, name, form, what }: &Paragraph| match (depth, name.as_str()) {
        (_, "") => format!("\n{what}\n\n"),
        (depth, name) => format!("{}- **`{name}`** ({form}): {what}\n", "  ".repeat(*depth)),
    };
    "# What can be written in a preset\n".to_owned() + &reference().iter().map(line).collect::<String>()
}

#[cfg(test)]
mod tests {
    use super::super::overlay::read;
    use super::super::schema::{STAGES, value_of};
    use super::super::words;
    use super::*;

    #[test]
    fn every_stage_stands_in_the_reference_and_nothing_else() {
        let names: Vec<&str> = STAGE_ENTRIES.iter().map(|entry| entry.name).collect();
        assert_eq!(names, STAGES);
    }

    /// What a preset says is wrong with a stage of this text.
    fn hint(stage: &str) -> String {
        let fault = read(&format!("[[chain]]\n{stage}")).unwrap_err();
        fault.hint.unwrap_or(fault.cause)
    }

    fn listed(keys: &[Entry]) -> String {
        let names: Vec<&str> = keys.iter().map(|key| key.name).collect();
        format!("expected {}", words::listed(&names))
    }

    #[test]
    fn the_keys_of_the_reference_are_those_that_are_read() {
        for entry in STAGE_ENTRIES {
            if let Form::Table(keys) = entry.form {
                assert_eq!(hint(&format!("{} = {{ qqqqqqqq = 1 }}", entry.name)), listed(keys));
            }
        }
        assert_eq!(hint("temperature = { qqqqqqqq = 1 }"), listed(KEYS_OF_SCHEDULES));
        for entry in KEYS_OF_SCHEDULES {
            if let Form::Table(keys) = entry.form {
                assert_eq!(hint(&format!("temperature = {{ {} = {{ qqqqqqqq = 1 }} }}", entry.name)), listed(keys));
            }
        }
    }

    #[test]
    fn what_holds_where_a_key_is_absent_is_what_the_reference_says() {
        let sample = |form: &Form| match form {
            Form::Word(words) => format!("\"{}\"", words[0]),
            Form::Pair(..) => "[1, 1]".to_owned(),
            Form::List(_) => "[1]".to_owned(),
            _ => "1".to_owned(),
        };
        for entry in STAGE_ENTRIES {
            let Form::Table(keys) = entry.form else { continue };
            let needed: Vec<String> = keys
                .iter()
                .filter(|key| key.usual.is_none())
                .map(|key| {
                    format!("{} = {}", key.name, if key.name == "entropy-top" { "2".to_owned() } else { sample(&key.form) })
                })
                .collect();
            let text = format!("[[chain]]\n{} = {{ {} }}", entry.name, needed.join(", "));
            let preset = read(&text).unwrap_or_else(|fault| panic!("{text}: {fault:?}"));
            let value = value_of(&preset.chain.stages()[0]).unwrap();
            for key in keys {
                let (Some(usual), Some(value)) = (key.usual, value.get(key.name)) else { continue };
                let usual: toml::Table = toml::from_str(&format!("x = {usual}")).unwrap();
                let number = |value: &toml::Value| value.as_integer().map(|x| x as f64).or(value.as_float());
                let same = number(&usual["x"]).map_or(usual["x"] == *value, |usual| Some(usual) == number(value));
                assert!(same, "{}.{}: {value} is not {usual}", entry.name, key.name);
            }
        }
    }

    #[test]
    fn the_page_names_every_stage_with_its_keys() {
        let page = markdown();
        for name in STAGES.iter().chain(&["centre", "fade-in", "surprisal", "keyframes", "entropy-top"]) {
            assert!(page.contains(&format!("**`{name}`**")), "{name}");
        }
        assert!(page.contains("- **`min-p`** (a number from 0 to 1): "));
        assert!(page.contains("  - **`base`** (a number from 0 up; without it 1.75): "));
    }
}
