//! `afterword write --replay`: a record's story again, as far as the record goes, and only what can be told again.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::support::{Ends, afterword, err, folder, out, read_json, signal};
use afterword::story::{Record, StopReason};

const PROMPT: &str = "Once upon a time";

/// Tells a story and returns the path of its record.
fn recorded(folder: &Path, args: &[&str]) -> PathBuf {
    let path = folder.join("story.json");
    let fixed = ["write", PROMPT, "--threads", "1", "--seed", "7", "--record", path.to_str().unwrap()];
    afterword(fixed).args(args).done();
    path
}

/// What a replay says at last, and its exit code.
fn replayed(path: &Path) -> (Option<i32>, String) {
    let output = afterword(["replay", path.to_str().unwrap()]).ended();
    (output.status.code(), err(&output).lines().last().unwrap_or_default().to_owned())
}

/// Writes a changed record beside it.
fn changed(path: &Path, change: impl FnOnce(&mut serde_json::Value)) -> PathBuf {
    let mut record: serde_json::Value = read_json(path);
    change(&mut record);
    let other = path.with_file_name("changed.json");
    fs::write(&other, record.to_string()).unwrap();
    other
}

#[cfg(unix)]
#[test]
fn a_replay_ends_where_the_record_was_interrupted() {
    let place = folder("interrupted");
    let future = "future = { candidates = 100, entropy-top = 20, alpha = 0 }";
    fs::write(place.join("slow.toml"), format!("[[chain]]\n{future}\n[[chain]]\ntop-p = 0.9\n")).unwrap();
    let told = ["write", PROMPT, "--threads", "1", "--tokens", "100000", "--preset", "slow.toml", "--record", "story.json"];
    let mut child = afterword(told).current_dir(&place).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    child.stdout.as_mut().unwrap().read_exact(&mut [0; PROMPT.len() + 30]).unwrap();
    signal(&child, "INT");
    assert_eq!(child.wait_with_output().unwrap().status.code(), Some(130));
    let path = place.join("story.json");
    let record = Record::read(&path).unwrap();
    assert_eq!(record.stop, StopReason::Interrupted);
    let count = record.tokens.len();
    assert_eq!(replayed(&path), (Some(0), format!("the same story: {count} tokens, interrupted there")));
    let output = afterword(["replay", path.to_str().unwrap()]).ended();
    assert_eq!(out(&output).trim_end(), format!("{PROMPT}{}", record.text).trim_end());
}

#[test]
fn a_replay_ends_where_the_record_broke_off_and_nowhere_else() {
    let place = folder("broken");
    let path = recorded(&place, &["--tokens", "30"]);
    let shorter = |stop: serde_json::Value, tokens: usize| {
        replayed(&changed(&path, |record| {
            record["tokens"].as_array_mut().unwrap().truncate(tokens);
            record["stop"] = stop;
        }))
    };
    let failed = serde_json::json!({ "failed": "no memory" });
    assert_eq!(shorter(failed, 12), (Some(0), "the same story: 12 tokens, broken off there".to_owned()));
    assert_eq!(shorter("interrupted".into(), 0), (Some(0), "the same story: 0 tokens, interrupted there".to_owned()));
    // Who says that the story was whole must have it whole.
    let (code, said) = shorter("tokens".into(), 12);
    assert!(code == Some(1) && said.starts_with("another story: token 13 is "), "{said}");
    let (code, said) = replayed(&changed(&path, |record| {
        record["stop"] = "interrupted".into();
        record["tokens"][4] = 9.into();
    }));
    assert!(code == Some(1) && said.starts_with("another story: token 5 is "), "{said}");
}

#[test]
fn drafts_are_told_again_together_and_are_the_same_to_the_last_token() {
    let place = folder("drafts");
    let out = place.join("out");
    let told = ["write", PROMPT, "--threads", "1", "--seed", "11", "--tokens", "80", "--drafts", "6", "--trace=full", "--out"];
    afterword(told).arg(&out).done();
    let mut parted = 0;
    for number in 1..=6 {
        let path = out.join(format!("draft-{number}.json"));
        let count = Record::read(&path).unwrap().tokens.len();
        let same = format!("the same story: {count} tokens, each as in the record");
        let output = afterword(["replay", path.to_str().unwrap()]).ended();
        assert_eq!((output.status.code(), err(&output).lines().last()), (Some(0), Some(same.as_str())));
        assert!(
            err(&output).contains(&format!("draft {number} of 6: the others are told beside it again")),
            "{}",
            err(&output)
        );
        // Records of drafts from before they knew their number.
        let old = changed(&path, |record| drop(record.as_object_mut().unwrap().remove("draft")));
        let output = afterword(["replay", old.to_str().unwrap()]).ended();
        assert!(
            err(&output).contains("one of 6 drafts that were told together: the record does not say which"),
            "{}",
            err(&output)
        );
        parted += usize::from(output.status.code() == Some(1));
    }
    println!("{parted} of 6 drafts are another story when they are told alone");
}

#[test]
fn what_cannot_be_told_again_is_refused_in_one_sentence() {
    let place = folder("refused");
    let path = recorded(&place, &["--tokens", "9"]);
    for (change, cause) in [
        (("/format", 999.into()), "it has the form 999, and this program reads up to 1"),
        (("/run/width", 0.into()), "its width is 0"),
        (("/seed", "x".into()), "its `seed` is \"x\", and should be a whole number from 0 up"),
        (("/model/sha256", "00".into()), "is not the record's"),
        (("/model/file", "moved/away.gguf".into()), "moved/away.gguf"),
        (("/prompt-tokens", serde_json::json!([])), "its story never began"),
    ] as [((&str, serde_json::Value), &str); 6]
    {
        let changed = changed(&path, |record| *record.pointer_mut(change.0).unwrap() = change.1);
        for args in [&["replay"][..], &["report", "--out", "-"]] {
            let replays = args[0] == "write";
            if !replays && !["/format", "/seed"].contains(&change.0) {
                continue;
            }
            let output = afterword([args, &[changed.to_str().unwrap()]].concat()).ended();
            let said = err(&output);
            let errors: Vec<&str> = said.lines().filter(|line| !line.starts_with("Fable 3M")).collect();
            assert!(matches!(output.status.code(), Some(1 | 2)), "{said}");
            assert!(errors[0].starts_with("error: ") && errors.len() <= 2 && errors[0].contains(cause), "{said}");
        }
    }
    for draft in [serde_json::json!({"number": 0}), serde_json::json!({"number": 3}), serde_json::json!({"number": 1})] {
        let changed = changed(&path, |record| {
            record["draft"] = draft.clone();
            record["run"]["drafts"] = if draft["number"] == 1 { u64::MAX.into() } else { 2.into() };
        });
        let (code, said) = replayed(&changed);
        assert!(code == Some(1) && said.contains("it is draft "), "{said}");
    }
}
