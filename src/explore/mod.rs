//! A tree of texts in which a writer stands, looks at what each word opens, and chooses.
//!
//! [`Tree`] is what was written and told, as a value: every change can be undone, and a file keeps all of it. A guide
//! ([`Request`], [`Report`]) is the model's side: it decides at a place, tells on, and looks ahead. Nothing here draws, prints or
//! reads a clock; times come in as seconds since 1970.

mod app;
mod guide;
mod key;
mod tree;

#[cfg(test)]
pub(crate) use app::tests::Sitting;
pub use app::{
    App, Asked, Blind, Comparison, Effect, Event, Facts, Field, Form, Found, List, Row, Screen, Setup, Sort, Spot, Target,
    Trunk, Voice, Voices,
};
pub use guide::{Aim, Cost, Recipe, Report, Request, Stretch, Way, Wish};
pub use key::{Code, Key, PAGE, TREE};
pub use tree::{Beginning, How, ModelName, Node, NodeId, Piece, Place, Told, Tree, Unchanged, Vote};
