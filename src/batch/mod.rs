//! Many stories into a folder: which they are, what they are called, and what stays of them whatever happens.
//!
//! A [`Matrix`] is prompts × presets × seeds, and each of its stories has a name; a run may grow by more of each. A [`Folder`] keeps them: every file appears
//! whole or not at all, a story's text before its record, and the index is only derived from the records. So whatever ends a
//! run, the next one finds which stories are whole and tells the others. [`tell`] is the loop over one memory, in which a
//! story that ends makes room for the next at once.

mod disk;
mod folder;
mod growth;
mod index;
mod matrix;
mod merge;
mod mistake;
mod names;
mod prompts;
mod run;
mod scheduler;
mod seeds;
mod shard;
mod shelf;
mod standing;
mod worker;

pub use disk::{Disk, Files};
pub use folder::{Findings, Folder};
pub use index::{Entry, Sums};
pub use matrix::{Item, MOST_STORIES, Matrix, Voice, count};
pub use merge::{Merged, Missing, Short, merge};
pub use prompts::{PromptEntry, Prompts, Source};
pub use run::{Asking, Parallel, RUN_FORMAT, RunFile};
pub use scheduler::{Allotted, NotAllotted, SHARDS};
pub use seeds::Seeds;
pub use shard::Shard;
pub use shelf::Shelf;
pub use worker::{Finished, Heard, Pace, tell};
