//! The machine as llama.cpp sees it.

use anyhow::{Result, bail, ensure};
use llama_cpp_2::model::params::{LlamaModelParams, LlamaSplitMode};
use llama_cpp_2::{LlamaBackendDeviceType, list_llama_ggml_backend_devices};
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
    backend()?;
    Ok(list_llama_ggml_backend_devices()
        .into_iter()
        .map(|device| Device {
            name: device.name,
            description: device.description,
            kind: match device.device_type {
                LlamaBackendDeviceType::Cpu => DeviceKind::Cpu,
                LlamaBackendDeviceType::Accelerator => DeviceKind::Accelerator,
                LlamaBackendDeviceType::Gpu => DeviceKind::Gpu,
                LlamaBackendDeviceType::IntegratedGpu => DeviceKind::IntegratedGpu,
                LlamaBackendDeviceType::Unknown => DeviceKind::Other,
            },
            memory: device.memory_total,
            free: device.memory_free,
        })
        .collect())
}

/// The GPUs of this machine, or those of them with these names; `CPU` names none.
///
/// # Errors
/// There is no device of a name; llama.cpp does not start.
pub fn gpus(names: Option<&[String]>) -> Result<Vec<Device>> {
    Ok(chosen(names)?.into_iter().map(|(_, device)| device).collect())
}

/// The same, each with its number in llama.cpp's list.
fn chosen(names: Option<&[String]>) -> Result<Vec<(usize, Device)>> {
    let all: Vec<(usize, Device)> = devices()?.into_iter().enumerate().collect();
    let is_gpu = |device: &Device| matches!(device.kind, DeviceKind::Gpu | DeviceKind::IntegratedGpu);
    let Some(names) = names else {
        return Ok(all.into_iter().filter(|(_, device)| is_gpu(device)).collect());
    };
    let mut chosen = Vec::new();
    for name in names {
        let found = all.iter().find(|(_, device)| device.name.eq_ignore_ascii_case(name));
        let Some((number, device)) = found else {
            let there: Vec<String> = all.iter().map(|(_, device)| format!("`{}`", device.name)).collect();
            bail!("there is no device `{name}`\nhint: there is {}", there.join(", "));
        };
        // The CPU is used always, with what works beside it on its memory.
        if is_gpu(device) && !chosen.iter().any(|(other, _)| other == number) {
            chosen.push((*number, device.clone()));
        }
    }
    Ok(chosen)
}

/// Puts the devices of the options into the parameters.
pub(super) fn choose(parameters: LlamaModelParams, options: &LoadOptions) -> Result<LlamaModelParams> {
    let LoadOptions { devices, main_gpu, split, .. } = options;
    let used = chosen(devices.as_deref())?;
    ensure!(*main_gpu == 0 || *main_gpu < used.len(), "there is no GPU {main_gpu}, counted from 0: {} can be used", used.len());
    let parameters = match devices {
        None => parameters,
        Some(_) => parameters.with_devices(&used.iter().map(|(number, _)| *number).collect::<Vec<_>>())?,
    };
    // Without a GPU there is nothing to divide, and llama.cpp would look for the first one in vain.
    if used.is_empty() {
        return Ok(parameters);
    }
    let split = match split {
        Split::None => LlamaSplitMode::None,
        Split::Layer => LlamaSplitMode::Layer,
        Split::Row => LlamaSplitMode::Row,
    };
    Ok(parameters.with_split_mode(split).with_main_gpu(i32::try_from(*main_gpu)?))
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
}
