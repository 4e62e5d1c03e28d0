//! Where files lie, and who shares them: one process with another, and with other programs.

use std::fs;
use std::thread;
use std::time::Duration;

use afterword::catalog::{Places, find};
use afterword::hub::{Event, Kept, Why};

use super::{COMMIT, FakeHub, User, model, sum, watched};
use crate::support::gguf::{Family, Gguf, Value, tiny};
use crate::support::{folder, nowhere};

/// The layout is that of `huggingface_hub`: whatever other programs have there is found, and what comes here they find.
#[cfg(unix)]
#[test]
fn the_cache_is_that_of_other_programs() {
    let bytes = model();
    let fake = FakeHub::with(&[("deep/tale-Q4_K_M.gguf", bytes.clone())]);
    let user = User::new(folder("shared"), &fake.hub.url());
    let (file, _) = user.gets("a/tale");
    let root = user.home.join("hub/models--a--tale");
    assert_eq!(file, root.join(format!("snapshots/{COMMIT}/deep/tale-Q4_K_M.gguf")));
    assert_eq!(fs::read_link(&file).unwrap().to_str().unwrap(), format!("../../../blobs/{}", sum(&bytes)));
    assert_eq!(fs::read_to_string(root.join("refs/main")).unwrap(), COMMIT);
    assert!(user.home.join(format!("hub/.locks/models--a--tale/{}.lock", sum(&bytes))).is_file());

    // Another program had brought the blob: nothing comes.
    let other = User::new(folder("brought"), &fake.hub.url());
    let blobs = other.home.join("hub/models--a--tale/blobs");
    fs::create_dir_all(&blobs).unwrap();
    fs::write(blobs.join(sum(&bytes)), &bytes).unwrap();
    fake.store.forget();
    assert_eq!(other.gets("a/tale").1, 0);
    assert!(fake.store.seen().is_empty(), "not even a header");
    // A beginning of theirs does not say of which file it is, and begins again.
    let third = User::new(folder("begun"), &fake.hub.url());
    let blobs = third.home.join("hub/models--a--tale/blobs");
    fs::create_dir_all(&blobs).unwrap();
    fs::write(blobs.join(format!("{}.incomplete", sum(&bytes))), vec![9; 1000]).unwrap();
    assert_eq!(third.gets("a/tale").1, bytes.len() as u64);
    assert_eq!(fs::read(third.gets("a/tale").0).unwrap(), bytes);
}

#[test]
fn two_that_pull_at_once_bring_it_once() {
    let bytes = model();
    let fake = FakeHub::of(&bytes);
    fake.shelf().pace = Some((bytes.len() / 20, Duration::from_millis(20)));
    let home = folder("twice");
    let pull = || {
        let (home, url) = (home.clone(), fake.hub.url());
        thread::spawn(move || User::new(home, &url).pulls("a/tale"))
    };
    let (one, two) = (pull(), pull());
    let ends = [one.join().unwrap(), two.join().unwrap()];
    let came: Vec<u64> = ends.iter().map(|(pulled, _)| pulled.as_ref().unwrap().came).collect();
    assert_eq!(came.iter().sum::<u64>(), bytes.len() as u64, "{came:?}");
    assert_eq!(fake.fetched(), [None]);
    for (pulled, events) in &ends {
        let pulled = pulled.as_ref().unwrap();
        assert_eq!(fs::read(&pulled.files[0]).unwrap(), bytes);
        assert!(pulled.came > 0 || events.contains(&Event::Waiting("tale-Q4_K_M.gguf".to_owned())), "{events:?}");
    }
}

