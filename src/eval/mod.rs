//! Whether stories are better: measures of text, statistics over prompts, and what may be said of it.

pub mod bleu;
pub mod compression;
mod corpus;
pub mod distinct;
pub mod grams;
mod ground;
mod judge;
pub mod measure;
pub mod measuring;
pub mod openings;
pub mod overuse;
pub mod repetition;
pub mod richness;
pub mod rouge;
pub mod script;
mod setting;
pub mod sharing;
pub mod slop;
pub mod statistics;
pub mod style;
pub mod words;

pub use corpus::{Arm, Corpus, LeftOut, Prompt, Text};
pub use ground::{Ground, MOST_WORDS, Reading, Side, Story};
pub use judge::{Judge, Judgement};
pub use setting::{Setting, temperatures};
