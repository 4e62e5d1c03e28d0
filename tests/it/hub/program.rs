//! `afterword models` as a person types it, and models that are named by `hf:`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
#[cfg(unix)]
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value as Json;

use super::{COMMIT, FakeHub, Fault, boast, model, sum};
#[cfg(unix)]
use crate::support::pty::{Act, see_while};
use crate::support::server::{Reply, Server};
#[cfg(unix)]
use crate::support::signal;
use crate::support::{BUNDLED, Ends, afterword, err, folder, out};

/// Somebody who types.
struct Person {
    home: PathBuf,
    endpoint: String,
}

impl Person {
    fn new(name: &str, endpoint: &str) -> Self {
        Self { home: folder(name), endpoint: endpoint.to_owned() }
    }

    fn types(&self, args: &[&str]) -> Command {
        let mut command = afterword(args);
        for variable in [
            "HF_HOME",
            "HF_TOKEN_PATH",
            "HUGGINGFACE_HUB_CACHE",
            "HF_HUB_OFFLINE",
            "XDG_CACHE_HOME",
            "LLAMA_CACHE",
            "OLLAMA_MODELS",
        ] {
            command.env_remove(variable);
        }
        command
            .env("HF_HUB_CACHE", self.home.join("hub"))
            .env("AFTERWORD_CACHE", self.home.join("cache"))
            .env("HOME", &self.home);
        command.env("HF_ENDPOINT", &self.endpoint).env("HF_TOKEN", "hf_secret").current_dir(&self.home);
        command
    }

    fn pulls(&self, args: &[&str]) -> Command {
        self.types(&[&["models", "pull", "--first-wait", "1"], args].concat())
    }

    /// The model in the cache.
    fn file(&self) -> PathBuf {
        self.home.join(format!("hub/models--a--tale/snapshots/{COMMIT}/tale-Q4_K_M.gguf"))
    }
}

#[test]
fn what_is_pulled_is_told_and_found_by_its_names() {
    let bytes = model();
    let fake =
        FakeHub::with(&[("tale-Q4_K_M.gguf", bytes.clone()), ("tale-Q8_0.gguf", vec![1]), ("b/tale-Q4_K_M.gguf", vec![2])]);
    let person = Person::new("told", &fake.hub.url());
    let pulled = person.pulls(&["a/tale"]).done();
    assert_eq!(out(&pulled), format!("{}\n", person.file().display()));
    let said = err(&pulled);
    for words in [
        "a/tale · main · commit 0123456\n",
        "tale-Q4_K_M.gguf · ",
        " · what most would take: small, and hardly worse than the original\n",
        "it could as well be `b/tale-Q4_K_M.gguf`: name one by its file\n",
        "llama · ",
        " parameters · F32 · goes on with beginnings\n",
        "100 % · ",
        "`afterword models use hf:a/tale` makes it the one that tells\n",
    ] {
        assert!(said.contains(words), "`{words}` is not in\n{said}");
    }
    assert!(!said.contains('\u{1b}') && !said.contains("secret"), "{said}");

    let list = person.types(&["models", "list"]).prints();
    let (path, blob) = (person.file(), person.home.join(format!("hub/models--a--tale/blobs/{}", sum(&bytes))));
    let entry = "hf:a/tale:tale-Q4_K_M.gguf (Hugging Face)\n  Tiny Llama · llama · ";
    assert!(list.contains(entry), "{list}");
    assert!(list.contains(&format!("  {}\n  → {}\n", path.display(), blob.display())), "{list}");
    // Named so, it is found without anybody being asked.
    fake.hub.forget();
    for name in ["hf:a/tale", "hf:a/tale@main:Q4_K_M", "hf:a/tale:tale-Q4_K_M.gguf", "tale-q4", "https://huggingface.co/a/tale"]
    {
        let info: Json = serde_json::from_str(&person.types(&["models", "info", name, "--json"]).prints()).unwrap();
        assert_eq!(info["model"]["path"].as_str(), path.to_str(), "{name}");
    }
    assert!(fake.hub.seen().is_empty());
}

