//! What a sampler and a decoding loop need of a language model: the seam, its options, its vocabulary, text, and a toy.
//!
//! Nothing here knows llama.cpp. A backend implements [`Model`]; the [`Toy`] is the reference implementation.

mod lexicon;
mod options;
mod seam;
mod text;
mod toy;

pub use crate::prob::Token;
pub use lexicon::{Kind, Lexicon, has_form_of_control};
pub use options::{
    CacheType, Choice, FlashAttention, GpuLayers, LoadOptions, MOST_BRANCHES, MOST_THREADS, SessionOptions, SessionSettings,
    Split, UnknownChoice,
};
pub use seam::{Branch, From, Model, Room, Rows, Step};
pub use text::{Flow, Telling};
pub use toy::Toy;
