//! A server on the toy, over real sockets, whose model waits where a test wants that.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant, SystemTime};

use afterword::catalog::Machine;
use afterword::chat::InProcess;
use afterword::decode::Cancel;
use afterword::engine::{Engine, EngineOptions, ToyBackend};
use afterword::model::{Kind, Token, Vocabulary};
use afterword::preset::{Folders, find, parse};
use afterword::prob::Noise;
use afterword::serve::{App, Edge, Ending, Options, Server, Voice, listen};
use anyhow::Result;
use serde_json::{Value, json};

use crate::support::http::{Reply, get, post};

/// What the toy is trained for.
pub const CONTEXT: usize = 4096;

/// Where the model waits before each row that it computes.
#[derive(Default)]
pub struct Gate {
    state: Mutex<State>,
    bell: Condvar,
}

#[derive(Default)]
struct State {
    is_shut: bool,
    /// Rows that may be computed while it is shut.
    permits: usize,
    /// Rows that were computed.
    passed: usize,
    /// Rows that wait.
    waiting: usize,
    breaks: bool,
}

impl Gate {
    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.waiting += 1;
        self.bell.notify_all();
        let mut state = self.bell.wait_while(state, |state| state.is_shut && state.permits == 0 && !state.breaks).unwrap();
        state.waiting -= 1;
        state.permits = state.permits.saturating_sub(1);
        state.passed += 1;
        let breaks = state.breaks;
        drop(state);
        assert!(!breaks, "the toy breaks");
    }

    /// No further row is computed.
    pub fn shut(&self) {
        self.state.lock().unwrap().is_shut = true;
    }

    /// So many more rows are computed.
    pub fn permit(&self, rows: usize) {
        self.state.lock().unwrap().permits += rows;
        self.bell.notify_all();
    }

    pub fn open(&self) {
        self.state.lock().unwrap().is_shut = false;
        self.bell.notify_all();
    }

    /// The next row ends the thread.
    pub fn break_down(&self) {
        self.state.lock().unwrap().breaks = true;
        self.bell.notify_all();
    }

    /// Waits until the model waits.
    pub fn wait(&self) {
        let state = self.state.lock().unwrap();
        drop(self.bell.wait_while(state, |state| state.waiting == 0).unwrap());
    }

    /// Rows that were computed.
    pub fn passed(&self) -> usize {
        self.state.lock().unwrap().passed
    }
}

/// A server that runs until it is dropped.
pub struct Toy {
    pub address: SocketAddr,
    pub gate: Arc<Gate>,
    pub app: Option<Arc<App>>,
    pub stop: Cancel,
    log: Arc<Mutex<Vec<String>>>,
    server: Option<Server>,
}

impl Toy {
    pub fn new() -> Self {
        Self::of(Options::default())
    }

    /// One that was started with these options.
    pub fn of(options: Options) -> Self {
        let mut toy = Self::unopened(options);
        toy.open();
        toy
    }

    /// One whose model is not loaded yet.
    pub fn unopened(options: Options) -> Self {
        let (log, stop) = (Arc::new(Mutex::new(Vec::new())), Cancel::new());
        let lines = Arc::clone(&log);
        let edge = Edge {
            now: || SystemTime::UNIX_EPOCH.elapsed().unwrap(),
            local: chrono::NaiveDateTime::default,
            seed: || 7,
            log: Box::new(move |line| lines.lock().unwrap().push(line.to_owned())),
        };
        let listener = listen(IpAddr::V4(Ipv4Addr::LOCALHOST), 0).unwrap();
        let server = Server::start(listener, options, edge, stop.clone()).unwrap();
        Self { address: server.address(), gate: Arc::default(), app: None, stop, log, server: Some(server) }
    }

    /// Loads the model.
    pub fn open(&mut self) {
        self.open_with(engine(Arc::clone(&self.gate)));
    }

    /// Loads another model, which has no gate.
    pub fn open_with(&mut self, engine: Engine) {
        self.app = Some(self.server.as_mut().unwrap().open(Arc::new(engine), voices()).unwrap());
    }

    pub fn post(&self, path: &str, body: &Value) -> Reply {
        post(self.address, path, body)
    }

