//! From arguments to a model that tells.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::Interruption;
use super::args::{Colour, DeviceArgs, KvTypes};
use super::args::{ModelArgs, StoryArgs, Width};
use super::interrupt::{at_once, leave};
pub use super::interrupt::{interrupted, interruption};
use super::machine::{fit, machine, wish};
use super::missing;
use super::models::within;
use super::progress::Progress;
use super::rendering::renderer;
use super::terminal::Terminal;
use super::usage::Usage;
use crate::catalog::{Machine, ModelCard, Need};
use crate::chat::Renderer;
use crate::decode::{Plan, Stories};
use crate::llama::{self, Session, Weights};
use crate::model::{GpuLayers, LoadOptions, MOST_BRANCHES, MOST_THREADS, SessionOptions, Split};
use crate::prob::Token;
use crate::sampler::Sampler;
use crate::text::{EXCERPT, excerpt, some};

/// The model that comes with the program, in a folder `models`.
pub const BUNDLED: &str = "fable-3m-q8_0.gguf";

/// Tokens of a prompt that are read in one decode.
pub const BATCH: usize = 256;

/// The shortest story worth loading a model for, in tokens: what a model needs at least is asked before it is loaded.
const LEAST: usize = 512;

/// Candidates looked at in one decode on a GPU.
const ON_A_GPU: usize = 8;

/// The model that is in use, for last words about it.
static MODEL: OnceLock<PathBuf> = OnceLock::new();

/// A loaded model, and how it is to compute.
pub struct Engine {
    pub weights: Weights,
    pub args: ModelArgs,
    pub load_time: Duration,
    /// The most tokens of prompt and story together.
    pub context: usize,
    /// Layers on GPUs, where there are any to use.
    pub gpu_layers: Option<u32>,
    /// What renders the chat template of the model.
    pub renderer: Arc<dyn Renderer>,
    /// What there was of memory before the model was loaded.
    machine: Machine,
    /// What the file says of itself, where we can read that.
    card: Option<ModelCard>,
}

impl Engine {
    /// Loads the model that the arguments name.
    pub fn open(args: ModelArgs, terminal: &Terminal) -> Result<Self> {
        llama::on_abort(last_words);
        let path = match &args.model {
            Some(path) => path.clone(),
            None => bundled()?,
        };
        missing::there(&path)?;
        // What is wrong with a file that has no card, loading it tells.
        let card = ModelCard::read(&path).ok();
        // The first one stays: a second one would be the same.
        let _ = MODEL.set(path.clone());
        let machine = machine(&args.device)?;
        for idle in idle(&args, &machine) {
            terminal.note(idle);
        }
        let least = wish(&args.device, LEAST, 2, BATCH);
        let placed = match &card {
            Some(card) => {
                let fits = fit(card, &least, &machine, args.device.gpu_layers);
                Some(fits.with_context(|| format!("cannot load the model `{}`", path.display()))?)
            }
            None => None,
        };
        let gpu_layers = match args.device.gpu_layers {
            GpuLayers::Fixed(layers) => Some(layers),
            GpuLayers::Auto => placed.filter(|_| !machine.gpus.is_empty()).map(|placed| placed.gpu_layers),
        };
        let options = load_options(&args.device, gpu_layers);
        let progress = Progress::loading(terminal, &path);
        let started = Instant::now();
        let on_share = {
            let progress = progress.clone();
            move |share| {
                progress.share(share);
                !interrupted()
            }
        };
        let loaded = Weights::load(&path, &options, on_share);
        progress.clear();
        let weights = match loaded {
            Err(_) if interrupted() => return Err(Interruption.into()),
            loaded => loaded?,
        };
        let load_time = started.elapsed();
        if args.device.mlock && !weights.is_locked() {
            terminal.note(
                "`--mlock` was refused by the system, so the model may be written out to disk: `ulimit -l` has the limit",
            );
        }

        let trained = weights.trained_context();
        let context = args.ctx.map_or(trained, NonZeroUsize::get);
        within(context, trained, &path)?;
        let renderer = Arc::new(renderer()?);
        Ok(Self { weights, args, load_time, context, gpu_layers, renderer, machine, card })
    }

    /// The model in a few words: what it calls itself, and beside it the name of its file where that says more.
    pub fn title(&self) -> String {
        let file = self.weights.path().file_stem().unwrap_or_default().to_string_lossy();
        titled(self.weights.name().as_deref(), &file)
    }

