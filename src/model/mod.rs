//! What a sampler and a decoding loop need of a language model: the seam, its options, its vocabulary, text, and a toy.
//!
//! Nothing here knows llama.cpp. A backend implements [`Model`]; the [`Toy`] is the reference implementation.

mod detokenizer;
mod options;
mod seam;
mod toy;
mod vocabulary;

pub use crate::prob::Token;
pub use detokenizer::{Detokenizer, TextChunk};
pub use options::{
    Adapter, CacheType, Choice, FlashAttention, GpuLayers, LoadOptions, MOST_BRANCHES, MOST_THREADS, SessionOptions,
    SessionSettings, Split, UnknownChoice,
};
pub use seam::{Branch, Model, Origin, Room, Rows, Step, WORTH_THREADS};
pub use toy::Toy;
pub use vocabulary::{Kind, Vocabulary, has_form_of_control};
