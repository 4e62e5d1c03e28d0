//! What is typed.

// What stands here is the help text, where a terminal shows no backticks.
#![allow(clippy::doc_markdown)]

mod batch;
mod cache;
mod colour;
mod config;
mod desk;
mod device;
mod eval;
#[cfg(feature = "explore")]
mod explore;
#[cfg(feature = "hub")]
mod hub;
mod judge;
mod models;
mod rpc;
mod score;
#[cfg(feature = "serve")]
mod serve;
mod shared;
mod telling;
mod tools;
mod typed;

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use clap_complete::Shell;

use crate::engine::Worker;

pub use self::batch::{Batch, Part};
pub use self::cache::{Cache, CacheDeed, KeepingArgs};
pub use self::colour::Colour;
pub use self::config::{Config, ConfigChange};
pub use self::desk::Desk;
pub use self::device::{DeviceArgs, KvTypes, layers};
pub use self::eval::{Eval, EvalCommand, EvalPlan};
#[cfg(feature = "explore")]
pub use self::explore::Explore;
#[cfg(feature = "hub")]
pub use self::hub::{HubArgs, Pull};
pub use self::judge::Judge;
pub use self::rpc::RpcServe;
pub use self::score::Score;
#[cfg(feature = "serve")]
pub use self::serve::Serve;
pub use self::shared::{ChangeArgs, ModelArgs, PresetArgs, PromptArgs, StoryArgs, Think, from_one};
pub use self::telling::{Compare, Explain, Layout, Replay, Trace, Write};
pub use self::tools::{Bench, Calibrate, Models, Presets, Report, Tune, USUAL_TOP};
pub use self::typed::Typed;

/// A storyteller's decoder for local GGUF models: it asks of every candidate word what could come after it, and prefers
/// words that keep the story open.
#[derive(Debug, Parser)]
#[command(name = "afterword", version, max_term_width = 80, propagate_version = true)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,

    /// Colours: `auto` (in a terminal, unless NO_COLOR is set), `always` or `never`; for `write` and `score` also what colours the words.
    #[arg(long, global = true, default_value_t = Colour::Auto, value_name = "WHEN")]
    pub colour: Colour,

    /// Print nothing but the result and errors.
    #[arg(long, short, global = true)]
    pub quiet: bool,

    /// Say yes where it is asked whether a model that is named by `hf:` or its address is to be fetched.
    #[cfg(feature = "hub")]
    #[arg(long, global = true, hide_short_help = true)]
    pub yes: bool,
}

impl Args {
    /// Whether what is asked is answered already.
    #[cfg_attr(not(feature = "hub"), allow(clippy::unused_self, reason = "without the hub nothing is asked"))]
    pub fn says_yes(&self) -> bool {
        #[cfg(feature = "hub")]
        return self.yes;
        #[cfg(not(feature = "hub"))]
        false
    }
}