    pub fn get(&self, path: &str) -> Reply {
        get(self.address, path)
    }

    pub fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }

    /// Waits until it is so: what a client did is noticed by others in their own time.
    #[track_caller]
    pub fn until(&self, what: &str, is: impl Fn(&Self) -> bool) {
        let begun = Instant::now();
        while !is(self) {
            assert!(begun.elapsed() < Duration::from_secs(30), "{what}: {}\n{:?}", self.get("/slots").text(), self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// How many stories have a place, and how many wait.
    pub fn stories(&self) -> (usize, usize) {
        let shown = self.app.as_ref().unwrap().desk().shown();
        let told = shown.iter().filter(|shown| shown.place.is_some()).count();
        (told, shown.len() - told)
    }

    /// Ends it.
    pub fn end(mut self) -> Result<Ending> {
        self.stop.cancel();
        self.wait()
    }

    /// Waits for its end.
    pub fn wait(&mut self) -> Result<Ending> {
        self.server.take().unwrap().wait()
    }
}

impl Drop for Toy {
    fn drop(&mut self) {
        self.stop.cancel();
        self.gate.open();
        if let Some(server) = self.server.take() {
            let _ = server.wait();
        }
    }
}

/// Letters, so that every text can be cut, some words, bytes of a character, and an end.
fn vocabulary() -> Vocabulary {
    let text = |piece: &str| (piece.as_bytes().to_vec(), Kind::Text);
    let letters = (b' '..=b'~').map(|byte| (vec![byte], Kind::Text)).chain([text("\n")]);
    let words = ["once ", "upon ", "a time ", "king", " wolf", "狼"].map(text);
    let bytes = "🐺".bytes().map(|byte| (vec![byte], Kind::Text));
    let marks = ["<user>", "<assistant>", "<system>"].map(|mark| (mark.as_bytes().to_vec(), Kind::Control));
    Vocabulary::new(letters.chain(words).chain(bytes).chain(marks).chain([(b"</s>".to_vec(), Kind::End)]))
}

/// Pseudo-random logits between 0 and 6; the end and marks are out of reach.
fn row(vocabulary: &Vocabulary, text: &[Token]) -> Vec<f32> {
    let noise = Noise::new(7, text).at(0, 0);
    let token = |token: Token| match vocabulary.kind(token) {
        #[allow(clippy::cast_possible_truncation, reason = "a logit")]
        Kind::Text => noise.uniform(token) as f32 * 6.0,
        _ => -60.0,
    };
    (0..).take(vocabulary.len()).map(token).collect()
}

const TEMPLATE: &str = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>";

fn engine(gate: Arc<Gate>) -> Engine {
    let vocabulary = vocabulary();
    let rows = vocabulary.clone();
    let backend = ToyBackend::new(vocabulary, move |text| {
        gate.pass();
        row(&rows, text)
    });
    let backend = Box::new(backend.with_template(TEMPLATE).trained_for(CONTEXT));
    Engine::new(backend, EngineOptions::new("toy"), Machine::default(), None, None, Arc::new(InProcess)).unwrap()
}

/// `plain` rules, which computes a row for a token; beside it are a shipped preset and one with a strange name.
fn voices() -> Vec<Voice> {
    let plain = "description = \"nothing but chance\"\n[[chain]]\ntemperature = 1.0\n";
    let named = |name: &str, preset| Voice { name: name.to_owned(), preset: Arc::new(preset) };
    let wave = find("wave", &Folders::default()).unwrap();
    vec![named("plain", parse(plain, "plain").unwrap()), named("wave", wave), named("<b>&", parse(plain, "plain").unwrap())]
}

/// A request for a story of so many tokens.
pub fn story(prompt: &str, tokens: i64) -> Value {
    json!({ "prompt": prompt, "max_tokens": tokens, "seed": 3 })
}

/// The same as a stream.
pub fn streamed(prompt: &str, tokens: i64) -> Value {
    json!({ "prompt": prompt, "max_tokens": tokens, "seed": 3, "stream": true })
}

/// Numbers that depend on nothing but their seed.
pub struct Dice(pub u64);

impl Dice {
    /// One of 0, 1, … n − 1.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % n
    }
}
