//! What a server costs: as many stories at once over HTTP as in one batch, in turns on one machine.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use afterword::catalog::Machine;
use afterword::chat::InProcess;
use afterword::decode::{Cancel, Ended, Observer, Stories, drive, each};
use afterword::engine::{Engine, EngineOptions, Slots, StoryRequest};
use afterword::preset::{Folders, find};
use afterword::sampler::Sampler;
use afterword::serve::{Edge, Options, Server, Voice, listen};

/// Stories at once.
const STREAMS: usize = 8;

/// Stories of each stream, and tokens of each story.
const EACH: usize = 3;
const TOKENS: usize = 150;

const TURNS: usize = 3;

/// What the server must reach of the batch.
const LEAST: f64 = 0.9;

const PROMPT: &str = "Once upon a time there was a fox";

/// Prints the tokens a second of a batch, and of a server with as many clients, whose answers are whole or streams.
pub fn measure(name: &str, model: &Path) {
    let options = EngineOptions { context: std::num::NonZeroUsize::new(512), ..EngineOptions::new(model) };
    let engine = Engine::open(options, Machine::default(), Arc::new(InProcess), |_| true).unwrap();
    let engine = Arc::new(engine);
    let preset = find("min-p", &Folders::default()).unwrap();
    let sampler = preset.sampler();

    let edge = Edge {
        now: || SystemTime::UNIX_EPOCH.elapsed().unwrap_or(Duration::ZERO),
        local: chrono::NaiveDateTime::default,
        seed: || 1,
        log: Box::new(|_| ()),
    };
    let (listener, stop) = (listen(IpAddr::V4(Ipv4Addr::LOCALHOST), 0).unwrap(), Cancel::new());
    let options = Options { stories: STREAMS, ..Options::default() };
    let mut server = Server::start(listener, options, edge, stop.clone()).unwrap();
    let voices = vec![Voice { name: "min-p".to_owned(), preset: Arc::new(preset) }];
    server.open(Arc::clone(&engine), voices).unwrap();

    let mut best: BTreeMap<&str, f64> = BTreeMap::new();
    for _ in 0..TURNS {
        for (way, pace) in [
            ("batch", together(&engine, &sampler)),
            ("whole answers", served(server.address(), false)),
            ("streams", served(server.address(), true)),
        ] {
            let best = best.entry(way).or_default();
            *best = best.max(pace);
        }
    }
    stop.cancel();
    server.wait().unwrap();

    println!("\n{name}: {STREAMS} stories at once of {TOKENS} tokens, the best of {TURNS}");
    for (way, pace) in &best {
        println!("  {way:<14} {pace:8.1} tokens/s");
    }
    for way in ["whole answers", "streams"] {
        let share = best[way] / best["batch"];
        println!("{} a server with {way} reaches {share:.2} of a batch", if share >= LEAST { "holds  " } else { "MISSED " });
    }
}

/// Tokens a second of a batch.
fn together(engine: &Engine, sampler: &Sampler) -> f64 {
    struct Count(usize);

    impl Observer for Count {
        fn ended(&mut self, _: usize, ended: Ended) {
            self.0 += ended.completion.tokens.len();
        }
    }

    let prompt = engine.tokens(PROMPT).unwrap();
    let plan = |seed| {
        let request = StoryRequest { min_tokens: TOKENS, stop_on_loop: false, ..StoryRequest::new(seed, TOKENS) };
        engine.plan_behind(sampler, &prompt, &request).unwrap()
    };
    let plans: Vec<_> = (0..(STREAMS * EACH) as u64).map(plan).collect();
    let slots = Slots::for_stories(engine, STREAMS, &plans);
    let (cells, branches) = slots.room();
    let mut session = engine.session_of(cells, branches).unwrap();
    let mut count = Count(0);
    let begun = Instant::now();
    drive(&mut Stories::new(&mut *session, slots.width), STREAMS, &mut each(plans), &mut count, &Cancel::new());
    count.0 as f64 / begun.elapsed().as_secs_f64()
}

/// Tokens a second of a server, as so many clients hear them.
fn served(address: SocketAddr, streams: bool) -> f64 {
    let begun = Instant::now();
    thread::scope(|scope| {
        for client in 0..STREAMS {
            scope.spawn(move || {
                for story in 0..EACH {
                    let seed = client * EACH + story;
                    let body = serde_json::json!({
                        "prompt": PROMPT, "max_tokens": TOKENS, "min_tokens": TOKENS, "seed": seed, "stream": streams,
                    });
                    ask(address, &body.to_string());
                }
            });
        }
    });
    (STREAMS * EACH * TOKENS) as f64 / begun.elapsed().as_secs_f64()
}

/// Asks for a story, and hears all of it.
fn ask(address: SocketAddr, body: &str) {
    let mut connection = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    connection.write_all((head + body).as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}
