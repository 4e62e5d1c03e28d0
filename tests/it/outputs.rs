//! Files that commands write: never over what is read, never over what is not ours, whole or not at all.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::support::{BUNDLED, Ends, afterword, err, folder, shell};
use afterword::story::{Record, StopReason};
use sha2::{Digest, Sha256};

const PROMPT: &str = "Once upon a time";

/// A fresh folder of its own for a test.
/// The program in this folder.
fn within(folder: &Path, args: &[&str]) -> Command {
    let mut command = afterword(args);
    command.current_dir(folder);
    command
}

fn output(folder: &Path, args: &[&str]) -> Output {
    within(folder, args).ended()
}

/// The one sentence of a refusal, and its hint; nothing was told.
fn refused(folder: &Path, code: i32, args: &[&str]) -> String {
    let said = within(folder, args).refused(code);
    assert!(said.starts_with("error: ") && said.lines().count() <= 2 && !said.contains("os error"), "{args:?}: {said}");
    said
}

fn done(folder: &Path, args: &[&str]) -> Output {
    within(folder, args).done()
}

fn sum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// A command line of a short story.
const TOLD: [&str; 8] = ["write", PROMPT, "--threads", "1", "--tokens", "5", "--seed", "1"];

#[test]
fn what_is_read_is_never_written_to() {
    let place = folder("inputs");
    fs::copy(BUNDLED, place.join("m.gguf")).unwrap();
    done(&place, &[&TOLD[..], &["--record", "r.json"]].concat());
    fs::hard_link(place.join("r.json"), place.join("r.html")).unwrap();
    fs::write(place.join("p.txt"), PROMPT).unwrap();
    let before: Vec<Vec<u8>> = names(&place).iter().map(|name| fs::read(place.join(name)).unwrap()).collect();

    let said = refused(&place, 1, &[&TOLD[..], &["--model", "m.gguf", "--record", "m.gguf"]].concat());
    assert!(said.contains("cannot write the record `m.gguf`: it is the model, and stays\nhint: name another file"), "{said}");
    let said = refused(&place, 1, &["report", "r.json", "--out", "r.json"]);
    assert!(said.contains("it is the record that is shown, and stays"), "{said}");
    // Under another name it is the same file.
    assert!(refused(&place, 1, &["report", "r.json"]).contains("it is the record that is shown, and stays"));
    let streams = |stdin: &str, stdout: Option<&str>, record: &str| {
        let mut command = within(&place, &["write", "-", "--threads", "1", "--tokens", "3", "--record", record]);
        command.stdin(fs::File::open(place.join(stdin)).unwrap());
        if let Some(stdout) = stdout {
            command.stdout(fs::File::create(place.join(stdout)).unwrap());
        }
        let output = command.ended();
        assert_eq!(output.status.code(), Some(1));
        err(&output)
    };
    assert!(streams("p.txt", None, "p.txt").contains("it is read from standard input, and stays"));
    assert!(streams("r.json", None, "r.json").contains("it is read from standard input, and stays"));
    assert!(streams("p.txt", Some("story.txt"), "story.txt").contains("it is where standard output goes, and stays"));
    fs::remove_file(place.join("story.txt")).unwrap();
    let after: Vec<Vec<u8>> = names(&place).iter().map(|name| fs::read(place.join(name)).unwrap()).collect();
    assert!(before == after, "a file that was read is another one");
}

