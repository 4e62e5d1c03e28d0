//! How it looks: the terminal and all that is drawn on it, notes and hints in words, pages and pictures.

pub mod bars;
pub mod columns;
pub mod evaluation;
#[cfg(feature = "explore")]
pub mod explore;
#[cfg(feature = "hub")]
pub mod fetching;
pub mod figures;
pub mod flow;
pub mod line;
#[cfg(any(feature = "llama", feature = "hub"))]
pub mod margin;
pub mod notes;
#[cfg(feature = "llama")]
pub mod pictures;
pub mod plot;
#[cfg(feature = "llama")]
pub mod progress;
pub mod prose;
#[cfg(all(feature = "llama", feature = "pictures"))]
mod raster;
#[cfg(all(feature = "llama", not(feature = "pictures")))]
#[path = "no_raster.rs"]
mod raster;
pub mod scores;
pub mod screen;
pub mod sheet;
#[cfg(any(feature = "llama", feature = "explore"))]
pub mod story_colours;
pub mod table;
pub mod terminal;
