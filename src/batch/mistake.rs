//! What serde says of a file of prompts or of a run, in our words.

use crate::preset::suggestion;
use crate::text::{EXCERPT, excerpt};

/// Serde's message in our words, and the nearest valid word.
pub(super) fn translate(message: &str) -> (String, Option<String>) {
    let words = in_backticks(message);
    if let (true, [typed, valid @ ..]) = (message.starts_with("unknown "), &words[..]) {
        let what = if message.starts_with("unknown field") { "key" } else { "value" };
        return (format!("unknown {what} `{}`", excerpt(typed, EXCERPT)), Some(suggestion(typed, valid)));
    }
    if let (true, [key]) = (message.starts_with("missing field"), &words[..]) {
        return (format!("the key `{key}` is missing"), None);
    }
    if message == "wanted string or table" {
        return ("expected a word in quotes".to_owned(), None);
    }
    let invalid = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    match invalid.and_then(|rest| rest.split_once(", expected ")) {
        Some((value, _)) if value.ends_with(" as i128") => (format!("{} is too large", found(value)), None),
        Some((value, what)) => (format!("expected {}, found {}", expected(what), found(value)), None),
        None => (message.to_owned(), None),
    }
}

/// The words between backticks.
fn in_backticks(text: &str) -> Vec<&str> {
    text.split('`').skip(1).step_by(2).collect()
}

/// What serde expected, as a person would say it.
fn expected(what: &str) -> String {
    match what {
        "f64" => "a number".to_owned(),
        "usize" => "a whole number from 0 up".to_owned(),
        "a nonzero usize" => "a whole number from 1 up".to_owned(),
        "a sequence" => "an array".to_owned(),
        "a tuple of size 2" | "an array of length 2" => "a pair in brackets".to_owned(),
        "a map" => "a table".to_owned(),
        "a string" => "a string in quotes".to_owned(),
        other if other.starts_with("struct ") => "a table".to_owned(),
        other => other.to_owned(),
    }
}

/// What serde found, as a person would say it.
fn found(what: &str) -> String {
    let what = &excerpt(what, 2 * EXCERPT);
    let value = in_backticks(what).first().map(ToString::to_string);
    match (what.as_str(), value) {
        ("map", _) => "a table".to_owned(),
        ("sequence", _) => "an array".to_owned(),
        (what, _) if what.starts_with("string ") => format!("the {what}"),
        (_, Some(value)) => value,
        (what, None) => what.to_owned(),
    }
}
