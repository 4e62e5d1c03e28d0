//! Requests against the toy: what is asked for in a body is what is answered, in every form and by every client's way of reading.

mod asking;
mod clients;
mod clock;
mod ending;
mod forms;
mod keeping;
mod probabilities;
mod sampling;
mod thinking;

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::to_bytes;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use serde_json::{Map, Value, json};

use crate::catalog::Machine;
use crate::chat::InProcess;
use crate::engine::{Engine, EngineOptions, ToyBackend};
use crate::model::{Kind, Token, Vocabulary};
use crate::prob::Noise;
use crate::serve::app::App;
use crate::serve::catalogue::Voice;
use crate::serve::request::Surface;
use crate::serve::visit::Visit;
use crate::serve::{Edge, Fault, Options};

/// Letters and marks, so that every text is cut into the tokens that it was told in.
fn letters() -> Vec<(Vec<u8>, Kind)> {
    let letters = (b'a'..=b'z').chain(*b" .,\nEND").map(|byte| (vec![byte], Kind::Text));
    let marks = ["<user>", "<assistant>", "<system>", "</s>"].map(|mark| mark.as_bytes().to_vec());
    let kinds = [Kind::Control, Kind::Control, Kind::Control, Kind::End];
    letters.chain(marks.into_iter().zip(kinds)).collect()
}

/// The letters, and a wolf in three parts and in one.
fn wolves() -> Vec<(Vec<u8>, Kind)> {
    let wolf = "狼".as_bytes();
    let parts = [&wolf[..1], &wolf[1..2], &wolf[2..], "🐺".as_bytes()].map(|part| (part.to_vec(), Kind::Text));
    let mut all = letters();
    all.splice(0..0, parts);
    all
}

/// Pseudo-random logits between 0 and 6 from the last tokens, that of the end as given; behind a part of the wolf mostly the next.
fn row_ending(text: &[Token], vocabulary: &Vocabulary, end: f32) -> Vec<f32> {
    let noise = Noise::new(7, &text[text.len().saturating_sub(5)..]).at(text.len(), 0);
    let follows = |before: u8, next: u8| {
        let last = text.last().is_some_and(|&last| vocabulary.piece(last) == [before]);
        move |piece: &[u8]| last && piece == [next]
    };
    let wolf = "狼".as_bytes();
    let (second, third) = (follows(wolf[0], wolf[1]), follows(wolf[1], wolf[2]));
    #[allow(clippy::cast_possible_truncation, reason = "a logit")]
    let logit = |token| match vocabulary.piece(token) {
        _ if vocabulary.ends(token) => end,
        piece if second(piece) || third(piece) => 9.0,
        _ => noise.uniform(token) as f32 * 6.0,
    };
    (0..).take(vocabulary.len()).map(logit).collect()
}

/// The same with an end that never comes.
fn row(text: &[Token], vocabulary: &Vocabulary) -> Vec<f32> {
    row_ending(text, vocabulary, -20.0)
}

const TEMPLATE: &str =
    "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}";

fn backend(tokens: Vec<(Vec<u8>, Kind)>) -> ToyBackend {
    let vocabulary = Vocabulary::new(tokens);
    let known = vocabulary.clone();
    ToyBackend::new(vocabulary, move |text| row(text, &known))
}

/// A clock that goes on by a millisecond whenever somebody looks at it.
fn now() -> Duration {
    static TICKS: AtomicU64 = AtomicU64::new(1_700_000_000_000);
    Duration::from_millis(TICKS.fetch_add(1, Ordering::Relaxed))
}

/// What the log got.
type Log = Arc<Mutex<Vec<String>>>;

fn edge(log: Log) -> Edge {
    let log = Box::new(move |line: &str| log.lock().unwrap().push(line.to_owned()));
    Edge { now, local: chrono::NaiveDateTime::default, seed: || 4242, log }
}

fn voice(name: &str, preset: &str) -> Voice {
    Voice { name: name.to_owned(), preset: Arc::new(crate::preset::parse(preset, name).unwrap()) }
}

/// A preset that breathes, and one that does not.
fn voices() -> Vec<Voice> {
    let wave = "[[chain]]\nmin-p = 0.02\n[[chain]]\nfuture = { candidates = 6, entropy-top = 8, alpha = { wave = { period = 20 } } }\n\
                [[chain]]\ntemperature = 1.2";
    vec![voice("wave", wave), voice("plain", "[[chain]]\ntemperature = 1"), voice("greedy", "[draw]\npick = 'argmax'")]
}

