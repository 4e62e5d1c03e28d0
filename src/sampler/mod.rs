//! Decisions: what a storyteller does with a row of logits. No model, no clock, no input or output.
//!
//! A [`Sampler`] is a [`Chain`] of stages and a way to pick. For one position of one story it makes a [`Turn`], which is asked
//! until it takes a token: [`Ask::Look`] names paths whose rows it wants to know, [`Ask::Take`] ends it.

mod chain;
mod contest;
mod draw;
mod memory;
mod prepared;
mod rhythm;
mod settings;
mod shortcut;
mod spelling;
pub mod stages;
mod turn;
#[cfg(test)]
mod vectors;

pub use chain::{Chain, Pick};
pub use contest::Weighing;
pub use draw::{Draw, Looked, Now, Removed, Skipped, Watched};
pub use memory::Memory;
pub use settings::{Reach, Sampler};
pub use spelling::Spelling;
pub use stages::*;
pub use turn::{Ask, Path, Turn};
