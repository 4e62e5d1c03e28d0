//! What is typed.

// What stands here is the help text, where a terminal shows no backticks.
#![allow(clippy::doc_markdown)]

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

use super::device_args::DeviceArgs;
use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};

use crate::bench::Mode;

/// A storyteller's decoder for local GGUF models: it asks of every candidate word what could come after it, and prefers
/// words that keep the story open.
#[derive(Debug, Parser)]
#[command(name = "afterword", version, max_term_width = 80, propagate_version = true)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// Colours: `auto` (in a terminal, unless NO_COLOR is set), `always` or `never`.
    // With its possible values listed one by one, the help of every command would spread over two screens.
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto, value_name = "WHEN", hide_possible_values = true)]
    pub colour: Colour,

    /// Print nothing but the result and errors.
    #[arg(long, short, global = true)]
    pub quiet: bool,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Colour {
    /// In a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Tell a story that goes on from a prompt.
    Write(Write),
    /// Tell the same prompt with several presets, under one seed, and show where they part.
    ///
    /// Each story is the one that `write` tells with this preset and seed. What a story shares with the first one is plain; from
    /// the first word on that differs, behind ‖, it is coloured.
    Compare(Compare),
    /// Show why: the next token after a prompt, with p, Ĥ and s of every candidate, and what each stage cut.
    ///
    /// The token is the first of a story, so α stands where it stands at t = 0: a wave's centre. Ask for another with
    /// `--set future.alpha=0.5`.
    Explain(Explain),
    /// Measure speed on this machine: plain sampling, and candidate lookahead done in several ways.
    Bench(Bench),
    /// List, show and check presets.
    #[command(subcommand)]
    Presets(Presets),
    /// List the models on this machine, or tell what one is and needs.
    #[command(subcommand)]
    Models(Models),
    /// Tell what this build and this machine have, and whether they tell a story.
    Doctor {
        /// Print a JSON object.
        #[arg(long)]
        json: bool,
    },
}

/// The model and how it computes.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Model")]
pub struct ModelArgs {
    /// A GGUF file; without it the small story model that comes with the program.
    #[arg(long, value_name = "PATH")]
    pub model: Option<PathBuf>,

    /// Processor threads; without it 1 for models below 100 MB, else one for each physical core.
    #[arg(long, value_name = "N", value_parser = from_one, allow_negative_numbers = true)]
    pub threads: Option<NonZeroUsize>,

    /// The most tokens of prompt and story together; without it what the model was trained for.
    #[arg(long, value_name = "N", value_parser = from_one, allow_negative_numbers = true)]
    pub ctx: Option<NonZeroUsize>,

    /// Candidates of a story to look at in one decode; `auto` is 1 on a processor, 8 on a GPU. Changes the cost only.
    #[arg(long, value_name = "N|auto", default_value = "auto")]
    pub width: Width,

    /// Where and in what form it computes.
    #[command(flatten)]
    pub device: DeviceArgs,
}

/// How many candidates are looked at in one decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Width {
    /// By the kind of device.
    Auto,
    /// So many.
    Fixed(NonZeroUsize),
}

impl FromStr for Width {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        match typed {
            "auto" => Ok(Self::Auto),
            number => number.parse().map(Self::Fixed).map_err(|_| "expected a number from 1 up, or `auto`".to_string()),
        }
    }
}

/// What a record keeps of each token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Trace {
    /// What was looked at to choose it.
    Looked,
    /// All candidates, looked at even where that could not matter.
    Full,
}

/// The decisions.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Sampler")]
pub struct PresetArgs {
    /// A preset by name, or a TOML file. `afterword presets list` names them.
    #[arg(long, value_name = "NAME|FILE", default_value = "wave")]
    pub preset: String,

    /// Change one value of the preset: `future.alpha=0.3`, `temperature=0.8`, `draw.pick=argmax`. May be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

/// How the prompt is put to an instruct model.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Prompt")]
pub struct PromptArgs {
    /// Put the prompt as an instruction, in the model's own chat template; without it a prompt that begins like one ("Write …",
    /// "Tell …", "Please …") is, where the model has a template.
    #[arg(long)]
    pub chat: bool,

