//! `afterword batch` as a person meets it: the binary, the bundled model, real folders, and a process that is killed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use crate::support::gguf::{Family, tiny};
use crate::support::{Ends, afterword, err, folder, nowhere, out, read_json, signal};
use afterword::batch::RunFile;
use afterword::story::{Record, StopReason, Times};

const PROMPTS: &str = "Once upon a time\nThe door opened\nA wolf\n";

/// What `batch` says to these arguments, with `--out` this folder.
fn batch(out: &Path, args: &[&str]) -> Output {
    afterword(["batch"]).args(args).arg("--out").arg(out).ended()
}

/// The folder after a run that ends well.
pub(crate) fn told(out: &Path, args: &[&str]) -> BTreeMap<String, Record> {
    let output = batch(out, args);
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", err(&output));
    stories(out)
}

/// The records of a folder without what time decides, by name; each beside its text.
fn stories(root: &Path) -> BTreeMap<String, Record> {
    let mut found = BTreeMap::new();
    let mut texts = 0;
    for entry in fs::read_dir(root.join("stories")).unwrap() {
        let path = entry.unwrap().path();
        let ending = path.extension().unwrap().to_str().unwrap().to_owned();
        if ending == "json" {
            let record: Record = read_json(&path);
            let text = fs::read_to_string(path.with_extension("txt")).unwrap();
            assert_eq!(text, format!("{}{}\n", record.prompt, record.text));
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            found.insert(name, Record { times: Times::default(), ..record });
        } else {
            assert_eq!(ending, "txt", "{}", path.display());
            texts += 1;
        }
    }
    assert_eq!(texts, found.len());
    let index = fs::read_to_string(root.join("index.jsonl")).unwrap();
    assert_eq!(index.lines().count(), found.len());
    for line in index.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(found.contains_key(line["name"].as_str().unwrap()), "{line}");
    }
    found
}

/// A fresh folder with a file of prompts.
pub(crate) fn place(name: &str) -> (PathBuf, String) {
    let folder = folder(name);
    let prompts = folder.join("prompts.txt");
    fs::write(&prompts, PROMPTS).unwrap();
    (folder, prompts.display().to_string())
}

#[test]
fn stories_records_index_and_table_stand_for_the_whole_matrix() {
    let (root, prompts) = place("whole");
    let args = [prompts.as_str(), "--preset", "wave,temperature", "--seeds", "1..2", "--tokens", "12"];
    let output = batch(&root.join("out"), &args);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let records = stories(&root.join("out"));
    assert_eq!(records.len(), 12);
    let record = &records["a-wolf--temperature--2"];
    assert_eq!((record.prompt.as_str(), record.seed, record.tokens.len()), ("A wolf", 2, 12));
    let table: Vec<Vec<String>> =
        out(&output).lines().map(|line| line.split_whitespace().map(str::to_owned).collect()).collect();
    assert_eq!(table[0][..2], ["preset", "stories"].map(String::from));
    assert_eq!((table[1][0].as_str(), table[1][1].as_str(), table[2][0].as_str()), ("wave", "6", "temperature"));
    assert!(out(&output).lines().all(|line| line.chars().count() <= 80));
    // A line a story, one before and one after.
    assert_eq!(err(&output).lines().count(), 14, "{}", err(&output));
    let run: RunFile = toml::from_str(&fs::read_to_string(root.join("out/run.toml")).unwrap()).unwrap();
    assert_eq!((run.prompt.len(), run.preset.len(), run.model.sha256.len()), (3, 2, 64));
    assert_eq!(run.preset[0].resolved, records["a-wolf--wave--1"].resolved);
}

#[test]
fn the_same_command_again_does_what_is_missing_and_nothing_else() {
    let (root, prompts) = place("again");
    let (dir, args) = (root.join("out"), [prompts.as_str(), "--tokens", "10", "--seeds", "1..3", "--strict"]);
    let whole = told(&dir, &args);
    let changed = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
    let (lost, kept) = (dir.join("stories/a-wolf--wave--2.json"), dir.join("stories/a-wolf--wave--1.json"));
    fs::remove_file(&lost).unwrap();
    let before = changed(&kept);
    let output = batch(&dir, &args);
    assert!(err(&output).starts_with("9 stories to ") && err(&output).contains(", 8 are there · 1 at once · strict\n"));
    assert_eq!((stories(&dir), changed(&kept)), (whole, before));
    assert!(err(&batch(&dir, &args)).starts_with("nothing is missing in "));
}

