//! Defaults of one's own: what is meant where nothing is typed, by a file, and above it by the environment.
//!
//! They are laid under the options before the line is read, as if the program were built with them: so what is typed overrules
//! them, `--help` shows them, and they are never taken for something that was typed.

mod file;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use clap::{Command, CommandFactory, FromArgMatches};
use etcetera::BaseStrategy;

use self::file::read;
pub use self::file::{with, without};
use crate::batch::SHARDS;
use crate::cli::args::{Args, Colour, from_one, layers};
use crate::cli::usage::Usage;
use crate::manuscript::FrontMatter;
use crate::text::{EXCERPT, excerpt};

/// The variable that names another file than the usual one; where it is empty there is none.
pub const FILE: &str = "AFTERWORD_CONFIG";

/// The variable that may hold a key of the server.
pub const SERVER_KEY: &str = "AFTERWORD_API_KEY";

/// Our variables that stand for no default: they name places, hold a secret, or count parts.
const OTHERS: [&str; 6] = [FILE, "AFTERWORD_CACHE", "AFTERWORD_CACHE_LIMIT", "AFTERWORD_STATE", SERVER_KEY, SHARDS];

/// An option that may have a default of one's own: everything that is said of it, read and completed is made from this.
#[derive(Debug)]
pub struct Key {
    /// As it stands in the file; the option is called so, too.
    pub name: &'static str,
    /// What it says, in a few words.
    pub about: &'static str,
    /// What is so without it, where the option itself does not say that.
    pub without: &'static str,
    /// Whether it may be written as a number, without quotes.
    pub is_number: bool,
    /// Why a text is no value of it.
    check: fn(&str) -> Result<(), String>,
    /// Commands that measure or plan something, whose own value is right for that.
    not_for: &'static [&'static str],
}

/// All of them. A seed is none: stories would be alike without a word of it.
pub const KEYS: [Key; 6] = [
    Key {
        name: "model",
        about: "the model, by name or path",
        without: "the bundled story model",
        is_number: false,
        check: |text| is(!text.trim().is_empty(), "expected the name of a model or its path"),
        not_for: &["plan"],
    },
    Key {
        name: "preset",
        about: "the preset, by name or path",
        without: "",
        is_number: false,
        check: |text| is(!text.trim().is_empty() && !text.contains(','), "expected the name of one preset or its path"),
        not_for: &["bench", "tune"],
    },
    Key {
        name: "threads",
        about: "processor threads",
        without: "by model and machine",
        is_number: true,
        check: |text| from_one(text).map(drop),
        not_for: &["tune", "plan"],
    },
    Key {
        name: "tokens",
        about: "the most tokens of a story",
        without: "",
        is_number: true,
        check: |text| from_one(text).map(drop),
        not_for: &["bench", "tune", "calibrate", "plan", "desk", "explore"],
    },
    Key {
        name: "gpu-layers",
        about: "layers to put on GPUs",
        without: "",
        is_number: true,
        check: |text| layers(text).map(drop),
        not_for: &[],
    },
    Key {
        name: "colour",
        about: "colours: `auto`, `always` or `never`",
        without: "",
        is_number: false,
        check: |text| {
            let when = text.parse::<Colour>().is_ok_and(|colour| !matches!(colour, Colour::By(_)));
            is(when, "expected `auto`, `always` or `never`")
        },
        not_for: &[],
    },
];

fn is(right: bool, cause: &str) -> Result<(), String> {
    if right { Ok(()) } else { Err(cause.to_owned()) }
}

impl Key {
    /// The key of this name.
    pub fn named(name: &str) -> Option<&'static Self> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// The variable that overrules the file: `AFTERWORD_GPU_LAYERS`.
    pub fn variable(&self) -> String {
        format!("AFTERWORD_{}", self.name.replace('-', "_").to_uppercase())
    }

    /// Whether this is a value of it.
    ///
    /// # Errors
    /// It is none: what is expected.
    pub fn check(&self, text: &str) -> Result<(), String> {
        (self.check)(text)
    }

