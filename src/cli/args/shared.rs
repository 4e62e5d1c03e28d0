//! What several subcommands are asked: about the model, the preset, the prompt and the story.

// What stands here is the help text, where a terminal shows no backticks.
#![allow(clippy::doc_markdown)]

use std::num::{IntErrorKind, NonZeroUsize, ParseIntError};
use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};

use super::{DeviceArgs, KvTypes};
use crate::engine::{EngineOptions, Heal, PromptSpec, Put, StoryRequest, Width};
use crate::model::{Adapter, Choice};
use crate::sampler::TextUnit;

/// The model and how it computes.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Model")]
pub struct ModelArgs {
    /// The model: a name that `afterword models list` shows, or its beginning, or the path of a GGUF file; or hf:USER/REPO[:QUANTISATION] of
    /// the Hugging Face hub, or an address, which is fetched when you say so. Without it the small story model that comes with the program.
    #[arg(long, short, value_name = "NAME|PATH")]
    pub model: Option<PathBuf>,

    /// A LoRA adapter to add to the model, and how often: `story.gguf`, `story.gguf:0.5`; without a number once.
    #[arg(long, value_name = "FILE[:SCALE]", value_parser = adapter)]
    pub lora: Vec<Adapter>,

    /// Processor threads, for each story or memory that is told at the same time; without it
    /// what `afterword tune` found, or else 1 for models below 100 MB and one for each physical core for others.
    #[arg(long, value_name = "N", value_parser = from_one, allow_negative_numbers = true)]
    pub threads: Option<NonZeroUsize>,

    /// The most tokens of prompt and story together; without it what the model was trained for.
    #[arg(long, value_name = "N", value_parser = from_one, allow_negative_numbers = true)]
    pub ctx: Option<NonZeroUsize>,

    /// Candidates of a story to look at in one decode; `auto` is what `afterword tune` found, or else 1 on a processor, and
    /// on a GPU 4, or fewer where several stories are told at once. Changes the cost only.
    #[arg(long, value_name = "N|auto", default_value = "auto", value_parser = count_or_auto)]
    pub width: Width,

    /// Where and in what form it computes.
    #[command(flatten)]
    pub device: DeviceArgs,
}

impl ModelArgs {
    /// What they ask of this model file.
    pub fn options(&self, model: PathBuf) -> EngineOptions {
        let DeviceArgs { gpu_layers, device, main_gpu, split, no_mmap, mlock, .. } = &self.device;
        let KvTypes { keys, values } = self.device.kv_types();
        EngineOptions {
            model,
            adapters: self.lora.clone(),
            devices: device.clone(),
            main_gpu: *main_gpu,
            split: *split,
            gpu_layers: *gpu_layers,
            use_mmap: !no_mmap,
            use_mlock: *mlock,
            threads: self.threads,
            context: self.ctx,
            width: self.width,
            flash_attention: self.device.flash(),
            keys,
            values,
        }
    }
}

/// The decisions.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Sampler")]
pub struct PresetArgs {
    /// A preset by name, or a TOML file; `model` is what the model's makers advise. `afterword presets list` names them.
    #[arg(long, value_name = "NAME|FILE", default_value = "wave")]
    pub preset: String,

    /// What is otherwise than in the preset.
    #[command(flatten)]
    pub changes: ChangeArgs,
}

/// What is otherwise than in a preset, or in every one of several.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Sampler")]
pub struct ChangeArgs {
    /// Change one value of the preset: `future.alpha=0.3`, `temperature=0.8`, `draw.pick=argmax`. May be repeated.
    #[arg(long, value_name = "KEY=VALUE")]
    pub set: Vec<String>,

    /// Do not say this, whatever its case, its quotes and its spaces: a word or a phrase. Where the story says it all the same, it goes back
    /// and is told otherwise before anybody sees it. May be repeated.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub ban: Vec<String>,

    /// Do not say what stands in this file: TOML as in the table `[bans]` of a preset, with `phrases`, `patterns` and `lists`, laid over what
    /// the preset bans; or in a list that comes with the program: `worn`. May be repeated.
    #[arg(long, value_name = "NAME|FILE")]
    pub bans: Vec<String>,
}

impl ChangeArgs {
    /// Whether nothing is otherwise.
    pub fn is_empty(&self) -> bool {
        let Self { set, ban, bans } = self;
        set.is_empty() && ban.is_empty() && bans.is_empty()
    }
}

