//! What a sampler and a decoding loop need of a language model: the seam, its vocabulary, text, and a toy to test with.
//!
//! Nothing here knows llama.cpp. A backend implements [`Model`]; the [`Toy`] is the reference implementation.

mod lexicon;
mod seam;
mod text;
mod toy;

pub use crate::prob::Token;
pub use lexicon::{Kind, Lexicon, has_form_of_control};
pub use seam::{Branch, From, Model, Room, Rows, Step};
pub use text::{Flow, Telling};
pub use toy::Toy;
