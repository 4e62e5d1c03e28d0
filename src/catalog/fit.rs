//! Whether a model fits into a machine, where its layers go, and what would fit instead.

use std::fmt;

use serde::Serialize;

use super::card::ModelCard;
use super::need::{Need, Wish, in_words};
use crate::model::{CacheType, GpuLayers};

/// What there is of memory, in bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Machine {
    /// Beside the processor; `None` where that is not known.
    pub memory: Option<Memory>,
    /// What computes with memory of its own and is to be used.
    pub gpus: Vec<Gpu>,
}

/// The memory of the processor, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Memory {
    /// All of it that this process may use.
    pub total: u64,
    /// What is free, or would be freed for someone who asks.
    pub available: u64,
}

/// A GPU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gpu {
    /// Its short name.
    pub name: String,
    /// All its memory, in bytes; 0 where it does not tell.
    pub total: u64,
    /// What is free of it.
    pub free: u64,
}

/// Where a model goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Placement {
    /// Layers on GPUs, the output counted as one.
    pub gpu_layers: u32,
    /// All layers and the output.
    pub of: u32,
    /// Bytes on GPUs, estimated.
    pub gpu: u64,
    /// Bytes in the memory of the processor, estimated.
    pub memory: u64,
}

/// It does not fit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misfit {
    needed: u64,
    there: u64,
    /// Whether that is about the memory of GPUs.
    on_gpus: bool,
    instead: Instead,
}

/// What would fit instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instead {
    /// So many layers on GPUs, and the others on the processor.
    GpuLayers(u32),
    /// Keys and values remembered in this type.
    Cache(CacheType),
    /// Fewer stories at once.
    FewerStories,
    /// Texts of up to so many tokens.
    Context(u64),
    /// Another model: a smaller one, or a smaller quantisation of this one.
    SmallerModel,
}

/// Puts layers on the GPUs: the output first, then the layers from the last one down, as llama.cpp does.
#[must_use]
pub fn place(card: &ModelCard, wish: &Wish, machine: &Machine, asked: GpuLayers) -> Placement {
    let need = Need::of(card, wish);
    let of = u32::try_from(card.layers).unwrap_or(u32::MAX - 1) + 1;
    let whole = |gpu_layers, gpu| Placement { gpu_layers, of, gpu, memory: need.total.saturating_sub(gpu) };
    if machine.gpus.is_empty() {
        return whole(0, 0);
    }
    let remembered = card.layer.iter().fold(0, |sum: u64, layer| sum.saturating_add(layer.remembered()));
    // One part in ten stays free: this is an estimate, and a screen may hang on the GPU.
    let room: u64 = machine.gpus.iter().map(|gpu| gpu.free / 10 * 9).sum();
    // What does not tell its memory is trusted to have enough.
    let silent = machine.gpus.iter().any(|gpu| gpu.total == 0);
    let mut used = need.compute.saturating_mul(machine.gpus.len() as u64);
    let mut layers = 0;
    let output = std::iter::once(card.ends[0]);
    let bodies = card.layer.iter().rev().map(|layer| {
        let share = layer.remembered() as f64 / remembered.max(1) as f64;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count of bytes")]
        let cache = (need.cache as f64 * share) as u64;
        layer.weights.saturating_add(cache)
    });
    for bytes in output.chain(bodies) {
        let fits = silent || used.saturating_add(bytes) <= room;
        let goes_on = match asked {
            GpuLayers::Auto => fits,
            GpuLayers::Fixed(most) => layers < most,
        };
        if !goes_on {
            break;
        }
        used = used.saturating_add(bytes);
        layers += 1;
    }
    if layers == 0 { whole(0, 0) } else { whole(layers, used) }
}

