//! What is asked of many stories.

// What stands here is the help text, where a terminal shows no backticks.
#![allow(clippy::doc_markdown)]

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use super::shared::count_or_auto;
use super::{ChangeArgs, ModelArgs, PromptArgs, StoryArgs, Trace};
use crate::batch::{Seeds, Shard};
use crate::engine::Width;

/// `afterword batch`
#[derive(Debug, Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a switch on the command line")]
#[command(after_help = r#"Examples:
  afterword batch prompts.txt --out stories --preset wave,temperature --seeds 1..8
  afterword batch prompts.toml --out alphas --preset future --vary future.alpha=-1,0,1
  afterword batch prompts.txt --out part3 --seeds 1..100 --shard 3/8 --strict
  afterword batch --merge part1,part2,part3 --out whole
Recipes for Slurm, Kubernetes and GNU parallel lie in configs/cluster."#)]
pub struct Batch {
    /// The prompts: a text file (one a line, or blocks between lines `---`), TOML with `[[prompt]]` tables, JSONL, a folder of .txt
    /// files; `-` reads standard input as a text file. A table or line has `text` (or `prompt`, `instruction`), and may have `name`,
    /// `tokens`, `stop`, `system` and `seeds` of its own, which count instead of those of the command. Other keys of a data set in
    /// JSONL are passed by.
    #[arg(required_unless_present = "merge")]
    pub prompts: Option<PathBuf>,

    /// The folder for the stories.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,

    /// The presets, by name or TOML file.
    #[arg(
        long,
        visible_alias = "presets",
        value_name = "A,B,…",
        value_delimiter = ',',
        default_value = "wave",
        help_heading = "Story"
    )]
    pub preset: Vec<String>,

    /// Tell with each of these values: `future.alpha=-1,0,1`. May be repeated: then with each combination.
    #[arg(long, value_name = "KEY=A,B,…", help_heading = "Story")]
    pub vary: Vec<String>,

    /// What is otherwise than in the presets.
    #[command(flatten)]
    pub changes: ChangeArgs,

    /// The seeds: `7`, `1..8` (both ends belong to it), `1..4,9`; `--seed 7` is short for one.
    #[arg(long, default_value = "1", help_heading = "Story", conflicts_with = "seed")]
    pub seeds: Seeds,

    /// The stories. What a prompt says of itself counts for its stories.
    #[command(flatten)]
    pub story: StoryArgs,

    /// Keep in the records why each token was chosen; `full` looks at all candidates.
    #[arg(
        long,
        value_name = "HOW",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "looked",
        help_heading = "Story"
    )]
    pub trace: Option<Trace>,

    /// How many stories are told at once.
    #[arg(long, value_name = "N|auto", default_value = "auto", value_parser = count_or_auto, help_heading = "Run")]
    pub parallel: Width,

    /// How many memories tell at the same time, each with as many threads as `--threads` says.
    #[arg(long, value_name = "N|auto", default_value = "auto", value_parser = count_or_auto, help_heading = "Run", hide_short_help = true)]
    pub sessions: Width,

    /// Tell every story alone in an empty memory: equal to the last bit whatever the order, parallelism or interruption.
    #[arg(long, help_heading = "Run")]
    pub strict: bool,

    /// Tell only this part of the stories: `3/8`, or `auto` for the one that a scheduler has given to this process: by the numbers of a
    /// Slurm array, or by those of an Indexed Job of Kubernetes and the variable AFTERWORD_SHARDS, which says how many there are.
    #[arg(long, value_name = "N/M|auto", help_heading = "Run")]
    pub shard: Option<Part>,

    /// Join these folders, parts of one run, into the folder of `--out`.
    #[arg(long, value_name = "DIR,…", value_delimiter = ',', num_args = 1.., help_heading = "Run", conflicts_with = "prompts")]
    pub merge: Vec<PathBuf>,

    /// Print what would be told, and what it would take, and write nothing. What the run would refuse is refused, and the exit code is
    /// that which it would end with as far as that can be known.
    #[arg(long, help_heading = "Run", conflicts_with = "merge")]
    pub dry_run: bool,

    /// Where the folder holds another run, start anew in a folder beside it.
    #[arg(long, help_heading = "Run")]
    pub force: bool,

    /// Tell stories again that failed.
    #[arg(long, help_heading = "Run")]
    pub retry: bool,

    /// Print a JSON object for every story that ends, and one for the whole.
    #[arg(long, help_heading = "Run")]
    pub json_progress: bool,

    /// How prompts are put.
    #[command(flatten)]
    pub asking: PromptArgs,

    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
}

/// A part of a run, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// The one that a scheduler tells of.
    Allotted,
    /// This one.
    Named(Shard),
}

impl FromStr for Part {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        match typed {
            "auto" => Ok(Self::Allotted),
            part => part.parse().map(Self::Named).map_err(|cause| format!("{cause}, or `auto`")),
        }
    }
}

impl Batch {
    /// The seeds of prompts that have none of their own.
    pub fn seeds(&self) -> Seeds {
        self.story.seed.map_or_else(|| self.seeds.clone(), Seeds::one)
    }
}
