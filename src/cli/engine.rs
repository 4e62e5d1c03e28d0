//! From arguments to a model that tells, and the loop around it that a person can interrupt.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use super::Interruption;
use super::args::{ModelArgs, StoryArgs, Width};
use super::device_args::{DeviceArgs, Flash, SplitBy};
use super::machine::{fit, machine, wish};
use super::progress::{Progress, some};
use super::terminal::Terminal;
use super::usage::Usage;
use crate::catalog::{GpuLayers, Kind, Machine, ModelCard};
use crate::decode::{Event, Plan, Stories, Told};
use crate::llama::{self, CacheType, FlashAttention, LoadOptions, MOST_BRANCHES, Session, SessionOptions, Split, Weights};
use crate::model::Model;
use crate::prob::Token;
use crate::sampler::{Draw, Sampler};

/// The model that comes with the program, in a folder `models`.
const BUNDLED: &str = "fable-3m-q8_0.gguf";

/// Tokens of a prompt that are read in one decode.
const BATCH: usize = 256;

/// The shortest story worth loading a model for, in tokens: what a model needs at least is asked before it is loaded.
const LEAST: usize = 512;

/// Candidates looked at in one decode on a GPU.
const ON_A_GPU: usize = 8;

/// A loaded model, and how it is to compute.
pub struct Engine {
    pub weights: Weights,
    pub args: ModelArgs,
    pub load_time: Duration,
    /// The most tokens of prompt and story together.
    pub context: usize,
    /// Layers on GPUs, where there are any to use.
    pub gpu_layers: Option<u32>,
    /// What there was of memory before the model was loaded.
    machine: Machine,
    /// What the file says of itself, where we can read that.
    card: Option<ModelCard>,
}

/// A story that was told, with its times.
#[derive(Debug)]
pub struct Tale {
    pub told: Told,
    pub draws: Vec<Draw>,
    pub read_time: Duration,
    pub tell_time: Duration,
}

/// A story that broke off: what was told of it, and why it did not go on.
#[derive(Debug)]
pub struct Broken {
    pub tale: Tale,
    pub cause: anyhow::Error,
}

impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the story broke off")
    }
}

impl std::error::Error for Broken {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.cause)
    }
}

impl Engine {
    /// Loads the model that the arguments name.
    pub fn open(args: ModelArgs, terminal: &Terminal) -> Result<Self> {
        llama::on_abort(last_words);
        let path = match &args.model {
            Some(path) => path.clone(),
            None => bundled()?,
        };
        let machine = machine(&args.device)?;
        // What is wrong with a file that has no card, loading it tells.
        let card = ModelCard::read(&path).ok();
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

        let trained = weights.trained_context();
        let context = args.ctx.map_or(trained, std::num::NonZeroUsize::get);
        if context > trained {
            let path = path.display();
            return Err(Usage(format!("`--ctx` is {context}, but the model `{path}` was trained for {trained} tokens")).into());
        }
        Ok(Self { weights, args, load_time, context, gpu_layers, machine, card })
    }

    /// The model in a few words.
    pub fn title(&self) -> String {
        let path = self.weights.path();
        self.weights.name().unwrap_or_else(|| path.file_stem().unwrap_or_default().to_string_lossy().into_owned())
    }

    /// How many candidates are looked at in one decode.
    ///
    /// By the kind of device and never by timing, so that runs repeat: on a processor a batch of k tokens costs nearly k times
    /// one, and a candidate that need not be looked at is best not looked at; on a GPU a batch of some is nearly as cheap as one.
    pub fn width(&self) -> usize {
        match self.args.width {
            Width::Fixed(width) => width.get(),
            Width::Auto if self.gpu_layers != Some(0) && !self.machine.gpus.is_empty() => ON_A_GPU,
            Width::Auto => 1,
        }
    }

    /// The GPUs that are used.
    pub fn devices(&self) -> Vec<String> {
        self.machine.gpus.iter().map(|gpu| gpu.name.clone()).collect()
    }

    /// How the model is divided among them.
    pub fn split(&self) -> Split {
        split(self.args.device.split)
    }

    /// The tokens of a text as it stands, if they leave room for a story.
    pub fn tokens(&self, text: &str) -> Result<Vec<Token>> {
        self.fitting(self.weights.tokenize(text, true, false)?)
    }

