//! What a story leaves behind.

mod record;
mod stop;

pub use record::{FORMAT, ModelFile, Record, Run, Times, Versions};
pub use stop::StopReason;
