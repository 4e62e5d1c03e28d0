//! Decisions: what a storyteller does with a row of logits. No model, no clock, no input or output.
//!
//! A [`Sampler`] is a [`Chain`] of stages and a way to pick. Bound to a vocabulary it is a [`BoundSampler`], which for one
//! position of one story makes a [`Turn`], and that is asked until it takes a token: [`Ask::Look`] names paths whose rows it
//! wants to know, [`Ask::Take`] ends it.

mod account;
mod baseline;
mod binding;
mod chain;
mod draw;
mod fast_path;
mod history;
mod lazy_draw;
mod logit_bias;
mod opening;
mod prepared;
// A sampler is what this module is about.
#[allow(clippy::module_inception)]
mod sampler;
mod sentence_counter;
pub mod stages;
mod step;
mod text_unit;
mod token_patterns;
#[cfg(test)]
mod vectors;
mod without;

pub use baseline::{Baseline, Usual};
pub use binding::BoundSampler;
pub use chain::{Chain, Pick};
pub use draw::{CandidateTrace, Draw, Now, Removed, Share, Shares, Skipped, TopTokenTrace};
pub use history::{Carried, History};
pub use lazy_draw::Weighing;
pub use logit_bias::LogitBias;
pub use sampler::{Reach, Sampler};
pub use sentence_counter::SentenceCounter;
pub use stages::*;
pub use step::{Ask, TokenPath, Turn};
pub use text_unit::TextUnit;
pub use token_patterns::TokenPattern;
pub use without::Without;