    /// The tokens of a prompt, if they leave room for a story.
    pub fn fitting(&self, tokens: Vec<Token>) -> Result<Vec<Token>> {
        if tokens.len() >= self.context {
            let (length, context, trained) = (some(tokens.len(), "token"), self.context, self.weights.trained_context());
            let hint = if context < trained { format!("`--ctx` may be up to {trained}") } else { "shorten it".to_owned() };
            bail!("the prompt has {length} and leaves no room for a story in the context of {context}\nhint: {hint}");
        }
        Ok(tokens)
    }

    /// The story that the arguments ask for.
    pub fn plan(&self, sampler: Sampler, prompt: &[Token], seed: u64, story: &StoryArgs) -> Result<Plan> {
        if story.stop.iter().any(String::is_empty) {
            return Err(Usage("`--stop` is empty: every story would end before its first word".into()).into());
        }
        sampler.check(self.weights.lexicon())?;
        let (tokens, stops) = (story.tokens.get(), story.stop.clone());
        Ok(Plan { sampler, prompt: prompt.to_vec(), seed, tokens, context: self.context, stops })
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
        let threads = self.args.threads.map(std::num::NonZeroUsize::get);
        if let Some(card) = &self.card {
            let layers = GpuLayers::Fixed(self.gpu_layers.unwrap_or(0));
            let wish = wish(&self.args.device, cells, branches, BATCH);
            let deed = || format!("cannot open the model `{}` for {cells} tokens", self.weights.path().display());
            fit(card, &wish, &self.machine, layers).with_context(deed)?;
        }
        let DeviceArgs { kv_type, flash_attention, .. } = &self.args.device;
        let flash_attention = match flash_attention {
            Flash::Auto => FlashAttention::Auto,
            Flash::On => FlashAttention::On,
            Flash::Off => FlashAttention::Off,
        };
        let (keys, values) = (cache_type(kv_type.keys)?, cache_type(kv_type.values)?);
        self.weights.session(&SessionOptions { cells, branches, batch: BATCH, threads, flash_attention, keys, values })
    }
}

/// How the arguments want a model to be loaded.
fn load_options(args: &DeviceArgs, gpu_layers: Option<u32>) -> LoadOptions {
    LoadOptions {
        devices: args.device.clone(),
        main_gpu: args.main_gpu,
        split: split(args.split),
        gpu_layers,
        use_mmap: !args.no_mmap,
        use_mlock: args.mlock,
    }
}

fn split(by: SplitBy) -> Split {
    match by {
        SplitBy::None => Split::None,
        SplitBy::Layer => Split::Layer,
        SplitBy::Row => Split::Row,
    }
}

/// The type of this kind, which the arguments have found among those that there are.
fn cache_type(kind: Kind) -> Result<CacheType> {
    let all = [
        CacheType::F32,
        CacheType::F16,
        CacheType::Bf16,
        CacheType::Q8_0,
        CacheType::Q5_1,
        CacheType::Q5_0,
        CacheType::Q4_1,
        CacheType::Q4_0,
    ];
    let found = all.into_iter().find(|one| Kind::named(&one.to_string()) == Some(kind));
    found.with_context(|| format!("keys and values cannot be remembered as `{kind}`"))
}

/// Tells one story; `hear` gets each piece of text as it appears, and may stop it by an error.
///
/// # Errors
/// A plan that cannot be told; or [`Broken`], with what was told, where the story could not go on or `hear` stopped it.
pub fn tell(
    model: &mut dyn Model,
    plan: Plan,
    width: usize,
    progress: &Progress,
    mut hear: impl FnMut(&str) -> Result<()>,
) -> Result<Tale> {
    let started = Instant::now();
    let (mut first, mut draws) = (None, Vec::new());
    let (mut heard, mut failed) = (0, None);
    let mut stories = Stories::new(model, width);
    stories.begin(plan)?;
    while stories.running() > 0 && failed.is_none() {
        let mut listen = |text: &str, failed: &mut Option<anyhow::Error>| {
            if failed.is_none() && !text.is_empty() {
                *failed = hear(text).err();
                heard += text.len();
            }
        };
        let mut listener = |event: Event| match event {
            Event::Read { read, of, .. } => progress.read(read, of),
            Event::Told { draw, text, counts, .. } => {
                first.get_or_insert_with(Instant::now);
                draws.push(draw.clone());
                progress.told(counts);
                listen(text, &mut failed);
            }
            Event::Ended { rest, .. } => listen(rest, &mut failed),
            Event::Failed { rest, error, .. } => {
                listen(rest, &mut failed);
                failed.get_or_insert(error);
            }
        };
        if interrupted() {
            stories.interrupt(&mut listener);
        } else if let Err(error) = stories.round(&mut listener) {
            failed = Some(error);
        }
    }
    let told = stories.finish().pop().context("no story was told")?;
    let first = first.unwrap_or_else(Instant::now);
    let (read_time, tell_time) = (first - started, first.elapsed());
    let Some(cause) = failed else { return Ok(Tale { told, draws, read_time, tell_time }) };
    // What was held back for the sake of a stop string is part of the story now.
    let rest = told.text.get(heard..).unwrap_or_default();
    if !rest.is_empty() {
        // The cause stands already; that nobody hears the rest is no other.
        let _ = hear(rest);
    }
    Err(Broken { tale: Tale { told, draws, read_time, tell_time }, cause }.into())
}

