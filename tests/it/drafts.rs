//! `afterword write --drafts`: the binary and the bundled model.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::support::{Ends, afterword, err, nowhere, out, read_json, shell, signal};
use afterword::story::{Record, StopReason};

const PROMPT: &str = "Once upon a time";

fn write(args: &[&str]) -> Command {
    let mut command = afterword(["write", PROMPT, "--threads", "1", "--tokens", "30"]);
    command.args(args);
    command
}

fn output(args: &[&str]) -> Output {
    write(args).ended()
}

fn told(args: &[&str]) -> String {
    write(args).prints()
}

fn record(folder: &Path, number: usize) -> Record {
    read_json(folder.join(format!("draft-{number}.json")))
}

#[test]
fn drafts_are_shown_one_after_another_under_headings() {
    let output = output(&["--drafts", "3", "--seed", "7"]);
    let text = out(&output);
    let heads: Vec<&str> = text.lines().filter(|line| line.starts_with("draft ")).collect();
    assert_eq!(heads, ["draft 1 · seed 7", "draft 2 · seed 8", "draft 3 · seed 9"]);
    assert_eq!(text.matches(PROMPT).count(), 3);
    assert!(text.lines().all(|line| !line.starts_with('─') || line.chars().count() == 80));
    let notes = err(&output);
    let notes: Vec<&str> = notes.lines().collect();
    assert_eq!(notes[0], "Fable 3M · preset wave · 3 drafts · seeds 7 to 9");
    assert_eq!(notes[2], "draft 2: 30 tokens · as long as asked for");
    assert_eq!(notes.len(), 4);
    assert_eq!(told(&["--drafts", "3", "--seed", "7"]), text, "the same drafts again");
    assert!(!told(&["--drafts", "2", "--no-prompt"]).contains(PROMPT));
}

#[test]
fn a_kept_draft_is_the_one_that_is_shown_and_its_record_tells_of_the_others() {
    let folder = nowhere("kept");
    let shown = told(&["--drafts", "3", "--seed", "7"]);
    assert_eq!(told(&["--drafts", "3", "--seed", "7", "--out", folder.to_str().unwrap(), "--trace"]), "");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 6);
    for number in 1..=3 {
        let text = fs::read_to_string(folder.join(format!("draft-{number}.txt"))).unwrap();
        assert!(shown.contains(&text));
        let record = record(&folder, number);
        assert_eq!(text, format!("{PROMPT}{}\n", record.text));
        assert_eq!((record.seed, record.run.drafts, record.stop), (6 + number as u64, 3, StopReason::Tokens));
        assert_eq!(record.trace.len(), 30);
    }
}

#[test]
fn one_draft_is_the_story_that_is_told_without() {
    let folder = nowhere("one");
    let story = told(&["--seed", "8"]);
    told(&["--drafts", "1", "--seed", "8", "--out", folder.to_str().unwrap()]);
    assert_eq!(fs::read_to_string(folder.join("draft-1.txt")).unwrap(), story + "\n");
}

#[test]
fn drafts_begin_as_the_stories_of_their_seeds() {
    let folder = nowhere("seeds");
    told(&["--drafts", "3", "--seed", "7", "--out", folder.to_str().unwrap()]);
    for (number, seed) in [(1, "7"), (2, "8"), (3, "9")] {
        // Further on a story may part from its draft: a batch has other bits than a single token.
        let alone = told(&["--seed", seed, "--no-prompt"]);
        let beginning: Vec<&str> = alone.split_whitespace().take(5).collect();
        let text = record(&folder, number).text;
        assert_eq!(text.split_whitespace().take(5).collect::<Vec<_>>(), beginning);
    }
}

#[test]
fn what_is_there_stays_and_nothing_is_told() {
    let folder = nowhere("there");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("draft-2.json"), "mine").unwrap();
    let refused = output(&["--drafts", "2", "--out", folder.to_str().unwrap()]);
    assert_eq!(refused.status.code(), Some(1));
    let said = err(&refused);
    assert!(said.contains("draft-2.json`: there is such a file already, and it stays\nhint: "), "{said}");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    // One draft has no second.
    told(&["--out", folder.to_str().unwrap()]);
    assert_eq!(fs::read(folder.join("draft-2.json")).unwrap(), b"mine");
}

