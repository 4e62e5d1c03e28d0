//! What `eval` is asked: which stories are compared, with what, and who judges them.

// What stands here is the help text, where a terminal shows no backticks.
#![allow(clippy::doc_markdown)]

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::DeviceArgs;
use super::shared::{any_seed, from_one};
use crate::eval::plan::MOST_SETTINGS;
use crate::eval::{MOST_WORDS, RESAMPLES};

/// `afterword eval`
#[derive(Debug, Args)]
#[command(
    subcommand_negates_reqs = true,
    args_conflicts_with_subcommands = true,
    after_help = r#"Examples:
  afterword eval sweep/
  afterword eval sweep/ --judge other.gguf --human novels/ --out eval.html
  afterword eval wave/ temperature-0.8/ temperature-1/ --baseline temperature-1 --json
  afterword eval plan --model model.gguf --out sweep"#
)]
pub struct Eval {
    /// What to do before there are stories.
    #[command(subcommand)]
    pub before: Option<EvalCommand>,

    /// Folders of stories. One of `batch` has an arm for every preset. Any other is one arm, and its .txt files are stories: those in a
    /// folder within it are of the prompt that this is called after; of others the prompt is the name up to the first `--`, or else
    /// the whole name.
    #[arg(required = true, value_name = "DIR")]
    pub folders: Vec<PathBuf>,

    /// A folder of texts that people wrote, as .txt files: what is neither better more nor less is compared with them.
    #[arg(long, value_name = "DIR")]
    pub human: Option<PathBuf>,

    /// The arm that differences are taken from; without it the temperature nearest to 1, or the first arm.
    #[arg(long, value_name = "ARM")]
    pub baseline: Option<String>,

    /// Words and phrases that models overuse: one a line, or a JSON list of them; without it a short English list of our own.
    #[arg(long, value_name = "FILE")]
    pub slop_list: Option<PathBuf>,

    /// The most words of each story that are compared. All are cut to one length that nearly all reach.
    #[arg(long, value_name = "N", default_value_t = NonZeroUsize::new(MOST_WORDS).unwrap_or(NonZeroUsize::MIN), value_parser = from_one, allow_negative_numbers = true)]
    pub words: NonZeroUsize,

    /// Resamples of the prompts, for intervals.
    #[arg(long, value_name = "N", default_value_t = NonZeroUsize::new(RESAMPLES).unwrap_or(NonZeroUsize::MIN), value_parser = from_one, allow_negative_numbers = true)]
    pub resamples: NonZeroUsize,

    /// What decides which stories stay where an arm has more than others, and how prompts are resampled.
    #[arg(long, value_name = "N", default_value = "1", value_parser = any_seed, allow_negative_numbers = true)]
    pub seed: u64,

    /// A model that reads the stories, by name or path, best a base model of another family than the one that told them. May be repeated.
    #[arg(long, value_name = "NAME|PATH", help_heading = "Judges")]
    pub judge: Vec<PathBuf>,

    /// Have the judge read so many stories of a prompt one behind the other: progressive conditional surprise.
    #[arg(long, value_name = "N", value_parser = from_one, allow_negative_numbers = true, help_heading = "Judges", requires = "judge")]
    pub in_a_row: Option<NonZeroUsize>,

    /// Processor threads: of a judge, and to count with.
    #[arg(long, value_name = "N", value_parser = from_one, allow_negative_numbers = true, help_heading = "Judges")]
    pub threads: Option<NonZeroUsize>,

    /// The most tokens that a judge sees together; without it what it was trained for.
    #[arg(long, value_name = "N", value_parser = from_one, allow_negative_numbers = true, help_heading = "Judges", requires = "judge")]
    pub ctx: Option<NonZeroUsize>,

    /// Where and in what form a judge computes.
    #[command(flatten)]
    pub device: DeviceArgs,

    /// Write an HTML page with all measures, curves and verdicts to this file.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub out: Option<PathBuf>,

    /// Print one JSON object with all that was found.
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// What is done before there are stories.
#[derive(Debug, Subcommand)]
pub enum EvalCommand {
    /// Write the presets and prompts of a fair sweep into a folder, and print the commands that tell and compare its stories.
    ///
    /// Every family has as many settings: temperature, min-p, XTC, top-nσ, top-H, α with the horizon of a token and of a word, waves,
    /// half waves, a ceiling, a baseline, both, and the ablation that shuffles. Settings are chosen on development prompts and
    /// judged once on others.
    Plan(EvalPlan),
}

/// `afterword eval plan`
#[derive(Debug, Args)]
pub struct EvalPlan {
    /// The model that is to tell the stories, by name or path.
    #[arg(long, short, value_name = "NAME|PATH")]
    pub model: PathBuf,

    /// The folder of the sweep. What is there already is not written over.
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,

    /// A model that is to judge them, by name or path. May be repeated.
    #[arg(long, value_name = "NAME|PATH")]
    pub judge: Vec<PathBuf>,

    /// Ask for stories as one asks an instruct model, and do not begin them.
    #[arg(long)]
    pub instructions: bool,

    /// Settings of each family.
    #[arg(long, value_name = "N", default_value = "3", value_parser = settings, allow_negative_numbers = true)]
    pub settings: u8,

    /// Development prompts.
    #[arg(long, value_name = "N", default_value = "12", value_parser = from_one, allow_negative_numbers = true)]
    pub dev: NonZeroUsize,

    /// Test prompts.
    #[arg(long, value_name = "N", default_value = "24", value_parser = from_one, allow_negative_numbers = true)]
    pub test: NonZeroUsize,

    /// Stories of every setting and prompt.
    #[arg(long, value_name = "N", default_value = "2", value_parser = from_one, allow_negative_numbers = true)]
    pub seeds: NonZeroUsize,

    /// The most tokens of a story.
    #[arg(long, short = 'n', value_name = "N", default_value = "220", value_parser = from_one, allow_negative_numbers = true)]
    pub tokens: NonZeroUsize,

    /// Processor threads of a run: beside other work one is fastest.
    #[arg(long, value_name = "N", default_value = "1", value_parser = from_one, allow_negative_numbers = true)]
    pub threads: NonZeroUsize,

    /// Stories of the sweep that are told: write for each setting with a future the temperature at which the model is as surprised.
    #[arg(long, value_name = "DIR")]
    pub matching: Option<PathBuf>,
}

fn settings(typed: &str) -> Result<u8, String> {
    let most = u8::try_from(MOST_SETTINGS).unwrap_or(u8::MAX);
    let known = typed.parse().ok().filter(|settings| (1..=most).contains(settings));
    known.ok_or_else(|| format!("expected a whole number from 1 to {most}"))
}
