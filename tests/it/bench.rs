//! `afterword bench` on the bundled model: what it prints has its shape, and what is counted is right. Nothing is timed here.

use std::process::Command;

use crate::support::{Ends, afterword, err, folder, out, read_json};

use serde_json::Value;

fn bench(args: &[&str]) -> Command {
    let mut command = afterword(["bench"]);
    command.args(args);
    command
}

fn tune(args: &[&str]) -> Command {
    let mut command = afterword(["tune"]);
    command.args(args);
    command
}

fn json(args: &[&str]) -> Value {
    serde_json::from_str(&bench(args).prints()).unwrap()
}

fn refusal(args: &[&str]) -> String {
    bench(args).refused(2)
}

#[test]
fn every_mode_has_a_row_for_every_number_of_stories() {
    let report = json(&["--runs", "1", "--tokens", "6", "--stories", "1,2", "--json"]);
    let rows = report["rows"].as_array().unwrap();
    let kinds: Vec<(&str, u64)> =
        rows.iter().map(|row| (row["mode"].as_str().unwrap(), row["stories"].as_u64().unwrap())).collect();
    let modes = ["bare", "plain", "naive", "batch", "lazy", "wave", "word"];
    assert_eq!(kinds, [1, 2].map(|stories| modes.map(|mode| (mode, stories))).concat());
    for row in rows {
        for column in [
            "tokens-per-second",
            "evaluations-per-token",
            "decodes-per-token",
            "decode-ms-per-token",
            "outside-decode-ms-per-token",
            "slowdown-vs-plain",
            "speedup-vs-naive",
        ] {
            assert!(row[column].as_f64().unwrap() > 0.0, "{column} of {row}");
        }
    }
    assert_eq!(report["tokens"], 6);
    assert!(report["settings"]["threads"].as_u64().unwrap() >= 1);
    assert!(report["model"]["file"].as_str().unwrap().contains("fable"));
}

#[test]
fn what_looks_at_nothing_costs_one_evaluation_a_token() {
    let report = json(&["--runs", "1", "--tokens", "20", "--stories", "1,3", "--modes", "bare,plain,voice", "--json"]);
    for row in report["rows"].as_array().unwrap() {
        assert_eq!(row["evaluations-per-token"], 1.0, "{row}");
        let shared = row["decodes-per-token"].as_f64().unwrap() * row["stories"].as_f64().unwrap();
        assert!((shared - 1.0).abs() < 1e-9, "{row}");
        assert!(row["speedup-vs-naive"].is_null());
    }
}

