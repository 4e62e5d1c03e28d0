//! A server under load: many clients at once who come, leave in the middle, and send what is none; and what is left of it afterwards.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use afterword::decode::Occupancy;
use afterword::serve::Options;
use serde_json::{Value, json};

use super::toy::{Dice, Toy};
use crate::support::http::{Asking, Reply};

/// What front-ends send, path and body; every one of them is answered.
fn request(dice: &mut Dice) -> (&'static str, Value) {
    let prompts = ["Once upon a time", "The door opened, and nobody came in.", "A wolf", "It rained."];
    let prompt = prompts[dice.below(4)].repeat(1 + dice.below(4));
    let sampling = ["preset", "client", "both"][dice.below(3)];
    let model = ["toy", "toy@wave", "gpt-4"][dice.below(3)];
    let (seed, probabilities, tokens) = (dice.below(1000), 3 * (dice.below(3) / 2), 1 + dice.below(30));
    let mut body = json!({
        "seed": seed, "stream": dice.below(2) == 0, "n_probs": probabilities, "temperature": 0.9, "min_p": 0.05,
        "afterword": { "sampling": sampling }, "model": model, "max_tokens": tokens,
    });
    let path = match dice.below(5) {
        0 => "/completion",
        1 => "/api/v1/generate",
        2 => {
            body["messages"] = json!([{ "role": "system", "content": "Be kind." }, { "role": "user", "content": prompt }]);
            return ("/v1/chat/completions", body);
        }
        _ => {
            body["n"] = (1 + dice.below(2)).into();
            "/v1/completions"
        }
    };
    body["prompt"] = prompt.into();
    (path, body)
}

/// A client that asks so many times, and now and then leaves before it has heard all; what was answered where it stayed.
fn client(toy: &Toy, seed: u64, mut goes_on: impl FnMut(usize) -> bool) -> Vec<u16> {
    let (mut dice, mut statuses) = (Dice(seed), Vec::new());
    for _ in (0..).take_while(|number| goes_on(*number)) {
        let (path, body) = request(&mut dice);
        let mut asking = Asking::post(toy.address, path, &body);
        match dice.below(4) {
            // Gone at once, or after a while.
            0 => drop(asking),
            1 if body["stream"] == true && path != "/api/v1/generate" => {
                asking.head();
                let heard = (0..dice.below(12)).map_while(|_| asking.chunk()).count();
                assert!(heard < 12);
            }
            _ => {
                let reply = asking.reply();
                check(&reply);
                statuses.push(reply.status);
            }
        }
    }
    statuses
}

/// An answer is what was asked for, or a sentence that says why it is not.
#[track_caller]
fn check(reply: &Reply) {
    match reply.status {
        200 => assert!(!reply.text().contains("\"error\":"), "{}", reply.text()),
        204 => {}
        400..=499 | 503 => assert!(reply.fault().len() > 10, "{}", reply.text()),
        status => panic!("{status}: {}", reply.text()),
    }
}

/// What is taken once nothing runs any more.
fn at_rest(toy: &Toy) -> Occupancy {
    let occupancy = |toy: &Toy| toy.app.as_ref().unwrap().desk().occupancy();
    toy.until("it comes to rest", |toy| {
        let (waiting, occupancy) = occupancy(toy);
        toy.stories() == (0, 0) && waiting == 0 && occupancy.running == 0
    });
    occupancy(toy).1
}

/// Keeps other loads away while it is held: the files and the memory that are counted are those of the whole process.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many files this process has open; nothing where that is not told.
fn open_files() -> Option<usize> {
    Some(std::fs::read_dir("/proc/self/fd").ok()?.count())
}

#[test]
fn eight_clients_at_once_who_come_and_go_leave_nothing_behind() {
    let toy = Toy::of(Options { stories: 3, queue: 64, kobold: true, ..Options::default() });
    let before = at_rest(&toy);
    let clients = |first: u64| {
        let asks = |seed| client(&toy, seed, |number| number < 12);
        let all: Vec<Vec<u16>> = thread::scope(|scope| {
            let clients: Vec<_> = (first..first + 8).map(|seed| scope.spawn(move || asks(seed))).collect();
            clients.into_iter().map(|client| client.join().unwrap()).collect()
        });
        all.concat()
    };
    let mut statuses = clients(0);
    let after = at_rest(&toy);
    // The queue is long enough for all of them.
    statuses.extend(clients(100));
    assert!(statuses.len() > 80 && statuses.iter().all(|&status| status == 200), "{statuses:?}");
    let later = at_rest(&toy);
    for occupancy in [after, later] {
        assert_eq!((occupancy.free_cells, occupancy.free_branches), (before.free_cells, before.free_branches));
        // What is kept is all that is taken.
        assert_eq!(occupancy.room.branches + occupancy.kept, before.room.branches);
    }
    toy.end().unwrap();
}

