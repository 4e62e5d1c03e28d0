//! Doubts about the folder: a disk that fails at any of its deeds, and what the next run finds.

mod growth;
mod ownership;

use std::cell::Cell;
use std::collections::BTreeMap;
use std::{fs, io};

use super::super::disk::Files;
use super::super::merge::{Missing, Short, merge};
use super::super::run::tests::example;
use super::*;
use crate::story::{Banned, Mode, ModelFile, StopReason, Times};

/// How a deed fails.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    /// Nothing happens.
    Refused,
    /// A file gets a part of its bytes.
    Short,
    /// Nothing happens now or later: the power is cut.
    Cut,
}

/// A disk whose deed with this number fails.
struct Faulty {
    fault: Fault,
    at: usize,
    done: Cell<usize>,
}

impl Faulty {
    fn new(fault: Fault, at: usize) -> Self {
        Self { fault, at, done: Cell::new(0) }
    }

    /// Whether this deed fails.
    fn fails(&self) -> Option<io::Error> {
        let deed = self.done.replace(self.done.get() + 1);
        let fails = deed == self.at || deed > self.at && self.fault == Fault::Cut;
        let kind = if self.fault == Fault::Refused { ErrorKind::PermissionDenied } else { ErrorKind::StorageFull };
        fails.then(|| kind.into())
    }

    fn half<'b>(&self, bytes: &'b [u8]) -> &'b [u8] {
        if self.fault == Fault::Refused { &[] } else { &bytes[..bytes.len() / 2] }
    }
}

impl Disk for Faulty {
    fn create_folder(&self, path: &Path) -> io::Result<()> {
        self.fails().map_or_else(|| Files.create_folder(path), Err)
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let Some(error) = self.fails() else { return Files.write(path, bytes) };
        if self.fault != Fault::Refused {
            Files.write(path, self.half(bytes))?;
        }
        Err(error)
    }

    fn append(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let Some(error) = self.fails() else { return Files.append(path, bytes) };
        Files.append(path, self.half(bytes))?;
        Err(error)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.fails().map_or_else(|| Files.rename(from, to), Err)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.fails().map_or_else(|| Files.remove(path), Err)
    }
}

/// A record of this story; nothing in it is left to chance.
pub fn record(run: &RunFile, item: Item) -> Record {
    Record {
        baseline: None,
        format: FORMAT,
        prompt: run.prompt[item.prompt].text.clone(),
        mode: Mode::Raw,
        parse_special: false,
        healed: String::new(),
        text: format!(" and the story with the number {}", item.number),
        stop: StopReason::Tokens,
        preset: run.preset[item.voice].label(),
        resolved: run.preset[item.voice].resolved.clone(),
        seed: item.seed,
        model: ModelFile { ..run.model.clone() },
        run: run.settings.clone(),
        resumed: None,
        draft: None,
        versions: run.versions.clone(),
        prompt_tokens: vec![1, 2],
        clock: 0,
        tokens: vec![u32::try_from(item.number).unwrap(); 9],
        feedback: None,
        banned: Banned::default(),
        mean_log_p: -1.5,
        evaluations: 10,
        decodes: 9,
        slides: 0,
        times: Times::default(),
        trace: Vec::new(),
    }
}

/// Tells what is missing; the first error ends the run. Returns how many stories were told.
fn tell(root: &Path, run: &RunFile, disk: &dyn Disk) -> Result<usize> {
    let mut folder = Folder::open(root, run, disk)?;
    let mut told = 0;
    for item in run.matrix().items() {
        let elsewhere = run.shard.is_some_and(|shard| !shard.holds(item.number));
        if !elsewhere && !folder.has(item) {
            folder.keep(item, &record(run, item))?;
            told += 1;
        }
    }
    folder.finish()?;
    Ok(told)
}

/// Every file below a folder with its bytes; a lock has none.
fn files(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(
                files(&path).into_iter().map(|(name, bytes)| (path.file_name().map(Path::new).unwrap().join(name), bytes)),
            );
        } else {
            found.insert(path.file_name().unwrap().into(), fs::read(&path).unwrap());
        }
    }
    found
}

#[test]
fn whatever_deed_fails_the_next_run_makes_the_folder_whole() {
    let run = example();
    let undisturbed = tempfile::tempdir().unwrap();
    assert_eq!(tell(undisturbed.path(), &run, &Files).unwrap(), 4);
    let whole = files(undisturbed.path());
    assert_eq!(whole.len(), 4 * 2 + 3);
    for fault in [Fault::Refused, Fault::Short, Fault::Cut] {
        let mut failures = 0;
        for at in 0.. {
            let root = tempfile::tempdir().unwrap();
            let failed = tell(root.path(), &run, &Faulty::new(fault, at));
            for (name, bytes) in files(root.path()) {
                // A name that counts is that of a whole file; only the index may be torn.
                let counts = name.extension().is_none_or(|ending| ending != "unfinished") && !name.ends_with("index.jsonl");
                assert!(!counts || whole[&name] == bytes, "{fault:?} at {at}: {}", name.display());
            }
            let Err(error) = failed else { break };
            assert!(format!("{error:#}").starts_with("cannot write"), "{error:#}");
            failures += 1;
            tell(root.path(), &run, &Files).unwrap();
            assert_eq!(files(root.path()), whole, "{fault:?} at {at}");
        }
        assert!(failures > 20, "{failures}");
    }
}