    /// How many candidates are looked at in one decode: as many as was asked for and the memory has branches for these plans.
    ///
    /// By the kind of device and never by timing, so that runs repeat: on a processor a batch of k tokens costs nearly k times
    /// one, and a candidate that need not be looked at is best not looked at; on a GPU a batch of some is nearly as cheap as one.
    pub fn width(&self, plans: &[Plan]) -> usize {
        let asked = match self.args.width {
            Width::Fixed(width) => width.get(),
            Width::Auto if self.gpu_layers != Some(0) && !self.machine.gpus.is_empty() => ON_A_GPU,
            Width::Auto => 1,
        };
        // It changes the cost only, so no story need be refused for it. More candidates at once than there are branches are none.
        let fits = |width: &usize| Stories::room_for(plans, *width).1 <= MOST_BRANCHES;
        (1..=asked.min(MOST_BRANCHES)).rev().find(fits).unwrap_or(1)
    }

    /// The GPUs that are used.
    pub fn devices(&self) -> Vec<String> {
        self.machine.gpus.iter().map(|gpu| gpu.name.clone()).collect()
    }

    /// How the model is divided among them.
    pub fn split(&self) -> Split {
        self.args.device.split
    }

    /// The tokens of a text as it stands, if they leave room for a story.
    pub fn tokens(&self, text: &str) -> Result<Vec<Token>> {
        self.tokenized(text, |weights| weights.tokenize(text, true, false))
    }

    /// The tokens of a text, if they leave room for a story. A text that is too long for that, whatever its tokens, is not cut: that
    /// would take its time. Whoever presses Ctrl-C meanwhile need not wait for the end, for there is nothing to keep yet.
    pub fn tokenized(&self, text: &str, tokenize: impl FnOnce(&Weights) -> Result<Vec<Token>>) -> Result<Vec<Token>> {
        let (length, room) = (text.len(), self.context);
        // Of the bytes of a text that is so short nothing follows, and the vocabulary is not asked.
        if length > room && self.weights.longest_text(room).is_some_and(|longest| length > longest) {
            bail!(
                "the prompt has {length} bytes and leaves no room for a story in the context of {room} tokens\nhint: {}",
                self.room()
            );
        }
        let tokens = at_once(|| tokenize(&self.weights))?;
        ensure!(!tokens.is_empty() || text.is_empty(), "the model's vocabulary has no token for anything in the prompt");
        self.fitting(tokens)
    }

    /// What helps where a prompt is too long.
    fn room(&self) -> String {
        let trained = self.weights.trained_context();
        if self.context < trained { format!("`--ctx` may be up to {trained}") } else { "shorten it".to_owned() }
    }

    /// The tokens of a prompt, if they leave room for a story.
    pub fn fitting(&self, tokens: Vec<Token>) -> Result<Vec<Token>> {
        if tokens.len() >= self.context {
            let (length, context, trained) = (some(tokens.len(), "token"), self.context, self.weights.trained_context());
            let hint = if tokens.len() < trained { format!("`--ctx` may be up to {trained}") } else { self.tail(&tokens) };
            bail!("the prompt has {length} and leaves no room for a story in the context of {context}\nhint: {hint}");
        }
        Ok(tokens)
    }

    /// How a prompt that is too long can be cut: so that its end takes three quarters of the context, and leaves the rest to the
    /// story.
    fn tail(&self, prompt: &[Token]) -> String {
        let last = &prompt[prompt.len() - self.context * 3 / 4..];
        let bytes: Vec<u8> = last.iter().flat_map(|&token| self.weights.lexicon().piece(token)).copied().collect();
        let rounded = |count: usize| if count > 200 { count / 100 * 100 } else { count };
        match std::str::from_utf8(&bytes) {
            Ok(text) if text.is_ascii() => {
                format!("its end fits, as in `tail -c {} FILE | afterword write`", rounded(bytes.len()))
            }
            // `tail` counts bytes, and might begin within a character.
            _ => format!("its last {} characters fit", rounded(String::from_utf8_lossy(&bytes).chars().count())),
        }
    }

