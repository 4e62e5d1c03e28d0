//! What the subcommands around stories are asked: about speed, presets and models.

// What stands here is the help text, where a terminal shows no backticks.
#![allow(clippy::doc_markdown)]

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, Subcommand};

#[cfg(feature = "hub")]
use super::Pull;
use super::shared::{any_seed, from_one, from_two};
use super::{ChangeArgs, DeviceArgs, ModelArgs};
use crate::bench::Mode;
use crate::sampler::Horizon;

/// `afterword bench`
#[derive(Debug, Args)]
pub struct Bench {
    /// The preset whose lookahead is measured, by name or TOML file.
    #[arg(long, value_name = "NAME|FILE", default_value = "article")]
    pub preset: String,

    /// What is otherwise than in the preset.
    #[command(flatten)]
    pub changes: ChangeArgs,

    /// How the stories begin; without it some beginnings of fairy tales. May be repeated.
    #[arg(long, value_name = "TEXT")]
    pub prompt: Vec<String>,

    /// Tokens that each story tells in one measurement.
    #[arg(long, short = 'n', value_name = "N", default_value = "128", value_parser = from_one, allow_negative_numbers = true)]
    pub tokens: NonZeroUsize,

    /// How many stories are told at once.
    #[arg(long, value_name = "N,M,…", value_delimiter = ',', default_value = "1,4", value_parser = from_one, allow_negative_numbers = true)]
    pub stories: Vec<NonZeroUsize>,

    /// How often everything is measured: times are medians.
    #[arg(long, value_name = "N", default_value = "5", value_parser = from_one, allow_negative_numbers = true)]
    pub runs: NonZeroUsize,

    /// What is measured: bare, plain, voice (the preset at α = −1), naive, batch, lazy, wave, word.
    #[arg(long, value_name = "A,B,…", value_delimiter = ',', default_values_t = Mode::USUAL, value_parser = str::parse::<Mode>)]
    pub modes: Vec<Mode>,

    /// The seed of the first story.
    #[arg(long, value_name = "N", default_value = "1", value_parser = any_seed, allow_negative_numbers = true)]
    pub seed: u64,

    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,

    /// Print one JSON object.
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// `afterword tune`
#[derive(Debug, Args)]
pub struct Tune {
    /// The preset whose lookahead is counted, by name or TOML file.
    #[arg(long, value_name = "NAME|FILE", default_value = "article")]
    pub preset: String,

    /// What is otherwise than in the preset.
    #[command(flatten)]
    pub changes: ChangeArgs,

    /// How the story begins whose lookahead is counted; without it the beginning of a fairy tale.
    #[arg(long, value_name = "TEXT")]
    pub prompt: Option<String>,

    /// Tokens that the story tells.
    #[arg(long, short = 'n', value_name = "N", default_value = "128", value_parser = from_one, allow_negative_numbers = true)]
    pub tokens: NonZeroUsize,

    /// How often everything is measured, five decodes a time: times are medians.
    #[arg(long, value_name = "N", default_value = "5", value_parser = from_one, allow_negative_numbers = true)]
    pub runs: NonZeroUsize,

    /// The seed of the story.
    #[arg(long, value_name = "N", default_value = "1", value_parser = any_seed, allow_negative_numbers = true)]
    pub seed: u64,

    /// Keep nothing: else commands on this model go by what is found here, where neither --width nor --threads is given.
    #[arg(long, help_heading = "Output")]
    pub dry_run: bool,

    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,

    /// Print one JSON object.
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

/// The n of `afterword calibrate` where none is typed.
pub const USUAL_TOP: usize = 20;

/// `afterword calibrate`
#[derive(Debug, Args)]
pub struct Calibrate {
    /// Over how many of the likeliest next tokens an entropy is measured: the preset's `entropy-top`.
    #[arg(long, value_name = "N", default_value_t = USUAL_TOP, value_parser = from_two, allow_negative_numbers = true)]
    pub entropy_top: usize,

    /// How far a candidate is followed: the preset's `horizon`.
    #[arg(long, value_name = "token|word", default_value = "token", value_parser = horizon)]
    pub horizon: Horizon,

    /// How the stories begin. May be repeated; without it twelve beginnings of several kinds.
    #[arg(long, value_name = "TEXT")]
    pub prompt: Vec<String>,

    /// The most tokens of each story.
    #[arg(long, short = 'n', value_name = "N", default_value = "200", value_parser = from_one, allow_negative_numbers = true)]
    pub tokens: NonZeroUsize,

