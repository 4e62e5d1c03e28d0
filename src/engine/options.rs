//! What a person asks of a model before it is opened: which file, where it computes, and how it remembers.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use crate::catalog::Wish;
use crate::model::{Adapter, CacheType, FlashAttention, GpuLayers, LoadOptions, SessionOptions, Split};
use crate::story::Run;

/// How many candidates of a story are looked at in one decode. It changes the cost and the last bits, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Width {
    /// By the kind of device.
    #[default]
    Auto,
    /// So many.
    Fixed(NonZeroUsize),
}

/// A model file, and how it is to compute.
#[derive(Debug, Clone, PartialEq)]
pub struct EngineOptions {
    /// The GGUF file.
    pub model: PathBuf,
    /// LoRA adapters that are added to it.
    pub adapters: Vec<Adapter>,
    /// Names of the devices to use beside the processor; `None` uses all of them, an empty list or `CPU` none.
    pub devices: Option<Vec<String>>,
    /// Which of them holds everything with [`Split::None`], counted from 0.
    pub main_gpu: usize,
    /// How the model is divided among them.
    pub split: Split,
    /// Layers on GPUs; the output counts as one.
    pub gpu_layers: GpuLayers,
    /// Map the file instead of reading it.
    pub use_mmap: bool,
    /// Keep the weights from being written out to disk.
    pub use_mlock: bool,
    /// Processor threads of each memory; `None`: 1 for models below 100 MB, else the physical cores.
    pub threads: Option<NonZeroUsize>,
    /// The most tokens of prompt and story together; `None`: what the model was trained for.
    pub context: Option<NonZeroUsize>,
    /// Candidates looked at in one decode.
    pub width: Width,
    /// Whether attention is computed without storing its matrix.
    pub flash_attention: FlashAttention,
    /// The type of the remembered keys.
    pub keys: CacheType,
    /// The type of the remembered values.
    pub values: CacheType,
}

impl EngineOptions {
    /// The model of this file with every default.
    #[must_use]
    pub fn new(model: impl Into<PathBuf>) -> Self {
        let LoadOptions { devices, main_gpu, split, gpu_layers: _, use_mmap, use_mlock, adapters } = LoadOptions::default();
        Self {
            model: model.into(),
            adapters,
            devices,
            main_gpu,
            split,
            gpu_layers: GpuLayers::Auto,
            use_mmap,
            use_mlock,
            threads: None,
            context: None,
            width: Width::Auto,
            flash_attention: FlashAttention::default(),
            keys: CacheType::default(),
            values: CacheType::default(),
        }
    }

    /// The model of this file as it computed in a run that a record tells of.
    #[must_use]
    pub fn of_run(model: impl Into<PathBuf>, run: &Run) -> Self {
        let LoadOptions { devices, main_gpu, split, gpu_layers, use_mmap, use_mlock, adapters } = run.load_options();
        Self {
            model: model.into(),
            adapters,
            devices,
            main_gpu,
            split,
            gpu_layers: GpuLayers::Fixed(gpu_layers.unwrap_or(0)),
            use_mmap,
            use_mlock,
            threads: NonZeroUsize::new(run.threads),
            context: NonZeroUsize::new(run.context),
            width: NonZeroUsize::new(run.width).map_or(Width::Auto, Width::Fixed),
            flash_attention: run.flash_attention,
            keys: run.cache[0],
            values: run.cache[1],
        }
    }

    /// How the file is loaded, with so many layers on GPUs.
    #[must_use]
    pub fn load_options(&self, gpu_layers: Option<u32>) -> LoadOptions {
        LoadOptions {
            devices: self.devices.clone(),
            main_gpu: self.main_gpu,
            split: self.split,
            gpu_layers,
            use_mmap: self.use_mmap,
            use_mlock: self.use_mlock,
            adapters: self.adapters.clone(),
        }
    }

    /// What a memory of this size is asked for.
    #[must_use]
    pub fn session_options(&self, cells: usize, branches: usize, batch: usize) -> SessionOptions {
        let threads = self.threads.map(NonZeroUsize::get);
        let Self { flash_attention, keys, values, .. } = *self;
        SessionOptions { cells, branches, batch, threads, flash_attention, keys, values }
    }

    /// The same as a question to the catalog, for one story.
    #[must_use]
    pub fn wish(&self, cells: usize, branches: usize, batch: usize) -> Wish {
        Wish {
            cells: cells as u64,
            branches: branches as u64,
            stories: 1,
            batch: batch as u64,
            keys: self.keys,
            values: self.values,
            flash_attention: self.flash_attention != FlashAttention::Off,
        }
    }
}
