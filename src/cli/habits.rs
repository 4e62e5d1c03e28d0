//! Command lines as llama.cpp and Ollama have them, typed here by habit: what each of their options is called here, and the whole
//! line in our own words.

use std::ffi::OsString;

use clap::{CommandFactory, Parser};

use crate::cli::args::Args;

/// What an option of another program is here.
#[derive(Debug, Clone, Copy)]
enum Here {
    /// An option with the same value, and how that is written.
    Option(&'static str, &'static str),
    /// A value of the preset, and an example of one.
    Set(&'static str, &'static str),
    /// These words.
    Words(&'static [&'static str]),
    /// The prompt, which needs no option.
    Prompt,
    /// A file that is read from standard input.
    File,
    /// Nothing: it is done without being asked for, for this reason.
    Always(&'static str),
}

/// An option of another program by its names. One that ours has too, such as `-m`, is not among them.
const HABITS: [(&[&str], Here); 31] = [
    (&["-p", "--prompt"], Here::Prompt),
    (&["-f", "--file"], Here::File),
    (&["--n-predict", "--predict", "--max-tokens", "--num-predict"], Here::Option("--tokens", "N")),
    (&["-c", "--ctx-size", "--num-ctx"], Here::Option("--ctx", "N")),
    (&["-t"], Here::Option("--threads", "N")),
    (&["-s"], Here::Option("--seed", "N")),
    (&["-ngl", "--n-gpu-layers"], Here::Option("--gpu-layers", "N")),
    (&["-dev"], Here::Option("--device", "NAME")),
    (&["-mg"], Here::Option("--main-gpu", "N")),
    (&["-sm", "--split-mode"], Here::Option("--split", "HOW")),
    (&["-fa", "--flash-attn"], Here::Option("--flash-attention", "on")),
    (&["-ctk", "--cache-type-k"], Here::Option("--kv-type", "TYPE")),
    (&["-r", "--reverse-prompt"], Here::Option("--stop", "TEXT")),
    (&["-sys", "--system-prompt"], Here::Option("--system", "TEXT")),
    (&["--temp", "--temperature"], Here::Set("temperature", "0.8")),
    (&["--top-p", "--top_p"], Here::Set("top-p", "0.95")),
    (&["--top-k", "--top_k"], Here::Set("top-k", "40")),
    (&["--min-p", "--min_p"], Here::Set("min-p", "0.05")),
    (&["--typical", "--typical-p", "--typical_p"], Here::Set("typical", "0.9")),
    (&["--top-nsigma", "--top-n-sigma"], Here::Set("top-n-sigma", "1")),
    (&["--repeat-penalty", "--repetition-penalty", "--repeat_penalty"], Here::Set("penalties.repeat", "1.1")),
    (&["--repeat-last-n", "--repeat_last_n"], Here::Set("penalties.last", "64")),
    (&["--presence-penalty", "--presence_penalty"], Here::Set("penalties.presence", "0.1")),
    (&["--frequency-penalty", "--frequency_penalty"], Here::Set("penalties.frequency", "0.1")),
    (&["--alpha"], Here::Set("future.alpha", "0.3")),
    (&["-cnv", "--conversation"], Here::Words(&["--chat"])),
    (&["-no-cnv", "--no-conversation"], Here::Words(&["--raw"])),
    (&["--no-display-prompt"], Here::Words(&["--no-prompt"])),
    (&["--color"], Here::Words(&["--colour", "always"])),
    (&["-i", "--interactive"], Here::Always("a command tells one story and ends")),
    (
        &["-v", "--verbose", "--log-disable", "-e", "--escape"],
        Here::Always("notes go to standard error, and `--quiet` leaves them out"),
    ),
];

/// No longer line is told whole, in bytes.
const LONGEST: usize = 400;

/// What this option of another program is here.
fn here(option: &str) -> Option<Here> {
    HABITS.iter().find(|(names, _)| names.contains(&option)).map(|(_, here)| *here)
}