#[test]
fn one_folder_survives_one_failure_after_another() {
    let (run, root, fresh) = (example(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut at = 0;
    // Every run gets one deed further than the one before it.
    while tell(root.path(), &run, &Faulty::new(Fault::Cut, at)).is_err() {
        at += 1;
    }
    assert!(at > 4);
    tell(fresh.path(), &run, &Files).unwrap();
    assert_eq!(files(root.path()), files(fresh.path()));
}

#[test]
fn what_is_told_is_not_told_again_and_what_is_lost_is() {
    let (run, root) = (example(), tempfile::tempdir().unwrap());
    tell(root.path(), &run, &Files).unwrap();
    let whole = files(root.path());
    let story = |ending: &str| root.path().join(format!("stories/ab--wave--2.{ending}"));
    for (damage, told) in [
        (Box::new(|| ()) as Box<dyn Fn()>, 0),
        (Box::new(|| fs::remove_file(root.path().join("index.jsonl")).unwrap()), 0),
        (Box::new(|| fs::write(root.path().join("index.jsonl"), "{\"name\":\"torn").unwrap()), 0),
        (Box::new(|| fs::remove_file(story("txt")).unwrap()), 0),
        (Box::new(|| fs::remove_file(story("json")).unwrap()), 1),
        (Box::new(|| fs::write(story("json"), "{}").unwrap()), 1),
        (Box::new(|| fs::write(story("txt"), "ab and").unwrap()), 0),
        (Box::new(|| fs::write(story("txt"), "").unwrap()), 0),
        (Box::new(|| fs::write(story("json.unfinished"), "{").unwrap()), 0),
        (Box::new(|| fs::write(root.path().join("run.toml.unfinished"), "{").unwrap()), 0),
    ] {
        damage();
        assert_eq!(tell(root.path(), &run, &Files).unwrap(), told);
        assert_eq!(files(root.path()), whole);
    }
    let mut folder = Folder::open(root.path(), &run, &Files).unwrap();
    folder.forget(|entry| entry.seed == 2);
    assert_eq!(folder.shelf().len(), 2);
}

#[test]
fn a_changed_run_and_a_second_one_are_refused() {
    let (run, root) = (example(), tempfile::tempdir().unwrap());
    let folder = Folder::open(root.path(), &run, &Files).unwrap();
    let refused = |run: &RunFile| format!("{:#}", Folder::open(root.path(), run, &Files).err().unwrap());
    assert!(refused(&run).starts_with("another run is writing to"), "{}", refused(&run));
    drop(folder);
    let mut changed = example();
    changed.prompt[0].text.push('!');
    changed.settings.threads = 7;
    let told = refused(&changed);
    assert!(told.contains("prompt 1 is another; `threads` is 7 (it was 1)"), "{told}");
    let shard = RunFile { shard: Some("1/2".parse().unwrap()), ..example() };
    assert!(refused(&shard).contains("to hold part 1/2 (it held all stories)"));
    fs::write(root.path().join("run.toml"), "format = ").unwrap();
    assert!(refused(&run).starts_with("cannot read the run `"));
    fs::remove_file(root.path().join("run.toml")).unwrap();
    fs::write(root.path().join("stories/mine.txt"), "").unwrap();
    assert!(refused(&run).contains("no `run.toml`"));
}

#[test]
fn parts_become_the_whole_and_strangers_do_not() {
    let (run, root) = (example(), tempfile::tempdir().unwrap());
    let at = |name: &str| root.path().join(name);
    tell(&at("whole"), &run, &Files).unwrap();
    let part = |shard: &str| {
        let folder = at(&shard.replace('/', "of"));
        tell(&folder, &RunFile { shard: Some(shard.parse().unwrap()), ..example() }, &Files).unwrap();
        folder
    };
    let mut parts = vec![part("1/3"), part("3/3")];
    let merged = merge(&parts, &at("joined"), &Files).unwrap();
    let lost = |number: usize| run.matrix().name(run.matrix().items().nth(number).unwrap());
    let absent = Missing { stories: vec![lost(1)], parts: vec!["2/3".parse().unwrap()], short: Vec::new() };
    assert_eq!((&merged.missing, merged.folder.shelf().len()), (&absent, 3));
    drop(merged);
    parts.push(part("2/3"));
    let merged = merge(&parts, &at("joined"), &Files).unwrap();
    assert_eq!((&merged.missing, merged.notes.len()), (&Missing::default(), 0));
    drop(merged);
    assert_eq!(files(&at("joined")), files(&at("whole")));

    // What an earlier joining has brought stays, and of a new folder something is lacking.
    fs::remove_file(at("1of3").join(format!("stories/{}.json", lost(3)))).unwrap();
    let missing = |into: &str| merge(&parts, &at(into), &Files).unwrap().missing;
    assert_eq!(missing("joined"), Missing::default());
    let short = Short { folder: at("1of3"), lacks: 1, of: 2 };
    assert_eq!(missing("again"), Missing { stories: vec![lost(3)], parts: Vec::new(), short: vec![short] });

    let refused = |other: &RunFile| {
        let folder = at("other");
        let _ = fs::remove_dir_all(&folder);
        tell(&folder, other, &Files).unwrap();
        merge(&[at("whole"), folder], &at("never"), &Files).map(|_| ()).unwrap_err().to_string()
    };
    assert!(refused(&RunFile { strict: false, ..example() }).contains("`strict` was given"));
    assert!(merge(&[root.path().to_owned()], &at("never"), &Files).err().unwrap().to_string().contains("no `run.toml`"));
    let mut other = Folder::open(&at("1of3"), &RunFile { shard: Some("1/3".parse().unwrap()), ..example() }, &Files).unwrap();
    let item = run.matrix().items().next().unwrap();
    other.keep(item, &Record { tokens: vec![7; 9], ..record(&run, item) }).unwrap();
    let told = merge(&[at("whole"), at("1of3")], &at("never"), &Files).err().unwrap().to_string();
    assert!(told.contains("in its own way"), "{told}");
}

/// What somebody does to a record.
pub type Change = fn(&mut Record);
