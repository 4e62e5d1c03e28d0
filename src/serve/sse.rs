//! Streams as Server-Sent Events, in the form that strict and lax readers both take.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use serde_json::Value;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Sleep, sleep};
use tokio_stream::Stream;

/// After so long without an event a comment tells that somebody is there.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// Where the events of a stream go.
#[derive(Debug, Clone)]
pub struct Sink(Sender<Bytes>);

impl Sink {
    /// One event of this JSON.
    pub async fn data(&self, value: &Value) {
        self.send(format!("data: {}\n\n", escaped(value))).await;
    }

    /// One event of this name and JSON.
    pub async fn event(&self, name: &str, value: &Value) {
        self.send(format!("event: {name}\ndata: {}\n\n", escaped(value))).await;
    }

    /// The last event of OpenAI's routes.
    pub async fn done(&self) {
        self.send("data: [DONE]\n\n".to_owned()).await;
    }

    async fn send(&self, text: String) {
        // Where nobody takes it any more, whoever sends is dropped.
        let _ = self.0.send(text.into()).await;
    }
}

/// The answer whose events this future sends. It is dropped with the answer, wherever it waits, and goes on only as fast as its events
/// are taken.
pub fn stream<F: Future<Output = ()> + Send + 'static>(run: impl FnOnce(Sink) -> F) -> Response {
    let (sender, sent) = channel(1);
    let stream = Events { run: Some(Box::pin(run(Sink(sender)))), sent, silence: Box::pin(sleep(KEEP_ALIVE)) };
    let mut response = Response::new(Body::from_stream(stream));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream; charset=utf-8"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// A future, and what it has sent.
struct Events {
    run: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    sent: Receiver<Bytes>,
    silence: Pin<Box<Sleep>>,
}

impl Stream for Events {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Poll::Ready(event) = self.sent.poll_recv(context) {
                self.silence = Box::pin(sleep(KEEP_ALIVE));
                return Poll::Ready(event.map(Ok));
            }
            let Some(run) = &mut self.run else { return Poll::Pending };
            if run.as_mut().poll(context).is_ready() {
                // Its sink goes with it; what it has sent is still to be taken.
                self.run = None;
                continue;
            }
            if let Poll::Ready(event) = self.sent.poll_recv(context) {
                self.silence = Box::pin(sleep(KEEP_ALIVE));
                return Poll::Ready(event.map(Ok));
            }
            return self.silence.as_mut().poll(context).map(|()| {
                self.silence = Box::pin(sleep(KEEP_ALIVE));
                Some(Ok(Bytes::from_static(b": reading\n\n")))
            });
        }
    }
}

/// The JSON on one line, also for readers to whom U+0085, U+2028 and U+2029 end one.
fn escaped(value: &Value) -> String {
    let mut text = String::new();
    for sign in value.to_string().chars() {
        match sign {
            '\u{85}' => text.push_str("\\u0085"),
            '\u{2028}' => text.push_str("\\u2028"),
            '\u{2029}' => text.push_str("\\u2029"),
            sign => text.push(sign),
        }
    }
    text
}
