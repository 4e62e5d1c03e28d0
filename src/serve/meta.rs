//! What is told of the server and its model: health, models, properties, slots, tokens.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde_json::{Value, json};

use super::app::Door;
use super::fault::Fault;

/// Whether there are stories yet.
pub async fn health(State(door): State<Arc<Door>>) -> Result<Json<Value>, Fault> {
    door.app()?;
    Ok(Json(json!({ "status": "ok" })))
}

/// The model, and the model with each preset.
pub async fn models(State(door): State<Arc<Door>>) -> Result<Json<Value>, Fault> {
    let app = door.app()?;
    let model = |id: String| json!({ "id": id, "object": "model", "created": app.opened.as_secs(), "owned_by": "llamacpp" });
    let data: Vec<Value> = app.catalogue.ids().into_iter().map(model).collect();
    Ok(Json(json!({ "object": "list", "data": data })))
}
