//! A server for the front-ends that writers have: what llama-server serves natively and OpenAI's API v1, told by this sampler.
//!
//! Front-ends are driven unchanged. One plain thread owns the model's memory and tells all running stories in one decode
//! ([`engine::spawn`](crate::engine::spawn)); one thread more speaks HTTP. What is decided here is which story a request means,
//! who gets a place when ([`Desk`]), who may ask at all (`guard`), and in which words an answer is put.
//!
//! What stands below is the guide for those who use it; the server tells it at `/guide.md`.
#![doc = include_str!("guide.md")]

mod app;
mod catalogue;
mod desk;
mod fault;
mod guard;
mod kobold;
mod meta;
mod options;
mod page;
mod recipes;
mod reply;
mod request;
mod router;
mod server;
mod spaces;
mod sse;
mod telling;
mod tokens;
mod visit;

pub use app::{App, Edge, MOST_STORIES};
pub use catalogue::{Asked, Catalogue, Voice};
pub use desk::{Desk, Shown};
pub use fault::Fault;
pub use options::{Clock, Options, Sampling};
pub use recipes::{Recipe, recipes};
pub use server::{Ending, Server, listen};
pub use telling::{Telling, Times};
pub use visit::Visit;
