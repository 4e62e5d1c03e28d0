//! What a story is answered as: llama-server's native form, or OpenAI's.

use std::sync::Arc;

use axum::response::Response;
use serde_json::{Map, Value};

use super::app::App;
use super::fault::Fault;
use super::visit::Visit;

/// In whose words a completion is asked for and answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// llama-server's own.
    Native,
    /// OpenAI's API v1.
    OpenAi,
}

/// A text that goes on from a prompt.
///
/// # Errors
/// What is wrong with the request.
#[allow(clippy::unused_async, reason = "it will wait for stories")]
pub async fn completion(_: Arc<App>, _: Dialect, _: Arc<Visit>, _: Map<String, Value>) -> Result<Response, Fault> {
    Err(Fault::server("completions are not told yet"))
}

/// The next message of a conversation.
///
/// # Errors
/// What is wrong with the request.
#[allow(clippy::unused_async, reason = "it will wait for stories")]
pub async fn chat(_: Arc<App>, _: Arc<Visit>, _: Map<String, Value>) -> Result<Response, Fault> {
    Err(Fault::server("conversations are not told yet"))
}
