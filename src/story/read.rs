//! Reading a record, whoever wrote it: with a bound, and in plain words where it is none.

use std::fmt;
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::Deserialize;
use serde_json::error::Category;

use super::{FORMAT, Record};
use crate::files;
use crate::text::excerpt;

/// How many letters of what stands in a record an error repeats.
const CUT: usize = 40;

/// A file that is no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRecord;

impl fmt::Display for NoRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("it is no record")
    }
}

impl std::error::Error for NoRecord {}

/// What every record begins with, in all versions of its form.
#[derive(Deserialize)]
struct Head {
    format: u32,
}

impl Record {
    /// No record is longer, in bytes: 100,000 tokens with a full trace have fewer.
    pub const LONGEST: u64 = 256 << 20;

    /// Reads the record in a file.
    ///
    /// # Errors
    /// The file cannot be read, is no ordinary file, or is longer than [`Record::LONGEST`]; or as [`Record::parse`].
    pub fn read(path: &Path) -> Result<Self> {
        let read = || Self::parse(&files::read(path, Self::LONGEST)?);
        read().with_context(|| format!("cannot read the record `{}`", path.display()))
    }

    /// The record that this is; a byte order mark before it is no part of it.
    ///
    /// # Errors
    /// It is none ([`NoRecord`]), is torn, has a newer form than this program knows, or holds something else than it should; the cause is a
    /// clause without its subject.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        let none = || anyhow::Error::from(NoRecord);
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            return Err(none());
        }
        let Head { format } = serde_json::from_slice(bytes).map_err(|error| match error.classify() {
            Category::Eof => anyhow!("it is torn: it ends in the middle"),
            Category::Syntax | Category::Io => anyhow!("it is damaged in line {}, at byte {}", error.line(), error.column()),
            Category::Data => none(),
        })?;
        ensure!(format > 0, "it has the form 0, and the first one is 1");
        if format > FORMAT {
            let hint = "a newer version of afterword wrote it, and reads it";
            bail!("it has the form {format}, and this program reads up to {FORMAT}\nhint: {hint}");
        }
        let mut json = serde_json::Deserializer::from_slice(bytes);
        serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let path = error.path().to_string();
            anyhow!(plain(&path, &error.into_inner().to_string()))
        })
    }
}

/// What serde says of a value, for people.
fn plain(path: &str, said: &str) -> String {
    let said = said.rsplit_once(" at line ").map_or(said, |(said, _)| said);
    let path = if path == "." { "" } else { path };
    let name = said.split('`').nth(1).unwrap_or_default();
    let below = || if path.is_empty() { cut(name) } else { cut(&format!("{path}.{name}")) };
    if said.starts_with("missing field") {
        return format!("its `{}` is missing", below());
    }
    if said.starts_with("unknown field") {
        // The path of what is not known ends in its name already.
        let field = if path.ends_with(name) { cut(path) } else { below() };
        return format!("it has a field `{field}`, which no record has");
    }
    if said.starts_with("duplicate field") {
        return format!("it has the field `{}` twice", below());
    }
    let value = said.strip_prefix("invalid type: ").or_else(|| said.strip_prefix("invalid value: "));
    let Some((found, expected)) = value.and_then(|value| value.rsplit_once(", expected ")) else {
        return format!("its `{}` is none that this program knows", cut(path));
    };
    match should_be(expected) {
        Some(expected) => format!("its `{}` is {}, and should be {expected}", cut(path), is(found)),
        None => format!("its `{}` is {}, which no record has there", cut(path), is(found)),
    }
}

/// What was found, as serde calls it: `string "x"`, ``integer `5` ``.
fn is(found: &str) -> String {
    match found.split_once(' ') {
        Some(("string", text)) => cut(text),
        Some(("integer" | "boolean", text)) => cut(text.trim_matches('`')),
        Some(("floating", text)) => cut(text.trim_start_matches("point ").trim_matches('`')),
        _ if found == "map" => "an object".to_owned(),
        _ if found == "sequence" => "a list".to_owned(),
        _ if found.ends_with("variant") => "incomplete".to_owned(),
        _ => cut(found),
    }
}

