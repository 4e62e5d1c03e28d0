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
mod decode;
mod house;
mod imports;
mod presets;
mod presets_at_hand;
mod records;
mod report;
mod steady;
mod template_limits;
mod templates;

// Models: the backend, and the program on it.
#[cfg(feature = "llama")]
mod backend;
#[cfg(feature = "llama")]
mod bad_input;
#[cfg(feature = "llama")]
mod batch;
#[cfg(feature = "llama")]
mod bench;
#[cfg(all(feature = "llama", target_os = "linux"))]
mod broken_models;
#[cfg(feature = "llama")]
mod chat;
#[cfg(feature = "llama")]
mod compare;
#[cfg(feature = "llama")]
mod drafts;
#[cfg(feature = "llama")]
mod explain;
#[cfg(all(feature = "llama", unix))]
mod hostile_text;
#[cfg(feature = "llama")]
mod long_stories;
#[cfg(feature = "llama")]
mod lookahead;
#[cfg(feature = "llama")]
mod model_files;
#[cfg(feature = "llama")]
mod models;
#[cfg(feature = "llama")]
mod outputs;
#[cfg(feature = "llama")]
mod replay;
#[cfg(feature = "llama")]
mod rounding;
#[cfg(all(feature = "llama", unix))]
mod screen;
#[cfg(feature = "llama")]
mod stability;
#[cfg(feature = "llama")]
mod vocabularies;
#[cfg(all(feature = "llama", target_os = "linux"))]
mod waits;
#[cfg(feature = "llama")]
mod write;
