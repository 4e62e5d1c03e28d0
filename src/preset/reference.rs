//! What can be written in a preset: one table, from which the reference page and the JSON Schema are made.

use serde_json::{Map, Value, json};

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
    fn words(&self) -> String {
        let end = |x: f64| format!("{x}").replace('-', "−");
        match self {
            Self::Number(Some(low), Some(high)) => format!("a number from {} to {}", end(*low), end(*high)),
            Self::Number(Some(low), None) => format!("a number from {} up", end(*low)),
            Self::Number(None, Some(high)) => format!("a number up to {}", end(*high)),
            Self::Number(None, None) => "a number".to_owned(),
            Self::Above(low) => format!("a number above {}", end(*low)),
            Self::Whole(low) => format!("a whole number from {low} up"),
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

    /// As JSON Schema; `around` is what a schedule moves.
    fn schema(&self, around: &Form) -> Value {
        match self {
            Self::Number(low, high) => {
                let mut schema = Map::from_iter([("type".to_owned(), json!("number"))]);
                schema.extend(low.map(|low| ("minimum".to_owned(), json!(low))));
                schema.extend(high.map(|high| ("maximum".to_owned(), json!(high))));
                Value::Object(schema)
            }
            Self::Above(low) => json!({ "type": "number", "exclusiveMinimum": low }),
            Self::Whole(low) => json!({ "type": "integer", "minimum": low }),
            Self::Word(words) => json!({ "enum": words }),
            Self::Texts => json!({ "type": "array", "items": { "type": "string" } }),
            Self::Weights => json!({ "type": "object", "additionalProperties": { "type": "number" } }),
            Self::List(of) => json!({ "type": "array", "items": of.schema(around), "minItems": 1 }),
            Self::Pair(a, b) => {
                json!({ "type": "array", "prefixItems": [a.schema(around), b.schema(around)], "minItems": 2, "maxItems": 2 })
            }
            Self::Table(keys) => table(keys, around),
            Self::Schedule(of) => json!({ "anyOf": [of.schema(around), one_of(KEYS_OF_SCHEDULES, of)] }),
            Self::Scheduled => around.schema(around),
        }
    }
}

/// A table with these keys and no others.
fn table(keys: &[Entry], around: &Form) -> Value {
    let required: Vec<&str> = keys.iter().filter(|key| key.usual.is_none()).map(|key| key.name).collect();
    json!({ "type": "object", "properties": properties(keys, around), "required": required, "additionalProperties": false })
}

/// A table with exactly one of these keys.
fn one_of(keys: &[Entry], around: &Form) -> Value {
    json!({ "type": "object", "properties": properties(keys, around), "minProperties": 1, "maxProperties": 1,
            "additionalProperties": false })
}

fn properties(keys: &[Entry], around: &Form) -> Value {
    let property = |key: &Entry| {
        let mut schema = key.form.schema(around);
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
            "extends": { "type": "string", "description": "The name or path of a preset whose chain is taken first. A stage of \
                the same name replaces that one in place, a new one is appended." },
            "chain": { "type": "array", "items": one_of(STAGE_ENTRIES, &Form::Scheduled),
                "description": "Stages, in the order in which they run. What is absent is off." },
            "draw": { "type": "object", "additionalProperties": false, "properties": {
                "pick": { "enum": ["sample", "argmax"], "description": "How a token is picked from what the chain leaves." } } },
        },
        "additionalProperties": false,
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
        "Schedules. Where a number may breathe, it is a number or a table with one of these: \
         `alpha = { wave = { period = 60 } }`.",
    ));
    for entry in KEYS_OF_SCHEDULES {
        tell(&mut page, 0, entry);
    }
    page
}

fn tell(page: &mut Vec<Paragraph>, depth: usize, entry: &Entry) {
    let Entry { name, form, usual, what } = entry;
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
    use super::super::schema::{STAGES, Written, value_of};
    use super::super::words;
    use super::*;

    #[test]
    fn every_stage_stands_in_the_reference_and_nothing_else() {
        let names: Vec<&str> = STAGE_ENTRIES.iter().map(|entry| entry.name).collect();
        assert_eq!(names, STAGES);
    }

    /// What a preset says is wrong with a stage of this text.
    fn hint(stage: &str) -> String {
        let fault = Written::read(&format!("[[chain]]\n{stage}")).err().unwrap();
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
            let stage = Written::read(&text).unwrap_or_else(|fault| panic!("{text}: {fault:?}")).chain.remove(0);
            let value = value_of(&stage).unwrap();
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
