//! `afterword config`: what is meant where nothing is typed, and where each of it comes from; and changes of it.

use std::fs;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, ensure};
use serde_json::json;

use crate::cli::Outcome;
use crate::cli::args::{Config, ConfigChange};
use crate::cli::defaults::{self, Defaults, FILE, Given, KEYS, Key, Place};
use crate::cli::named;
use crate::cli::render::prose::safe;
use crate::cli::render::terminal::{BOLD, DIM, Terminal};
use crate::cli::settings::{OF_THE_MODEL, found};
use crate::cli::usage::Usage;
use crate::files::{self, replace, words};
use crate::text::some;

/// No file of defaults has more bytes.
const LONGEST: u64 = 1 << 20;

pub fn run(args: Config, yes: bool, terminal: &Terminal) -> Result<Outcome> {
    match args.change {
        None => show(args.json, terminal)?,
        Some(ConfigChange::Set { key, value }) => set(key_of(&key)?, &value, yes, terminal)?,
        Some(ConfigChange::Unset { key }) => unset(key_of(&key)?, terminal)?,
    }
    Ok(Outcome::Done)
}

fn key_of(name: &str) -> Result<&'static Key> {
    Key::named(name).with_context(|| format!("there is no key `{name}`"))
}

fn show(as_json: bool, terminal: &Terminal) -> Result<()> {
    let defaults = Defaults::read()?;
    let mut out = terminal.out();
    if as_json {
        return terminal.json(&json(&defaults));
    }
    let rows: Vec<(&Key, Option<&Given>)> = KEYS.iter().map(|key| (key, defaults.of(key))).collect();
    let value = |(key, given): &(&Key, Option<&Given>)| given.map_or_else(|| key.built_in(), |given| safe(&given.value));
    // A long path is not to push everything else aside.
    let width = rows.iter().map(|row| value(row).chars().count()).filter(|width| *width <= 40).max().unwrap_or(0);
    for row in &rows {
        let (key, given) = row;
        let from = given.map_or("built in".to_owned(), |given| from(given, &defaults));
        writeln!(out, "{BOLD}{:<12}{BOLD:#}{:<width$}  {DIM}{}{DIM:#}", key.name, value(row), safe(&from))?;
    }
    terminal.note(match (&defaults.file, &defaults.in_file) {
        (None, _) => format!("no file is read: `{FILE}` is empty"),
        (Some(file), None) => format!("{} · there is no such file; `afterword config set KEY VALUE` makes it", file.display()),
        (Some(file), Some(held)) => format!("{} · {}", file.display(), some(held.len(), "key")),
    });
    for variable in defaults::idle_variables() {
        terminal
            .note(format_args!("the variable `{variable}` says nothing here: `afterword config --help` names those that do"));
    }
    Ok(())
}

/// Where a value comes from, and what it overrules.
fn from(given: &Given, defaults: &Defaults) -> String {
    match (&given.place, in_file(given.key, defaults)) {
        (Place::Line(line), _) => format!("line {line} of the file"),
        (Place::FrontMatter(_), _) => defaults.stands(given),
        (Place::Variable, None) => given.key.variable(),
        (Place::Variable, Some(under)) => format!("{}, over `{}` in the file", given.key.variable(), under.value),
    }
}

/// What the file says of a key.
fn in_file<'d>(key: &Key, defaults: &'d Defaults) -> Option<&'d Given> {
    defaults.in_file.iter().flatten().find(|given| given.key.name == key.name)
}

fn json(defaults: &Defaults) -> serde_json::Value {
    let value = |key: &Key| {
        let given = defaults.of(key);
        let source = given.map_or("built-in", |given| if given.place == Place::Variable { "environment" } else { "file" });
        let line = in_file(key, defaults).and_then(|given| match given.place {
            Place::Line(line) => Some(line),
            Place::Variable | Place::FrontMatter(_) => None,
        });
        json!({ "key": key.name, "value": given.map(|given| &given.value), "source": source, "variable": key.variable(), "line": line,
                "in-file": in_file(key, defaults).map(|given| &given.value), "built-in": key.built_in(), "about": key.about })
    };
    let file = json!({ "path": defaults.file, "exists": defaults.in_file.is_some() });
    json!({ "file": file, "values": KEYS.iter().map(value).collect::<Vec<_>>() })
}

