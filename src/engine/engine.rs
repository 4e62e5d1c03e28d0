//! A model that is open: what it is asked for in words becomes tokens, plans and memories.

use std::sync::Arc;

use anyhow::{Context as _, Result, bail, ensure};

use super::backend::{Backend, ModelInfo, Session};
use super::baseline::Baselines;
use super::note::Note;
use super::options::{EngineOptions, Width};
use super::remedy::{Refusal, Remedy};
use super::states::StateFolder;
use crate::catalog::{Machine, ModelCard, Need, Placement, Wish, check, place};
use crate::chat::Renderer;
use crate::decode::{Plan, Stories};
use crate::files::sha256;
use crate::model::{GpuLayers, MOST_BRANCHES, MOST_THREADS, SessionOptions, Split, Token, Vocabulary};
use crate::text::{EXCERPT, excerpt, some};

/// Tokens of a prompt that are read in one decode.
pub const BATCH: usize = 256;

/// The shortest story worth loading a model for, in tokens: what a model needs at least is asked before it is loaded.
#[cfg(feature = "llama")]
const LEAST: usize = 512;

/// Tokens up to which a decode on a GPU costs hardly more than one of a single token: on an H100 eight take 1.4 times as long as one and
/// four 1.1 times, with 8 billion weights of 8 bits.
const CHEAP_ON_A_GPU: usize = 8;

/// Candidates of one story looked at in one decode on a GPU: a lazy draw seldom asks for more.
const ON_A_GPU: usize = 4;

/// Candidates of a story looked at in one decode on a GPU, where so many stories are told at once: together they fill what is cheap.
fn width_on_a_gpu(at_once: usize) -> usize {
    (CHEAP_ON_A_GPU / at_once.max(1)).clamp(1, ON_A_GPU)
}

/// A loaded model, and how it is to compute. It may be shared by threads, each with a memory of its own.
pub struct Engine {
    backend: Box<dyn Backend>,
    pub(super) options: EngineOptions,
    context: usize,
    gpu_layers: Option<u32>,
    renderer: Arc<dyn Renderer>,
    pub(super) machine: Machine,
    card: Option<ModelCard>,
    /// The finding by whose width and threads it goes.
    pub(super) tuned: Option<String>,
    pub(super) baselines: Baselines,
    pub(super) states: Option<StateFolder>,
}

impl Engine {
    /// A loaded model, on a machine as it was before; `card` is what its file says of itself, where that can be read, and
    /// `gpu_layers` how many layers went to GPUs, where there are any. `renderer` renders its chat template.
    ///
    /// # Errors
    /// The options ask for a longer context than the model was trained for.
    pub fn new(
        backend: Box<dyn Backend>,
        options: EngineOptions,
        machine: Machine,
        card: Option<ModelCard>,
        gpu_layers: Option<u32>,
        renderer: Arc<dyn Renderer>,
    ) -> Result<Self> {
        let trained = backend.info().trained_context;
        let context = options.context.map_or(trained, std::num::NonZeroUsize::get);
        within(context, trained, &backend.info().path.display().to_string())?;
        Ok(Self {
            backend,
            options,
            context,
            gpu_layers,
            renderer,
            machine,
            card,
            tuned: None,
            baselines: Baselines::default(),
            states: None,
        })
    }

    /// Loads the model that the options name, if it fits into the machine. `progress` hears the share that is loaded, 0 to 1,
    /// and stops the loading by returning false.
    ///
    /// # Errors
    /// A file that cannot be read or told from, a model that does not fit, a context longer than it was trained for, or the
    /// loading was stopped.
    #[cfg(feature = "llama")]
    pub fn open(
        options: EngineOptions,
        machine: Machine,
        renderer: Arc<dyn Renderer>,
        progress: impl FnMut(f32) -> bool + 'static,
    ) -> Result<Self> {
        // What is wrong with a file that has no card, loading it tells.
        let card = ModelCard::read(&options.model).ok();
        let placed = match &card {
            Some(card) => {
                let fits = fit(card, &options.wish(LEAST, 2, BATCH), &machine, options.gpu_layers);
                Some(fits.with_context(|| format!("cannot load the model `{}`", options.model.display()))?)
            }
            None => None,
        };
        let gpu_layers = match options.gpu_layers {
            GpuLayers::Fixed(layers) => Some(layers),
            GpuLayers::Auto => placed.filter(|_| !machine.gpus.is_empty()).map(|placed| placed.gpu_layers),
        };
        let weights = crate::llama::Weights::load(&options.model, &options.load_options(gpu_layers), progress)?;
        let backend = Box::new(super::llama::Loaded::new(weights));
        Self::new(backend, options, machine, card, gpu_layers, renderer)
    }

