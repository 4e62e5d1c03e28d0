//! What front-ends do that is not quite right, and is understood.

use std::time::Duration;

use afterword::serve::Options;
use serde_json::{Value, json};

use super::toy::{Toy, story};
use crate::support::http::{Asking, ask};

/// The texts of the tokens in an answer, told after one another.
fn pieces(told: &Value) -> String {
    told["choices"][0]["logprobs"]["tokens"].as_array().unwrap().iter().map(|token| token.as_str().unwrap()).collect()
}

#[test]
fn a_space_at_the_end_of_a_prompt_is_the_writers_and_the_word_behind_it_comes_without_one() {
    let toy = Toy::new();
    for clock in ["text", "request"] {
        let mut spelt = 0;
        for seed in 0..20 {
            let ask = |prompt: &str, heal: &str| {
                toy.post(
                    "/v1/completions",
                    &json!({
                        "prompt": prompt, "max_tokens": 12, "seed": seed, "logprobs": 2,
                        "afterword": { "clock": clock, "heal": heal },
                    }),
                )
            };
            let healed = ask("a king ", "space").json();
            let text = healed["choices"][0]["text"].as_str().unwrap().to_owned();
            assert_eq!(pieces(&healed), text, "{healed}");
            assert_eq!(healed["usage"]["completion_tokens"], 12);
            // The space alone, or " wolf": both spell it, and are not told.
            let plain = ask("a king ", "off").json();
            assert_eq!(plain["usage"]["prompt_tokens"].as_u64(), healed["usage"]["prompt_tokens"].as_u64().map(|n| n + 1));
            spelt += usize::from(text.starts_with("wolf"));
        }
        assert!(spelt > 0, "{clock}");
    }
    let wrong = json!({ "prompt": "a ", "afterword": { "heal": "all" } });
    assert!(toy.post("/v1/completions", &wrong).fault().contains("`off`, `space` or `word`"));
}

#[test]
fn half_a_character_is_the_sign_that_something_was_there() {
    let toy = Toy::new();
    let tokens = |body: &[u8]| {
        let reply = ask(toy.address, "POST", "/tokenize", &[], body);
        assert_eq!(reply.status, 400, "the toy has no token for U+FFFD: {}", reply.text());
        reply.fault()
    };
    for body in [
        &b"{\"content\": \"a\\ud83d\"}"[..],
        b"{\"content\": \"a\\ud83d b\"}",
        b"{\"content\": \"a\\udc3a\\ud83d\\ud83d\\udc3a\"}",
    ] {
        assert!(tokens(body).contains("byte 1"), "{}", tokens(body));
    }
    // A whole one is itself, and so is a backslash before what looks like half of one.
    for body in [&b"{\"content\": \"\\ud83d\\udc3a\"}"[..], b"{\"content\": \"\\\\ud83d\"}"] {
        let reply = ask(toy.address, "POST", "/tokenize", &[], body);
        assert_eq!(reply.status, 200, "{}", reply.text());
    }
}

#[test]
fn a_path_with_slashes_that_are_too_many_leads_where_it_was_meant_to() {
    let toy = Toy::new();
    for path in ["//v1/completions", "/v1//completions/", "/v1/completions/", "///v1///completions?a=b//"] {
        assert_eq!(toy.post(path, &story("once ", 2)).json()["usage"]["completion_tokens"], 2, "{path}");
    }
    assert_eq!(toy.get("//").status, 200);
    assert_eq!(toy.get("/v1/models/").json()["object"], "list");
    assert!(toy.get("//nowhere/").fault().contains("`/nowhere`"));
}

#[test]
fn whose_values_count_can_be_said_as_a_preset_is_named() {
    let toy = Toy::new();
    let mut body = story("once ", 2);
    for (name, sampling) in [("client", "client"), ("both", "both"), ("wave", "preset")] {
        body["preset"] = name.into();
        let told = toy.post("/v1/completions", &body).json();
        let preset = told["afterword"]["preset"].as_str().unwrap();
        assert_eq!(preset, if sampling == "both" { "plain" } else { name }, "{told}");
    }
}

#[test]
fn whoever_asks_for_it_has_the_prompt_read_afresh() {
    let toy = Toy::new();
    let cached = |may: Value| {
        let body = json!({ "prompt": "once upon a time there was a king", "n_predict": 2, "seed": 1, "cache_prompt": may });
        toy.post("/completion", &body).json()["timings"]["cache_n"].as_u64().unwrap()
    };
    assert_eq!(cached(Value::Null), 0);
    assert!(cached(json!(true)) > 0);
    assert_eq!(cached(json!(false)), 0);
    assert!(cached(Value::Null) > 0);
}

#[test]
fn who_does_not_send_the_rest_is_not_waited_for() {
    let toy = Toy::of(Options { stall: Duration::from_millis(200), ..Options::default() });
    let head = "POST /completion HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n";
    let reply = Asking::raw(toy.address, format!("{head}{{\"prompt\"").as_bytes()).reply();
    assert_eq!(reply.status, 408);
    assert!(reply.fault().contains("no more of the body came"), "{}", reply.text());
}