#[test]
fn a_changed_run_is_refused_and_starts_anew_beside() {
    let (root, prompts) = place("changed");
    let dir = root.join("out");
    let whole = told(&dir, &[&prompts, "--tokens", "5"]);
    fs::write(&prompts, "Once upon a time\nThe window opened\nA wolf\n").unwrap();
    let output = batch(&dir, &[&prompts, "--tokens", "6"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        err(&output).contains("`tokens` is 6 (it was 5); prompt 2 is another\nhint: `--force` starts anew"),
        "{}",
        err(&output)
    );
    assert_eq!(batch(&dir, &[&prompts, "--tokens", "6", "--force"]).status.code(), Some(0));
    assert!(stories(&root.join("out-2")).contains_key("the-window-opened--wave--1"));
    assert_eq!(stories(&dir), whole);
}

#[test]
fn one_story_that_fails_is_recorded_and_the_others_are_told() {
    let (root, _) = place("failure");
    let prompts = root.join("prompts.jsonl");
    let long = "wolf ".repeat(3000);
    let lines = [
        serde_json::json!({"text": "A wolf", "tokens": 4}),
        serde_json::json!({"name": "nothing", "text": " "}),
        serde_json::json!({"name": "too long", "text": long}),
        serde_json::json!({"text": "A wolf", "name": "A lamb", "stop": ["e"]}),
    ];
    fs::write(&prompts, lines.map(|line| line.to_string() + "\n").concat()).unwrap();
    let dir = root.join("out");
    let args = [prompts.to_str().unwrap(), "--tokens", "9"];
    let output = batch(&dir, &args);
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    assert!(err(&output).ends_with("`--retry` tells them again\n"), "{}", err(&output));
    let records = stories(&dir);
    assert_eq!(records.len(), 4);
    assert_eq!(records["a-wolf--wave--1"].tokens.len(), 4);
    let failed = |name: &str| match &records[name].stop {
        StopReason::Failed(cause) => cause.clone(),
        other => panic!("{other}"),
    };
    assert_eq!(failed("nothing--wave--1"), "the prompt is empty");
    assert!(failed("too-long--wave--1").contains("leaves no room for a story"));
    assert!(matches!(records["a-lamb--wave--1"].stop, StopReason::Stop(_) | StopReason::Tokens));
    assert_eq!(batch(&dir, &args).status.code(), Some(1));
    assert_eq!(batch(&dir, &[&args[..], &["--retry"]].concat()).status.code(), Some(1));
}

#[test]
fn strict_stories_are_equal_whatever_the_parallelism_and_those_of_write() {
    let (root, prompts) = place("strict");
    let args = [prompts.as_str(), "--tokens", "30", "--seeds", "1..3", "--preset", "wave,temperature", "--strict"];
    let with = |name: &str, more: &[&str]| told(&root.join(name), &[&args[..], more].concat());
    let one = with("one", &["--parallel", "1"]);
    assert_eq!(with("four", &["--parallel", "4"]), one);
    let run = |name: &str| fs::read(root.join(name).join("index.jsonl")).unwrap();
    let names =
        |index: Vec<u8>| String::from_utf8(index).unwrap().lines().map(|line| line[..30].to_owned()).collect::<Vec<_>>();
    assert_eq!(names(run("one")), names(run("four")));
    let record = root.join("four/stories/the-door-opened--wave--3.json");
    let again = afterword(["replay"]).arg(&record).ended();
    assert_eq!(again.status.code(), Some(0), "{}", err(&again));
    assert!(err(&again).ends_with("the same story: 30 tokens, each as in the record\n"), "{}", err(&again));
}

#[test]
fn equal_command_lines_tell_equal_stories() {
    let (root, prompts) = place("equal");
    let args = [prompts.as_str(), "--tokens", "20", "--seeds", "1..6", "--parallel", "8", "--sessions", "2"];
    assert_eq!(told(&root.join("a"), &args), told(&root.join("b"), &args));
}

#[test]
fn a_replay_names_the_first_token_that_differs() {
    let (root, prompts) = place("replay");
    told(&root.join("out"), &[&prompts, "--tokens", "9"]);
    let path = root.join("out/stories/a-wolf--wave--1.json");
    let mut record: Record = read_json(&path);
    record.tokens[4] += 1;
    record.write(&path).unwrap();
    let output = afterword(["replay"]).arg(&path).ended();
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).lines().last().unwrap().starts_with("another story: token 5 is `"), "{}", err(&output));
}

#[test]
fn parts_on_several_machines_become_the_whole() {
    let (root, prompts) = place("shards");
    let args = [prompts.as_str(), "--tokens", "15", "--seeds", "1..3", "--strict"];
    let whole = told(&root.join("whole"), &args);
    let parts: Vec<String> = (1..=3).map(|part| root.join(format!("part{part}")).display().to_string()).collect();
    for (at, part) in parts.iter().enumerate() {
        let shard = format!("{}/3", at + 1);
        assert_eq!(told(Path::new(part), &[&args[..], &["--shard", &shard]].concat()).len(), 3);
    }
    let joined = root.join("joined");
    let some = batch(&joined, &["--merge", &parts[..2].join(",")]);
    assert_eq!(some.status.code(), Some(1));
    assert!(err(&some).contains("3 stories are in none of these folders: "), "{}", err(&some));
    assert!(err(&some).ends_with("\npart 3 of 3 is not among them\n"), "{}", err(&some));
    assert_eq!(told(&joined, &["--merge", &parts.join(",")]), whole);
    let part = batch(Path::new(&parts[0]), &["--merge", &parts[1]]);
    assert!(err(&part).ends_with("\nhint: name another folder with `--out`\n"), "{}", err(&part));
    let itself = batch(Path::new(&format!("{}/../part1", parts[0])), &["--merge", &parts.join(",")]);
    assert_eq!(itself.status.code(), Some(2), "{}", err(&itself));
    let stranger = batch(&root.join("none"), &["--merge", &format!("{},{}", parts[0], root.display())]);
    assert!(err(&stranger).contains("it has no `run.toml`"), "{}", err(&stranger));
}

