//! What `score` is asked: about which texts, behind what, and what is made of it.

// What stands here is the help text, where a terminal shows no backticks.
#![allow(clippy::doc_markdown)]

use std::path::PathBuf;

use clap::Args;

use super::ModelArgs;
use crate::report::ColourScale;

/// `afterword score`
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  afterword score chapter.txt --model judge.gguf
  afterword score a.txt b.txt --prompt "Once upon a time" --json
  afterword score stories/ --model judge.gguf --out scores.html
  afterword score chapter.txt --colour surprisal"#)]
pub struct Score {
    /// Texts, records of stories, or folders of either; `-` reads standard input. A story of a record is read behind its own prompt.
    #[arg(required = true, value_name = "FILE|DIR")]
    pub texts: Vec<PathBuf>,

    /// What the texts go on from, also those that have prompts of their own; "" is nothing.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub prompt: Option<String>,

    /// The model that reads.
    #[command(flatten)]
    pub model: ModelArgs,

    /// Show the texts with their words coloured by this: surprisal, probability or entropy. `--colour surprisal` says the same.
    #[arg(long, value_name = "BY", help_heading = "Output")]
    pub colour_by: Option<ColourScale>,

    /// Write an HTML page of the texts to this file: coloured words, and how likely each was.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub out: Option<PathBuf>,

    /// Print one JSON object, with every token.
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}