    /// What the model file is.
    #[must_use]
    pub fn info(&self) -> &ModelInfo {
        self.backend.info()
    }

    /// What tells the model from all others, in hexadecimal digits: the SHA-256 of its file, and where adapters are added to it that of
    /// all of them and how often each is.
    ///
    /// # Errors
    /// A file cannot be read again.
    pub fn identity(&self) -> Result<String> {
        let (model, adapters) = (self.backend.sha256()?, self.backend.adapter_sums()?);
        if adapters.is_empty() {
            return Ok(model);
        }
        let scales = self.options.adapters.iter().map(|adapter| adapter.scale);
        let all = adapters.iter().zip(scales).fold(model, |all, (sum, scale)| format!("{all} + {scale} × {sum}"));
        Ok(sha256(all.as_bytes())?)
    }

    /// The vocabulary.
    #[must_use]
    pub fn vocabulary(&self) -> &Vocabulary {
        self.backend.vocabulary()
    }

    /// The model under it.
    #[must_use]
    pub fn backend(&self) -> &dyn Backend {
        &*self.backend
    }

    /// What was asked for.
    #[must_use]
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// The most tokens of prompt and story together.
    #[must_use]
    pub fn context(&self) -> usize {
        self.context
    }

    /// Layers on GPUs, where there are any to use.
    #[must_use]
    pub fn gpu_layers(&self) -> Option<u32> {
        self.gpu_layers
    }

    /// What its file says of itself, where that could be read.
    #[must_use]
    pub fn card(&self) -> Option<&ModelCard> {
        self.card.as_ref()
    }

    /// What renders the chat template of the model.
    #[must_use]
    pub fn renderer(&self) -> Arc<dyn Renderer> {
        Arc::clone(&self.renderer)
    }

    /// Whether layers of the model compute on a GPU.
    #[must_use]
    pub fn is_on_gpu(&self) -> bool {
        self.gpu_layers != Some(0) && !self.machine.gpus.is_empty()
    }

    /// The GPUs that are used.
    #[must_use]
    pub fn devices(&self) -> Vec<String> {
        self.machine.gpus.iter().map(|gpu| gpu.name.clone()).collect()
    }

    /// The model in a few words: what it calls itself, and beside it the name of its file where that says more.
    #[must_use]
    pub fn title(&self) -> String {
        let info = self.info();
        titled(info.name.as_deref(), &info.path.file_stem().unwrap_or_default().to_string_lossy())
    }

    /// What was asked for and does nothing here; `cores` is how many of them the process may use.
    #[must_use]
    pub fn idle_options(&self, cores: usize) -> Vec<Note> {
        let EngineOptions { gpu_layers, devices, split, threads, use_mlock, .. } = &self.options;
        let mut idle = Vec::new();
        if self.machine.gpus.is_empty() {
            if let GpuLayers::Fixed(layers @ 1..) = *gpu_layers {
                idle.push(Note::GpuLayersIdle(layers, devices.clone()));
            }
            if *split != Split::Layer {
                idle.push(Note::SplitIdle(*split, devices.clone()));
            }
        }
        let threads = threads.map_or(0, std::num::NonZeroUsize::get);
        // More than the backend takes are refused, and not warned of.
        if threads > cores && threads <= MOST_THREADS {
            idle.push(Note::ThreadsAboveCores { threads, cores });
        }
        if *use_mlock && !self.info().locked {
            idle.push(Note::NotLocked);
        }
        idle
    }

