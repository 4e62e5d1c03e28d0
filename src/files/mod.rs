//! The door to the disk: what is read of others has a bound, and what is written never takes the place of what is not ours.
//!
//! A file is read by [`read`] or [`read_text`]. A file is written by [`Output`]: asked for before the work, when the [`Inputs`] of
//! the run are known, and told what it is for by its [`Form`].

mod form;
mod inputs;
mod output;
mod read;
mod stamp;
mod sum;
mod sums;

pub use form::{Form, MARK};
pub use inputs::Inputs;
pub use output::{Output, Staged, commit_together, folder, left_behind, replace, replace_in_cache, sync, tidy};
pub use read::{bounded, causes, open, read, read_text, words};
pub use stamp::Stamp;
pub use sum::{hexadecimal, sha256};
pub use sums::Sums;