/// Asks whether a model fits: the part that goes to GPUs into what is free there, the rest into the memory of the machine. Where a memory
/// is not known, everything fits into it.
///
/// Weights that are mapped from their file can be dropped and read again, so they must fit into all of the memory; the rest must
/// fit into what is available now.
///
/// # Errors
/// It does not fit.
pub fn check(card: &ModelCard, wish: &Wish, machine: &Machine, asked: GpuLayers) -> Result<(), Misfit> {
    let missing = |wish: &Wish, asked| missing(card, wish, machine, asked);
    let fits = |wish: &Wish| missing(wish, asked).is_none();
    let Some(missed) = missing(wish, asked) else { return Ok(()) };
    let Missing { needed, there, on_gpus } = missed;
    let fewer = place(card, wish, machine, GpuLayers::Auto).gpu_layers;
    let eight = CacheType::Q8_0;
    let smaller = Wish { keys: eight, values: eight, flash_attention: true, ..*wish };
    let instead = if on_gpus && missing(wish, GpuLayers::Fixed(fewer)).is_none() {
        Instead::GpuLayers(fewer)
    } else if wish.keys.bits() > eight.bits() && fits(&smaller) {
        Instead::Cache(eight)
    } else if wish.stories > 1
        && fits(&Wish { stories: 1, cells: wish.cells / wish.stories, branches: wish.branches / wish.stories, ..*wish })
    {
        Instead::FewerStories
    } else {
        fitting(card, wish, &fits).map_or(Instead::SmallerModel, Instead::Context)
    };
    Err(Misfit { needed, there, on_gpus, instead })
}

/// A memory that does not suffice, in bytes.
struct Missing {
    needed: u64,
    there: u64,
    on_gpus: bool,
}

/// Which memory does not suffice, if one does not.
fn missing(card: &ModelCard, wish: &Wish, machine: &Machine, asked: GpuLayers) -> Option<Missing> {
    let placement = place(card, wish, machine, asked);
    let free = machine.gpus.iter().map(|gpu| gpu.free).sum();
    let told = machine.gpus.iter().all(|gpu| gpu.total > 0);
    if told && placement.gpu > free {
        return Some(Missing { needed: placement.gpu, there: free, on_gpus: true });
    }
    let memory = machine.memory?;
    let need = Need::of(card, wish);
    let rest = (need.cache + need.compute).min(placement.memory);
    let of_the_machine = |there| Missing { needed: placement.memory, there, on_gpus: false };
    if placement.memory > memory.total {
        Some(of_the_machine(memory.total))
    } else {
        (rest > memory.available).then(|| of_the_machine(memory.available))
    }
}

/// The longest text of each story with which it fits; `None` where no story would have room, or where that is no limit because
/// the model was trained for no longer ones.
fn fitting(card: &ModelCard, wish: &Wish, fits: &impl Fn(&Wish) -> bool) -> Option<u64> {
    let stories = wish.stories.max(1);
    // Beside its text each story holds the candidates that are looked at.
    let looks = (wish.branches / stories).saturating_sub(1);
    let of_cells = |cells: u64| Wish { cells: cells.saturating_add(looks).saturating_mul(stories), ..*wish };
    let (mut most, mut too_many) = (0, (wish.cells / stories).saturating_sub(looks) / 256);
    while most + 1 < too_many {
        let middle = most.midpoint(too_many);
        if fits(&of_cells(middle * 256)) {
            most = middle;
        } else {
            too_many = middle;
        }
    }
    let context = most * 256;
    (most > 1 && card.context.is_none_or(|trained| context < trained)).then_some(context)
}

impl Misfit {
    /// What would fit.
    #[must_use]
    pub fn instead(&self) -> Instead {
        self.instead
    }
}

impl fmt::Display for Misfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (needed, there) = (in_words(self.needed), in_words(self.there));
        if self.on_gpus {
            write!(f, "it needs about {needed} of the memory of GPUs, and {there} of it is free")
        } else {
            write!(f, "it needs about {needed} of memory, and this machine has {there}")
        }
    }
}

impl std::error::Error for Misfit {}
