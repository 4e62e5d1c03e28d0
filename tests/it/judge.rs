//! Judging as a person does it: through a pipe, in a terminal, interrupted, and what comes of it.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{Ends, afterword, err, folder, nowhere, out, read_json};
use serde_json::{Value, json};

/// A folder with stories of these prompts by these arms, two each, as `batch` fills one.
#[track_caller]
fn stories(name: &str, prompts: &[&str], arms: &[&str]) -> PathBuf {
    let place = folder(name);
    fs::create_dir(place.join("stories")).unwrap();
    for (at, prompt) in prompts.iter().enumerate() {
        for (teller, arm) in arms.iter().enumerate() {
            for seed in 1..=2 {
                let text = format!("Tale {seed} of {prompt}, with the mark of teller {teller}.");
                let path = place.join(format!("stories/prompt-{at}--{arm}--{seed}.json"));
                fs::write(path, record(prompt, arm, &text).to_string()).unwrap();
            }
        }
    }
    place
}

fn record(prompt: &str, arm: &str, text: &str) -> Value {
    let mut record: Value = read_json("tests/pages/plain.json");
    record["prompt"] = json!(prompt);
    record["preset"] = json!(arm);
    record["resolved"] = json!(arm);
    record["text"] = json!(text);
    record
}

fn lines(file: &Path) -> Vec<Value> {
    fs::read_to_string(file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// What tells a pair from others, whichever side is which.
fn pair(line: &Value) -> String {
    let mut sides = [line["a"].to_string(), line["b"].to_string()];
    sides.sort();
    sides.concat()
}

#[test]
fn answers_through_a_pipe_are_kept_and_gone_on_with() {
    let place = stories("pipe", &["The mill stood still.", "A fox came by."], &["wave", "temperature", "open"]);
    let file = place.join("judgements.jsonl");
    let output = afterword(["judge", text(&place), "--name", "ann"]).fed(b"a\nB\ntie\nq\n");
    let (shown, said) = (out(&output), err(&output));
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(shown.contains("The mill stood still.") && shown.contains("Tale 1 of"), "{shown}");
    // Nobody is told what a story was told with.
    for arm in ["wave", "temperature", "open"] {
        assert!(!shown.contains(arm) && !said.contains(arm), "{shown}{said}");
    }
    assert!(said.contains("3 of 12 pairs judged"), "{said}");
    let kept = lines(&file);
    assert_eq!(kept.iter().map(|line| line["choice"].as_str().unwrap()).collect::<Vec<_>>(), ["a", "b", "tie"]);
    assert!(kept.iter().all(|line| line["judge"] == "ann" && line["round"] == 1 && line["a"]["arm"] != line["b"]["arm"]));

    // Wrong letters are said so, undone is asked again, and no pair comes twice.
    let output = afterword(["judge", text(&place), "--name", "ann"]).fed(b"x\nu\nb\nskip\n");
    assert!(
        err(&output).contains("`x` is no answer") && err(&output).contains("4 of 12 pairs judged (1 now)"),
        "{}",
        err(&output)
    );
    let choices: Vec<String> = lines(&file).iter().map(|line| line["choice"].as_str().unwrap().to_owned()).collect();
    assert_eq!(choices, ["a", "b", "tie", "undone", "b", "skip"]);
    let kept = lines(&file);
    assert_eq!((pair(&kept[2]), pair(&kept[2])), (pair(&kept[3]), pair(&kept[4])));
    afterword(["judge", text(&place), "--name", "ann"]).fed(b"a\n".repeat(99).as_slice());
    let kept: Vec<Value> = lines(&file).into_iter().filter(|line| line["choice"] != "undone").collect();
    let pairs: HashSet<String> = kept.iter().map(pair).collect();
    assert_eq!((kept.len(), pairs.len()), (13, 12), "12 pairs, one of them twice because it was undone");

    // All are judged; another round has other pairs.
    let output = afterword(["judge", text(&place), "--name", "ann"]).fed(b"");
    assert!(err(&output).contains("all pairs of round 1 are judged; `--again` begins another"), "{}", err(&output));
    assert_eq!(out(&output), "");
    afterword(["judge", text(&place), "--name", "ann", "--again"]).fed(b"a\nq\n");
    let last = lines(&file).pop().unwrap();
    assert!(last["round"] == 2 && !pairs.contains(&pair(&last)));
    // Another judge is asked everything, in the same order.
    afterword(["judge", text(&place), "--name", "ben"]).fed(b"b\n");
    let last = lines(&file).pop().unwrap();
    assert_eq!((last["judge"].as_str(), pair(&last)), (Some("ben"), pair(&lines(&file)[0])));
}

#[test]
fn what_is_shown_of_a_story_may_be_cut() {
    let place = stories("cut", &["Once."], &["wave", "open"]);
    let output = afterword(["judge", text(&place), "--words", "3"]).fed(b"a\n");
    assert!(out(&output).contains("of Once …") && !out(&output).contains("mark"), "{}", out(&output));
    assert_eq!(lines(&place.join("judgements.jsonl"))[0]["words"], 3);
}

#[cfg(unix)]
#[test]
fn a_pair_in_a_terminal_is_answered_by_a_key() {
    use crate::support::pty::{Act, see_while};

    let place = stories("terminal", &["The mill stood still, and nobody in the valley knew for how long."], &["wave", "open"]);
    let hostile = "A tale \u{1b}]0;owned\u{7}\u{1b}[2J with a bell \u{7} and many words that fill more than a line of it.";
    fs::write(place.join("stories/prompt-0--open--3.json"), record("Once", "open", hostile).to_string()).unwrap();
    fs::write(place.join("stories/prompt-0--wave--3.json"), record("Once", "wave", "Another tale.").to_string()).unwrap();
    for columns in [60, 100] {
        let file = nowhere("terminal.jsonl");
        let mut keys = ["a", "u", "t", "b", "s"].into_iter();
        let mut answered = 0;
        let seen = see_while(afterword(["judge", text(&place), "--out", text(&file)]), 24, columns, |seen| {
            // One key a question, when it stands there.
            if seen.matches("(quit)").count() > answered {
                answered += 1;
                return keys.next().map_or(Act::Nothing, Act::Type);
            }
            Act::Nothing
        });
        assert_eq!((seen.code, seen.alarms, seen.ran_over), (Some(0), 0, false), "{}", seen.text());
        let choices: Vec<Value> = lines(&file).iter().map(|line| line["choice"].clone()).collect();
        assert_eq!(choices, ["a", "undone", "tie", "b", "skip"], "{}", seen.text());
        let words = seen.words().join(" ");
        assert!(words.contains("neither is better") && words.contains("3 of 3 pairs judged"), "{words}");
        assert!(!words.contains("wave") && !words.contains("open"), "{words}");
    }
}

#[cfg(unix)]
#[test]
fn ctrl_c_and_kill_lose_nothing_that_was_said() {
    use std::io::Write;
    use std::process::Stdio;
    use std::time::{Duration, Instant};

    use crate::support::pty::{Act, see_while};

    let place = stories("killed", &["The mill stood still.", "A fox came by."], &["wave", "open"]);
    let file = place.join("judgements.jsonl");
    let mut keys = [Act::Type("a"), Act::Type("b"), Act::Interrupt].into_iter();
    let mut answered = 0;
    let seen = see_while(afterword(["judge", text(&place)]), 24, 80, |seen| {
        if seen.matches("(quit)").count() > answered {
            answered += 1;
            return keys.next().unwrap();
        }
        Act::Nothing
    });
    assert_ne!(seen.code, Some(0));
    assert_eq!(lines(&file).len(), 2);

    let mut child =
        afterword(["judge", text(&place)]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    child.stdin.as_mut().unwrap().write_all(b"t\n").unwrap();
    let begun = Instant::now();
    while lines(&file).len() < 3 && begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(20));
    }
    // While it waits nobody else adds to the file.
    let said = err(&afterword(["judge", text(&place)]).fed(b""));
    assert!(said.contains("somebody is judging into it\nhint: "), "{said}");
    child.kill().unwrap();
    child.wait().unwrap();
    // A line that was being written when the power went.
    let mut whole = fs::read(&file).unwrap();
    whole.extend_from_slice(b"{\"format\":1,\"rou");
    fs::write(&file, whole).unwrap();
    afterword(["judge", text(&place)]).fed(b"a\n");
    assert_eq!(lines(&file).iter().map(|line| line["choice"].as_str().unwrap()).collect::<Vec<_>>(), ["a", "b", "tie", "a"]);
}

#[test]
fn what_judges_said_is_told_together() {
    let place = stories("result", &["One.", "Two.", "Three.", "Four."], &["wave", "open"]);
    let (ann, ben) = (place.join("judgements.jsonl"), nowhere("ben.jsonl"));
    afterword(["judge", text(&place), "--name", "ann"]).fed(b"a\na\nb\nt\na\n");
    afterword(["judge", text(&place), "--out", text(&ben)]).fed(b"a\nb\nb\n");
    let shown = afterword(["judge", "--result", text(&place), text(&ben)]).prints();
    assert!(shown.contains("8 judgements of 4 prompts by 2 judges (ann 5, ben 3) · 1 tie"), "{shown}");
    assert!(shown.contains("ann and ben said the same in 2 of 3 pairs"), "{shown}");
    let shown = afterword(["judge", "--result", "--json", text(&ann), text(&ben)]).prints();
    let told: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((&told["judgements"], &told["prompts"], &told["judges"]["ben"]), (&json!(8), &json!(4), &json!(3)));
    let chances: f64 = told["arms"].as_array().unwrap().iter().map(|arm| arm["chance"].as_f64().unwrap()).sum();
    assert!((chances - 1.0).abs() < 1e-9, "{told}");
    // Measures of the arms are held against the judges; of two arms they say little.
    let measures = nowhere("eval.json");
    let evaluation = json!({ "format": 1, "judges": [], "arms": [{ "name": "wave" }, { "name": "open" }],
        "measures": [{ "key": "shared-4", "judge": null, "arms": [{ "value": 0.5 }, { "value": 0.25 }] }] });
    fs::write(&measures, evaluation.to_string()).unwrap();
    let shown = afterword(["judge", "--result", text(&place), "--measures", text(&measures)]).prints();
    assert!(shown.contains("shared-4") && shown.contains("The order of 2 arms is met by chance"), "{shown}");
    let shown = afterword(["judge", "--result", "--json", text(&ann), text(&ben)]).prints();
    // Equal files give equal intervals.
    assert_eq!(afterword(["judge", "--result", "--json", text(&ann), text(&ben)]).prints(), shown);
}

#[test]
fn a_page_to_judge_on_is_written_and_names_no_arm() {
    let place = stories("page", &["One </script><script>.", "Two."], &["wave", "temperature"]);
    let page = nowhere("page.html");
    let output = afterword(["judge", text(&place), "--page", text(&page)]).done();
    assert!(err(&output).contains("4 pairs · ") && out(&output).is_empty(), "{}", err(&output));
    let html = fs::read_to_string(&page).unwrap();
    assert!(!html.contains("wave") && !html.contains("temperature") && html.matches("</script>").count() == 2);
    // It is written anew; what is not ours stays.
    afterword(["judge", text(&place), "--page", text(&page)]).done();
    fs::write(&page, "my notes\n").unwrap();
    let said = afterword(["judge", text(&place), "--page", text(&page)]).refused(1);
    assert!(said.contains("no page of this program"), "{said}");
}

#[test]
fn what_cannot_be_judged_is_said_in_one_sentence() {
    let one = stories("one", &["One."], &["wave"]);
    let other = stories("other", &["Two."], &["open"]);
    let two = stories("two", &["One."], &["wave", "open"]);
    let same = stories("same", &["One."], &["wave", "open"]);
    for (arm, seed) in [("wave", 1), ("wave", 2), ("open", 1), ("open", 2)] {
        let path = same.join(format!("stories/prompt-0--{arm}--{seed}.json"));
        fs::write(path, record("One.", arm, "Always this.").to_string()).unwrap();
    }
    let notes = nowhere("notes.txt");
    fs::write(&notes, "my notes\n").unwrap();
    let empty = nowhere("none.jsonl");
    fs::write(&empty, "").unwrap();
    let none = folder("empty");
    let [one, other, two, same, notes, empty, none] = [&one, &other, &two, &same, &notes, &empty, &none].map(|path| text(path));
    for (args, cause) in [
        (vec![none], "there is no story in it\nhint: "),
        (vec!["nowhere"], "cannot read the folder `nowhere`: no such file or directory"),
        (vec![one], "there is nothing to compare: all 2 stories are of one arm, `wave`\nhint: "),
        (vec![one, other], "there is nothing to compare: no prompt was told by two of the 2 arms\nhint: "),
        (vec![two, "--presets", "wave,tide"], "no story is of the arm `tide`\nhint: there are `open`, `wave`"),
        (vec![two, "--presets", "wave"], "there is nothing to compare: all 2 stories are of one arm"),
        (vec![same], "there is nothing to ask: of every pair both stories are the same"),
        (vec![notes], "it is a file, and no folder of stories\nhint: `--result` tells"),
        (vec![two, "--out", notes], "line 1: it is no judgement\nhint: "),
        (vec!["--result", notes], "cannot read the judgements"),
        (vec!["--result", "nowhere.jsonl"], "no such file or directory"),
        (vec!["--result", none], "no such file or directory"),
        (vec!["--result", empty], "there is nothing to tell: nobody has judged a pair\nhint: "),
    ] {
        let said = afterword([&["judge"], &args[..]].concat()).refused(1);
        assert!(said.starts_with("error: ") && said.contains(cause), "{args:?}: {said}");
    }
    assert_eq!(fs::read_to_string(notes).unwrap(), "my notes\n");
    for args in [
        &["judge"][..],
        &["judge", two, "--name", " "],
        &["judge", two, "--json"],
        &["judge", "--result", two, "--again"],
        &["judge", two, "--measures", two],
    ] {
        afterword(args).refused(2);
    }
}