#[test]
fn as_mikupad_does_it_a_hundred_times_given_up_and_asked_again_the_room_is_what_it_was() {
    let toy = Toy::of(Options { stories: 2, ..Options::default() });
    let before = at_rest(&toy);
    let body =
        json!({ "prompt": "once upon ".repeat(20), "n_predict": -1, "n_probs": 10, "stream": true, "cache_prompt": true });
    for time in 0..100 {
        let mut asking = Asking::post(toy.address, "/completion", &body);
        if time % 3 > 0 {
            assert_eq!(asking.head().0, 200);
            (0..time % 7).for_each(|_| assert!(asking.event().is_some()));
        }
    }
    let after = at_rest(&toy);
    assert_eq!((after.free_cells, after.free_branches), (before.free_cells, before.free_branches));
    assert_eq!(after.room.branches + after.kept, before.room.branches);
    // Nothing of it was told to its end, and who asks now is told.
    assert_eq!(toy.post("/completion", &json!({ "prompt": "once ", "n_predict": 3 })).json()["tokens_predicted"], 3);
    toy.end().unwrap();
}

/// Something else in the place of a value, or of a part of it.
fn mutate(value: &mut Value, dice: &mut Dice) {
    let inner: Vec<&mut Value> = match value {
        Value::Object(entries) => entries.values_mut().collect(),
        Value::Array(values) => values.iter_mut().collect(),
        _ => Vec::new(),
    };
    if !inner.is_empty() && dice.below(8) > 0 {
        let at = dice.below(inner.len());
        return inner.into_iter().nth(at).into_iter().for_each(|inner| mutate(inner, dice));
    }
    let strange = [
        Value::Null,
        json!(true),
        json!(-1),
        json!(0),
        json!(1e300),
        json!(u64::MAX),
        json!(0.5),
        json!(""),
        json!("NaN"),
        json!("\u{0}\u{2028}狼\u{fffd}"),
        json!([]),
        json!({}),
        json!([[[]]]),
        json!([1, "a", null]),
        json!({ "a": { "b": [] } }),
        json!("x".repeat(3000)),
        json!(vec![7; 300]),
    ];
    *value = strange[dice.below(strange.len())].clone();
}

/// A request that somebody wrote wrongly: its bytes, and whether its body is as long as it says.
fn mutant(dice: &mut Dice) -> (Vec<u8>, bool) {
    let (path, mut body) = request(dice);
    let paths = [
        path,
        path,
        path,
        "/tokenize",
        "/detokenize",
        "/apply-template",
        "/v1/models",
        "/props",
        "/afterword/explain",
        "/%00",
        "/completion/",
    ];
    let paths = [
        &paths[..],
        &["/api/extra/tokencount", "/api/extra/abort", "/api/extra/generate/stream", "/v1/models/%ff", "*", "//", "/slots?a"],
    ]
    .concat();
    body["max_tokens"] = (1 + dice.below(3)).into();
    for _ in 0..dice.below(3) {
        mutate(&mut body, dice);
    }
    let mut body = body.to_string().into_bytes();
    if dice.below(3) == 0 {
        for _ in 0..=dice.below(4) {
            let at = dice.below(body.len().max(1));
            match dice.below(4) {
                0 => body.truncate(at),
                1 => body.insert(at.min(body.len()), u8::try_from(dice.below(256)).unwrap()),
                2 if at < body.len() => body[at] = u8::try_from(dice.below(256)).unwrap(),
                _ => body.splice(0..0, b"[{\"a\":".repeat(dice.below(200))).for_each(drop),
            }
        }
    }
    let method = ["POST", "POST", "POST", "POST", "GET", "OPTIONS", "PUT", "DELETE", "HEAD", "BREW"][dice.below(10)];
    let kind = ["application/json", "application/json", "application/json; charset=utf-8", "text/plain", ""][dice.below(5)];
    let length = match dice.below(12) {
        0 => body.len() / 2,
        1 => body.len() + 5,
        _ => body.len(),
    };
    let more = [
        "",
        "Origin: null\r\n",
        "Origin: https://evil.example\r\n",
        "Accept: a/b\r\nX-A: \u{e9}\r\n",
        "Authorization: Bearer \r\n",
        "Expect: 100-continue\r\n",
    ];
    let host = ["localhost", "localhost", "localhost", "127.0.0.1:1", "evil.example", ""][dice.below(6)];
    let more = more[dice.below(more.len())];
    let path = paths[dice.below(paths.len())];
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n{more}\r\n"
    );
    let is_whole = length <= body.len();
    ([head.into_bytes(), body].concat(), is_whole)
}

