//! What this machine has, and whether a model fits into it.

use anyhow::{Result, anyhow};
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use super::args::DeviceArgs;
use crate::catalog::{Gpu, Machine, Memory, ModelCard, Placement, Wish, check, place};
use crate::model::{FlashAttention, GpuLayers};

/// Memory, and the GPUs that the arguments leave to be used.
///
/// # Errors
/// A device that is named is not there.
pub fn machine(args: &DeviceArgs) -> Result<Machine> {
    Ok(Machine { memory: memory(), gpus: gpus(args)? })
}

/// The memory that this process may use: that of the machine, or of the container around it.
fn memory() -> Option<Memory> {
    let kind = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    let system = System::new_with_specifics(kind);
    let whole = Memory { total: system.total_memory(), available: system.available_memory() };
    let limit = system.cgroup_limits().filter(|limit| limit.total_memory > 0);
    let within = limit.map_or(whole, |limit| Memory {
        total: whole.total.min(limit.total_memory),
        available: whole.available.min(limit.total_memory.saturating_sub(limit.rss)),
    });
    // Systems that do not tell say 0.
    (within.total > 0).then_some(within)
}

#[cfg(feature = "llama")]
fn gpus(args: &DeviceArgs) -> Result<Vec<Gpu>> {
    use crate::model::Split;

    let gpu = |device: crate::llama::Device| Gpu { name: device.name, total: device.memory as u64, free: device.free as u64 };
    let mut gpus: Vec<Gpu> = crate::llama::gpus(args.device.as_deref())?.into_iter().map(gpu).collect();
    if args.split == Split::None {
        gpus = gpus.into_iter().skip(args.main_gpu).take(1).collect();
    }
    Ok(gpus)
}

#[cfg(not(feature = "llama"))]
#[allow(clippy::unnecessary_wraps, reason = "with a backend a device may be missing")]
fn gpus(_: &DeviceArgs) -> Result<Vec<Gpu>> {
    Ok(Vec::new())
}

/// What will be asked of the memory for one story.
pub fn wish(args: &DeviceArgs, cells: usize, branches: usize, batch: usize) -> Wish {
    Wish {
        cells: cells as u64,
        branches: branches as u64,
        stories: 1,
        batch: batch as u64,
        keys: args.kv_types().keys,
        values: args.kv_types().values,
        flash_attention: args.flash() != FlashAttention::Off,
    }
}

/// Where the model goes, if it fits.
///
/// # Errors
/// It does not fit; the hint says what would.
pub fn fit(card: &ModelCard, wish: &Wish, machine: &Machine, layers: GpuLayers) -> Result<Placement> {
    match check(card, wish, machine, layers) {
        Ok(()) => Ok(place(card, wish, machine, layers)),
        Err(misfit) => Err(anyhow!("{misfit}\nhint: {}", misfit.hint())),
    }
}
