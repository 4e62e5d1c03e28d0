//! What this machine has.

use anyhow::Result;
#[cfg(feature = "llama")]
use sysinfo::CpuRefreshKind;
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

use crate::catalog::{Gpu, Machine, Memory};
use crate::model::Split;
#[cfg(feature = "llama")]
use crate::text::some;

/// Memory, and the GPUs that are to be used: those of these names or all, and of them with [`Split::None`] only this one.
///
/// # Errors
/// A device that is named is not there.
pub fn machine(devices: Option<&[String]>, split: Split, main_gpu: usize) -> Result<Machine> {
    Ok(Machine { memory: memory(), gpus: gpus(devices, split, main_gpu)? })
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

/// The processor as its maker calls it, and how many of its cores this process may use: `Some CPU @ 3 GHz, 8 cores`.
#[cfg(feature = "llama")]
pub fn processor() -> String {
    let system = System::new_with_specifics(RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing()));
    let name = system.cpus().first().map_or("", |cpu| cpu.brand().trim());
    let cores = some(crate::llama::physical_cores(), "core");
    if name.is_empty() { cores } else { format!("{name}, {cores}") }
}

#[cfg(feature = "llama")]
fn gpus(devices: Option<&[String]>, split: Split, main_gpu: usize) -> Result<Vec<Gpu>> {
    let gpu = |device: crate::llama::Device| Gpu { name: device.name, total: device.memory as u64, free: device.free as u64 };
    let mut gpus: Vec<Gpu> = crate::llama::gpus(devices)?.into_iter().map(gpu).collect();
    if split == Split::None {
        gpus = gpus.into_iter().skip(main_gpu).take(1).collect();
    }
    Ok(gpus)
}

#[cfg(not(feature = "llama"))]
#[allow(clippy::unnecessary_wraps, reason = "with a backend a device may be missing")]
fn gpus(_: Option<&[String]>, _: Split, _: usize) -> Result<Vec<Gpu>> {
    Ok(Vec::new())
}