#[test]
fn what_cannot_be_meant_is_wrong_usage() {
    for (args, said) in [
        (&["--drafts", "2", "--record", "a.json"][..], "hint: `--out DIR` keeps each draft"),
        (&["--out", "x", "--record", "a.json"], "cannot be given together with"),
        (&["--drafts", "256"], "256 drafts are too many to be told together"),
        (&["--drafts", "1000000000000"], "hint: at most 15 fit"),
        (&["--drafts", "1000000000000", "--preset", "article-wave"], "hint: at most 85 fit"),
        (&["--drafts", "0"], "`0` is no value of `--drafts`"),
        (&["--drafts", "2", "--seed", "18446744073709551615"], "no 2 seeds follow each other"),
        (&["--trace"], "`--trace` is kept in a record"),
    ] {
        let refused = output(args);
        assert_eq!((refused.status.code(), refused.stdout.len()), (Some(2), 0), "{args:?}");
        assert!(err(&refused).contains(said), "{args:?}: {}", err(&refused));
    }
}

#[cfg(unix)]
#[test]
fn an_interruption_keeps_what_is_told_of_every_draft() {
    let folder = nowhere("interrupted");
    let mut command = afterword(["write", PROMPT, "--threads", "1"]);
    command.args(["--tokens", "900", "--drafts", "40", "--no-loop-stop", "--preset"]);
    command.args(["temperature", "--min-tokens", "900", "--out"]).arg(&folder).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    // The folder is made before the model is loaded; the handler stands by then or soon after.
    while !folder.exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    std::thread::sleep(std::time::Duration::from_millis(700));
    signal(&child, "INT");
    assert_eq!(child.wait().unwrap().code(), Some(130));
    for number in 1..=40 {
        assert_eq!(record(&folder, number).stop, StopReason::Interrupted);
    }
}

/// Runs the command where no file may be longer than so many blocks of 512 or 1024 bytes.
#[cfg(unix)]
fn limited(blocks: usize, args: &[&str]) -> Output {
    let limited = format!("ulimit -f {blocks}; exec \"$0\" \"$@\"");
    shell(&limited, ["write", PROMPT, "--threads", "1", "--tokens", "30"]).args(args).ended()
}

#[cfg(unix)]
#[test]
fn a_record_that_does_not_fit_costs_no_draft() {
    let folder = nowhere("records-full");
    let args = ["--drafts", "4", "--seed", "7", "--trace", "--out", folder.to_str().unwrap()];
    let shown = told(&["--drafts", "4", "--seed", "7"]);
    let output = limited(4, &args);
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    assert_eq!(err(&output).matches("error: cannot write the record `").count(), 4, "{}", err(&output));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 4);
    for number in 1..=4 {
        assert!(shown.contains(&fs::read_to_string(folder.join(format!("draft-{number}.txt"))).unwrap()));
    }
}

#[cfg(unix)]
#[test]
fn a_draft_that_cannot_be_saved_is_printed() {
    let folder = nowhere("texts-full");
    let args = ["--drafts", "3", "--seed", "7", "--out", folder.to_str().unwrap()];
    let output = limited(0, &args);
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    assert_eq!(out(&output), told(&["--drafts", "3", "--seed", "7"]));
    assert_eq!(err(&output).matches("error: cannot write the story `").count(), 3, "{}", err(&output));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
}

#[cfg(unix)]
#[test]
fn drafts_whose_folder_is_gone_are_printed() {
    let folder = nowhere("gone");
    let args = ["--tokens", "200", "--min-tokens", "200", "--no-loop-stop", "--drafts", "4", "--seed", "7"];
    let mut command = afterword(["write", PROMPT, "--threads", "1"]);
    let mut child = command.args(args).arg("--out").arg(&folder).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // The first note comes when the place was asked about and nothing is told.
    let mut notes = BufReader::new(child.stderr.take().unwrap());
    notes.read_line(&mut String::new()).unwrap();
    fs::remove_dir(&folder).unwrap();
    let mut said = String::new();
    notes.read_to_string(&mut said).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert_eq!(said.matches("error: cannot write the story `").count(), 4, "{said}");
    let shown = afterword(["write", PROMPT, "--threads", "1"]).args(args).ended();
    assert_eq!(output.stdout, shown.stdout);
}

