//! Models from the Hugging Face hub, or from any address, into a cache that other programs share: whole or not at all.
//!
//! [`Wanted`] is what somebody names, and a [`Plan`] what a [`Hub`] makes of it: which files, why these, what is here already, and what
//! the model is, out of its header alone. [`Hub::pull`] then brings what is missing. A file is written under another name, behind a
//! lock, and held against its checksum before it gets its own; whatever ends the process, the same call goes on. What happens
//! meanwhile is told as [`Event`]s.
//!
//! The layout of the cache is that of `huggingface_hub`: `models--USER--REPO` with `blobs/OID`, `snapshots/COMMIT/PATH`, which links to
//! a blob, and `refs/REVISION`, which names a commit. Sources: the cache's description in the hub's documentation, and what
//! llama.cpp (`common/`) asks of the hub's API.

mod address;
mod asking;
mod cache;
mod choose;
mod client;
mod download;
mod event;
mod failure;
mod known;
mod listing;
mod lock;
mod name;
mod peek;
mod plan;
mod pull;
mod token;

pub use address::Address;
pub use cache::Cache;
pub use choose::{Choice, Model, Offer, Why, choose, models};
pub use client::{Client, Patience, Settings};
pub use event::{Anew, Event, Watch};
pub use failure::{Failure, Remedy};
pub use known::{KNOWN, Known};
pub use name::{Name, Pick, Wanted};
pub use plan::{Hub, Kept, Plan, Planned};
pub use pull::Pulled;
pub use token::Token;
/// The way to the net where there is none but through another machine.
pub use ureq::Proxy;
