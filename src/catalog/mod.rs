//! Models on disk: what a file says of itself before it is loaded, what it will need, and which are already here. No FFI.
//!
//! A [`Header`] is what a GGUF file begins with, a [`ModelCard`] what a person wants to know of it. A [`Need`] is the memory
//! that a model will take, estimated, and a [`Machine`] what there is of it. [`find`] looks for models in given [`Places`].

mod card;
mod find;
mod fit;
mod layers;
mod need;

pub use crate::gguf::{Header, Kind, Tensor, Value};
pub use crate::gguf::{PartName, is_gguf_name, part_of};
pub use card::{ModelCard, Share, Vocabulary};
pub use find::{Found, Places, find, is_model_name};
pub use fit::{Gpu, Instead, Machine, Memory, Misfit, Placement, check, place};
pub use layers::Layer;
pub use need::{Need, Wish, in_words};
