//! A writer's own file: stories are added to its end, and nothing is ever taken from it but what was added.
//!
//! [`Manuscript`] is the file, [`FrontMatter`] what its first lines may say to the program, [`Window`] what of a text that is longer
//! than a model's context the model sees.

mod front_matter;
mod journal;
#[allow(clippy::module_inception, reason = "the file itself")]
mod manuscript;
mod window;

/// The longest file that is told on, in bytes; no context holds a longer one.
const LONGEST: u64 = 64 << 20;

pub use front_matter::FrontMatter;
pub use manuscript::Manuscript;
pub use window::{Window, WindowSize};
