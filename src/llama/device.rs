//! The machine as llama.cpp sees it.

use llama_cpp_2::{LlamaBackendDeviceType, list_llama_ggml_backend_devices};
use llama_cpp_sys_2 as sys;
use serde::Serialize;

use super::backend::{backend, text_of};

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
pub fn devices() -> anyhow::Result<Vec<Device>> {
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
}
