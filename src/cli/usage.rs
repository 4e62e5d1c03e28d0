//! Wrong usage: what was typed cannot be meant.

use std::error::Error as _;
use std::fmt;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::text::{EXCERPT, excerpt};

/// Wrong usage, in one sentence and perhaps a `hint:` line. The program ends with the exit code 2.
#[derive(Debug)]
pub struct Usage(pub String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

impl Usage {
    /// The refusal of the parser of arguments, said as all our errors are.
    pub fn of_parser(error: &clap::Error) -> Self {
        let one = |kind| match error.get(kind) {
            Some(ContextValue::String(text)) => Some(excerpt(text, EXCERPT)),
            Some(ContextValue::Strings(texts)) => texts.first().map(|text| excerpt(text, EXCERPT)),
            _ => None,
        };
        let argument = one(ContextKind::InvalidArg).unwrap_or_default();
        // `--seed <N>` is the option `--seed`; a positional argument is its name only.
        let name = argument.split_once(' ').map_or(argument.as_str(), |(name, _)| name);
        let value = one(ContextKind::InvalidValue).unwrap_or_default();
        let help = command(error).map(|command| format!("`{command} --help` tells what there is"));
        let meant = |nearest: String| format!("did you mean `{nearest}`?");
        let (cause, hint) = match error.kind() {
            ErrorKind::InvalidSubcommand => {
                let typed = one(ContextKind::InvalidSubcommand).unwrap_or_default();
                (format!("there is no command `{typed}`"), one(ContextKind::SuggestedSubcommand).map(meant).or(help))
            }
            ErrorKind::UnknownArgument if name.starts_with('-') => {
                (format!("there is no option `{name}`"), one(ContextKind::SuggestedArg).map(meant).or(help))
            }
            ErrorKind::UnknownArgument => {
                let quotes = "a prompt of several words stands in quotes".to_owned();
                (format!("`{argument}` is more than was asked for"), Some(quotes))
            }
            ErrorKind::InvalidValue if value.is_empty() => (format!("`{name}` has no value"), help),
            ErrorKind::InvalidValue => {
                let valid = match error.get(ContextKind::ValidValue) {
                    Some(ContextValue::Strings(valid)) => Some(format!("expected one of `{}`", valid.join("`, `"))),
                    _ => help,
                };
                (format!("`{value}` is no value of `{name}`"), valid)
            }
            ErrorKind::ValueValidation => {
                let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
                (format!("`{value}` is no value of `{name}`{cause}"), help)
            }
            ErrorKind::MissingRequiredArgument => (format!("`{argument}` is missing"), help),
            ErrorKind::ArgumentConflict => {
                let other = match error.get(ContextKind::PriorArg) {
                    Some(ContextValue::String(other)) => Some(other.clone()),
                    Some(ContextValue::Strings(others)) => others.first().cloned(),
                    _ => None,
                };
                let other = other.and_then(|other| other.split(' ').next().map(str::to_owned)).filter(|other| *other != name);
                let conflict = other.map_or("given twice".to_owned(), |other| format!("given together with `{other}`"));
                (format!("`{name}` cannot be {conflict}"), help)
            }
            ErrorKind::InvalidUtf8 => ("an argument is not UTF-8".to_owned(), help),
            _ => {
                let text = error.to_string();
                let first = text.lines().next().unwrap_or_default();
                (first.strip_prefix("error: ").unwrap_or(first).replace('\'', "`"), help)
            }
        };
        Self(hint.map_or(cause.clone(), |hint| format!("{cause}\nhint: {hint}")))
    }
}

/// The command that was being read, as it is typed: `afterword write`; `None` where the parser does not say.
fn command(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) else { return None };
    let usage = usage.to_string();
    let words = usage.split_whitespace().skip_while(|word| *word != "afterword");
    Some(words.take_while(|word| !word.starts_with(['[', '<', '-'])).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::args::Args;

    #[test]
    fn every_refusal_names_what_was_typed_and_helps() {
        for (typed, cause, hint) in [
            (&["wirte", "x"][..], "there is no command `wirte`", Some("did you mean `write`?")),
            (&["write", "--sed=1"], "there is no option `--sed`", Some("did you mean `--seed`?")),
            (&["write", "--xyzzy"], "there is no option `--xyzzy`", Some("`afterword write --help` tells what there is")),
            (&["write", "a", "b"], "`b` is more than was asked for", Some("a prompt of several words stands in quotes")),
            (&["write", "--think", "no"], "`no` is no value of `--think`", Some("expected one of `off`, `show`, `hide`")),
            (&["write", "--ctx", "0"], "`0` is no value of `--ctx`: expected a whole number from 1 up", None),
            (&["write", "--model", ""], "`--model` has no value", None),
            (&["write", "--model"], "`--model` has no value", None),
            (&["write", "--seed", "1", "--seed", "2"], "`--seed` cannot be given twice", None),
            (&["bench", "--tune", "--stories", "2"], "`--tune` cannot be given together with `--stories`", None),
            (&["presets", "check"], "`<FILES>...` is missing", None),
            // What was typed is repeated on one line, and not at length.
            (&["a\nhint: b"], "there is no command `a hint: b`", None),
            (
                &["write", "--ctx", &"9".repeat(99)],
                &format!("`{}…` is no value of `--ctx`: expected a whole number from 1 up", "9".repeat(79)),
                None,
            ),
        ] {
            let error = Args::try_parse_from([&["afterword"], typed].concat()).unwrap_err();
            let said = Usage::of_parser(&error).to_string();
            let (first, second) = said.split_once("\nhint: ").map_or((said.as_str(), None), |(a, b)| (a, Some(b)));
            assert_eq!(first, cause);
            // Where no hint is asked for, the parser may still know the command.
            assert!(hint.is_none() || second == hint, "{said}");
        }
    }
}
