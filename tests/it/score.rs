//! `afterword score` as a person and a program meet it, on the bundled model.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{Ends, afterword, err, folder, nowhere, out, read_json};

use afterword::decode::Cancel;
use afterword::engine::{Engine, EngineOptions};
use serde_json::Value;

const STORY: &str = " there was a little girl who lived in a house by the sea. She loved to play with her dog.\n";

fn score(args: &[&str]) -> Command {
    let mut command = afterword(["score", "--threads", "1"]);
    command.args(args);
    command
}

/// A file of this name with this text.
#[track_caller]
fn file(name: &str, text: impl AsRef<[u8]>) -> String {
    let path = nowhere(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&score(&[args, &["--json"]].concat()).prints()).unwrap()
}

fn surprisals(text: &Value) -> Vec<f64> {
    text["tokens"].as_array().unwrap().iter().map(|token| token["surprisal"].as_f64().unwrap()).collect()
}

#[test]
fn a_story_that_was_told_has_the_scores_of_its_trace() {
    let record = nowhere("told.json");
    let write = ["write", "Once upon a time", "--preset", "temperature", "--seed", "3", "--tokens", "60", "--threads", "1"];
    afterword(write).args(["--trace", "--record"]).arg(&record).done();
    let told: Value = read_json(&record);
    let scored = json(&[record.to_str().unwrap()]);
    let text = &scored["texts"][0];
    assert_eq!(text["prompt"], "Once upon a time");
    let pieces = |tokens: &Value| {
        tokens.as_array().unwrap().iter().map(|token| token["piece"].as_str().unwrap().to_owned()).collect::<String>()
    };
    assert_eq!(pieces(&text["tokens"]), told["text"].as_str().unwrap());
    // Where the text is cut as it was told, its numbers are those that were known then, up to the rounding of a batch.
    let trace = told["trace"].as_array().unwrap();
    let same: Vec<(f64, f64)> = text["tokens"]
        .as_array()
        .unwrap()
        .iter()
        .zip(trace)
        .take_while(|(one, other)| one["id"] == other["id"])
        .map(|(one, other)| (one["surprisal"].as_f64().unwrap(), other["surprisal"].as_f64().unwrap()))
        .collect();
    assert!(same.len() > 20, "only {} tokens are cut alike", same.len());
    assert!(same.iter().all(|(one, other)| (one - other).abs() < 0.1), "{same:?}");
}

#[test]
fn many_texts_have_the_scores_that_each_has_alone() {
    let texts: Vec<String> =
        (0..5).map(|at| file(&format!("many-{at}.txt"), STORY.repeat(at + 1).replace("girl", &"girl ".repeat(at)))).collect();
    let paths: Vec<&str> = texts.iter().map(String::as_str).collect();
    for prompt in [&[][..], &["--prompt", "Once upon a time"]] {
        let together = json(&[&paths, prompt].concat());
        for (at, path) in paths.iter().enumerate() {
            let alone = json(&[&[*path], prompt].concat());
            let (one, other) = (surprisals(&together["texts"][at]), surprisals(&alone["texts"][0]));
            assert_eq!(one.len(), other.len());
            // Activations of eight bits move with whoever is computed beside.
            let apart: f64 = one.iter().zip(&other).map(|(one, other)| (one - other).abs()).sum::<f64>() / one.len() as f64;
            assert!(apart < 0.05, "{path}: {apart}");
        }
    }
}

#[test]
fn every_byte_of_a_text_is_scored_once_or_opens_it() {
    let text = format!("{STORY}“狼” e\u{301} 🐺\t  two\n\n");
    let path = file("bytes.txt", &text);
    for prompt in ["", "Once upon a time", "“"] {
        let scored = json(&[&path, "--prompt", prompt]);
        let one = &scored["texts"][0];
        let sum: u64 = one["tokens"].as_array().unwrap().iter().map(|token| token["bytes"].as_u64().unwrap()).sum();
        assert_eq!(sum + one["opening-bytes"].as_u64().unwrap(), text.len() as u64);
        assert_eq!(one["scored-bytes"].as_u64().unwrap(), sum);
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), text, "the text was changed");
}

#[test]
fn the_numbers_of_a_text_are_those_of_its_tokens() {
    let path = file("numbers.txt", STORY);
    let scored = json(&[&path, "--prompt", "Once upon a time"]);
    let text = &scored["texts"][0];
    let (surprisals, number) = (surprisals(text), |key: &str| text[key].as_f64().unwrap());
    let nats: f64 = surprisals.iter().sum();
    let near = |one: f64, other: f64| assert!((one - other).abs() < 1e-4 * other.abs().max(1.0), "{one}, {other}");
    near(number("nats-per-token"), nats / surprisals.len() as f64);
    near(number("nats-per-byte"), nats / STORY.len() as f64);
    near(number("bits-per-byte"), nats / STORY.len() as f64 / std::f64::consts::LN_2);
    near(number("perplexity"), (nats / surprisals.len() as f64).exp());
    near(scored["all"]["nats-per-byte"].as_f64().unwrap(), number("nats-per-byte"));
    assert!(scored["model"]["file"].as_str().unwrap().ends_with("fable-3m-q8_0.gguf"));
}

#[test]
fn what_a_person_sees_is_a_table() {
    let path = file("seen.txt", STORY);
    let output = score(&[&path]).done();
    let lines: Vec<String> = out(&output).lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert!(lines[0].starts_with("text") && lines[0].contains("nats/byte") && lines[0].chars().count() <= 80);
    assert!(err(&output).contains("1 text · "), "{}", err(&output));
    // Many have a line together.
    let other = file("other.txt", STORY.repeat(2));
    assert!(score(&[&path, &other]).prints().lines().last().unwrap().starts_with("all "));
    let coloured = score(&[&path, "--colour", "always", "--colour-by", "surprisal"]).prints();
    assert!(coloured.contains("\u{1b}[") && coloured.contains("little"), "{coloured}");
    assert_eq!(score(&["-"]).fed(STORY.as_bytes()).status.code(), Some(0));
}

