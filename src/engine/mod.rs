//! The application: a model is opened, a prompt put to it, a story planned, told, recorded, told again and explained.
//!
//! Every front door is thin on this: the command line, a server, an explorer. Nothing here knows an option's name, a terminal or
//! a clock. What was decided without being asked comes back as a [`Note`], what cannot be done as a [`Refusal`] with its
//! [`Remedy`], and what happens is heard by an [`Observer`](crate::decode::Observer). It is written against [`Backend`], and
//! tested on the [`ToyBackend`] without a line of C++.

mod backend;
mod baseline;
mod calibrate;
mod dialogue;
mod door;
#[allow(clippy::module_inception, reason = "the engine itself")]
mod engine;
mod explain;
mod explanation;
mod handle;
mod healing;
mod listener;
#[cfg(feature = "llama")]
mod llama;
mod manuscript;
mod note;
mod options;
mod prompt;
mod recorder;
mod remedy;
mod replay;
mod request;
mod resume;
mod scoring;
mod slots;
mod states;
#[cfg(test)]
mod tests;
mod toy;
mod tuned;
mod worker;

pub use backend::{Backend, ModelInfo, Session};
pub use calibrate::{Calibration, CalibrationObserver};
pub use dialogue::DialogueSpec;
pub use engine::{BATCH, Engine};
pub use explain::Question;
pub use explanation::{Cut, ExplainedCandidate, Explanation, Exponents, Moment, Named, Taken};
pub use handle::{Handle, Ticket, spawn};
pub use healing::Heal;
pub use listener::{Listener, StoryEvent};
pub use manuscript::Seen;
pub use note::Note;
pub use options::{EngineOptions, Width};
pub use prompt::{Occasion, Prompt, PromptObserver, PromptSpec, Put};
pub use recorder::{Recorded, Recorder, told_text};
pub use remedy::{AsksForChat, Cancelled, Refusal, Remedy};
pub use replay::{Beside, Replay, parting};
pub use request::StoryRequest;
pub use resume::Standing;
pub use scoring::Passage;
pub use slots::Slots;
pub use states::{About, KeptState, StateFile, StateFolder, States};
pub use toy::ToyBackend;
pub use tuned::{Ground, Tuned, TunedFolder};
pub use worker::{Greeted, MOST_WORKERS, PROTOCOL, Protocol, Worker};
