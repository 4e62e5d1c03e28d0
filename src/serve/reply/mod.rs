//! What a story is answered as: llama-server's native form, or `OpenAI`'s; whole, or token by token.

mod aligning;
mod answer;
mod cast;
mod chat;
mod choice;
mod completions;
mod echo;
mod explain;
mod native;
mod order;
mod probabilities;
mod thinking;

use std::sync::Arc;

use axum::response::Response;
use serde_json::{Map, Value};

pub use self::aligning::Entry;
pub use self::answer::Answer;
use self::cast::Cast;
pub use self::choice::{Choice, Happened, next};
pub use self::explain::{apply_template, explain};
use self::order::{Put, bounded, drawn, orders, room};
pub use self::probabilities::Scored;
use super::app::App;
use super::fault::Fault;
use super::options::{Clock, Sampling};
use super::request::{Chat, Pieces, Request, Source, Surface};
use super::visit::Visit;

/// In whose words a completion is asked for and answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// llama-server's own.
    Native,
    /// `OpenAI`'s API v1.
    OpenAi,
}

/// A text that goes on from a prompt.
///
/// # Errors
/// What is wrong with the request.
pub async fn completion(
    app: Arc<App>,
    dialect: Dialect,
    visit: Arc<Visit>,
    body: Map<String, Value>,
) -> Result<Response, Fault> {
    let surface = match dialect {
        Dialect::Native => Surface::Native,
        Dialect::OpenAi => Surface::Completions,
    };
    reply(app, surface, visit, body).await
}

/// The next message of a conversation.
///
/// # Errors
/// What is wrong with the request.
pub async fn chat(app: Arc<App>, visit: Arc<Visit>, body: Map<String, Value>) -> Result<Response, Fault> {
    reply(app, Surface::Chat, visit, body).await
}

/// A story that goes on from a prompt, handed in, for whoever answers in words of their own.
///
/// # Errors
/// What is wrong with the request, which is in llama-server's words.
pub async fn story(app: &Arc<App>, visit: &Arc<Visit>, body: Map<String, Value>) -> Result<(Answer, Choice), Fault> {
    let (request, mut answer, seed) = read(app, Surface::Native, visit, body).await?;
    if let Source::Prompts(prompts) = request.source {
        put(app, &mut answer, prompts).await?;
    }
    let orders = orders(app, &answer.prompts, &answer.cast, &answer.limits, seed)?;
    let choices = answer.begin(app, visit, orders)?;
    let choice = choices.into_iter().next().ok_or_else(|| Fault::server("no story came of the request"))?;
    Ok((answer, choice))
}

/// Reads a request, and casts who tells; with the seed of its first story.
async fn read(
    app: &Arc<App>,
    surface: Surface,
    visit: &Visit,
    body: Map<String, Value>,
) -> Result<(Request, Answer, u64), Fault> {
    let read = move |app: &App, _: &_| {
        let mut request = Request::read(surface, body)?;
        request.shown.top = bounded(app, &request);
        let cast = Cast::of(app, &request)?;
        Ok((request, cast))
    };
    let (request, cast) = app.aside(read).await?;
    visit.preset(&cast.preset);
    tell_once(app, &request, &cast);
    let seed = request.limits.seed.unwrap_or_else(|| drawn((app.edge.seed)(), request.limits.drafts));
    let answer = Answer::new(app, &request, cast, seed);
    Ok((request, answer, seed))
}

/// Puts prompts to the model.
async fn put(app: &Arc<App>, answer: &mut Answer, prompts: Vec<Pieces>) -> Result<(), Fault> {
    let heal = answer.cast.heal;
    let put = move |app: &App, _: &_| prompts.iter().map(|pieces| Put::pieces(app, pieces, heal)).collect();
    answer.prompts = app.aside(put).await?;
    Ok(())
}

/// Reads, casts, puts the prompts, tells and answers.
async fn reply(app: Arc<App>, surface: Surface, visit: Arc<Visit>, body: Map<String, Value>) -> Result<Response, Fault> {
    let (request, mut answer, seed) = read(&app, surface, &visit, body).await?;
    match request.source {
        Source::Chat(chat) if thinks(&app, &chat) && answer.shown.stream => {
            return Ok(thinking::streamed(app, visit, answer, chat));
        }
        Source::Chat(chat) => {
            let (room, heal) = (room(&app, &answer.limits), answer.cast.heal);
            let thinks = thinks(&app, &chat);
            let put = move |app: &App, cancel: &_| Put::chat(app, &chat, heal, room, seed, &mut (), cancel);
            // Whoever thinks does so in a memory of its own.
            let put = if thinks { app.alone(put).await } else { app.aside(put).await };
            let (put, reasoning) = put?;
            (answer.prompts, answer.reasoning) = (vec![put], reasoning);
        }
        Source::Prompts(prompts) => put(&app, &mut answer, prompts).await?,
    }
    for Put { text, .. } in &answer.prompts {
        visit.prompt(text);
    }
    if let Some(told) = answer.probabilities.clone().filter(|_| answer.shown.echo && surface == Surface::Completions) {
        let prompts = answer.prompts.clone();
        let score = move |app: &App, cancel: &_| {
            let score = |prompt: &Put| echo::scored(&app.engine, prompt, &told, cancel);
            prompts.iter().map(score).collect::<anyhow::Result<_>>().map_err(|error| Fault::refused(&error))
        };
        answer.echo = app.alone(score).await?;
    }
    let planned = move |app: &App, _: &_| {
        let orders = orders(app, &answer.prompts, &answer.cast, &answer.limits, seed)?;
        Ok((answer, orders))
    };
    let (answer, orders) = app.aside(planned).await?;
    answer.send(&app, &visit, orders).await
}

/// Whether a model that can think is to do so first.
fn thinks(app: &App, chat: &Chat) -> bool {
    chat.thinks == Some(true) && app.engine.backend().chat_template(app.engine.renderer()).is_some()
}

/// What whoever runs the server may want to know, and clients mostly do not show.
fn tell_once(app: &App, request: &Request, cast: &Cast) {
    let ours = &request.ours.unknown;
    for name in cast.ignored.iter().filter(|name| !ours.contains(name)) {
        match cast.sampling {
            Sampling::Preset => app.once(&format!("`{name}` of a request does nothing: the preset decides")),
            Sampling::Client | Sampling::Both => app.once(&format!("`{name}` of a request does nothing")),
        }
    }
    if matches!(request.source, Source::Chat(_)) && app.engine.backend().chat_template(app.engine.renderer()).is_none() {
        app.once("the model has no chat template: a conversation is put to it as a text, its messages divided by blank lines");
    }
    if cast.clock != Clock::Request && cast.sampler.chain().has_feedback() {
        app.once("`mirostat` and `adaptive-p` begin afresh with every request, for nobody sends back what they remember");
    }
}

#[cfg(test)]
mod tests;