    /// The story that the arguments ask for.
    pub fn plan(&self, sampler: Sampler, prompt: &[Token], seed: u64, story: &StoryArgs) -> Result<Plan> {
        if story.stop.iter().any(String::is_empty) {
            return Err(Usage("`--stop` is empty: every story would end before its first word".into()).into());
        }
        let least = story.min_tokens.map_or(0, NonZeroUsize::get);
        if least > story.tokens.get() {
            let message = format!("`--min-tokens` is {least}, but `--tokens` ends the story after {}", story.tokens);
            return Err(Usage(message).into());
        }
        sampler.check(self.weights.lexicon())?;
        let sampler = if least == 0 { sampler } else { sampler.with_min_tokens(least) };
        Ok(Plan {
            context: self.context,
            context_shift: story.go_on,
            stop_on_loop: !story.no_loop_stop,
            stops: story.stop.clone(),
            ..Plan::new(sampler, prompt.to_vec(), seed, story.tokens.get())
        })
    }

    /// Room for any one of these stories.
    pub fn session(&self, plans: &[Plan], width: usize) -> Result<Session<'_>> {
        let (cells, branches) = Stories::room_for(plans, width);
        ensure!(
            branches <= MOST_BRANCHES,
            "the preset looks at up to {} paths at once, and the memory has room for {}\nhint: lower `future.candidates`",
            branches - 1,
            MOST_BRANCHES - 1
        );
        self.session_of(cells, branches)
    }

    /// What a memory of this size will take, where the model's file tells.
    pub fn need(&self, cells: usize, branches: usize) -> Option<Need> {
        self.card.as_ref().map(|card| Need::of(card, &wish(&self.args.device, cells, branches, BATCH)))
    }

    /// All memory of the devices that compute, in bytes, where that is known.
    pub fn memory(&self) -> Option<u64> {
        if self.gpu_layers == Some(0) || self.machine.gpus.is_empty() {
            return self.machine.memory.map(|memory| memory.total);
        }
        let totals: u64 = self.machine.gpus.iter().map(|gpu| gpu.total).sum();
        (totals > 0).then_some(totals)
    }

    /// A memory of this size.
    pub fn session_of(&self, cells: usize, branches: usize) -> Result<Session<'_>> {
        self.session_in_batches(cells, branches, BATCH, self.args.threads)
    }

    /// A memory of this size, in which so many tokens are read in one decode, by so many threads.
    pub fn session_in_batches(
        &self,
        cells: usize,
        branches: usize,
        batch: usize,
        threads: Option<NonZeroUsize>,
    ) -> Result<Session<'_>> {
        let threads = threads.map(NonZeroUsize::get);
        if let Some(card) = &self.card {
            let layers = GpuLayers::Fixed(self.gpu_layers.unwrap_or(0));
            let wish = wish(&self.args.device, cells, branches, batch);
            let deed = || format!("cannot open the model `{}` for {cells} tokens", self.weights.path().display());
            fit(card, &wish, &self.machine, layers).with_context(deed)?;
        }
        let flash_attention = self.args.device.flash();
        let KvTypes { keys, values } = self.args.device.kv_types();
        self.weights.session(&SessionOptions { cells, branches, batch, threads, flash_attention, keys, values })
    }
}

/// How the arguments want a model to be loaded.
fn load_options(args: &DeviceArgs, gpu_layers: Option<u32>) -> LoadOptions {
    LoadOptions {
        devices: args.device.clone(),
        main_gpu: args.main_gpu,
        split: args.split,
        gpu_layers,
        use_mmap: !args.no_mmap,
        use_mlock: args.mlock,
    }
}

/// llama.cpp found something it cannot go on from; that becomes the one sentence.
/// Behind this call llama.cpp would abort the process.
fn last_words(message: &str) {
    let model = MODEL.get().map_or(String::new(), |path| format!(" on the model `{}`", path.display()));
    Terminal::new(Colour::Auto, false).error(&anyhow::anyhow!(given_up(&model, message)));
    leave(1)
}

/// What is said for llama.cpp's last words. A check of its own that failed is named behind the hint, for those who know its source.
fn given_up(model: &str, message: &str) -> String {
    if message == llama::SHORTENED {
        return format!("the telling broke off{model}: {message}\nhint: `--no-mmap` reads it once, into memory");
    }
    let message = message.lines().next().unwrap_or_default();
    // It begins with a place in a source file, whose folder is that of another machine.
    let message = message.rsplit_once("/llama.cpp/").map_or(message, |(_, place)| place);
    let message = excerpt(message, 2 * EXCERPT);
    let (place, cause) = match message.split_once(": ") {
        Some((place, cause)) if place.ends_with(|c: char| c.is_ascii_digit()) => (format!(" ({message})"), cause.to_owned()),
        _ => (String::new(), message.clone()),
    };
    let cause = match cause.as_str() {
        check if check.starts_with("GGML_ASSERT") || check == "fatal error" => "something in it is not as it must be",
        cause => cause,
    };
    let hint = "the file may be damaged, or not what it says it is, or memory may not suffice";
    format!("llama.cpp gave up{model}: {cause}\nhint: {hint}{place}")
}

