//! What may stand behind a word of a preset: the schema of a value, as it is told in words and held against what is written.

use serde_json::Value;

use super::vocabulary::{keys, named, told};

/// A stage, a schedule or a key, and what may stand behind its name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// Its name in a preset.
    pub name: String,
    /// What may stand behind it.
    pub form: Form,
    /// What holds where it is absent, as TOML or `off`; `None` where it cannot be absent.
    pub usual: Option<String>,
    /// What a person may begin with where it cannot be absent, as TOML.
    pub example: String,
    /// What it does, and what its ends mean.
    pub what: String,
}

/// What may stand behind a name.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Form {
    /// A number from the first to the second, both allowed; `None` is no end.
    Number(Option<f64>, Option<f64>),
    /// A number above the first, and at most the second; `None` is no end.
    Above(f64, Option<f64>),
    /// A whole number from this one up.
    Whole(u64),
    /// A whole number from this one up, or `"all"`.
    WholeOrAll(u64),
    /// One of these words.
    Word(Vec<String>),
    /// A text.
    Text,
    /// Texts, each with a number.
    Weights,
    /// A list of them.
    List(Box<Form>),
    /// Two of them.
    Pair(Box<[Form; 2]>),
    /// A table with these keys.
    Table(Vec<Entry>),
    /// A number in these ends, or one of these schedules, which move it.
    Schedule(Box<Form>, Vec<Entry>),
    /// What the number of the schedule around it may be.
    Scheduled,
}

impl Entry {
    /// Of a schema. What is not needed has a usual value.
    pub fn of(name: &str, schema: &Value, needed: bool) -> Self {
        let usual = (!needed).then(|| schema.get("default").map_or_else(|| "off".to_owned(), in_toml));
        let example = schema.get("examples").and_then(|all| all.get(0)).map_or(String::new(), in_toml);
        Self { name: name.to_owned(), form: Form::of(schema), usual, example, what: told(schema) }
    }

    /// Of several that are the same but for what they move, each with the name of that.
    pub fn any(all: &[(&str, &Self)]) -> Self {
        let usuals: Vec<(&str, &String)> = all.iter().filter_map(|(of, entry)| Some((*of, entry.usual.as_ref()?))).collect();
        let usual = match usuals[..] {
            [(_, first), ..] if usuals.iter().all(|(_, usual)| *usual == first) => Some(first.clone()),
            [] => None,
            _ => Some(usuals.iter().map(|(of, usual)| format!("{usual} for {of}")).collect::<Vec<_>>().join(", ")),
        };
        let forms: Vec<(&str, &Form)> = all.iter().map(|(of, entry)| (*of, &entry.form)).collect();
        Self { form: Form::any(&forms), usual, ..all[0].1.clone() }
    }
}

impl Form {
    /// Reads the schema of a value. It knows those that the types of this crate give, and no others.
    pub fn of(schema: &Value) -> Self {
        let number = |key: &str| schema.get(key).and_then(Value::as_f64);
        let least = |schema: &Value| schema.get("minimum").and_then(Value::as_u64).unwrap_or(0);
        let kind = schema.get("type").and_then(Value::as_str).unwrap_or_default();
        match (kind, schema.get("anyOf").and_then(Value::as_array).map(Vec::as_slice)) {
            ("number", _) => match number("exclusiveMinimum") {
                Some(low) => Self::Above(low, number("maximum")),
                None => Self::Number(number("minimum"), number("maximum")),
            },
            ("integer", _) => Self::Whole(least(schema)),
            ("array", _) => match (schema.get("items"), schema.get("prefixItems")) {
                (_, Some(pair)) => Self::Pair(Box::new([Self::of(&pair[0]), Self::of(&pair[1])])),
                (of, None) => Self::List(Box::new(Self::of(of.unwrap_or(&Value::Null)))),
            },
            ("object", _) if schema.get("properties").is_none() => Self::Weights,
            ("object", _) => Self::Table(entries(schema)),
            (_, Some([whole, all])) if all.get("const").is_some() => Self::WholeOrAll(least(whole)),
            (_, Some([constant, named])) => Self::Schedule(Box::new(Self::of(constant)), named_entries(named)),
            _ => match schema.get("oneOf").or_else(|| schema.get("enum")).and_then(Value::as_array) {
                Some(words) => Self::Word(words.iter().filter_map(word).collect()),
                None => Self::Text,
            },
        }
    }