    /// What is so where nothing is said.
    pub fn built_in(&self) -> String {
        let command = Args::command();
        let all = || command.get_subcommands().flat_map(Command::get_arguments).chain(command.get_arguments());
        let own = |argument: &&clap::Arg| argument.get_long() == Some(self.name) && !argument.get_default_values().is_empty();
        let value = all().find(own).and_then(|argument| argument.get_default_values().first()?.to_str());
        value.filter(|_| self.without.is_empty()).unwrap_or(self.without).to_owned()
    }
}

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// This line of the file, counted from 1.
    Line(usize),
    /// The environment.
    Variable,
    /// The front matter of this file, which is told on.
    FrontMatter(PathBuf),
}

/// A value that somebody has chosen.
#[derive(Debug)]
pub struct Given {
    pub key: &'static Key,
    pub value: String,
    pub place: Place,
}

/// The defaults of whoever runs the program.
#[derive(Debug, Default)]
pub struct Defaults {
    /// The file, whether it is there or not; `None` where none is read.
    pub file: Option<PathBuf>,
    /// What it holds; `None` where it is not there.
    pub in_file: Option<Vec<Given>>,
    /// What the environment says.
    pub in_environment: Vec<Given>,
    /// What a file that is told on says of itself.
    pub in_front_matter: Vec<Given>,
}

/// Why no arguments came of a line.
pub enum Stopped {
    /// It cannot be read, or asks for help.
    Line(clap::Error),
    /// The defaults below it cannot be read.
    Defaults(anyhow::Error),
}

/// What a line says, its program first, on top of the defaults of whoever types it.
pub fn parse(typed: &[OsString]) -> Result<(Args, Defaults), Stopped> {
    let defaults = Defaults::read();
    let args = parse_on(typed, defaults.as_ref().unwrap_or(&Defaults::default())).map_err(Stopped::Line)?;
    match defaults {
        // What is told again goes by its record, and who asks for the defaults is told what is wrong with them.
        _ if args.command.needs_no_defaults() => {
            let none = Defaults::default();
            Ok((parse_on(typed, &none).map_err(Stopped::Line)?, none))
        }
        Ok(mut defaults) => match args.command.told_on().map(front_matter) {
            Some(given) if !given.is_empty() => {
                defaults.in_front_matter = given;
                Ok((parse_on(typed, &defaults).map_err(Stopped::Line)?, defaults))
            }
            _ => Ok((args, defaults)),
        },
        Err(error) => Err(Stopped::Defaults(error)),
    }
}

