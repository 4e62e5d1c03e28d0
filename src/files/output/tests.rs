//! What an output never does, on a real disk.

use super::*;

const OURS: &str = "{\"format\":1,\"prompt\":\"Once\"}";

fn output(path: &Path, inputs: &Inputs) -> Result<Output> {
    Output::new(path, Form::RECORD, inputs)
}

fn refusal(path: &Path, inputs: &Inputs) -> String {
    output(path, inputs).unwrap_err().to_string()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn an_output_is_never_an_input() {
    let folder = tempfile::tempdir().unwrap();
    let (file, other) = (folder.path().join("record.json"), folder.path().join("other.json"));
    fs::write(&file, OURS).unwrap();
    fs::hard_link(&file, &other).unwrap();
    let inputs = Inputs::default().with(&file, "the record that is shown");
    for path in [&file, &other, &folder.path().join(".").join("record.json")] {
        assert!(refusal(path, &inputs).ends_with("it is the record that is shown, and stays\nhint: name another file"));
    }
    // What is of the same form and no input may be replaced.
    output(&file, &Inputs::default()).unwrap().write(b"{\"format\":1,\"prompt\":\"Twice\"}").unwrap();
    assert_eq!(fs::read_to_string(other).unwrap(), OURS, "another name of the older file keeps it");
    assert_eq!(names(folder.path()), ["other.json", "record.json"]);
}

#[test]
fn only_what_is_ours_or_empty_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("mine.json"), "{\"name\": \"mine\"}").unwrap();
    fs::write(at("empty.json"), "").unwrap();
    fs::write(at("ours.json"), OURS).unwrap();
    fs::create_dir(at("folder")).unwrap();
    let none = Inputs::default();
    assert!(
        refusal(&at("mine.json"), &none).contains("there is a file that is no record of this program, and it stays\nhint: ")
    );
    assert!(refusal(&at("folder"), &none).ends_with("it is a folder"));
    assert!(refusal(&at("folder/"), &none).ends_with("it names a folder"));
    assert!(refusal(&at("none/new.json"), &none).ends_with("no such file or directory"));
    assert!(refusal(&at("mine.json/new.json"), &none).ends_with("not a directory"));
    assert!(refusal(Path::new(""), &none).ends_with("it has no name"));
    for name in ["empty.json", "ours.json", "new.json"] {
        output(&at(name), &none).unwrap().write(b"{}").unwrap();
        assert_eq!(fs::read(at(name)).unwrap(), b"{}");
    }
    let mut facts = fs::metadata(at("empty.json")).unwrap().permissions();
    facts.set_readonly(true);
    fs::set_permissions(at("empty.json"), facts).unwrap();
    assert!(refusal(&at("empty.json"), &none).ends_with("protected against writing"));
}

#[test]
fn what_comes_in_the_meantime_stays() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("record.json");
    let output = output(&file, &Inputs::default()).unwrap();
    fs::write(&file, "mine").unwrap();
    assert!(output.write(b"{}").unwrap_err().to_string().contains("and it stays"));
    fs::remove_file(&file).unwrap();
    let staged = output.stage(b"{}").unwrap();
    fs::write(&file, "mine").unwrap();
    assert!(staged.commit().unwrap_err().to_string().contains("there is such a file by now, and it stays\nhint: "));
    assert_eq!((fs::read(&file).unwrap().as_slice(), names(folder.path()).len()), (&b"mine"[..], 1));
}

#[cfg(unix)]
#[test]
fn a_link_stays_and_leads_to_nothing_that_is_not_ours() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("mine"), "mine").unwrap();
    fs::write(at("ours.json"), OURS).unwrap();
    for (to, link) in
        [("mine", "to-mine"), ("none", "dangling"), ("ours.json", "to-ours"), ("loop", "loop"), ("/dev/null", "null")]
    {
        symlink(to, at(link)).unwrap();
    }
    let none = Inputs::default();
    assert!(refusal(&at("to-mine"), &none).contains("and it stays"));
    assert!(refusal(&at("dangling"), &none).ends_with("it is a link to nothing"));
    assert!(!refusal(&at("loop"), &none).contains("os error"));
    output(&at("to-ours"), &none).unwrap().write(b"{}").unwrap();
    assert!(at("to-ours").symlink_metadata().unwrap().is_symlink());
    assert_eq!(fs::read(at("ours.json")).unwrap(), b"{}");
    output(&at("null"), &none).unwrap().write(b"{}").unwrap();
    assert!(!at("none").exists());
}

#[test]
fn what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let others = [".afterword-abc.unfinished", ".afterword-abcdef.unfinished.txt", "novel.unfinished"];
    for name in others.iter().chain(&[".afterword-abc123.unfinished"]) {
        fs::write(at(name), "half").unwrap();
    }
    fs::create_dir(at(".afterword-folder.unfinished")).unwrap();
    let living = beside(&at("other.json")).unwrap();
    output(&at("record.json"), &Inputs::default()).unwrap();
    assert!(!at(".afterword-abc123.unfinished").exists());
    assert!(others.iter().all(|name| at(name).exists()) && at(".afterword-folder.unfinished").exists());
    assert!(living.path().exists());
    drop(living);
    assert_eq!(names(folder.path()).len(), 4);
}
