//! A model that thinks before it answers, heard while it thinks.

use std::sync::Arc;

use axum::response::Response;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::answer::Answer;
use super::order::{Put, orders, room};
use crate::decode::Counts;
use crate::engine::PromptObserver;
use crate::serve::request::Chat;
use crate::serve::sse::{Sink, stream};
use crate::serve::{App, Fault, Visit};

/// Sends on what is thought.
struct Aloud(UnboundedSender<String>);

impl PromptObserver for Aloud {
    fn thought(&mut self, text: &str, _: Counts) {
        if !text.is_empty() {
            // Where nobody hears it, the thinking is cancelled.
            let _ = self.0.send(text.to_owned());
        }
    }
}

/// The answer of a model that thinks first: what it thinks, as it thinks it, then what it tells.
pub fn streamed(app: Arc<App>, visit: Arc<Visit>, answer: Answer, chat: Chat) -> Response {
    let headers = answer.headers();
    let response = stream(move |sink| async move {
        if let Err(fault) = told(&app, &visit, answer, chat, &sink).await {
            sink.data(&fault.json()).await;
            sink.done().await;
        }
    });
    headers.put(response)
}

async fn told(app: &Arc<App>, visit: &Arc<Visit>, mut answer: Answer, chat: Chat, sink: &Sink) -> Result<(), Fault> {
    answer.begun(sink).await;
    let (seed, room, heal) = (answer.seed, room(app, &answer.limits), answer.cast.heal);
    let (thoughts, mut heard) = unbounded_channel();
    let put = move |app: &App, cancel: &_| Put::chat(app, &chat, heal, room, seed, &mut Aloud(thoughts), cancel);
    let put = app.alone(put);
    tokio::pin!(put);
    // The thoughts end with whoever thinks them.
    let put = loop {
        tokio::select! {
            biased;
            Some(thought) = heard.recv() => answer.thought(&thought, sink).await,
            put = &mut put => break put?,
        }
    };
    while let Ok(thought) = heard.try_recv() {
        answer.thought(&thought, sink).await;
    }
    visit.prompt(&put.0.text);
    answer.prompts = vec![put.0];
    let orders = orders(app, &answer.prompts, &answer.cast, &answer.limits, seed)?;
    let choices = answer.begin(app, visit, orders)?;
    answer.streamed(choices, sink).await;
    Ok(())
}