#[test]
fn a_dry_run_says_what_it_would_take_and_writes_nothing() {
    let (root, prompts) = place("dry");
    let args = [prompts.as_str(), "--seeds", "1..4", "--preset", "future", "--vary", "future.alpha=-1,0.5,1", "--tokens", "9"];
    let output = batch(&root.join("out"), &[&args[..], &["--dry-run"]].concat());
    let plan = out(&output);
    assert!(plan.starts_with("stories   36 = 3 prompts × 3 presets × 4 seeds\ntokens    at most 324"), "{plan}");
    assert!(plan.contains("\nmemory    about ") && plan.contains("\ntime      about "), "{plan}");
    assert!(plan.contains("once-upon-a-time--future-alpha=-1--1"), "{plan}");
    assert!(!root.join("out").exists());
    // It judges as the run does, and counts what is there.
    let dir = root.join("told");
    told(&dir, &[&prompts, "--tokens", "5", "--seeds", "1..2"]);
    fs::remove_file(dir.join("stories/a-wolf--wave--2.json")).unwrap();
    let again = batch(&dir, &[&prompts, "--tokens", "5", "--seeds", "1..2", "--dry-run"]);
    assert!(out(&again).starts_with("stories   6 = 3 prompts × 1 preset × 2 seeds, 5 are there already\ntokens    at most 5,"));
    let other = batch(&dir, &[&prompts, "--tokens", "5", "--seeds", "2..3", "--dry-run"]);
    assert_eq!((other.status.code(), out(&other).as_str()), (Some(1), ""));
    assert!(err(&other).contains("cannot go on with the run in `"), "{}", err(&other));
    assert!(err(&other).contains("the seeds are 2..3 (they were 1..2)\nhint: `--force`"), "{}", err(&other));
    let beside = batch(&dir, &[&prompts, "--tokens", "5", "--seeds", "2..3", "--dry-run", "--force"]);
    assert!(out(&beside).starts_with("stories   6 = "), "{}", err(&beside));
    assert!(!root.join("told-2").exists());
}

/// What a dry run foretells, the run does: whether it refuses, with which words, and with which exit code it ends.
#[test]
fn a_dry_run_ends_as_the_run_does() {
    let (root, prompts) = place("foretold");
    let broken = root.join("broken.jsonl");
    fs::write(&broken, "\"A wolf\"\n{\"text\": \" \", \"name\": \"nothing\"}\n").unwrap();
    fs::write(root.join("file"), "mine").unwrap();
    let told_folder = root.join("told");
    told(&told_folder, &[&prompts, "--tokens", "4"]);
    for (dir, args, code) in [
        ("fresh", &[prompts.as_str(), "--tokens", "4"][..], 0),
        ("told", &[&prompts, "--tokens", "4"], 0),
        ("told", &[&prompts, "--tokens", "4", "--seeds", "1..2"], 0),
        ("told", &[&prompts, "--tokens", "5"], 1),
        ("told", &[&prompts, "--tokens", "4", "--seeds", "2"], 1),
        ("told", &[&prompts, "--tokens", "4", "--shard", "1/2"], 1),
        ("failing", &[broken.to_str().unwrap(), "--tokens", "4"], 1),
        ("failing", &[broken.to_str().unwrap(), "--tokens", "4"], 1),
        ("file", &[&prompts], 1),
        ("file/below", &[&prompts], 1),
        ("wrong", &[&prompts, "--min-tokens", "9", "--tokens", "5"], 2),
        ("wrong", &["nowhere.txt"], 1),
    ] {
        let dry = batch(&root.join(dir), &[args, &["--dry-run"]].concat());
        let run = batch(&root.join(dir), args);
        assert_eq!(
            (dry.status.code(), run.status.code()),
            (Some(code), Some(code)),
            "{dir} {args:?}: {} {}",
            err(&dry),
            err(&run)
        );
        let refusal = |output: &Output| {
            err(output).lines().filter(|line| line.starts_with("error: ")).map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(refusal(&dry), refusal(&run), "{dir} {args:?}");
    }
    // Parts are joined and not told.
    let merged = batch(&root.join("whole"), &["--merge", told_folder.to_str().unwrap(), "--dry-run"]);
    assert_eq!(merged.status.code(), Some(2), "{}", err(&merged));
    assert!(!root.join("whole").exists());
    // What would be mended is said, and not done.
    let text = told_folder.join("stories/a-wolf--wave--1.txt");
    fs::write(&text, "A wo").unwrap();
    let dry = batch(&told_folder, &[&prompts, "--tokens", "4", "--seeds", "1..2", "--dry-run"]);
    assert!(
        err(&dry).contains("1 text is lost or cut short, and would be written as its record tells it: a-wolf--wave--1"),
        "{}",
        err(&dry)
    );
    assert_eq!(fs::read_to_string(&text).unwrap(), "A wo");
}

#[test]
fn a_run_that_grew_is_the_one_that_was_told_at_once() {
    let (root, prompts) = place("grown");
    let (dir, few) = (root.join("grown"), ["--tokens", "12", "--strict", "--threads", "1"]);
    let first = told(&dir, &[&[prompts.as_str()], &few[..], &["--seeds", "1..2"]].concat());
    let changed = |name: &str| fs::metadata(dir.join("stories").join(name)).unwrap().modified().unwrap();
    let before = changed("a-wolf--wave--1.json");
    // More of everything, and a prompt before those that were there.
    fs::write(&prompts, format!("A lamb\n{PROMPTS}")).unwrap();
    let more = [&[prompts.as_str()], &few[..], &["--seeds", "1..3", "--preset", "temperature,wave"]].concat();
    let plan = batch(&dir, &[&more[..], &["--dry-run"]].concat());
    assert!(
        out(&plan).starts_with(
            "stories   24 = 4 prompts × 2 presets × 3 seeds, 6 are there already\ngrows     the seeds are 1..3 (they \
                                were 1..2); there are 2 presets (there was 1); there are 4 prompts (there were 3)\n"
        ),
        "{}",
        out(&plan)
    );
    let output = batch(&dir, &more);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(
        err(&output).contains("the run grows: the seeds are 1..3") && err(&output).contains(", 6 are there"),
        "{}",
        err(&output)
    );
    assert_eq!(changed("a-wolf--wave--1.json"), before);
    let grown = stories(&dir);
    assert!(first.iter().all(|(name, record)| grown[name] == *record));
    assert_eq!(grown, told(&root.join("at-once"), &more));
    let same = |name: &str| fs::read(dir.join(name)).unwrap() == fs::read(root.join("at-once").join(name)).unwrap();
    let index = |dir: &Path| -> Vec<String> {
        let lines = fs::read_to_string(dir.join("index.jsonl")).unwrap();
        lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["name"].to_string()).collect()
    };
    assert_eq!(index(&dir), index(&root.join("at-once")));
    assert!(same("stories/a-lamb--wave--3.txt"));
    // Less is another run, and nothing of it is touched.
    let less = batch(&dir, &[&[prompts.as_str()], &few[..], &["--seeds", "1..3"]].concat());
    assert!(
        err(&less).contains("there is 1 preset (there were 2), and `temperature` is not as it was\nhint: "),
        "{}",
        err(&less)
    );
    assert_eq!(stories(&dir), grown);
}

