//! `afterword presets`: list, show and check presets.

use std::io::Write;

use anyhow::Result;
use serde_json::json;

use super::Outcome;
use super::args::Presets;
use super::settings::{Chosen, folders};
use super::terminal::{BOLD, DIM, Terminal, fit};
use crate::preset::{Origin, find, lint, list};

pub fn run(args: Presets, terminal: &Terminal) -> Result<Outcome> {
    match args {
        Presets::List { json } => show_list(json, terminal)?,
        Presets::Show { name, set, json } => show(&name, &set, json, terminal)?,
        Presets::Check { files } => return check(&files, terminal),
    }
    Ok(Outcome::Done)
}

fn show_list(as_json: bool, terminal: &Terminal) -> Result<()> {
    let mut out = terminal.out();
    let listed = list(&folders())?;
    let origin = |origin: &Origin| match origin {
        Origin::BuiltIn(_) => "built in".to_string(),
        Origin::File(path) => path.display().to_string(),
    };
    if as_json {
        let entries: Vec<_> = listed
            .iter()
            .map(|line| {
                let (description, mistake) = match &line.preset {
                    Ok(preset) => (Some(&preset.description), None),
                    Err(error) => (None, Some(format!("{error:#}"))),
                };
                json!({ "name": line.name, "origin": origin(&line.origin), "hidden": line.hidden,
                        "description": description, "mistake": mistake })
            })
            .collect();
        writeln!(out, "{}", serde_json::to_string_pretty(&entries)?)?;
        return Ok(());
    }
    let column = listed.iter().map(|line| line.name.chars().count()).max().unwrap_or(0).clamp(4, 30);
    for line in &listed {
        let what = match &line.preset {
            Ok(preset) => preset.description.clone(),
            Err(error) => format!("cannot be read: {}", format!("{error:#}").lines().next().unwrap_or_default()),
        };
        let note = match (&line.origin, line.hidden) {
            (Origin::BuiltIn(_), _) => String::new(),
            (file, false) => format!(" {DIM}({}){DIM:#}", origin(file)),
            (file, true) => format!(" {DIM}({}, only by its path: the name is taken){DIM:#}", origin(file)),
        };
        writeln!(out, "{BOLD}{}{BOLD:#}  {what}{note}", fit(&line.name, column))?;
    }
    Ok(())
}

fn show(name: &str, edits: &[String], as_json: bool, terminal: &Terminal) -> Result<()> {
    let Chosen { name: _, preset } = Chosen::find(name, edits)?;
    let text = if as_json { serde_json::to_string_pretty(&preset)? + "\n" } else { preset.to_toml()? };
    write!(terminal.out(), "{text}")?;
    Ok(())
}

/// What is wrong stands on standard error, each mistake once; what is good or doubtful is the result.
fn check(files: &[String], terminal: &Terminal) -> Result<Outcome> {
    let mut out = terminal.out();
    let mut broken = false;
    for file in files {
        match find(file, &folders()) {
            Ok(preset) => {
                let warnings = lint(&preset);
                writeln!(out, "{file}: {}", if warnings.is_empty() { "good" } else { "can be read, but" })?;
                for warning in warnings {
                    writeln!(out, "  {warning}")?;
                }
            }
            Err(error) => {
                broken = true;
                terminal.error(&error);
            }
        }
    }
    Ok(if broken { Outcome::Failed } else { Outcome::Done })
}
