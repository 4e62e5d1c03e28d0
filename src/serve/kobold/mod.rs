//! KoboldAI's routes, for KoboldAI Lite and plugins that know no others.
//!
//! They are answered by the same stories as all other routes: a request is put into llama-server's words and told, and what it comes
//! to is put into Kobold's. A story goes by a key of the client's (`genkey`), by which others can look at it, end it, and ask what its
//! tokens were worth.

mod memory;
mod story;

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use serde_json::{Map, Value, json};

use super::app::{App, Door};
use super::fault::Fault;
use super::guard::Object;
use super::request::Fields;
use super::sse::{Sink, stream};
use super::visit::Visit;
use memory::Memory;
use story::Story;

/// The version of `KoboldCpp` that is claimed. Lite opens its features by it: up to here streaming, the memory before a prompt, DRY and
/// XTC, all of which are served. Banned phrases and what came later are not.
const VERSION: &str = "1.74";

/// The routes.
pub fn routes() -> Router<Arc<Door>> {
    let mut routes = Router::new()
        .route("/api/extra/version", get(version))
        .route("/api/extra/true_max_context_length", get(context))
        .route("/api/extra/preloadstory", get(|| async { Json(json!({})) }))
        .route("/api/extra/perf", get(performance))
        .route("/api/extra/generate/stream", post(streamed))
        .route("/api/extra/generate/check", get(check_latest).post(check))
        .route("/api/extra/last_logprobs", get(worth_of_latest).post(worth))
        .route("/api/extra/abort", post(abort))
        .route("/api/extra/tokencount", post(count));
    for root in ["/api/v1", "/api/latest"] {
        routes = routes
            .route(&format!("{root}/model"), get(model))
            .route(&format!("{root}/info/version"), get(|| async { Json(json!({ "result": "1.2.5" })) }))
            .route(&format!("{root}/config/max_context_length"), get(context))
            .route(&format!("{root}/config/max_length"), get(length))
            .route(&format!("{root}/config/soft_prompt"), get(|| async { Json(json!({ "value": "" })) }))
            .route(&format!("{root}/config/soft_prompts_list"), get(|| async { Json(json!({ "values": [] })) }))
            .route(&format!("{root}/generate"), post(whole));
    }
    routes.layer(Extension(Arc::new(Memory::default())))
}

/// A fault in the form that these clients read, beside that which all others do.
struct Detail(Fault);

impl IntoResponse for Detail {
    fn into_response(self) -> Response {
        let kind = if self.0.retry_after.is_some() { "service_unavailable" } else { "bad_input" };
        let fault = self.0.clone().with("msg", self.0.message.clone().into());
        let mut body = fault.json();
        body["detail"] = json!({ "msg": self.0.message, "type": kind });
        let (parts, _) = self.0.into_response().into_parts();
        let (mut headers, status) = (parts.headers, parts.status);
        headers.remove(axum::http::header::CONTENT_LENGTH);
        (status, headers, body.to_string()).into_response()
    }
}

impl From<Fault> for Detail {
    fn from(fault: Fault) -> Self {
        Self(fault)
    }
}

type Told = Result<Json<Value>, Detail>;

async fn version(State(door): State<Arc<Door>>) -> Json<Value> {
    let none = [
        "txt2img",
        "vision",
        "audio",
        "transcribe",
        "multiplayer",
        "websearch",
        "tts",
        "embeddings",
        "savedata",
        "guidance",
        "jinja",
        "mcp",
    ];
    let mut version = json!({
        "result": "KoboldCpp", "version": VERSION, "protected": !door.options.keys.is_empty(), "llm": true, "admin": 0,
        "afterword": env!("CARGO_PKG_VERSION"),
    });
    for feature in none {
        version[feature] = false.into();
    }
    Json(version)
}

async fn model(State(door): State<Arc<Door>>) -> Told {
    Ok(Json(json!({ "result": door.app()?.catalogue.model() })))
}

async fn context(State(door): State<Arc<Door>>) -> Told {
    Ok(Json(json!({ "value": door.app()?.engine.context() })))
}

async fn length(State(door): State<Arc<Door>>) -> Json<Value> {
    Json(json!({ "value": door.options.tokens }))
}

