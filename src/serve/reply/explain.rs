//! One decision as `explain` shows it, and a conversation as the model reads it: what is told of a request without a story.

use std::sync::Arc;

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use super::cast::Cast;
use super::order::{Put, drawn, orders};
use crate::decode::Cancel;
use crate::engine::{Explanation, Heal, Moment, Question};
use crate::serve::request::{Chat, Length, Request, Source, Surface};
use crate::serve::{App, Fault, Visit};

/// The token behind a prompt or a conversation, and everything that decides about it.
///
/// # Errors
/// What is wrong with the request.
pub async fn explain(app: Arc<App>, visit: Arc<Visit>, body: Map<String, Value>) -> Result<Response, Fault> {
    let told = app.alone(move |app, cancel| explained(app, &visit, body, cancel)).await?;
    Ok(Json(told).into_response())
}

/// A conversation in the model's template, up to where its answer begins.
///
/// # Errors
/// What is wrong with the request.
pub async fn apply_template(app: Arc<App>, body: Map<String, Value>) -> Result<Response, Fault> {
    let read = move |app: &App, cancel: &_| put(app, Request::read(Surface::Chat, body)?.source, Heal::Off, 0, cancel);
    let Put { text, .. } = app.aside(read).await?;
    Ok(Json(json!({ "prompt": text })).into_response())
}

fn explained(app: &App, visit: &Visit, body: Map<String, Value>, cancel: &Cancel) -> Result<Explanation, Fault> {
    let surface = if body.contains_key("messages") { Surface::Chat } else { Surface::Completions };
    let mut request = Request::read(surface, body)?;
    let cast = Cast::of(app, &request)?;
    visit.preset(&cast.preset);
    let seed = request.limits.seed.unwrap_or_else(|| drawn((app.edge.seed)(), 1));
    let put = put(app, request.source, cast.heal, seed, cancel)?;
    visit.prompt(&put.text);
    (request.limits.length, request.limits.drafts, request.limits.min_tokens) = (Length::Most(1), 1, 0);
    let orders = orders(app, std::slice::from_ref(&put), &cast, &request.limits, seed)?;
    let plan = orders.into_iter().next().ok_or_else(|| Fault::field("prompt", "it is missing"))?.plan;
    let moment = Moment {
        model: app.engine.title(),
        prompt: put.text,
        prompt_tokens: put.tokens,
        seed,
        step: plan.continuation.told,
        story_tokens: None,
    };
    let refused = |error: anyhow::Error| Fault::refused(&error);
    let decided = app.engine.explain(&Question::after(plan), &cast.sampler, &mut (), cancel).map_err(refused)?;
    let decided = decided.ok_or_else(|| Fault::unavailable("it was given up", 1))?;
    Explanation::of(moment, &cast.preset, &cast.resolved, &decided, app.engine.vocabulary()).map_err(refused)
}

/// The prompt, put to the model without a thought.
fn put(app: &App, source: Source, heal: Heal, seed: u64, cancel: &Cancel) -> Result<Put, Fault> {
    match source {
        Source::Chat(chat) => Ok(Put::chat(app, &Chat { thinks: Some(false), ..chat }, heal, 0, seed, &mut (), cancel)?.0),
        Source::Prompts(prompts) => {
            let prompt = prompts.first().ok_or_else(|| Fault::field("prompt", "it is missing"))?;
            Put::pieces(app, prompt, heal)
        }
    }
}
