//! Pages and pictures, made from records alone: no model, no clock, so that making one again gives the same bytes.

mod align;
mod chart;
mod data;
mod figure;
mod inert;
mod page;
mod story;
mod tint;

pub use figure::figure;
pub use inert::inert;
pub use page::{Page, page};
pub use story::Story;
pub use tint::{Colour, DARK, LIGHT, Palette, STEPS, Scale, Tint};
