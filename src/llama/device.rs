//! The machine as llama.cpp sees it.

use std::collections::BTreeSet;

use anyhow::{Result, bail, ensure};
use llama_cpp_2::model::params::{LlamaModelParams, LlamaSplitMode};
use llama_cpp_2::{LlamaBackendDevice, LlamaBackendDeviceType, list_llama_ggml_backend_devices};
use llama_cpp_sys_2 as sys;
use serde::Serialize;

use super::backend::{backend, text_of};
use crate::model::{LoadOptions, Split};

/// Something that computes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Device {
    /// Short and unique: `CPU`, `CUDA0`.
    pub name: String,
    /// What its maker calls it.
    pub description: String,
    /// Whether it is a CPU, a GPU or something beside them.
    pub kind: DeviceKind,
    /// In bytes; 0 where it does not tell.
    pub memory: usize,
    /// In bytes, at the moment of asking.
    pub free: usize,
}

/// What a device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceKind {
    /// The processor itself.
    Cpu,
    /// Works beside the CPU on its memory, such as a matrix library.
    Accelerator,
    /// With memory of its own.
    Gpu,
    /// A GPU that shares the memory of the CPU.
    IntegratedGpu,
    /// llama.cpp knows it, this version of the bindings does not.
    Other,
}

/// All devices of this build on this machine, the CPU among them.
///
/// # Errors
/// llama.cpp does not start.
pub fn devices() -> Result<Vec<Device>> {
    Ok(all()?.into_iter().map(|known| known.device).collect())
}

/// A device as llama.cpp knows it.
#[derive(Debug, Clone)]
struct Known {
    /// Its place in llama.cpp's list.
    number: usize,
    /// Through what it computes, as `CUDA`.
    backend: String,
    /// What is the same for one piece of hardware behind two backends; `None` where that is not known.
    hardware: Option<String>,
    device: Device,
}

impl Known {
    /// Whether it computes with more than the processor.
    fn is_gpu(&self) -> bool {
        matches!(self.device.kind, DeviceKind::Gpu | DeviceKind::IntegratedGpu)
    }

    /// Whether it belongs to a worker on another machine.
    fn is_remote(&self) -> bool {
        self.backend == "RPC"
    }
}

fn all() -> Result<Vec<Known>> {
    backend()?;
    let known = |found: LlamaBackendDevice| Known {
        number: found.index,
        hardware: hardware(found.index),
        backend: found.backend,
        device: Device {
            name: found.name,
            description: found.description,
            kind: match found.device_type {
                LlamaBackendDeviceType::Cpu => DeviceKind::Cpu,
                LlamaBackendDeviceType::Accelerator => DeviceKind::Accelerator,
                LlamaBackendDeviceType::Gpu => DeviceKind::Gpu,
                LlamaBackendDeviceType::IntegratedGpu => DeviceKind::IntegratedGpu,
                LlamaBackendDeviceType::Unknown => DeviceKind::Other,
            },
            memory: found.memory_total,
            free: found.memory_free,
        },
    };
    Ok(list_llama_ggml_backend_devices().into_iter().map(known).collect())
}

/// The bus on which a device is, or the like.
fn hardware(number: usize) -> Option<String> {
    // SAFETY: the number is one of llama.cpp's list, which only grows; what is asked for is plain data, and zeros are valid for all of it.
    let properties = unsafe {
        let mut properties: sys::ggml_backend_dev_props = std::mem::zeroed();
        sys::ggml_backend_dev_get_props(sys::ggml_backend_dev_get(number), &raw mut properties);
        properties
    };
    Some(text_of(properties.device_id)).filter(|id| !id.is_empty())
}

/// The GPUs that are used where none is named, or those of these names; `CPU` names none.
///
/// # Errors
/// There is no device of a name; llama.cpp does not start.
pub fn gpus(names: Option<&[String]>) -> Result<Vec<Device>> {
    Ok(chosen(names)?.into_iter().map(|known| known.device).collect())
}

/// The same, as llama.cpp knows them.
fn chosen(names: Option<&[String]>) -> Result<Vec<Known>> {
    let all = all()?;
    let Some(names) = names else { return Ok(usual(all)) };
    let mut chosen: Vec<Known> = Vec::new();
    for name in names {
        let Some(found) = all.iter().find(|known| known.device.name.eq_ignore_ascii_case(name)) else {
            let there: Vec<String> = all.iter().map(|known| format!("`{}`", known.device.name)).collect();
            bail!("there is no device `{name}`\nhint: there is {}", there.join(", "));
        };
        // The CPU is used always, with what works beside it on its memory.
        if found.is_gpu() && !chosen.iter().any(|other| other.number == found.number) {
            chosen.push(found.clone());
        }
    }
    Ok(chosen)
}

