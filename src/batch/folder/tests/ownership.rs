//! Whose files stand in a folder, and what becomes of those of others.

use super::*;

/// A folder with a file of somebody's in it.
fn with(name: &str, bytes: &str) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
    root
}

#[test]
fn what_a_run_has_not_written_stays_as_it_is() {
    let run = example();
    for name in ["novel.unfinished", "prompts.txt", ".hidden", "chapter/one.txt"] {
        let root = with(name, "keep");
        tell(root.path(), &run, &Files).unwrap();
        fs::write(root.path().join("stories/notes.txt.unfinished"), "keep").unwrap();
        tell(root.path(), &run, &Files).unwrap();
        let found = files(root.path());
        assert_eq!(found[Path::new(name)], b"keep");
        assert_eq!(found[Path::new("stories/notes.txt.unfinished")], b"keep");
    }
}

#[test]
fn a_refused_run_leaves_nothing_behind() {
    let run = example();
    for (name, bytes, cause) in [
        ("index.jsonl", "{\"text\":\"Once\"}\n", "it holds an `index.jsonl`, but no `run.toml`"),
        ("stories/mine.txt", "", "it holds stories, but no `run.toml`"),
        ("stories", "mine", "`stories` is no folder there"),
        (".lock", "mine", "its `.lock` is not one of this program's"),
        ("run.toml", "[package]\nname = 'mine'\n", "cannot read the run"),
        ("run.toml.unfinished/mine", "", "`run.toml.unfinished` is a folder there"),
    ] {
        let root = with(name, bytes);
        let before = files(root.path());
        for refused in [Folder::open(root.path(), &run, &Files).err(), Folder::look(root.path(), &run).err()] {
            let told = format!("{:#}", refused.unwrap());
            assert!(told.contains(cause), "{name}: {told}");
        }
        assert_eq!(files(root.path()), before);
        assert_eq!(root.path().join("stories").exists(), name.starts_with("stories"));
    }
    let file = with("out", "mine");
    let told = format!("{:#}", Folder::open(&file.path().join("out"), &run, &Files).err().unwrap());
    assert!(told.ends_with("out`: it is no folder"), "{told}");
}

#[test]
fn an_index_of_others_is_not_written_over() {
    let (run, root) = (example(), tempfile::tempdir().unwrap());
    tell(root.path(), &run, &Files).unwrap();
    fs::write(root.path().join("index.jsonl"), "{\"text\":\"Once\"}\n").unwrap();
    let before = files(root.path());
    let told = format!("{:#}", tell(root.path(), &run, &Files).unwrap_err());
    assert!(told.contains("no index of stories, and it stays\nhint: "), "{told}");
    assert_eq!(files(root.path()), before);
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_a_link() {
    use std::os::unix::fs::symlink;
    let run = example();
    for (name, refused) in [
        ("run.toml.unfinished", false),
        ("index.jsonl.unfinished", false),
        ("stories/ab--wave--2.txt", false),
        ("stories/ab--wave--2.json.unfinished", false),
        (".lock", true),
        ("index.jsonl", true),
    ] {
        let root = tempfile::tempdir().unwrap();
        let (out, victim) = (root.path().join("out"), root.path().join("victim"));
        if name != ".lock" {
            drop(Folder::open(&out, &run, &Files).unwrap());
        }
        fs::create_dir_all(&out).unwrap();
        fs::write(&victim, "mine").unwrap();
        let _ = fs::remove_file(out.join(name));
        symlink(&victim, out.join(name)).unwrap();
        assert_eq!(tell(&out, &run, &Files).is_err(), refused, "{name}");
        assert_eq!(fs::read(&victim).unwrap(), b"mine", "{name}");
        let link = out.join(name).symlink_metadata().is_ok_and(|facts| facts.is_symlink());
        assert_eq!(link, refused, "{name}");
    }
    // Nor is anything made where a link points to nothing.
    let root = tempfile::tempdir().unwrap();
    symlink("elsewhere", root.path().join(".lock")).unwrap();
    assert!(Folder::open(root.path(), &run, &Files).is_err());
    assert!(!root.path().join("elsewhere").exists());
}

#[cfg(unix)]
#[test]
fn what_is_no_ordinary_file_is_refused_and_not_waited_for() {
    use std::os::unix::fs::symlink;
    let run = example();
    for name in ["run.toml", "index.jsonl", ".lock", "stories/ab--wave--2.json", "stories/ab--wave--2.txt"] {
        for kind in ["pipe", "device", "folder"] {
            let root = tempfile::tempdir().unwrap();
            tell(root.path(), &run, &Files).unwrap();
            let path = root.path().join(name);
            fs::remove_file(&path).unwrap();
            match kind {
                "pipe" => assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success()),
                "device" => symlink("/dev/zero", &path).unwrap(),
                _ => fs::create_dir(&path).unwrap(),
            }
            let told = format!("{:#}", tell(root.path(), &run, &Files).unwrap_err());
            assert!(told.starts_with("cannot "), "{name} as a {kind}: {told}");
        }
    }
}

