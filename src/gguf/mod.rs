//! The container that models come in: what a GGUF file says before its weights, read with care. No FFI.
//!
//! A [`Header`] holds the metadata and the tensors without their numbers, each of a [`Kind`]. Nothing in it is believed before
//! the file is known to be long enough for it, so that a broken file costs neither memory nor time.

mod header;
mod kinds;
mod parts;
mod source;

pub use header::{Header, Pieces, Tensor, Value};
pub use kinds::{Kind, mixture};
pub use parts::{PartName, is_gguf_name, part_of};
