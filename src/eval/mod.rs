//! Whether stories are better: measures of text, statistics over prompts, and what may be said of it.

pub mod judge;