#[test]
fn a_folder_of_a_run_gives_its_stories_with_their_prompts() {
    let (run, prompts) = (folder("run"), file("prompts.txt", "Once upon a time\nThe wolf\n"));
    let batch = ["batch", &prompts, "--seeds", "1..2", "--tokens", "20", "--preset", "min-p", "--threads", "1", "--out"];
    afterword(batch).arg(&run).done();
    let scored = json(&[run.to_str().unwrap()]);
    let prompts: Vec<&str> = scored["texts"].as_array().unwrap().iter().map(|text| text["prompt"].as_str().unwrap()).collect();
    assert_eq!(prompts, ["Once upon a time", "Once upon a time", "The wolf", "The wolf"]);
}

#[test]
fn a_page_of_scores_is_a_page_without_what_only_stories_have() {
    let (path, page) = (file("page.txt", STORY), nowhere("page.html"));
    score(&[&path, "--prompt", "Once upon a time", "--out", page.to_str().unwrap()]).done();
    let html = fs::read_to_string(&page).unwrap();
    assert!(html.contains("nats a token") && html.contains("How it was read") && !html.contains("evaluations a token"));
    assert!(html.contains("value=\"surprisal\"") && !html.contains("value=\"alpha\""));
    // Again over itself, and never over a text.
    score(&[&path, "--out", page.to_str().unwrap()]).done();
    let refused = score(&[&path, "--out", &path]).refused(1);
    assert!(refused.contains("a text that is scored"), "{refused}");
    assert_eq!(fs::read_to_string(&path).unwrap(), STORY);
    let several = nowhere("several.html");
    score(&[&path, &file("second.txt", STORY), "--out", several.to_str().unwrap()]).done();
    let html = fs::read_to_string(&several).unwrap();
    assert!(html.contains("2 texts") && !html.contains("By preset"));
}

#[test]
fn a_text_longer_than_the_context_is_read_in_parts_and_says_so() {
    let path = file("long.txt", STORY.repeat(12));
    let output = score(&[&path, "--ctx", "128", "--json"]).done();
    let scored: Value = serde_json::from_str(&out(&output)).unwrap();
    let text = &scored["texts"][0];
    assert_eq!((text["windows"]["context"].as_u64(), text["bytes"].as_u64()), (Some(128), Some(12 * STORY.len() as u64)));
    let covered = text["scored-bytes"].as_u64().unwrap() + text["opening-bytes"].as_u64().unwrap();
    assert_eq!(covered, 12 * STORY.len() as u64);
    assert!(err(&output).contains("is longer than the context of 128: read in"), "{}", err(&output));
    let whole = json(&[&path]);
    assert_eq!(whole["texts"][0]["windows"], Value::Null);
}

#[test]
fn what_cannot_be_read_is_said_in_one_sentence() {
    let (empty, binary, latin) = (file("empty.txt", ""), file("binary.bin", b"\x00\x01\x02"), file("latin.txt", b"caf\xe9 "));
    for (path, why) in [
        (&empty, "it is empty"),
        (&binary, "it holds a NUL character, at byte 0: it is no text"),
        (&latin, "it is not UTF-8: byte 3 begins no character"),
    ] {
        let said = score(&[path]).refused(1);
        assert!(said.contains(&format!("cannot score `{path}`: {why}")), "{said}");
    }
    assert!(score(&["no-such-file.txt"]).refused(1).contains("no such file"));
    assert!(score(&["tests/presets"]).refused(1).contains("cannot") || Path::new("tests/presets").is_dir());
    let page = score(&[&empty, "--out", "-"]).refused(1);
    assert!(page.contains("it is empty"), "{page}");
    let text = file("text.txt", STORY);
    assert!(score(&[&text, "--out", "-"]).refused(2).contains("`--out -`"));
    assert!(score(&[&text, "--colour-by", "alpha"]).refused(2).contains("no alpha to colour by"));
    let long = "word ".repeat(100);
    let said = score(&[&text, "--prompt", &long, "--ctx", "64"]).refused(1);
    assert!(said.contains("does not fit into the context of 64") && said.contains("hint: `--ctx` may be up to"), "{said}");
}

#[test]
fn the_library_scores_what_the_program_does() {
    let path = file("library.txt", STORY);
    let scored = surprisals(&json(&[&path, "--prompt", "Once upon a time"])["texts"][0]);
    let options = EngineOptions {
        threads: std::num::NonZeroUsize::new(1),
        gpu_layers: afterword::model::GpuLayers::Fixed(0),
        ..EngineOptions::new(crate::support::BUNDLED)
    };
    let renderer = std::sync::Arc::new(afterword::chat::InProcess);
    let engine = Engine::open(options, afterword::catalog::Machine::default(), renderer, |_| true).unwrap();
    let passage = engine.passage("Once upon a time", STORY).unwrap();
    let texts = engine.score(&[passage], &mut |_, _| std::ops::ControlFlow::Continue(()), &Cancel::new()).unwrap();
    let own: Vec<f64> = texts[0].tokens.iter().map(|token| token.surprisal).collect();
    assert_eq!(own.len(), scored.len());
    assert!(own.iter().zip(&scored).all(|(one, other)| (one - other).abs() < 1e-4), "{own:?}\n{scored:?}");
}
