//! The settings with which a recorded story was told: its model and everything that decides the bits.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::args::{KvTypes, ModelArgs, Width};
use super::engine::{BUNDLED, bundled};
use super::missing::still_there;
use super::recording::sha256;
use super::usage::Usage;
use crate::model::GpuLayers;
use crate::story::Record;
use crate::text::{EXCERPT, excerpt};

/// The record's model and settings, where nothing else was typed.
///
/// # Errors
/// A setting that does not exist; a model that is not there, or is not the one that told the story.
pub fn as_recorded(typed: ModelArgs, record: &Record) -> Result<ModelArgs> {
    let run = &record.run;
    let mut args = typed;
    let model = args.model.map_or_else(|| model_of(record), Ok)?;
    check_model(&model, record)?;
    args.model = Some(model);
    args.threads = args.threads.or(NonZeroUsize::new(run.threads));
    args.ctx = args.ctx.or(NonZeroUsize::new(run.context));
    if args.width == Width::Auto {
        args.width = Width::Fixed(NonZeroUsize::new(run.width).context("cannot compute as in the record: its width is 0")?);
    }
    let device = &mut args.device;
    device.kv_type.get_or_insert(KvTypes { keys: run.cache[0], values: run.cache[1] });
    device.flash_attention.get_or_insert(run.flash_attention);
    if device.device.is_none() && device.gpu_layers == GpuLayers::Auto {
        let loaded = run.load_options();
        device.gpu_layers = GpuLayers::Fixed(loaded.gpu_layers.unwrap_or(0));
        device.device = loaded.devices;
        (device.main_gpu, device.split) = (loaded.main_gpu, loaded.split);
    }
    Ok(args)
}

/// Whether what was typed would have it computed otherwise than the record says.
pub fn differs(typed: &ModelArgs, record: &Record) -> bool {
    let (ModelArgs { model: _, threads, ctx: _, width, device }, run) = (typed, &record.run);
    let other_width = matches!(width, Width::Fixed(width) if width.get() != run.width);
    let other_layers = matches!(device.gpu_layers, GpuLayers::Fixed(layers) if layers != run.gpu_layers.unwrap_or(0));
    threads.is_some_and(|threads| threads.get() != run.threads)
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
    if sha256(path)? == record.model.sha256 {
        return Ok(());
    }
    let sha256 = excerpt(&record.model.sha256, EXCERPT);
    let hint = format!("the story was told by `{}`, SHA-256 {sha256}", record.model.file);
    Err(Usage(format!("the model `{}` is not the record's\nhint: {hint}", path.display())).into())
}
