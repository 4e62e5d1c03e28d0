//! Which path leads where.

use std::any::Any;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Extension, Request, State};
use axum::http::{Uri, header};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tower_http::catch_panic::CatchPanicLayer;

use super::app::Door;
use super::fault::Fault;
use super::guard::{Object, guard};
use super::page::page;
use super::reply::{self, Dialect};
use super::visit::Visit;
use super::{kobold, meta, tokens};

type Answer = Result<Response, Fault>;

/// All routes.
pub fn router(door: Arc<Door>) -> Router {
    let (visit, guard) = (from_fn_with_state(Arc::clone(&door), visit), from_fn_with_state(Arc::clone(&door), guard));
    let routes = Router::new()
        .route("/", get(page))
        .route("/guide.md", get(guide))
        .route("/openapi.json", get(openapi))
        .route("/completion", post(native))
        .route("/completions", post(native))
        .route("/v1/completions", post(completions))
        .route("/v1/chat/completions", post(chat))
        .route("/chat/completions", post(chat))
        .route("/afterword/explain", post(explain))
        .route("/apply-template", post(apply_template))
        .route("/health", get(meta::health))
        .route("/v1/health", get(meta::health))
        .route("/models", get(meta::models))
        .route("/v1/models", get(meta::models))
        .route("/models/{*id}", get(meta::model_named))
        .route("/v1/models/{*id}", get(meta::model_named))
        .route("/v1/model", get(meta::loaded))
        .route("/v1/model/list", get(meta::models))
        .route("/v1/internal/model/info", get(meta::loaded_name))
        .route("/props", get(meta::props))
        .route("/slots", get(meta::slots))
        .route("/tokenize", post(tokens::tokenize))
        .route("/detokenize", post(tokens::detokenize))
        .route("/v1/token/encode", post(tokens::encode))
        .route("/v1/internal/encode", post(tokens::encode))
        .route("/v1/internal/token-count", post(tokens::encode));
    let routes = if door.options.kobold { routes.merge(kobold::routes()) } else { routes };
    let routes = routes
        .fallback(nowhere)
        .method_not_allowed_fallback(otherwise)
        .layer(CatchPanicLayer::custom(panicked))
        .layer(guard)
        .layer(visit)
        .with_state(door);
    // What changes a path has to stand before what looks at it.
    Router::new().fallback_service(routes).layer(from_fn(tidied))
}

/// Takes out of a path the slashes that are too many: front-ends put their own path behind an address that may end with one.
async fn tidied(mut request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if path.contains("//") || path.len() > 1 && path.ends_with('/') {
        let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
        let query = request.uri().query().map_or(String::new(), |query| format!("?{query}"));
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = format!("/{}{query}", names.join("/")).parse().ok();
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
    next.run(request).await
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

async fn explain(State(door): State<Arc<Door>>, Extension(visit): Extension<Arc<Visit>>, Object(body): Object) -> Answer {
    reply::explain(door.app()?, visit, body).await
}

async fn apply_template(State(door): State<Arc<Door>>, Object(body): Object) -> Answer {
    reply::apply_template(door.app()?, body).await
}

/// All routes, for tools that read such descriptions.
async fn openapi() -> Response {
    ([(header::CONTENT_TYPE, "application/json")], include_str!("openapi.json")).into_response()
}

/// What whoever uses the server may want to know.
async fn guide() -> Response {
    ([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], include_str!("guide.md")).into_response()
}

async fn nowhere(request: Request) -> Fault {
    let path = crate::text::excerpt(request.uri().path(), crate::text::EXCERPT);
    Fault::not_found(format!("there is nothing at `{path}`; hint: `/` tells what there is"))
}

async fn otherwise(request: Request) -> Fault {
    Fault::wrong_method(format!("`{}` does not answer to {}", request.uri().path(), request.method()))
}

#[allow(clippy::needless_pass_by_value, reason = "it is called so")]
fn panicked(_: Box<dyn Any + Send>) -> Response {
    Fault::server("the server has failed at this request").into_response()
}

/// Keeps the request's visit as long as its answer lasts.
async fn visit(State(door): State<Arc<Door>>, mut request: Request, next: Next) -> Response {
    let agent = request.headers().get(header::USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned());
    let route = format!("{} {}", request.method(), crate::text::excerpt(request.uri().path(), crate::text::EXCERPT));
    let visit = Visit::new(Arc::clone(&door.edge), door.options.verbose, route, agent.unwrap_or_default());
    let visit = Arc::new(visit);
    request.extensions_mut().insert(Arc::clone(&visit));
    let response = next.run(request).await;
    visit.answered(response.status().as_u16());
    response
}
