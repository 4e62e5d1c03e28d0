//! What the subcommands that tell a story, or a part of one, are asked.

// What stands here is the help text, where a terminal shows no backticks.
#![allow(clippy::doc_markdown)]

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::shared::{adapter, any_seed, from_nothing, from_one, unescaped};
use super::{ChangeArgs, DeviceArgs, KeepingArgs, ModelArgs, PresetArgs, PromptArgs, StoryArgs, Typed};
use crate::model::Adapter;
use crate::report::ColourScale;

/// `afterword write`
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  afterword write "Once upon a time"
  afterword write "The door opened" --preset open --seed 7 --tokens 100
  afterword write --model story.gguf --record story.json < beginning.txt
  afterword write --resume story.json --tokens 300 --record longer.json
  afterword write --resume story.json --at 65 --take "·feeling"
  afterword write --again story.json
  afterword write --append chapter.md"#)]
pub struct Write {
    /// Which options were typed.
    #[command(flatten)]
    pub typed: Typed,

    /// How the story begins; `-` or nothing reads standard input, to the last byte. One that begins with a dash stands behind `--`.
    pub prompt: Option<String>,

    /// Go on with the text of this file, and add what is told to its end; nothing else in it changes. What was told is kept at Ctrl-C
    /// too. Front matter (TOML between lines `+++`) may name preset, model, seed, tokens and notes, and is not told. A text longer than
    /// the context is seen from its beginning and its end.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["prompt", "chat", "system", "prefill", "think", "drafts", "out"],
        help_heading = "Prompt"
    )]
    pub append: Option<PathBuf>,

    /// Have the model read these notes before the file of --append: memory, characters, style. May be repeated.
    #[arg(long = "with", value_name = "FILE", help_heading = "Prompt")]
    pub with: Vec<PathBuf>,

    /// Take back the last piece that was added to the file of --append, and print it; nothing is told.
    #[arg(long, conflicts_with_all = ["with", "record"], help_heading = "Prompt")]
    pub undo: bool,

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

    /// What is kept.
    #[command(flatten)]
    pub keeping: KeepingArgs,

    /// Go on with the story of this record where it ended, for `--tokens` more: with its preset, seed, model and settings, as far as none
    /// are given, it becomes the story that would have been told at once. One that the model had ended goes on without that end.
    #[arg(
        long,
        value_name = "RECORD",
        conflicts_with_all = ["prompt", "chat", "raw", "system", "prefill", "think", "parse_special", "heal"],
        help_heading = "A story that was told"
    )]
    pub resume: Option<PathBuf>,

    /// Go on with `--resume` from this token of the story instead, counted from 1 as on the page of `afterword report`: it and what follows
    /// is told anew, which under another `--seed` is another story.
    #[arg(
        long,
        value_name = "N",
        requires = "resume",
        value_parser = from_one,
        allow_negative_numbers = true,
        help_heading = "A story that was told"
    )]
    pub at: Option<NonZeroUsize>,

    /// Have this word at that place, and go on behind it: the text of a token, or of several. `·` stands for a space, which the first
    /// word mostly begins with, `⏎` or `\n` for a line break.
    #[arg(
        long,
        value_name = "TEXT",
        requires = "at",
        allow_hyphen_values = true,
        value_parser = unescaped,
        help_heading = "A story that was told"
    )]
    pub take: Option<String>,

    /// Tell the prompt of this record once more, under the next seed: with its preset, length, model and settings, as far as none are
    /// given.
    #[arg(
        long,
        value_name = "RECORD",
        conflicts_with_all = ["prompt", "resume", "chat", "raw", "system", "prefill", "think", "parse_special", "heal"],
        help_heading = "A story that was told"
    )]
    pub again: Option<PathBuf>,

    /// Tell so many drafts together, under this seed and those that follow it; each is shown when it is told.
    #[arg(long, value_name = "N", default_value = "1", help_heading = "Story", value_parser = from_one, allow_negative_numbers = true)]
    pub drafts: NonZeroUsize,

    /// Save every draft in this folder instead of showing it: draft-1.txt, and its record as draft-1.json.
    #[arg(long, value_name = "DIR", conflicts_with = "record", help_heading = "Output")]
    pub out: Option<PathBuf>,

    /// Write the record of the story to this file: prompt, preset, seed, model, settings, tokens and text, as JSON.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub record: Option<PathBuf>,

    /// Keep in the record why each token was chosen: p, rank, entropies, α, and every candidate that was looked at with p, Ĥ
    /// and s. `full` looks at all candidates.
    #[arg(
        long,
        value_name = "HOW",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "looked",
        help_heading = "Output"
    )]
    pub trace: Option<Trace>,

    /// Print only what is told, without the prompt before it: as it stands, so it may begin with a space or in mid-word.
    #[arg(long, help_heading = "Output")]
    pub no_prompt: bool,

    /// Colour each word by a number: `alpha`, `future`, `probability`, `surprisal` or `entropy`. `--colour alpha` is short for it;
    /// with `--colour always` the colours go into a file or a pipe too.
    #[arg(long, value_name = "BY", help_heading = "Output")]
    pub colour_by: Option<ColourScale>,
}

