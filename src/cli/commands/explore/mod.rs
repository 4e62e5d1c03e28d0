//! `afterword explore`: a writer stands inside a story, and chooses.

mod session;
#[cfg(feature = "llama")]
mod start;

#[cfg(feature = "llama")]
pub use start::run;
