//! Decisions: what a storyteller does with a row of logits. No model, no clock, no input or output.
//!
//! A [`Sampler`] is a [`Chain`] of stages and a way to pick. For one position of one story it makes a [`Turn`], which is asked
//! until it takes a token: [`Ask::Look`] names paths whose rows it wants to know, [`Ask::Take`] ends it.

mod act;
mod chain;
mod contest;
mod draw;
mod memory;
mod rhythm;
mod settings;
mod shortcut;
mod spelling;
mod turn;
#[cfg(test)]
mod vectors;

pub use crate::prob::{AdaptiveP, Dry, DynamicTemperature, Mirostat, OpenWord, Penalties, PenaltyAt, Xtc};
pub use chain::{Chain, Curve, EndOfText, Future, Horizon, Pick, Role, Stage};
pub use contest::Weighing;
pub use draw::{Draw, Looked, Now, Removed, Skipped, Watched};
pub use memory::Memory;
pub use settings::{Reach, Sampler};
pub use spelling::Spelling;
pub use turn::{Ask, Path, Turn};
