//! Defaults of one's own: `afterword config`, its file and the variables, and what the other commands make of them.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value as Json;

use crate::support::{Ends, afterword, err, folder, out};

/// Somebody with a folder for configuration.
struct User(PathBuf);

impl User {
    fn new(name: &str) -> Self {
        Self(folder(name))
    }

    /// With this file of defaults.
    fn with(name: &str, text: &str) -> Self {
        let user = Self::new(name);
        fs::create_dir_all(user.file().parent().unwrap()).unwrap();
        fs::write(user.file(), text).unwrap();
        user
    }

    fn file(&self) -> PathBuf {
        self.0.join("config/afterword/config.toml")
    }

    fn holds(&self) -> String {
        fs::read_to_string(self.file()).unwrap()
    }

    fn types(&self, args: &[&str]) -> Command {
        let mut command = afterword(args);
        command.env_remove("AFTERWORD_CONFIG").env("XDG_CONFIG_HOME", self.0.join("config")).env("HOME", &self.0);
        command
    }
}

#[test]
fn where_each_value_comes_from_is_shown() {
    let user = User::with("shown", "# mine\nthreads = 2\npreset = \"open\"\n");
    let shown = user.types(&["config"]).env("AFTERWORD_PRESET", "tide").done();
    let rows: Vec<Vec<String>> = out(&shown)
        .lines()
        .map(|line| line.split("  ").filter(|cell| !cell.is_empty()).map(|cell| cell.trim().to_owned()).collect())
        .collect();
    let row = |key: &str| rows.iter().find(|row| row[0] == key).unwrap_or_else(|| panic!("{rows:?}"))[1..].to_vec();
    assert_eq!(row("threads"), ["2", "line 2 of the file"]);
    assert_eq!(row("preset"), ["tide", "AFTERWORD_PRESET, over `open` in the file"]);
    assert_eq!(row("tokens"), ["300", "built in"]);
    assert_eq!(row("model"), ["the small story model that comes with the program", "built in"]);
    assert!(err(&shown).contains("config/afterword/config.toml · 2 keys\n"), "{}", err(&shown));

    let json: Json = serde_json::from_str(&user.types(&["config", "--json"]).env("AFTERWORD_PRESET", "tide").prints()).unwrap();
    assert_eq!((&json["file"]["exists"], json["values"].as_array().unwrap().len()), (&Json::Bool(true), 6));
    let value = |key: &str| json["values"].as_array().unwrap().iter().find(|one| one["key"] == key).unwrap().clone();
    assert_eq!((value("threads")["source"].as_str(), value("threads")["line"].as_u64()), (Some("file"), Some(2)));
    assert_eq!((value("preset")["value"].as_str(), value("preset")["in-file"].as_str()), (Some("tide"), Some("open")));
    assert_eq!((value("tokens")["value"].clone(), value("tokens")["built-in"].as_str()), (Json::Null, Some("300")));
    // Every key stands in the help, with its variable.
    let help = afterword(["config", "--help"]).prints();
    for one in json["values"].as_array().unwrap() {
        assert!(help.contains(one["key"].as_str().unwrap()) && help.contains(one["variable"].as_str().unwrap()), "{help}");
    }
}

#[test]
fn without_a_file_all_is_built_in_and_that_is_said() {
    let user = User::new("none");
    let shown = user.types(&["config"]).done();
    assert!(err(&shown).contains("there is no such file; `afterword config set KEY VALUE` makes it"), "{}", err(&shown));
    assert_eq!(out(&shown).matches("built in").count(), 6, "{}", out(&shown));
    let none = user.types(&["config"]).env("AFTERWORD_CONFIG", "").done();
    assert!(err(&none).contains("no file is read: `AFTERWORD_CONFIG` is empty"), "{}", err(&none));
    let odd = user.types(&["config"]).env("AFTERWORD_COLOR", "never").done();
    assert!(err(&odd).contains("the variable `AFTERWORD_COLOR` says nothing here"), "{}", err(&odd));
    let named = user.types(&["config"]).env("AFTERWORD_CONFIG", "nowhere.toml").refused(2);
    assert!(named.contains("cannot read the configuration `nowhere.toml`: no such file"), "{named}");
}

