//! `afterword eval`: what it reads, what it refuses and how, and that table, page and JSON say the same.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::{Ends, afterword, err, folder, out};

/// Words of which stories are made that need not make sense.
const WORDS: [&str; 26] = [
    "ash", "bog", "cup", "dew", "elm", "fog", "gap", "hut", "ivy", "jar", "kid", "lot", "mud", "net", "oak", "pit", "rag",
    "sky", "tin", "urn", "vat", "web", "yew", "zip", "ale", "bat",
];

/// An arm of four prompts with two stories each.
fn arm(root: &Path, name: &str, stride: usize) -> PathBuf {
    let arm = root.join(name);
    for prompt in 0..4 {
        let place = arm.join(format!("prompt-{prompt}"));
        fs::create_dir_all(&place).unwrap();
        for seed in 0..4 {
            let word = |at: usize| WORDS[(at * (stride + prompt) + at * at / 7 + 5 * seed) % WORDS.len()];
            let told: Vec<&str> = (0..70).map(word).collect();
            fs::write(place.join(format!("{seed}.txt")), told.join(" ") + ".").unwrap();
        }
    }
    arm
}

fn arms(name: &str) -> Vec<String> {
    let root = folder(name);
    [("t-0.7", 3), ("t-1", 5), ("t-1.3", 7), ("<wave>", 11)]
        .map(|(name, stride)| arm(&root, name, stride).to_str().unwrap().to_owned())
        .to_vec()
}

fn json(args: &[&str]) -> Value {
    let args = ["eval", "--resamples", "500", "--json"].iter().chain(args);
    serde_json::from_str(&afterword(args).prints()).unwrap()
}

#[test]
fn arms_are_compared_and_nothing_is_claimed_without_a_judge() {
    let arms = arms("arms");
    let page = PathBuf::from(&arms[0]).with_file_name("page.html");
    let mut args: Vec<&str> = vec!["eval", "--resamples", "500", "--out", page.to_str().unwrap()];
    args.extend(arms.iter().map(String::as_str));
    let told = afterword(&args).done();
    let (table, notes) = (out(&told), err(&told));
    assert!(table.contains("arm ") && table.contains("within"), "{table}");
    assert!(table.contains("t-1: the baseline\n"), "{table}");
    assert!(table.contains("t-0.7: on the temperature curve itself\n"), "{table}");
    assert!(table.contains("<wave>: ") && table.contains("coherence not established"), "{table}");
    assert!(notes.contains("64 stories of 4 prompts, cut to 50 words"), "{notes}");
    let html = fs::read_to_string(&page).unwrap();
    assert!(html.contains("&lt;wave&gt;") && !html.contains("<wave>"));
    // The same command makes the same page, and writes it over its own.
    afterword(&args).done();
    assert!(html == fs::read_to_string(&page).unwrap());

    let args: Vec<&str> = arms.iter().map(String::as_str).collect();
    let found = json(&args);
    assert_eq!((&found["format"], &found["length"], &found["baseline"]), (&1.into(), &50.into(), &1.into()));
    assert_eq!(found["temperatures"], serde_json::json!([0, 1, 2]));
    assert_eq!(found["standings"][3]["verdict"], "not-established");
    let shared = found["measures"].as_array().unwrap().iter().find(|measure| measure["key"] == "shared-4").unwrap();
    assert!(shared["arms"][0]["value"].is_f64() && shared["arms"][0]["difference"]["holm"].is_f64(), "{shared}");
    assert!(shared["arms"][1]["difference"].is_null() && shared["a-a"]["p"].is_f64(), "{shared}");
    let named = json(&[&args[..], &["--baseline", "t-1.3"]].concat());
    assert_eq!(named["baseline"], 2);
}