    /// Take the prompt as the beginning of the story, whatever the model.
    #[arg(long, conflicts_with_all = ["chat", "system", "prefill", "think"])]
    pub raw: bool,

    /// Tell an instruct model who it is.
    #[arg(long, value_name = "TEXT")]
    pub system: Option<String>,

    /// Begin the model's answer; the story goes on from there.
    #[arg(long, value_name = "TEXT")]
    pub prefill: Option<String>,

    /// Let a model that can think do so first: `show` prints its thinking on standard error, `off` (the usual) asks for none. It
    /// is not sampled by the preset.
    #[arg(long, value_name = "off|show|hide", hide_possible_values = true)]
    pub think: Option<Think>,

    /// Take names of control tokens in the prompt as those tokens, and not as letters.
    #[arg(long)]
    pub parse_special: bool,
}

/// What becomes of a model's thinking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Think {
    /// There is none.
    Off,
    /// It is shown beside the story.
    Show,
    /// It is not shown.
    Hide,
}

/// The story.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Story")]
pub struct StoryArgs {
    /// The seed of all randomness; without it one is chosen and printed.
    #[arg(long, value_name = "N", value_parser = any_seed, allow_negative_numbers = true)]
    pub seed: Option<u64>,

    /// The most tokens to tell.
    #[arg(long, value_name = "N", default_value = "300", value_parser = from_one, allow_negative_numbers = true)]
    pub tokens: NonZeroUsize,

    /// End before this text; it is not told. May be repeated.
    #[arg(long, value_name = "TEXT")]
    pub stop: Vec<String>,
}

/// `afterword write`
#[derive(Debug, ClapArgs)]
#[command(after_help = r#"Examples:
  afterword write "Once upon a time"
  afterword write "The door opened" --preset open --seed 7 --tokens 100
  afterword write --model story.gguf --record story.json < beginning.txt"#)]
pub struct Write {
    /// How the story begins; `-` or nothing reads standard input.
    pub prompt: Option<String>,

    /// How it is put.
    #[command(flatten)]
    pub asking: PromptArgs,

    /// The decisions.
    #[command(flatten)]
    pub preset: PresetArgs,

    /// The story.
    #[command(flatten)]
    pub story: StoryArgs,

    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,

    /// Write the record of the story to this file: prompt, preset, seed, model, settings, tokens and text, as JSON.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub record: Option<PathBuf>,

    /// Keep in the record why each token was chosen: p, rank, entropies, α, and every candidate that was looked at with p, Ĥ
    /// and s. `full` looks at all candidates.
    #[arg(
        long,
        value_name = "HOW",
        requires = "record",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "looked",
        help_heading = "Output"
    )]
    pub trace: Option<Trace>,

    /// Print only what is told, without the prompt before it.
    #[arg(long, help_heading = "Output")]
    pub no_prompt: bool,
}

/// `afterword compare`
#[derive(Debug, ClapArgs)]
pub struct Compare {
    /// How the stories begin; `-` reads standard input.
    pub prompt: String,

    /// The presets to compare, by name or TOML file; without it greedy,temperature,future,wave.
    #[arg(long, value_name = "A,B,…", value_delimiter = ',')]
    pub presets: Vec<String>,

    /// Compare values of one setting: `future.alpha=-1,0,1`. Each preset is told with each of them, `future` where none is named.
    #[arg(long, value_name = "KEY=A,B,…")]
    pub vary: Option<String>,

    /// Change one value of every preset. May be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,

    /// How the prompt is put.
    #[command(flatten)]
    pub asking: PromptArgs,

    /// The stories.
    #[command(flatten)]
    pub story: StoryArgs,

    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,

    /// How the stories are laid out.
    #[arg(long, value_enum, default_value_t = Layout::Auto, help_heading = "Output")]
    pub layout: Layout,

    /// Print one JSON object: the prompt, the seed, and each story with its preset, tokens and costs; `parts-at` counts the words
    /// before the first one that differs from the first story's.
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// How compared stories are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Layout {
    /// Columns where the terminal is wide enough for them, else rows.
    Auto,
    /// Side by side.
    Columns,
    /// One after another.
    Rows,
}

