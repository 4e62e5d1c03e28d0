//! `afterword explain` as a person and a program meet it, on the bundled model.

use std::process::Output;

use crate::support::{Ends, afterword, err, nowhere, read_json};

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

const PROMPT: &str = "Once upon a time there lived a";

fn explain(args: &[&str]) -> Output {
    afterword(["explain", "--threads", "1"]).args(args).ended()
}

fn text(args: &[&str]) -> String {
    afterword(["explain", "--threads", "1"]).args(args).prints()
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
        let told = json(&[PROMPT, "--preset", "article", "--set", &alpha, "--set", &curve, "--seed", "7"]);
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
    let told = json(&[PROMPT, "--preset", "article-wave", "--seed", "7"]);
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
    let record = nowhere("explained.json");
    for (preset, seed) in [("wave", "1"), ("wave", "2"), ("open", "3"), ("temperature", "4"), ("greedy", "5"), ("min-p", "6")] {
        let told = json(&[PROMPT, "--preset", preset, "--seed", seed]);
        let write = ["write", PROMPT, "--preset", preset, "--seed", seed, "--tokens", "1", "--threads", "1", "--record"];
        afterword(write).arg(&record).done();
        let record: Value = read_json(&record);
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
    let output = explain(&[PROMPT, "--preset", "wace", "--model", "README.md"]);
    let said = err(&output);
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0));
    assert!(said.contains("`wace`") && said.contains("did you mean `wave`?"), "{said}");
}

/// Tells a story of 40 tokens into a record of this name.
fn recorded(name: &str, args: &[&str]) -> (String, Value) {
    let path = nowhere(&format!("{name}.json")).to_str().unwrap().to_owned();
    afterword(["write", PROMPT, "--seed", "1", "--tokens", "40", "--threads", "1", "--record", &path]).args(args).done();
    let record = read_json(&path);
    (path, record)
}

/// Writes a record anew, with a change.
fn changed(path: &str, record: &Value, change: impl FnOnce(&mut Value)) {
    let mut record = record.clone();
    change(&mut record);
    std::fs::write(path, record.to_string()).unwrap();
}

/// The exit code of a command that explains, and what it says on standard error.
fn said(args: &[&str]) -> (Option<i32>, String) {
    let output = afterword(["explain"]).args(args).ended();
    (output.status.code(), err(&output))
}

#[test]
fn a_token_of_a_record_is_explained_with_the_numbers_of_its_trace() {
    // The second keeps what was looked at alone, the third has a memory of another kind, the last chain looks at nothing.
    for (name, args) in [
        ("wave", &["--preset", "wave", "--trace=full"][..]),
        ("looked", &["--preset", "future", "--trace"]),
        ("f32", &["--preset", "open", "--trace=full", "--kv-type", "f32", "--flash-attention", "off", "--width", "4"]),
        ("judge", &["--preset", "judge", "--trace"]),
    ] {
        let (path, record) = recorded(name, args);
        let mut compared = 0;
        // A trace has six digits, and they are met: the story is told again as it was told, in a memory of the same kind.
        let near = |one: f64, other: f64| (one - other).abs() <= 1e-5 * other.abs();
        for token in [1, 2, 13, 34, 40] {
            let told = json(&["--record", &path, "--token", &token.to_string()]);
            let traced = &record["trace"][token - 1];
            assert_eq!(
                (&told["taken"]["token"], &told["recorded"]["token"]),
                (&traced["id"], &traced["id"]),
                "{name}: {token}"
            );
            assert_eq!((&told["step"], &told["strayed"]), (&Value::from(token - 1), &Value::Null));
            assert!(near(number(&told["entropy"]), number(&traced["entropy"])), "{name}: {token}");
            assert!(near(number(&told["taken"]["log-p"]).exp(), number(&traced["p"])), "{name}: {token}");
            // What was not looked at in the story, for there was nothing to choose, has no entry there.
            for kept in traced["candidates"].as_array().into_iter().flatten() {
                let one = candidates(&told).iter().find(|one| one["token"] == kept["id"]).unwrap();
                assert!(near(number(&one["p"]), number(&kept["p"])) && near(number(&one["future"]), number(&kept["future"])));
                assert!(near(number(&one["log-s"]).exp(), number(&kept["s"])), "{name}: {one} {kept}");
                compared += 1;
            }
        }
        assert!(compared > 4 || name == "judge", "{name}: only {compared} candidates were compared");
    }
}

