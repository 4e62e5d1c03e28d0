//! What no server should be sent: every answer is a sentence, and the server lives.

use serde_json::{Value, json};

use super::toy::{CONTEXT, Toy, story};
use crate::support::http::{Asking, ask};

/// Routes that tell.
const TELLING: [&str; 3] = ["/completion", "/v1/completions", "/v1/chat/completions"];

fn lives(toy: &Toy) {
    let reply = toy.post("/v1/completions", &story("once ", 2));
    assert_eq!(reply.status, 200, "{}", reply.text());
    toy.until("nobody has a place", |toy| toy.stories() == (0, 0));
}

#[test]
fn what_is_no_object_of_json_is_refused_with_a_sentence() {
    let toy = Toy::new();
    let deep = "[".repeat(10_000);
    let deep_object = "{\"a\":".repeat(10_000);
    let bodies: [&[u8]; 15] = [
        b"",
        b"{",
        b"[]",
        b"\"x\"",
        b"null",
        b"7",
        b"{\"prompt\": \"\xff\xfe\"}",
        b"\xff\xfe{\x00}\x00",
        b"{\"prompt\": \"a\" \"b\"}",
        b"{\"temperature\": NaN}",
        b"{\"temperature\": 1e999}",
        b"{'prompt': 'a'}",
        deep.as_bytes(),
        deep_object.as_bytes(),
        b"{}{}",
    ];
    for path in TELLING.into_iter().chain(["/tokenize", "/detokenize", "/afterword/explain", "/apply-template"]) {
        for body in bodies {
            let reply = ask(toy.address, "POST", path, &[], body);
            assert_eq!(reply.status, 400, "{path} {:?}", String::from_utf8_lossy(&body[..body.len().min(40)]));
            let said = reply.fault();
            assert!(said.contains("JSON") && said.len() < 300, "{said}");
        }
    }
    lives(&toy);
}

#[test]
fn a_field_that_cannot_be_meant_is_named() {
    let toy = Toy::new();
    let long = "king ".repeat(CONTEXT);
    for (field, value) in [
        ("temperature", json!("hot")),
        ("n", json!(1_000_000_000)),
        ("n", json!(-1)),
        ("prompt", json!([999_999])),
        ("prompt", json!([-1])),
        ("prompt", json!({})),
        ("prompt", json!("")),
        ("prompt", json!(long)),
        ("stop", json!(7)),
        ("logit_bias", json!("x")),
        ("preset", json!(7)),
        ("grammar", json!("root ::= \"x\"")),
    ] {
        for path in &TELLING[..2] {
            let mut body = story("once ", 3);
            body[field] = value.clone();
            let reply = toy.post(path, &body);
            assert_eq!(reply.status, 400, "{path} {field}: {}", reply.text());
            let said = reply.fault();
            assert!(said.contains(field) && said.len() < 400, "{field}: {said}");
        }
    }
    assert_eq!(toy.post("/v1/completions", &json!({ "prompt": "a", "preset": "nobody" })).status, 404);
    let too_long = toy.post("/v1/completions", &story(&long, 3)).json();
    assert_eq!(too_long["error"]["type"], "exceed_context_size_error");
    assert_eq!(too_long["error"]["n_ctx"], CONTEXT);
    for body in [
        json!({ "messages": [] }),
        json!({ "messages": "a" }),
        json!({ "messages": [{ "role": "king", "content": 7 }] }),
        json!({}),
    ] {
        let reply = toy.post("/v1/chat/completions", &body);
        assert_eq!(reply.status, 400, "{body}");
        assert!(reply.fault().contains("messages"), "{}", reply.text());
    }
    for (path, body) in [
        ("/detokenize", json!({ "tokens": [1_000_000] })),
        ("/detokenize", json!({ "tokens": [-1] })),
        ("/detokenize", json!({ "tokens": ["a"] })),
        ("/detokenize", json!({ "tokens": [1.5] })),
        ("/detokenize", json!({})),
        ("/tokenize", json!({})),
        ("/tokenize", json!({ "content": 7 })),
        ("/tokenize", json!({ "content": "a", "with_pieces": "yes" })),
        ("/tokenize", json!({ "content": "é" })),
    ] {
        let reply = toy.post(path, &body);
        assert_eq!(reply.status, 400, "{path} {body}: {}", reply.text());
        reply.fault();
    }
    lives(&toy);
}

#[test]
fn a_body_may_be_a_long_novel_and_no_longer() {
    let toy = Toy::new();
    let novel = |megabytes: usize| json!({ "content": "a".repeat(megabytes << 20) }).to_string();
    let reply = ask(toy.address, "POST", "/v1/completions", &[], novel(40).as_bytes());
    assert_eq!(reply.status, 413);
    assert!(reply.fault().contains("32 MB"));
    // Axum's usual limit is 2 MB.
    let long = json!({ "tokens": vec![65; 3 << 20] }).to_string();
    assert!(long.len() > 8 << 20);
    let reply = ask(toy.address, "POST", "/detokenize", &[], long.as_bytes());
    assert_eq!((reply.status, reply.json()["content"].as_str().map(str::len)), (200, Some(3 << 20)));
    lives(&toy);
}

#[test]
fn what_is_no_json_by_its_name_is_not_read() {
    let toy = Toy::new();
    for kind in [
        "text/plain",
        "",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/plain;application/json",
    ] {
        let reply =
            ask(toy.address, "POST", "/v1/completions", &[("Content-Type", kind)], story("once ", 2).to_string().as_bytes());
        assert_eq!(reply.status, 415, "{kind}");
        assert!(reply.fault().contains("application/json"));
    }
    let kind = [("Content-Type", "Application/JSON; charset=utf-8")];
    assert_eq!(ask(toy.address, "POST", "/v1/completions", &kind, story("once ", 2).to_string().as_bytes()).status, 200);
}

#[test]
fn a_connection_that_is_cut_or_says_nothing_sensible_harms_nobody() {
    let toy = Toy::new();
    for bytes in [
        &b"GET"[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"prompt\"",
        b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: \xff\xfe\r\n\r\n",
        b"GET /%ff%fe/../.. HTTP/1.1\r\nHost: localhost\r\n\r\n",
    ] {
        drop(Asking::raw(toy.address, bytes));
    }
    let unsized_body =
        b"POST /v1/completions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n";
    let reply = Asking::raw(toy.address, unsized_body).reply();
    assert_eq!(reply.status, 400);
    assert!(reply.fault().contains("empty"));
    lives(&toy);
}

#[test]
fn a_text_that_no_token_spells_is_refused_and_emoji_come_back_whole() {
    let toy = Toy::new();
    let tokens = toy.post("/tokenize", &json!({ "content": "🐺 狼!" })).json()["tokens"].clone();
    assert_eq!(tokens.as_array().map(Vec::len), Some(7));
    assert_eq!(toy.post("/detokenize", &json!({ "tokens": tokens })).json()["content"], "🐺 狼!");
    let first: Vec<Value> = tokens.as_array().unwrap()[..2].to_vec();
    assert_eq!(toy.post("/detokenize", &json!({ "tokens": first })).json()["content"], "\u{fffd}");
    lives(&toy);
}
