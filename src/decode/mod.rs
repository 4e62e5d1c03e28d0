//! The loop that turns decisions into stories, many at once.
//!
//! [`drive`] tells [`Plan`]s to their ends, and an [`Observer`] hears of it. Below it [`Stories`] asks every running storyteller
//! what it wants to know, answers all of them with one decode, and goes on. Nothing here reads a clock or prints.

mod again;
mod answering;
mod banning;
mod cancel;
mod detokenizing;
mod drive;
mod ending;
mod explorer;
mod healing;
mod kept;
mod loop_detector;
mod observer;
mod plan;
mod prompt_cache;
mod prompt_sharing;
mod request;
mod resting;
mod room;
mod round;
mod scoring;
mod single_step;
mod storyteller;
#[cfg(test)]
mod tests;
mod thinking;
mod whole_end;

pub use cancel::Cancel;
pub use drive::{Next, Source, drive, each, tell};
pub use explorer::{Budget, Closely, Explorer, NodeId};
pub use kept::Keep;
pub use observer::{Attention, Ended, Observer, Occupancy, Part, Told};
pub use plan::{Completion, Continuation, Counts, Plan};
pub use prompt_cache::{PromptCache, PromptState};
pub use round::Stories;
pub use scoring::{Given, Scoring};
pub use single_step::{Decided, StoryStep, decide};
pub use thinking::{Until, plain_sampler};
