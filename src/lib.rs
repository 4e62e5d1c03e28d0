//! Afterword, a storyteller's decoder for local GGUF models.
#![doc = include_str!("architecture.md")]

pub mod batch;
pub mod bench;
pub mod catalog;
pub mod chat;
#[cfg(feature = "cli")]
pub mod cli;
pub mod decode;
pub mod engine;
pub mod eval;
pub mod files;
pub mod gguf;
#[cfg(feature = "hub")]
pub mod hub;
pub mod judging;
#[cfg(feature = "llama")]
pub mod llama;
pub mod manuscript;
pub mod model;
pub mod preset;
pub mod prob;
pub mod report;
pub mod sampler;
pub mod story;
pub mod text;