#[test]
fn what_is_not_ours_stays() {
    let place = folder("others");
    done(&place, &[&TOLD[..], &["--record", "r.json"]].concat());
    let png = b"\x89PNG\r\n\x1a\nmine".as_slice();
    let others = [
        ("mine.json", b"{\"name\":\"mine\"}".as_slice()),
        ("r.html", b"<!doctype html>mine"),
        ("x.svg", b"<svg>mine"),
        ("x.PNG", png),
    ];
    for (name, text) in others {
        fs::write(place.join(name), text).unwrap();
    }
    assert!(
        refused(&place, 1, &[&TOLD[..], &["--record", "mine.json"]].concat()).contains("that is no record of this program")
    );
    assert!(refused(&place, 1, &["report", "r.json"]).contains("that is no page of this program, and it stays\nhint: "));
    for name in ["r.html", "x.svg", "x.PNG"] {
        let said = refused(&place, 1, &["compare", PROMPT, "--tokens", "3", "--threads", "1", "--out", name]);
        assert!(said.contains(" of this program, and it stays\nhint: ") || said.contains("no font"), "{said}");
    }
    for (name, text) in others {
        assert_eq!(fs::read(place.join(name)).unwrap(), text, "{name}");
    }
}

#[test]
fn what_is_ours_is_made_anew() {
    let place = folder("anew");
    let record = [&TOLD[..], &["--record", "r.json"]].concat();
    let compare =
        |name: &str| output(&place, &["compare", PROMPT, "--tokens", "3", "--threads", "1", "--seed", "1", "--out", name]);
    for _ in 0..2 {
        done(&place, &record);
        done(&place, &["report", "r.json"]);
        for name in ["c.html", "c.svg", "c.PNG"] {
            let drawn = compare(name);
            assert!(drawn.status.success() || err(&drawn).contains("no font"), "{}", err(&drawn));
        }
    }
    assert!(names(&place).iter().all(|name| name.starts_with("r.") || name.starts_with("c.")), "{:?}", names(&place));
}

#[test]
fn a_place_that_cannot_be_is_told_of_before_a_word() {
    let place = folder("places");
    done(&place, &[&TOLD[..], &["--record", "r.json"]].concat());
    fs::create_dir(place.join("folder.svg")).unwrap();
    for (args, code, cause) in [
        (
            &["compare", PROMPT, "--out", "no/such.svg"][..],
            1,
            "cannot write the figure `no/such.svg`: no such file or directory",
        ),
        (&["compare", PROMPT, "--out", "no/such.html"], 1, "cannot write the page `no/such.html`: no such"),
        (&["compare", PROMPT, "--out", "folder.svg"], 1, "cannot write the figure `folder.svg`: it is a folder"),
        (&["write", PROMPT, "--record", "no/such.json"], 1, "cannot write the record `no/such.json`: no such"),
        (&["write", PROMPT, "--record", "r.json/x.json"], 1, "not a directory"),
        (&["write", PROMPT, "--record", "-"], 2, "cannot go to standard output, where the story goes\nhint: name a file"),
        (&["write", PROMPT, "--drafts", "2", "--out", "-"], 2, "it is the name of a folder\nhint: "),
        (&["write", PROMPT, "--drafts", "2", "--out", "r.json"], 1, "cannot make the folder `r.json`"),
        (&["report", "r.json", "--out", "no/such.html"], 1, "cannot write the page `no/such.html`: no such"),
    ] {
        let said = refused(&place, code, args);
        assert!(said.contains(cause), "{args:?}: {said}");
    }
    assert_eq!(names(&place), ["folder.svg", "r.json"]);
}

#[test]
fn a_picture_has_a_largest_size_and_a_drawing_none() {
    let place = folder("large");
    let values: Vec<String> = (1..=2000).map(|value| format!("{}", f64::from(value) / 1000.0)).collect();
    let vary = format!("temperature={}", values.join(","));
    let said = refused(
        &place,
        2,
        &["compare", PROMPT, "--presets", "temperature", "--vary", &vary, "--tokens", "1", "--out", "x.png"],
    );
    assert!(
        said.contains("too large for a PNG") && said.contains("hint: draw an `.svg`") || said.contains("no font"),
        "{said}"
    );
    assert_eq!(names(&place).len(), 0);
}

/// Runs a command that may write no file longer than so many blocks of 512 or 1024 bytes.
#[cfg(unix)]
fn limited(folder: &Path, blocks: usize, args: &[&str]) -> Output {
    shell(&format!("ulimit -f {blocks}; exec \"$0\" \"$@\""), args).current_dir(folder).ended()
}

