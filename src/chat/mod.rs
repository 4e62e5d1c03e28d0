//! How an instruct model is asked: its own chat template turns a conversation into the text that it was trained on.
//!
//! Pure text: nothing here knows a token. A [`Template`] renders a [`Conversation`] into a [`Script`], which remembers what
//! the template wrote and what the writer did, so that only the template's control tokens become control tokens.

mod instruction;
mod python;
mod script;
mod template;
mod thinking;

pub use instruction::is_instruction;
pub use script::{Part, Script, Whose};
pub use template::{Conversation, Template};
pub use thinking::{Marks, Thought};
