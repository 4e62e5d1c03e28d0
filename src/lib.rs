//! Afterword, a storyteller's decoder for local GGUF models.
//!
//! Most samplers judge a token by how likely it is now. Afterword also asks what could come after it: it forks the model's
//! memory, lets it look past each candidate, measures how open the future is there, and prefers words that keep the story
//! open. The idea is Will Kurt's ("Making LLMs Better at Creative Writing using Entropy", countbayesie.com, 2026).
//!
//! # The house
//!
//! Each floor names only floors below it.
//!
//! | floor | modules | what lives there |
//! | --- | --- | --- |
//! | 7 | [`cli`] | arguments, settings, one file a subcommand; the only place that prints |
//! | 6 | [`mod@bench`] | measurement of speed |
//! | 5 | [`report`], [`catalog`], [`batch`] | pages and pictures, made from records alone; models on disk, and what they will need; many stories to a folder; no backend |
//! | 4 | [`decode`] | the loop that turns decisions into stories, many at once |
//! | 3 | [`story`], [`preset`], [`llama`] | what a story leaves behind; presets in TOML; the backend |
//! | 2 | [`sampler`], [`model`], [`chat`], [`gguf`] | decisions, the seam that they need of a model, how an instruct model is asked, and the file that it comes in |
//! | 1 | [`prob`], [`text`], [`files`] | distributions, entropy, penalties, schedules, noise; foreign text made harmless; the door to the disk |
//!
//! # Invariants
//!
//! A test reads `src/` and holds the first four.
//!
//! - Dependencies only point down, and [`prob`] names no other module.
//! - The bindings to llama.cpp are named in [`llama`] only, and nowhere else is there unsafe code.
//! - Nothing below [`cli`] prints, exits, or reads the clock or the environment.
//! - Randomness is passed in: every random number is a pure function of seed, prompt, step, stage and token, so width,
//!   batching and order never change which numbers are used.
//! - The library reports events; the edge draws them.
//! - Equal model, preset, prompt, seed, version, threads, flash attention, cache types, prefill chunk and width give the
//!   equal story on one machine.

pub mod batch;
pub mod bench;
pub mod catalog;
pub mod chat;
pub mod cli;
pub mod decode;
pub mod files;
pub mod gguf;
#[cfg(feature = "llama")]
pub mod llama;
pub mod model;
pub mod preset;
pub mod prob;
pub mod report;
pub mod sampler;
pub mod story;
pub mod text;
