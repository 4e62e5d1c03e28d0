//! The loop that turns decisions into stories, many at once.
//!
//! [`Stories`] asks every running storyteller what it wants to know, answers all of them with one decode, and goes on. It
//! reads no clock and prints nothing: what happens is told as [`Event`]s.

mod again;
mod moment;
mod plan;
mod refrain;
mod round;
mod sharing;
mod storyteller;
#[cfg(test)]
mod tests;
mod thinking;

pub use moment::{Decided, Place, decide};
pub use plan::{Counts, Plan, Told};
pub use round::{Event, Stories};
pub use thinking::{Until, plain_sampler};
