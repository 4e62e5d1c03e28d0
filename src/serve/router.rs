//! Which path leads where.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, Request, State};
use axum::http::header;
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};

use super::app::Door;
use super::fault::Fault;
use super::guard::Object;
use super::meta;
use super::reply::{self, Dialect};
use super::visit::Visit;

type Answer = Result<Response, Fault>;

/// All routes.
pub fn router(door: Arc<Door>) -> Router {
    let visit = from_fn_with_state(Arc::clone(&door), visit);
    Router::new()
        .route("/completion", post(native))
        .route("/completions", post(native))
        .route("/v1/completions", post(completions))
        .route("/v1/chat/completions", post(chat))
        .route("/chat/completions", post(chat))
        .route("/health", get(meta::health))
        .route("/v1/health", get(meta::health))
        .route("/models", get(meta::models))
        .route("/v1/models", get(meta::models))
        .fallback(nowhere)
        .method_not_allowed_fallback(otherwise)
        .layer(visit)
        .with_state(door)
}

async fn native(State(door): State<Arc<Door>>, Extension(visit): Extension<Arc<Visit>>, Object(body): Object) -> Answer {
    reply::completion(door.app()?, Dialect::Native, visit, body).await
}

async fn completions(State(door): State<Arc<Door>>, Extension(visit): Extension<Arc<Visit>>, Object(body): Object) -> Answer {
    reply::completion(door.app()?, Dialect::OpenAi, visit, body).await
}

async fn chat(State(door): State<Arc<Door>>, Extension(visit): Extension<Arc<Visit>>, Object(body): Object) -> Answer {
    reply::chat(door.app()?, visit, body).await
}

async fn nowhere(request: Request) -> Fault {
    Fault::not_found(format!("there is nothing at `{}`", request.uri().path()))
}

async fn otherwise(request: Request) -> Fault {
    Fault::wrong_method(format!("`{}` does not answer to {}", request.uri().path(), request.method()))
}

/// Keeps the request's visit as long as its answer lasts.
async fn visit(State(door): State<Arc<Door>>, mut request: Request, next: Next) -> Response {
    let agent = request.headers().get(header::USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned());
    let route = format!("{} {}", request.method(), request.uri().path());
    let visit = Visit::new(Arc::clone(&door.edge), door.options.verbose, route, agent.unwrap_or_default());
    let visit = Arc::new(visit);
    request.extensions_mut().insert(Arc::clone(&visit));
    let response = next.run(request).await;
    visit.answered(response.status().as_u16());
    response
}