/// How the prompt is put to an instruct model.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Prompt")]
pub struct PromptArgs {
    /// Put the prompt as an instruction, in the model's own chat template. Without it a short typed prompt that reads like one
    /// ("Write …", "Tell …", "Please …") is, where the model has a template; text from standard input or a file never is.
    #[arg(long)]
    pub chat: bool,

    /// Take the prompt as the beginning of the story, whatever the model.
    #[arg(long, conflicts_with_all = ["chat", "system", "prefill", "think"])]
    pub raw: bool,

    /// Tell an instruct model who it is.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub system: Option<String>,

    /// Begin the model's answer; the story goes on from there.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub prefill: Option<String>,

    /// Let a model that can think do so first: `show` prints its thinking on standard error, `off` (the usual) asks for none. It
    /// is not sampled by the preset.
    #[arg(long, value_name = "off|show|hide", hide_possible_values = true)]
    pub think: Option<Think>,

    /// Take names of control tokens in the prompt as those tokens, and not as letters.
    #[arg(long)]
    pub parse_special: bool,

    /// What at the end of the prompt is told anew by words that begin with it, so that a cut that no text has there does no harm: `space`
    /// is spaces at its end, which the next word brings itself; `word` is the word in which it ends, for a prompt that stops in mid-word
    /// ("The quick bro"), but "fox" may become "foxes"; `off` nothing. It is shown and kept as typed.
    #[arg(long, value_name = "off|space|word", default_value_t = Heal::default(), value_parser = one_of::<Heal>(), hide_possible_values = true)]
    pub heal: Heal,
}

impl PromptArgs {
    /// Those that take a text as the beginning of a story.
    pub fn raw() -> Self {
        let heal = Heal::default();
        Self { chat: false, raw: true, system: None, prefill: None, think: None, parse_special: false, heal }
    }

    /// Whether it was said how the prompt is to be taken: then it is one, whatever it looks like.
    pub fn asked(&self) -> bool {
        self.raw || self.chat
    }

    /// This text, put as they ask for it; `is_typed` where somebody typed it for this story.
    pub fn spec(&self, text: String, is_typed: bool) -> PromptSpec {
        let put = match (self.raw, self.chat) {
            (true, _) => Put::Raw,
            (_, true) => Put::Chat,
            (false, false) => Put::Guess,
        };
        PromptSpec {
            text,
            is_typed,
            put,
            system: self.system.clone(),
            prefill: self.prefill.clone(),
            thinks: self.think.is_some_and(|think| think != Think::Off),
            parse_special: self.parse_special,
            heal: self.heal,
        }
    }
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
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Story")]
pub struct StoryArgs {
    /// The seed of all randomness; without it one is chosen and printed. The same seed prefers the same words at the same place,
    /// whatever the preset.
    #[arg(long, value_name = "N", value_parser = any_seed, allow_negative_numbers = true)]
    pub seed: Option<u64>,

    /// The most tokens to tell.
    #[arg(long, short = 'n', value_name = "N", default_value = "300", value_parser = from_one, allow_negative_numbers = true)]
    pub tokens: NonZeroUsize,

    /// End well: at `--tokens` go on to the end of the sentence or paragraph that the story is then in. A sentence may take half
    /// as many tokens more, and at least 40; a paragraph as many more, and at least 200. The story ends with its last mark or quote,
    /// without the space or line break behind.
    #[arg(long, value_name = "UNIT", value_parser = one_of::<TextUnit>(), hide_possible_values = true)]
    pub to: Option<TextUnit>,

    /// Take no end of the model's before so many tokens are told.
    #[arg(long, value_name = "N", value_parser = from_one, allow_negative_numbers = true)]
    pub min_tokens: Option<NonZeroUsize>,

    /// Go on at a full context: the prompt stays, the older half of the story is forgotten.
    #[arg(long = "continue")]
    pub go_on: bool,

    /// Tell on where a story only repeats itself: one phrase over and over, 3 times or more and for 96 tokens or more.
    #[arg(long)]
    pub no_loop_stop: bool,

    /// End before this text; it is not told. `\n` is a line break, `\t` a tab and `\\` a backslash. May be repeated.
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true, value_parser = unescaped)]
    pub stop: Vec<String>,
}

/// A file, and behind its last colon how often it is added, where that is a number.
#[allow(clippy::unnecessary_wraps, reason = "a parser of values may fail, and this one does not")]
pub(super) fn adapter(typed: &str) -> Result<Adapter, std::convert::Infallible> {
    let split = typed.rsplit_once(':').filter(|(file, _)| !file.is_empty());
    let scaled = split.and_then(|(file, scale)| Some((file, scale.parse().ok().filter(|scale: &f32| scale.is_finite())?)));
    let (file, scale) = scaled.unwrap_or((typed, 1.0));
    Ok(Adapter { file: PathBuf::from(file), scale })
}

