//! The subcommands, each in its file.

#[cfg(feature = "llama")]
pub mod batch;
#[cfg(feature = "llama")]
pub mod bench;
pub mod cache;
#[cfg(feature = "llama")]
pub mod calibrate;
#[cfg(feature = "llama")]
pub mod compare;
pub mod config;
#[cfg(feature = "llama")]
pub mod desk;
#[cfg(feature = "llama")]
pub mod doctor;
#[cfg(feature = "llama")]
pub mod drafts;
pub mod eval;
#[cfg(feature = "llama")]
pub mod explain;
#[cfg(feature = "explore")]
pub mod explore;
pub mod judge;
pub mod manual;
pub mod models;
mod preset_files;
pub mod presets;
#[cfg(feature = "llama")]
pub mod replay;
pub mod report;
#[cfg(feature = "llama")]
mod resume;
#[cfg(feature = "llama")]
pub mod rpc_serve;
#[cfg(feature = "llama")]
pub mod score;
#[cfg(all(feature = "llama", feature = "serve"))]
pub mod serve;
#[cfg(feature = "llama")]
pub mod tune;
#[cfg(feature = "llama")]
pub mod write;