/// What was expected, as serde calls it; nothing where that says nothing to a person.
fn should_be(expected: &str) -> Option<&'static str> {
    match expected {
        "u8" | "u16" | "u32" | "u64" | "usize" => Some("a whole number from 0 up"),
        "f32" | "f64" => Some("a number"),
        "a string" | "string" => Some("a text"),
        "a boolean" => Some("`true` or `false`"),
        "a sequence" => Some("a list"),
        _ if expected.starts_with("struct ") => Some("an object"),
        _ => None,
    }
}

fn cut(text: &str) -> String {
    excerpt(text, CUT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = include_str!("../../tests/pages/plain.json");

    fn said(change: impl Fn(&str) -> String) -> String {
        format!("{:#}", Record::parse(change(RECORD).as_bytes()).unwrap_err())
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_a_record() {
        assert_eq!(Record::parse(format!("\u{feff}{RECORD}").as_bytes()).unwrap(), Record::parse(RECORD.as_bytes()).unwrap());
    }

    #[test]
    fn what_is_wrong_with_a_record_is_said_in_plain_words() {
        let seed = serde_json::from_str::<serde_json::Value>(RECORD).unwrap()["seed"].clone();
        let with = |key: &str, value: serde_json::Value| {
            said(|text| {
                let mut json: serde_json::Value = serde_json::from_str(text).unwrap();
                json.pointer_mut(key).map(|at| *at = value.clone()).unwrap();
                json.to_string()
            })
        };
        assert!(seed.is_u64());
        assert_eq!(with("/seed", "x".into()), "its `seed` is \"x\", and should be a whole number from 0 up");
        assert_eq!(with("/seed", (-3).into()), "its `seed` is -3, and should be a whole number from 0 up");
        assert_eq!(with("/run/limit", 1.5.into()), "its `run.limit` is 1.5, and should be a whole number from 0 up");
        assert_eq!(with("/tokens/1", true.into()), "its `tokens[1]` is true, and should be a whole number from 0 up");
        assert_eq!(with("/prompt", serde_json::Value::Null), "its `prompt` is null, and should be a text");
        assert_eq!(with("/run/mmap", "on".into()), "its `run.mmap` is \"on\", and should be `true` or `false`");
        assert_eq!(with("/model", 1.into()), "its `model` is 1, and should be an object");
        assert_eq!(with("/stop", "stop".into()), "its `stop.stop` is incomplete, which no record has there");
        assert!(said(|text| text.replacen("\"seed\"", &format!("\"{}\"", "[".repeat(5000)), 1)).len() < 150);
        assert_eq!(with("/stop", "bored".into()), "its `stop` is none that this program knows");
        assert_eq!(with("/run/cache", serde_json::json!(["f16"])), "its `run.cache` is none that this program knows");
        assert!(with("/seed", "x".repeat(999).into()).len() < 150);
        assert!(with("/format", 999.into()).starts_with("it has the form 999, and this program reads up to 1\nhint: "));
        assert_eq!(said(|text| text.replacen("\"seed\"", "\"sead\"", 1)), "it has a field `sead`, which no record has");
        assert_eq!(said(|text| text.replacen("\"limit\"", "\"lymit\"", 1)), "it has a field `run.lymit`, which no record has");
        assert_eq!(said(|text| text.replacen("\"seed\"", "\"text\"", 1)), "it has the field `text` twice");
        assert_eq!(said(|text| text[..text.len() / 2].to_owned()), "it is torn: it ends in the middle");
        assert!(said(|text| text.replacen(':', ";", 3)).starts_with("it is damaged in line "));
        for none in
            ["", "[]", "Once upon a time", "{}", "{\"format\":\"x\"}", "{\"name\":\"package\",\"version\":\"1.0.0\"}", "7"]
        {
            assert!(said(|_| none.to_owned()).starts_with("it is no record"), "{none}");
        }
    }

    #[test]
    fn the_beginning_of_every_record_is_known_as_one() {
        for bytes in [RECORD.as_bytes().to_vec(), Record::parse(RECORD.as_bytes()).unwrap().to_json().unwrap()] {
            assert!((files::Form::RECORD.is)(&bytes[..bytes.len().min(64)]));
        }
    }
}