#[cfg(unix)]
#[test]
fn where_there_is_no_room_the_older_file_stays_and_nothing_is_left() {
    let place = folder("full");
    done(&place, &[&TOLD[..], &["--record", "r.json"]].concat());
    done(&place, &["report", "r.json"]);
    let whole = [fs::read(place.join("r.json")).unwrap(), fs::read(place.join("r.html")).unwrap()];
    let long = ["write", PROMPT, "--threads", "1", "--tokens", "60", "--trace=full", "--record", "r.json"];
    let output = limited(&place, 4, &long);
    // What was told is on standard output, and the sentence is an error and no sudden end.
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    assert!(err(&output).contains("error: cannot write the record `r.json`: file too large"), "{}", err(&output));
    assert!(output.stdout.len() > 100);
    for args in [&["report", "r.json"][..], &["compare", PROMPT, "--threads", "1", "--tokens", "5", "--out", "r.html"]] {
        let output = limited(&place, 4, args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(err(&output).contains("error: cannot write the page `r.html`: file too large"), "{}", err(&output));
    }
    assert_eq!([fs::read(place.join("r.json")).unwrap(), fs::read(place.join("r.html")).unwrap()], whole);
    assert_eq!(names(&place), ["r.html", "r.json"]);
}

/// Kills the real process at moments of a fixed seed, while it takes the place of older files.
#[cfg(unix)]
#[test]
fn whenever_it_is_killed_records_and_pages_are_whole() {
    let place = folder("killed");
    let tell = ["write", PROMPT, "--threads", "1", "--tokens", "40", "--seed", "1", "--trace=full", "--record", "r.json"];
    let report = ["report", "r.json"];
    done(&place, &tell);
    done(&place, &report);
    let page = fs::read(place.join("r.html")).unwrap();
    let (mut state, mut left) = (11_u64, 0);
    for round in 0..60 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let args = if round % 2 == 0 { &tell[..] } else { &report };
        let mut child = within(&place, args).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let most = if round % 2 == 0 { 400 } else { 60 };
        std::thread::sleep(Duration::from_millis((state >> 33) % most));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(Record::read(&place.join("r.json")).unwrap().tokens.len(), 40, "round {round}");
        let now = fs::read(place.join("r.html")).unwrap();
        assert!(now == page || now.ends_with(b"</html>"), "round {round}");
        left += names(&place).len() - 2;
        assert!(names(&place).iter().all(|name| name.starts_with("r.") || name.starts_with(".afterword-")));
    }
    println!("{left} unfinished files seen");
    // The next run clears up.
    done(&place, &tell);
    assert_eq!(names(&place), ["r.html", "r.json"]);
}

/// A preset that looks at a hundred candidates for each token, so that its stories take long enough.
fn slow(folder: &Path) {
    let future = "future = { candidates = 100, entropy-top = 20, alpha = 0 }";
    fs::write(folder.join("slow.toml"), format!("[[chain]]\n{future}\n[[chain]]\ntop-p = 0.9\n")).unwrap();
}

