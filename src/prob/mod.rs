//! Distributions, entropy, selection, schedules and keyed noise, as pure values.
//!
//! Natural logarithms and `f64` throughout, over rows of `f32` logits. This floor names no other module of the crate, keeps
//! no state and draws no random number: noise is a function of its key.

mod band;
mod candidates;
mod cycle;
mod derail;
mod entropy;
mod exponential;
mod keys;
mod lanes;
mod last;
mod logits;
mod noise;
mod quantity;
mod schedule;
mod scheduled;
mod score;
mod selection;

pub use band::{Band, Bounds, Measure};
pub use candidates::{Candidate, Candidates, Mass};
pub(crate) use candidates::{by_rank, tame};
pub use cycle::{Cycle, Many, Shape, Steps};
pub use derail::excess;
pub use entropy::{FLOOR, Partition, normalised_entropy};
pub use keys::{KEYS, keys_in_order};
pub use last::Last;
pub use logits::{Ranked, heaviest_of_row, rank, top};
pub use noise::{Noise, StepNoise};
pub use quantity::{Alpha, Amplitude, Multiplier, OutOfRange, Period, Phase, Probability, Share, Temperature, Top};
pub use quantity::{Bend, Bias, Bits, Ceiling, Decay, Excess, Exponent, Factor, Kept, Least, Part, Rate, Repeat, Sigmas};
pub use schedule::{Keyframes, Motion, Place, Schedule, Unit};
pub use scheduled::Scheduled;
pub use score::Score;

/// The number of a token: its index in a row of logits.
pub type Token = u32;