#[test]
fn a_record_that_was_whole_and_had_no_name_yet_gets_it() {
    let folder = nowhere("recovered");
    told(&["--drafts", "2", "--seed", "7", "--out", folder.to_str().unwrap()]);
    let whole = record(&folder, 2);
    fs::rename(folder.join("draft-2.json"), folder.join(".afterword-abc123.unfinished")).unwrap();
    fs::write(folder.join(".afterword-abc124.unfinished"), "half").unwrap();
    // What is there stays, and is whole again.
    assert_eq!(output(&["--drafts", "2", "--out", folder.to_str().unwrap()]).status.code(), Some(1));
    assert_eq!(record(&folder, 2), whole);
    // Other numbers are free, and what is half is cleared away with them.
    fs::remove_file(folder.join("draft-1.txt")).unwrap();
    fs::remove_file(folder.join("draft-1.json")).unwrap();
    told(&["--out", folder.to_str().unwrap()]);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 4);
}

/// Kills the real process at moments of a fixed seed.
#[cfg(unix)]
#[test]
fn whenever_it_is_killed_drafts_are_whole_or_not_there() {
    let folder = nowhere("killed");
    let (mut state, mut kept, mut torn) = (5_u64, 0, 0);
    for round in 0..25 {
        let _ = fs::remove_dir_all(&folder);
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut command = afterword([
            "write",
            PROMPT,
            "--threads",
            "1",
            "--tokens",
            "8",
            "--drafts",
            "30",
            "--preset",
            "temperature",
            "--seed",
            "1",
            "--out",
        ]);
        let mut child = command.arg(&folder).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // From when the second file stands there drafts are being saved; the first one only asks about the place. At a third of the
        // kills one has its name already, however busy the machine and its disk are.
        let files = || fs::read_dir(&folder).map_or(0, Iterator::count);
        let is_named = || {
            fs::read_dir(&folder)
                .is_ok_and(|entries| entries.flatten().any(|entry| entry.file_name().to_string_lossy().ends_with(".txt")))
        };
        let saving = || [files() > 1, files() > 30, is_named()][round % 3];
        while !saving() && child.try_wait().unwrap().is_none() {
            std::thread::sleep(std::time::Duration::from_micros(200));
        }
        // They end one after another, and are saved so; on a busy machine that takes long.
        let within = [15_000, 60_000, 60_000][round % 3];
        std::thread::sleep(std::time::Duration::from_micros((state >> 33) % within));
        child.kill().unwrap();
        child.wait().unwrap();
        let count = |ending: &str| (1..=30).filter(|number| folder.join(format!("draft-{number}.{ending}")).exists()).count();
        torn += count("txt") - count("json").min(count("txt"));
        if count("txt") == 0 {
            // Nothing that it left is in the way of the same command.
            assert!(count("json") == 0);
            assert_eq!(
                output(&["--drafts", "30", "--preset", "article-wave", "--seed", "1", "--out", folder.to_str().unwrap()])
                    .status
                    .code(),
                Some(0)
            );
            continue;
        }
        kept += 1;
        // A later run puts in order what was left, and what is there stays.
        assert_eq!(output(&["--drafts", "30", "--out", folder.to_str().unwrap()]).status.code(), Some(1));
        for number in 1..=30 {
            let text = folder.join(format!("draft-{number}.txt"));
            assert_eq!(text.exists(), folder.join(format!("draft-{number}.json")).exists(), "draft {number} in round {round}");
            if text.exists() {
                assert_eq!(fs::read_to_string(text).unwrap(), format!("{PROMPT}{}\n", record(&folder, number).text));
            }
        }
    }
    println!("{kept} of 25 kills left drafts, in which {torn} texts had no record yet");
    assert!(kept > 0, "no kill fell into the saving");
}