fn parse_on(typed: &[OsString], defaults: &Defaults) -> Result<Args, clap::Error> {
    let mut command = defaults.under(Args::command());
    let mut matches = command.try_get_matches_from_mut(typed)?;
    Args::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

impl Defaults {
    /// What the file and the environment say.
    ///
    /// # Errors
    /// The file cannot be read or is named and not there, or a value is none.
    pub fn read() -> Result<Self> {
        let (file, is_named) = place();
        let in_file = match &file {
            Some(path) => read(path, is_named)?,
            None => None,
        };
        let mut in_environment = Vec::new();
        for key in &KEYS {
            let variable = key.variable();
            let Some(value) = env::var_os(&variable).filter(|value| !value.is_empty()) else { continue };
            let text = value.to_string_lossy().into_owned();
            if let Err(cause) = key.check(&text) {
                return Err(Usage(format!("the variable `{variable}` is `{}`: {cause}", excerpt(&text, EXCERPT))).into());
            }
            in_environment.push(Given { key, value: at_home(text), place: Place::Variable });
        }
        Ok(Self { file, in_file, in_environment, in_front_matter: Vec::new() })
    }

    /// Asks whether a file can be read as one of defaults.
    ///
    /// # Errors
    /// It cannot.
    pub fn check(path: &Path) -> Result<()> {
        read(path, true).map(drop)
    }

    /// What is chosen for this key, if anything is.
    pub fn of(&self, key: &Key) -> Option<&Given> {
        let all = self.in_front_matter.iter().chain(&self.in_environment).chain(self.in_file.iter().flatten());
        all.into_iter().find(|given| given.key.name == key.name)
    }

    /// Where a value stands, in words.
    pub fn stands(&self, given: &Given) -> String {
        match (&given.place, &self.file) {
            (Place::Line(line), Some(file)) => format!("`{}`, line {line}", file.display()),
            (Place::FrontMatter(file), _) => format!("the front matter of `{}`", file.display()),
            _ => format!("the variable `{}`", given.key.variable()),
        }
    }

    /// Where the words of an error come from, that nobody has typed now.
    pub fn behind(&self, error: &str) -> Option<String> {
        let named = KEYS.iter().filter(|key| !key.is_number).filter_map(|key| self.of(key));
        let given = named.into_iter().find(|given| error.contains(&format!("`{}`", given.value)))?;
        Some(format!("`{}` stands in {} · `afterword config` shows all defaults", given.value, self.stands(given)))
    }

    /// The command with these defaults in place of those that it was built with.
    fn under(&self, command: Command) -> Command {
        let name = command.get_name().to_owned();
        let of = |argument: &clap::Arg| {
            let key = Key::named(argument.get_long()?)?;
            let given = self.of(key)?;
            // A file speaks for itself alone.
            let is_meant = !key.not_for.contains(&name.as_str()) || matches!(given.place, Place::FrontMatter(_));
            // Who has to name it is meant to.
            Some(given.value.clone()).filter(|_| is_meant && !argument.is_required_set())
        };
        let command = command.mut_args(|argument| match of(&argument) {
            Some(value) => argument.default_value(value),
            None => argument,
        });
        command.mut_subcommands(|below| self.under(below))
    }
}

/// What the front matter of a file says. Where it has a mistake, or the file cannot be read, whoever opens it tells that.
fn front_matter(path: &Path) -> Vec<Given> {
    let found = FrontMatter::of_file(path).map(|found| {
        [("preset", found.preset), ("model", found.model), ("tokens", found.tokens.map(|tokens| tokens.to_string()))]
    });
    let given = |(name, value): (&str, Option<String>)| {
        Some(Given { key: Key::named(name)?, value: at_home(value?), place: Place::FrontMatter(path.to_owned()) })
    };
    found.into_iter().flatten().filter_map(given).collect()
}

/// The file of defaults, and whether it was named.
pub fn place() -> (Option<PathBuf>, bool) {
    match env::var_os(FILE) {
        Some(named) if named.is_empty() => (None, true),
        Some(named) => (Some(at_home(named.to_string_lossy().into_owned()).into()), true),
        None => (etcetera::choose_base_strategy().ok().map(|base| base.config_dir().join("afterword/config.toml")), false),
    }
}

/// Variables that look like ours and say nothing.
pub fn idle_variables() -> Vec<String> {
    let ours = env::vars_os().filter_map(|(name, _)| name.into_string().ok()).filter(|name| name.starts_with("AFTERWORD_"));
    ours.filter(|name| !OTHERS.contains(&name.as_str()) && !KEYS.iter().any(|key| key.variable() == *name)).collect()
}

/// A path that begins in one's home, as a shell would read it: no shell reads a file or a variable.
fn at_home(text: String) -> String {
    let home = || Some(etcetera::choose_base_strategy().ok()?.home_dir().to_owned());
    match text.strip_prefix("~/").and_then(|rest| Some(home()?.join(rest))) {
        Some(path) => path.display().to_string(),
        None => text,
    }
}

/// A path by which a file is found from every folder.
///
/// # Errors
/// It is not UTF-8.
pub fn from_everywhere(path: &Path) -> Result<String> {
    match std::path::absolute(path)?.to_str() {
        Some(path) => Ok(path.to_owned()),
        None => bail!("the path `{}` is not UTF-8, as the configuration is", path.display()),
    }
}

/// The keys as `--help` lists them.
pub fn listed() -> String {
    let rows = KEYS.iter().map(|key| format!("  {:<12}{:<24}{}", key.name, key.variable(), key.about.replace('`', "")));
    format!("Keys of the file, and the variables that overrule it:\n{}", rows.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args::Command as Typed;

    fn defaults(values: &[(&str, &str)]) -> Defaults {
        let given = |(key, value): &(&str, &str)| Given {
            key: Key::named(key).unwrap(),
            value: (*value).to_owned(),
            place: Place::Variable,
        };
        Defaults { in_environment: values.iter().map(given).collect(), ..Defaults::default() }
    }

    fn read_on(values: &[(&str, &str)], typed: &[&str]) -> Args {
        let typed: Vec<OsString> = std::iter::once(&"afterword").chain(typed).map(OsString::from).collect();
        parse_on(&typed, &defaults(values)).unwrap()
    }

    const ALL: [(&str, &str); 6] =
        [("model", "m.gguf"), ("preset", "open"), ("threads", "3"), ("tokens", "77"), ("gpu-layers", "5"), ("colour", "never")];

    #[test]
    fn what_is_typed_overrules_a_default_and_a_default_what_is_built_in() {
        let Args { command, colour, .. } = read_on(&ALL, &["write", "Once"]);
        let Typed::Write(write) = command else { panic!() };
        assert_eq!((write.preset.preset.as_str(), write.story.tokens.get(), colour), ("open", 77, Colour::Never));
        assert_eq!((write.model.model, write.model.threads.map(std::num::NonZero::get)), (Some("m.gguf".into()), Some(3)));
        let typed = ["write", "Once", "-m", "n.gguf", "--preset", "wave", "-n", "5", "--threads", "1", "--colour", "always"];
        let Args { command, colour, .. } = read_on(&ALL, &typed);
        let Typed::Write(write) = command else { panic!() };
        assert_eq!((write.preset.preset.as_str(), write.story.tokens.get(), colour), ("wave", 5, Colour::Always));
        assert_eq!((write.model.model, write.model.threads.map(std::num::NonZero::get)), (Some("n.gguf".into()), Some(1)));
    }

    #[cfg(feature = "serve")]
    #[test]
    fn a_server_has_the_defaults_of_whoever_starts_it() {
        let Typed::Serve(serve) = read_on(&ALL, &["serve", "--tokens", "5"]).command else { panic!() };
        assert_eq!((serve.preset.preset.as_str(), serve.tokens.get(), serve.model.model), ("open", 5, Some("m.gguf".into())));
        let Typed::Serve(serve) = read_on(&[], &["serve"]).command else { panic!() };
        assert_eq!((serve.tokens.get(), serve.port, serve.host.is_loopback()), (256, 8080, true));
    }

    #[test]
    fn a_list_of_presets_begins_with_the_default_one() {
        let Typed::Batch(batch) = read_on(&ALL, &["batch", "p.txt", "--out", "o"]).command else { panic!() };
        assert_eq!(batch.preset, ["open"]);
        let Typed::Compare(compare) = read_on(&ALL, &["compare", "Once"]).command else { panic!() };
        assert_eq!((compare.presets.len(), compare.story.tokens.get()), (0, 77));
    }

    #[test]
    fn what_measures_has_its_own_numbers_and_a_required_option_none() {
        let Typed::Bench(bench) = read_on(&ALL, &["bench"]).command else { panic!() };
        assert_eq!((bench.preset.as_str(), bench.tokens.get(), bench.model.model), ("article", 128, Some("m.gguf".into())));
        let typed: Vec<OsString> = ["afterword", "eval", "plan", "--out", "o"].map(OsString::from).to_vec();
        assert!(parse_on(&typed, &defaults(&ALL)).is_err());
    }

    #[test]
    fn a_default_is_in_nobodys_way() {
        // What cannot be typed together may have a default beside it.
        let Typed::Explain(explain) = read_on(&ALL, &["explain", "--record", "r.json"]).command else { panic!() };
        assert!(explain.record.is_some());
        assert!(Typed::Explain(explain).needs_no_defaults());
        assert!(read_on(&ALL, &["replay", "r.json"]).command.needs_no_defaults());
        assert!(!read_on(&ALL, &["write", "Once"]).command.needs_no_defaults());
    }

    #[test]
    fn every_key_is_an_option_and_its_built_in_value_is_one() {
        for key in &KEYS {
            assert!(!key.built_in().is_empty(), "{}", key.name);
            assert!(!key.without.is_empty() || key.check(&key.built_in()).is_ok(), "{}", key.name);
            assert!(listed().contains(key.name) && listed().contains(&key.variable()));
        }
        assert_eq!(Key::named("preset").unwrap().built_in(), "wave");
        assert_eq!(Key::named("gpu-layers").unwrap().variable(), "AFTERWORD_GPU_LAYERS");
    }

    #[test]
    fn an_error_tells_where_a_word_stands_that_nobody_typed() {
        let defaults = defaults(&ALL);
        assert!(
            defaults
                .behind("cannot load the model `m.gguf`: …")
                .unwrap()
                .starts_with("`m.gguf` stands in the variable `AFTERWORD_")
        );
        assert_eq!(defaults.behind("the prompt is empty"), None);
    }
}
