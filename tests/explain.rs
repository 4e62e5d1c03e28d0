//! `afterword explain` as a person and a program meet it, on the bundled model.

#![cfg(feature = "llama")]
// What helps a test may fail as a test does.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

const PROMPT: &str = "Once upon a time there lived a";

fn explain(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_afterword")).args(["explain", "--threads", "1"]).args(args).output().unwrap()
}

fn text(args: &[&str]) -> String {
    let output = explain(args);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&text(&[args, &["--json"]].concat())).unwrap()
}

fn candidates(explanation: &Value) -> &[Value] {
    explanation["candidates"].as_array().unwrap()
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap_or_else(|| panic!("no number: {value}"))
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-9
}

#[test]
fn the_weights_follow_from_p_and_the_future() {
    for (alpha, curve, [a, b]) in [
        ("0", "article", [1.0, 1.0]),
        ("-0.5", "article", [1.0, 0.5]),
        ("0.5", "article", [0.5, 1.0]),
        ("1", "article", [0.0, 1.0]),
        ("0", "crossfade", [0.5, 0.5]),
    ] {
        let (alpha, curve) = (format!("future.alpha={alpha}"), format!("future.curve={curve}"));
        let told = json(&[PROMPT, "--preset", "future", "--set", &alpha, "--set", &curve, "--seed", "7"]);
        assert_eq!((number(&told["exponents"]["a"]), number(&told["exponents"]["b"])), (a, b));
        let weight = |one: &Value| number(&one["p"]).powf(a) * number(&one["future"]).powf(b);
        let sum: f64 = candidates(&told).iter().map(weight).sum();
        for one in candidates(&told) {
            assert!(near(number(&one["share"]), weight(one) / sum) && near(number(&one["log-s"]), weight(one).ln()), "{one}");
        }
    }
}

#[test]
fn probabilities_are_shares_and_fall() {
    let told = json(&[PROMPT, "--seed", "7"]);
    let candidates = candidates(&told);
    assert_eq!((candidates.len(), told["left"].as_u64()), (13, Some(13)));
    for key in ["p", "share"] {
        assert!(near(candidates.iter().map(|one| number(&one[key])).sum(), 1.0));
    }
    assert!(candidates.windows(2).all(|pair| number(&pair[0]["p"]) >= number(&pair[1]["p"])));
    // The candidates share what is left in the proportions of the model's own probabilities: nothing reweighs them here.
    let shift = |one: &Value| number(&one["p"]).ln() - number(&one["log-p"]);
    assert!(candidates.iter().all(|one| near(shift(one), shift(&candidates[0]))));
}

#[test]
fn in_the_models_own_voice_the_weight_is_p() {
    let told = json(&[PROMPT, "--preset", "future", "--set", "future.alpha=-1", "--seed", "7"]);
    assert!(candidates(&told).iter().all(|one| near(number(&one["share"]), number(&one["p"]))));
    assert!(candidates(&told).iter().all(|one| one["future"].is_number()), "Ĥ is shown although it has no weight");
}

#[test]
fn the_future_of_a_candidate_is_the_present_after_it() {
    let told = json(&[PROMPT, "--preset", "future", "--seed", "7"]);
    let mut compared = 0;
    for one in candidates(&told).iter().take(6) {
        let after = json(&[&format!("{PROMPT}{}", one["piece"].as_str().unwrap()), "--preset", "future", "--seed", "7"]);
        let (mut path, prompt) =
            (told["prompt-tokens"].as_array().unwrap().clone(), after["prompt-tokens"].as_array().unwrap());
        path.push(one["token"].clone());
        // Where the text is cut into other tokens it is another text to the model.
        if path == *prompt {
            compared += 1;
            let (future, present) = (number(&one["future"]), number(&after["normalised-entropy"]));
            assert!((future - present).abs() < 1e-3, "{one}: {present}");
        }
    }
    assert!(compared >= 3, "only {compared} candidates could be compared");
}

#[test]
fn the_token_is_the_one_that_a_story_begins_with() {
    let record = concat!(env!("CARGO_TARGET_TMPDIR"), "/explained.json");
    for (preset, seed) in [("wave", "1"), ("wave", "2"), ("open", "3"), ("temperature", "4"), ("greedy", "5"), ("min-p", "6")] {
        let told = json(&[PROMPT, "--preset", preset, "--seed", seed]);
        let write =
            ["write", PROMPT, "--preset", preset, "--seed", seed, "--tokens", "1", "--threads", "1", "--record", record];
        assert!(Command::new(env!("CARGO_BIN_EXE_afterword")).args(write).output().unwrap().status.success());
        let record: Value = serde_json::from_slice(&std::fs::read(record).unwrap()).unwrap();
        assert_eq!(told["taken"]["token"], record["tokens"][0], "{preset}");
        assert!(near(number(&told["taken"]["log-p"]), number(&record["mean-log-p"])));
    }
}

#[test]
fn every_stage_tells_what_it_removed() {
    let told = json(&[PROMPT, "--preset", "future", "--set", "future.candidates=5", "--set", "top-k=10", "--seed", "7"]);
    let stages = told["stages"].as_array().unwrap();
    let names: Vec<&str> = stages.iter().map(|stage| stage["stage"].as_str().unwrap()).collect();
    assert_eq!(names, ["dry", "min-p", "top-k", "future", "temperature"]);
    assert_eq!((stages[2]["removed"].as_u64(), stages[3]["removed"].as_u64()), (Some(3), Some(5)));
    let fallen = stages[3]["likeliest"].as_array().unwrap();
    assert_eq!((fallen.len(), candidates(&told).len()), (5, 5));
    assert!(fallen.iter().all(|one| number(&one["log-p"]) <= number(&candidates(&told)[4]["log-p"])));
}

