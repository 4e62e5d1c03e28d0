//! Wrong usage: what was typed cannot be meant.

use std::error::Error as _;
use std::fmt;

use clap::error::{ContextKind, ContextValue, ErrorKind};

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
            Some(ContextValue::String(text)) => Some(text.clone()),
            Some(ContextValue::Strings(texts)) => texts.first().cloned(),
            _ => None,
        };
        let argument = one(ContextKind::InvalidArg).unwrap_or_default();
        // `--seed <N>` is the option `--seed`; a positional argument is its name only.
        let name = argument.split_once(' ').map_or(argument.as_str(), |(name, _)| name);
        let value = one(ContextKind::InvalidValue).unwrap_or_default();
        let help = format!("`{} --help` tells what there is", command(error));
        let (cause, hint) = match error.kind() {
            ErrorKind::InvalidSubcommand => {
                let typed = one(ContextKind::InvalidSubcommand).unwrap_or_default();
                let nearest = one(ContextKind::SuggestedSubcommand).map(|nearest| format!("did you mean `{nearest}`?"));
                (format!("there is no command `{typed}`"), nearest.unwrap_or(help))
            }
            ErrorKind::UnknownArgument if name.starts_with('-') => {
                let nearest = one(ContextKind::SuggestedArg).map(|nearest| format!("did you mean `{nearest}`?"));
                (format!("there is no option `{name}`"), nearest.unwrap_or(help))
            }
            ErrorKind::UnknownArgument => {
                (format!("`{argument}` is more than was asked for"), "a prompt of several words stands in quotes".to_owned())
            }
            ErrorKind::InvalidValue if value.is_empty() => (format!("`{name}` has no value"), help),
            ErrorKind::InvalidValue => {
                let valid = match error.get(ContextKind::ValidValue) {
                    Some(ContextValue::Strings(valid)) => format!("expected one of `{}`", valid.join("`, `")),
                    _ => help,
                };
                (format!("`{value}` is no value of `{name}`"), valid)
            }
            ErrorKind::ValueValidation => {
                let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
                (format!("`{value}` is no value of `{name}`{cause}"), help)
            }
            ErrorKind::MissingRequiredArgument => (format!("`{argument}` is missing"), help),
            ErrorKind::ArgumentConflict => (format!("`{name}` cannot be given twice"), help),
            ErrorKind::InvalidUtf8 => ("an argument is not UTF-8".to_owned(), help),
            _ => {
                let text = error.to_string();
                let first = text.lines().next().unwrap_or_default();
                (first.strip_prefix("error: ").unwrap_or(first).replace('\'', "`"), help)
            }
        };
        Self(format!("{cause}\nhint: {hint}"))
    }
}

/// The command that was being read, as it is typed: `afterword write`.
fn command(error: &clap::Error) -> String {
    let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) else { return "afterword".to_owned() };
    let usage = usage.to_string();
    let words = usage.split_whitespace().skip_while(|word| *word != "afterword");
    words.take_while(|word| !word.starts_with(['[', '<', '-'])).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::cli::args::Args;

    fn said(typed: &[&str]) -> String {
        let error = Args::try_parse_from([&["afterword"], typed].concat()).unwrap_err();
        Usage::of_parser(&error).to_string()
    }

    #[test]
    fn every_refusal_names_what_was_typed_and_helps() {
        let help = "\nhint: `afterword write --help` tells what there is";
        assert_eq!(said(&["wirte", "x"]), "there is no command `wirte`\nhint: did you mean `write`?");
        assert_eq!(said(&["write", "--sed=1"]), "there is no option `--sed`\nhint: did you mean `--seed`?");
        assert_eq!(
            said(&["write", "once", "upon"]),
            "`upon` is more than was asked for\nhint: a prompt of several words stands in quotes"
        );
        assert_eq!(
            said(&["write", "--colour", "no"]),
            "`no` is no value of `--colour`\nhint: expected one of `auto`, `always`, `never`"
        );
        assert_eq!(
            said(&["write", "--threads", "0"]),
            format!("`0` is no value of `--threads`: expected a whole number from 1 up{help}")
        );
        assert_eq!(
            said(&["write", "--seed", "-1"]),
            format!("`-1` is no value of `--seed`: expected a whole number from 0 to 18446744073709551615{help}")
        );
        assert_eq!(said(&["write", "--model", ""]), format!("`--model` has no value{help}"));
        assert_eq!(said(&["write", "--model"]), format!("`--model` has no value{help}"));
        assert_eq!(said(&["write", "--seed", "1", "--seed", "2"]), format!("`--seed` cannot be given twice{help}"));
        assert_eq!(
            said(&["presets", "check"]),
            "`<FILES>...` is missing\nhint: `afterword presets check --help` tells what there is"
        );
    }
}
