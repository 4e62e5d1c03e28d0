//! How an instruct model is asked: its own chat template turns a conversation into the text that it was trained on.
//!
//! Pure text: nothing here knows a token. A [`Template`] renders a [`Dialogue`] into a [`Script`], which remembers what
//! the template wrote and what the writer did, so that only the template's control tokens become control tokens. It is
//! rendered where a [`Renderer`] says: a template is a program of somebody else's.

mod engine;
mod instruction;
mod python;
mod renderer;
mod script;
mod source;
mod subprocess;
mod template;
mod thinking;

pub use instruction::is_instruction;
pub use renderer::{InProcess, Job, Rendered, Renderer};
pub use script::{Part, Script, Whose};
pub use subprocess::{Answer, Subprocess};
pub use template::{Conversation, Dialogue, HidesControl, Message, Request, Speaker, Template};
pub use thinking::{Marks, Thinking, Thought};