#[test]
fn prompts_have_seeds_of_their_own_and_data_sets_their_keys() {
    let (root, _) = place("seeds");
    let prompts = root.join("prompts.jsonl");
    let lines = "{\"id\": 1, \"prompt\": \"A wolf\", \"seed\": 7, \"story\": \"…\"}\n{\"text\": \"A lamb\", \"seeds\": \"4..5\"}\n\"A crow\"\n";
    fs::write(&prompts, lines).unwrap();
    let args = [prompts.to_str().unwrap(), "--tokens", "4", "--seeds", "1..3"];
    let plan = batch(&root.join("out"), &[&args[..], &["--dry-run"]].concat());
    assert!(out(&plan).starts_with("stories   6 = 3 prompts × 1 preset × 1 to 3 seeds\n"), "{}", out(&plan));
    assert!(err(&plan).contains("of the prompts nothing is made of `id`, `story`\n"), "{}", err(&plan));
    let records = told(&root.join("out"), &args);
    let names: Vec<&str> = records.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        ["a-crow--wave--1", "a-crow--wave--2", "a-crow--wave--3", "a-lamb--wave--4", "a-lamb--wave--5", "a-wolf--wave--7"]
    );
    assert_eq!(records["a-wolf--wave--7"].seed, 7);
    assert!(err(&batch(&root.join("out"), &args)).contains("nothing is missing in "));
    // One seed may be typed as for a single story.
    let one = told(&root.join("one"), &[args[0], "--tokens", "4", "--seed", "2"]);
    assert!(one.contains_key("a-crow--wave--2") && one.len() == 4);
    let both = batch(&root.join("both"), &[args[0], "--seed", "2", "--seeds", "1..3"]);
    assert_eq!(both.status.code(), Some(2), "{}", err(&both));
}