#[test]
fn a_dry_run_fetches_nothing_and_json_tells_all() {
    let bytes = model();
    let fake = FakeHub::of(&bytes);
    let person = Person::new("dry", &fake.hub.url());
    let page = |args: &[&str]| -> Json { serde_json::from_str(&person.pulls(args).prints()).unwrap() };
    let dry = page(&["a/tale", "--dry-run", "--json"]);
    let size = Json::from(bytes.len());
    assert_eq!((&dry["dry-run"], &dry["missing"], &dry["came"]), (&Json::Bool(true), &size, &Json::Null));
    assert_eq!(dry["files"][0]["sha256"].as_str(), Some(sum(&bytes).as_str()));
    assert_eq!((dry["commit"].as_str(), dry["card"]["architecture"].as_str()), (Some(COMMIT), Some("llama")));
    assert!(fake.fetched().is_empty() && !person.home.join("hub").exists());
    let output = person.pulls(&["a/tale", "--dry-run"]).done();
    assert!(err(&output).ends_with(" would be fetched\n"), "{}", err(&output));
    let pulled = page(&["a/tale", "--json"]);
    assert_eq!(
        (&pulled["dry-run"], &pulled["came"], pulled["file"].as_str()),
        (&Json::Bool(false), &size, person.file().to_str())
    );
    let again = page(&["a/tale", "--json", "--dry-run"]);
    assert_eq!((&again["missing"], &again["files"][0]["here"]), (&Json::from(0), &size));
    let quiet = person.pulls(&["a/tale", "--quiet"]).done();
    assert_eq!((out(&quiet), err(&quiet)), (format!("{}\n", person.file().display()), String::new()));
}

#[test]
fn nothing_is_fetched_without_a_word() {
    let fake = FakeHub::of(&model());
    let person = Person::new("word", &fake.hub.url());
    let address = format!("{}/files/tale-Q4_K_M.gguf", fake.store.url());
    for name in ["hf:a/tale", &address] {
        let said = person.types(&["models", "info", name]).refused(2);
        assert!(
            said.contains(&format!(
                "the model `{name}` is not here, and nothing is fetched without your word\nhint: `--yes` fetches it"
            )),
            "{said}"
        );
    }
    assert!(fake.hub.seen().is_empty() && fake.store.seen().is_empty());
    for name in ["hf:a/tale", &address] {
        let info = person.types(&["models", "info", name, "--yes", "--json"]).prints();
        let info: Json = serde_json::from_str(&info).unwrap();
        assert_eq!(info["model"]["name"].as_str(), Some("Tiny Llama"));
    }
    let list = person.types(&["models", "list"]).prints();
    assert!(list.contains("tale-Q4_K_M.gguf (fetched)\n"), "{list}");
    // Offline a name that is not here is none that can be had.
    let said = person.types(&["models", "info", "hf:a/tale:Q8_0", "--yes"]).env("HF_HUB_OFFLINE", "1").refused(1);
    assert!(
        said.contains("`a/tale:Q8_0` is not here, and nobody is asked for it\nhint: without `--offline` and HF_HUB_OFFLINE"),
        "{said}"
    );
    assert_eq!(person.pulls(&["a/tale", "--offline", "--quiet"]).prints(), format!("{}\n", person.file().display()));
}

#[test]
fn a_model_that_is_to_be_used_is_kept_as_a_default() {
    let fake = FakeHub::of(&model());
    let person = Person::new("use", &fake.hub.url());
    let file = person.home.join("config/afterword/config.toml");
    let uses = |args: &[&str]| {
        let mut command = person.types(args);
        command.env_remove("AFTERWORD_CONFIG").env("XDG_CONFIG_HOME", person.home.join("config"));
        command
    };
    let said = uses(&["models", "use", "hf:a/tale"]).refused(2);
    assert!(said.contains("nothing is fetched without your word"), "{said}");
    assert!(!file.exists());
    uses(&["models", "use", "hf:a/tale", "--yes"]).done();
    assert!(fs::read_to_string(&file).unwrap().ends_with("model = \"hf:a/tale\"\n"));
    uses(&["models", "use", BUNDLED]).done();
    assert!(fs::read_to_string(&file).unwrap().ends_with(&format!("model = \"{BUNDLED}\"\n")));
    // As `models pull` takes it.
    uses(&["models", "use", "a/tale"]).done();
    assert!(fs::read_to_string(&file).unwrap().ends_with("model = \"hf:a/tale\"\n"));
    let said = uses(&["models", "use", "nobody"]).refused(1);
    assert!(said.contains("cannot load the model `nobody`: there is no such file"), "{said}");
    // A short name stands for its repository, which is not in this hub.
    let said = uses(&["models", "use", "smollm2", "--yes"]).refused(1);
    assert!(said.contains("cannot get `itlwas/SmolLM2-1.7B-Q4_K_M-GGUF`: there is no repository of this name"), "{said}");
}

#[test]
fn known_models_are_told_with_what_they_are_good_for() {
    let person = Person::new("known", "http://127.0.0.1:9");
    let told = person.types(&["models", "known"]).prints();
    assert!(told.contains("smollm2 · 1.1 GB · apache-2.0 · base · preset wave\n"), "{told}");
    assert!(told.contains("\n  itlwas/SmolLM2-1.7B-Q4_K_M-GGUF\n"), "{told}");
    let json: Json = serde_json::from_str(&person.types(&["models", "known", "--json"]).prints()).unwrap();
    for known in json.as_array().unwrap() {
        let preset = known["preset"].as_str().unwrap();
        person.types(&["presets", "show", preset]).done();
    }
}