/// `afterword replay`
#[derive(Debug, Args)]
pub struct Replay {
    /// A record that `write --record`, `write --drafts --out` or `batch` wrote.
    #[arg(value_name = "FILE")]
    pub record: PathBuf,

    /// Where the model is now, if it is not where it was; it must be the same file.
    #[arg(long, short, value_name = "NAME|PATH", help_heading = "Model")]
    pub model: Option<PathBuf>,

    /// A LoRA adapter, and how often it is added; without it those of the record.
    #[arg(long, value_name = "FILE[:SCALE]", value_parser = adapter, help_heading = "Model")]
    pub lora: Vec<Adapter>,

    /// Processor threads; without it those of the record.
    #[arg(long, value_name = "N", value_parser = from_one, allow_negative_numbers = true, help_heading = "Model")]
    pub threads: Option<NonZeroUsize>,

    /// Where and in what form it computes; without it as in the record.
    #[command(flatten)]
    pub device: DeviceArgs,
}

/// `afterword compare`
#[derive(Debug, Args)]
pub struct Compare {
    /// How the stories begin; `-` reads standard input.
    pub prompt: String,

    /// The presets to compare, by name or TOML file; without it greedy,temperature,future,wave.
    #[arg(long, visible_alias = "preset", value_name = "A,B,…", value_delimiter = ',')]
    pub presets: Vec<String>,

    /// Compare values of one setting: `future.alpha=-1,0,1`. Each preset is told with each of them, `future` where none is
    /// named. May be repeated: then with each combination.
    #[arg(long, value_name = "KEY=A,B,…")]
    pub vary: Vec<String>,

    /// What is otherwise than in the presets.
    #[command(flatten)]
    pub changes: ChangeArgs,

    /// How the prompt is put.
    #[command(flatten)]
    pub asking: PromptArgs,

    /// The stories.
    #[command(flatten)]
    pub story: StoryArgs,

    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,

    /// What is kept.
    #[command(flatten)]
    pub keeping: KeepingArgs,

    /// Draw the comparison too: a page (`.html`) or a figure (`.svg`, `.png`).
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub out: Option<PathBuf>,

    /// What colours the words of a figure: `alpha`, `future`, `probability`, `surprisal` or `entropy`; without it `alpha` where a
    /// preset has one, else `surprisal`.
    #[arg(long, value_name = "BY", requires = "out", help_heading = "Output")]
    pub colour_by: Option<ColourScale>,

    /// How the stories are laid out.
    #[arg(long, value_enum, default_value_t = Layout::Auto, help_heading = "Output")]
    pub layout: Layout,

    /// Print one JSON object: the prompt, the seed, and each story with its preset, tokens and costs; `parts-at` counts the tokens
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
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  afterword explain "Once upon a time there lived a" --seed 1 --tree
  afterword explain --record story.json --token 13
  afterword explain --record story.json --token 13 --set future.alpha=1"#)]
pub struct Explain {
    /// The text whose next token is explained; `-` reads standard input.
    #[arg(required_unless_present = "record")]
    pub prompt: Option<String>,

    /// Explain a token of this story instead: it is told again up to there, with its preset, seed, model and settings.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["prompt", "preset", "seed", "chat", "raw", "system", "prefill", "think", "parse_special", "ctx"], help_heading = "Prompt")]
    pub record: Option<PathBuf>,

    /// Which of the story's tokens is explained, counted from 1 as on the page of `afterword report`; without it the first.
    #[arg(
        long,
        value_name = "N",
        help_heading = "Prompt",
        value_parser = from_one,
        allow_negative_numbers = true
    )]
    pub token: Option<NonZeroUsize>,

    /// The same by the number of tokens before it: `--after 12` is `--token 13`.
    #[arg(
        long,
        value_name = "N",
        conflicts_with = "token",
        help_heading = "Prompt",
        value_parser = from_nothing,
        allow_negative_numbers = true
    )]
    pub after: Option<usize>,

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

    /// Show too what is likeliest to come after each candidate.
    #[arg(long, help_heading = "Output")]
    pub tree: bool,

    /// Print one JSON object: the prompt, the preset, every stage and every candidate, with no number rounded; entropies and
    /// log-probabilities in nats.
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// What a record keeps of each token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Trace {
    /// What was looked at to choose it.
    Looked,
    /// All candidates, looked at even where that could not matter.
    Full,
}