/// A count, or `auto`.
pub(super) fn count_or_auto(typed: &str) -> Result<Width, String> {
    match typed {
        "auto" => Ok(Width::Auto),
        number => number.parse().map(Width::Fixed).map_err(|error| whole(&error, "from 1 up, or `auto`")),
    }
}

pub fn from_one(typed: &str) -> Result<NonZeroUsize, String> {
    typed.parse().map_err(|error| whole(&error, "from 1 up"))
}

pub(super) fn from_nothing(typed: &str) -> Result<usize, String> {
    typed.parse().map_err(|error| whole(&error, "from 0 up"))
}

pub(super) fn from_two(typed: &str) -> Result<usize, String> {
    let number: usize = typed.parse().map_err(|error| whole(&error, "from 2 up"))?;
    if number < 2 { Err("expected a whole number from 2 up".to_owned()) } else { Ok(number) }
}

/// What is wrong with a number that was typed, where it can be any from some end on.
pub(super) fn whole(error: &ParseIntError, range: &str) -> String {
    match error.kind() {
        IntErrorKind::PosOverflow => "it is too large to count".to_owned(),
        _ => format!("expected a whole number {range}"),
    }
}

/// A text in which `\n`, `\t`, `\r` and `\\` stand for what not every shell can type; other backslashes stand for themselves.
#[allow(clippy::unnecessary_wraps, reason = "a parser of values may fail, and this one does not")]
pub(super) fn unescaped(typed: &str) -> Result<String, std::convert::Infallible> {
    let (mut text, mut rest) = (String::new(), typed);
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let sign = match rest.as_bytes().get(at + 1) {
            Some(b'n') => Some('\n'),
            Some(b't') => Some('\t'),
            Some(b'r') => Some('\r'),
            Some(b'\\') => Some('\\'),
            _ => None,
        };
        text.push(sign.unwrap_or('\\'));
        rest = &rest[at + 1 + usize::from(sign.is_some())..];
    }
    Ok(text + rest)
}

impl StoryArgs {
    /// The story that they ask for, under this seed.
    pub fn request(&self, seed: u64) -> StoryRequest {
        StoryRequest {
            seed,
            max_tokens: self.tokens.get(),
            to: self.to,
            min_tokens: self.min_tokens.map_or(0, NonZeroUsize::get),
            context_shift: self.go_on,
            stop_on_loop: !self.no_loop_stop,
            stops: self.stop.clone(),
        }
    }
}

/// One of a choice by its name; the help tells what each is.
pub(super) fn one_of<T: Choice + Send + Sync>() -> impl TypedValueParser<Value = T> {
    let name = |(_, name, about): &(T, &'static str, &'static str)| PossibleValue::new(*name).help(about.trim());
    PossibleValuesParser::new(T::ALL.iter().map(name)).try_map(|name| T::named(&name))
}

pub(super) fn any_seed(typed: &str) -> Result<u64, &'static str> {
    typed.parse().map_err(|_| "expected a whole number from 0 to 18446744073709551615")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_adapter_is_a_file_and_perhaps_a_number() {
        for (typed, file, scale) in [
            ("a.gguf", "a.gguf", 1.0),
            ("a.gguf:0.5", "a.gguf", 0.5),
            ("a.gguf:-2", "a.gguf", -2.0),
            ("C:\\a.gguf", "C:\\a.gguf", 1.0),
            ("C:\\a.gguf:0", "C:\\a.gguf", 0.0),
            ("a:b:1e-1", "a:b", 0.1),
            ("a.gguf:nan", "a.gguf:nan", 1.0),
            (":3", ":3", 1.0),
        ] {
            assert_eq!(adapter(typed).unwrap(), Adapter { file: PathBuf::from(file), scale }, "{typed}");
        }
    }

    #[test]
    fn a_stop_text_may_hold_what_a_shell_cannot_type() {
        for (typed, text) in [
            ("", ""),
            (r"\n", "\n"),
            (r"\n\n", "\n\n"),
            (r"a\tb", "a\tb"),
            (r"\\n", r"\n"),
            (r"\d \", r"\d \"),
            ("狼\\n", "狼\n"),
        ] {
            assert_eq!(unescaped(typed).unwrap(), text, "{typed}");
        }
    }
}