#[test]
fn what_cannot_be_had_is_said_in_a_sentence_with_what_would_help() {
    let fake = FakeHub::of(&model());
    let person = Person::new("refused", &fake.hub.url());
    for (args, code, said) in [
        (
            &["gpt2"][..],
            2,
            "`gpt2` names no model of the hub: it does not name a user and a repository\nhint: as in `afterword models pull ",
        ),
        (&["../tale"], 2, "nobody is called `..`\nhint: "),
        (&["a/none"], 1, "cannot get `a/none`: there is no repository of this name\nhint: look its name up"),
        (&["a/tale:Q2_K"], 1, "`a/tale` holds no model `Q2_K`\nhint: it holds Q4_K_M ("),
        (&["a/tale@v7"], 1, "`a/tale` has no revision `v7`\nhint: it has `main`, `v1`\n"),
        (&["a/tale", "--endpoint", "hub"], 2, "`hub` is no address of a hub: it does not begin with `https://`\n"),
        (
            &["a/tale", "--endpoint", "http://192.0.2.1"],
            1,
            "is not asked without `https`: others could read and change what it says\nhint: `--insecure`",
        ),
        (
            &["a/tale", "--endpoint", "http://127.0.0.1:9"],
            1,
            "`127.0.0.1:9` takes no connection, 5 times\nhint: the same command goes on",
        ),
        (&["a/tale", "--token-file", "nowhere"], 1, "cannot read the token file `nowhere`: no such file or directory\n"),
        (&["a/tale", "--offline"], 1, "`a/tale` is not here, and nobody is asked for it\nhint: without `--offline`"),
    ] {
        let text = person.pulls(args).refused(code);
        assert!(text.contains(said) && !text.contains("secret"), "{args:?}: {text}");
    }
    let said = person.pulls(&["a/tale"]).env("HF_TOKEN", "hf_secret\u{7}").refused(2);
    assert!(said.contains("the variable HF_TOKEN cannot be used: it holds no token") && !said.contains("secret"), "{said}");
    fs::write(person.home.join("token"), "hf_other\n").unwrap();
    person.pulls(&["a/tale", "--token-file", "token"]).done();
    assert_eq!(fake.hub.seen().pop().unwrap().header("authorization"), Some("Bearer hf_other"));
    // Even a server that says it back does not make it shown.
    fake.shelf().instead = vec![("/api".to_owned(), Reply::of(403, "Bearer hf_secret"))];
    let said = person.pulls(&["a/tale"]).refused(1);
    let page = format!("hint: accept its licence on {}/a/tale, as the one whose token it is\n", fake.hub.url());
    assert!(said.ends_with(&page) && !said.contains("secret"), "{said}");
    let said = person.pulls(&["a/tale"]).env_remove("HF_TOKEN").refused(1);
    assert!(said.contains("and set HF_TOKEN or name a `--token-file`"), "{said}");
}

/// Its header is all that anybody has of it.
#[test]
fn what_will_not_fit_is_refused_before_it_comes() {
    let (header, size) = boast();
    let server = Server::start(move |request| match request.header("range") {
        Some("bytes=0-0") => Reply::of(206, "G").with("Content-Range", format!("bytes 0-0/{size}")),
        Some("bytes=0-1048575") => Reply::of(206, header.clone()).with("Content-Range", format!("bytes 0-1048575/{size}")),
        _ => Reply::of(500, ""),
    });
    let person = Person::new("boast", &server.url());
    let address = format!("{}/huge.gguf", server.url());
    let said = person.pulls(&[&address]).refused(1);
    assert!(said.contains("`huge.gguf` will not fit: it needs about 4.4 TB of memory, and this machine has "), "{said}");
    assert!(
        said.contains(
            "hint: a smaller model would fit, or a smaller quantisation of this one; `afterword models pull --force` fetches"
        ),
        "{said}"
    );
    let asked = server.seen().len();
    assert_eq!(asked, 2);
    // Whoever wants it all the same is told of the disk.
    let said = person.pulls(&[&address, "--force"]).refused(1);
    assert!(said.contains("4.4 TB are to come, and only "), "{said}");
    assert!(said.contains("hint: make room for ") && !person.home.join("cache").exists(), "{said}");
}

