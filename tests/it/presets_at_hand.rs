//! `afterword presets` as it is typed: what is written, found, refused, and with which exit code. No model is loaded.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::support::{Ends, afterword, err, folder};

/// A user of their own: a folder for configuration, and one to work in.
struct User(PathBuf);

impl User {
    fn new(name: &str) -> Self {
        let folder = folder(name);
        fs::create_dir_all(folder.join("work")).unwrap();
        fs::create_dir_all(folder.join("config/afterword/presets")).unwrap();
        Self(folder)
    }

    fn preset(&self, name: &str) -> PathBuf {
        self.0.join("config/afterword/presets").join(format!("{name}.toml"))
    }

    fn types(&self, args: &[&str]) -> Command {
        let mut command = afterword(["presets"]);
        command.args(args).current_dir(self.0.join("work"));
        command.env("XDG_CONFIG_HOME", self.0.join("config")).env("HOME", &self.0);
        command
    }

    /// What a command prints that succeeds.
    fn prints(&self, args: &[&str]) -> String {
        self.types(args).prints()
    }

    /// What is said of a command that is wrong usage.
    fn is_refused(&self, args: &[&str]) -> String {
        self.types(args).refused(2)
    }
}

/// A preset with its comments and drawings left out.
fn bare(text: &str) -> Vec<String> {
    text.lines().filter(|line| !line.starts_with('#') && !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn a_new_preset_has_a_comment_for_every_key_and_is_what_it_began_as() {
    let user = User::new("new");
    user.prints(&["new", "slow", "--from", "wave", "--set", "future.alpha.wave.period=120"]);
    let page = fs::read_to_string(user.preset("slow")).unwrap();
    assert!(
        page.starts_with("# slow, begun as `wave`.\n") && page.contains("# Of `wave` it is said:\n# Feels like: "),
        "{page}"
    );
    assert!(page.lines().all(|line| line.chars().count() <= 130), "{page}");
    for (key, words) in [("future.alpha.wave.period = 120.0", "a number above 0"), ("dry.last = 1024", "or \"all\"")] {
        let at = page.find(key).unwrap_or_else(|| panic!("{key}: {page}"));
        let comment = page[..at].rsplit("\n\n").next().unwrap().replace("\n# ", " ");
        assert!(comment.contains(words), "{key}: {comment}");
    }
    let set = user.prints(&["show", "wave", "--set", "future.alpha.wave.period=120"]);
    assert_eq!(bare(&user.prints(&["show", "slow"])), bare(&set));
    assert_eq!(user.prints(&["check", "slow"]), "slow: good\n");
    // It is never written over.
    assert_eq!(user.types(&["new", "slow"]).ended().status.code(), Some(1));
}

#[test]
fn a_name_is_of_letters_digits_and_dashes_and_a_file_of_any_name_is_found() {
    let user = User::new("names");
    let said = user.is_refused(&["new", "my slow wave"]);
    assert!(said.contains("letters, digits, `-` and `_`") && said.contains("did you mean `my-slow-wave`?"), "{said}");
    for name in ["", "a/b", " a", "a.b", "wave", "model"] {
        user.is_refused(&["new", name]);
    }
    for name in ["my-slow_wave2", "Тихо", "静か"] {
        user.prints(&["new", name]);
        user.prints(&["show", name]);
    }
    fs::write(user.preset("my slow wave"), "description = \"of old\"").unwrap();
    assert!(user.prints(&["show", "my slow wave"]).starts_with("description = \"of old\""));
    assert!(user.prints(&["list"]).contains("my slow wave   of old") || user.prints(&["list"]).contains("my slow wave"));
}

#[test]
fn what_is_typed_wrong_is_wrong_usage_and_a_file_that_fails_is_a_failure() {
    let user = User::new("codes");
    assert!(user.is_refused(&["show", "wve"]).contains("did you mean `wave`?"));
    assert!(user.is_refused(&["check", "wave", "wve"]).contains("did you mean `wave`?"));
    user.is_refused(&["show", "wave", "--set", ""]);
    user.is_refused(&["show", "greedy", "--set", "future.alpha=1"]);
    user.is_refused(&["new", "mine", "--from", "wve"]);
    fs::write(user.0.join("work/wrong.toml"), "[[chain]]\nxct = 1").unwrap();
    for args in [&["show", "none.toml"][..], &["check", "wrong.toml"], &["show", "model", "--model", "none.gguf"]] {
        assert_eq!(user.types(args).ended().status.code(), Some(1), "{args:?}");
    }
    let said = err(&user.types(&["check", "wrong.toml"]).ended());
    assert!(said.contains("did you mean `xtc`?"), "{said}");
}

#[test]
fn bans_that_are_typed_and_those_of_files_are_laid_over_those_of_the_preset() {
    let user = User::new("bans");
    fs::write(user.preset("mine"), "[[chain]]\nmin-p = 0.1\n[bans]\nphrases = ['so it goes']\nretries = 3").unwrap();
    fs::write(user.0.join("work/shared.toml"), "[bans]\nphrases = ['so be it']\npatterns = ['not (just|only)']\n").unwrap();
    let shown = user.prints(&["show", "mine", "--bans", "shared.toml", "--ban", "at last", "--set", "bans.strength=0.5"]);
    for line in [
        "phrases = [\"so it goes\", \"so be it\", \"at last\"]",
        "patterns = [\"not (just|only)\"]",
        "retries = 3",
        "strength = 0.5",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    // A preset without bans has them then, a shipped list goes by its name, and what is written is read back.
    let worn = user.prints(&["show", "greedy", "--bans", "worn"]);
    assert!(worn.contains("a testament to"), "{worn}");
    user.prints(&["new", "clean", "--from", "greedy", "--bans", "worn"]);
    assert_eq!(bare(&user.prints(&["show", "clean"])), bare(&worn));

    let said = user.is_refused(&["show", "wave", "--ban", "e"]);
    assert!(said.starts_with("error: cannot ban `e`: it is the one letter `e`: every text would be banned"), "{said}");
    assert!(user.is_refused(&["show", "wave", "--ban", " "]).contains("cannot ban ``: it is blank: it bans nothing"));
    assert!(user.is_refused(&["show", "wave", "--bans", "wrn"]).contains("hint: did you mean `worn`?"));
    fs::write(user.0.join("work/wrong.toml"), "phrase = ['so']").unwrap();
    fs::write(user.0.join("work/all.toml"), "patterns = ['.*']").unwrap();
    for (file, cause) in [
        ("none.toml", "cannot read the bans `none.toml`: no such file or directory"),
        ("wrong.toml", "cannot read the bans `wrong.toml`, line 1, column 1: unknown key `phrase`"),
        ("all.toml", "the bans cannot be meant: pattern 1 matches every text"),
    ] {
        let said = user.types(&["show", "wave", "--bans", file]).refused(1);
        assert!(said.contains(cause), "{file}: {said}");
    }
}

#[test]
fn the_hint_of_a_refused_change_works_as_it_stands() {
    let user = User::new("hints");
    let said = user.is_refused(&["show", "greedy", "--set", "future.alpha=0.5"]);
    let whole = said.split("give it whole: `'").nth(1).unwrap().split('\'').next().unwrap();
    let shown = user.prints(&["show", "greedy", "--set", whole]);
    assert!(shown.contains("future = { candidates = 20, entropy-top = 20, alpha = 0.5"), "{shown}");
}

#[test]
fn an_import_and_what_extends_it_can_be_told_apart_from_nothing_lost() {
    let user = User::new("import");
    let settings = r#"{ "temp": 0.7, "rep_pen": 1.2, "freq_pen": 0, "min_p": 0.05, "genamt": 300, // mine
        "samplers": ["top_k", "tfs_z", "typical_p", "top_p", "min_p", "temperature"], }"#;
    fs::write(user.0.join("work/st.json"), settings).unwrap();
    let output = user.types(&["import", "st.json", "--name", "st"]).ended();
    let said = err(&output);
    assert!(output.status.success() && said.contains("not of the sampler: genamt → `--tokens 300`"), "{said}");
    let child = "extends = \"st\"\n[[chain]]\nfuture = { candidates = 20, entropy-top = 20, alpha = 0 }\n[[chain]]\npenalties = \"off\"";
    fs::write(user.preset("mine"), child).unwrap();
    let (set, off) = ("future={ candidates = 20, entropy-top = 20, alpha = 0 }", "penalties=off");
    let written = bare(&user.prints(&["show", "mine"]));
    assert_eq!(written, bare(&user.prints(&["show", "st", "--set", set, "--set", off])));
    let stages: Vec<&str> = written.iter().filter_map(|line| line.split(" = ").next()).collect();
    assert_eq!(
        stages,
        ["description", "[[chain]]", "min-p", "[[chain]]", "future", "[[chain]]", "temperature", "[draw]", "pick"]
    );
}
