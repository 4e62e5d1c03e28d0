//! A writer's own file: told on, added to, given back, and never changed otherwise.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{Ends, afterword, err, folder, out, read_json, shell, signal};

/// A chapter in a folder of its own.
fn chapter(name: &str, bytes: &[u8]) -> PathBuf {
    let file = folder(name).join("chapter.md");
    fs::write(&file, bytes).unwrap();
    file
}

/// The program at a file, with a place of its own for what it remembers.
fn at(file: &Path, command: &str, args: &[&str]) -> Command {
    let mut command = match command {
        "desk" => afterword(["desk", file.to_str().unwrap(), "--threads", "1"]),
        _ => afterword(["write", "--append", file.to_str().unwrap()]),
    };
    command.args(args).env("AFTERWORD_STATE", file.with_file_name("state"));
    command
}

fn write(file: &Path, args: &[&str]) -> Command {
    let mut command = at(file, "write", &["--threads", "1"]);
    command.args(args);
    command
}

#[test]
fn what_is_told_comes_behind_the_text_and_goes_again() {
    let before = "The sea was calm.\n\nOnce upon a time there was a little".as_bytes();
    let file = chapter("behind", before);
    let first = write(&file, &["--seed", "1", "--tokens", "20"]).done();
    assert_eq!(fs::read(&file).unwrap(), [before, &first.stdout].concat());
    assert!(err(&first).contains("to `") && err(&first).contains("added "), "{}", err(&first));
    let second = write(&file, &["--seed", "1", "--tokens", "20"]).done();
    assert_eq!(fs::read(&file).unwrap(), [before, &first.stdout, &second.stdout].concat());
    assert_eq!(at(&file, "write", &["--undo"]).done().stdout, second.stdout);
    assert_eq!(at(&file, "write", &["--undo"]).done().stdout, first.stdout);
    assert_eq!(fs::read(&file).unwrap(), before);
    assert!(at(&file, "write", &["--undo"]).refused(1).contains("no piece of"));
}

/// A model sees the same tokens, wherever its text comes from.
#[test]
fn a_prompt_from_a_file_is_the_prompt_from_elsewhere() {
    let text = "Once upon a time,\n\nthere was a sea.\n";
    let file = chapter("tokens", text.as_bytes());
    let record = |name: &str| file.with_file_name(name).to_str().unwrap().to_owned();
    let told = write(&file, &["--seed", "3", "--tokens", "12", "--record", &record("file.json")]).done();
    let common = ["--seed", "3", "--tokens", "12", "--threads", "1", "--raw", "--no-prompt", "--record"];
    afterword(["write", text].iter().chain(&common).copied().chain([record("typed.json").as_str()])).done();
    let piped = afterword(["write"].iter().chain(&common).copied().chain([record("piped.json").as_str()])).fed(text.as_bytes());
    assert_eq!(piped.stdout, told.stdout);
    let tokens =
        ["file.json", "typed.json", "piped.json"].map(|name| read_json::<Value>(file.with_file_name(name))["tokens"].clone());
    let prompts =
        ["file.json", "typed.json", "piped.json"].map(|name| read_json::<Value>(file.with_file_name(name))["prompt"].clone());
    assert!(tokens.iter().all(|one| *one == tokens[0] && one.as_array().is_some_and(|all| all.len() == 12)), "{tokens:?}");
    assert!(prompts.iter().all(|one| *one == prompts[0]));
}

#[test]
fn pieces_are_the_story_that_is_told_at_once() {
    let (whole, pieces) = (chapter("whole", b"Once upon a time"), chapter("pieces", b"Once upon a time"));
    write(&whole, &["--seed", "5", "--tokens", "48"]).done();
    for _ in 0..4 {
        write(&pieces, &["--seed", "5", "--tokens", "12"]).done();
    }
    // The wave goes on where it stood, and so does the noise.
    assert_eq!(fs::read_to_string(&pieces).unwrap(), fs::read_to_string(&whole).unwrap());
}