#[test]
fn a_key_is_set_and_taken_out_and_nothing_else_changes() {
    let user = User::with("set", "# how I like it\r\nthreads = 1 # it is a small machine\r\n\r\n");
    user.types(&["config", "set", "tokens", "500"]).done();
    user.types(&["config", "set", "threads", "2"]).done();
    user.types(&["config", "set", "gpu-layers", "auto"]).done();
    assert_eq!(
        user.holds(),
        "# how I like it\r\nthreads = 2 # it is a small machine\r\n\r\ntokens = 500\r\ngpu-layers = \"auto\"\r\n"
    );
    user.types(&["config", "unset", "tokens"]).done();
    user.types(&["config", "unset", "gpu-layers"]).done();
    assert_eq!(user.holds(), "# how I like it\r\nthreads = 2 # it is a small machine\r\n\r\n");
    let said = err(&user.types(&["config", "unset", "model"]).done());
    assert!(said.contains("says nothing of `model`"), "{said}");
    // A model and a preset are to be there; a file is kept by a path that leads there from everywhere.
    for (key, value, cause) in [
        ("threads", "0", "`0` is no value of `threads`: expected a whole number from 1 up"),
        ("colour", "mauve", "expected `auto`, `always` or `never`"),
        ("preset", "wav", "hint: did you mean `wave`?"),
        ("seed", "7", "expected one of `model`, `preset`"),
    ] {
        let said = user.types(&["config", "set", key, value]).refused(2);
        assert!(said.contains(cause), "{said}");
    }
    assert!(user.types(&["config", "set", "model", "nosuch"]).refused(1).contains("there is no such file\nhint: "));
    user.types(&["config", "set", "model", "models/fable-3m-q8_0.gguf"]).done();
    let kept = user.holds();
    assert!(kept.contains("/models/fable-3m-q8_0.gguf\"\r\n") && !kept.contains("\"models"), "{kept}");
    user.types(&["config", "set", "model", "fable"]).done();
    assert!(user.holds().ends_with("model = \"fable\"\r\n"), "{}", user.holds());
    // Where there is no file, it is made.
    let other = User::new("made");
    other.types(&["config", "set", "colour", "never"]).done();
    assert!(other.holds().starts_with("# Defaults of afterword.") && other.holds().ends_with("colour = \"never\"\n"));
    assert!(
        other
            .types(&["config", "set", "colour", "never"])
            .env("AFTERWORD_CONFIG", "")
            .refused(2)
            .contains("is empty: unset it")
    );
}

#[cfg(unix)]
#[test]
fn a_file_of_defaults_may_be_a_link_and_stays_one() {
    let user = User::new("link");
    let real = user.0.join("dotfiles.toml");
    fs::write(&real, "threads = 1\n").unwrap();
    fs::create_dir_all(user.file().parent().unwrap()).unwrap();
    std::os::unix::fs::symlink(&real, user.file()).unwrap();
    user.types(&["config", "set", "threads", "2"]).done();
    assert_eq!(fs::read_to_string(&real).unwrap(), "threads = 2\n");
    assert!(user.file().symlink_metadata().unwrap().is_symlink());
    let mut locked = fs::metadata(&real).unwrap().permissions();
    locked.set_readonly(true);
    fs::set_permissions(&real, locked).unwrap();
    let said = user.types(&["config", "set", "threads", "3"]).refused(1);
    assert!(said.contains("it is protected against writing"), "{said}");
    assert_eq!(fs::read_to_string(&real).unwrap(), "threads = 2\n");
}