/// What is going on, and what the last story was.
async fn performance(State(door): State<Arc<Door>>, Extension(memory): Extension<Arc<Memory>>) -> Told {
    let app = door.app()?;
    let shown = app.desk().shown();
    let waiting = shown.iter().filter(|shown| shown.place.is_none()).count();
    let (last, count) = memory.last();
    Ok(Json(json!({
        "queue": waiting, "idle": u8::from(shown.is_empty()), "total_gens": count,
        "last_token_count": last.as_ref().map_or(0, |story| story.tokens), "last_seed": last.as_ref().map_or(0, |story| story.seed),
        "uptime": (app.edge.now)().saturating_sub(app.opened).as_secs(),
    })))
}

/// A story, told to its end.
async fn whole(
    State(door): State<Arc<Door>>,
    Extension(memory): Extension<Arc<Memory>>,
    Extension(visit): Extension<Arc<Visit>>,
    body: Result<Object, Fault>,
) -> Result<Response, Detail> {
    let mut story = Story::begin(door.app()?, &memory, visit, body?.0).await?;
    while story.goes_on().await.is_some() {}
    if let Some(cause) = story.failure() {
        return Err(Fault::broke_off(cause).into());
    }
    let headers = story.answer.headers();
    Ok(headers.put(Json(story.results()).into_response()))
}

/// The same, token by token.
async fn streamed(
    State(door): State<Arc<Door>>,
    Extension(memory): Extension<Arc<Memory>>,
    Extension(visit): Extension<Arc<Visit>>,
    body: Result<Object, Fault>,
) -> Result<Response, Detail> {
    let mut story = Story::begin(door.app()?, &memory, visit, body?.0).await?;
    let headers = story.answer.headers();
    let tell = move |sink: Sink| async move {
        while let Some(pieces) = story.goes_on().await {
            for piece in pieces.iter().filter(|piece| !piece.is_empty()) {
                sink.event("message", &json!({ "token": piece, "finish_reason": null })).await;
            }
        }
        match story.failure() {
            Some(cause) => sink.data(&Fault::broke_off(cause).json()).await,
            None => sink.event("message", &json!({ "token": "", "finish_reason": story.finish() })).await,
        }
    };
    Ok(headers.put(stream(tell)))
}

/// What was told so far of the story of a key.
async fn check(Extension(memory): Extension<Arc<Memory>>, body: Result<Object, Fault>) -> Told {
    let key = key_of(&body?.0);
    Ok(Json(json!({ "results": [{ "text": memory.of(&key).map_or_else(String::new, |story| story.text) }] })))
}

/// The same of the last one without a key.
async fn check_latest(Extension(memory): Extension<Arc<Memory>>) -> Json<Value> {
    Json(json!({ "results": [{ "text": memory.of("").map_or_else(String::new, |story| story.text) }] }))
}

/// What the tokens of a key's story were worth to the model.
async fn worth(Extension(memory): Extension<Arc<Memory>>, body: Result<Object, Fault>) -> Told {
    let key = key_of(&body?.0);
    Ok(Json(json!({ "logprobs": memory.of(&key).and_then(|story| story.worth) })))
}

async fn worth_of_latest(Extension(memory): Extension<Arc<Memory>>) -> Json<Value> {
    Json(json!({ "logprobs": memory.of("").and_then(|story| story.worth) }))
}

/// Ends the stories of a key that are told.
async fn abort(Extension(memory): Extension<Arc<Memory>>, body: Result<Object, Fault>) -> Told {
    let ended = memory.end(&key_of(&body?.0));
    Ok(Json(json!({ "success": ended.to_string(), "done": ended.to_string() })))
}

/// The tokens of a text.
async fn count(State(door): State<Arc<Door>>, body: Result<Object, Fault>) -> Told {
    let body = body?.0;
    let fields = Fields::of(&body);
    let text =
        fields.text(&["prompt"])?.ok_or_else(|| Fault::field("prompt", "it is missing, and a text was expected"))?.to_owned();
    let begins = fields.flag(&["special"])?.unwrap_or(true);
    let cut =
        move |app: &App, _: &_| app.engine.backend().tokenize(&text, begins, true).map_err(|error| Fault::refused(&error));
    let tokens = door.app()?.aside(cut).await?;
    Ok(Json(json!({ "value": tokens.len(), "ids": tokens })))
}

/// The key of the story that a request is about.
fn key_of(body: &Map<String, Value>) -> String {
    body.get("genkey").and_then(Value::as_str).unwrap_or_default().to_owned()
}