/// Sends so many mutants, and asks of every answer that it is one.
fn withstand(toy: &Toy, seed: u64, count: usize) {
    let mut dice = Dice(seed);
    for _ in 0..count {
        let (bytes, is_whole) = mutant(&mut dice);
        let is_cut = dice.below(10) == 0;
        let sent = if is_cut { &bytes[..dice.below(bytes.len())] } else { &bytes[..] };
        let asking = Asking::raw(toy.address, sent);
        if is_cut || !is_whole || dice.below(12) == 0 {
            // Gone before anything came back: a server waits for the rest of a body.
            continue;
        }
        let Some(reply) = asking.any_reply() else { continue };
        let has_body = !sent.starts_with(b"HEAD") && !reply.body.is_empty();
        match reply.status {
            200 | 204 => {}
            // What is no HTTP is not answered by us.
            400 | 431 if reply.body.is_empty() => {}
            400..=499 | 503 if has_body => assert!(reply.fault().len() > 10, "{}", reply.text()),
            405 | 404 | 403 | 401 | 400 | 415 => assert!(!has_body, "{reply:?}"),
            status => panic!("{status}: {reply:?}\n{}", String::from_utf8_lossy(sent)),
        }
    }
}

/// The same from as many clients at once as there are seeds.
fn withstand_from(toy: &Toy, seeds: std::ops::Range<u64>, count: usize) {
    thread::scope(|scope| {
        for seed in seeds {
            scope.spawn(move || withstand(toy, seed, count));
        }
    });
}

#[test]
fn whatever_is_sent_is_answered_with_a_story_or_a_sentence() {
    let toy = Toy::of(Options { stories: 4, queue: 64, kobold: true, ..Options::default() });
    withstand_from(&toy, 0..4, 400);
    at_rest(&toy);
    assert_eq!(toy.get("/health").status, 200);
    assert_eq!(toy.post("/completion", &json!({ "prompt": "once ", "n_predict": 3 })).json()["tokens_predicted"], 3);
    toy.end().unwrap();
}

#[test]
#[ignore = "takes minutes: a hundred thousand requests"]
fn a_hundred_thousand_mutants_are_answered_with_a_story_or_a_sentence() {
    let _alone = alone();
    let toy = Toy::of(Options { stories: 4, queue: 64, kobold: true, ..Options::default() });
    let before = (at_rest(&toy), open_files());
    withstand_from(&toy, 100..108, 12_500);
    let after = at_rest(&toy);
    assert_eq!((after.free_cells, after.free_branches), (before.0.free_cells, before.0.free_branches));
    assert_eq!(toy.post("/completion", &json!({ "prompt": "once ", "n_predict": 3 })).json()["tokens_predicted"], 3);
    toy.until("all connections are closed", |_| open_files() <= before.1);
    toy.end().unwrap();
}

/// The pages of memory that this process holds; nothing where that is not told.
#[cfg(feature = "llama")]
fn resident() -> Option<usize> {
    std::fs::read_to_string("/proc/self/statm").ok()?.split(' ').nth(1)?.parse().ok()
}

#[cfg(feature = "llama")]
#[test]
#[ignore = "takes a minute"]
fn a_minute_of_eight_clients_on_a_real_model_leaves_nothing_behind() {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use afterword::engine::{Engine, EngineOptions};

    let _alone = alone();
    let mut options = EngineOptions::new(crate::support::BUNDLED);
    options.threads = std::num::NonZeroUsize::new(1);
    let renderer = Arc::new(afterword::chat::InProcess);
    let engine = Engine::open(options, afterword::catalog::Machine::default(), renderer, |_| true).unwrap();
    let mut toy = Toy::unopened(Options { stories: 4, queue: 64, kobold: true, ..Options::default() });
    toy.open_with(engine);
    let before = at_rest(&toy);
    let clients = |first: u64, seconds: u64| {
        let (toy, end) = (&toy, Instant::now() + Duration::from_secs(seconds));
        let all: Vec<Vec<u16>> = thread::scope(|scope| {
            let asks = |seed| scope.spawn(move || client(toy, seed, |_| Instant::now() < end));
            let clients: Vec<_> = (first..first + 8).map(asks).collect();
            clients.into_iter().map(|client| client.join().unwrap()).collect()
        });
        let statuses = all.concat();
        assert!(!statuses.is_empty() && statuses.iter().all(|&status| status == 200), "{statuses:?}");
        at_rest(toy)
    };
    // What is allocated once is allocated now.
    clients(0, 10);
    toy.until("all connections are closed", |_| true);
    let (pages, files) = (resident(), open_files());
    let after = clients(100, 50);
    assert_eq!((after.free_cells, after.free_branches), (before.free_cells, before.free_branches));
    assert_eq!(after.room.branches + after.kept, before.room.branches);
    toy.until("all connections are closed", |_| open_files() <= files);
    let grown = resident().zip(pages).map_or(0, |(now, before)| now.saturating_sub(before));
    assert!(grown * 4096 < 32 << 20, "{grown} pages more than before");
    toy.end().unwrap();
}
