//! A server for the front-ends that writers have: what llama-server serves natively and OpenAI's API v1, told by this sampler.
//!
//! Front-ends are driven unchanged. One plain thread owns the model's memory and tells all running stories in one decode
//! ([`engine::spawn`](crate::engine::spawn)); one thread more speaks HTTP. What is decided here is which story a request means,
//! who gets a place when ([`Desk`]), who may ask at all (`guard`), and in which words an answer is put.

mod app;
mod catalogue;
mod desk;
mod fault;
mod guard;
mod meta;
mod options;
mod reply;
mod router;
mod server;
#[allow(dead_code, reason = "replies will stream")]
mod sse;
mod visit;

pub use app::{App, Edge};
pub use catalogue::{Asked, Catalogue, Voice};
pub use desk::{Desk, Shown, Telling, Times};
pub use fault::Fault;
pub use options::{Clock, Options, Sampling};
pub use server::{Ending, Server, listen};
pub use visit::Visit;