#[test]
fn a_batch_tells_whatever_a_single_story_can_be_told() {
    let (root, prompts) = place("everything");
    let tiny = tiny(Family::Llama, 7).write();
    let model = tiny.to_str().unwrap();
    let more = [
        "--continue",
        "--no-loop-stop",
        "--min-tokens",
        "40",
        "--stop",
        "\\n\\n",
        "--ctx",
        "64",
        "-n",
        "150",
        "--threads",
        "1",
        "-m",
        model,
    ];
    let records = told(&root.join("out"), &[&[prompts.as_str(), "--strict", "--preset", "greedy"], &more[..]].concat());
    let record = &records["a-wolf--greedy--1"];
    assert!(record.run.slides && record.run.may_loop && record.run.min_tokens == 40, "{:?}", record.run);
    assert_eq!((record.run.stops.as_slice(), record.run.context), (&["\n\n".to_owned()][..], 64));
    assert!(record.slides > 0 && record.tokens.len() > 64, "{} tokens", record.tokens.len());
    // And tells it just so.
    let path = root.join("single.json");
    let args = ["write", "A wolf", "--seed", "1", "--preset", "greedy", "--raw", "--record", path.to_str().unwrap()];
    afterword(args).args(more).done();
    let single: Record = read_json(&path);
    assert_eq!((&single.tokens, &single.stop, single.slides), (&record.tokens, &record.stop, record.slides));
    let other = batch(
        &root.join("out"),
        &[prompts.as_str(), "--strict", "--preset", "greedy", "-n", "150", "-m", model, "--ctx", "64", "--threads", "1"],
    );
    assert!(err(&other).contains("`continue` was given; `no-loop-stop` was given"), "{}", err(&other));
}

#[test]
fn programs_get_a_line_of_json_a_story_and_the_quiet_get_the_table() {
    let (root, prompts) = place("json");
    let output = batch(&root.join("a"), &[&prompts, "--tokens", "5", "--json-progress"]);
    let lines: Vec<serde_json::Value> = out(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[0]["event"], &lines[2]["done"]), (4, &"told".into(), &3.into()));
    assert_eq!((&lines[3]["event"], &lines[3]["presets"][0]["tokens"]), (&"ended".into(), &15.into()));
    let quiet = batch(&root.join("b"), &[&prompts, "--tokens", "5", "--quiet"]);
    assert_eq!((err(&quiet).as_str(), out(&quiet).lines().count()), ("", 2));
}

#[test]
fn wrong_usage_is_told_in_one_sentence() {
    let (root, prompts) = place("usage");
    for (args, code, cause) in [
        (&[][..], 2, "`<PROMPTS>` is missing"),
        (&[prompts.as_str(), "--seeds", "4..1"], 2, "ends before it begins"),
        (&[prompts.as_str(), "--shard", "4/3"], 2, "there is no part 4 of 3, or `auto`"),
        (&[prompts.as_str(), "--preset", "wave", "--set", "x=1"], 2, "x"),
        (&[prompts.as_str(), "--think", "show"], 2, "`--think` is not for many stories at once"),
        (
            &[prompts.as_str(), "--stop", ""],
            2,
            "a stop text is empty: every story would end before its first word\nhint: `--stop`",
        ),
        (
            &[prompts.as_str(), "--min-tokens", "9", "--tokens", "5"],
            2,
            "no end is to be taken before 9 tokens, but the story ends after 5\nhint: `--min-tokens`",
        ),
        (&[prompts.as_str(), "--seeds", "1..1000000"], 2, "3,000,000 stories: more than 1,000,000"),
        (&[prompts.as_str(), "--vary", ""], 2, "cannot"),
        (&["nowhere.txt"], 1, "cannot read the prompts `nowhere.txt`"),
        (&[prompts.as_str(), "--parallel", "200", "--seeds", "1..100"], 2, "at most"),
    ] {
        let output = batch(&root.join("out"), args);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {}", err(&output));
        assert!(err(&output).contains(cause), "{args:?}: {}", err(&output));
    }
}

/// Waits until so many stories are told in a folder.
#[cfg(unix)]
fn wait_for(dir: &Path, stories: usize) {
    let told = |_: &usize| fs::read_to_string(dir.join("index.jsonl")).is_ok_and(|index| index.lines().count() >= stories);
    assert!((0..1000).inspect(|_| std::thread::sleep(Duration::from_millis(20))).find(told).is_some());
}

/// A run that goes on in a process of its own.
#[cfg(unix)]
fn begun(out: &Path, args: &[&str]) -> std::process::Child {
    afterword(["batch"]).args(args).arg("--out").arg(out).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[cfg(unix)]
#[test]
fn what_somebody_takes_away_is_told_of_at_the_end() {
    let (root, prompts) = place("taken");
    let (dir, args) = (root.join("out"), [prompts.as_str(), "--tokens", "60", "--seeds", "1..60", "--strict"]);
    let run = begun(&dir, &args);
    wait_for(&dir, 9);
    for entry in fs::read_dir(dir.join("stories")).unwrap() {
        // One that is being written is not taken away: without it the run could not keep its story, and would break off.
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending != "unfinished") {
            fs::remove_file(path).unwrap();
        }
    }
    fs::remove_file(dir.join("run.toml")).unwrap();
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    let said = err(&output);
    assert!(
        said.contains("stories are gone from `") && said.contains("hint: the same command tells what is missing"),
        "{said}"
    );
    assert!(said.contains("`run.toml` was gone, and is written anew"), "{said}");
    let left = stories(&dir).len();
    assert!((1..180).contains(&left), "{left}");
    assert_eq!(told(&dir, &args).len(), 180);
}