    /// The seed of the first story; the others follow.
    #[arg(long, value_name = "N", default_value = "1", value_parser = any_seed, allow_negative_numbers = true)]
    pub seed: u64,

    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,

    /// Print one JSON object.
    #[arg(long, help_heading = "Output")]
    pub json: bool,
}

fn horizon(typed: &str) -> Result<Horizon, &'static str> {
    [Horizon::Token, Horizon::Word].into_iter().find(|one| one.name() == typed).ok_or("expected `token` or `word`")
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
    /// Print a preset as TOML, with all it extends resolved, and draw the schedules that move in it.
    Show {
        /// A preset by name, or a TOML file.
        name: String,
        /// What is changed before it is shown.
        #[command(flatten)]
        changes: ChangeArgs,
        /// The model whose makers' advice is shown as the preset `model`; without it the model that comes with the program.
        #[arg(long, short, value_name = "NAME|PATH")]
        model: Option<PathBuf>,
        /// Print a JSON object.
        #[arg(long)]
        json: bool,
    },
    /// Write a preset of your own, to be changed: into your configuration folder, where it is found by its name.
    New {
        /// Its name: letters, digits, `-` and `_`.
        name: String,
        /// The preset that it begins as, by name or TOML file.
        #[arg(long, value_name = "NAME|FILE", default_value = "wave")]
        from: String,
        /// What is changed in it.
        #[command(flatten)]
        changes: ChangeArgs,
        /// The model whose makers' advice it begins as with `--from model`; without it the model that comes with the program.
        #[arg(long, short, value_name = "NAME|PATH")]
        model: Option<PathBuf>,
        /// Write it to this file instead.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Make a preset of another program's settings, and tell what could not be carried over.
    ///
    /// Reads SillyTavern's text completion presets and KoboldCpp's settings (JSON), text-generation-webui's presets (YAML),
    /// llama.cpp's settings (its server's JSON, or a text file with its command line), and Ollama's Modelfiles. Without --name or
    /// --out the preset is printed.
    Import {
        /// The file; `-` reads standard input.
        file: PathBuf,
        /// Write it into your configuration folder, where it is found by this name.
        #[arg(long, conflicts_with = "out")]
        name: Option<String>,
        /// Write it to this file.
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
    },
    /// Tell every stage, schedule and key that a preset may have.
    Reference {
        /// Print Markdown.
        #[arg(long)]
        markdown: bool,
    },
    /// Print the JSON Schema of preset files, for editors.
    Schema,
    /// Read presets and tell what is wrong with them or of no use.
    Check {
        /// Presets by name, or TOML files.
        #[arg(required = true)]
        files: Vec<String>,
    },
}

/// `afterword report`
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  afterword write "Once upon a time" --record story.json --trace=full
  afterword report story.json
  afterword report stories/ --out stories.html"#)]
pub struct Report {
    /// Records that `afterword write --record` wrote, or a folder of them; or trees that `afterword explore` keeps.
    #[arg(required = true, value_name = "FILE|DIR")]
    pub records: Vec<PathBuf>,

    /// Write the page to this file; without it beside the record, or as `index.html` into the folder. `-` prints it.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// `afterword models`
#[derive(Debug, Subcommand)]
pub enum Models {
    /// Fetch a model from the Hugging Face hub, or from any address, into the cache that other programs share.
    ///
    /// Of a repository it takes the quantisation that is named, or the one that most would take, and says why. The header is asked
    /// first: what cannot fit into this machine is not fetched. What broke off goes on with the same command, and a file has its name
    /// only when it is whole and its checksum right. What comes from an address that is not of the hub lies below AFTERWORD_CACHE where that
    /// is set, else in `afterword/models` of the user's cache folder.
    #[cfg(feature = "hub")]
    Pull(Box<Pull>),
    /// Name models to begin with, with what each is good for, for `afterword models pull`.
    #[cfg(feature = "hub")]
    Known {
        /// Print a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Keep a model as the one that is meant where none is named: `afterword config set model NAME`.
    ///
    /// A short name that `afterword models known` tells, or one of the hub, is fetched where it is not here. `afterword config unset model` takes
    /// it back.
    Use {
        /// A model by name, or a GGUF file.
        #[arg(value_name = "NAME|PATH")]
        name: String,
    },
    /// Name the models of `models/`, the Hugging Face cache, llama.cpp, LM Studio and Ollama.
    List {
        /// Print a JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Tell what a model is, and what memory it needs; nothing is loaded.
    Info {
        /// A model by name, or a GGUF file.
        #[arg(value_name = "NAME|PATH")]
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