#[cfg(unix)]
#[test]
fn ctrl_c_ends_it_and_the_same_command_goes_on() {
    let bytes = fs::read(BUNDLED).unwrap();
    let fake = FakeHub::of(&bytes);
    // Behind a part nothing more comes: what waits is interrupted as well.
    fake.fails([Fault::Stall(1_000_000)]);
    let person = Person::new("interrupted", &fake.hub.url());
    let mut command = person.pulls(&["a/tale"]);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let part = person.home.join(format!("hub/models--a--tale/blobs/{}.incomplete", sum(&bytes)));
    while fs::metadata(&part).map_or(0, |facts| facts.len()) < 1_000_000 {
        std::thread::sleep(Duration::from_millis(5));
    }
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), out(&output).as_str()), (Some(130), ""), "{}", err(&output));
    assert!(err(&output).ends_with("what is here is kept: the same command goes on\n"), "{}", err(&output));
    assert!(!person.file().exists());
    let again = person.pulls(&["a/tale"]).done();
    assert!(err(&again).contains("going on behind 1.0 MB of "), "{}", err(&again));
    assert_eq!(fs::read(person.file()).unwrap(), bytes);
}

/// A person before a terminal is asked, and sees it come.
#[cfg(unix)]
#[test]
fn a_person_is_asked_and_sees_it_come() {
    let bytes = fs::read(BUNDLED).unwrap();
    let fake = FakeHub::with(&[("tale-Q4_K_M.gguf", bytes.clone()), ("\u{1b}]0;PWNED\u{7}.gguf", vec![1])]);
    fake.shelf().pace = Some((1 << 17, Duration::from_millis(15)));
    let person = Person::new("asked", &fake.hub.url());
    let answers = |answer: &'static str| {
        let mut is_given = false;
        let command = person.types(&["models", "info", "hf:a/tale"]);
        let seen = see_while(command, 40, 240, move |text| {
            let now = !is_given && text.contains("[y/N] ");
            is_given |= now;
            if now { Act::Type(answer) } else { Act::Nothing }
        });
        assert!(seen.alarms == 0 && !seen.ran_over, "{}", seen.text());
        assert!(seen.wrote("Fetch 3.8 MB? [y/N] ") && !seen.wrote("secret"), "{}", seen.text());
        seen
    };
    for no in ["n\r", "\r"] {
        let seen = answers(no);
        assert_eq!(seen.code, Some(2));
        assert!(seen.text().contains("is not here, and is not fetched"), "{}", seen.text());
        assert!(fake.fetched().is_empty());
    }
    let seen = answers("y\r");
    assert_eq!(seen.code, Some(0), "{}", seen.text());
    assert!(seen.wrote(" of 3.8 MB") && seen.wrote("tale-Q4_K_M.gguf █"), "{:?}", String::from_utf8_lossy(&seen.bytes));
    assert!(seen.text().contains("Fable 3M"), "{}", seen.text());
    assert_eq!(fs::read(person.file()).unwrap(), bytes);
}

/// Whatever a process is killed at: behind it nothing is half visible, and the same command makes it whole, right and once.
#[cfg(unix)]
#[test]
fn kill_9_at_fifty_moments_leaves_what_the_same_command_makes_whole() {
    const KILLS: usize = 50;
    let bytes = fs::read(BUNDLED).unwrap();
    let fake = FakeHub::of(&bytes);
    fake.shelf().pace = Some((1 << 17, Duration::from_millis(4)));
    let person = Person::new("killed", &fake.hub.url());
    let hub = person.home.join("hub/models--a--tale");
    let blob = hub.join("blobs").join(sum(&bytes));
    let (mut number, mut whole) = (0x2545_F491_4F6C_DD1D_u64, 0);
    for _ in 0..KILLS {
        // The pseudo-random numbers of Marsaglia's xorshift.
        number ^= number << 13;
        number ^= number >> 7;
        number ^= number << 17;
        let mut child = person.pulls(&["a/tale"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_micros(number % 220_000));
        child.kill().unwrap();
        child.wait().unwrap();
        // A name leads to a whole file, and a revision to a name.
        assert!(!blob.exists() || fs::read(&blob).unwrap() == bytes);
        assert!(!person.file().exists() || blob.exists());
        if let Ok(commit) = fs::read_to_string(hub.join("refs/main")) {
            assert_eq!((commit.as_str(), person.file().exists()), (COMMIT, true));
            // It was done: the next one begins from nothing.
            whole += 1;
            fs::remove_dir_all(&hub).unwrap();
        }
    }
    assert_eq!(person.pulls(&["a/tale", "--quiet"]).prints(), format!("{}\n", person.file().display()));
    assert_eq!(fs::read(person.file()).unwrap(), bytes);
    let names = |folder: &str| -> Vec<String> {
        fs::read_dir(hub.join(folder)).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    assert_eq!(
        (names("blobs"), names("refs"), names(&format!("snapshots/{COMMIT}"))),
        (vec![sum(&bytes)], vec!["main".to_owned()], vec!["tale-Q4_K_M.gguf".to_owned()])
    );
    let gone_on = fake.fetched().iter().filter(|range| range.is_some()).count();
    println!("{KILLS} killed, {whole} of them when all was done; {gone_on} went on behind what was there");
}
