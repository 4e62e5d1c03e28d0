//! Text that was not written here, made harmless and short: names, metadata, paths, presets, what templates say.
//!
//! Whatever goes to a terminal, a page or a message goes through [`sanitize`]; what a message quotes is cut by [`excerpt`]; and
//! a token is shown by [`visible`]. Stories into a pipe or a file are the one thing that goes as it is.

mod decode;
mod page;
mod plural;
mod sanitize;
mod script_json;
mod words;

pub use decode::{decode, no_nul};
pub use page::html_page;
pub use plural::{grouped, plural, some};
pub use sanitize::{EXCERPT, excerpt, sanitize, visible};
pub use script_json::script_json;
pub use words::{is_blank, is_written_without_spaces, whole_words};