/// Keeps a model as the one that is meant where none is named.
pub fn keep_model(typed: &str, yes: bool, terminal: &Terminal) -> Result<()> {
    let spelt = named::spelt_out(typed);
    // As `models pull` takes it.
    let spelt = if named::is_repository(&spelt) { format!("hf:{spelt}") } else { spelt };
    set(key_of("model")?, &spelt, yes, terminal)
}

fn set(key: &Key, typed: &str, yes: bool, terminal: &Terminal) -> Result<()> {
    key.check(typed).map_err(|cause| Usage(format!("`{typed}` is no value of `{}`: {cause}", key.name)))?;
    let value = match key.name {
        "model" => model(typed, yes, terminal)?,
        "preset" => preset(typed)?,
        _ => typed.to_owned(),
    };
    let (path, text) = file()?;
    let changed = defaults::with(&text.unwrap_or_default(), key, &value).context("the configuration cannot be changed")?;
    write(&path, &changed)?;
    terminal.note(format_args!("{} = {value} · {}", key.name, path.display()));
    overruled(key, terminal);
    Ok(())
}

fn unset(key: &Key, terminal: &Terminal) -> Result<()> {
    let (path, text) = file()?;
    match text.and_then(|text| defaults::without(&text, key)) {
        None => terminal.note(format_args!("`{}` says nothing of `{}`", path.display(), key.name)),
        Some(changed) => {
            write(&path, &changed)?;
            terminal.note(format_args!("without {}: {} · {}", key.name, key.built_in(), path.display()));
        }
    }
    overruled(key, terminal);
    Ok(())
}

/// A model as it is kept: one that is named by its name, a file by a path that leads there from everywhere.
fn model(typed: &str, yes: bool, terminal: &Terminal) -> Result<String> {
    let file = named::file(Path::new(typed), yes, terminal)?;
    if file == Path::new(typed) { defaults::from_everywhere(&file) } else { Ok(typed.to_owned()) }
}

/// A preset as it is kept: by its name, or by a path that leads there from everywhere.
fn preset(typed: &str) -> Result<String> {
    if typed == OF_THE_MODEL {
        return Ok(typed.to_owned());
    }
    found(typed)?;
    let is_file = Path::new(typed).extension().is_some() || typed.contains(['/', '\\']);
    if is_file { defaults::from_everywhere(Path::new(typed)) } else { Ok(typed.to_owned()) }
}

/// Says where the environment has the last word.
fn overruled(key: &Key, terminal: &Terminal) {
    let variable = key.variable();
    if let Ok(value) = std::env::var(&variable)
        && !value.is_empty()
    {
        terminal.note(format_args!("the variable `{variable}` overrules the file: `{value}`"));
    }
}

/// The file that is to be changed, behind links, and its text if it is there.
fn file() -> Result<(PathBuf, Option<String>)> {
    let Some(path) = defaults::place().0 else {
        let hint = format!("`{FILE}` is empty: unset it, or let it name a file");
        return Err(Usage(format!("there is no file of defaults to change\nhint: {hint}")).into());
    };
    // What is wrong in it is told first, and not written over.
    match path.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let refusal = || anyhow!("cannot write the configuration `{}`: it is a link to nothing", path.display());
            ensure!(path.symlink_metadata().is_err(), refusal());
            Ok((path, None))
        }
        _ => {
            Defaults::check(&path)?;
            let text = files::read_text(&path, LONGEST).with_context(|| format!("cannot read `{}`", path.display()))?;
            let place = path.canonicalize().with_context(|| format!("cannot read `{}`", path.display()))?;
            Ok((place, Some(text)))
        }
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    let refusal = |cause: String| anyhow!("cannot write the configuration `{}`: {cause}", path.display());
    if path.metadata().is_ok_and(|facts| facts.permissions().readonly()) {
        return Err(refusal("it is protected against writing".to_owned()));
    }
    let written = fs::create_dir_all(files::folder(path)).and_then(|()| replace(path, text.as_bytes()));
    written.map_err(|error| refusal(words(&error)))
}
