//! The backend: llama.cpp behind the model seam. The only module that names the bindings.
//!
//! [`Weights`] are a file in memory; a [`Session`] over them is a [`Model`](crate::model::Model). What llama.cpp would
//! abort on is checked first, in Rust; what it logs is kept and quoted, never printed.

// Five things have no safe wrapper in the bindings: the log, the abort callback, some questions to a model, states that outlive their
// session, and workers on other machines.
// Every use names its reason.
#![allow(unsafe_code)]

mod adapter;
mod asking;
mod backend;
mod branches;
mod cutting;
mod device;
mod file;
mod held;
pub mod rpc;
mod session;
mod settings;
mod state;
mod vocabulary;
mod weights;

pub use backend::{SHORTENED, build, on_abort};
pub use device::{Device, DeviceKind, devices, gpus, physical_cores, system_info};
pub use session::Session;
pub use weights::Weights;