#[cfg(unix)]
#[test]
fn progress_that_nobody_reads_ends_no_run() {
    use std::io::{BufRead, BufReader};
    let (root, prompts) = place("unread");
    let dir = root.join("out");
    let mut run = begun(&dir, &[&prompts, "--tokens", "30", "--seeds", "1..20", "--json-progress"]);
    let mut lines = BufReader::new(run.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("\"told\""));
    drop(lines);
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(err(&output).contains("nobody reads standard output any more · the stories are told on\n"), "{}", err(&output));
    assert_eq!(stories(&dir).len(), 60);
    if Path::new("/dev/full").exists() {
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let args = [prompts.as_str(), "--tokens", "5", "--json-progress", "--out"];
        let output = afterword(["batch"]).args(args).arg(root.join("full")).stdout(full).ended();
        assert_eq!(output.status.code(), Some(1), "{}", err(&output));
        assert!(err(&output).contains("cannot write to standard output"), "{}", err(&output));
        assert_eq!(stories(&root.join("full")).len(), 3);
    }
}

#[cfg(unix)]
#[test]
fn no_story_is_kept_that_was_told_by_weights_that_changed() {
    use std::io::Write as _;
    let (root, prompts) = place("weights");
    let (model, bundled) = (root.join("m.gguf"), "models/fable-3m-q8_0.gguf");
    fs::copy(bundled, &model).unwrap();
    // Another file of the name, whatever is in it, is not what was loaded.
    let typed = [&prompts, "--model", model.to_str().unwrap(), "--tokens", "60", "--seeds", "1..60", "--strict"];
    let dir = root.join("renamed");
    let run = begun(&dir, &typed);
    wait_for(&dir, 3);
    fs::write(root.join("other"), "no model").unwrap();
    fs::rename(root.join("other"), &model).unwrap();
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let undisturbed = stories(&dir);
    assert_eq!(undisturbed.len(), 180);
    // The file itself, written over from its beginning, is.
    fs::copy(bundled, &model).unwrap();
    let dir = root.join("changed");
    let run = begun(&dir, &typed);
    wait_for(&dir, 3);
    fs::File::options().write(true).open(&model).unwrap().write_all(b"GGUF").unwrap();
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    assert!(err(&output).contains("was written to while it told"), "{}", err(&output));
    let kept = stories(&dir);
    assert!((3..180).contains(&kept.len()), "{}", kept.len());
    assert!(kept.iter().all(|(name, record)| undisturbed[name].tokens == record.tokens));
    assert_eq!(told(&dir, &typed), undisturbed);
    // A shorter file has nothing to read any more where weights were.
    let dir = root.join("shortened");
    let run = begun(&dir, &typed);
    wait_for(&dir, 3);
    fs::File::options().write(true).open(&model).unwrap().set_len(4096).unwrap();
    let output = run.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    let said = err(&output);
    assert!(said.contains("its file became shorter while it was in use") || said.contains("was written to while"), "{said}");
    assert!(said.contains("\nhint: ") && said.contains("`--no-mmap` reads it once, into memory"), "{said}");
    fs::copy(bundled, &model).unwrap();
    assert_eq!(told(&dir, &typed), undisturbed);
}

