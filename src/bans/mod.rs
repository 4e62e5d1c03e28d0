//! What is not to be said: phrases and patterns, found in a text while it grows.
//!
//! Matching is on text and not on tokens, for a phrase can be cut in many ways. Text is [folded](fold) first: case, kinds of quotes and
//! dashes and runs of white space make no difference. A [`Watch`] goes along with one text; it knows at every moment what has been
//! said that must not be, and how much of the end of the text may still become that, so that nobody is shown it before it is known.
//! Nothing here knows a token.
//!
//! That a phrase is taken back and told otherwise, instead of being made impossible token by token, is the idea of `KoboldCpp`'s
//! "anti-slop" and of antislop-sampler (Paech 2024).

mod fold;
mod matcher;
mod openings;
mod spec;
mod trie;
mod watch;

pub use fold::fold;
pub use matcher::Matcher;
pub use openings::Openings;
pub use spec::{Bans, List, Redraw, Wrong};
pub use watch::{Match, Watch, Which};