#[test]
fn a_folder_may_have_any_name() {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        let root = tempfile::tempdir().unwrap();
        let run = example();
        let out = root.path().join(std::ffi::OsStr::from_bytes(b"d\xff"));
        // Where its name as it is shown is that of another folder, that one stays empty.
        let shown = root.path().join("d\u{fffd}");
        fs::create_dir(&shown).unwrap();
        tell(&out, &run, &Files).unwrap();
        assert_eq!(tell(&out, &run, &Files).unwrap(), 0);
        assert_eq!((files(&out).len(), fs::read_dir(shown).unwrap().count()), (11, 0));
    }
}

#[test]
fn what_is_gone_at_the_end_is_told_of_and_left_out_of_the_index() {
    let (run, root) = (example(), tempfile::tempdir().unwrap());
    tell(root.path(), &run, &Files).unwrap();
    let whole = files(root.path());
    let mut folder = Folder::open(root.path(), &run, &Files).unwrap();
    fs::remove_file(root.path().join("stories/ab--wave--2.json")).unwrap();
    fs::write(root.path().join("stories/ab--wave--1.json"), "{}").unwrap();
    fs::remove_file(root.path().join("stories/a-wolf-in-a-wood--wave--1.txt")).unwrap();
    fs::remove_file(root.path().join("run.toml")).unwrap();
    folder.finish().unwrap();
    let Findings { mended, edited, gone, lost_run } = folder.findings();
    assert_eq!(gone, ["ab--wave--1", "ab--wave--2"]);
    assert_eq!((mended, edited.len(), lost_run), (vec!["a-wolf-in-a-wood--wave--1".to_owned()], 0, true));
    let index = fs::read_to_string(root.path().join("index.jsonl")).unwrap();
    assert_eq!((index.lines().count(), folder.shelf().len()), (2, 2));
    drop(folder);
    assert_eq!(tell(root.path(), &run, &Files).unwrap(), 2);
    assert_eq!(files(root.path()), whole);
}

#[test]
fn a_folder_that_was_taken_away_gets_no_story() {
    let run = example();
    let item = run.matrix().items().next().unwrap();
    let root = tempfile::tempdir().unwrap();
    let (out, away) = (root.path().join("out"), root.path().join("away"));
    for another in [false, true] {
        let mut folder = Folder::open(&out, &run, &Files).unwrap();
        fs::rename(&out, &away).unwrap();
        if another {
            drop(Folder::open(&out, &run, &Files).unwrap());
        }
        let before = if another { files(&out).len() } else { 0 };
        let told = format!("{:#}", folder.keep(item, &record(&run, item)).unwrap_err());
        assert!(told.contains("was removed, or another one has its name now"), "{told}");
        assert!(folder.finish().is_err());
        assert_eq!(if another { files(&out).len() } else { usize::from(out.exists()) }, before);
        let _ = fs::remove_dir_all(&out);
        fs::remove_dir_all(&away).unwrap();
    }
    // Only a part of it can be put back.
    let mut folder = Folder::open(&out, &run, &Files).unwrap();
    fs::remove_dir_all(out.join("stories")).unwrap();
    fs::remove_file(out.join("run.toml")).unwrap();
    folder.keep(item, &record(&run, item)).unwrap();
    drop(folder);
    assert_eq!(Folder::look(&out, &run).unwrap().0.len(), 1);
}

