//! What is typed about devices and about the form of numbers.

// What stands here is the help text, where a terminal shows no backticks.
#![allow(clippy::doc_markdown)]

use std::str::FromStr;

use clap::Args;

use super::shared::{from_nothing, one_of, whole};
use crate::engine::Worker;
use crate::model::{CacheType, FlashAttention, GpuLayers, Split, UnknownChoice};

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

    /// Workers whose devices compute too, for a model that no single machine holds: each is an afterword rpc-serve. They count as GPUs, and
    /// are called RPC0, RPC1 and so on. What goes there and back can be read and changed on the way, unless a tunnel leads there.
    #[arg(long, value_name = "HOST:PORT,…", value_delimiter = ',', hide_short_help = true)]
    pub rpc: Vec<Worker>,

    /// The GPU that holds everything with `--split none`, counted from 0.
    #[arg(long, value_name = "N", default_value = "0", value_parser = from_nothing, allow_negative_numbers = true, hide_short_help = true)]
    pub main_gpu: usize,

    /// How a model is divided among GPUs.
    #[arg(long, default_value_t = Split::Layer, value_parser = one_of::<Split>(), hide_short_help = true)]
    pub split: Split,

    /// How keys and values are remembered, one type for both or two: `q8_0`, `q8_0,f16`; without it f16. Types: f32, f16, bf16,
    /// q8_0, q5_1, q5_0, q4_1, q4_0.
    #[arg(long, value_name = "TYPE[,TYPE]", hide_short_help = true)]
    pub kv_type: Option<KvTypes>,

    /// Whether attention is computed without storing its matrix; without it where the device can.
    #[arg(long, value_name = "WHEN", value_parser = one_of::<FlashAttention>(), hide_short_help = true)]
    pub flash_attention: Option<FlashAttention>,

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
        self.kv_type.unwrap_or_default()
    }

    /// When flash attention is used.
    pub fn flash(&self) -> FlashAttention {
        self.flash_attention.unwrap_or_default()
    }
}

/// The types of remembered keys and values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct KvTypes {
    pub keys: CacheType,
    pub values: CacheType,
}

impl FromStr for KvTypes {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let (keys, values) = typed.split_once(',').unwrap_or((typed, typed));
        let cache = |name: &str| name.parse().map_err(|unknown: UnknownChoice| format!("{unknown}, or two with a comma"));
        Ok(Self { keys: cache(keys)?, values: cache(values)? })
    }
}

/// A number of layers, or `auto`.
pub fn layers(typed: &str) -> Result<GpuLayers, String> {
    match typed {
        "auto" => Ok(GpuLayers::Auto),
        number => number.parse().map(GpuLayers::Fixed).map_err(|error| whole(&error, "from 0 up, or `auto`")),
    }
}