#[test]
fn what_is_longer_than_the_context_is_seen_from_its_beginning_and_its_end() {
    let text = (0..200).map(|line| format!("This is line {line} of a long story.\n\n")).collect::<Vec<_>>().concat();
    let file = chapter("long", text.as_bytes());
    let record = file.with_file_name("record.json");
    let args = ["--tokens", "20", "--seed", "1", "--record", record.to_str().unwrap()];
    let said = err(&write(&file, &args).done());
    assert!(said.contains("is longer than the context: the model sees its beginning and its end, and not"), "{said}");
    let prompt = read_json::<Value>(&record)["prompt"].as_str().unwrap().to_owned();
    assert!(prompt.starts_with("This is line 0 of") && prompt.ends_with("This is line 199 of a long story.\n\n"), "{prompt}");
    // Notes stand in the place of the beginning.
    let notes = file.with_file_name("notes.md");
    fs::write(&notes, "Mara is a sailor.\n").unwrap();
    let with = [&args[..], &["--with", notes.to_str().unwrap()]].concat();
    fs::remove_file(&record).unwrap();
    write(&file, &with).done();
    let prompt = read_json::<Value>(&record)["prompt"].as_str().unwrap().to_owned();
    assert!(prompt.starts_with("Mara is a sailor.\n\nThis is line "), "{prompt}");
    assert!(fs::read_to_string(&file).unwrap().starts_with(&text));
}

#[test]
fn front_matter_rules_where_nothing_is_typed_and_is_never_told() {
    let text =
        "+++\ntitle = \"The sea\"\npreset = \"greedy\"\ntokens = 7\nseed = 5\nnotes = \"cast.md\"\n+++\n\nOnce upon a time";
    let file = chapter("front", text.as_bytes());
    fs::write(file.with_file_name("cast.md"), "Mara is a sailor.").unwrap();
    let record = file.with_file_name("record.json");
    let with_record = ["--record", record.to_str().unwrap()];
    // It overrules a default of one's own, too.
    write(&file, &with_record).env("AFTERWORD_PRESET", "open").done();
    let told: Value = read_json(&record);
    assert_eq!((&told["preset"], &told["seed"], &told["run"]["limit"]), (&"greedy".into(), &5.into(), &7.into()));
    assert_eq!(told["prompt"], "Mara is a sailor.\n\nOnce upon a time");
    assert!(fs::read_to_string(&file).unwrap().starts_with(text));
    at(&file, "write", &["--undo"]).done();
    fs::remove_file(&record).unwrap();
    let typed = [&with_record[..], &["--preset", "temperature", "--tokens", "4", "--seed", "9"]].concat();
    write(&file, &typed).done();
    let told: Value = read_json(&record);
    assert_eq!((&told["preset"], &told["seed"], &told["run"]["limit"]), (&"temperature".into(), &9.into(), &4.into()));
    for (wrong, said) in [
        ("+++\nseeed = 1\n+++\nOnce", "`seeed` in the front matter is no key\nhint: did you mean `seed`?"),
        ("+++\ntokens = 0\n+++\nOnce", "`tokens = 0` in the front matter cannot be: expected a whole number from 1 up"),
        ("+++\npreset = \"none\"\n+++\nOnce", "stands in the front matter of"),
    ] {
        fs::write(&file, wrong).unwrap();
        let refused = write(&file, &[]).ended();
        assert!(err(&refused).contains(said) && !refused.status.success(), "{}", err(&refused));
        assert_eq!(fs::read_to_string(&file).unwrap(), wrong);
    }
    let named = afterword(["write", file.to_str().unwrap()]).refused(2);
    assert!(named.contains("is a file, and a prompt is words\nhint: `afterword write --append "), "{named}");
}

#[test]
fn what_cannot_be_added_to_is_refused_before_a_model_is_loaded() {
    let file = chapter("refused", b"caf\xe9");
    assert!(write(&file, &[]).refused(1).contains("it is not UTF-8: byte 3 begins no character"));
    let none = file.with_file_name("none.md");
    assert!(write(&none, &[]).refused(1).contains("no such file or directory\nhint: write its first words yourself"));
    assert!(write(file.parent().unwrap(), &[]).refused(1).contains("it is a folder"));
    fs::write(&file, " \n").unwrap();
    assert!(write(&file, &[]).refused(2).contains("has no text to go on from"));
    fs::write(&file, "Once").unwrap();
    let mut rights = fs::metadata(&file).unwrap().permissions();
    rights.set_readonly(true);
    fs::set_permissions(&file, rights.clone()).unwrap();
    assert!(write(&file, &[]).refused(1).contains("it is protected against writing"));
    assert!(write(&file, &["--chat"]).refused(2).contains("cannot be given together"));
    assert!(afterword(["write", "x", "--undo"]).refused(2).contains("hint: name the file: `--append FILE --undo`"));
}

