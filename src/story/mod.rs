//! What a story leaves behind.

mod record;
mod stop;
mod trace;

pub use record::{FORMAT, ModelFile, Record, Run, Times, Versions};
pub use stop::StopReason;
pub use trace::{TracedCandidate, TracedSkip, TracedToken};
