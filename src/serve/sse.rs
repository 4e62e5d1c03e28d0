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
    #[cfg_attr(not(test), allow(dead_code, reason = "events of KoboldAI's routes have names"))]
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
    let mut response = Response::new(Body::from_stream(Events::of(run, KEEP_ALIVE)));
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
    /// After so long without an event a comment is sent.
    most_silence: Duration,
    silence: Pin<Box<Sleep>>,
}

impl Events {
    fn of<F: Future<Output = ()> + Send + 'static>(run: impl FnOnce(Sink) -> F, most_silence: Duration) -> Self {
        let (sender, sent) = channel(1);
        Self { run: Some(Box::pin(run(Sink(sender)))), sent, most_silence, silence: Box::pin(sleep(most_silence)) }
    }

    /// The silence begins anew.
    fn heard(&mut self) {
        self.silence = Box::pin(sleep(self.most_silence));
    }
}

impl Stream for Events {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        loop {
            if let Poll::Ready(event) = self.sent.poll_recv(context) {
                self.heard();
                return Poll::Ready(event.map(Ok));
            }
            let Some(run) = &mut self.run else { return Poll::Pending };
            if run.as_mut().poll(context).is_ready() {
                // Its sink goes with it; what it has sent is still to be taken.
                self.run = None;
                continue;
            }
            if let Poll::Ready(event) = self.sent.poll_recv(context) {
                self.heard();
                return Poll::Ready(event.map(Ok));
            }
            return self.silence.as_mut().poll(context).map(|()| {
                self.heard();
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

#[cfg(test)]
mod tests {
    use std::future::pending;

    use serde_json::json;
    use tokio::runtime::Builder;
    use tokio_stream::StreamExt;

    use super::*;

    /// What a stream sends, and what it goes on to wait for.
    fn sent<F: Future<Output = ()> + Send + 'static>(
        run: impl FnOnce(Sink) -> F,
        most_silence: u64,
        count: usize,
    ) -> Vec<String> {
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let events = Events::of(run, Duration::from_millis(most_silence)).take(count);
            events.map(|event| String::from_utf8(event.unwrap().to_vec()).unwrap()).collect().await
        })
    }

    #[test]
    fn an_event_is_a_line_for_every_reader_and_ends_with_a_blank_one() {
        let run = |sink: Sink| async move {
            sink.data(&json!({ "text": "a\u{85}b\u{2028}c\u{2029}d\re\n🐺" })).await;
            sink.event("message", &json!(1)).await;
            sink.done().await;
        };
        let told = sent(run, 60_000, 9);
        assert_eq!(told[0], "data: {\"text\":\"a\\u0085b\\u2028c\\u2029d\\re\\n🐺\"}\n\n");
        assert_eq!(told[1..], ["event: message\ndata: 1\n\n", "data: [DONE]\n\n"]);
    }

    #[test]
    fn whoever_waits_long_hears_that_somebody_is_there() {
        let run = |sink: Sink| async move {
            sink.data(&json!(1)).await;
            pending::<()>().await;
        };
        assert_eq!(sent(run, 1, 3), ["data: 1\n\n", ": reading\n\n", ": reading\n\n"]);
    }

    #[test]
    fn whoever_sends_goes_on_as_fast_as_it_is_taken_and_goes_with_the_answer() {
        use std::sync::Arc;
        use std::sync::atomic::{AtomicUsize, Ordering};

        struct Gone(Arc<AtomicUsize>);
        impl Drop for Gone {
            fn drop(&mut self) {
                self.0.fetch_add(1000, Ordering::SeqCst);
            }
        }
        let count = Arc::new(AtomicUsize::new(0));
        let gone = Gone(Arc::clone(&count));
        let run = move |sink: Sink| async move {
            for number in 0..500 {
                gone.0.fetch_add(1, Ordering::SeqCst);
                sink.data(&json!(number)).await;
            }
        };
        assert_eq!(sent(run, 60_000, 5).len(), 5);
        let count = count.load(Ordering::SeqCst);
        assert!((1005..1010).contains(&count), "{count}");
    }
}
