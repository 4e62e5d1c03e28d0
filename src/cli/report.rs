//! `afterword report`: a page of the stories that records keep.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::Outcome;
use super::args::Report;
use super::terminal::Terminal;
use crate::catalog::in_words;
use crate::report::{Page, Story, page};
use crate::story::Record;
use crate::text::some;

/// Where a folder of stories keeps its records.
const STORIES: &str = "stories";

pub fn run(args: Report, terminal: &Terminal) -> Result<Outcome> {
    let Report { records, out } = args;
    let folder = records.len() > 1 || records[0].is_dir();
    let mut found = Vec::new();
    for path in &records {
        found.extend(if path.is_dir() { records_of(path)? } else { vec![path.clone()] });
    }
    let stories =
        found.iter().map(|path| Ok(Story::of(&read(path)?, &name(path)).in_file(path))).collect::<Result<Vec<Story>>>()?;
    let (kind, title) = match &stories[..] {
        [story] if !folder => (Page::Story, story.title()),
        _ => (Page::Folder, name(&records[0].canonicalize().unwrap_or_else(|_| records[0].clone()))),
    };
    let html = page(kind, &title, &stories)?;
    let out = match out {
        Some(out) => out,
        None if records[0].is_dir() => records[0].join("index.html"),
        None => records[0].with_extension("html"),
    };
    write(&out, html.as_bytes(), terminal)?;
    let untraced = stories.iter().filter(|story| story.trace.is_empty()).count();
    if out != Path::new("-") {
        let size = in_words(html.len() as u64);
        terminal.note(format_args!("{} · {size} · {}", some(stories.len(), "story"), out.display()));
    }
    if untraced > 0 {
        terminal.note(format_args!(
            "{} without a trace: nothing there to colour; `write --trace` keeps one",
            some(untraced, "story")
        ));
    }
    Ok(Outcome::Done)
}

/// Writes what was made to a file, or for `-` to standard output.
pub fn write(out: &Path, bytes: &[u8], terminal: &Terminal) -> Result<()> {
    if out == Path::new("-") {
        let mut story = terminal.out();
        story.write_all(bytes)?;
        return Ok(story.flush()?);
    }
    fs::write(out, bytes).with_context(|| format!("cannot write `{}`", out.display()))
}

/// The records of a folder, or of its folder `stories`, by name.
fn records_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let within = folder.join(STORIES);
    let place = if within.is_dir() { within } else { folder.to_owned() };
    let reading = || format!("cannot read the folder `{}`", place.display());
    let mut records = Vec::new();
    for entry in fs::read_dir(&place).with_context(reading)? {
        let path = entry.with_context(reading)?.path();
        if path.extension().is_some_and(|extension| extension == "json") && path.is_file() {
            records.push(path);
        }
    }
    if records.is_empty() {
        bail!(
            "the folder `{}` holds no record\nhint: `afterword write --record FILE.json --trace` writes one",
            place.display()
        );
    }
    records.sort();
    Ok(records)
}

/// The record in a file.
pub fn read(path: &Path) -> Result<Record> {
    Record::read(path)
}

/// The name of a file without its ending.
fn name(path: &Path) -> String {
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