#[test]
fn a_folder_of_others_is_not_taken_over() {
    let (root, _) = place("others");
    let beside = nowhere("others-2");
    let here = |args: &[&str]| afterword(["batch"]).current_dir(&root).args(args).ended();
    fs::write(root.join("novel.unfinished"), "keep").unwrap();
    let output = here(&["prompts.txt", "--out", ".", "--tokens", "5"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert_eq!((fs::read(root.join("novel.unfinished")).unwrap(), stories(&root).len()), (b"keep".to_vec(), 3));
    let lines = "{\"text\":\"Once\"}\n{\"prompt\":\"A wolf\"}\n";
    fs::create_dir(root.join("lines")).unwrap();
    fs::write(root.join("lines/index.jsonl"), lines).unwrap();
    let output = here(&["lines/index.jsonl", "--out", "lines", "--tokens", "5"]);
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    assert!(
        err(&output).contains("it holds an `index.jsonl`, but no `run.toml`\nhint: name another folder"),
        "{}",
        err(&output)
    );
    assert_eq!(
        (
            fs::read_to_string(root.join("lines/index.jsonl")).unwrap().as_str(),
            fs::read_dir(root.join("lines")).unwrap().count()
        ),
        (lines, 1)
    );
    assert_eq!(here(&["lines/index.jsonl", "--out", "told", "--tokens", "5"]).status.code(), Some(0));
    // `.` has no name, but the folder that it stands for has.
    let output = here(&["prompts.txt", "--out", ".", "--tokens", "6", "--force"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert_eq!(stories(&beside).len(), 3);
    fs::remove_dir_all(beside).unwrap();
    let output = here(&["prompts.txt", "--out", "/", "--force"]);
    assert_eq!(output.status.code(), Some(2), "{}", err(&output));
    assert!(err(&output).contains("no folder can be made beside `/`"), "{}", err(&output));
}

#[test]
fn what_stands_in_the_way_is_named_with_what_helps() {
    let (root, prompts) = place("in-the-way");
    let dir = root.join("out");
    let args = [prompts.as_str(), "--tokens", "5"];
    told(&dir, &args);
    fs::remove_file(dir.join("stories/a-wolf--wave--1.json")).unwrap();
    fs::remove_file(dir.join("stories/a-wolf--wave--1.txt")).unwrap();
    fs::create_dir(dir.join("stories/a-wolf--wave--1.txt")).unwrap();
    let output = batch(&dir, &args);
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).ends_with("there is a folder of this name\nhint: move it away\n"), "{}", err(&output));
    fs::remove_dir(dir.join("stories/a-wolf--wave--1.txt")).unwrap();
    let run = fs::read_to_string(dir.join("run.toml")).unwrap();
    for (from, to, cause) in [
        ("format = 1\n", "format = 999\n", "it has the form 999, and this program reads up to 1"),
        ("sessions = ", "sessions = 0 #", "`sessions` is 0: expected 1 to"),
    ] {
        fs::write(dir.join("run.toml"), run.replacen(from, to, 1)).unwrap();
        let output = batch(&dir, &args);
        assert_eq!(output.status.code(), Some(1), "{}", err(&output));
        assert!(err(&output).contains(cause), "{}", err(&output));
    }
    fs::write(dir.join("run.toml"), run).unwrap();
    let again = batch(&dir, &[&args[..], &["--trace", "--min-tokens", "2"]].concat());
    assert!(err(&again).contains("`trace` is on (it was off); `min-tokens` is 2 (it was 0)\n"), "{}", err(&again));
    assert_eq!(told(&dir, &args).len(), 3);
}

#[test]
fn an_edited_text_stays_and_an_empty_story_is_noticed() {
    let (root, prompts) = place("texts");
    let (dir, args) = (root.join("out"), [prompts.as_str(), "--tokens", "5"]);
    told(&dir, &args);
    let story = |name: &str| dir.join("stories").join(name);
    fs::write(story("a-wolf--wave--1.txt"), "My own wolf.\n").unwrap();
    fs::write(story("the-door-opened--wave--1.txt"), "The door").unwrap();
    // As the model ends it: one token, and no word.
    let path = story("once-upon-a-time--wave--1.json");
    let record: Record = read_json(&path);
    let record = Record { stop: StopReason::End, tokens: record.tokens[..1].to_vec(), text: String::new(), ..record };
    fs::write(&path, record.to_json().unwrap()).unwrap();
    let output = batch(&dir, &args);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let said = err(&output);
    assert!(
        said.contains(
            "2 texts are not those of their records, and stay as they are: once-upon-a-time--wave--1, a-wolf--wave--1\n"
        ),
        "{said}"
    );
    assert!(
        said.contains("1 text was lost or cut short, and stands again as its record tells it: the-door-opened--wave--1\n"),
        "{said}"
    );
    assert!(said.contains("1 story is empty: the model ended it at once · `--min-tokens 50` makes it go on"), "{said}");
    assert!(out(&output).lines().next().unwrap().contains("empty"), "{}", out(&output));
    assert_eq!(fs::read_to_string(story("a-wolf--wave--1.txt")).unwrap(), "My own wolf.\n");
    assert!(fs::read_to_string(story("the-door-opened--wave--1.txt")).unwrap().len() > 10);
}

#[test]
fn options_do_what_they_say_or_say_that_they_do_not() {
    let (root, prompts) = place("options");
    let with = |name: &str, args: &[&str]| {
        let output = batch(&root.join(name), &[&[prompts.as_str(), "--threads", "1", "--tokens", "4"], args].concat());
        assert_eq!(output.status.code(), Some(0), "{args:?}: {}", err(&output));
        let run: RunFile = toml::from_str(&fs::read_to_string(root.join(name).join("run.toml")).unwrap()).unwrap();
        (err(&output), run)
    };
    let (_, run) = with("sessions", &["--sessions", "5", "--seeds", "1..2"]);
    assert_eq!(run.parallel.sessions, 5);
    let (said, _) = with("strict", &["--strict", "--width", "8"]);
    assert!(said.contains("`--width 8` does nothing"), "{said}");
    let (said, _) = with("greedy", &["--presets", "greedy,temperature", "--seeds", "1..3"]);
    assert_eq!(said.matches("greedy draws nothing: its stories are the same under all 3 seeds\n").count(), 1, "{said}");
    let (said, run) = with("least", &["--min-tokens", "4", "--vary", "temperature=1,2", "--vary", "min-p=0,0.1"]);
    assert_eq!((run.preset.len(), run.settings.min_tokens), (4, 4), "{said}");
    assert!(stories(&root.join("least")).values().all(|record| record.run.min_tokens == 4 && record.tokens.len() == 4));
}

/// Kills the real process at 30 moments of a fixed seed, and goes on each time.
#[cfg(unix)]
#[test]
fn whenever_it_is_killed_the_next_run_goes_on_and_the_stories_are_the_same() {
    let (root, prompts) = place("killed");
    let args = [prompts.as_str(), "--tokens", "40", "--seeds", "1..30", "--preset", "wave,temperature", "--strict"];
    let began = std::time::Instant::now();
    let undisturbed = told(&root.join("undisturbed"), &args);
    assert_eq!(undisturbed.len(), 180);
    // However fast the machine is and whatever else it does, some of these moments fall into the telling.
    let whole = u64::try_from(began.elapsed().as_millis()).unwrap();
    let dir = root.join("killed");
    let (mut state, mut most, mut growing) = (7_u64, 0, 0);
    for _ in 0..30 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let mut child =
            afterword(["batch"]).args(args).arg("--out").arg(&dir).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(whole / 50 + (state >> 33) % (whole / 6).max(1)));
        // The system's SIGKILL: nothing of the program runs after it.
        child.kill().unwrap();
        child.wait().unwrap();
        let there = fs::read_dir(dir.join("stories")).map_or(0, |files| {
            files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|ending| ending == "json")).count()
        });
        assert!(there >= most, "{there} after {most}");
        growing += usize::from(there > most);
        most = there;
    }
    assert!(growing > 3, "only {growing} of the moments fell into the telling");
    assert_eq!(told(&dir, &args), undisturbed);
}