#[cfg(unix)]
#[test]
fn a_record_names_the_weights_that_told_the_story_whatever_became_of_their_file() {
    let place = folder("weights");
    slow(&place);
    let bundled = fs::read(BUNDLED).unwrap();
    let tell =
        ["write", PROMPT, "--threads", "1", "--model", "m.gguf", "--seed", "3", "--preset", "slow.toml", "--tokens", "100000"];
    let told = |happens: &dyn Fn(&Path)| {
        let (model, record) = (place.join("m.gguf"), place.join("r.json"));
        fs::write(&model, &bundled).unwrap();
        let _ = fs::remove_file(&record);
        let mut child = within(&place, &[&tell[..], &["--record", "r.json"]].concat())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // It is told from when there is more than the prompt.
        child.stdout.as_mut().unwrap().read_exact(&mut [0; PROMPT.len() + 2]).unwrap();
        happens(&model);
        assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(130), "{}", err(&output));
        Record::read(&record).unwrap()
    };
    let other = [&bundled[..], b"other"].concat();
    for happens in [&|model: &Path| fs::remove_file(model).unwrap(), &|model: &Path| {
        fs::write(model.with_extension("new"), &other).unwrap();
        fs::rename(model.with_extension("new"), model).unwrap();
    }] as [&dyn Fn(&Path); 2]
    {
        let record = told(happens);
        assert_eq!((record.model.sha256, record.model.size), (sum(&bundled), bundled.len() as u64));
        assert_eq!(record.stop, StopReason::Interrupted);
    }
    // The other file has the name by now, and is not the record's.
    let again = output(&place, &["replay", "r.json"]);
    assert!(err(&again).contains("the model `m.gguf` is not the record's\nhint: "), "{}", err(&again));
}

#[test]
fn a_folder_of_records_and_other_files_becomes_a_page_of_the_records() {
    let place = folder("mixed");
    let inside = place.join("inside");
    fs::create_dir(&inside).unwrap();
    done(&inside, &[&TOLD[..], &["--record", "a.json"]].concat());
    done(&place, &["report", "inside", "--out", "alone.html"]);
    fs::write(inside.join("package.json"), "{\"name\":\"x\",\"version\":\"1.0.0\"}").unwrap();
    let whole = fs::read(inside.join("a.json")).unwrap();
    fs::write(inside.join("torn.json"), &whole[..whole.len() / 2]).unwrap();
    let output = done(&place, &["report", "inside", "--out", "beside.html"]);
    let said = err(&output);
    assert!(said.contains("2 files are no records, and left out: `package.json`, `torn.json`\n"), "{said}");
    assert!(fs::read(place.join("alone.html")).unwrap() == fs::read(place.join("beside.html")).unwrap());
    // Who names a file means it.
    let said = refused(&place, 1, &["report", "inside/a.json", "inside/torn.json"]);
    assert!(said.contains("cannot read the record `inside/torn.json`: it is torn: it ends in the middle"), "{said}");
    for number in 0..3 {
        fs::write(inside.join(format!("m{number}.json")), "[]").unwrap();
    }
    let said = err(&done(&place, &["report", "inside", "--out", "beside.html"]));
    assert!(said.contains("5 files are no records, and left out: `m0.json`, `m1.json`, `m2.json`, …\n"), "{said}");
}

#[cfg(unix)]
#[test]
fn no_record_makes_a_command_wait_or_take_all_memory() {
    let place = folder("devices");
    assert!(Command::new("mkfifo").arg(place.join("pipe.json")).status().unwrap().success());
    let sparse = fs::File::create(place.join("large.json")).unwrap();
    sparse.set_len(Record::LONGEST + 1).unwrap();
    for (path, cause) in [
        ("pipe.json", "it is a pipe, and no file"),
        ("/dev/zero", "it is a device, and no file"),
        (".", "it is a folder, and no file"),
        ("large.json", "it is longer than 256 MiB"),
    ] {
        for args in [&["report", path, "--out", "-"][..], &["replay", path]] {
            if args[0] == "report" && path == "." {
                continue;
            }
            let said = refused(&place, 1, args);
            assert!(said.contains("cannot read the record") && said.contains(cause), "{args:?}: {said}");
        }
    }
}

#[test]
fn a_record_goes_into_a_stream_by_its_name_in_the_file_system() {
    // The story and its record, one behind the other: whoever asks for it gets it.
    let place = folder("stream");
    let mut child = within(&place, &[&TOLD[..], &["--quiet", "--record", "/dev/stderr"]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = Vec::new();
    child.stderr.take().unwrap().read_to_end(&mut said).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0), "{}", String::from_utf8_lossy(&said));
    assert_eq!(Record::parse(&said).unwrap().tokens.len(), 5);
    std::io::stdout().flush().unwrap();
}