fn app_of(backend: ToyBackend, change: impl FnOnce(&mut Options)) -> Arc<App> {
    app_telling(backend, change, Log::default())
}

fn app_telling(backend: ToyBackend, change: impl FnOnce(&mut Options), log: Log) -> Arc<App> {
    let engine =
        Engine::new(Box::new(backend), EngineOptions::new("toy.gguf"), Machine::default(), None, None, Arc::new(InProcess));
    let mut options = Options { tokens: 12, ..Options::default() };
    change(&mut options);
    let (app, _) = App::start(Arc::new(engine.unwrap()), voices(), Arc::new(options), Arc::new(edge(log))).unwrap();
    Arc::new(app)
}

/// The same on a model that ends its stories.
fn app_that_ends() -> Arc<App> {
    let vocabulary = Vocabulary::new(letters());
    let known = vocabulary.clone();
    app_of(ToyBackend::new(vocabulary, move |text| row_ending(text, &known, 4.9)), |_| ())
}

fn app() -> Arc<App> {
    app_of(backend(letters()), |_| ())
}

/// What came back.
struct Got {
    status: u16,
    headers: HeaderMap,
    text: String,
}

impl Got {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("{}", self.text))
    }

    fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }

    /// The events of a stream, read strictly, `[DONE]` among them.
    fn events(&self) -> Vec<String> {
        assert!(self.header("content-type").starts_with("text/event-stream"), "{}", self.text);
        let whole = self.text.strip_suffix("\n\n").unwrap_or_else(|| panic!("{}", self.text));
        whole.split("\n\n").map(|event| event.strip_prefix("data: ").unwrap_or_else(|| panic!("{event}")).to_owned()).collect()
    }

    /// The chunks of a stream.
    fn chunks(&self) -> Vec<Value> {
        let events = self.events();
        events.iter().filter(|event| *event != "[DONE]").map(|event| serde_json::from_str(event).unwrap()).collect()
    }
}

fn object(body: Value) -> Map<String, Value> {
    let Value::Object(body) = body else { panic!("a body is an object") };
    body
}

/// Sends a body.
fn send(app: &Arc<App>, surface: Surface, body: Value) -> Got {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let visit = Arc::new(Visit::new(Arc::clone(&app.edge), false, "test".into(), "test".into()));
        let answered: Result<_, Fault> = super::reply(Arc::clone(app), surface, visit, object(body)).await;
        let response = answered.unwrap_or_else(IntoResponse::into_response);
        let (parts, body) = response.into_parts();
        let text = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        Got { status: parts.status.as_u16(), headers: parts.headers, text }
    })
}

/// A body with more fields.
fn with(mut body: Value, more: Value) -> Value {
    body.as_object_mut().unwrap().extend(object(more));
    body
}

fn whole(app: &Arc<App>, surface: Surface, body: Value) -> Value {
    let got = send(app, surface, body);
    assert_eq!(got.status, 200, "{}", got.text);
    got.json()
}

fn chunks(app: &Arc<App>, surface: Surface, body: Value) -> Vec<Value> {
    let got = send(app, surface, with(body, json!({"stream": true})));
    assert_eq!(got.status, 200, "{}", got.text);
    got.chunks()
}

/// The message of a refusal, and its status.
fn refused(app: &Arc<App>, surface: Surface, body: Value) -> (u16, String) {
    let got = send(app, surface, body);
    assert!(got.status >= 400, "{}", got.text);
    let error = &got.json()["error"];
    assert_eq!(error["code"], got.status);
    assert!(error["type"].is_string());
    (got.status, error["message"].as_str().unwrap().to_owned())
}

/// The text of an answer, in whichever words it is put.
fn text(answer: &Value) -> &str {
    let choice = &answer["choices"][0];
    let places = [&answer["content"], &choice["text"], &choice["message"]["content"]];
    places.into_iter().find_map(Value::as_str).unwrap_or_else(|| panic!("{answer}"))
}

/// The text of a chunk, in whichever words it is put.
fn piece(chunk: &Value) -> &str {
    let choice = &chunk["choices"][0];
    let places = [&chunk["content"], &choice["text"], &choice["delta"]["content"]];
    places.into_iter().find_map(Value::as_str).unwrap_or_default()
}
