//! `afterword presets`: list, show, draw, explain and check presets.

use std::io::Write;

use anyhow::Result;
use serde_json::json;

use super::args::Presets;
use super::prose::{Ink, Line, wrap};
use super::settings::{Chosen, folders};
use super::terminal::{BOLD, Terminal, fit};
use super::{Outcome, drafts, plot};
use crate::preset::{Origin, Paragraph, find, lint, list, markdown, reference, schema};

pub fn run(args: Presets, terminal: &Terminal) -> Result<Outcome> {
    match args {
        Presets::List { json } => show_list(json, terminal)?,
        Presets::Show { name, set, json } => show(&name, &set, json, terminal)?,
        Presets::New { name, from, set, out } => drafts::new(&name, &from, &set, out, terminal)?,
        Presets::Import { file, name, out } => drafts::import(&file, name.as_deref(), out, terminal)?,
        Presets::Reference { markdown: true } => write!(terminal.out(), "{}", markdown())?,
        Presets::Reference { markdown: false } => page(terminal)?,
        Presets::Schema => writeln!(terminal.out(), "{}", serde_json::to_string_pretty(&schema())?)?,
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
            (file, false) => format!(" ({})", origin(file)),
            (file, true) => format!(" ({}, only by its path: the name is taken)", origin(file)),
        };
        let shown = Line::of(Ink::Bold, &fit(&line.name, column)).and(Ink::Plain, &format!("  {what}")).and(Ink::Dim, &note);
        writeln!(out, "{shown}")?;
    }
    Ok(())
}

fn show(name: &str, edits: &[String], as_json: bool, terminal: &Terminal) -> Result<()> {
    let Chosen { name: _, preset } = Chosen::find(name, edits)?;
    let mut out = terminal.out();
    if as_json {
        writeln!(out, "{}", serde_json::to_string_pretty(&preset)?)?;
        return Ok(());
    }
    write!(out, "{}", preset.to_toml()?)?;
    let drawings = plot::drawings(&preset.chain);
    if !drawings.is_empty() {
        writeln!(out, "\n{}", drawings.join("\n"))?;
    }
    Ok(())
}

/// The reference on a terminal.
fn page(terminal: &Terminal) -> Result<()> {
    let mut out = terminal.out();
    let width = terminal.width.min(100);
    let mut first = true;
    for Paragraph { depth, name, form, what } in reference() {
        if depth == 0 && !std::mem::take(&mut first) {
            writeln!(out)?;
        }
        if name.is_empty() {
            wrap(&what, width, None).into_iter().try_for_each(|line| writeln!(out, "{line}"))?;
        } else {
            let indent = "  ".repeat(depth);
            writeln!(out, "{indent}{BOLD}{name}{BOLD:#}")?;
            let part = |ink: Ink, text: &str| -> Vec<String> {
                let lines = wrap(text, width.saturating_sub(4 + indent.len()), None);
                lines.into_iter().map(|line| format!("{indent}    {}", line.inked(ink))).collect()
            };
            for line in part(Ink::Dim, &form).into_iter().chain(part(Ink::Plain, &what)) {
                writeln!(out, "{line}")?;
            }
        }
    }
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
                writeln!(
                    out,
                    "{}: {}",
                    Line::of(Ink::Plain, file),
                    if warnings.is_empty() { "good" } else { "can be read, but" }
                )?;
                for warning in warnings {
                    writeln!(out, "  {}", Line::of(Ink::Plain, &warning.to_string()))?;
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
