//! Pages and pictures, made from records alone: no model, no clock, so that making one again gives the same bytes.

mod align;
mod chart;
mod data;
mod figure;
mod page;
mod script_json;
mod story;
mod tint;

pub use align::slices;
pub use figure::figure;
pub use page::{Page, page};
pub use story::Story;
pub use tint::{Colour, DARK, LIGHT, Palette, STEPS, Scale, Tint};