/// Whether Ctrl-C was pressed. The first time it ends the story, the second time the program.
pub fn interrupted() -> bool {
    interrupt().load(Ordering::Relaxed)
}

fn interrupt() -> &'static AtomicBool {
    static PRESSED: AtomicBool = AtomicBool::new(false);
    static HANDLER: OnceLock<()> = OnceLock::new();
    HANDLER.get_or_init(|| {
        #[allow(clippy::exit, reason = "a second Ctrl-C means now, and the first one's cleaning up is what it would wait for")]
        let handler = || {
            if PRESSED.swap(true, Ordering::Relaxed) {
                std::process::exit(130);
            }
        };
        // Where no handler can be set, Ctrl-C ends the program as it always did.
        let _ = ctrlc::set_handler(handler);
    });
    &PRESSED
}

/// llama.cpp found something it cannot go on from; what it says becomes the one sentence.
#[allow(clippy::exit, reason = "behind this call llama.cpp aborts the process")]
fn last_words(message: &str) {
    let message = message.lines().next().unwrap_or_default();
    let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("error: llama.cpp gave up: {message}\n").as_bytes());
    std::process::exit(1);
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
    use crate::cli::args::Colour;
    use crate::model::{Kind, Lexicon, Toy};
    use crate::sampler::{Chain, Pick};

    /// Tells 30 tokens on a toy whose decode with this number fails; returns what was heard.
    fn tell_until(fail_at: Option<usize>, stop: &str, hear: impl Fn(&str) -> Result<()>) -> (String, Result<Tale>) {
        let lexicon = Lexicon::new(["a", "b", "c"].map(|piece| (piece, Kind::Text)));
        let mut toy = Toy::new(lexicon, |text| (0_u8..3).map(|token| f32::from(token) * (text.len() % 3) as f32).collect());
        toy.fail_at = fail_at;
        let sampler = Sampler::new(Chain::new(Vec::new()).unwrap(), Pick::Sample);
        let plan = Plan { sampler, prompt: vec![0], seed: 1, tokens: 30, context: 100, stops: vec![stop.into()] };
        let progress = Progress::telling(&Terminal::new(Colour::Never, true), 30);
        let mut heard = String::new();
        let tale = tell(&mut toy, plan, 1, &progress, |text| {
            heard.push_str(text);
            hear(&heard)
        });
        assert_eq!(toy.living(), 0);
        (heard, tale)
    }

    #[test]
    fn a_decode_that_fails_takes_nothing_that_was_told() {
        let (whole, tale) = tell_until(None, "#", |_| Ok(()));
        assert_eq!((whole.len(), tale.unwrap().told.text), (30, whole.clone()));
        for at in 1..30_usize {
            // Whatever was told last may begin this, and is held back when the decode fails.
            let stop = format!("{}#", &whole[at.saturating_sub(3)..at]);
            for stop in ["#", &stop] {
                let (heard, tale) = tell_until(Some(at), stop, |_| Ok(()));
                let Broken { tale, cause } = tale.unwrap_err().downcast().unwrap();
                assert_eq!((heard.as_str(), tale.told.text.as_str()), (&whole[..at], &whole[..at]));
                assert_eq!((tale.draws.len(), tale.told.stop), (at, None));
                assert!(!cause.to_string().is_empty());
            }
        }
    }

    #[test]
    fn whoever_stops_hearing_stops_the_story() {
        let (heard, tale) = tell_until(None, "#", |heard| if heard.len() < 5 { Ok(()) } else { bail!("enough") });
        let broken = tale.unwrap_err();
        assert_eq!((heard.len(), format!("{broken:#}").as_str()), (5, "the story broke off: enough"));
    }
}