#[test]
fn a_story_of_another_run_is_neither_counted_nor_written_over() {
    let (run, root) = (example(), tempfile::tempdir().unwrap());
    tell(root.path(), &run, &Files).unwrap();
    let path = root.path().join("stories/ab--wave--2.json");
    let item = run.matrix().items().last().unwrap();
    let changed = |change: Change| {
        let mut record = record(&run, item);
        change(&mut record);
        fs::write(&path, record.to_json().unwrap()).unwrap();
    };
    let foreign: [(Change, &str); 3] = [
        (|record| record.model.sha256.push('b'), "its model is another"),
        (|record| record.run.limit = 5, "its most tokens is 5 (that of the run is 9)"),
        (|record| record.format = 999, "it has the form 999"),
    ];
    for (change, cause) in foreign {
        changed(change);
        let before = files(root.path());
        let told = format!("{:#}", tell(root.path(), &run, &Files).unwrap_err());
        assert!(told.contains(cause) && told.contains("ab--wave--2.json` is no story of this run"), "{told}");
        assert_eq!(files(root.path()), before);
        let told = format!("{:#}", merge(&[root.path().to_owned()], &root.path().join("into"), &Files).err().unwrap());
        assert!(told.starts_with("cannot join `") && told.contains(cause), "{told}");
        fs::remove_dir_all(root.path().join("into")).unwrap();
    }
    changed(|record| record.tokens.truncate(3));
    assert_eq!(tell(root.path(), &run, &Files).unwrap(), 1);
    changed(|record| record.stop = StopReason::Interrupted);
    let merged = merge(&[root.path().to_owned()], &root.path().join("into"), &Files).unwrap();
    assert_eq!((merged.missing.stories.len(), merged.folder.shelf().len()), (1, 3));
    drop(merged);
    assert_eq!(tell(root.path(), &run, &Files).unwrap(), 1);
}

#[test]
fn a_text_that_somebody_has_worked_on_stays_and_comes_along() {
    let (run, root) = (example(), tempfile::tempdir().unwrap());
    let out = root.path().join("out");
    tell(&out, &run, &Files).unwrap();
    let text = out.join("stories/ab--wave--2.txt");
    fs::write(&text, "My own words.\n").unwrap();
    let mut folder = Folder::open(&out, &run, &Files).unwrap();
    folder.finish().unwrap();
    assert_eq!((&folder.findings().edited[..], folder.shelf().len()), (&["ab--wave--2".to_owned()][..], 4));
    drop(folder);
    drop(merge(std::slice::from_ref(&out), &root.path().join("into"), &Files).unwrap());
    for folder in ["out", "into"] {
        assert_eq!(fs::read(root.path().join(folder).join("stories/ab--wave--2.txt")).unwrap(), b"My own words.\n");
    }
}

#[test]
fn a_look_at_a_folder_finds_what_a_run_would_and_changes_nothing() {
    let (run, root) = (example(), tempfile::tempdir().unwrap());
    let out = root.path().join("out");
    assert!(Folder::look(&out, &run).unwrap().0.is_empty() && !out.exists());
    let folder = Folder::open(&out, &run, &Files).unwrap();
    assert!(format!("{:#}", Folder::look(&out, &run).err().unwrap()).starts_with("another run is writing to"));
    drop(folder);
    tell(&out, &run, &Files).unwrap();
    fs::remove_file(out.join("stories/ab--wave--2.json")).unwrap();
    fs::write(out.join("stories/ab--wave--1.txt"), "").unwrap();
    fs::write(out.join("stories/ab--wave--1.txt.unfinished"), "x").unwrap();
    let before = files(&out);
    assert_eq!(Folder::look(&out, &run).unwrap().0.len(), 3);
    let other = RunFile { seeds: "2..3".parse().unwrap(), ..example() };
    assert!(format!("{:#}", Folder::look(&out, &other).err().unwrap()).contains("the seeds are 2..3 (they were 1..2)"));
    assert_eq!(files(&out), before);
}