#[test]
fn a_model_in_parts_comes_whole_and_shows_when_all_of_it_is_there() {
    let whole = tiny(Family::Llama, 7);
    let parts: Vec<Vec<u8>> = whole.split(3).iter().map(Gguf::bytes).collect();
    let name = |number: usize| format!("q8/tale-Q8_0-{number:05}-of-00003.gguf");
    let names = [name(1), name(2), name(3)];
    let files: Vec<(&str, Vec<u8>)> = names.iter().map(String::as_str).zip(parts.iter().cloned()).collect();
    let fake = FakeHub::with(&files);
    let user = User::new(folder("parts"), &fake.hub.url());
    // The second part fails for good.
    fake.fails(std::iter::once(super::Fault::Cut(usize::MAX)).chain(vec![super::Fault::Status(500, None); 5]));
    user.fails("a/tale");
    assert!(!user.holds().iter().any(|file| file.contains("snapshots") || file.contains("refs")), "{:?}", user.holds());
    let (plan, _) = user.plans(&format!("a/tale:{}", names[2]), &Kept::Cache);
    let plan = plan.unwrap();
    assert_eq!((plan.files.len(), plan.card.parts, plan.why), (3, 3, Why::File));
    assert_eq!(plan.missing(), plan.size() - parts[0].len() as u64);
    let (file, came) = user.gets("a/tale:q8_0");
    assert_eq!(came, plan.missing());
    assert!(file.ends_with(name(1)));
    // All have names, and the first one leads to them.
    let card = afterword::catalog::ModelCard::read(&file).unwrap();
    assert_eq!((card.parts, card.size), (3, plan.size()));
}

#[test]
fn what_is_here_is_used_where_nobody_can_be_asked() {
    let bytes = model();
    let fake = FakeHub::of(&bytes);
    let user = User::new(folder("offline"), &fake.hub.url());
    let wanted = |text: &str| text.parse().unwrap();
    let missing = user.hub.offline(&wanted("a/tale"), &Kept::Cache).unwrap_err().to_string();
    assert_eq!(missing, "`a/tale` is not here, and nobody is asked for it");
    assert!(fake.hub.seen().is_empty());
    let (file, _) = user.gets("a/tale@v1");
    let (other, _) = user.gets("a/tale");
    assert_eq!(file, other);
    fake.hub.forget();
    for (text, is_here) in [
        ("a/tale", true),
        ("a/tale:q4_k_m", true),
        ("a/tale@v1:tale-Q4_K_M.gguf", true),
        (&format!("a/tale@{COMMIT}"), true),
        ("a/tale:Q8_0", false),
        ("a/tale@v2", false),
        ("b/tale", false),
    ] {
        let plan = user.hub.offline(&wanted(text), &Kept::Cache);
        assert_eq!(plan.is_ok(), is_here, "{text}");
        assert!(plan.is_err() || plan.unwrap().file() == file, "{text}");
    }
    assert!(fake.hub.seen().is_empty());

    // The hub is away, or busy for ever: what is here is used, and it is said.
    let url = fake.hub.url();
    drop(fake);
    for url in [url.as_str(), "http://127.0.0.1:9"] {
        let away = User::new(user.home.clone(), url);
        let (pulled, events) = away.pulls("a/tale");
        assert_eq!(pulled.unwrap().files, std::slice::from_ref(&file));
        assert!(events.iter().any(|event| matches!(event, Event::Unreachable(_))), "{events:?}");
        assert!(!events.iter().any(|event| matches!(event, Event::Retrying { .. })), "who has it need not wait: {events:?}");
        let failure = away.fails("a/tale:Q8_0");
        assert!(failure.is_passing, "{failure}");
    }
}

#[test]
fn a_header_alone_tells_what_a_model_is() {
    // One whose header is longer than what is fetched first.
    let mut model = tiny(Family::Qwen3, 7);
    let pieces = (0..60_000).map(|number| format!("a long piece of no use, number {number}")).collect();
    model.set("tokenizer.ggml.tokens", Value::Texts(pieces));
    let bytes = model.bytes();
    assert!(bytes.len() > 5 << 19);
    let fake = FakeHub::of(&bytes);
    let user = User::new(folder("header"), &fake.hub.url());
    let (plan, _) = user.plans("a/tale", &Kept::Cache);
    let plan = plan.unwrap();
    assert_eq!(
        (plan.card.architecture.as_str(), plan.card.vocabulary.size, plan.card.size),
        ("qwen3", 60_000, bytes.len() as u64)
    );
    assert!(fake.fetched().is_empty() && fake.store.seen().len() >= 2);
    assert!(user.holds().is_empty() && !plan.is_here());
}

