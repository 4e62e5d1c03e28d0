//! Text of others: whatever a model, a preset, a record, a prompt, a path or an argument holds, it reaches a terminal as letters.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::support::gguf::{Family, Scratch, Value, tiny};
use crate::support::pty::see;
use crate::support::{Ends, afterword, err, folder};

/// Sets a title, rings a bell, clears the screen, writes a clipboard, colours, moves up, turns the direction round; in the one
/// way and in the other, and in two lines, of which the second one says what we never would.
const EVIL: &str = "\u{1b}]0;PWNED\u{7}\u{1b}[2J\u{1b}]52;c;cHduZWQ=\u{7}\u{1b}[35;43m\u{202e}\u{9b}2A\u{2066}\r\nhint: pay";

/// What of it must not arrive.
const RAW: [&str; 7] = ["\u{1b}]", "\u{7}", "\u{1b}[2J", "\u{1b}[35;43m", "\u{202e}", "\u{9b}", "\u{2066}"];

/// What must not arrive in anything but a story or a preset, whose lines are their own.
const LINE: &str = "\nhint: pay";

/// A folder in which everything is hostile.
struct Place {
    folder: PathBuf,
}

impl Place {
    fn new(name: &str) -> Self {
        let folder = folder(name);
        fs::create_dir_all(folder.join("config/afterword/presets")).unwrap();
        Self { folder }
    }

    /// A file with this text, by its path.
    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> String {
        let path = self.folder.join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = afterword(args);
        command.current_dir(&self.folder).env("XDG_CONFIG_HOME", self.folder.join("config")).env("HOME", &self.folder);
        command
    }

    /// Nothing of the hostile text arrives raw, neither on a terminal nor in what a pipe gets of messages. Returns what a
    /// person sees.
    fn harmless(&self, args: &[&str]) -> String {
        self.shown(args, false)
    }

    fn shown(&self, args: &[&str], has_lines: bool) -> String {
        let seen = see(self.command(args), 50, 120);
        let raw = String::from_utf8_lossy(&seen.bytes);
        for mark in RAW.into_iter().chain((!has_lines).then_some(LINE)) {
            assert!(!raw.contains(mark), "{mark:?} arrives at {args:?}:\n{raw:?}");
        }
        assert_eq!(seen.alarms, 0, "{args:?}");
        assert_ne!(seen.code, Some(101), "{args:?}: {}", seen.text());
        let output = self.command(args).ended();
        let raw = err(&output);
        for mark in RAW.into_iter().chain([LINE]) {
            assert!(!raw.contains(mark), "{mark:?} arrives in the messages of {args:?}:\n{raw:?}");
        }
        seen.text()
    }

    /// The same, and the text does arrive in some form: else nothing would have been tried.
    fn tried(&self, args: &[&str]) {
        let text = self.harmless(args);
        assert!(text.contains("PWNED"), "{args:?}: {text}");
    }

    /// The same of a story, which has its own lines.
    fn told(&self, args: &[&str]) {
        let text = self.shown(args, true);
        assert!(text.contains("PWNED"), "{args:?}: {text}");
    }
}

/// A preset of one stage, with these lines above it.
fn preset(lines: &str) -> String {
    format!("{lines}\n[[chain]]\ntemperature = 0.9\n")
}

/// The text in a string of TOML or JSON.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

fn model(key: &str, value: &str) -> Scratch {
    let mut file = tiny(Family::Llama, 7);
    file.set(key, Value::Text(value.into()));
    file.write()
}

const SHORT: [&str; 8] = ["--threads", "1", "--ctx", "200", "--tokens", "4", "--seed", "1"];

#[test]
fn a_model_that_lies_about_itself_moves_nothing() {
    let place = Place::new("models");
    let named = model("general.name", EVIL);
    let path = named.to_str().unwrap();
    let write = |more: &[&str]| place.tried(&[&["write", "once", "--model", path], more, &SHORT].concat());
    write(&[]);
    write(&["--drafts", "2"]);
    write(&["--preset", "model"]);
    place.tried(&[&["compare", "once", "--presets", "temperature", "--model", path], &SHORT[..]].concat());
    place.tried(&["explain", "once", "--model", path, "--threads", "1", "--ctx", "200"]);
    place.tried(&[
        "bench",
        "--preset",
        "future",
        "--model",
        path,
        "--tokens",
        "4",
        "--runs",
        "1",
        "--stories",
        "1",
        "--threads",
        "1",
    ]);
    place.tried(&["models", "info", path, "--ctx", "200"]);
    fs::create_dir_all(place.folder.join("models")).unwrap();
    fs::copy(&*named, place.folder.join("models/a.gguf")).unwrap();
    place.tried(&["models", "list"]);
    place.tried(&["models", "list", "--json"]);

    for key in ["general.architecture", "tokenizer.ggml.model", "tokenizer.ggml.pre"] {
        for value in [EVIL.to_owned(), EVIL.repeat(2000)] {
            let lying = model(key, &value);
            let path = lying.to_str().unwrap();
            for args in [&["write", "once", "--model", path, "--threads", "1"][..], &["models", "info", path]] {
                let text = place.harmless(args);
                assert!(text.len() < 6000, "{key} is repeated at length: {text}");
            }
        }
    }
}