#[test]
fn a_chain_without_future_shows_what_it_leaves() {
    let told = json(&[PROMPT, "--preset", "temperature", "--seed", "7"]);
    assert_eq!((candidates(&told).len(), told["left"].as_u64()), (50, Some(4095)));
    assert!(["alpha", "exponents", "normalised-entropy"].iter().all(|key| told[key].is_null()));
    assert!(candidates(&told).iter().all(|one| one["future"].is_null() && one["share"].is_null()));
    let sum: f64 = candidates(&told).iter().map(|one| number(&one["p"])).sum();
    assert!(sum < 1.0);
}

#[test]
fn a_page_has_a_row_for_every_candidate_and_no_line_beyond_eighty_columns() {
    let page = text(&[PROMPT, "--seed", "7"]);
    let told = json(&[PROMPT, "--seed", "7"]);
    for one in candidates(&told) {
        let piece = one["piece"].as_str().unwrap().replace(' ', "·");
        assert!(page.lines().any(|line| line.trim_start_matches(['›', ' ']).starts_with(&piece)), "{piece}\n{page}");
    }
    assert_eq!(page.lines().filter(|line| line.starts_with("› ·")).count(), 1);
    for preset in ["wave", "temperature", "greedy"] {
        for prompt in [PROMPT, "there was a king who had a daugh", "a\u{1b}[31m\nb\u{202e} 狼と森 \u{7}"] {
            for line in text(&[prompt, "--preset", preset, "--seed", "7"]).lines() {
                assert!(line.width() <= 80 && line.trim_end() == line, "{line:?}");
                assert!(!line.chars().any(|c| c.is_control() || c == '\u{202e}'), "{line:?}");
            }
        }
    }
}

#[test]
fn colours_are_where_they_are_asked_for() {
    let page = |colour| text(&[PROMPT, "--seed", "7", "--colour", colour]);
    assert_eq!(page("auto"), page("never"), "a pipe has no colours");
    let coloured = page("always");
    assert!(coloured.contains('\u{1b}') && !page("never").contains('\u{1b}'));
    assert_eq!(anstream::adapter::strip_str(&coloured).to_string(), page("never"));
}

#[test]
fn a_wrong_preset_is_named_before_any_model_is_loaded() {
    let output = explain(&[PROMPT, "--preset", "wace", "--model", "nothing.gguf"]);
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(1), 0));
    assert!(said.contains("`wace`") && said.contains("did you mean `wave`?"), "{said}");
}

#[test]
fn a_token_of_a_record_is_explained_with_the_numbers_of_its_trace() {
    let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/explained-after.json");
    let write = ["write", PROMPT, "--preset", "wave", "--seed", "1", "--tokens", "40", "--threads", "1"];
    let write =
        Command::new(env!("CARGO_BIN_EXE_afterword")).args(write).args(["--record", path, "--trace=full"]).output().unwrap();
    assert!(write.status.success());
    let record: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    // A logit of a quantised model moves by up to 0.08 with the other cells in the cache, and p and s with it: so a tenth. Where
    // the cache happens to lie alike, all six digits of a trace are met.
    let near = |one: f64, other: f64| (one - other).abs() <= 0.1 * other.abs() + 1e-6;
    let mut compared = 0;
    for after in [0, 1, 12, 33] {
        let told = json(&["--record", path, "--after", &after.to_string()]);
        let traced = &record["trace"][after];
        assert_eq!((&told["taken"]["token"], &told["step"]), (&traced["id"], &Value::from(after)));
        assert!(near(number(&told["alpha"]), number(&traced["alpha"])));
        assert!(near(number(&told["entropy"]), number(&traced["entropy"])));
        assert!(near(number(&told["taken"]["log-p"]).exp(), number(&traced["p"])));
        // What was not looked at in the story, for there was nothing to choose, has no entry there.
        for kept in traced["candidates"].as_array().into_iter().flatten() {
            let one = candidates(&told).iter().find(|one| one["token"] == kept["id"]).unwrap();
            assert!(near(number(&one["p"]), number(&kept["p"])) && near(number(&one["future"]), number(&kept["future"])));
            assert!(near(number(&one["log-s"]).exp(), number(&kept["s"])));
            compared += 1;
        }
    }
    assert!(compared > 20, "only {compared} candidates were compared");
    let behind = explain(&["--record", path, "--after", "40"]);
    assert_eq!(behind.status.code(), Some(2));
}

#[test]
fn a_tree_shows_what_comes_after_each_candidate() {
    let told = json(&[PROMPT, "--preset", "future", "--seed", "7"]);
    for one in candidates(&told) {
        let next = one["next"].as_array().unwrap();
        assert_eq!(next.len(), 5);
        assert!(next.windows(2).all(|pair| number(&pair[0]["log-p"]) >= number(&pair[1]["log-p"])));
    }
    let (plain, tree) = (text(&[PROMPT, "--seed", "7"]), text(&[PROMPT, "--seed", "7", "--tree"]));
    assert!(tree.starts_with(&plain) && tree.matches('└').count() == candidates(&json(&[PROMPT, "--seed", "7"])).len());
    assert!(tree.lines().all(|line| line.width() <= 80 && line.trim_end() == line), "{tree}");
}