#[test]
fn a_folder_of_ones_own_gets_files_under_their_own_names() {
    let bytes = model();
    let fake = FakeHub::of(&bytes);
    let user = User::new(folder("own"), &fake.hub.url());
    let own = nowhere("own-folder");
    let kept = Kept::Folder(own.clone());
    let pull = || {
        let (plan, _) = user.plans("a/tale", &kept);
        watched(|watch| user.hub.pull(&plan?, watch)).0
    };
    for came in [bytes.len() as u64, 0] {
        let pulled = pull().unwrap();
        assert_eq!((&pulled.files[..], pulled.came), (&[own.join("tale-Q4_K_M.gguf")][..], came));
        let names: Vec<_> = fs::read_dir(&own).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(names, ["tale-Q4_K_M.gguf"], "nothing else is left there");
    }
    assert!(user.holds().is_empty());
    // What somebody else has there stays.
    let changed: Vec<u8> = bytes.iter().rev().copied().collect();
    fs::write(own.join("tale-Q4_K_M.gguf"), &changed).unwrap();
    let said = pull().unwrap_err().to_string();
    assert!(said.ends_with("tale-Q4_K_M.gguf`, and it stays"), "{said}");
    assert_eq!(fs::read(own.join("tale-Q4_K_M.gguf")).unwrap(), changed);
}

#[test]
fn a_file_of_any_address_comes_with_all_its_parts() {
    let whole = tiny(Family::Llama, 7);
    let parts: Vec<Vec<u8>> = whole.split(2).iter().map(Gguf::bytes).collect();
    let files =
        [("one tale.gguf", model()), ("b-00001-of-00002.gguf", parts[0].clone()), ("b-00002-of-00002.gguf", parts[1].clone())];
    let fake = FakeHub::with(&files);
    fake.shelf().files[0].0 = "one%20tale.gguf".to_owned();
    let user = User::new(folder("address"), &fake.hub.url());
    let site = fake.store.url().replace("http://", "").replace(':', "_");
    let (file, came) =
        user.gets(&format!("{}/files/one%20tale.gguf?download=true", fake.store.url()).replace("?download=true", ""));
    assert_eq!((came, fs::read(&file).unwrap()), (files[0].1.len() as u64, files[0].1.clone()));
    assert!(file.ends_with("one tale.gguf") && file.to_str().unwrap().contains(&format!("fetched/{site}--files-")), "{file:?}");
    let second = format!("{}/files/b-00002-of-00002.gguf", fake.store.url());
    let pulled = user.pulls(&second).0.unwrap();
    assert_eq!(pulled.files.len(), 2);
    assert!(pulled.files[0].ends_with("b-00001-of-00002.gguf"));
    assert_eq!(user.gets(&second).1, 0, "it is here");
    let said = user.fails(&format!("{}/files/none.gguf", fake.store.url())).to_string();
    assert!(said.ends_with("has no such file"), "{said}");
}

#[cfg(unix)]
#[test]
fn a_list_of_models_tells_both_names_of_a_blob_and_what_is_broken() {
    let bytes = model();
    let fake = FakeHub::of(&bytes);
    let user = User::new(folder("listed"), &fake.hub.url());
    let (file, _) = user.gets("a/tale");
    let root = user.home.join("hub/models--a--tale");
    let snapshot = file.parent().unwrap();
    std::os::unix::fs::symlink("../../blobs/gone", snapshot.join("gone.gguf")).unwrap();
    fs::write(root.join("blobs").join(format!("{}.incomplete", "7".repeat(64))), &bytes[..5000]).unwrap();
    fs::write(root.join("blobs").join(format!("{}.incomplete", "8".repeat(64))), "no model").unwrap();
    fs::write(snapshot.join("long-00002-of-00002.gguf"), &bytes).unwrap();
    let places = Places { folders: vec![("hub".to_owned(), user.home.join("hub"))], ollama: None };
    let told: Vec<(Vec<String>, bool, String)> = find(&places)
        .into_iter()
        .map(|found| {
            let mistake = found.card.err().map_or("–".to_owned(), |error| error.to_string());
            (found.labels, found.blob == file.canonicalize().ok(), mistake)
        })
        .collect();
    let entry = |label: &str, has_blob, mistake: &str| (vec![label.to_owned()], has_blob, mistake.to_owned());
    assert_eq!(
        told,
        [
            entry("hf:a/tale", false, "it is not whole: 5 kB of it are here"),
            entry("hf:a/tale:gone.gguf", false, "it is a link to nothing"),
            entry("hf:a/tale:long-00001-of-00002.gguf", false, "its first part is not there"),
            entry("hf:a/tale:tale-Q4_K_M.gguf", true, "–"),
        ]
    );
}
