//! All tests of the library and of the program as they are met from outside, in one binary: one link, and one way of doing each
//! thing (`support`). A file is a subject.
//!
//! Whatever changes its own process is a test of its own beside this one, and says why: `tests/memory.rs`, `tests/samplers.rs`.
//! What may need a process of its own for what it does to one, such as limits, begins one.

#![allow(clippy::unwrap_used)] // What helps a test may fail as a test does.

mod support;

// Values, files and pages: no model is loaded.
mod browser;
mod catalog;
mod chain;
#[cfg(all(feature = "cli", unix))]
mod cluster;
#[cfg(feature = "cli")]
mod config;
mod decode;
#[cfg(feature = "cli")]
mod eval;
mod fuzzed;
mod house;
#[cfg(feature = "hub")]
mod hub;
mod imports;
#[cfg(feature = "cli")]
mod judge;
#[cfg(feature = "cli")]
mod manual;
mod presets;
#[cfg(feature = "cli")]
mod presets_at_hand;
mod prompts;
mod records;
#[cfg(feature = "cli")]
mod report;
#[cfg(feature = "serve")]
mod serve;
mod steady;
#[cfg(feature = "cli")]
mod template_limits;
mod templates;
mod values;

// Models: the backend, and the program on it.
#[cfg(all(feature = "llama", feature = "cli", unix))]
mod append;
#[cfg(all(feature = "llama", feature = "cli"))]
mod backend;
#[cfg(all(feature = "llama", feature = "cli"))]
mod bad_input;
#[cfg(all(feature = "llama", feature = "cli"))]
mod bans;
#[cfg(all(feature = "llama", feature = "cli"))]
mod batch;
#[cfg(all(feature = "llama", feature = "cli"))]
mod bench;
#[cfg(all(feature = "llama", feature = "cli", target_os = "linux"))]
mod broken_models;
#[cfg(all(feature = "llama", feature = "cli"))]
mod calibrate;
#[cfg(all(feature = "llama", feature = "cli"))]
mod chat;
#[cfg(all(feature = "llama", feature = "cli"))]
mod compare;
#[cfg(all(feature = "llama", feature = "cli"))]
mod drafts;
#[cfg(all(feature = "llama", feature = "cli"))]
mod explain;
#[cfg(all(feature = "llama", feature = "explore", unix))]
mod explore;
#[cfg(all(feature = "llama", feature = "cli"))]
mod gpu;
#[cfg(feature = "llama")]
mod handle;
#[cfg(all(feature = "llama", feature = "cli", unix))]
mod hostile_text;
#[cfg(all(feature = "llama", feature = "cli"))]
mod long_stories;
#[cfg(all(feature = "llama", feature = "cli"))]
mod lookahead;
#[cfg(all(feature = "llama", feature = "cli"))]
mod lora;
#[cfg(all(feature = "llama", feature = "cli"))]
mod model_files;
#[cfg(all(feature = "llama", feature = "cli"))]
mod models;
#[cfg(all(feature = "llama", feature = "cli"))]
mod outputs;
#[cfg(all(feature = "llama", feature = "cli", unix))]
mod readme;
#[cfg(all(feature = "llama", feature = "cli"))]
mod replay;
#[cfg(all(feature = "llama", feature = "cli"))]
mod resume;
#[cfg(all(feature = "llama", feature = "cli"))]
mod rounding;
#[cfg(all(feature = "llama", feature = "cli", unix))]
mod rpc;
#[cfg(all(feature = "llama", feature = "cli"))]
mod score;
#[cfg(all(feature = "llama", feature = "cli", unix))]
mod screen;
#[cfg(all(feature = "llama", feature = "cli"))]
mod stability;
#[cfg(all(feature = "llama", feature = "cli"))]
mod states;
#[cfg(all(feature = "llama", feature = "cli"))]
mod vocabularies;
#[cfg(all(feature = "llama", feature = "cli", target_os = "linux"))]
mod waits;
#[cfg(all(feature = "llama", feature = "cli"))]
mod write;
