//! `afterword calibrate`, and stories that are measured against its table.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::{BUNDLED, Ends, afterword, err, folder, read_json};
use afterword::story::Record;

const CALIBRATES: [&str; 8] = ["calibrate", "--threads", "1", "--tokens", "25", "--prompt", "Once upon a time", "--json"];

/// The program with its cache in this folder.
fn program(cache: &Path, args: &[&str]) -> Command {
    let mut command = afterword(args);
    command.env("AFTERWORD_CACHE", cache);
    command
}

/// Makes a table and returns its file and its checksum.
fn calibrated(cache: &Path, more: &[&str]) -> (PathBuf, String) {
    let report: serde_json::Value = serde_json::from_str(&program(cache, &[&CALIBRATES, more].concat()).prints()).unwrap();
    assert!(report["observations"].as_u64().unwrap() > 30, "{report}");
    (report["file"].as_str().unwrap().into(), report["checksum"].as_str().unwrap().to_owned())
}

fn written<'a>(record: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let fixed = ["write", "Once upon a time", "--threads", "1", "--seed", "3", "--tokens", "20", "--preset", "future"];
    [&fixed, &["--set", "future.baseline=model", "--record", record][..], more].concat()
}

#[test]
fn a_story_is_measured_against_the_table_that_is_kept_and_told_again_with_it_alone() {
    let place = folder("told");
    let cache = place.join("cache");
    let record = place.join("story.json");
    let record = record.to_str().unwrap();

    let refusal = program(&cache, &written(record, &["--model", BUNDLED])).refused(1);
    assert!(refusal.contains("it has no table of that, over 20 tokens to the horizon token"), "{refusal}");
    assert!(refusal.contains(&format!("hint: `afterword calibrate --model {BUNDLED}` makes one")), "{refusal}");

    let (file, checksum) = calibrated(&cache, &[]);
    assert!(file.starts_with(cache.join("baselines")) && file.is_file());
    program(&cache, &written(record, &["--trace=full"])).done();
    let told = Record::read(Path::new(record)).unwrap();
    assert_eq!(told.baseline.as_deref(), Some(checksum.as_str()));
    let looked = || told.trace.iter().flat_map(|token| &token.candidates);
    assert!(looked().count() > 0 && looked().all(|one| one.openness.is_some()));

    // Each decision is shown with what was weighed.
    let shown = program(&cache, &["explain", "--record", record, "--token", "2"]).prints();
    assert!(shown.contains("Ĥ′") && shown.contains("of s = p^a · Ĥ′^b"), "{shown}");

    program(&cache, &["replay", record]).done();
    let (_, other) = calibrated(&cache, &["--seed", "9"]);
    assert_ne!(other, checksum);
    let refusal = program(&cache, &["replay", record]).refused(1);
    assert!(refusal.contains(&checksum[..12]) && refusal.contains(&other[..12]), "{refusal}");
}

#[test]
fn every_horizon_and_every_count_has_a_table_of_its_own() {
    let place = folder("own");
    let (file, _) = calibrated(&place, &["--horizon", "word", "--entropy-top", "12"]);
    assert!(file.to_str().unwrap().ends_with("-12-word.json"), "{}", file.display());
    let record = place.join("story.json");
    let record = record.to_str().unwrap();
    let asks = |horizon| program(&place, &written(record, &["--set", "future.entropy-top=12", "--set", horizon]));
    asks("future.horizon=word").done();
    let refusal = asks("future.horizon=token").refused(1);
    assert!(refusal.contains("--entropy-top 12` makes one"), "{refusal}");
}

#[test]
fn a_table_that_is_none_is_refused_and_what_is_not_ours_stays() {
    let place = folder("hostile");
    let (file, _) = calibrated(&place, &[]);
    let record = place.join("story.json");
    let whole = fs::read_to_string(&file).unwrap();
    for (text, cause) in [(&whole[..whole.len() / 2], "torn"), (&whole.replacen("[[", "[[7", 1), "checksum")] {
        fs::write(&file, text).unwrap();
        let refusal = program(&place, &written(record.to_str().unwrap(), &[])).refused(1);
        assert!(refusal.contains("cannot read the table") && refusal.contains(cause), "{refusal}");
    }
    fs::write(&file, "my notes").unwrap();
    let refusal = program(&place, &CALIBRATES).refused(1);
    assert!(refusal.contains("is no table of usual openness") || refusal.contains("a table of usual openness"), "{refusal}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "my notes");
}

#[test]
fn what_cannot_be_measured_is_wrong_usage() {
    let place = folder("usage");
    let refused = |more: &[&str]| program(&place, &[&CALIBRATES, more].concat()).refused(2);
    assert!(refused(&["--entropy-top", "1"]).contains("expected a whole number from 2 up"));
    assert!(refused(&["--horizon", "line"]).contains("expected `token` or `word`"));
    assert!(refused(&["--prompt", " "]).contains("a prompt is empty"));
}

#[test]
fn a_batch_does_not_go_on_with_another_table() {
    let place = folder("batch");
    let (_, checksum) = calibrated(&place, &[]);
    let out = place.join("stories");
    let prompts = place.join("prompts.txt");
    fs::write(&prompts, "Once upon a time").unwrap();
    let batch = ["batch", prompts.to_str().unwrap(), "--preset", "future", "--set", "future.baseline=model", "--threads", "1"];
    let batch = [&batch[..], &["--tokens", "8", "--seeds", "1..2", "--out", out.to_str().unwrap()]].concat();
    program(&place, &batch).done();
    let mut files = fs::read_dir(out.join("stories")).unwrap().map(|entry| entry.unwrap().path());
    let record = files.find(|path| path.extension().is_some_and(|extension| extension == "json")).unwrap();
    let record: serde_json::Value = read_json(record);
    assert_eq!(record["baseline"], checksum);
    calibrated(&place, &["--seed", "9"]);
    let output = program(&place, &batch).ended();
    let said = err(&output);
    assert!(output.status.code() != Some(0) && said.contains("is measured against another table"), "{said}");
}
