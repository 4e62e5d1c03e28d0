//! Pages and pictures, made from records alone: no model, no clock, so that making one again gives the same bytes.

mod align;
mod chart;
mod colour_scale;
mod data;
mod evaluation;
mod figure;
mod page;
mod scatter;
mod story;

pub use align::slices_behind;
pub use chart::{HIGHEST, running};
pub use colour_scale::{Colour, ColourScale, DARK, LIGHT, Palette, STEPS, Scale};
pub use evaluation::{evaluation_page, number};
pub use figure::figure;
pub use page::{Page, page, style};
pub use story::Story;