/// What was typed about devices and does nothing here, each as one sentence.
fn idle(args: &ModelArgs, machine: &Machine) -> Vec<String> {
    let mut idle = Vec::new();
    let DeviceArgs { gpu_layers, device, split, .. } = &args.device;
    if machine.gpus.is_empty() {
        let why = match device {
            Some(names) => format!("`--device {}` uses no GPU", names.join(",")),
            None => "there is no GPU to use".to_owned(),
        };
        if let GpuLayers::Fixed(layers @ 1..) = gpu_layers {
            idle.push(format!("`--gpu-layers {layers}` does nothing: {why}"));
        }
        if *split != Split::Layer {
            idle.push(format!("`--split` does nothing: {why}"));
        }
    }
    let cores = std::thread::available_parallelism().map_or(usize::MAX, NonZeroUsize::get);
    // More than the backend takes are refused, and not warned of.
    if let Some(threads) = args.threads.filter(|threads| (cores + 1..=MOST_THREADS).contains(&threads.get())) {
        let there = if cores == 1 { "the one core" } else { &format!("the {cores} cores") };
        idle.push(format!("`--threads {threads}` is more than {there} that there are: threads will wait for each other"));
    }
    idle
}

/// The name that a model has, and beside it that of its file where the name is not what the file's begins with.
fn titled(name: Option<&str>, file: &str) -> String {
    let Some(name) = name.filter(|name| !name.trim().is_empty()) else { return excerpt(file, EXCERPT) };
    let plain = |name: &str| name.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    let short = excerpt(name, EXCERPT);
    if plain(file).starts_with(&plain(name)) { short } else { format!("{short} ({})", excerpt(file, EXCERPT)) }
}

/// The bundled model: beside the working directory, the program, or the source.
pub fn bundled() -> Result<PathBuf> {
    let program = std::env::current_exe().ok();
    let beside = program.iter().flat_map(|program| program.ancestors().skip(1).take(4));
    let mut folders =
        std::iter::once(Path::new("")).chain(beside).chain(std::iter::once(Path::new(env!("CARGO_MANIFEST_DIR"))));
    let found = folders.find_map(|folder| Some(folder.join("models").join(BUNDLED)).filter(|path| path.is_file()));
    match found {
        Some(path) => Ok(path),
        None => bail!("the bundled model `models/{BUNDLED}` is not there\nhint: name a GGUF file with `--model PATH`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_has_the_name_of_the_file_where_that_says_more() {
        for (name, file, title) in [
            (Some("Fable 3M"), "fable-3m-q8_0", "Fable 3M"),
            (Some("Smollm2 135M Mix1 Ep2"), "SmolLM2-135M.Q4_1", "Smollm2 135M Mix1 Ep2 (SmolLM2-135M.Q4_1)"),
            (Some(" "), "tale", "tale"),
            (None, "tale", "tale"),
            (Some("Evil\u{1b}[31m\nName"), "tale", "Evil�[31m Name (tale)"),
        ] {
            assert_eq!(titled(name, file), title);
        }
    }

    #[test]
    fn last_words_are_a_sentence_with_the_place_behind_it() {
        let said = given_up(" on the model `m`", "/build/llama.cpp/ggml/src/ops.cpp:3760: GGML_ASSERT(eps >= 0.0f) failed");
        let (error, hint) = said.trim_end().split_once('\n').unwrap();
        assert_eq!(error, "llama.cpp gave up on the model `m`: something in it is not as it must be");
        assert!(
            hint.starts_with("hint: ") && hint.ends_with(" (ggml/src/ops.cpp:3760: GGML_ASSERT(eps >= 0.0f) failed)"),
            "{hint}"
        );
        let said = given_up("", "/x/llama.cpp/src/llama-vocab.cpp:4080: fatal error");
        assert!(said.starts_with("llama.cpp gave up: something in it is not as it must be\nhint: "), "{said}");
        let said = given_up("", "/x/llama.cpp/ggml/src/ggml-cuda.cu:98: CUDA error");
        assert!(said.starts_with("llama.cpp gave up: CUDA error\nhint: "), "{said}");
        let said = given_up("", "it failed at reading the vocabulary");
        assert!(said.starts_with("llama.cpp gave up: it failed at reading the vocabulary\nhint: "), "{said}");
    }
}
