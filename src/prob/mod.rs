//! Distributions, entropy, truncation, penalties, schedules and keyed noise, as pure values.
//!
//! Natural logarithms and `f64` throughout, over rows of `f32` logits. This floor names no other module of the crate, keeps
//! no state and draws no random number: noise is a function of its key.

mod band;
mod candidates;
mod cycle;
mod dry;
mod entropy;
mod exponential;
mod lanes;
mod last;
mod logits;
mod noise;
mod penalties;
mod quantity;
mod schedule;
mod steering;
mod tempering;
mod truncation;

pub use band::{Band, Bounds};
pub use candidates::{Candidate, Candidates, Mass};
pub use cycle::{Cycle, Many, Shape, Steps};
pub use dry::{Dry, OpenWord, PenaltyAt};
pub use entropy::{FLOOR, Partition, normalised_entropy};
pub use last::Last;
pub use logits::{Ranked, heaviest_of_row, rank, top};
pub use noise::{Noise, StepNoise};
pub use penalties::Penalties;
pub use quantity::{Alpha, Amplitude, Multiplier, OutOfRange, Period, Phase, Probability, Share, Temperature, Top};
pub use quantity::{Bias, Bits, Decay, Exponent, Rate, Repeat, Sigmas};
pub use schedule::{Keyframes, Place, Schedule, Scheduled, Unit};
pub use steering::{AdaptiveP, Mirostat};
pub use tempering::DynamicTemperature;
pub use truncation::Xtc;

/// The number of a token: its index in a row of logits.
pub type Token = u32;
