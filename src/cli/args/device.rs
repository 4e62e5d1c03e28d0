//! What is typed about devices and about the form of numbers.

// What stands here is the help text, where a terminal shows no backticks.
#![allow(clippy::doc_markdown)]

use std::str::FromStr;

use clap::{Args, ValueEnum};

use super::shared::{from_nothing, whole};
use crate::catalog::{GpuLayers, Kind};

/// Where and in what form a model computes. Most of it is shown by `--help` and not by `-h`: few people need it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Model")]
pub struct DeviceArgs {
    /// Layers to put on GPUs, the output counted as one; `auto` is as many as fit.
    #[arg(long, value_name = "N|auto", default_value = "auto", value_parser = layers, allow_negative_numbers = true)]
    pub gpu_layers: GpuLayers,

    /// GPUs to use, by name; `CPU` uses none. `afterword doctor` names them.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',', hide_short_help = true)]
    pub device: Option<Vec<String>>,

    /// The GPU that holds everything with `--split none`, counted from 0.
    #[arg(long, value_name = "N", default_value = "0", value_parser = from_nothing, allow_negative_numbers = true, hide_short_help = true)]
    pub main_gpu: usize,

    /// How a model is divided among GPUs.
    #[arg(long, value_enum, default_value_t = SplitBy::Layer, hide_short_help = true)]
    pub split: SplitBy,

    /// How keys and values are remembered, one type for both or two: `q8_0`, `q8_0,f16`; without it f16. Types: f32, f16, bf16,
    /// q8_0, q5_1, q5_0, q4_1, q4_0.
    #[arg(long, value_name = "TYPE[,TYPE]", hide_short_help = true)]
    pub kv_type: Option<KvTypes>,

    /// Whether attention is computed without storing its matrix; without it where the device can.
    #[arg(long, value_enum, value_name = "WHEN", hide_short_help = true)]
    pub flash_attention: Option<Flash>,

    /// Read the model into memory instead of mapping its file.
    #[arg(long, hide_short_help = true)]
    pub no_mmap: bool,

    /// Keep the model from being written out to disk.
    #[arg(long, hide_short_help = true)]
    pub mlock: bool,
}

impl DeviceArgs {
    /// How keys and values are remembered.
    pub fn kv_types(&self) -> KvTypes {
        self.kv_type.unwrap_or(KvTypes { keys: Kind::F16, values: Kind::F16 })
    }

    /// When flash attention is used.
    pub fn flash(&self) -> Flash {
        self.flash_attention.unwrap_or(Flash::Auto)
    }
}

/// How a model is divided among GPUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SplitBy {
    /// Not at all.
    None,
    /// By whole layers.
    Layer,
    /// By the rows of every matrix.
    Row,
}

/// When to use flash attention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Flash {
    /// Where the device can.
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

/// The types of remembered keys and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KvTypes {
    pub keys: Kind,
    pub values: Kind,
}

/// The types in which llama.cpp can keep keys and values.
const KV_TYPES: [&str; 8] = ["f32", "f16", "bf16", "q8_0", "q5_1", "q5_0", "q4_1", "q4_0"];

impl FromStr for KvTypes {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let (keys, values) = typed.split_once(',').unwrap_or((typed, typed));
        let kind = |name: &str| {
            let known = KV_TYPES.iter().find(|known| **known == name).and_then(|name| Kind::named(name));
            known.ok_or_else(|| format!("expected one of `{}`, or two with a comma", KV_TYPES.join("`, `")))
        };
        Ok(Self { keys: kind(keys)?, values: kind(values)? })
    }
}

fn layers(typed: &str) -> Result<GpuLayers, String> {
    match typed {
        "auto" => Ok(GpuLayers::Auto),
        number => number.parse().map(GpuLayers::Fixed).map_err(|error| whole(&error, "from 0 up, or `auto`")),
    }
}