    /// How many candidates of a story are looked at in one decode, where so many stories are told at once: as many as was asked for and
    /// the memory has branches for these plans.
    ///
    /// By the kind of device and never by timing, so that runs repeat: on a processor a batch of k tokens costs nearly k times
    /// one, and a candidate that need not be looked at is best not looked at; on a GPU a batch of some is nearly as cheap as one, and
    /// many stories fill it by themselves.
    #[must_use]
    pub fn width(&self, plans: &[Plan], at_once: usize) -> usize {
        let asked = match self.options.width {
            Width::Fixed(width) => width.get(),
            Width::Auto if self.is_on_gpu() => width_on_a_gpu(at_once),
            Width::Auto => 1,
        };
        // It changes the cost only, so no story need be refused for it. More candidates at once than there are branches are none.
        let fits = |width: &usize| Stories::room_for(plans, *width).1 <= MOST_BRANCHES;
        (1..=asked.min(MOST_BRANCHES)).rev().find(fits).unwrap_or(1)
    }

    /// The tokens of a text as it stands, if they leave room for a story.
    ///
    /// # Errors
    /// The text cannot be cut, or leaves no room for a story.
    pub fn tokens(&self, text: &str) -> Result<Vec<Token>> {
        self.tokens_by(text, |backend| backend.tokenize(text, true, false))
    }

    /// The tokens of a text by this way of cutting it, if they leave room for a story. A text that is too long for that,
    /// whatever its tokens, is not cut: that would take its time.
    pub(super) fn tokens_by(&self, text: &str, cut: impl FnOnce(&dyn Backend) -> Result<Vec<Token>>) -> Result<Vec<Token>> {
        let (length, room) = (text.len(), self.context);
        // Of the bytes of a text that is so short nothing follows, and the vocabulary is not asked.
        if length > room && self.backend.longest_text(room).is_some_and(|longest| length > longest) {
            let message =
                format!("the prompt has {length} bytes and leaves no room for a story in the context of {room} tokens");
            return Err(Refusal::new(message, self.more_room()).into());
        }
        let tokens = cut(&*self.backend)?;
        ensure!(!tokens.is_empty() || text.is_empty(), "the model's vocabulary has no token for anything in the prompt");
        self.fitting(tokens)
    }

    /// What helps where a prompt is too long.
    fn more_room(&self) -> Remedy {
        let trained = self.info().trained_context;
        if self.context < trained { Remedy::LargerContext(trained) } else { Remedy::ShorterPrompt }
    }

    /// The tokens of a prompt, if they leave room for a story.
    pub(super) fn fitting(&self, tokens: Vec<Token>) -> Result<Vec<Token>> {
        if tokens.len() < self.context {
            return Ok(tokens);
        }
        let (length, context, trained) = (some(tokens.len(), "token"), self.context, self.info().trained_context);
        let message = format!("the prompt has {length} and leaves no room for a story in the context of {context}");
        let remedy = if tokens.len() < trained { Remedy::LargerContext(trained) } else { self.tail(&tokens) };
        Err(Refusal::new(message, remedy).into())
    }

    /// How a prompt that is too long can be cut: so that its end takes three quarters of the context, and leaves the rest to the
    /// story.
    fn tail(&self, prompt: &[Token]) -> Remedy {
        let last = &prompt[prompt.len() - self.context * 3 / 4..];
        let bytes = self.vocabulary().bytes(last);
        let rounded = |count: usize| if count > 200 { count / 100 * 100 } else { count };
        match std::str::from_utf8(&bytes) {
            Ok(text) if text.is_ascii() => Remedy::LastBytes(rounded(bytes.len())),
            // Whoever counts bytes might begin within a character.
            _ => Remedy::LastCharacters(rounded(String::from_utf8_lossy(&bytes).chars().count())),
        }
    }