#[test]
fn what_is_wrong_in_a_default_is_told_once_and_clearly() {
    let user = User::with("wrong", "threads = 1\nmodl = \"x\"\n");
    let said = user.types(&["presets", "list"]).refused(2);
    assert!(
        said.contains("config.toml`, line 2, column 1: unknown key `modl`\n  2 | modl = \"x\"\n")
            && said.ends_with("hint: did you mean `model`?\n"),
        "{said}"
    );
    // What tells how to mend it still does, and so does help.
    assert!(user.types(&["config", "set", "threads", "2"]).refused(2).contains("unknown key `modl`"));
    for args in [&["--help"][..], &["write", "--help"], &["completions", "bash"], &["man"]] {
        user.types(args).done();
    }
    assert_eq!(user.holds(), "threads = 1\nmodl = \"x\"\n");
    let said = afterword(["presets", "list"]).env("AFTERWORD_THREADS", "none").refused(2);
    assert_eq!(said, "error: the variable `AFTERWORD_THREADS` is `none`: expected a whole number from 1 up\n");
    // An empty one says nothing.
    afterword(["presets", "list"]).env("AFTERWORD_THREADS", "").done();
    // What cannot be found is told with the place where it stands.
    let user = User::with("unfound", "model = \"nosuch\"\n");
    let said = user.types(&["presets", "show", "wave"]).refused(1);
    assert!(
        said.contains("cannot load the model `nosuch`")
            && said.contains("hint: `nosuch` stands in `")
            && said.contains("line 1 · "),
        "{said}"
    );
}

#[test]
fn help_shows_the_defaults_that_are_in_use_and_manual_and_completions_do_not() {
    let user = User::with("help", "preset = \"tide\"\ntokens = 777\n");
    let help = user.types(&["write", "--help"]).prints();
    assert!(help.contains("[default: tide]") && help.contains("[default: 777]"), "{help}");
    let batch = user.types(&["batch", "--help"]).prints();
    assert!(batch.contains("[default: tide]"), "{batch}");
    for args in [&["man"][..], &["completions", "zsh"]] {
        assert_eq!(user.types(args).prints(), afterword(args).prints());
    }
}

#[cfg(feature = "llama")]
mod telling {
    use afterword::story::Record;

    use super::*;
    use crate::support::read_json;

    #[test]
    fn what_is_typed_overrules_the_environment_and_that_the_file() {
        let user = User::with("order", "preset = \"greedy\"\ntokens = 3\nthreads = 1\nmodel = \"fable\"\n");
        let record = user.0.join("r.json");
        let told = |variables: &[(&str, &str)], args: &[&str]| -> Record {
            let mut command = user.types(&["write", "Once", "--seed", "1", "--record", record.to_str().unwrap()]);
            command.args(args).envs(variables.iter().copied()).done();
            read_json(&record)
        };
        let by = |record: &Record| (record.preset.clone(), record.tokens.len(), record.run.threads);
        assert_eq!(by(&told(&[], &[])), ("greedy".to_owned(), 3, 1));
        let variables = [("AFTERWORD_PRESET", "temperature"), ("AFTERWORD_TOKENS", "4")];
        assert_eq!(by(&told(&variables, &[])), ("temperature".to_owned(), 4, 1));
        assert_eq!(by(&told(&variables, &["-n", "5", "--preset", "wave"])), ("wave".to_owned(), 5, 1));
    }

    #[test]
    fn what_is_told_again_goes_by_its_record() {
        let user = User::with("records", "model = \"nosuch\"\nthreads = 2\npreset = \"greedy\"\n");
        let record = user.0.join("r.json");
        let record = record.to_str().unwrap();
        let fixed = ["--seed", "1", "--threads", "1", "-m", "fable", "--preset", "wave", "-n", "6"];
        user.types(&["write", "Once", "--record", record]).args(fixed).done();
        let again = user.types(&["replay", record]).done();
        assert!(err(&again).ends_with("the same story: 6 tokens, each as in the record\n"), "{}", err(&again));
        assert!(!err(&again).contains("other settings"), "{}", err(&again));
        user.types(&["explain", "--record", record, "--token", "3"]).done();
    }
}
