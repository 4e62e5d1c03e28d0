//! The command line of llama.cpp.

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use super::Program;
use super::chain::Settings;

/// Flags that stand for nothing but themselves, or whose short form says less than their long one.
const SHORT: &[(&str, &str)] = &[("--sampling-seq", "sampler-seq"), ("--sampler-seq", "sampler-seq"), ("-l", "logit-bias")];

/// Whether a text is a command line: it begins with an option, or with a program and has one.
pub(super) fn is_one(text: &str) -> bool {
    let first = text.lines().next().unwrap_or_default();
    text.starts_with("--") || (first.contains(" --") && !first.trim_end().ends_with(':') && !first.starts_with('#'))
}

/// The settings of a command line.
///
/// # Errors
/// A quote that does not end, or no option about sampling.
pub(super) fn settings(text: &str) -> Result<Settings> {
    let words = words(text)?;
    let mut object = Map::new();
    let mut at = 0;
    while let Some(word) = words.get(at) {
        at += 1;
        let (flag, given) = word.split_once('=').map_or((word.as_str(), None), |(flag, value)| (flag, Some(value.to_owned())));
        let short = SHORT.iter().find(|(short, _)| *short == flag).map(|(_, long)| *long);
        let Some(name) = short.or(flag.strip_prefix("--")) else { continue };
        let is_value = |word: &&String| !word.starts_with("--") || word.parse::<f64>().is_ok();
        let Some(value) = given.or_else(|| words.get(at).filter(is_value).cloned()) else { continue };
        let key = name.replace('-', "_");
        match (key.as_str(), object.get_mut(&key)) {
            // This one may be repeated.
            ("dry_sequence_breaker", Some(Value::Array(breakers))) => breakers.push(value.into()),
            ("dry_sequence_breaker", _) => drop(object.insert(key, json!([value]))),
            _ => drop(object.insert(key, value.into())),
        }
    }
    if object.is_empty() {
        bail!("it is a command line without options");
    }
    Ok(Settings::of(Program::LlamaCpp, &Value::Object(object)))
}

/// The words of a command line as a shell divides them: by white space outside of quotes; a backslash takes the next character.
fn words(text: &str) -> Result<Vec<String>> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None | Some('"'), '\\') => match characters.next() {
                // The line goes on.
                Some('\n') | None => {}
                Some(next) if quote.is_some() && !matches!(next, '"' | '\\') => {
                    word.get_or_insert_default().extend(['\\', next]);
                }
                Some(next) => word.get_or_insert_default().push(next),
            },
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    quote.map_or(Ok(()), |_| Err(())).ok().context("a quote in the command line has no end")?;
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_divided_as_a_shell_does() {
        let divided =
            words("llama-cli --temp 0.7 \\\n  -p \"Once \\\"upon\\\" a\\n\" --samplers 'top_k;temperature' ''").unwrap();
        assert_eq!(divided, ["llama-cli", "--temp", "0.7", "-p", "Once \"upon\" a\\n", "--samplers", "top_k;temperature", ""]);
        assert!(words("--temp '0.7").is_err());
    }
}
