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
        return (format!("there is no option `{name}`"), elsewhere(name).map(str::to_owned).or(otherwise));
    }
    (format!("`{argument}` is one argument too many"), Some("a prompt of several words stands in quotes".to_owned()))
}

/// Whether what was taken for an option reads like the first words of a text: `- said he`, `—and then`, `-`.
fn is_prose(argument: &str) -> bool {
    let behind = argument.trim_start_matches('-');
    argument.starts_with('-') && (argument.contains(char::is_whitespace) || !behind.starts_with(|c: char| c.is_alphanumeric()))
}

/// What options that other programs of this kind have are called here.
fn elsewhere(option: &str) -> Option<&'static str> {
    Some(match option.split('=').next().unwrap_or(option) {
        "-m" => "a model is named with `--model FILE`",
        "-p" | "--prompt" => "the prompt stands by itself: `afterword write \"Once upon a time\"`",
        "-f" | "--file" => "a file is read from standard input: `afterword write < FILE`",
        "-n" | "--n-predict" | "--predict" | "--max-tokens" => "the length of a story is `--tokens N`",
        "-c" | "--ctx-size" => "the size of the context is `--ctx N`",
        "-t" => "the number of threads is `--threads N`",
        "-s" => "the seed is `--seed N`",
        "-ngl" | "--n-gpu-layers" => "layers on a GPU are `--gpu-layers N`",
        "-fa" => "flash attention is `--flash-attention on`",
        "-r" | "--reverse-prompt" => "a text before which the story ends is `--stop TEXT`",
        "-sys" | "--system-prompt" => "who an instruct model is told to be is `--system TEXT`",
        "--temp" | "--temperature" => "a preset's values are changed with `--set`: `--set temperature=0.8`",
        "--top-p" | "--top_p" => "a preset's values are changed with `--set`: `--set top-p=0.95`",
        "--top-k" | "--top_k" => "a preset's values are changed with `--set`: `--set top-k=40`",
        "--min-p" | "--min_p" => "a preset's values are changed with `--set`: `--set min-p=0.05`",
        "--typical" | "--typical-p" => "a preset's values are changed with `--set`: `--set typical=0.9`",
        "--repeat-penalty" | "--repetition-penalty" => {
            "a preset's values are changed with `--set`: `--set penalties.repeat=1.1`"
        }
        "--alpha" => "a preset's values are changed with `--set`: `--set future.alpha=0.3`",
        _ => return None,
    })
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
            said.extend(Args::try_parse_from(typed).err().map(|error| Usage::of_parser(&error).to_string()));
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
            (
                &["write", "-p", "x"],
                "there is no option `-p`",
                Some("the prompt stands by itself: `afterword write \"Once upon a time\"`"),
            ),
            (
                &["write", "x", "--temperature=0.3"],
                "there is no option `--temperature`",
                Some("a preset's values are changed with `--set`: `--set temperature=0.8`"),
            ),
            (
                &["write", "- said he"],
                "what begins with a dash is taken for an option",
                Some("a prompt that begins with a dash stands behind `--`, as in `afterword write -- \"- said he\"`"),
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
