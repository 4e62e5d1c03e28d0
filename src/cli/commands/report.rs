//! `afterword report`: a page of the stories that records keep, and of the branches of trees.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::catalog::in_words;
use crate::cli::Outcome;
use crate::cli::args::Report;
use crate::cli::render::terminal::Terminal;
use crate::explore::{NoTree, Tree};
use crate::files::{Form, Inputs, Output};
use crate::report::{Page, Story, page};
use crate::story::{NoRecord, Record};
use crate::text::{plural, some};

/// Where a folder of stories keeps its records.
const STORIES: &str = "stories";

/// So many names of files that were left out are told.
const NAMED: usize = 3;

pub fn run(args: Report, terminal: &Terminal) -> Result<Outcome> {
    let Report { records, out } = args;
    let printed = out.as_deref() == Some(Path::new("-"));
    let out = match out {
        Some(out) => out,
        None if records[0].is_dir() => records[0].join("index.html"),
        None => records[0].with_extension("html"),
    };
    // What is not there is told of first, and the page's place before many records are read.
    if let Some(missing) = records.iter().find(|path| !path.exists()) {
        Record::read(missing)?;
    }
    let inputs = records.iter().fold(Inputs::streams(), |inputs, path| inputs.with(path, "the record that is shown"));
    let place = (!printed).then(|| Output::new(out, Form::PAGE, &inputs)).transpose()?;
    let folder = records.len() > 1 || records[0].is_dir();
    let (mut stories, mut others) = (Vec::new(), Vec::new());
    for path in &records {
        if path.is_dir() {
            records_of(path, &mut stories, &mut others)?;
        } else {
            stories.extend(stories_in(path)?);
        }
    }
    let (kind, title) = match &stories[..] {
        [story] if !folder => (Page::Story, story.title()),
        _ => (Page::Folder, name(&records[0].canonicalize().unwrap_or_else(|_| records[0].clone()))),
    };
    let html = page(kind, &title, &stories)?;
    if let Some(place) = &place {
        place.write(html.as_bytes())?;
        let (count, size) = (some(stories.len(), "story"), in_words(html.len() as u64));
        terminal.note(format_args!("{count} · {size} · {}", place.path().display()));
    } else {
        let mut story = terminal.out();
        story.write_all(html.as_bytes())?;
        story.flush()?;
    }
    if !others.is_empty() {
        let more = if others.len() > NAMED { ", …" } else { "" };
        let names = others.iter().take(NAMED).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
        let count = plural(others.len(), "file is no record", "files are no records");
        terminal.note(format_args!("{count}, and left out: {names}{more}"));
    }
    let untraced = stories.iter().filter(|story| story.trace.is_empty()).count();
    if untraced > 0 {
        terminal.note(format_args!(
            "{} without a trace: nothing there to colour; `write --trace` keeps one",
            some(untraced, "story")
        ));
    }
    Ok(Outcome::Done)
}

/// The story of a record, or the branches of a tree.
fn stories_in(path: &Path) -> Result<Vec<Story>> {
    match Record::read(path) {
        Ok(record) => Ok(vec![Story::of(&record, &name(path)).in_file(path)]),
        Err(error) if error.is::<NoRecord>() => match Tree::read(path) {
            Err(other) if other.is::<NoTree>() => Err(error),
            tree => Ok(tree?.branches()),
        },
        Err(error) => Err(error),
    }
}

/// The stories of a folder, or of its folder `stories`, by name; and the names of files that could be records and are none.
fn records_of(folder: &Path, stories: &mut Vec<Story>, others: &mut Vec<String>) -> Result<()> {
    let within = folder.join(STORIES);
    let place = if within.is_dir() { within } else { folder.to_owned() };
    let reading = || format!("cannot read the folder `{}`", place.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(&place).with_context(reading)? {
        let path = entry.with_context(reading)?.path();
        if path.extension().is_some_and(|extension| extension == "json") && path.is_file() {
            paths.push(path);
        }
    }
    paths.sort();
    let before = stories.len();
    for path in &paths {
        match Record::read(path) {
            Ok(record) => stories.push(Story::of(&record, &name(path)).in_file(path)),
            Err(_) => others.push(path.file_name().unwrap_or_default().to_string_lossy().into_owned()),
        }
    }
    if stories.len() == before {
        bail!(
            "the folder `{}` holds no record\nhint: `afterword write --record FILE.json --trace` writes one",
            place.display()
        );
    }
    Ok(())
}

/// The name of a file without its ending.
fn name(path: &Path) -> String {
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