/// What an option that other programs of this kind have is called here, as a hint.
pub fn called_here(option: &str) -> Option<String> {
    Some(match here(option.split('=').next().unwrap_or(option))? {
        Here::Option(name, value) => format!("here that is `{name} {value}`"),
        Here::Set(key, value) => format!("a preset's values are changed with `--set`: `--set {key}={value}`"),
        Here::Words(words) => format!("here that is `{}`", words.join(" ")),
        Here::Prompt => "the prompt stands by itself: `afterword write \"Once upon a time\"`".to_owned(),
        Here::File => "a file is read from standard input: `afterword write < FILE`".to_owned(),
        Here::Always(why) => format!("leave it out: {why}"),
    })
}

/// A whole line that was typed by habit, as it is typed here: only where it then can be read.
pub fn line_here(typed: &[OsString]) -> Option<String> {
    let typed: Vec<&str> = typed.iter().skip(1).map(|word| word.to_str()).collect::<Option<_>>()?;
    let line = Line::of(&typed)?;
    let mut words = line.words;
    if let Some(prompt) = line.prompt {
        // A prompt that begins with a dash is no option only behind all of them.
        words.extend(prompt.starts_with('-').then(|| "--".to_owned()));
        words.push(prompt);
    }
    // A hint is one line, and a long one is not copied by hand.
    if typed.iter().any(|word| word.contains(char::is_control)) || typed.iter().map(|word| word.len()).sum::<usize>() > LONGEST
    {
        return None;
    }
    Args::try_parse_from(std::iter::once("afterword").chain(words.iter().map(String::as_str))).ok()?;
    let words: Vec<String> = words.iter().map(|word| quoted(word)).collect::<Option<_>>()?;
    let file = line.file.map(|file| Some(format!(" < {}", quoted(&file)?)));
    Some(format!("afterword {}{}", words.join(" "), file.unwrap_or(Some(String::new()))?))
}

/// A word as a shell reads it, in quotes only where it needs them: `=` within a word does not.
fn quoted(word: &str) -> Option<String> {
    let plain = shlex::try_quote(&word.replace('=', "")).ok()?.into_owned() == word.replace('=', "");
    if plain && !word.starts_with('=') { Some(word.to_owned()) } else { Some(shlex::try_quote(word).ok()?.into_owned()) }
}

/// A line on its way from habit to here.
#[derive(Debug, Default)]
struct Line {
    words: Vec<String>,
    prompt: Option<String>,
    file: Option<String>,
}

impl Line {
    /// The line in our words; `None` where nothing in it is another program's.
    fn of(typed: &[&str]) -> Option<Self> {
        let (mut line, mut rest) = (Self::default(), typed.iter().copied());
        let mut strange = line.begin(typed, &mut rest);
        while let Some(word) = rest.next() {
            if word == "--" {
                line.words.extend(std::iter::once(word).chain(rest.by_ref()).map(str::to_owned));
                break;
            }
            let (name, given) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
            let Some(here) = here(name) else {
                line.words.push(word.to_owned());
                continue;
            };
            strange = true;
            let mut value = || given.or_else(|| rest.next()).map(str::to_owned);
            match here {
                Here::Option("--flash-attention", _) => {
                    let mut ahead = rest.clone();
                    let how = given.or_else(|| ahead.next().filter(|word| ["on", "off", "auto"].contains(word)));
                    if given.is_none() && how.is_some() {
                        rest = ahead;
                    }
                    line.words.extend(["--flash-attention", how.unwrap_or("on")].map(str::to_owned));
                }
                Here::Option(name, _) => line.words.extend([name.to_owned(), value()?]),
                Here::Set(key, _) => line.words.extend(["--set".to_owned(), format!("{key}={}", value()?)]),
                Here::Words(words) => line.words.extend(words.iter().map(|&word| word.to_owned())),
                Here::Prompt => line.prompt = Some(value()?),
                Here::File => line.file = Some(value()?),
                Here::Always(_) => {}
            }
        }
        strange.then_some(line)
    }

