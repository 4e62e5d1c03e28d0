//! The nearest valid word, and values as a person would name them.

use toml::de::DeValue;

use crate::text::{EXCERPT, excerpt};

/// A word as like as this is a suggestion.
const ALIKE: f64 = 0.8;

/// A shorter word is one slip away from too many others.
const SHORTEST: usize = 3;

/// The word most like `typed`, if one is like it at all: by Jaro and Winkler's similarity, which forgives a forgotten ending
/// (`temp` for `temperature`), or by one slip of the fingers, two letters that have changed places among them (`xct` for `xtc`).
pub(super) fn nearest<'a>(typed: &str, words: &[&'a str]) -> Option<&'a str> {
    let typed = typed.to_lowercase().replace('_', "-");
    let slipped = |word: &str| typed.chars().count() >= SHORTEST && strsim::osa_distance(&typed, word) == 1;
    let alike = |word: &&'a str| {
        let similarity = strsim::jaro_winkler(&typed, word);
        (if slipped(word) { similarity.max(ALIKE) } else { similarity }, *word)
    };
    let best = words.iter().map(alike).max_by(|a, b| a.0.total_cmp(&b.0));
    best.filter(|(similarity, _)| *similarity >= ALIKE).map(|(_, word)| word)
}

/// `a`, `b` or `c`.
pub(super) fn listed(words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match &words[..] {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [most @ .., last] => format!("{} or {last}", most.join(", ")),
    }
}

/// The nearest of the valid words as a question, or all of them.
pub(crate) fn suggestion(typed: &str, words: &[&str]) -> String {
    match nearest(typed, words) {
        Some(word) => format!("did you mean `{word}`?"),
        None => format!("expected {}", listed(words)),
    }
}

/// What stands there, as a person would say it.
pub(crate) fn found(value: &DeValue) -> String {
    match value {
        DeValue::String(text) => format!("the string \"{}\"", excerpt(text, EXCERPT)),
        DeValue::Integer(number) => excerpt(number.as_str(), EXCERPT),
        DeValue::Float(number) => excerpt(number.as_str(), EXCERPT),
        DeValue::Boolean(on) => on.to_string(),
        DeValue::Datetime(_) => "a date".to_owned(),
        DeValue::Array(_) => "an array".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_forgives_typing_and_forgotten_endings() {
        let stages = ["dry", "top-k", "top-p", "min-p", "xtc", "temperature", "future"];
        for (typed, word) in [
            ("temp", "temperature"),
            ("futur", "future"),
            ("min_p", "min-p"),
            ("topk", "top-k"),
            ("DRY", "dry"),
            ("top_p", "top-p"),
            ("xct", "xtc"),
            ("yrd", ""),
            ("dyr", "dry"),
        ] {
            assert_eq!(nearest(typed, &stages).unwrap_or_default(), word, "{typed}");
        }
        assert_eq!(nearest("xyz", &stages), None);
        assert_eq!(nearest("", &stages), None);
    }

    #[test]
    fn a_list_ends_with_or() {
        assert_eq!(listed(&["a", "b", "c"]), "`a`, `b` or `c`");
        assert_eq!(listed(&["a"]), "`a`");
    }
}
