//! What t is, on the bundled model: told in pieces, told at once, and told by the command line.

use serde_json::{Value, json};

use super::program::Program;
use crate::support::http::post;
use crate::support::{Ends, afterword};

const START: &str = "Once upon a time there lived a fox who";

/// 60 tokens told in pieces of so many, by a server that has told nothing else.
fn tokens_in_pieces_of(count: usize, more: &Value) -> Vec<Value> {
    let program = Program::serving(&[]);
    let start = post(program.address, "/tokenize", &json!({ "content": START, "add_special": true })).json();
    let start = start["tokens"].as_array().unwrap();
    let mut told = Vec::new();
    while told.len() < 60 {
        let prompt = [&start[..], &told].concat();
        let mut body = json!({ "prompt": prompt, "n_predict": count, "ignore_eos": true, "return_tokens": true });
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let reply = post(program.address, "/completion", &body).json();
        told.extend(reply["tokens"].as_array().unwrap().clone());
    }
    told
}

#[test]
fn told_in_pieces_of_ten_it_is_the_story_told_at_once() {
    for preset in ["temperature", "future", "wave"] {
        for seed in 1..=3 {
            let more = json!({ "preset": preset, "seed": seed });
            assert_eq!(tokens_in_pieces_of(10, &more), tokens_in_pieces_of(60, &more), "{preset} {seed}");
        }
    }
    // A clock of its own begins again with each piece.
    let more = json!({ "preset": "wave", "seed": 1, "afterword": { "clock": "request" } });
    assert_ne!(tokens_in_pieces_of(10, &more), tokens_in_pieces_of(60, &more));
}

#[test]
fn by_its_own_clock_a_request_is_what_the_command_line_tells() {
    let program = Program::serving(&["--strict"]);
    for preset in ["wave", "future", "temperature", "greedy"] {
        let body =
            json!({ "prompt": START, "n_predict": 60, "seed": 5, "preset": preset, "afterword": { "clock": "request" } });
        let asked = post(program.address, "/completion", &body).json();
        let written = ["write", START, "--preset", preset, "--seed", "5", "--tokens", "60", "--threads", "1", "--quiet"];
        let written = afterword(written).prints();
        assert_eq!(written.trim_end_matches('\n'), format!("{START}{}", asked["content"].as_str().unwrap()), "{preset}");
    }
}