    /// A memory with room for any one of these stories, `width` candidates looked at in one decode.
    ///
    /// # Errors
    /// A preset looks at more paths at once than there can be branches; or as [`Engine::session_of`].
    pub fn session(&self, plans: &[Plan], width: usize) -> Result<Box<dyn Session + '_>> {
        self.session_keeping(plans, width, 0)
    }

    /// The same, with so many branches more for texts that are kept, as far as there can be so many.
    ///
    /// # Errors
    /// As [`Engine::session`].
    pub fn session_keeping(&self, plans: &[Plan], width: usize, kept: usize) -> Result<Box<dyn Session + '_>> {
        let (cells, branches) = Stories::room_for(plans, width);
        if branches > MOST_BRANCHES {
            let (needed, most) = (branches - 1, MOST_BRANCHES - 1);
            let message =
                format!("the preset looks at up to {needed} paths at once, and the KV cache has sequences for {most}");
            return Err(Refusal::new(message, Remedy::FewerCandidates).into());
        }
        self.session_of(cells, (branches + kept).min(MOST_BRANCHES))
    }

    /// A memory of so many cells and branches.
    ///
    /// # Errors
    /// It does not fit into the machine, or the backend refuses it.
    pub fn session_of(&self, cells: usize, branches: usize) -> Result<Box<dyn Session + '_>> {
        self.session_in_batches(cells, branches, BATCH)
    }

    /// The same, in which so many tokens are read in one decode.
    ///
    /// # Errors
    /// As there.
    pub fn session_in_batches(&self, cells: usize, branches: usize, batch: usize) -> Result<Box<dyn Session + '_>> {
        self.session_with(&self.options.session_options(cells, branches, batch))
    }

    /// A memory with these options.
    ///
    /// # Errors
    /// As there.
    pub fn session_with(&self, options: &SessionOptions) -> Result<Box<dyn Session + '_>> {
        let SessionOptions { cells, branches, batch, .. } = *options;
        if let Some(card) = &self.card {
            let layers = GpuLayers::Fixed(self.gpu_layers.unwrap_or(0));
            let deed = || format!("cannot open the model `{}` for {cells} tokens", self.info().path.display());
            fit(card, &self.options.wish(cells, branches, batch), &self.machine, layers).with_context(deed)?;
        }
        self.backend.open(options)
    }

    /// What a memory of this size will take, where the model's file tells.
    #[must_use]
    pub fn need(&self, cells: usize, branches: usize) -> Option<Need> {
        self.card.as_ref().map(|card| Need::of(card, &self.options.wish(cells, branches, BATCH)))
    }

    /// All memory of the devices that compute, in bytes, where that is known.
    #[must_use]
    pub fn memory(&self) -> Option<u64> {
        if !self.is_on_gpu() {
            return self.machine.memory.map(|memory| memory.total);
        }
        let totals: u64 = self.machine.gpus.iter().map(|gpu| gpu.total).sum();
        (totals > 0).then_some(totals)
    }
}

/// Where a model goes, if it fits.
///
/// # Errors
/// A [`Refusal`] that knows what would fit.
fn fit(card: &ModelCard, wish: &Wish, machine: &Machine, layers: GpuLayers) -> Result<Placement> {
    match check(card, wish, machine, layers) {
        Ok(()) => Ok(place(card, wish, machine, layers)),
        Err(misfit) => Err(Refusal::from(misfit).into()),
    }
}

/// Asks that a context is no longer than the model was trained for.
///
/// # Errors
/// It is longer.
fn within(context: usize, trained: usize, model: &str) -> Result<()> {
    if context > trained {
        bail!(Refusal::usage(
            format!("cannot open `{model}` for a context of {context} tokens: it was trained for {trained}"),
            Remedy::LargerContext(trained)
        ));
    }
    Ok(())
}

/// The name that a model has, and beside it that of its file where the name is not what the file's begins with.
fn titled(name: Option<&str>, file: &str) -> String {
    let Some(name) = name.filter(|name| !name.trim().is_empty()) else { return excerpt(file, EXCERPT) };
    let plain = |name: &str| name.to_lowercase().chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    let short = excerpt(name, EXCERPT);
    if plain(file).starts_with(&plain(name)) { short } else { format!("{short} ({})", excerpt(file, EXCERPT)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stories_that_are_told_at_once_share_what_a_decode_of_a_gpu_can_hold() {
        assert_eq!([0, 1, 2, 3, 4, 8, 32].map(width_on_a_gpu), [4, 4, 4, 2, 2, 1, 1]);
    }

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
}