/// `afterword explain`
#[derive(Debug, ClapArgs)]
pub struct Explain {
    /// The text whose next token is explained; `-` reads standard input.
    pub prompt: String,

    /// How it is put.
    #[command(flatten)]
    pub asking: PromptArgs,

    /// The decisions.
    #[command(flatten)]
    pub preset: PresetArgs,

    /// The seed of the draw that is shown; without it one is chosen and printed.
    #[arg(long, value_name = "N", help_heading = "Sampler", value_parser = any_seed, allow_negative_numbers = true)]
    pub seed: Option<u64>,

    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,

    /// Print one JSON object: the prompt, the preset, every stage and every candidate, with no number rounded; entropies and
    /// log-probabilities in nats.
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// `afterword bench`
#[derive(Debug, ClapArgs)]
pub struct Bench {
    /// The preset whose lookahead is measured, by name or TOML file.
    #[arg(long, value_name = "NAME|FILE", default_value = "future")]
    pub preset: String,

    /// Change one value of the preset. May be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,

    /// How the stories begin; without it some beginnings of fairy tales. May be repeated.
    #[arg(long, value_name = "TEXT")]
    pub prompt: Vec<String>,

    /// Tokens that each story tells in one measurement.
    #[arg(long, value_name = "N", default_value = "128")]
    pub tokens: NonZeroUsize,

    /// How many stories are told at once.
    #[arg(long, value_name = "N,M,…", value_delimiter = ',', default_value = "1,4")]
    pub stories: Vec<NonZeroUsize>,

    /// How often everything is measured: times are medians.
    #[arg(long, value_name = "N", default_value = "5")]
    pub runs: NonZeroUsize,

    /// What is measured: bare, plain, voice (the preset at α = −1), naive, batch, lazy, wave, word.
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', default_values_t = Mode::USUAL, value_parser = str::parse::<Mode>)]
    pub modes: Vec<Mode>,

    /// The seed of the first story.
    #[arg(long, value_name = "N", default_value = "1")]
    pub seed: u64,

    /// Measure what a decode of 1 to 32 tokens costs with how many threads, and recommend a width and threads.
    #[arg(long, conflicts_with_all = ["modes", "stories"])]
    pub tune: bool,

    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,

    /// Print one JSON object.
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// `afterword presets`
#[derive(Debug, Subcommand)]
pub enum Presets {
    /// Name all presets, each with its origin and one line on it.
    List {
        /// Print a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Print a preset as TOML, with all it extends resolved.
    Show {
        /// A preset by name, or a TOML file.
        name: String,
        /// Change one value before it is shown. May be repeated.
        #[arg(long, value_name = "KEY=VALUE")]
        set: Vec<String>,
        /// Print a JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Read presets and tell what is wrong with them or of no use.
    Check {
        /// Presets by name, or TOML files.
        #[arg(required = true)]
        files: Vec<String>,
    },
}

/// `afterword models`
#[derive(Debug, Subcommand)]
pub enum Models {
    /// Name the models of `models/`, the Hugging Face cache, llama.cpp, LM Studio and Ollama.
    List {
        /// Print a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Tell what a model is, and what memory it needs; nothing is loaded.
    Info {
        /// A GGUF file.
        path: PathBuf,

        /// Tokens of prompt and story together; without it what the model was trained for.
        #[arg(long, value_name = "N", value_parser = from_one, allow_negative_numbers = true)]
        ctx: Option<NonZeroUsize>,

        /// Stories that are told at once.
        #[arg(long, value_name = "N", default_value = "1", value_parser = from_one, allow_negative_numbers = true)]
        stories: NonZeroUsize,

        /// Where and in what form it would compute.
        #[command(flatten)]
        device: Box<DeviceArgs>,

        /// Print a JSON object.
        #[arg(long)]
        json: bool,
    },
}

fn from_one(typed: &str) -> Result<NonZeroUsize, &'static str> {
    typed.parse().map_err(|_| "expected a whole number from 1 up")
}

fn any_seed(typed: &str) -> Result<u64, &'static str> {
    typed.parse().map_err(|_| "expected a whole number from 0 to 18446744073709551615")
}
