//! The server, over real sockets, on the toy; and the program that it is.

mod access;
mod bad_input;
#[cfg(all(feature = "llama", feature = "cli", unix))]
mod clients;
#[cfg(all(feature = "llama", feature = "cli", unix))]
mod clock;
mod desk;
mod kobold;
mod lenient;
mod load;
mod meta;
mod page;
#[cfg(all(feature = "llama", feature = "cli", unix))]
mod program;
mod shutdown;
pub mod toy;