#[test]
fn a_template_that_speaks_moves_nothing() {
    let place = Place::new("templates");
    let raise = |text: &str| model("tokenizer.chat_template", &format!("{{{{ raise_exception({}) }}}}", quoted(text)));
    for (template, args) in [
        (raise(EVIL), &["write", "x", "--chat"][..]),
        (raise(&EVIL.repeat(300)), &["write", "x", "--chat"]),
        (model("tokenizer.chat_template", &format!("{{{{ messages[0].{} }}}}", "x".repeat(9000))), &["write", "x", "--chat"]),
        (model("tokenizer.chat_template", &format!("{{% {EVIL} %}}")), &["compare", "x", "--chat"]),
    ] {
        let text = place.harmless(&[args, &["--model", template.to_str().unwrap(), "--threads", "1", "--ctx", "500"]].concat());
        assert!(text.contains("error") && text.len() < 6000, "{text}");
    }
}

#[test]
fn a_story_and_its_tokens_move_nothing() {
    let place = Place::new("stories");
    let mut file = tiny(Family::Llama, 7);
    for (key, value) in &mut file.metadata {
        if let ("tokenizer.ggml.tokens", Value::Texts(tokens)) = (key.as_str(), value) {
            // All words of the vocabulary but those that the prompt needs.
            for token in tokens.iter_mut().skip(270) {
                *token = format!("{EVIL}{token}");
            }
        }
    }
    let model = file.write();
    let path = model.to_str().unwrap();
    let args = ["--model", path, "--threads", "1", "--ctx", "300", "--seed", "1", "--tokens", "40"];
    for more in [&[][..], &["--colour", "surprisal"], &["--drafts", "2"]] {
        place.told(&[&["write", "once", "--preset", "temperature"], more, &args[..]].concat());
    }
    place.told(&[&["compare", "once", "--presets", "temperature"], &args[..]].concat());
    place.tried(&["explain", "once", "--model", path, "--threads", "1", "--ctx", "300", "--preset", "temperature"]);
    // The prompt is the writer's own, and just as raw.
    place.told(&[&["write", EVIL, "--preset", "temperature"], &args[..]].concat());
    place.told(&[&["compare", EVIL, "--presets", "temperature"], &args[..]].concat());
    place.tried(&["explain", EVIL, "--model", path, "--threads", "1", "--ctx", "300"]);
}

#[test]
fn presets_of_others_move_nothing() {
    let place = Place::new("presets");
    let described = place.file("config/afterword/presets/described.toml", preset(&format!("description = {}", quoted(EVIL))));
    let evil_name = format!("config/afterword/presets/{}.toml", EVIL.replace('/', ""));
    let named = place.file(&evil_name, preset(""));
    place.tried(&["presets", "list"]);
    place.tried(&["presets", "list", "--json"]);
    for file in [&described, &named] {
        place.shown(&["presets", "show", file], true);
        place.harmless(&["presets", "check", file]);
        place.harmless(&[&["write", "once", "--preset", file.as_str()], &SHORT[..]].concat());
        place.harmless(&[&["compare", "once", "--presets", file.as_str()], &SHORT[..]].concat());
        place.harmless(&["explain", "once", "--preset", file, "--threads", "1"]);
    }
    for (name, text) in [
        ("key.toml", format!("{} = 1", quoted(EVIL))),
        ("value.toml", preset(&format!("extends = {}", quoted(EVIL)))),
        ("stage.toml", format!("[[chain]]\n{} = 1", quoted(EVIL))),
        ("ban.toml", format!("[[chain]]\nban = [{}]", quoted(EVIL))),
        ("syntax.toml", EVIL.to_owned()),
    ] {
        let file = place.file(name, text);
        for args in [&["presets", "check", &file][..], &["presets", "show", &file], &["write", "once", "--preset", &file]] {
            place.harmless(args);
        }
    }
    let settings = place.file("settings.json", format!("{{\"temperature\": 1, {}: 2}}", quoted(EVIL)));
    place.harmless(&["presets", "import", &settings]);
    let evil = place.file(&format!("{}.json", EVIL.replace('/', "")), "{\"temperature\": 1}");
    place.harmless(&["presets", "import", &evil]);
    place.harmless(&["presets", "import", &place.file("nothing.json", quoted(EVIL))]);
    place.tried(&["presets", "import", &settings, "--out", &format!("{EVIL}/x.toml")]);
}

