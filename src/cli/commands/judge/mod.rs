//! `afterword judge`: a person is asked which of two stories is better, in the terminal or on a page, and told what the answers
//! come to.

mod asking;
mod keys;
mod results;

use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};

use crate::catalog::in_words;
use crate::cli::Outcome;
use crate::cli::args::Judge;
use crate::cli::render::terminal::Terminal;
use crate::files::{Form, Inputs, Output};
use crate::judging::{Ledger, Pairs, Tales, page};
use crate::text::{plural, some};

/// What the file of judgements is called in a folder of stories.
const FILE: &str = "judgements.jsonl";

pub fn run(args: Judge, terminal: &Terminal) -> Result<Outcome> {
    let Judge { paths, out, name, presets, words, seed, again, page, result, measures, json } = args;
    if result {
        return results::run(&paths, measures.as_deref(), seed, json, terminal);
    }
    let words = words.map(std::num::NonZeroUsize::get);
    let tales = tales(&paths, &presets, words, terminal)?;
    if let Some(path) = page {
        return write_page(path, &paths, &tales, words, seed, terminal);
    }
    let file = out.unwrap_or_else(|| paths[0].join(FILE));
    let ledger = Ledger::open(&file)?;
    asking::run(asking::Questions { tales, ledger, name, words, seed, again }, terminal)
}

/// The stories of these folders that are to be compared.
fn tales(folders: &[PathBuf], presets: &[String], words: Option<usize>, terminal: &Terminal) -> Result<Tales> {
    if let Some(file) = folders.iter().find(|path| path.is_file()) {
        bail!(
            "cannot judge `{}`: it is a file, and no folder of stories\nhint: `--result` tells what a file of judgements comes to",
            file.display()
        );
    }
    let tales = Tales::read(folders)?;
    if let [first, others @ ..] = &tales.left_out[..] {
        let count = plural(1 + others.len(), "file is no story, and left out", "files are no stories, and left out");
        terminal.note(format_args!("{count}: `{}` {}", first.path.display(), first.why));
    }
    let tales = tales.only(presets)?;
    tales.comparable()?;
    Ok(match words {
        Some(words) => tales.cut(words),
        None => tales,
    })
}

/// Tells of pairs that nobody is asked about.
///
/// # Errors
/// There are no others.
fn note_equal(pairs: &Pairs, terminal: &Terminal) -> Result<()> {
    ensure!(!pairs.all.is_empty(), "there is nothing to ask: of every pair both stories are the same");
    if pairs.equal > 0 {
        terminal.note(plural(
            pairs.equal,
            "pair is the same story twice, and is not asked",
            "pairs are the same story twice, and are not asked",
        ));
    }
    Ok(())
}

fn write_page(
    path: PathBuf,
    folders: &[PathBuf],
    tales: &Tales,
    words: Option<usize>,
    seed: u64,
    terminal: &Terminal,
) -> Result<Outcome> {
    let inputs = folders.iter().fold(Inputs::streams(), |inputs, folder| inputs.with(folder, "the folder that is judged"));
    let place = Output::new(path, Form::PAGE, &inputs)?;
    let pairs = Pairs::of(tales, seed, 1);
    note_equal(&pairs, terminal)?;
    let html = page(tales, &pairs, 1, words)?;
    place.write(html.as_bytes())?;
    let (count, size) = (some(pairs.all.len(), "pair"), in_words(html.len() as u64));
    terminal.note(format_args!("{count} · {size} · {}", place.path().display()));
    terminal.note("what is saved there is told by `afterword judge --result FILE…`");
    Ok(Outcome::Done)
}

/// The name of a file without its ending.
fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}
