//! What a story leaves behind.

mod banned;
mod mode;
mod read;
mod record;
mod scored;
mod stop;
mod trace;

pub use banned::{Banned, Rewind, Stood};
pub use mode::{APART, Chat, Mode};
pub use read::NoRecord;
pub(crate) use record::is_none;
pub use record::{AdapterFile, Draft, FORMAT, ModelFile, Record, Resumed, Run, Times, Versions};
pub use scored::{ScoredText, ScoredToken, Windows};
pub use stop::StopReason;
pub use trace::{TracedCandidate, TracedSkip, TracedToken};