#[test]
fn what_an_editor_saves_meanwhile_stays_and_the_story_is_kept_beside_it() {
    let file = chapter("meanwhile", b"Once upon a time");
    // The first words are there, so the file is read: then an editor saves.
    let script = "\"$0\" \"$@\" | { head -c 1; printf 'Once upon another time' > \"$CHAPTER\"; cat; }; echo";
    let mut command = shell(
        script,
        [
            "write",
            "--append",
            file.to_str().unwrap(),
            "--threads",
            "1",
            "--tokens",
            "600",
            "--min-tokens",
            "600",
            "--no-loop-stop",
        ],
    );
    let output = command.env("CHAPTER", &file).env("AFTERWORD_STATE", file.with_file_name("state")).ended();
    let said = err(&output);
    assert!(
        said.contains("it was changed while the story was told\nhint: it stays as it is, and what was told stands in"),
        "{said}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "Once upon another time");
    let kept = fs::read_to_string(file.with_file_name("chapter.told.md")).unwrap();
    assert_eq!(format!("{kept}\n"), out(&output));
}

#[test]
fn ctrl_c_keeps_what_was_told_in_whole_words() {
    let file = chapter("interrupted", b"Once upon a time");
    let child = write(&file, &["--tokens", "900", "--min-tokens", "900", "--seed", "2", "--no-loop-stop"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let began = Instant::now();
    std::thread::sleep(Duration::from_millis(300));
    signal(&child, "INT");
    let output = child.wait_with_output().unwrap();
    assert!(began.elapsed() < Duration::from_secs(60));
    let added = fs::read_to_string(&file).unwrap();
    let added = added.strip_prefix("Once upon a time").unwrap();
    // It may have been too quick, or not begun; in any case the file has what was said, up to a word.
    assert!(out(&output).starts_with(added) && matches!(output.status.code(), Some(0 | 130)), "{}", err(&output));
    assert!(out(&output)[added.len()..].split_whitespace().count() <= 1);
}

/// Whatever ends the program, the writer's bytes stand there once, and behind them a whole piece or nothing.
#[test]
fn kill_9_at_200_random_moments_loses_and_doubles_nothing() {
    let before = "The sea was calm. 狼\r\n\r\nOnce upon a time".as_bytes();
    let file = chapter("killed", before);
    let mut random = 1_u64;
    let (mut kept, mut pieces) = (before.to_vec(), 0);
    for round in 0..200 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let seed = round.to_string();
        let mut child =
            write(&file, &["--tokens", "6", "--seed", &seed]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_micros((random >> 33) % 90_000));
        signal(&child, "KILL");
        child.wait().unwrap();
        let now = fs::read(&file).unwrap();
        assert!(now.starts_with(&kept), "round {round}");
        if now != kept {
            pieces += 1;
        }
        kept = now;
        // Undo takes back all that was added, and nothing else.
        if round % 10 == 9 {
            while at(&file, "write", &["--undo"]).ended().status.success() {}
            assert_eq!(fs::read(&file).unwrap(), before, "round {round}");
            kept = before.to_vec();
        }
    }
    assert!(pieces > 0, "no piece was ever added: the moments are too early");
}

/// The desk through a pipe: each line is a key.
#[test]
fn the_file_is_what_the_desk_did() {
    let before = "Once upon a time there was a little";
    let file = chapter("desk", before.as_bytes());
    let desk = |keys: &str| {
        let output = at(&file, "desk", &["--seed", "3", "--tokens", "16"]).fed(keys.as_bytes());
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
        (out(&output), err(&output), fs::read_to_string(&file).unwrap())
    };
    let (told, said, one) = desk("\nq\n");
    assert_eq!(one, format!("{before}{told}"));
    assert!(said.contains("Enter on · r again · 1-9 word") && said.contains(" → "), "{said}");
    // Undo reaches back to another day, and the same seed tells the same piece.
    assert_eq!(desk("u\nq\n").2, before);
    assert_eq!(desk("\n").2, one);
    assert_eq!(desk("u\n").2, before);
    // Again and another word take the place of the piece, and undo brings it back.
    let (_, _, again) = desk("\nr\nq\n");
    assert!(again.starts_with(before) && again != one);
    assert_eq!(desk("u\n\nr\nu\nq\n").2, one);
    assert_eq!(desk("u\n\n2\nu\nq\n").2, one);
    let (_, said, word) = desk("u\n\n2\nq\n");
    assert!(word.starts_with(before) && word != one, "{said}");
    // Of drafts the chosen one is added, and none where none is.
    let (shown, _, draft) = desk("u\nd\n2\nq\n");
    assert!(shown.contains("seed 4") && draft.starts_with(before) && draft.len() > before.len(), "{shown}");
    assert_eq!(desk("u\nd\nx\nq\n").2, before);
    let (_, said, _) = desk("x\n9\np\nnone\np\nopen\n?\nq\n");
    for part in ["`x` does nothing here", "nothing was told here yet", "there is no preset `none`", "preset open", "this help"]
    {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    let many = at(&file, "desk", &["--drafts", "99"]).refused(2);
    assert!(many.contains("99 drafts are too many") && many.contains("hint: at most 15 fit"), "{many}");
}

#[test]
fn the_desk_reads_what_an_editor_has_written() {
    let file = chapter("editor", b"Once upon a time");
    let editor = file.with_file_name("editor.sh");
    fs::write(&editor, "#!/bin/sh\nprintf ' in May' >> \"$2\"\n").unwrap();
    let mut command = at(&file, "desk", &["--seed", "3", "--tokens", "16"]);
    command.env("EDITOR", format!("sh '{}' --wait", editor.display())).env_remove("VISUAL");
    let output = command.fed(b"e\n\nq\n");
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with("Once upon a time in May") && text.ends_with(out(&output).as_str()), "{}", err(&output));
    let output = at(&file, "desk", &[]).env_remove("EDITOR").env_remove("VISUAL").fed(b"e\nq\n");
    assert!(err(&output).contains("no editor is named\nhint: set EDITOR"), "{}", err(&output));
}

#[test]
fn a_session_at_the_desk_in_a_terminal() {
    use crate::support::pty::{Act, see_while};
    let file = chapter("terminal", b"Once upon a time there was a little");
    let mut keys = ["\r", "r", "1", "u", "?", "q"].into_iter();
    let mut asked = 0;
    let seen = see_while(at(&file, "desk", &["--seed", "3", "--tokens", "16"]), 30, 80, |all| {
        let now = all.matches("preset · ? ·").count();
        if now > asked {
            asked = now;
            return keys.next().map_or(Act::Nothing, Act::Type);
        }
        Act::Nothing
    });
    assert_eq!((seen.code, seen.ran_over), (Some(0), false), "{}", seen.text());
    // The piece at the end of the file is what stands on the screen, in lines of whole words.
    let text = fs::read_to_string(&file).unwrap();
    let words: Vec<&str> = text.split_whitespace().collect();
    let shown = seen.words();
    assert!(shown.windows(words.len()).any(|window| window == words), "{text}\n---\n{}", seen.text());
    assert!(seen.text().contains("the piece before stands there again") && seen.text().contains("undo: what was done last"));
}

/// What was typed last is no word yet: it is told on, and stands there once.
#[test]
fn a_space_at_the_end_of_the_text_stands_there_once() {
    let before = "Once upon a time there was a ";
    let file = chapter("space", before.as_bytes());
    let desk = |keys: &str| {
        let output = at(&file, "desk", &["--seed", "3", "--tokens", "16"]).fed(keys.as_bytes());
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
        fs::read_to_string(&file).unwrap()
    };
    for keys in ["\nq\n", "\n1\nq\n", "\n1\nr\nq\n", "\n3\n2\nq\n", "d\n1\nq\n"] {
        let text = desk(keys);
        let added = text.strip_prefix(before).unwrap();
        assert!(!added.starts_with(' ') && !added.is_empty(), "{keys:?}: {added:?}");
        while at(&file, "write", &["--undo"]).ended().status.success() {}
        assert_eq!(fs::read_to_string(&file).unwrap(), before);
    }
    let told = write(&file, &["--seed", "3", "--tokens", "16"]).done();
    assert_eq!(fs::read(&file).unwrap(), [before.as_bytes(), &told.stdout].concat());
}
