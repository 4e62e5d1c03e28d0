//! What other programs call the things that a chain is made of.

use serde_json::Value;

use crate::sampler::{Elsewhere, Kind, Stage};

/// The name of a stage here.
pub(super) type StageName = &'static str;

/// Samplers that are not here, each with the value at which it does nothing.
const UNSUPPORTED: &[(&str, f64)] = &[
    ("guidance_scale", 1.0),
    ("encoder_rep_pen", 1.0),
    ("encoder_repetition_penalty", 1.0),
    ("no_repeat_ngram_size", 0.0),
    ("penalty_alpha", 0.0),
    ("rep_pen_slope", 0.0),
    ("rep_pen_decay", 0.0),
    ("skew", 0.0),
    ("num_beams", 1.0),
];

/// Keys of things that are no numbers and would change what is drawn.
pub(super) const WORDS: &[&str] =
    &["logit_bias", "banned_tokens", "custom_token_bans", "grammar", "grammar_string", "json_schema", "negative_prompt"];

/// Keys under which an order stands.
pub(super) const ORDERS: &[&str] =
    &["samplers", "sampler_priority", "samplers_priorities", "sampler_order", "sampler_seq", "temperature_last", "id"];

/// A key as it is known: in small letters with underscores.
pub(super) fn plain(name: &str) -> String {
    name.trim().to_lowercase().replace('-', "_")
}

/// The stage that a key of theirs belongs to, and the key of it that it is.
pub(super) fn number(theirs: &str) -> Option<(StageName, &'static str)> {
    let theirs = plain(theirs);
    let key = |kind: &'static Kind| {
        let key = kind.elsewhere.keys.iter().find(|(_, names)| names.contains(&theirs.as_str()));
        key.map(|(key, _)| (kind.name, *key))
    };
    Stage::KINDS.iter().find_map(key)
}

/// What a stage is called elsewhere.
pub(super) fn elsewhere(name: StageName) -> &'static Elsewhere {
    Stage::KINDS.iter().find(|kind| kind.name == name).map_or(Elsewhere::NOWHERE, |kind| kind.elsewhere)
}

/// Of a sampler that is not here, the value at which it does nothing.
pub(super) fn unsupported(key: &str) -> Option<f64> {
    let key = plain(key);
    UNSUPPORTED.iter().find(|(name, _)| *name == key).map(|(_, off)| *off)
}

/// The stage that goes by this name in a list of samplers. A dynamic temperature stands where the temperature stands.
pub(super) fn sampler(theirs: &str) -> Option<StageName> {
    let theirs = plain(theirs);
    let goes = |kind: &&Kind| plain(kind.name) == theirs || kind.elsewhere.samplers.contains(&theirs.as_str());
    let name = Stage::KINDS.iter().find(goes)?.name;
    Some(if name == "dynamic-temperature" { "temperature" } else { name })
}

/// The samplers of `KoboldCpp`'s `sampler_order`: its min-p runs behind its top-p, its smoothing and its top-nσ behind its
/// temperature.
pub(super) fn of_kobold(number: u64) -> &'static [StageName] {
    match number {
        0 => &["top-k"],
        1 => &["top-a"],
        2 => &["top-p", "min-p"],
        3 => &["tail-free"],
        4 => &["typical"],
        5 => &["temperature", "quadratic", "top-n-sigma"],
        6 => &["penalties"],
        _ => &[],
    }
}

/// The samplers of llama.cpp's `--sampler-seq`, a letter each; `f` until October 2024.
pub(super) fn of_letter(letter: char) -> Option<StageName> {
    Some(match letter {
        'e' => "penalties",
        'd' => "dry",
        's' => "top-n-sigma",
        'k' => "top-k",
        'f' => "tail-free",
        'y' => "typical",
        'p' => "top-p",
        'm' => "min-p",
        'x' => "xtc",
        't' => "temperature",
        'a' => "adaptive-p",
        _ => return None,
    })
}

/// Names, as a list, as a list written as a text, or divided by semicolons or lines.
pub(super) fn texts(value: &Value) -> Option<Vec<String>> {
    listed(value, |text| text.split([';', '\n']).map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect())
}

/// Texts at which a match breaks, as a list, as a list written as a text, or divided by commas; then they are written with
/// escapes.
pub(super) fn breakers(value: &Value) -> Option<Vec<String>> {
    listed(value, |text| text.split(',').filter(|part| !part.is_empty()).map(unescaped).collect())
}

fn listed(value: &Value, divided: impl Fn(&str) -> Vec<String>) -> Option<Vec<String>> {
    match value {
        Value::Array(values) => Some(values.iter().filter_map(|value| value.as_str().map(str::to_owned)).collect()),
        Value::String(text) => {
            let bracketed = if text.trim_start().starts_with('[') { text.clone() } else { format!("[{text}]") };
            Some(serde_json::from_str(&bracketed).unwrap_or_else(|_| divided(text)))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

/// A text with its escapes read, as llama.cpp reads them: `\n`, `\r`, `\t`, quotes, backslashes and `\x41`; others stand.
pub(super) fn unescaped(text: &str) -> String {
    let (mut read, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('\\') {
        read.push_str(&rest[..at]);
        let behind = &rest[at + 1..];
        let byte = behind.strip_prefix('x').and_then(|hex| hex.get(..2)).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        let (sign, length) = match (behind.chars().next(), byte) {
            (Some('n'), _) => (Some('\n'), 1),
            (Some('r'), _) => (Some('\r'), 1),
            (Some('t'), _) => (Some('\t'), 1),
            (Some(c @ ('\'' | '"' | '\\')), _) => (Some(c), 1),
            // Above it is half a character of theirs.
            (Some('x'), Some(byte)) if byte.is_ascii() => (Some(char::from(byte)), 3),
            _ => (None, 0),
        };
        read.push(sign.unwrap_or('\\'));
        rest = &behind[length..];
    }
    read + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read_and_what_is_none_stands() {
        for (text, read) in [
            ("", ""),
            ("\\n", "\n"),
            ("a\\tb\\\\n", "a\tb\\n"),
            ("\\x41\\x4", "A\\x4"),
            ("\\q\\", "\\q\\"),
            ("\\\"狼\\'", "\"狼'"),
            ("\\xff", "\\xff"),
        ] {
            assert_eq!(unescaped(text), read, "{text}");
        }
    }

    #[test]
    fn breakers_are_read_in_every_form_in_which_they_are_written() {
        let read = |value: &str| breakers(&Value::from(value)).unwrap();
        assert_eq!(read(r#"["\n", ":"]"#), ["\n", ":"]);
        assert_eq!(read(r#""\n", ":""#), ["\n", ":"]);
        assert_eq!(read(r"\n,:,*"), ["\n", ":", "*"]);
    }
}
