//! The explorer on a terminal: what is seen of it, and what is heard.

mod decision;
mod input;
mod look;
mod page;
mod pair;
mod rest;
mod setting;
mod tree;
mod view;
mod wave;

#[cfg(test)]
mod tests;

pub use input::{Heard, heard};
pub use look::Look;
pub use view::View;
