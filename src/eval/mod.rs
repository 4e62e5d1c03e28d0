//! Whether stories are better: measures of text, statistics over prompts, and what may be said of it.

pub mod bleu;
mod columns;
pub mod compression;
mod corpus;
mod curves;
pub mod distinct;
mod evaluation;
pub mod grams;
mod ground;
pub mod judge;
mod judgement;
mod judging;
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
mod verdict;
pub mod words;

pub use columns::{Cell, Column};
pub use corpus::{Arm, Corpus, LeftOut, Prompt, Text};
pub use curves::{AgainstFamily, Judged, Standing};
pub use evaluation::{
    ArmInfo, Difference, EVALUATION_FORMAT, Evaluation, Example, JudgeInfo, Measured, Options, RESAMPLES, Value, evaluate,
};
pub use ground::{Ground, MOST_WORDS, Reading, Side, Story};
pub use judgement::{Judge, Judgement};
pub use judging::Hearing;
pub use measure::{Better, Group, Measure};
pub use setting::{Setting, temperatures};
pub use verdict::{Estimate, Evidence, Place, Verdict, decide, together};

#[cfg(test)]
mod controls;
