//! What t is, on the bundled model: told in pieces, told at once, and told by the command line.

use serde_json::{Value, json};

use super::program::Program;
use crate::support::http::post;
use crate::support::{Ends, afterword};

const START: &str = "Once upon a time there lived a fox who";

/// What is told behind these tokens.
fn told(program: &Program, prompt: &[Value], tokens: usize, more: &Value) -> Vec<Value> {
    let mut body = json!({ "prompt": prompt, "n_predict": tokens, "ignore_eos": true, "return_tokens": true });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    post(program.address, "/completion", &body).json()["tokens"].as_array().unwrap().clone()
}

/// How many tokens of one story told at once and told in pieces of ten are the same.
fn shared(program: &Program, more: &Value) -> usize {
    let start = post(program.address, "/tokenize", &json!({ "content": START, "add_special": true })).json();
    let start = start["tokens"].as_array().unwrap();
    let mut pieces = Vec::new();
    while pieces.len() < 60 {
        let more = told(program, &[&start[..], &pieces].concat(), 10, more);
        pieces.extend(more);
    }
    let once = told(program, start, 60, more);
    once.iter().zip(&pieces).take_while(|(once, piece)| once == piece).count()
}

#[test]
fn told_in_pieces_of_ten_it_is_the_story_told_at_once() {
    let program = Program::serving(&["--strict"]);
    for seed in [1, 2, 3] {
        assert_eq!(shared(&program, &json!({ "preset": "temperature", "seed": seed })), 60, "{seed}");
    }
    // With a lookahead its memory lies otherwise than that of a text that was read, and a last bit may decide near a tie; but the
    // pieces go on where a clock of their own would part at once.
    let all = |clock: &str| -> usize {
        let more = |seed: u64| json!({ "preset": "wave", "seed": seed, "afterword": { "clock": clock } });
        (1..=5).map(|seed| shared(&program, &more(seed))).sum()
    };
    let (text, request) = (all("text"), all("request"));
    assert!(text > 2 * request, "{text} {request}");
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
