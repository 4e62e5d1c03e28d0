//! What `afterword judge` is asked.

// What stands here is the help text, where a terminal shows no backticks.
#![allow(clippy::doc_markdown)]

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::shared::{any_seed, from_one};

/// `afterword judge`
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  afterword batch prompts.txt --out stories --preset wave,temperature --seeds 1..2
  afterword judge stories --name ann
  afterword judge stories --page judge.html
  afterword judge --result stories/judgements.jsonl judgements-ben.jsonl"#)]
pub struct Judge {
    /// Folders that `afterword batch` filled, or folders of records; with --result files of judgements.
    #[arg(required = true, value_name = "DIR|FILE")]
    pub paths: Vec<PathBuf>,

    /// Keep what is said in this file, and go on with what is in it; without it in `judgements.jsonl` in the first folder.
    #[arg(long, value_name = "FILE", conflicts_with = "page")]
    pub out: Option<PathBuf>,

    /// Who judges. Judges who share a file need names, and each is asked every pair.
    #[arg(long, value_parser = name)]
    pub name: Option<String>,

    /// Ask about these arms only: presets as they are called in the folder.
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    pub presets: Vec<String>,

    /// Show no more than so many words of each story, so that none wins by its length.
    #[arg(long, value_name = "N", value_parser = from_one, allow_negative_numbers = true)]
    pub words: Option<NonZeroUsize>,

    /// The seed of the order in which pairs are asked, and of their sides. Judges under one seed are asked the same.
    #[arg(long, value_name = "N", default_value = "1", value_parser = any_seed, allow_negative_numbers = true)]
    pub seed: u64,

    /// Begin another round, where all pairs are judged: other pairs while there are any, then the same with their sides changed.
    #[arg(long, conflicts_with = "page")]
    pub again: bool,

    /// Write a page to this file on which somebody judges in a browser, and saves the file of judgements from there.
    #[arg(long, value_name = "FILE", conflicts_with = "name")]
    pub page: Option<PathBuf>,

    /// Tell what files of judgements come to.
    #[arg(long, conflicts_with_all = ["out", "name", "presets", "words", "again", "page"])]
    pub result: bool,

    /// Tell how far the measures in this file, which `afterword eval --json` printed, bring the arms into the judges' order.
    #[arg(long, value_name = "FILE", requires = "result")]
    pub measures: Option<PathBuf>,

    /// Print the result as a JSON object.
    #[arg(long, requires = "result")]
    pub json: bool,
}

/// A name that is not empty, without the spaces around it.
fn name(typed: &str) -> Result<String, &'static str> {
    match typed.trim() {
        "" => Err("expected a name"),
        name => Ok(name.to_owned()),
    }
}
