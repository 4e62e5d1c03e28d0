//! What `afterword explore` is asked.

// What stands here is the help text, where a terminal shows no backticks.
#![allow(clippy::doc_markdown)]

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::shared::{any_seed, from_one};
use super::{ModelArgs, PresetArgs, PromptArgs};

/// `afterword explore`
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  afterword explore "Once upon a time" --out tree.json
  afterword explore --open tree.json
  afterword explore --record story.json --model gemma
  afterword explore --import loom.json --out tree.json

In it ? shows all keys: arrows go from token to token and choose among candidates, Enter takes one, Space tells on, q quits."#)]
pub struct Explore {
    /// How the story begins; `-` or nothing reads standard input, to the last byte.
    #[arg(conflicts_with_all = ["open", "record", "import"])]
    pub prompt: Option<String>,

    /// Open a tree that was kept, and keep it there.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["record", "import", "out"], help_heading = "Tree")]
    pub open: Option<PathBuf>,

    /// Open the story of a record, with its trace where it has one.
    #[arg(long, value_name = "FILE", conflicts_with = "import", help_heading = "Tree")]
    pub record: Option<PathBuf>,

    /// Open a tree of another program: the JSON of loomsidian or loom, or {text, children}.
    #[arg(long, value_name = "FILE", help_heading = "Tree")]
    pub import: Option<PathBuf>,

    /// Keep the tree in this file, from the first change on. Without it you are asked when you quit.
    #[arg(long, value_name = "FILE", help_heading = "Tree")]
    pub out: Option<PathBuf>,

    /// How the prompt is put to the model.
    #[command(flatten)]
    pub asking: PromptArgs,

    /// The decisions.
    #[command(flatten)]
    pub preset: PresetArgs,

    /// The seed of all randomness; without it one is chosen and shown.
    #[arg(long, value_name = "N", help_heading = "Story", value_parser = any_seed, allow_negative_numbers = true)]
    pub seed: Option<u64>,

    /// How many tokens are told at once.
    #[arg(long, short = 'n', value_name = "N", default_value = "40", help_heading = "Story", value_parser = from_one, allow_negative_numbers = true)]
    pub tokens: NonZeroUsize,

    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
}
