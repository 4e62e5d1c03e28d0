//! `afterword presets new` and `import`: presets that become files, and never over another one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::settings::{Chosen, OF_THE_MODEL, folders};
use super::terminal::Terminal;
use super::usage::Usage;
use crate::preset::{Imported, is_shipped, lint, parse};
use crate::text::some;

/// No file of settings is longer.
const LONGEST: u64 = 16 << 20;

/// Writes a preset to be changed.
pub fn new(name: &str, from: &str, edits: &[String], out: Option<PathBuf>, terminal: &Terminal) -> Result<()> {
    let Chosen { name: _, preset } = Chosen::find(from, edits)?;
    let place = match out {
        Some(file) => file,
        None => in_folder(name)?,
    };
    let header = format!("# {name}, begun as `{from}`. `afterword presets reference` tells what else can stand here.\n");
    save(&place, &(header.replace(|c: char| c.is_control() && c != '\n', " ") + &preset.to_toml()?))?;
    terminal.note(format_args!("wrote `{}`", place.display()));
    Ok(())
}

/// Makes a preset of another program's settings.
pub fn import(file: &Path, name: Option<&str>, out: Option<PathBuf>, terminal: &Terminal) -> Result<()> {
    // A name that cannot be is told before anything is read.
    let place = match name {
        Some(name) => Some(in_folder(name)?),
        None => out,
    };
    let from = file.display().to_string();
    let text = read(file).with_context(|| format!("cannot read `{from}`"))?;
    let called = file.file_name().map_or(from.clone(), |name| name.to_string_lossy().into_owned());
    let Imported { program, toml, notes } = crate::preset::import(&text, &called)?;
    let preset = parse(&toml, &called)?;
    match &place {
        Some(place) => save(place, &toml)?,
        None => write!(terminal.out(), "{toml}")?,
    }
    let to = place.map_or(String::new(), |place| format!(", to `{}`", place.display()));
    terminal.note(format_args!("imported from {program}: {}{to}", some(preset.chain.stages().len(), "stage")));
    for note in notes {
        terminal.note(super::prose::safe(&note));
    }
    for warning in lint(&preset) {
        terminal.note(warning);
    }
    Ok(())
}

fn read(file: &Path) -> Result<String> {
    let mut text = String::new();
    let read = |source: &mut dyn Read, text: &mut String| source.take(LONGEST + 1).read_to_string(text);
    if file == Path::new("-") {
        read(&mut io::stdin(), &mut text)?;
    } else {
        anyhow::ensure!(!file.is_dir(), "it is a folder");
        read(&mut File::open(file)?, &mut text)?;
    }
    anyhow::ensure!(text.len() as u64 <= LONGEST, "it is longer than 16 MiB, which no settings are");
    Ok(text)
}

/// Where the user's preset of this name lies.
fn in_folder(name: &str) -> Result<PathBuf> {
    let fits = !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "-_ ".contains(c)) && name.trim() == name;
    if !fits {
        let cause = "a name is made of letters, digits, `-` and `_`\nhint: with `--out FILE` it may lie anywhere";
        return Err(Usage(format!("`{name}` is no name for a preset: {cause}")).into());
    }
    if is_shipped(name) || name == OF_THE_MODEL {
        let cause = "the preset of that name that comes with the program would hide it";
        return Err(Usage(format!("`{name}` is no name for a preset of your own: {cause}\nhint: choose another name")).into());
    }
    let folder = folders().user.context("there is no configuration folder on this system\nhint: name a file with `--out`")?;
    Ok(folder.join(format!("{name}.toml")))
}

/// Writes a new file, with the folders above it.
fn save(place: &Path, text: &str) -> Result<()> {
    let write = || {
        if let Some(folder) = place.parent() {
            fs::create_dir_all(folder)?;
        }
        OpenOptions::new().write(true).create_new(true).open(place)?.write_all(text.as_bytes())
    };
    match write() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            anyhow::bail!(
                "cannot write `{}`: there is such a file already, and it stays\nhint: choose another name",
                place.display()
            )
        }
        result => result.with_context(|| format!("cannot write `{}`", place.display())),
    }
}
