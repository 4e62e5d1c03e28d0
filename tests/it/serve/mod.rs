//! The server, over real sockets, on the toy; and the program that it is.

mod access;
mod bad_input;
#[cfg(all(feature = "llama", feature = "cli", unix))]
mod clients;
mod desk;
mod kobold;
mod load;
mod meta;
mod page;
#[cfg(all(feature = "llama", feature = "cli", unix))]
mod program;
mod shutdown;
pub mod toy;
