//! Presets: a chain of stages and a way to pick, as a page of TOML that a person writes.
//!
//! ```toml
//! description = "α breathes between the model's own voice and open futures"
//! extends = "future"          # optional: take that preset and change what is written here
//!
//! [[chain]]                   # stages run in the order in which they stand; what is absent is off
//! future = { alpha = { wave = { period = 60 } } }
//!
//! [[chain]]                   # a stage of what is extended goes by this word
//! dry = "off"
//!
//! [draw]
//! pick = "sample"             # or "argmax"
//! ```
//!
//! [`find`] turns a name or a path into a [`Preset`], [`Edit`] changes one value of it as `extends` would, [`Preset::ban_listed`] lays
//! bans over its own that stand apart from it, [`lint`] says what in it does nothing or does harm. A mistake in a file is a [`Mistake`]: it shows the line, points at the place, and knows the nearest word.

mod additions;
mod banning;
mod check;
mod edit;
mod find;
mod form;
mod import;
mod json_schema;
mod lint;
mod lists;
mod mistake;
mod overlay;
mod reference;
mod schema;
mod structure;
mod vocabulary;
mod words;
mod writing;

pub use edit::{Edit, vary};
pub use find::{Folders, Listed, PresetOrigin, UnknownName, find, head, is_shipped, list, parse, read};
pub use import::{Imported, OfRequest, import, laid_over, of_model, of_request, would_do};
pub use json_schema::schema;
pub use lint::{Warning, lint};
#[cfg(feature = "cli")]
pub(crate) use mistake::Fault;
pub use mistake::Mistake;
pub use reference::{Paragraph, markdown, reference};
pub use schema::Preset;
#[cfg(feature = "cli")]
pub(crate) use words::found;
pub(crate) use words::suggestion;