    /// Of several that are the same but for what they move, each with the name of that.
    fn any(all: &[(&str, &Self)]) -> Self {
        let inner = |part: &dyn Fn(&Self) -> Option<&Self>| {
            let parts: Option<Vec<_>> = all.iter().map(|(of, form)| Some((*of, part(form)?))).collect();
            parts.map_or(Self::Scheduled, |parts| Self::any(&parts))
        };
        let first = all[0].1;
        match first {
            _ if all.iter().all(|(_, form)| *form == first) => first.clone(),
            Self::Table(entries) => {
                let entry = |at: usize| {
                    let entries = all.iter().filter_map(|(of, form)| Some((*of, form.table()?.get(at)?)));
                    Entry::any(&entries.collect::<Vec<_>>())
                };
                Self::Table((0..entries.len()).map(entry).collect())
            }
            Self::List(_) => Self::List(Box::new(inner(&|form| if let Self::List(of) = form { Some(of) } else { None }))),
            Self::Pair(_) => {
                let half = |at: usize| inner(&move |form| if let Self::Pair(pair) = form { Some(&pair[at]) } else { None });
                Self::Pair(Box::new([half(0), half(1)]))
            }
            _ => Self::Scheduled,
        }
    }

    fn table(&self) -> Option<&[Entry]> {
        if let Self::Table(entries) = self { Some(entries) } else { None }
    }

    /// In a few words.
    pub fn words(&self) -> String {
        match self {
            Self::Number(Some(low), Some(high)) => format!("a number from {low} to {high}"),
            Self::Number(Some(low), None) => format!("a number from {low} up"),
            Self::Number(None, Some(high)) => format!("a number up to {high}"),
            Self::Number(None, None) => "a number".to_owned(),
            Self::Above(low, Some(high)) => format!("a number above {low}, at most {high}"),
            Self::Above(low, None) => format!("a number above {low}"),
            Self::Whole(low) => format!("a whole number from {low} up"),
            Self::WholeOrAll(low) => format!("a whole number from {low} up, or \"all\""),
            Self::Word(words) => words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" or "),
            Self::Text => "a text".to_owned(),
            Self::List(of) if **of == Self::Text => "a list of texts".to_owned(),
            Self::Weights => "texts, each with a number".to_owned(),
            Self::List(of) => format!("a list: {} each", of.words()),
            Self::Pair(pair) => format!("a pair: {}, {}", pair[0].words(), pair[1].words()),
            Self::Table(_) => "a table".to_owned(),
            Self::Schedule(of, _) => format!("{}, or a schedule", of.words()),
            Self::Scheduled => "a value of what it moves".to_owned(),
        }
    }
}

/// The keys of a table.
fn entries(schema: &Value) -> Vec<Entry> {
    let required = schema.get("required").and_then(Value::as_array);
    let needed = |key: &str| required.is_some_and(|all| all.iter().any(|one| one == key));
    keys(schema).map(|(key, schema)| Entry::of(key, schema, needed(key))).collect()
}

/// The tables with one key each of which a value is one.
fn named_entries(schema: &Value) -> Vec<Entry> {
    let tables = schema.get("oneOf").and_then(Value::as_array).into_iter().flatten();
    let entry = |table: &Value| {
        let (name, schema) = named(table)?;
        Some(Entry { what: told(table), ..Entry::of(name, schema, true) })
    };
    tables.filter_map(entry).collect()
}

fn word(schema: &Value) -> Option<String> {
    schema.get("const").unwrap_or(schema).as_str().map(str::to_owned)
}

/// A value as TOML, its numbers as short as they can be.
fn in_toml(value: &Value) -> String {
    match value {
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), |x| x.to_string()),
        Value::Array(values) => format!("[{}]", values.iter().map(in_toml).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}
