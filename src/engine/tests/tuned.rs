//! What was measured to suit a machine and a model: found again by that model on that machine alone, and named in records.

use std::fs;
use std::path::{Path, PathBuf};

use super::*;
use crate::catalog::Gpu;

fn folder(root: &Path, processor: &str) -> TunedFolder {
    TunedFolder::new(root.join("tuned"), processor.to_owned())
}

fn number(number: usize) -> NonZeroUsize {
    NonZeroUsize::new(number).unwrap()
}

/// What an engine goes by: the width of a story, its threads, and the finding.
fn goes_by(engine: &Engine) -> (usize, Option<usize>, Option<String>) {
    let prompt = engine.tokens("once ").unwrap();
    let plan = engine.plan_behind(&wave(), &prompt, &StoryRequest::new(1, 9)).unwrap();
    (engine.width(&[plan], 1), engine.options().threads.map(NonZeroUsize::get), engine.tuned().map(str::to_owned))
}

/// The same of an engine that goes by what is kept there; nothing is to be noted.
fn found(engine: Engine, folder: &TunedFolder) -> (usize, Option<usize>, Option<String>) {
    let (engine, note) = engine.tuned_by(folder);
    assert_eq!(note, None);
    goes_by(&engine)
}

fn kept(root: &Path) -> (TunedFolder, PathBuf, String) {
    let folder = folder(root, "a processor, 4 cores");
    let path = engine().keep_tuned(&folder, "article", number(4), number(3)).unwrap();
    let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
    (folder, path, name)
}

#[test]
fn what_was_found_is_what_auto_means_for_this_model_on_this_machine() {
    let root = tempfile::tempdir().unwrap();
    let by_kind = (1, None, None);
    assert_eq!(found(engine(), &folder(root.path(), "a processor, 4 cores")), by_kind);
    assert!(!root.path().join("tuned").exists());
    let (here, _, name) = kept(root.path());
    assert_eq!(found(engine(), &here), (4, Some(3), Some(name)));
    // Another machine, and another model.
    assert_eq!(found(engine(), &folder(root.path(), "a processor, 8 cores")), by_kind);
    let adapted = engine_of(toy(), |options| {
        options.adapters = vec![crate::model::Adapter { file: "a".into(), scale: 0.5 }];
    });
    assert_eq!(found(adapted, &here), by_kind);
    let gpu = Gpu { name: "GPU0".into(), total: 1 << 30, free: 1 << 30 };
    let machine = Machine { memory: None, gpus: vec![gpu] };
    let on_gpu = Engine::new(Box::new(toy()), EngineOptions::new("toy"), machine, None, Some(9), Arc::new(InProcess)).unwrap();
    assert_eq!(found(on_gpu, &here), (4, None, None));
    // What is found anew takes the place of what was.
    engine().keep_tuned(&here, "article", number(2), number(1)).unwrap();
    assert_eq!((found(engine(), &here).0, here.all().unwrap().len()), (2, 1));
}

#[test]
fn who_asks_for_width_or_threads_has_what_was_asked_for() {
    let root = tempfile::tempdir().unwrap();
    let (here, ..) = kept(root.path());
    let asked = |change: fn(&mut EngineOptions)| found(engine_of(toy(), change), &here);
    assert_eq!(asked(|options| options.width = Width::Fixed(number(2))), (2, None, None));
    assert_eq!(asked(|options| options.threads = Some(number(7))), (1, Some(7), None));
}

#[test]
fn a_finding_that_cannot_be_read_is_told_of_and_the_machine_decides() {
    let root = tempfile::tempdir().unwrap();
    let (here, path, _) = kept(root.path());
    let whole = fs::read_to_string(&path).unwrap();
    for (from, to, why) in [
        ("\"width\": 4", "\"width\": 0", "it is damaged, or was never one"),
        ("\"width\": 4", "\"width\": 4, \"more\": 1", "it is damaged, or was never one"),
        ("\"width\": 4", "\"width\": 999", "its width is 999: at most 256"),
        ("\"threads\": 3", "\"threads\": 9999", "its threads are 9999: at most 512"),
        ("\"format\": 1", "\"format\": 7", "it has the form 7, and this program reads 1"),
        ("4 cores", "5 cores", "it is of another model or machine"),
    ] {
        assert!(whole.contains(from), "{whole}");
        fs::write(&path, whole.replace(from, to)).unwrap();
        let (engine, note) = engine().tuned_by(&here);
        assert_eq!(note, Some(Note::TunedIgnored { path: path.clone(), cause: why.to_owned() }));
        assert_eq!(goes_by(&engine), (1, None, None));
    }
    fs::write(&path, "").unwrap();
    let (_, note) = engine().tuned_by(&here);
    assert!(matches!(note, Some(Note::TunedIgnored { .. })));
    assert!(here.all().unwrap()[0].1.is_err());
    // Files of other names are none.
    fs::rename(&path, path.with_file_name("notes.json")).unwrap();
    assert_eq!((found(engine(), &here), here.all().unwrap().len()), ((1, None, None), 0));
}

#[test]
fn a_record_has_the_numbers_and_names_the_finding() {
    let root = tempfile::tempdir().unwrap();
    let (here, _, name) = kept(root.path());
    let run = |engine: &Engine| {
        let prompt = engine.tokens("once ").unwrap();
        let plan = engine.plan_behind(&wave(), &prompt, &StoryRequest::new(1, 9)).unwrap();
        let width = engine.width(std::slice::from_ref(&plan), 1);
        let session = engine.session(std::slice::from_ref(&plan), width).unwrap();
        Recorder::new(engine, session.settings(), width, 0.0).unwrap().run(9, &[])
    };
    let told = run(&engine().tuned_by(&here).0);
    assert_eq!((told.width, told.threads, told.tuned.as_ref()), (4, 3, Some(&name)));
    assert_eq!(run(&engine()).tuned, None);
    // Told again it goes by its numbers, whatever has been found since.
    engine().keep_tuned(&here, "article", number(2), number(1)).unwrap();
    let again = engine_of(toy(), |options| *options = EngineOptions::of_run("toy", &told));
    assert_eq!(found(again, &here), (4, Some(3), None));
}
