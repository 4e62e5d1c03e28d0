//! Wrong usage: what was typed cannot be meant.

use std::error::Error as _;
use std::ffi::OsString;
use std::fmt;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::cli::habits::{called_here, line_here};
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
    /// The refusal of the parser of arguments to read this line, its program first, said as all our errors are. Where the line is that
    /// of another program, the hint is the line that is meant.
    pub fn of_parser(error: &clap::Error, typed: &[OsString]) -> Self {
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
            // `-ngl 20` is read as `-n gl`.
            ErrorKind::ValueValidation if called_here(&format!("-n{value}")).is_some() && name == "--tokens" => {
                unknown(&format!("-n{value}"), &format!("-n{value}"), help)
            }
            ErrorKind::UnknownArgument => unknown(&argument, name, one(ContextKind::SuggestedArg).map(meant).or(help)),
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
                let other = one(ContextKind::PriorArg);
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
        let hint = match line_here(typed) {
            Some(line) => Some(format!("so it is typed here: `{line}`")),
            None => hint,
        };
        Self(hint.map_or(cause.clone(), |hint| format!("{cause}\nhint: {hint}")))
    }
}

/// What is to be said of an argument that nobody knows, and what helps; `otherwise` where nothing better does.
fn unknown(argument: &str, name: &str, otherwise: Option<String>) -> (String, Option<String>) {
    if is_prose(argument) {
        // Of a text the parser names the first letters only.
        let hint = "a prompt that begins with a dash stands behind `--`, as in `afterword write -- \"- said he\"`";
        return ("what begins with a dash is taken for an option".to_owned(), Some(hint.to_owned()));
    }
    if name.starts_with('-') {
        return (format!("there is no option `{name}`"), called_here(name).or(otherwise));
    }
    (format!("`{argument}` is one argument too many"), Some("a prompt of several words stands in quotes".to_owned()))
}

/// Whether what was taken for an option reads like the first words of a text: `- said he`, `—and then`, `-`.
fn is_prose(argument: &str) -> bool {
    let behind = argument.trim_start_matches('-');
    argument.starts_with('-') && (argument.contains(char::is_whitespace) || !behind.starts_with(|c: char| c.is_alphanumeric()))
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
    use clap::{Command, CommandFactory, Parser};

    use super::*;
    use crate::cli::args::Args;

    /// What is said of every value of every option of a command and of those below it.
    fn said_of(command: &Command, path: &[String], value: &str, said: &mut Vec<String>) {
        for option in command.get_opts().filter_map(clap::Arg::get_long) {
            let typed = path.iter().cloned().chain([format!("--{option}={value}")]);
            said.extend(Args::try_parse_from(typed).err().map(|error| Usage::of_parser(&error, &[]).to_string()));
        }
        for below in command.get_subcommands() {
            said_of(below, &[path, &[below.get_name().to_owned()]].concat(), value, said);
        }
    }

    #[test]
    fn no_value_is_refused_in_the_words_of_a_library() {
        let mut said = Vec::new();
        for value in ["0", "-1", "x", "1.5", "99999999999999999999999", "🐺"] {
            said_of(&Args::command(), &["afterword".to_owned()], value, &mut said);
        }
        assert!(said.len() > 100, "{}", said.len());
        for said in said {
            assert!(
                !["target type", "non-zero", "invalid digit", "invalid float"].iter().any(|words| said.contains(words)),
                "{said}"
            );
        }
    }

    #[test]
    fn every_refusal_names_what_was_typed_and_helps() {
        for (typed, cause, hint) in [
            (&["wirte", "x"][..], "there is no command `wirte`", Some("did you mean `write`?")),
            (&["write", "--sed=1"], "there is no option `--sed`", Some("did you mean `--seed`?")),
            (&["write", "--xyzzy"], "there is no option `--xyzzy`", Some("`afterword write --help` tells what there is")),
            (&["write", "a", "b"], "`b` is one argument too many", Some("a prompt of several words stands in quotes")),
            (&["write", "--think", "no"], "`no` is no value of `--think`", Some("expected one of `off`, `show`, `hide`")),
            (&["write", "--ctx", "0"], "`0` is no value of `--ctx`: expected a whole number from 1 up", None),
            (&["write", "--model", ""], "`--model` has no value", None),
            (&["write", "--model"], "`--model` has no value", None),
            (&["write", "--seed", "1", "--seed", "2"], "`--seed` cannot be given twice", None),
            (&["presets", "check"], "`<FILES>...` is missing", None),
            (&["write", "x", "--raw", "--chat"], "`--raw` cannot be given together with `--chat`", None),
            // What was typed is repeated on one line, and not at length.
            (&["a\nhint: b"], "there is no command `a hint: b`", None),
            (
                &["write", "--ctx", &"9".repeat(99)],
                &format!("`{}…` is no value of `--ctx`: it is too large to count", "9".repeat(79)),
                None,
            ),
            (&["write", "-p", "x y"], "there is no option `-p`", Some("so it is typed here: `afterword write 'x y'`")),
            (
                &["write", "-p"],
                "there is no option `-p`",
                Some("the prompt stands by itself: `afterword write \"Once upon a time\"`"),
            ),
            (
                &["write", "x", "--temperature=0.3"],
                "there is no option `--temperature`",
                Some("so it is typed here: `afterword write x --set temperature=0.3`"),
            ),
            (
                &["compare", "--temp", "0.3"],
                "there is no option `--temp`",
                Some("a preset's values are changed with `--set`: `--set temperature=0.8`"),
            ),
            (
                &["write", "-ngl", "9"],
                "there is no option `-ngl`",
                Some("so it is typed here: `afterword write --gpu-layers 9`"),
            ),
            (&["run", "tale:4b"], "there is no command `run`", Some("so it is typed here: `afterword write --model tale:4b`")),
            (
                &["write", "- said he"],
                "what begins with a dash is taken for an option",
                Some("a prompt that begins with a dash stands behind `--`, as in `afterword write -- \"- said he\"`"),
            ),
        ] {
            let typed = [&["afterword"], typed].concat();
            let error = Args::try_parse_from(&typed).unwrap_err();
            let said = Usage::of_parser(&error, &typed.iter().map(OsString::from).collect::<Vec<_>>()).to_string();
            let (first, second) = said.split_once("\nhint: ").map_or((said.as_str(), None), |(a, b)| (a, Some(b)));
            assert_eq!(first, cause);
            // Where no hint is asked for, the parser may still know the command.
            assert!(hint.is_none() || second == hint, "{said}");
        }
    }
}
