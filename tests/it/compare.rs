//! `afterword compare` as a person and a program meet it, on the bundled model.

use std::process::{Command, Stdio};

use crate::support::{Ends, afterword, err, nowhere, read_json, signal};

use serde_json::Value;
use unicode_width::UnicodeWidthStr;

const PROMPT: &str = "Once upon a time";

fn compare(args: &[&str]) -> Command {
    let mut command = afterword(["compare", "--threads", "1"]);
    command.args(args);
    command
}

fn text(args: &[&str]) -> String {
    compare(args).prints()
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&text(&[args, &["--json"]].concat())).unwrap()
}

fn labels(told: &Value) -> Vec<&str> {
    told["stories"].as_array().unwrap().iter().map(|story| story["label"].as_str().unwrap()).collect()
}

#[test]
fn each_story_is_the_one_that_write_tells() {
    let told = json(&[PROMPT, "--seed", "7", "--tokens", "120"]);
    assert_eq!(labels(&told), ["greedy", "temperature", "future", "wave"]);
    let file = nowhere("compared.json");
    for story in told["stories"].as_array().unwrap() {
        let preset = story["preset"].as_str().unwrap();
        let write = ["write", PROMPT, "--seed", "7", "--tokens", "120", "--preset", preset, "--threads", "1", "--record"];
        afterword(write).arg(&file).done();
        let record: Value = read_json(&file);
        for key in ["tokens", "text", "stop", "preset", "resolved", "mean-log-p", "evaluations"] {
            assert_eq!(story[key], record[key], "{preset}: {key}");
        }
    }
}

#[test]
fn stories_are_measured_against_the_first() {
    let told = json(&[PROMPT, "--seed", "7", "--tokens", "60", "--presets", "wave,temperature,wave"]);
    let stories = told["stories"].as_array().unwrap();
    assert_eq!((&stories[0]["parts-at"], &stories[2]["parts-at"]), (&Value::Null, &Value::Null));
    assert_eq!(stories[0]["tokens"], stories[2]["tokens"]);
    let tokens = |story: &Value| story["tokens"].as_array().unwrap().clone();
    let (first, other) = (tokens(&stories[0]), tokens(&stories[1]));
    let at = usize::try_from(stories[1]["parts-at"].as_u64().unwrap()).unwrap();
    assert_eq!(first[..at], other[..at]);
    assert_ne!(first[at], other[at]);
}

#[test]
fn the_values_of_one_setting_are_compared() {
    let vary = ["--vary", "future.alpha=-1,0,1", "--seed", "7", "--tokens", "20"];
    let told = json(&[&[PROMPT], &vary[..]].concat());
    assert_eq!(labels(&told), ["future.alpha=-1", "future.alpha=0", "future.alpha=1"]);
    assert!(told["stories"].as_array().unwrap().iter().all(|story| story["preset"] == "future"));
    let each = json(&[&[PROMPT, "--presets", "future,open"], &vary[..]].concat());
    assert_eq!(labels(&each)[2..4], ["future · future.alpha=1", "open · future.alpha=-1"]);
    // With one α they are one and the same.
    assert_eq!(each["stories"][0]["tokens"], each["stories"][3]["tokens"]);
    assert_eq!(each["stories"][0]["tokens"], told["stories"][0]["tokens"]);
}

#[test]
fn what_is_asked_of_the_stories_holds_for_all() {
    let told = json(&[PROMPT, "--seed", "7", "--tokens", "30", "--stop", "lived"]);
    for story in told["stories"].as_array().unwrap() {
        assert!(!story["text"].as_str().unwrap().contains("lived"));
        assert_eq!(story["stop"]["stop"], "lived");
    }
    let told = json(&[PROMPT, "--presets", "temperature", "--set", "temperature=0", "--seed", "7", "--tokens", "9"]);
    let greedy = json(&[PROMPT, "--presets", "greedy", "--seed", "1", "--tokens", "9"]);
    assert_eq!(told["stories"][0]["tokens"], greedy["stories"][0]["tokens"]);
}

