//! What `afterword desk` is asked.

// What stands here is the help text, where a terminal shows no backticks.
#![allow(clippy::doc_markdown)]

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::shared::{any_seed, from_one, from_two, one_of, unescaped};
use super::{KeepingArgs, ModelArgs, PresetArgs};
use crate::engine::StoryRequest;
use crate::sampler::TextUnit;

/// `afterword desk`
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  afterword desk chapter.md
  afterword desk chapter.md --with characters.md --preset open --tokens 60 --to paragraph"#)]
pub struct Desk {
    /// The file that is told on, and added to.
    pub file: PathBuf,

    /// Have the model read these notes before the file: memory, characters, style. May be repeated.
    #[arg(long = "with", value_name = "FILE", help_heading = "Prompt")]
    pub with: Vec<PathBuf>,

    /// The decisions.
    #[command(flatten)]
    pub preset: PresetArgs,

    /// The seed of the first piece; without it one is chosen. Again takes the next one.
    #[arg(long, value_name = "N", help_heading = "Story", value_parser = any_seed, allow_negative_numbers = true)]
    pub seed: Option<u64>,

    /// The most tokens of a piece.
    #[arg(long, short = 'n', value_name = "N", default_value = "100", help_heading = "Story", value_parser = from_one, allow_negative_numbers = true)]
    pub tokens: NonZeroUsize,

    /// What a piece ends with: it goes on to the end of the `sentence` or `paragraph` that it is then in.
    #[arg(long, value_name = "UNIT", default_value = "sentence", value_parser = one_of::<TextUnit>(), help_heading = "Story")]
    pub to: TextUnit,

    /// End a piece before this text; it is not told. May be repeated.
    #[arg(long, value_name = "TEXT", help_heading = "Story", allow_hyphen_values = true, value_parser = unescaped)]
    pub stop: Vec<String>,

    /// How many drafts stand side by side.
    #[arg(long, value_name = "N", default_value = "4", help_heading = "Story", value_parser = from_two, allow_negative_numbers = true)]
    pub drafts: usize,

    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,

    /// What is kept.
    #[command(flatten)]
    pub keeping: KeepingArgs,
}

impl Desk {
    /// A piece as it is asked for, under this seed.
    pub fn request(&self, seed: u64) -> StoryRequest {
        StoryRequest { to: Some(self.to), stops: self.stop.clone(), ..StoryRequest::new(seed, self.tokens.get()) }
    }
}
