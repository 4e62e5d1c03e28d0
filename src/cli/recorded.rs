//! The settings with which a recorded story was told: its model and everything that decides the bits.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::cli::args::{ChangeArgs, KvTypes, ModelArgs};
use crate::cli::missing::still_there;
use crate::cli::opening::{BUNDLED, bundled};
use crate::cli::settings::Chosen;
use crate::cli::usage::Usage;
use crate::engine::{Engine, EngineOptions, Width};
use crate::files;
use crate::model::GpuLayers;
use crate::preset::Preset;
use crate::story::{AdapterFile, Record, Versions};
use crate::text::{EXCERPT, excerpt};

/// The record's model and settings, where nothing else was typed.
///
/// # Errors
/// A model that is not there, or is not the one that told the story.
pub fn as_recorded(typed: &ModelArgs, record: &Record) -> Result<EngineOptions> {
    let model = typed.model.clone().map_or_else(|| model_of(record), Ok)?;
    check_model(&model, record)?;
    if typed.lora.is_empty() {
        check_adapters(record)?;
    }
    let (device, recorded) = (&typed.device, EngineOptions::of_run(model, &record.run));
    let kv_types = device.kv_type.unwrap_or(KvTypes { keys: recorded.keys, values: recorded.values });
    let mut options = EngineOptions {
        adapters: if typed.lora.is_empty() { recorded.adapters } else { typed.lora.clone() },
        use_mmap: !device.no_mmap,
        use_mlock: device.mlock,
        threads: typed.threads.or(recorded.threads),
        context: typed.ctx.or(recorded.context),
        width: if typed.width == Width::Auto { recorded.width } else { typed.width },
        flash_attention: device.flash_attention.unwrap_or(recorded.flash_attention),
        keys: kv_types.keys,
        values: kv_types.values,
        ..recorded
    };
    if device.device.is_some() || device.gpu_layers != GpuLayers::Auto {
        (options.devices, options.gpu_layers) = (device.device.clone(), device.gpu_layers);
        (options.main_gpu, options.split) = (device.main_gpu, device.split);
    }
    Ok(options)
}

/// Whether what was typed would have it computed otherwise than the record says.
pub fn differs(typed: &ModelArgs, record: &Record) -> bool {
    let (ModelArgs { model: _, lora, threads, ctx: _, width, device }, run) = (typed, &record.run);
    let other_width = matches!(width, Width::Fixed(width) if width.get() != run.width);
    let other_layers = matches!(device.gpu_layers, GpuLayers::Fixed(layers) if layers != run.gpu_layers.unwrap_or(0));
    let told: Vec<(&str, f32)> = run.adapters.iter().map(|adapter| (adapter.file.as_str(), adapter.scale)).collect();
    let other_adapters = !lora.iter().map(|adapter| (adapter.file.to_str().unwrap_or_default(), adapter.scale)).eq(told);
    (!lora.is_empty() && other_adapters)
        || threads.is_some_and(|threads| threads.get() != run.threads)
        || other_width
        || other_layers
        || device.kv_type.is_some_and(|types| [types.keys, types.values] != run.cache)
        || device.flash_attention.is_some_and(|flash| flash != run.flash_attention)
        || device.device.as_ref().is_some_and(|devices| *devices != run.devices)
}

/// Where the record's model is; the bundled one wherever it is now.
fn model_of(record: &Record) -> Result<PathBuf> {
    let path = PathBuf::from(&record.model.file);
    if path.is_file() {
        return Ok(path);
    }
    if path.file_name().is_some_and(|name| name == BUNDLED) {
        return bundled();
    }
    still_there(&path)?;
    Ok(path)
}

/// Refuses a model that did not tell the record's story.
fn check_model(path: &Path, record: &Record) -> Result<()> {
    let sum = files::open(path).and_then(files::sha256);
    let sum = sum.with_context(|| format!("cannot read `{}` again for its checksum", path.display()))?;
    if sum == record.model.sha256 {
        return Ok(());
    }
    let sha256 = excerpt(&record.model.sha256, EXCERPT);
    let hint = format!("the story was told by `{}`, SHA-256 {sha256}", record.model.file);
    Err(Usage(format!("the model `{}` is not the record's\nhint: {hint}", path.display())).into())
}

/// Refuses where an adapter of the record's is not there any more, or is another.
fn check_adapters(record: &Record) -> Result<()> {
    for AdapterFile { file, sha256, .. } in &record.run.adapters {
        let sum = files::open(Path::new(file)).and_then(files::sha256);
        let sum = sum.map_err(|error| {
            let cause = files::words(&error);
            Usage(format!("cannot read the record's adapter `{file}`: {cause}\nhint: `--lora FILE` says where it is now"))
        })?;
        if sum != *sha256 {
            let hint = format!("the story was told with one of the SHA-256 {}", excerpt(sha256, EXCERPT));
            return Err(Usage(format!("the adapter `{file}` is not the record's\nhint: {hint}")).into());
        }
    }
    Ok(())
}

/// Whether the record was told by another build of the program than this one.
pub fn other_build(engine: &Engine, record: &Record) -> bool {
    Versions::here(engine.backend().version()) != record.versions
}

/// The preset as it ran, with what is to be otherwise now.
pub fn preset_of(record: &Record, changes: &ChangeArgs) -> Result<Chosen> {
    Chosen::changed(&record.preset, Preset::of_record(&record.resolved)?, changes)
}
