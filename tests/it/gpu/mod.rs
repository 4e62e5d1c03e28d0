//! What a GPU must do, on the first one that this build finds, whoever made it: where layers go, what rows come to, and that stories
//! are told, ended and given back as on a processor.
//!
//! `bash tests/gpu/run.sh` builds for one and runs these tests; where there is none it takes Mesa's software device. What they measure
//! is printed.

mod places;
mod stories;
mod tolerances;

use std::ops::Deref;
use std::sync::{Mutex, MutexGuard, PoisonError};

use afterword::catalog::{Gpu, Machine};
use afterword::llama::{Device, gpus};
use afterword::model::LoadOptions;

/// The GPU, which one test has at a time: what is free on it, tests ask.
struct OnGpu {
    device: Device,
    _turn: MutexGuard<'static, ()>,
}

impl OnGpu {
    /// The first one there is.
    fn first() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let device = gpus(None).unwrap().into_iter().next();
        let device = device.unwrap_or_else(|| panic!("this build finds no GPU here: `bash tests/gpu/run.sh` builds for one"));
        Self { device, _turn: turn }
    }

    /// A model is loaded onto it, so many layers of it or all.
    fn options(&self, gpu_layers: Option<u32>) -> LoadOptions {
        LoadOptions { devices: Some(vec![self.name.clone()]), gpu_layers, ..LoadOptions::default() }
    }

    /// Bytes that are free on it now.
    fn free(&self) -> u64 {
        gpus(Some(std::slice::from_ref(&self.name))).unwrap()[0].free as u64
    }

    /// A machine that has only this GPU, with so much free on it.
    fn machine(&self, free: u64) -> Machine {
        let (name, total) = (self.name.clone(), self.memory as u64);
        Machine { memory: None, gpus: vec![Gpu { name, total, free }] }
    }
}

impl Deref for OnGpu {
    type Target = Device;

    fn deref(&self) -> &Device {
        &self.device
    }
}

/// A model stays on the processor.
fn on_processor() -> LoadOptions {
    LoadOptions { devices: Some(Vec::new()), ..LoadOptions::default() }
}