    /// The command: Ollama's `run MODEL` is `write` with it, and where none is named `write` is meant. Returns whether that is none of
    /// the commands that are typed here.
    fn begin<'t>(&mut self, typed: &[&'t str], rest: &mut impl Iterator<Item = &'t str>) -> bool {
        let command = Args::command();
        let known = |word: &&str| command.get_subcommands().any(|command| command.get_name() == *word);
        match typed {
            ["run", model, ..] if !model.starts_with('-') => {
                rest.by_ref().take(2).for_each(drop);
                self.words.extend(["write", "--model", model].map(str::to_owned));
                true
            }
            // Names without a user are Ollama's own.
            #[cfg(feature = "hub")]
            ["pull", model, ..] if model.contains('/') => {
                rest.by_ref().take(2).for_each(drop);
                self.words.extend(["models", "pull", model].map(str::to_owned));
                true
            }
            [] => false,
            _ if typed.iter().any(known) => false,
            [first, ..] => {
                self.words.push("write".to_owned());
                // One word alone is rather a command that is misspelt than a prompt.
                first.starts_with('-') || first.contains(char::is_whitespace)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(typed: &str) -> Option<String> {
        let words = shlex::split(typed).unwrap();
        line_here(&words.into_iter().map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn a_line_of_another_program_is_told_in_our_words() {
        for (typed, here) in [
            ("afterword -m x.gguf -p 'Once upon a time' -n 50", "afterword write -m x.gguf -n 50 'Once upon a time'"),
            ("afterword write Once --temp 0.8 --top-k=40", "afterword write Once --set temperature=0.8 --set top-k=40"),
            (
                "afterword write -ngl 99 -c 4096 -t 4 -s 7 -fa Once",
                "afterword write --gpu-layers 99 --ctx 4096 --threads 4 --seed 7 --flash-attention on Once",
            ),
            ("afterword write -fa off Once", "afterword write --flash-attention off Once"),
            ("afterword -m x.gguf -f chapter.md -i --verbose", "afterword write -m x.gguf < chapter.md"),
            ("afterword run qwen3:4b", "afterword write --model qwen3:4b"),
            ("afterword run qwen3:4b 'Tell a story' --verbose", "afterword write --model qwen3:4b 'Tell a story'"),
            ("afterword 'Once upon a time'", "afterword write 'Once upon a time'"),
            ("afterword --seed 7 'Once upon a time'", "afterword write --seed 7 'Once upon a time'"),
            (
                "afterword write -p '- said he' --repeat-penalty 1.1",
                "afterword write --set penalties.repeat=1.1 -- '- said he'",
            ),
            ("afterword explain -p Once --temp 1", "afterword explain --set temperature=1 Once"),
        ] {
            assert_eq!(line(typed).as_deref(), Some(here), "{typed}");
        }
    }

    #[test]
    fn what_would_not_be_read_either_is_not_told() {
        for typed in [
            "afterword",
            "afterword wirte",
            "afterword write --sed=1",
            "afterword write -p",
            "afterword write --n-predict -1 Once",
            "afterword write --xyzzy --temp 1",
            "afterword models list --temp 1",
            "afterword run",
        ] {
            assert_eq!(line(typed), None, "{typed}");
        }
    }

    #[test]
    fn whatever_is_called_otherwise_here_is_there_and_can_be_set() {
        let mut preset = crate::cli::settings::found("future").unwrap();
        let write = Args::command().find_subcommand("write").unwrap().clone();
        let is_there = |option: &str| write.get_opts().any(|own| own.get_long() == option.strip_prefix("--"));
        let own = own_names(&write);
        for (names, here) in HABITS {
            // What is an option of ours is read as that, and never comes here.
            assert!(names.iter().all(|name| !own.contains(&(*name).to_owned())), "{names:?}");
            match here {
                Here::Option(option, _) => assert!(is_there(option), "{option}"),
                Here::Words(words) => {
                    let command = ["afterword", "write"].iter().chain(words);
                    assert!(Args::try_parse_from(command).is_ok(), "{words:?}");
                }
                Here::Set(key, value) => {
                    preset.set(&crate::preset::Edit::parse(&format!("{key}={value}")).unwrap()).unwrap();
                }
                Here::Prompt | Here::File | Here::Always(_) => {}
            }
        }
    }

    /// The options of a command as they are typed.
    fn own_names(command: &clap::Command) -> Vec<String> {
        let long = command.get_arguments().filter_map(clap::Arg::get_long).map(|name| format!("--{name}"));
        let short = command.get_arguments().filter_map(clap::Arg::get_short).map(|name| format!("-{name}"));
        long.chain(short).collect()
    }
}
