//! Runs that grow: whatever fails meanwhile, the folder becomes the one that would have been told at once.

use super::*;
use crate::batch::{PromptEntry, Voice};

/// A run that asks for more than [`example`] does: a prompt before all others, a preset, and two seeds.
fn grown() -> RunFile {
    let mut run = example();
    run.prompt.insert(0, PromptEntry { text: "a lamb".into(), ..PromptEntry::default() });
    run.preset.push(Voice {
        preset: "open".into(),
        edits: Vec::new(),
        resolved: "[[chain]]\ntop-k = 9\n".into(),
        baseline: None,
    });
    run.seeds = "1..4".parse().unwrap();
    run.settings.cells = 99;
    run
}

/// A record that tells which story it is whatever its number, as a story does.
fn own_record(run: &RunFile, item: Item) -> Record {
    let name = run.matrix().name(item);
    let item = Item { number: 7, ..item };
    // How large the memory was is no part of the story.
    let settings = example().settings;
    Record { text: format!(" and the story {name}"), run: settings, ..record(run, item) }
}

/// Tells what is missing; returns how many stories were told.
fn tell(root: &Path, run: &RunFile, disk: &dyn Disk) -> Result<usize> {
    let mut folder = Folder::open(root, run, disk)?;
    let missing: Vec<Item> = run.matrix().items().filter(|item| !folder.has(*item)).collect();
    for item in &missing {
        folder.keep(*item, &own_record(run, *item))?;
    }
    folder.finish()?;
    Ok(missing.len())
}

#[test]
fn a_folder_that_grew_is_the_one_that_was_told_at_once() {
    let (at_once, root) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    assert_eq!(tell(at_once.path(), &grown(), &Files).unwrap(), 24);
    assert_eq!(tell(root.path(), &example(), &Files).unwrap(), 4);
    assert_eq!(tell(root.path(), &grown(), &Files).unwrap(), 20);
    assert_eq!(files(root.path()), files(at_once.path()));
    // Back is no growth, and changes nothing.
    let told = format!("{:#}", tell(root.path(), &example(), &Files).unwrap_err());
    assert!(
        told.contains("the seeds are 1..2 (they were 1..4); there is 1 preset (there were 2), and `open` is not as it was"),
        "{told}"
    );
    assert_eq!(files(root.path()), files(at_once.path()));
}

#[test]
fn whatever_deed_of_a_growth_fails_the_next_run_makes_the_folder_whole() {
    let (at_once, small) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    tell(at_once.path(), &grown(), &Files).unwrap();
    tell(small.path(), &example(), &Files).unwrap();
    let (whole, before) = (files(at_once.path()), files(small.path()));
    for fault in [Fault::Refused, Fault::Short, Fault::Cut] {
        // The first deeds are those that no other run does; the later ones take turns with the telling.
        for at in (0..12).chain((12..200).step_by(13)) {
            let root = tempfile::tempdir().unwrap();
            tell(root.path(), &example(), &Files).unwrap();
            let failed = tell(root.path(), &grown(), &Faulty::new(fault, at)).is_err();
            assert!(failed || at > 30, "{fault:?} at {at}");
            for (name, bytes) in &before {
                // No story of before is lost or changed, whatever happens.
                let is_story = name.starts_with("stories");
                assert!(!is_story || files(root.path()).get(name) == Some(bytes), "{fault:?} at {at}: {}", name.display());
            }
            tell(root.path(), &grown(), &Files).unwrap();
            assert_eq!(files(root.path()), whole, "{fault:?} at {at}");
        }
    }
}

#[test]
fn a_part_of_a_run_does_not_grow_and_what_somebody_wrote_stays() {
    let root = tempfile::tempdir().unwrap();
    let part = |run: RunFile| RunFile { shard: Some("1/2".parse().unwrap()), ..run };
    drop(Folder::open(root.path(), &part(example()), &Files).unwrap());
    let told = format!("{:#}", tell(root.path(), &part(grown()), &Files).unwrap_err());
    assert!(told.contains("the seeds are 1..4 (they were 1..2)"), "{told}");

    let root = tempfile::tempdir().unwrap();
    tell(root.path(), &example(), &Files).unwrap();
    fs::write(root.path().join("stories/ab--wave--1.txt"), "My own.\n").unwrap();
    let (shelf, findings) = Folder::look(root.path(), &grown()).unwrap();
    assert_eq!((shelf.len(), &findings.edited[..]), (4, &["ab--wave--1".to_owned()][..]));
    tell(root.path(), &grown(), &Files).unwrap();
    assert_eq!(fs::read(root.path().join("stories/ab--wave--1.txt")).unwrap(), b"My own.\n");
    // Nor is a text written over that lies where a new story belongs.
    let root = tempfile::tempdir().unwrap();
    super::tell(root.path(), &example(), &Files).unwrap();
    fs::write(root.path().join("stories/ab--wave--3.txt"), "My own.\n").unwrap();
    let before = files(root.path());
    for refused in [Folder::open(root.path(), &grown(), &Files).err(), Folder::look(root.path(), &grown()).err()] {
        let told = format!("{:#}", refused.unwrap());
        assert!(
            told.ends_with("`stories/ab--wave--3.txt` is none of its stories\nhint: move it away, and the story is told"),
            "{told}"
        );
    }
    assert_eq!(files(root.path()), before);
}
