//! `afterword presets`: list, show, draw, explain and check presets.

use std::io::Write;

use anyhow::Result;
use serde_json::json;

use super::preset_files;
use crate::cli::Outcome;
use crate::cli::args::Presets;
use crate::cli::render::plot;
use crate::cli::render::prose::{Ink, Line, safe, wrap};
use crate::cli::render::terminal::{BOLD, Terminal, fit};
use crate::cli::settings::{Chosen, folders, found};
use crate::cli::usage::Usage;
use crate::files::causes;
use crate::preset::{Listed, Paragraph, Preset, PresetOrigin, lint, list, markdown, reference, schema};

pub fn run(args: Presets, terminal: &Terminal) -> Result<Outcome> {
    match args {
        Presets::List { json } => show_list(json, terminal)?,
        Presets::Show { name, changes, model, json } => {
            show(&Chosen::advised(&name, &changes, model.as_deref())?.preset, json, terminal)?;
        }
        Presets::New { name, from, changes, model, out } => {
            let begun = Chosen::advised(&from, &changes, model.as_deref())?;
            preset_files::new(&name, &begun, out, terminal)?;
        }
        Presets::Import { file, name, out } => preset_files::import(&file, name.as_deref(), out, terminal)?,
        Presets::Reference { markdown: true } => write!(terminal.out(), "{}", markdown())?,
        Presets::Reference { markdown: false } => page(terminal)?,
        Presets::Schema => terminal.json(&schema())?,
        Presets::Check { files } => return check(&files, terminal),
    }
    Ok(Outcome::Done)
}

fn show_list(as_json: bool, terminal: &Terminal) -> Result<()> {
    let mut out = terminal.out();
    let listed = list(&folders())?;
    let origin = |origin: &PresetOrigin| match origin {
        PresetOrigin::BuiltIn(_) => "built in".to_string(),
        PresetOrigin::File(path) => path.display().to_string(),
    };
    if as_json {
        let entries: Vec<_> = listed
            .iter()
            .map(|line| {
                let (description, mistake) = match &line.preset {
                    Ok(preset) => (Some(&preset.description), None),
                    Err(error) => (None, Some(causes(error))),
                };
                json!({ "name": line.name, "origin": origin(&line.origin), "hidden": line.hidden,
                        "description": description, "mistake": mistake })
            })
            .collect();
        terminal.json(&entries)?;
        return Ok(());
    }
    // On a terminal a description stands beside its name, however many lines it takes.
    let width = terminal.shows_story.then_some(terminal.width);
    let longest = listed.iter().map(|line| line.name.chars().count()).max().unwrap_or(0);
    let column = longest.clamp(4, width.map_or(30, |width| (width / 3).clamp(4, 30)));
    for line in listed.iter().flat_map(|listed| entry(listed, column, width)) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// A preset in the list, its name in so many columns: in one line, or in as many as a terminal of this width needs. Where it
/// lies stands behind it, or on a line of its own, unbroken.
fn entry(listed: &Listed, column: usize, width: Option<usize>) -> Vec<Line> {
    let what = match &listed.preset {
        Ok(preset) => preset.description.clone(),
        Err(error) => causes(error).lines().next().unwrap_or_default().to_owned(),
    };
    let path = match &listed.origin {
        PresetOrigin::BuiltIn(_) => None,
        PresetOrigin::File(path) => Some(path.display().to_string()),
    };
    let taken = if listed.hidden { ", only by its path: the name is taken" } else { "" };
    let name = Line::of(Ink::Bold, &fit(&safe(&listed.name), column)).and(Ink::Plain, "  ");
    let Some(width) = width else {
        let place = path.map_or(String::new(), |path| format!(" ({path}{taken})"));
        return vec![name.and(Ink::Plain, &what).and(Ink::Dim, &place)];
    };
    let indent = Line::of(Ink::Plain, &" ".repeat(column + 2));
    let beside = |text: &str, ink: Ink| {
        wrap(text, width.saturating_sub(column + 2), None).into_iter().map(move |line| line.inked(ink)).collect::<Vec<_>>()
    };
    let mut lines = beside(&what, Ink::Plain);
    if lines.is_empty() {
        lines.push(Line::default());
    }
    lines.extend(path.map(|path| Line::of(Ink::Dim, &path)));
    lines.extend(beside(taken.trim_start_matches(", "), Ink::Dim));
    let margins = std::iter::once(name).chain(std::iter::repeat(indent));
    let joined = |(margin, line): (Line, Line)| line.runs().fold(margin, |margin, (style, text)| margin.and(style, text));
    margins.zip(lines).map(joined).collect()
}

fn show(preset: &Preset, as_json: bool, terminal: &Terminal) -> Result<()> {
    let mut out = terminal.out();
    if as_json {
        terminal.json(preset)?;
        return Ok(());
    }
    write!(out, "{}", preset.to_toml()?)?;
    let drawings = plot::drawings(&preset.chain, terminal.width);
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

/// What is wrong stands on standard error, each mistake once; what is good or doubtful is the result. A name that nobody has is
/// told before anything else.
fn check(files: &[String], terminal: &Terminal) -> Result<Outcome> {
    let mut out = terminal.out();
    let mut broken = false;
    let mut presets = Vec::new();
    for file in files {
        match found(file) {
            Err(error) if error.is::<Usage>() => return Err(error),
            preset => presets.push((file, preset)),
        }
    }
    for (file, preset) in presets {
        match preset {
            Ok(preset) => {
                let warnings = lint(&preset);
                let verdict = if warnings.is_empty() { "good" } else { "can be read, but" };
                writeln!(out, "{}", Line::of(Ink::Plain, &format!("{file}: {verdict}")))?;
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use unicode_width::UnicodeWidthStr;

    use super::*;
    use crate::preset::parse;

    fn listed(name: &str, description: &str, path: &str, hidden: bool) -> Listed {
        let preset = parse(&format!("description = {}", toml::Value::from(description)), name);
        Listed { name: name.into(), origin: PresetOrigin::File(PathBuf::from(path)), preset, hidden }
    }

    fn shown(listed: &Listed, column: usize, width: Option<usize>) -> Vec<String> {
        entry(listed, column, width).iter().map(|line| anstream::adapter::strip_str(&line.to_string()).to_string()).collect()
    }

    #[test]
    fn a_description_hangs_beside_its_name_and_the_path_stands_on_its_own_line() {
        let mine = listed("mine", "α breathes between the model's own voice and open futures", "/home/me/mine.toml", true);
        let lines = shown(&mine, 11, Some(60));
        let expected = [
            "mine         α breathes between the model's own voice and",
            "             open futures",
            "             /home/me/mine.toml",
            "             only by its path: the name is taken",
        ];
        assert_eq!(lines, expected);
        let line = "mine         α breathes between the model's own voice and open futures (/home/me/mine.toml, only by its path: the name is taken)";
        assert_eq!(shown(&mine, 11, None), [line]);
    }

    #[test]
    fn no_line_of_the_list_is_wider_than_the_terminal_and_nothing_in_it_moves_the_cursor() {
        let evil = listed("e\u{1b}[2Jvil", &"\u{202e}a \n".repeat(40), "p\u{7}", false);
        for width in 20..120 {
            for line in shown(&evil, 10, Some(width)) {
                assert!(line.width() <= width && !line.contains(|c: char| c.is_control() || c == '\u{202e}'), "{line:?}");
            }
        }
        assert_eq!(shown(&evil, 10, None).len(), 1);
    }
}