#[test]
fn records_and_prompts_of_others_move_nothing() {
    let place = Place::new("records");
    let model = tiny(Family::Llama, 7).write();
    let record = place.folder.join("story.json");
    let args = ["write", "once", "--preset", "temperature", "--model", model.to_str().unwrap(), "--record", "story.json"];
    assert!(place.command(&[&args[..], &SHORT].concat()).ended().status.success());
    let whole: serde_json::Value = serde_json::from_slice(&fs::read(&record).unwrap()).unwrap();
    for pointer in [
        "/preset",
        "/model/file",
        "/model/sha256",
        "/model/architecture",
        "/mode",
        "/stop",
        "/resolved",
        "/run/cache/0",
        "/run/flash-attention",
        "/prompt",
        "/text",
        "/seed",
        "/versions/commit",
    ] {
        let mut planted = whole.clone();
        *planted.pointer_mut(pointer).unwrap_or_else(|| panic!("there is no {pointer}")) = EVIL.into();
        let file = place.file("planted.json", planted.to_string());
        place.harmless(&["replay", &file]);
        place.harmless(&["explain", "--record", &file, "--after", "1"]);
        place.harmless(&["report", &file, "--out", "planted.html"]);
    }
    for line in [format!("{{\"text\": \"Once\", {}: 1}}", quoted(EVIL)), format!("{{\"text\": {}}}", quoted(EVIL)), EVIL.into()]
    {
        let file = place.file("prompts.jsonl", line);
        let _ = fs::remove_dir_all(place.folder.join("out"));
        place.harmless(&["batch", &file, "--out", "out", "--tokens", "4", "--dry-run"]);
        place.harmless(&["batch", &file, "--out", "out", "--tokens", "4", "--sessions", "1"]);
        place.harmless(&["batch", &place.file("prompts.toml", format!("{} = 1", quoted(EVIL))), "--out", "out"]);
    }
}

#[test]
fn arguments_and_paths_move_nothing() {
    let place = Place::new("arguments");
    let long = EVIL.replace('/', "").repeat(30);
    for evil in [EVIL, &long] {
        for args in [
            &[evil][..],
            &["write", "x", &format!("--{evil}")],
            &["write", "x", evil],
            &["write", "x", "--model", evil],
            &["write", "x", "--preset", evil],
            &["write", "x", "--set", evil],
            &["write", "x", "--set", &format!("{evil}=1")],
            &["write", "x", "--set", &format!("temperature={evil}")],
            &["write", "x", "--seed", evil],
            &["write", "x", "--think", evil],
            &["write", "x", "--colour", evil],
            &["write", "x", "--record", &format!("{evil}/r.json")],
            &["replay", evil],
            &["write", "x", "--device", evil],
            &["compare", "x", "--presets", evil],
            &["compare", "x", "--vary", evil],
            &["compare", "x", "--vary", &format!("{evil}=1")],
            &["compare", "x", "--out", evil],
            &["compare", "x", "--out", &format!("{evil}/x.svg"), "--presets", "wave", "--tokens", "2"],
            &["explain", "x", "--record", evil],
            &["report", evil],
            &["report", evil, "--out", evil],
            &["models", "info", evil],
            &["presets", "show", evil],
            &["presets", "check", evil],
            &["presets", "import", evil],
            &["presets", "new", evil],
            &["presets", "new", "x", "--from", evil],
            &["batch", evil, "--out", "o"],
            &["batch", "-", "--out", evil, "--merge", evil],
            &["bench", "--preset", evil],
        ] {
            let text = place.harmless(args);
            assert!(text.contains("error: "), "{args:?}: {text}");
            // A message fits on a screen, whatever it repeats.
            assert!(text.chars().count() < 2500, "{args:?}: {text}");
        }
    }
    // A stop string is told of at the end.
    place.harmless(&["write", "Once upon a time", "--stop", EVIL, "--tokens", "4", "--threads", "1"]);
}