/// The subcommand that the program calls itself with.
pub const RENDERING: &str = "render-templates";

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Tell a story that goes on from a prompt.
    Write(Write),
    /// Serve the front-ends that writers have: SillyTavern, mikupad, Open WebUI, LibreChat, Tapestry Loom, Obsidian.
    ///
    /// It offers what llama-server does natively, and OpenAI's API v1; presets are chosen as models, MODEL@PRESET. It listens on this
    /// machine alone, unless told otherwise. Ctrl-C ends it.
    #[cfg(feature = "serve")]
    Serve(Box<Serve>),
    /// Write a chapter piece by piece: go on, again, another word, drafts, undo, at a key each.
    ///
    /// Every piece is added to the file at once, and nothing else in it changes; what was added can be taken back, on another day too.
    /// Keys are shown. Without a terminal each line of standard input is a key.
    Desk(Desk),
    /// Stand inside a story and choose: what each word opens, other words, drafts, branches, all kept as a tree.
    ///
    /// It draws on the terminal. At the cursor it shows the candidates with p, Ĥ and s, and where each would lead; Enter takes another word
    /// and grows a branch beside the one that is there, Space tells on. Nothing is overwritten, everything can be undone, and the tree is
    /// kept in a file, from which other programs for trees of text can be served.
    #[cfg(feature = "explore")]
    Explore(Box<Explore>),
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
    /// Tell the story of a record again, with the settings in it, and name the first token that differs.
    ///
    /// It is told with the record's preset, seed, model and settings, beside those that were told with it, and as far as the record
    /// goes. What is typed of the model and of devices overrules the record: then the bits may differ.
    Replay(Replay),
    /// Tell many stories into a folder: prompts × presets × seeds. The same command again goes on where it ended.
    ///
    /// With more prompts, presets or seeds, and all that were there, it adds what is missing: the folder is then as if all had been told
    /// at once.
    ///
    /// The folder gets run.toml, stories/NAME.txt and NAME.json, and index.jsonl with a line a story. Every file is whole or not
    /// there, whatever ends the run.
    Batch(Box<Batch>),
    /// Make one HTML page of stories: coloured words, why each was chosen, the α-wave, settings.
    ///
    /// The page needs nothing but itself, and no model is loaded to make it.
    Report(Report),
    /// Ask which of two stories is better, without telling what they were told with, and tell what the answers come to.
    ///
    /// Pairs are of one prompt and of two presets, in an order drawn by lot. Every answer is kept at once, and the same command goes on
    /// where it ended. With --result it tells strengths by the model of Bradley and Terry, with intervals over prompts, and how far
    /// judges agree.
    Judge(Judge),
    /// Score texts, whoever wrote them: surprisal, rank and entropy of every token, as a model reads them.
    ///
    /// A text is read by teacher forcing and never changed. One that is longer than the model's context is read in parts that overlap.
    Score(Box<Score>),
    /// Compare arms of stories: what they share and repeat, what judges say, and whether any is better than plain temperature.
    ///
    /// An arm is a preset, told of the same prompts as all others. Each is compared with the curve of temperatures at equal surprisal
    /// for a judge, prompt by prompt, and gets a verdict that claims no more than was shown. Without a judge coherence is not
    /// established, and noise wins every measure of diversity.
    Eval(Box<Eval>),
    /// Measure speed on this machine: plain sampling, and candidate lookahead done in several ways.
    Bench(Bench),
    /// Measure what a decode of 1 to 32 tokens costs with how many threads, and recommend a width and threads for this machine.
    Tune(Tune),
    /// Measure once for a model how open a story usually is after each of its tokens, for presets with `baseline = "model"`.
    ///
    /// It tells some stories, looks at all candidates of every choice, and keeps a table in the cache: below AFTERWORD_CACHE where
    /// that is set, else in `afterword/baselines` of the user's cache folder. Without `--prompt` the stories have twelve English
    /// beginnings; for a model of another language give beginnings in it.
    Calibrate(Calibrate),
    /// List, show and check presets.
    #[command(subcommand)]
    Presets(Presets),
    /// List the models on this machine, fetch one, or tell what one is and needs.
    #[command(subcommand)]
    Models(Models),
    /// List what is kept of prompts, so that the next story behind one begins at once, or remove it.
    ///
    /// The model's memory of a long prompt is kept in the cache: below AFTERWORD_CACHE where that is set, else in `afterword/states` of the
    /// user's cache folder. All of it takes 2 GB at most, or what AFTERWORD_CACHE_LIMIT says (`500MB`, `4GB`; `0` keeps nothing), and what
    /// was used least recently goes first. A state serves the same model file, program and settings alone.
    Cache(Cache),
    /// Show your defaults and where each comes from, or change them.
    ///
    /// They stand in `~/.config/afterword/config.toml` (below XDG_CONFIG_HOME where that is set, or the file that AFTERWORD_CONFIG
    /// names), as `model = "gemma"` or `threads = 2`. A variable of the environment overrules the file, and what is typed both. What
    /// is told again from a record goes by the record.
    Config(Config),
    /// Tell what this build and this machine have, and whether they tell a story.
    Doctor {
        /// Print a JSON object.
        #[arg(long)]
        json: bool,

        /// Workers whose devices to look at, too.
        #[arg(long, value_name = "HOST:PORT,…", value_delimiter = ',')]
        rpc: Vec<Worker>,
    },
    /// Lend this machine's devices to others, for a model that no single machine holds.
    ///
    /// Another afterword uses them with --rpc. It serves one client at a time, and listens to this machine alone, unless told otherwise:
    /// whoever reaches its port can run what they like here.
    RpcServe(RpcServe),
    /// Print a script that makes your shell complete commands, options and their values.
    ///
    /// For bash: afterword completions bash > ~/.local/share/bash-completion/completions/afterword
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Print the manual of the program, for `man`, or write a page of every command.
    Man {
        /// Write a page of every command into this folder.
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Render the chat templates of models for another process of this program, a job a line.
    #[command(name = RENDERING, hide = true)]
    RenderTemplates,
}