/// Those that are used where none is named, as llama.cpp chooses them: workers of other machines first; then GPUs with memory of their
/// own, one that two backends know only once; and where there is none of these, those that share the memory of the processor.
fn usual(all: Vec<Known>) -> Vec<Known> {
    let gpus = all.into_iter().filter(Known::is_gpu);
    let (mut usual, here): (Vec<_>, Vec<_>) = gpus.partition(Known::is_remote);
    let (shared, mut own): (Vec<_>, Vec<_>) =
        here.into_iter().partition(|known| known.device.kind == DeviceKind::IntegratedGpu);
    let mut seen = BTreeSet::new();
    own.retain(|known| known.hardware.clone().is_none_or(|hardware| seen.insert(hardware)));
    if own.is_empty() {
        // Several backends may know one that is shared; all that one of them knows are different ones.
        let backend = shared.first().map(|known| known.backend.clone());
        own.extend(shared.into_iter().filter(|known| Some(&known.backend) == backend.as_ref()));
    }
    usual.append(&mut own);
    usual
}

/// Puts the devices of the options into the parameters, and none where no layer goes to one: llama.cpp would still have it read prompts.
/// Returns whether there is one.
pub(super) fn choose(parameters: LlamaModelParams, options: &LoadOptions) -> Result<(LlamaModelParams, bool)> {
    let LoadOptions { devices, main_gpu, split, gpu_layers, .. } = options;
    let mut used = chosen(devices.as_deref())?;
    ensure!(*main_gpu == 0 || *main_gpu < used.len(), "there is no GPU {main_gpu}, counted from 0: {} can be used", used.len());
    if *gpu_layers == Some(0) {
        used.clear();
    }
    let parameters = parameters.with_devices(&used.iter().map(|known| known.number).collect::<Vec<_>>())?;
    // Without a GPU there is nothing to divide, and llama.cpp would look for the first one in vain.
    if used.is_empty() {
        return Ok((parameters, false));
    }
    let split = match split {
        Split::None => LlamaSplitMode::None,
        Split::Layer => LlamaSplitMode::Layer,
        Split::Row => LlamaSplitMode::Row,
    };
    Ok((parameters.with_split_mode(split).with_main_gpu(i32::try_from(*main_gpu)?), true))
}

/// Cores that compute on their own, at least 1: two threads of one core share its arithmetic and only slow each other.
/// Never more than the process may use.
#[must_use]
pub fn physical_cores() -> usize {
    num_cpus::get_physical().min(num_cpus::get()).max(1)
}

/// Which instructions llama.cpp was compiled for, in its own words.
#[must_use]
pub fn system_info() -> String {
    // SAFETY: returns a terminated string that lives as long as the process.
    text_of(unsafe { sys::llama_print_system_info() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_has_a_cpu_and_a_core() {
        assert!(devices().unwrap().iter().any(|device| device.kind == DeviceKind::Cpu));
        assert!(physical_cores() >= 1);
        assert!(!system_info().is_empty());
    }

    #[test]
    fn a_device_that_is_not_there_is_named_with_those_that_are() {
        let said = gpus(Some(&["GPU99".to_owned()])).unwrap_err().to_string();
        assert!(said.starts_with("there is no device `GPU99`\nhint: there is ") && said.contains("`CPU`"), "{said}");
        assert_eq!(gpus(Some(&["cpu".to_owned()])).unwrap(), []);
        assert_eq!(gpus(Some(&[])).unwrap(), []);
    }

    #[test]
    fn gpus_are_used_as_llama_cpp_chooses_them() {
        let known = |name: &str, backend: &str, kind, hardware: Option<&str>| Known {
            number: 0,
            backend: backend.to_owned(),
            hardware: hardware.map(str::to_owned),
            device: Device { name: name.to_owned(), description: String::new(), kind, memory: 1, free: 1 },
        };
        let cpu = known("CPU", "CPU", DeviceKind::Cpu, None);
        let card = known("CUDA0", "CUDA", DeviceKind::Gpu, Some("0000:01:00.0"));
        let again = known("Vulkan0", "Vulkan", DeviceKind::Gpu, Some("0000:01:00.0"));
        let other = known("Vulkan1", "Vulkan", DeviceKind::Gpu, None);
        let shared = known("Vulkan2", "Vulkan", DeviceKind::IntegratedGpu, Some("0000:00:02.0"));
        let shared_again = known("SYCL0", "SYCL", DeviceKind::IntegratedGpu, None);
        let worker = known("RPC0", "RPC", DeviceKind::Gpu, None);
        let names = |all: &[&Known]| {
            let used = usual(all.iter().map(|&known| known.clone()).collect());
            used.into_iter().map(|known| known.device.name).collect::<Vec<_>>()
        };
        assert_eq!(names(&[&card, &again, &other, &shared, &cpu, &worker]), ["RPC0", "CUDA0", "Vulkan1"]);
        assert_eq!(names(&[&shared, &shared_again, &cpu, &worker]), ["RPC0", "Vulkan2"]);
        assert_eq!(names(&[&shared, &card]), ["CUDA0"]);
        assert_eq!(names(&[&cpu]), Vec::<String>::new());
    }
}
