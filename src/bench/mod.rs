//! Measurement of speed: what candidate lookahead costs on a model, done in several ways.
//!
//! A [`Bench`] lists its [`Job`]s in an order in which drift of the machine hits all modes alike; [`Bench::measure`] does one
//! of them, and [`rows`] makes the table of all. [`cost`], [`looks`] and [`advise`] find out which width and how many threads
//! suit a machine. Time is told by a [`Clock`] that is passed in, so that all this can be tested on a clock that lies.

mod measure;
mod mode;
mod naive;
mod table;
mod timed;
mod trial;
mod tune;

pub use measure::{Bench, Job, Measure};
pub use mode::{Mode, Samplers};
pub use table::{Row, median, rows};
pub use timed::{Clock, Spent, Timed};
pub use tune::{Advice, Curve, SIZES, advise, cost, looks};
