//! A tree of texts in which a writer stands, looks at what each word opens, and chooses.
//!
//! [`Tree`] is what was written and told, as a value: every change can be undone, and a file keeps all of it. A [`Guide`] is
//! the model's side: it decides at a place, tells on, and looks ahead. [`App`] is what a writer sees and does, as a state machine.
//! Nothing here draws, prints or reads a clock; times come in as seconds since 1970.

mod app;
mod export;
mod file;
mod guide;
mod import;
mod in_order;
mod key;
mod page;
mod tree;

#[cfg(all(test, feature = "explore"))]
pub(crate) use app::tests::Sitting;
pub use app::{
    App, Asked, Blind, Comparison, Effect, Event, Field, Found, List, Row, Screen, Setup, Spot, Target, Trunk, Voice, Voices,
};
pub use export::Export;
pub use file::{NoTree, TREE_FORMAT};
pub use guide::{Aim, Cost, Guide, Recipe, Report, Request, Stretch, Way, Wish};
pub use key::{Code, Key, PAGE, TREE};
pub use tree::{Beginning, How, ModelName, Node, NodeId, Piece, Place, Sort, Statistics, Told, Tree, Unchanged, Vote};