#[test]
fn tokens_are_counted_from_one_as_on_the_page_and_the_tokens_before_from_nought() {
    let (path, record) = recorded("counted", &["--preset", "wave"]);
    let page = |args: &[&str]| text(&[&["--record", &path], args].concat());
    assert_eq!(page(&["--token", "13"]), page(&["--after", "12"]));
    assert_eq!(page(&[]), page(&["--token", "1"]));
    let shown = page(&["--token", "40"]);
    assert!(shown.contains("token 40 of 40") && shown.contains("at t = 39") && shown.contains("✓ "), "{shown}");
    assert_eq!(record["tokens"].as_array().unwrap().len(), 40);
    for behind in [["--after", "40"], ["--token", "41"]] {
        let (code, said) = said(&[&["--record", &path], &behind[..]].concat());
        let right =
            "error: the story has 40 tokens\nhint: the last can be explained with `--token 40`, which is `--after 39`\n";
        assert_eq!((code, said.as_str()), (Some(2), right));
    }
    for (args, right) in [
        (&[PROMPT, "--after", "3"][..], "`--after` is for a story that was told"),
        (&[PROMPT, "--token", "3"], "`--token` is for a story that was told"),
        (&["--record", &path, "--after", "just"], "expected a whole number from 0 up"),
        (&["--record", &path, "--token", "0"], "expected a whole number from 1 up"),
        (&["--record", &path, "--token", "3", "--after", "2"], "cannot be given together"),
        (&["--record", &path, "--ctx", "100"], "cannot be given together"),
    ] {
        let (code, said) = said(args);
        assert!(code == Some(2) && said.contains(right), "{args:?}: {said}");
    }
}

#[test]
fn a_story_that_is_another_one_now_is_explained_along_its_own_tokens_and_fails() {
    let (path, record) = recorded("strayed", &["--preset", "wave"]);
    let tokens: Vec<u64> = record["tokens"].as_array().unwrap().iter().map(|token| token.as_u64().unwrap()).collect();
    let at = |token: &str| {
        let output = explain(&["--record", &path, "--token", token, "--json"]);
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code(), err(&output), told)
    };
    changed(&path, &record, |record| record["tokens"][20] = Value::from(300));
    let (code, said, told) = at("21");
    assert!(code == Some(1) && said.contains("another story: told again, token 21 is `"), "{said}");
    assert_eq!((told["recorded"]["token"].as_u64(), told["taken"]["token"].as_u64()), (Some(300), Some(tokens[20])));
    let (code, said, told) = at("25");
    assert!(code == Some(1) && said.contains("another token is drawn at token 21 of the story already"), "{said}");
    assert_eq!(told["strayed"].as_u64(), Some(21));
    assert_eq!((at("20").0, said_of_what_if(&path)), (Some(0), Some(0)));
}

/// Whoever asks what if is answered, and nothing has failed.
fn said_of_what_if(path: &str) -> Option<i32> {
    said(&["--record", path, "--token", "20", "--set", "temperature=0.1", "--threads", "1"]).0
}

#[test]
fn a_record_of_another_model_is_refused_and_one_that_was_moved_is_asked_for() {
    let (path, record) = recorded("model", &["--preset", "wave"]);
    let nowhere = |name: &str| Value::from(format!("/no/such/folder/{name}"));
    changed(&path, &record, |record| record["model"]["sha256"] = Value::from("0".repeat(64)));
    let (code, other) = said(&["--record", &path]);
    assert!(code == Some(2) && other.contains("is not the record's\nhint: the story was told by `"), "{other}");
    changed(&path, &record, |record| record["model"]["file"] = nowhere("story.gguf"));
    let (code, moved) = said(&["--record", &path]);
    assert!(
        code == Some(1) && moved.contains("/no/such/folder/story.gguf`, is not there any more\nhint: `--model PATH`"),
        "{moved}"
    );
    // The one that comes with the program is found wherever it is.
    changed(&path, &record, |record| record["model"]["file"] = nowhere("fable-3m-q8_0.gguf"));
    assert_eq!(said(&["--record", &path]).0, Some(0));
}

#[test]
fn a_draft_is_explained_beside_the_others() {
    let folder = nowhere("drafts");
    let write = ["write", PROMPT, "--seed", "1", "--tokens", "30", "--threads", "1", "--drafts", "3", "--trace", "--out"];
    afterword(write).arg(&folder).done();
    for draft in ["1", "3"] {
        let path = folder.join(format!("draft-{draft}.json")).to_str().unwrap().to_owned();
        let record: Value = read_json(&path);
        for token in ["7", "30"] {
            let told = json(&["--record", &path, "--token", token]);
            let traced = &record["trace"][token.parse::<usize>().unwrap() - 1];
            assert!((number(&told["entropy"]) - number(&traced["entropy"])).abs() < 1e-4, "draft {draft}: {token}");
            assert_eq!(told["taken"]["token"], traced["id"]);
        }
    }
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
