//! The cache of prompt states: what a model's memory held behind a prompt, kept on disk, so that nothing is read twice.
//!
//! [`StateFolder`] is a bounded folder of files ([`StateFile`]), each with a checksum over all of it. [`States`] is what a story has
//! of them: those that were made with the same model, build and settings. What cannot be used is never an error, for a prompt can
//! always be read: it becomes a [`Note`](super::Note).

mod cache;
mod file;
mod folder;

pub use cache::States;
pub use file::{About, StateFile};
pub use folder::{KeptState, StateFolder};