#[test]
fn a_page_has_eighty_columns_and_signs_where_stories_part() {
    for layout in ["auto", "rows", "columns"] {
        let page = text(&[PROMPT, "--seed", "7", "--tokens", "40", "--layout", layout]);
        for line in page.lines() {
            assert!(line.width() <= 80 && line.trim_end() == line && !line.contains('\u{1b}'), "{line:?}");
        }
        assert_eq!(page.matches('‖').count(), 3, "{page}");
    }
    let rows = text(&[PROMPT, "--seed", "7", "--tokens", "40", "--layout", "rows"]);
    assert!(rows.contains("parts after 3 tokens") && rows.contains("40 tokens · token limit"), "{rows}");
}

#[test]
fn a_hostile_prompt_moves_no_cursor() {
    let page = text(&["a\u{1b}[2J\u{7}\u{202e}\r\n\n狼と森", "--seed", "7", "--tokens", "20"]);
    assert!(!page.chars().any(|c| c != '\n' && (c.is_control() || c == '\u{202e}')), "{page:?}");
}

#[test]
fn what_cannot_be_meant_is_told_before_any_model_is_loaded() {
    for (args, code, words) in [
        (&["--presets", "greedy,wace"][..], 2, "did you mean `wave`?"),
        (&["--vary", "future.alpha=0,2"], 2, "cannot set `future.alpha=2`"),
        (&["--vary", "future.alfa=0"], 2, "alpha"),
        (&["--vary", ""], 2, "there is no `=`"),
        (&["--preset", ""], 2, "there is no preset ``"),
    ] {
        let output = compare(&[&[PROMPT, "--model", "README.md"], args].concat()).ended();
        let said = err(&output);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(code), 0), "{said}");
        assert!(said.contains(words) && said.lines().count() <= 2, "{said}");
    }
}

#[test]
fn a_reader_who_leaves_is_no_failure() {
    let mut child =
        compare(&[PROMPT, "--seed", "7", "--tokens", "30"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), err(&output).as_str()), (Some(0), ""));
}

#[cfg(unix)]
#[test]
fn an_interrupted_comparison_keeps_what_was_told() {
    // More than is told in the time.
    let presets = vec!["greedy"; 2000].join(",");
    let child = compare(&[PROMPT, "--presets", &presets, "--tokens", "400", "--seed", "7", "--no-loop-stop", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_secs(3));
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", err(&output));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let stories = told["stories"].as_array().unwrap();
    let (last, whole) = stories.split_last().unwrap();
    assert_eq!(last["stop"], "interrupted");
    assert!(whole.len() < 1999 && whole.iter().all(|story| story["stop"] == "tokens"));
}

#[test]
fn a_comparison_is_drawn_as_a_page_and_as_figures() {
    let draw = |ending: &str| {
        let file = nowhere(&format!("drawn.{ending}"));
        let mut command = compare(&[PROMPT, "--seed", "7", "--tokens", "40", "--vary", "future.alpha=-1,0,1", "--out"]);
        let output = command.arg(&file).ended();
        (output.status.code(), err(&output), std::fs::read(file).unwrap_or_default())
    };
    let (code, _, page) = draw("html");
    let page = String::from_utf8(page).unwrap();
    assert!(code == Some(0) && page.contains("\"comparison\"") && page.contains("future.alpha=-1"));
    let (code, _, svg) = draw("svg");
    let svg = String::from_utf8(svg).unwrap();
    assert_eq!((code, svg.matches("class=\"chart\"").count(), svg.matches("class=\"parts\"").count()), (Some(0), 3, 2));
    let (code, said, png) = draw("png");
    // Letters need a font; where there is none, that is said before a story is told.
    assert!(png.starts_with(b"\x89PNG") || (code == Some(1) && said.contains("no font")), "{said}");
    let (code, said, _) = draw("gif");
    assert!(code == Some(2) && said.contains("`.svg`"), "{said}");
}
