//! `afterword presets new` and `import`: presets that become files, and never over another one.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cli::render::terminal::Terminal;
use crate::cli::settings::{Chosen, OF_THE_MODEL, folders};
use crate::cli::usage::Usage;
use crate::files::{bounded, read_text};
use crate::preset::{Imported, head, is_shipped, lint, parse};
use crate::text::{sanitize, some};

/// No file of settings is longer.
const LONGEST: u64 = 16 << 20;

/// Writes a preset to be changed: every key below what it does, and above it all what the shipped preset says of itself.
pub fn new(name: &str, begun: &Chosen, out: Option<PathBuf>, terminal: &Terminal) -> Result<()> {
    let Chosen { name: from, preset } = begun;
    let place = match out {
        Some(file) => file,
        None => in_folder(name)?,
    };
    let one_line = |text: &str| sanitize(text).replace('\n', " ");
    let mut page = format!("# {}, begun as `{}`.\n", one_line(name), one_line(from));
    page.push_str(
        "# `afterword presets reference` tells what else can stand here, `afterword presets check` what is doubtful.\n",
    );
    if let Some(head) = head(from) {
        page.extend(["#\n# Of `", from, "` it is said:\n", &head]);
    }
    page.push_str(&preset.to_commented_toml()?);
    save(&place, &page)?;
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
        terminal.note(crate::cli::render::prose::safe(&note));
    }
    for warning in lint(&preset) {
        terminal.note(warning);
    }
    Ok(())
}

fn read(file: &Path) -> Result<String> {
    if file != Path::new("-") {
        return Ok(read_text(file, LONGEST)?);
    }
    let bytes = bounded(io::stdin(), LONGEST)?;
    String::from_utf8(bytes)
        .map_err(|error| anyhow::anyhow!("byte {} begins no character of UTF-8", error.utf8_error().valid_up_to()))
}

/// Where the user's preset of this name lies.
fn in_folder(name: &str) -> Result<PathBuf> {
    let fits = |c: char| c.is_alphanumeric() || "-_".contains(c);
    if name.is_empty() || !name.chars().all(fits) {
        let cause = format!("`{name}` is no name for a preset: a name is made of letters, digits, `-` and `_`");
        let words: Vec<&str> = name.split(|c| !fits(c)).filter(|word| !word.is_empty()).collect();
        let nearest = words.join("-");
        let meant = if nearest.is_empty() { String::new() } else { format!("did you mean `{nearest}`? ") };
        return Err(Usage(format!("{cause}\nhint: {meant}with `--out FILE` it may lie anywhere")).into());
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