#[test]
fn more_stories_than_prompts_share_them_and_have_room() {
    let report = json(&["--runs", "1", "--tokens", "8", "--stories", "20", "--modes", "bare,plain,lazy", "--json"]);
    let rows = report["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 3);
    assert!(rows.iter().all(|row| row["stories"] == 20 && row["tokens-per-second"].as_f64().unwrap() > 0.0), "{rows:?}");
}

#[test]
fn lazy_evaluates_less_than_batch_and_batch_one_less_than_naive() {
    let report = json(&["--runs", "1", "--tokens", "30", "--stories", "1", "--modes", "naive,batch,lazy", "--json"]);
    let each: Vec<f64> =
        report["rows"].as_array().unwrap().iter().map(|row| row["evaluations-per-token"].as_f64().unwrap()).collect();
    // The chosen one is read again by naive; but a turn with a single survivor costs both one.
    assert!(each[1] + 0.5 < each[0] && each[0] < each[1] + 1.5, "{each:?}");
    assert!(2.0 * each[2] < each[1], "{each:?}");
}

#[test]
fn the_table_fits_a_terminal() {
    let output = bench(&["--runs", "1", "--tokens", "4", "--colour", "never"]).ended();
    let table = out(&output);
    assert!(table.lines().all(|line| line.chars().count() <= 80), "{table}");
    assert!(table.contains("ms a token:") && table.contains("in decode around"), "{table}");
    assert!(table.contains("lazy") && table.contains("medians of 1 run with 4 tokens a story"));
}

#[test]
fn what_is_measured_computes_as_it_was_asked_to() {
    let form = ["--kv-type", "q8_0,f32", "--flash-attention", "on", "--threads", "1", "--runs", "1", "--tokens", "4", "--json"];
    let settings = json(&[&["--modes", "plain", "--stories", "1"], &form[..]].concat())["settings"].clone();
    assert_eq!([&settings["keys"], &settings["values"], &settings["flash-attention"]], ["q8_0", "f32", "on"]);
    let refused = tune(&["--kv-type", "f16,q8_0", "--flash-attention", "off", "--threads", "1", "--tokens", "4"]).ended();
    assert!(err(&refused).contains("without flash attention"));
}

#[test]
fn tuning_recommends_a_width_and_threads() {
    let said = tune(&["--runs", "1", "--tokens", "10", "--threads", "1", "--dry-run", "--json"]).prints();
    let report: Value = serde_json::from_str(&said).unwrap();
    let costs = report["curves"][0]["costs"].as_array().unwrap();
    let sizes: Vec<u64> = costs.iter().map(|cost| cost[0].as_u64().unwrap()).collect();
    assert_eq!(sizes, [1, 2, 4, 8, 16, 32]);
    assert!(sizes.contains(&report["advice"]["width"].as_u64().unwrap()));
    assert_eq!(report["advice"]["threads"], 1);
    assert!(report["looks-per-token"].as_f64().unwrap() > 0.5);
}

#[test]
fn what_tuning_found_is_what_auto_means_and_stands_in_the_record() {
    let room = folder("tuned");
    let cache = room.join("cache");
    let record = |name: &str, args: &[&str]| -> Value {
        let file = room.join(name);
        let mut command = afterword(["write", "Once", "--seed", "1", "--tokens", "4", "--record"]);
        command.arg(&file).args(args).env("AFTERWORD_CACHE", &cache).done();
        read_json(&file)
    };
    let tune = |args: &[&str]| {
        let mut command = tune(&["--runs", "1", "--tokens", "8", "--json"]);
        command.args(args).env("AFTERWORD_CACHE", &cache);
        serde_json::from_str::<Value>(&command.prints()).unwrap()
    };
    assert_eq!(tune(&["--dry-run"])["kept"], Value::Null);
    assert!(!cache.join("tuned").exists());
    assert_eq!(record("before.json", &[])["run"].get("tuned"), None);
    let found = tune(&[]);
    let file = std::path::PathBuf::from(found["kept"].as_str().unwrap());
    let told = record("tuned.json", &[]);
    assert_eq!(told["run"]["tuned"].as_str(), file.file_stem().unwrap().to_str());
    assert_eq!([&told["run"]["width"], &told["run"]["threads"]], [&found["advice"]["width"], &found["advice"]["threads"]]);
    assert_eq!(record("typed.json", &["--width", "3"])["run"]["width"], 3);
    let doctor = afterword(["doctor", "--json"]).env("AFTERWORD_CACHE", &cache).prints();
    let doctor: Value = serde_json::from_str(&doctor).unwrap();
    assert_eq!(doctor["tuned"][0]["width"], found["advice"]["width"]);
    // A folder that was begun goes on as it was begun.
    let batch = |args: &[&str]| {
        let mut command = afterword(["batch", "-", "--tokens", "3", "--preset", "future"]);
        command.args(args).arg("--out").arg(room.join("stories")).env("AFTERWORD_CACHE", &cache);
        command
    };
    let told = |args: &[&str]| batch(args).fed(b"Once\nA wolf\n");
    assert!(told(&[]).status.success());
    let changed = std::fs::read_to_string(&file).unwrap();
    let width = format!("\"width\": {}", found["advice"]["width"]);
    assert!(changed.contains(&width));
    std::fs::write(&file, changed.replace(&width, "\"width\": 5")).unwrap();
    assert_eq!(record("changed.json", &[])["run"]["width"], 5);
    assert!(err(&told(&[])).contains("nothing is missing"));
    assert!(err(&told(&["--width", "5"])).contains("`width` is 5"));
    // One that is damaged is told of.
    std::fs::write(&file, "{").unwrap();
    let mut write = afterword(["write", "Once", "--seed", "1", "--tokens", "4"]);
    let told = err(&write.env("AFTERWORD_CACHE", &cache).done());
    assert!(told.contains("what `afterword tune` kept in `") && told.contains("` is not used: it is damaged"), "{told}");
}

#[test]
fn what_cannot_be_measured_is_wrong_usage() {
    assert!(refusal(&["--preset", "temperature"]).contains("no stage `future`"));
    assert!(refusal(&["--modes", "fast"]).contains("there is no mode `fast`"));
    assert!(refusal(&["--tokens", "5000"]).contains("the stories need room for"));
    assert!(refusal(&["--stories", "100"]).contains("branches at once"));
    assert!(refusal(&["--width", "8"]).ends_with("with a smaller `--width`, or leave out the mode `word`\n"));
    assert!(tune(&["--stories", "3"]).refused(2).contains("there is no option `--stories`"));
    assert!(tune(&["--preset", "temperature"]).refused(2).contains("no stage `future`"));
    assert!(tune(&["--prompt", ""]).refused(2).contains("the prompt is empty"));
}
