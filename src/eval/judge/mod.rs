//! What a judge, a model that reads, says of stories: surprisal and its course, coherence, sameness, and where one is lost.
//!
//! A [`Sitting`] says which texts are to be scored behind which prompts, an engine scores them, and of the scores the sitting makes
//! what is said of each story: pure functions, but for the scoring. The judge is to be another model than the writer, of another family: to a story's own
//! writer its surprisal is what its sampler aimed at.

mod derailment;
mod profile;
mod sitting;
mod surprisal;

pub use derailment::{Bounds, Derailed, STRETCH, derailed, worst_stretch};
pub use profile::{Profile, imprint};
pub use sitting::{Asked, Progression, Sitting, Told, Verdict};
pub use surprisal::{Evenness, Ranks, Surprisal, of_words, rare, tail_rate};
