//! `/`: a page that says what runs here and where to type its address, with a place to try it. It asks for nothing from elsewhere.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use minijinja::{Value, context};

use super::app::{App, Door};
use super::fault::Fault;
use super::recipes::recipes;
use crate::report::{ColourScale, STEPS, style};
use crate::text::{grouped, html_page, sanitize, script_json};

/// By what words may be coloured here.
const TINTS: [ColourScale; 5] =
    [ColourScale::Surprisal, ColourScale::Future, ColourScale::Probability, ColourScale::Entropy, ColourScale::Alpha];

/// The page.
pub async fn page(State(door): State<Arc<Door>>, request: Request) -> Result<Response, Fault> {
    let Ok(app) = door.app() else { return Ok(loading()) };
    let named = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let address = format!("http://{}", named.unwrap_or("127.0.0.1"));
    let page =
        written(&app, &sanitize(&address)).map_err(|error| Fault::server(format!("cannot write the page: {error:#}")))?;
    let mut response = Html(page).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    Ok(response)
}

/// What is seen before there is a model.
fn loading() -> Response {
    let page = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta http-equiv=\"refresh\" content=\"1\">\
                <meta name=\"color-scheme\" content=\"light dark\"><title>Afterword</title></head>\
                <body><main><h1>Afterword</h1><p>The model is being loaded.</p></main></body></html>";
    (StatusCode::SERVICE_UNAVAILABLE, Html(page)).into_response()
}

fn written(app: &App, address: &str) -> anyhow::Result<String> {
    let safe = |text: &str| Value::from_safe_string(text.to_owned());
    let catalogue = &app.catalogue;
    let model = sanitize(catalogue.model());
    let voice = |voice: &super::Voice| {
        let (name, about) = (sanitize(&voice.name), sanitize(&voice.preset.description));
        context! { id => format!("{model}@{name}"), name, about }
    };
    let voices: Vec<Value> = catalogue.voices().iter().map(voice).collect();
    let first = catalogue.voices().first().map_or(String::new(), |voice| voice.name.clone());
    let first = format!("{model}@{}", sanitize(&first));
    let recipes = recipes(address, &first).into_iter();
    let recipes: Vec<Value> = recipes
        .map(|recipe| context! { client => recipe.client, place => recipe.place, typed => recipe.typed, more => recipe.more })
        .collect();
    let values = context! {
        mark => crate::files::MARK,
        version => env!("CARGO_PKG_VERSION"),
        style => safe(&(style() + include_str!("page.css"))),
        script => safe(include_str!("page.js")),
        data => safe(&script_json(&tints())?),
        title => sanitize(&app.engine.title()),
        model,
        address,
        voices,
        first,
        recipes,
        keyed => !app.options.keys.is_empty(),
        stories => app.desk().places(),
        context => grouped(app.engine.context()),
        tints => TINTS.map(|tint| context! { name => tint.name(), sign => tint.sign() }).to_vec(),
    };
    html_page(include_str!("page.html"), values)
}

/// The scales by which words are coloured, for the script.
fn tints() -> serde_json::Value {
    let tints = TINTS.map(|tint| {
        let scale = tint.scale();
        serde_json::json!({
            "name": tint.name(), "least": scale.least, "most": scale.most, "diverges": scale.diverges, "low": scale.low, "high": scale.high,
        })
    });
    serde_json::json!({ "steps": STEPS, "tints": tints })
}