#[test]
fn texts_of_people_and_a_slop_list_are_compared_with() {
    let arms = arms("people");
    let root = PathBuf::from(&arms[0]).parent().unwrap().to_owned();
    let human = arm(&root, "human", 13);
    let list = root.join("list.json");
    fs::write(&list, r#"[["ash"], ["bog"]]"#).unwrap();
    let found = json(&[&arms[0], &arms[1], "--human", human.to_str().unwrap(), "--slop-list", list.to_str().unwrap()]);
    let measures = found["measures"].as_array().unwrap();
    let of = |key: &str| measures.iter().find(|measure| measure["key"] == key).unwrap();
    assert_eq!((&found["human"], &found["slop-list"]), (&16.into(), &2.into()));
    assert!(of("hd-d")["human"][0].is_f64() && of("hd-d")["arms"][0]["z"].is_f64());
    assert!(of("slop-words")["arms"][0]["value"].as_f64().unwrap() > 0.0);
}

#[test]
fn what_cannot_be_compared_is_refused_with_the_reason() {
    let root = folder("refused");
    let place = |name: &str, files: &[(&str, &[u8])]| {
        let place = root.join(name);
        fs::create_dir_all(&place).unwrap();
        for (name, bytes) in files {
            fs::write(place.join(name), bytes).unwrap();
        }
        place.to_str().unwrap().to_owned()
    };
    let story = |word: &str| [word; 60].join(" ").into_bytes();
    let (one, two) = (place("one", &[("a.txt", &story("a"))]), place("two", &[("b.txt", &story("b"))]));
    let (empty, binary) = (place("empty", &[]), place("binary", &[("a.txt", b"\xff\xfeO\0")]));
    let short = place("short", &[("a.txt", b"Once.")]);
    let refused = |args: &[&str], code: i32| afterword([&["eval"], args].concat()).refused(code);
    for (args, said) in [
        (vec![&*empty], "there is no story in it\nhint: a folder of `afterword batch`, or one of `.txt` files"),
        (vec![&*binary], "is not UTF-8: byte 0 begins no character"),
        (vec![&*one, &*two], "the arms share no prompt, so nothing can be compared\nhint: "),
        (vec![&*short], "the stories of `short` are too short to compare: 1 of 1 have fewer than 10 words"),
        (vec![&*one, &*one], "there is an arm `one` already\nhint: give the folders different names"),
        (vec!["no/such/folder"], "cannot read the folder `no/such/folder`"),
        (vec![&*one, "--human", &*empty], "cannot take the texts of people"),
        (vec![&*one, "--slop-list", "no/such/list"], "cannot read the slop list `no/such/list`"),
    ] {
        let error = refused(&args, 1);
        assert!(error.contains(said), "{args:?}: {error}");
    }
    let error = refused(&[&one, "--baseline", "wave"], 1);
    assert!(error.contains("there is no arm `wave` to compare with\nhint: there are `one`"), "{error}");
    assert!(refused(&[&one, "--out", "-"], 2).contains("`--out -` cannot go to standard output"));
    assert!(refused(&[], 2).contains("is missing"));
    // One story is no error: it is measured, and nothing is claimed.
    let told = afterword(["eval", &one]).done();
    assert!(err(&told).contains("there is one arm") && err(&told).contains("one story an arm"), "{}", err(&told));
    assert!(out(&told).contains("one: the baseline"), "{}", out(&told));
    let left = place("left", &[("a.txt", &story("a")), ("b.txt", b"a\0b")]);
    assert!(err(&afterword(["eval", &left]).done()).contains("1 file is no story, and left out: `b.txt` holds NUL characters"));
}

#[test]
fn other_scripts_have_words_too() {
    let root = folder("scripts");
    for (name, text) in
        [("狼", "狼が村に来た。夜は長く、雪は深かった。"), ("лес", "Волк вышел из леса и долго смотрел на деревню. ")]
    {
        let place = root.join(name);
        fs::create_dir_all(place.join("p")).unwrap();
        for seed in 0..2 {
            fs::write(place.join(format!("p/{seed}.txt")), text.repeat(8 + seed)).unwrap();
        }
        let found = json(&[place.to_str().unwrap()]);
        let of = |key: &str| {
            found["measures"].as_array().unwrap().iter().find(|measure| measure["key"] == key).unwrap()["arms"][0]["value"]
                .clone()
        };
        assert_eq!((of("non-words"), of("other-script")), (0.0.into(), 0.0.into()), "{name}");
        assert!(found["length"].as_u64().unwrap() >= 50);
    }
}

#[cfg(feature = "llama")]
#[test]
fn a_judge_reads_the_stories_and_whoever_told_them_does_not_judge_alone() {
    use crate::support::BUNDLED;

    let arms = arms("judged");
    let arms: Vec<&str> = arms.iter().map(String::as_str).collect();
    let found = json(&[&arms[..], &["--judge", BUNDLED, "--threads", "1", "--in-a-row", "2"]].concat());
    assert_eq!(found["judges"][0]["wrote"], false);
    let measures = found["measures"].as_array().unwrap();
    for key in ["surprisal", "gain", "similarity", "redundancy", "tail", "entropy", "worst"] {
        let measure = measures.iter().find(|measure| measure["key"] == key && measure["judge"] == 0).unwrap();
        assert!((0..4).all(|arm| measure["arms"][arm]["value"].is_f64()), "{measure}");
    }
    assert!(found["standings"][3]["judges"][0]["on-curve"].is_f64());

    let place = folder("told");
    let prompts = place.join("prompts.txt");
    fs::write(&prompts, "Once upon a time there was a fox\nOne day a girl found a bell\n").unwrap();
    let run = place.join("run");
    let [prompts, run] = [&prompts, &run].map(|path| path.to_str().unwrap());
    let batch = ["batch", prompts, "--out", run, "--preset", "temperature", "--vary", "temperature=0.7,1.0", "--seeds", "1..2"];
    afterword(batch.iter().chain(&["--tokens", "60", "--threads", "1", "--model", BUNDLED])).done();
    let told = afterword(["eval", run, "--judge", BUNDLED, "--threads", "1"]).done();
    assert!(err(&told).contains("told some of the stories itself, and does not judge alone"), "{}", err(&told));
    assert!(out(&told).contains("temperature · temperature=0.7"), "{}", out(&told));
}

#[test]
fn a_plan_is_fair_and_its_files_are_what_its_commands_name() {
    let root = folder("plan");
    let sweep = root.join("a sweep");
    let plan = |more: &[&str]| {
        let all = ["eval", "plan", "--model", "m.gguf", "--judge", "j.gguf", "--out", sweep.to_str().unwrap()];
        afterword([&all[..], more].concat())
    };
    let told = plan(&["--settings", "2", "--dev", "5"]).done();
    let lines = out(&told);
    assert!(err(&told).contains("26 settings of 13 families, 2 each"), "{}", err(&told));
    // Every path of a command is one of a file, as a shell takes it apart.
    let commands: Vec<Vec<String>> =
        lines.lines().filter(|line| !line.starts_with('#')).map(|line| shlex::split(line).unwrap()).collect();
    let dev = &commands[1];
    assert_eq!(dev[..3], ["nice", "afterword", "batch"]);
    let presets: Vec<&str> = dev[dev.iter().position(|word| word == "--preset").unwrap() + 1].split(',').collect();
    assert_eq!(presets.len(), 26);
    for preset in presets {
        afterword(["presets", "check", preset]).done();
    }
    let prompts: Vec<String> = [&dev[3], commands.iter().rev().nth(2).map(|words| &words[3]).unwrap()]
        .map(|path| fs::read_to_string(path).unwrap())
        .to_vec();
    assert_eq!(prompts[0].matches("[[prompt]]").count(), 5);
    assert_eq!(prompts[1].matches("[[prompt]]").count(), 24);
    for name in prompts[0].lines().filter(|line| line.starts_with("name")) {
        assert!(!prompts[1].contains(name), "{name} is to develop and to test with");
    }
    // The same again changes nothing, and what somebody changed is not written over.
    assert_eq!(plan(&["--settings", "2", "--dev", "5"]).prints(), lines);
    fs::write(sweep.join("prompts-dev.toml"), "mine").unwrap();
    let error = plan(&["--settings", "2", "--dev", "5"]).refused(1);
    assert!(error.contains("prompts-dev.toml`: there is another file\nhint: "), "{error}");
    assert!(plan(&["--settings", "7"]).refused(2).contains("`7` is no value of `--settings`"));
    assert!(plan(&["--dev", "31"]).refused(1).contains("31 prompts are asked for, and there are 30"));
}