/// Kills runs that grow, each at a moment of a fixed seed, and lets the next one grow on: no story is lost, and the folder becomes the
/// one that is told at once.
#[cfg(unix)]
#[test]
fn whenever_a_growth_is_killed_no_story_is_lost_and_the_next_run_ends_as_one_told_at_once() {
    let (root, prompts) = place("grown-killed");
    let args = |seeds: &'static str, presets: &'static str| {
        [prompts.as_str(), "--tokens", "30", "--seeds", seeds, "--preset", presets, "--strict", "--threads", "1"]
    };
    let steps = [("1..5", "wave"), ("1..10", "wave"), ("1..10", "wave,min-p"), ("1..20", "temperature,wave,min-p")];
    let began = std::time::Instant::now();
    let at_once = told(&root.join("at-once"), &args("1..20", "temperature,wave,min-p"));
    assert_eq!(at_once.len(), 180);
    let whole = u64::try_from(began.elapsed().as_millis()).unwrap();
    let dir = root.join("grown");
    let (mut state, mut most) = (11_u64, 0);
    for (seeds, presets) in steps {
        for _ in 0..5 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let mut child = begun(&dir, &args(seeds, presets));
            std::thread::sleep(Duration::from_millis((state >> 33) % (whole / 5).max(1)));
            child.kill().unwrap();
            child.wait().unwrap();
            let there = fs::read_dir(dir.join("stories")).map_or(0, |files| {
                files.filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|ending| ending == "json")).count()
            });
            assert!(there >= most, "{there} after {most}");
            most = there;
        }
        // A killed run may not have come to grow: then the next one does.
        let records = told(&dir, &args(seeds, presets));
        assert!(records.iter().all(|(name, record)| at_once[name] == *record));
        most = records.len();
    }
    assert_eq!(stories(&dir), at_once);
}

#[cfg(unix)]
#[test]
fn ctrl_c_keeps_what_is_whole_and_a_second_run_is_refused_while_one_runs() {
    let (root, prompts) = place("interrupted");
    let dir = root.join("out");
    let args = [prompts.as_str(), "--tokens", "200", "--seeds", "1..200", "--strict"];
    let child =
        afterword(["batch"]).args(args).arg("--out").arg(&dir).stderr(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let begun = |_: &usize| fs::read_to_string(dir.join("index.jsonl")).is_ok_and(|index| index.lines().count() > 2);
    assert!((0..500).inspect(|_| std::thread::sleep(Duration::from_millis(20))).find(begun).is_some());
    let second = batch(&dir, &args);
    assert_eq!(second.status.code(), Some(1));
    assert!(err(&second).contains("another run is writing to `"), "{}", err(&second));
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", err(&output));
    assert!(err(&output).ends_with("interrupted · the same command goes on from here\n"), "{}", err(&output));
    let kept = stories(&dir);
    assert!(kept.len() > 2 && kept.values().all(|record| record.tokens.len() <= 200 && record.stop != StopReason::Interrupted));
}

/// Only Linux tells the most memory that a process has had.
#[cfg(target_os = "linux")]
#[test]
fn memory_does_not_grow_with_the_count_of_stories() {
    let (root, prompts) = place("memory");
    let peak = |name: &str, seeds: &str| {
        let args =
            [prompts.as_str(), "--tokens", "50", "--seeds", seeds, "--preset", "min-p", "--parallel", "8", "--sessions", "1"];
        let mut child = afterword(["batch"])
            .args(args)
            .arg("--out")
            .arg(root.join(name))
            .stderr(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let status = format!("/proc/{}/status", child.id());
        let mut peak = 0_u64;
        while child.try_wait().unwrap().is_none() {
            let text = fs::read_to_string(&status).unwrap_or_default();
            let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
            peak = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(peak);
            std::thread::sleep(Duration::from_millis(5));
        }
        peak
    };
    let few = peak("few", "1..10");
    let many = peak("many", "1..167");
    assert_eq!(stories(&root.join("many")).len(), 501);
    // In kilobytes: what is kept of a story is its line of the index and its name.
    assert!(many < few + 4_000, "{few} kB with 30 stories, {many} kB with 501");
}
