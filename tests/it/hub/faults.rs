//! What goes wrong on the way, and that a file is whole and right all the same, or not there.

use std::fs;
use std::time::Duration;

use afterword::hub::{Anew, Event, Remedy};

use super::{COMMIT, FakeHub, Fault, User, model, sum};
use crate::support::folder;
use crate::support::server::{Reply, Server};

/// Whether all is as it must be behind a pull of the one model.
fn is_whole(user: &User, bytes: &[u8]) {
    let (file, _) = user.gets("a/tale");
    assert_eq!(fs::read(file).unwrap(), bytes);
    let [oid, link] =
        [format!("models--a--tale/blobs/{}", sum(bytes)), format!("models--a--tale/snapshots/{COMMIT}/tale-Q4_K_M.gguf")];
    assert_eq!(user.holds(), [oid, "models--a--tale/refs/main".to_owned(), link]);
}

#[test]
fn what_is_cut_anywhere_goes_on_behind_its_last_byte() {
    let bytes = model();
    for (number, at) in [0, 1, 4095, bytes.len() / 3, bytes.len() - 1].into_iter().enumerate() {
        let fake = FakeHub::of(&bytes);
        fake.fails([Fault::Cut(at)]);
        let user = User::new(folder(&format!("cut-{number}")), &fake.hub.url());
        let (pulled, events) = user.pulls("a/tale");
        assert_eq!(pulled.unwrap().came, bytes.len() as u64, "no byte twice");
        let expected = if at == 0 { None } else { Some(format!("bytes={at}-")) };
        assert_eq!(fake.fetched(), [None, expected], "{at}");
        assert!(events.iter().any(|event| matches!(event, Event::Retrying { next: 2, of: 5, .. })), "{events:?}");
        is_whole(&user, &bytes);
    }
}

#[test]
fn another_process_goes_on_where_the_first_one_ended() {
    let bytes = model();
    let fake = FakeHub::of(&bytes);
    fake.fails([Fault::Cut(50_000)]);
    let home = folder("later");
    let once = User::new(home.clone(), &fake.hub.url()).setting(|settings| settings.patience.tries = 1);
    let failure = once.fails("a/tale");
    assert!(failure.is_passing && failure.remedy == Some(Remedy::Again), "{failure:?}");
    assert!(!once.holds().iter().any(|file| file.contains("snapshots") || file.contains("refs")), "{:?}", once.holds());
    let user = User::new(home, &fake.hub.url());
    let (pulled, events) = user.pulls("a/tale");
    assert_eq!(pulled.unwrap().came, bytes.len() as u64 - 50_000);
    let begun = Event::Begun { file: "tale-Q4_K_M.gguf".to_owned(), kept: 50_000, size: bytes.len() as u64 };
    assert!(events.contains(&begun), "{events:?}");
    let asked = fake.store.seen().pop().unwrap();
    assert_eq!(asked.header("if-range"), Some(format!("\"{}\"", &sum(&bytes)[..8]).as_str()));
    is_whole(&user, &bytes);
}

/// Where there is no checksum, only the name that the server gives a file keeps two from being mixed.
#[test]
fn a_file_that_changed_begins_again_and_is_the_new_one() {
    let (old, new) = (model(), model().into_iter().chain([7; 64]).collect::<Vec<u8>>());
    for has_sum in [false, true] {
        let fake = FakeHub::of(&old);
        fake.fails([Fault::Cut(60_000)]);
        let home = folder(&format!("changed-{has_sum}"));
        let address = format!("{}/files/tale-Q4_K_M.gguf", fake.store.url());
        let wanted = if has_sum { "a/tale" } else { &address };
        User::new(home.clone(), &fake.hub.url()).setting(|settings| settings.patience.tries = 1).fails(wanted);
        let expected = if has_sum {
            // The same bytes under another name.
            "other".clone_into(&mut fake.shelf().edition);
            &old
        } else {
            fake.shelf().files[0].1 = new.clone().into();
            &new
        };
        let user = User::new(home, &fake.hub.url());
        let (pulled, events) = user.pulls(wanted);
        let pulled = pulled.unwrap();
        assert_eq!(&fs::read(&pulled.files[0]).unwrap(), expected);
        assert_eq!(pulled.came, expected.len() as u64);
        // Of an address the length differs too, which tells it before anybody is asked.
        assert!(!has_sum || events.contains(&Event::Anew(Anew::Changed)), "{events:?}");
    }
}

#[test]
fn whoever_ignores_what_part_was_asked_for_is_heeded_all_the_same() {
    let bytes = model();
    for (name, fault) in [("no-parts", Fault::NoParts), ("wrong-part", Fault::WrongPart)] {
        let fake = FakeHub::of(&bytes);
        fake.fails([Fault::Cut(60_000), fault]);
        let user = User::new(folder(name), &fake.hub.url());
        let (pulled, events) = user.pulls("a/tale");
        assert_eq!(pulled.unwrap().came, bytes.len() as u64 + 60_000, "{name}");
        assert!(events.contains(&Event::Anew(Anew::NoParts)), "{events:?}");
        is_whole(&user, &bytes);
    }
}

#[test]
fn wrong_bytes_are_fetched_once_more_and_then_given_up() {
    let bytes = model();
    let fake = FakeHub::of(&bytes);
    fake.fails([Fault::WrongByte]);
    let user = User::new(folder("wrong-once"), &fake.hub.url());
    let (pulled, events) = user.pulls("a/tale");
    assert_eq!(pulled.unwrap().came, 2 * bytes.len() as u64);
    assert!(events.contains(&Event::Anew(Anew::WrongSum)), "{events:?}");
    is_whole(&user, &bytes);

    let fake = FakeHub::of(&bytes);
    fake.fails([Fault::WrongByte, Fault::WrongByte]);
    let user = User::new(folder("wrong-twice"), &fake.hub.url());
    let said = user.fails("a/tale").to_string();
    assert!(said.starts_with("`tale-Q4_K_M.gguf` came with a wrong checksum, twice: "), "{said}");
    assert_eq!(user.holds(), [""; 0], "nothing is kept of it");
    is_whole(&user, &bytes);
}

#[test]
fn more_bytes_than_there_are_are_refused() {
    let bytes = model();
    let fake = FakeHub::of(&bytes);
    fake.fails([Fault::TooMuch]);
    let user = User::new(folder("too-much"), &fake.hub.url());
    let said = user.fails("a/tale").to_string();
    assert!(said.contains(&format!("is to have {} bytes, and the server sends {}", bytes.len(), bytes.len() + 7)), "{said}");
    is_whole(&user, &bytes);
}

#[test]
fn a_busy_server_is_asked_again_and_not_for_ever() {
    let bytes = model();
    let fake = FakeHub::of(&bytes);
    fake.fails([Fault::Status(429, Some(0)), Fault::Status(503, None), Fault::Status(408, None)]);
    let user = User::new(folder("busy"), &fake.hub.url());
    let (pulled, events) = user.pulls("a/tale");
    assert!(pulled.is_ok());
    let waits: Vec<_> = events
        .iter()
        .filter_map(|event| match event {
            Event::Retrying { wait, next, cause, .. } => Some((wait.as_millis(), *next, cause.contains("answers"))),
            _ => None,
        })
        .collect();
    assert_eq!(waits, [(2, 2, true), (4, 3, true), (8, 4, true)]);
    is_whole(&user, &bytes);

    let fake = FakeHub::of(&bytes);
    fake.fails(vec![Fault::Status(500, None); 5]);
    let user = User::new(folder("broken"), &fake.hub.url());
    let failure = user.fails("a/tale");
    assert!(failure.to_string().ends_with("answers 500: it has a fault of its own, 5 times"), "{failure}");
    assert_eq!(fake.fetched().len(), 5);

    let fake = FakeHub::of(&bytes);
    fake.fails([Fault::Status(429, Some(3600))]);
    let user = User::new(folder("hour"), &fake.hub.url());
    let said = user.fails("a/tale").to_string();
    assert!(said.ends_with("answers 429: too many requests, and asks to wait 3600 seconds"), "{said}");
}

#[test]
fn who_says_nothing_is_not_waited_for() {
    let bytes = model();
    let fake = FakeHub::of(&bytes);
    fake.fails([Fault::Stall(70_000)]);
    let user =
        User::new(folder("silent"), &fake.hub.url()).setting(|settings| settings.patience.silence = Duration::from_secs(1));
    let (pulled, events) = user.pulls("a/tale");
    assert_eq!(pulled.unwrap().came, bytes.len() as u64);
    assert!(events.iter().any(|event| matches!(event, Event::Retrying { .. })), "{events:?}");
    assert_eq!(fake.fetched(), [None, Some("bytes=70000-".to_owned())]);
    is_whole(&user, &bytes);
}

#[test]
fn a_slow_server_is_waited_for_as_long_as_it_sends() {
    let bytes = model();
    let fake = FakeHub::of(&bytes);
    fake.shelf().pace = Some((bytes.len() / 10, Duration::from_millis(300)));
    let user =
        User::new(folder("slow"), &fake.hub.url()).setting(|settings| settings.patience.silence = Duration::from_secs(2));
    // All of it takes longer than any silence may.
    assert_eq!(user.gets("a/tale").1, bytes.len() as u64);
    assert_eq!(fake.fetched(), [None]);
}

#[test]
fn a_token_goes_to_the_hub_alone() {
    let fake = FakeHub::of(&model());
    let user = User::new(folder("token"), &fake.hub.url());
    user.gets("a/tale");
    let bears = |server: &Server| {
        server.seen().iter().map(|request| request.header("authorization").map(str::to_owned)).collect::<Vec<_>>()
    };
    assert!(bears(&fake.hub).iter().all(|token| token.as_deref() == Some("Bearer hf_secret")), "{:?}", bears(&fake.hub));
    let elsewhere = bears(&fake.store);
    assert!(elsewhere.len() >= 2 && elsewhere.iter().all(Option::is_none), "{elsewhere:?}");
    // Nor does it come back on its way from there: the way leads to the hub again, and then it may.
    let address = format!("{}/files/tale-Q4_K_M.gguf", fake.store.url());
    user.gets(&address);
    assert!(bears(&fake.store).iter().all(Option::is_none));
    assert!(!format!("{:?}", user.hub.client.settings()).contains("hf_secret"));
}

/// A repository that was renamed sends on to its new name, on the same server.
#[test]
fn a_repository_that_moved_is_followed() {
    let bytes = model();
    let fake = FakeHub::of(&bytes);
    let to = |path: &str| Reply::of(307, "").with("Location", path);
    let (api, files) = ("/api/models/b/old/", "/b/old/resolve/");
    let tree = format!("{api}tree/{COMMIT}");
    fake.shelf().instead = vec![
        (format!("{api}refs"), to("/api/models/a/tale/refs")),
        (tree, to(&format!("/api/models/a/tale/tree/{COMMIT}?recursive=true"))),
        (files.to_owned(), to(&format!("/a/tale/resolve/{COMMIT}/tale-Q4_K_M.gguf"))),
    ];
    let user = User::new(folder("moved"), &fake.hub.url());
    assert_eq!(fs::read(user.gets("b/old").0).unwrap(), bytes);
    assert!(fake.hub.seen().iter().all(|request| request.header("authorization").is_some()));
    // What the hub says of a file counts, whichever of its answers says it.
    let elsewhere = format!("{}/blob/{}", fake.store.url(), sum(&bytes));
    let other = Reply::of(302, "").with("Location", elsewhere).with("X-Linked-Etag", "\"77\"");
    fake.shelf().instead.push(("/a/tale/resolve/".to_owned(), other));
    let said = User::new(folder("moved-other"), &fake.hub.url()).fails("b/old").to_string();
    assert!(said.ends_with("gives out another `tale-Q4_K_M.gguf` than it lists"), "{said}");
}

#[test]
fn nobody_is_sent_where_nobody_should_be() {
    for (number, (location, cause)) in [
        ("http://192.0.2.1/x.gguf", "is not asked without `https`"),
        ("ftp://127.0.0.1/x.gguf", "it does not begin with `https://`"),
        ("http://me:secret@127.0.0.1/x.gguf", "it holds a name or a password"),
        ("/files/round.gguf", "sends from one address to the next without an end"),
    ]
    .into_iter()
    .enumerate()
    {
        let server = Server::start(move |_| Reply::of(302, "").with("Location", location));
        let user = User::new(folder(&format!("sent-{number}")), &server.url());
        let said = user.fails(&format!("{}/files/round.gguf", server.url())).to_string();
        assert!(said.contains(cause) && !said.contains("secret"), "{said}");
        assert!(server.seen().len() <= 11);
    }
    let said = User::new(folder("sent-nowhere"), "http://192.0.2.1").fails("a/tale").to_string();
    assert_eq!(said, "`192.0.2.1` is not asked without `https`: others could read and change what it says");
}

#[test]
fn what_is_not_given_out_is_said_with_what_would_help() {
    let fake = FakeHub::of(&model());
    let user = User::new(folder("gated"), &fake.hub.url());
    let bare = User::new(folder("gated-bare"), &fake.hub.url()).setting(|settings| settings.token = None);
    let page = format!("{}/a/tale", fake.hub.url());
    let (refs, file) = ("/api/models/a/tale/refs", "/a/tale/resolve/");
    for (path, status, user, said) in [
        (refs, 401, &bare, "`a/tale` is not given out: it is gated or private, or is not there"),
        (refs, 403, &user, "`a/tale` is not given out: its licence is not accepted, or it is of others"),
        (file, 403, &user, "`a/tale` is not given out: its licence is not accepted, or it is of others"),
        (refs, 404, &bare, "cannot get `a/tale`: there is no repository of this name, or it is private"),
        (refs, 404, &user, "cannot get `a/tale`: there is no repository of this name"),
        (file, 404, &user, "cannot get `a/tale`: there is no file `tale-Q4_K_M.gguf` in it"),
    ] {
        fake.shelf().instead = vec![(path.to_owned(), Reply::of(status, "Bearer hf_secret"))];
        let failure = user.fails("a/tale");
        assert_eq!(failure.to_string(), said);
        let expected = match status {
            404 => Remedy::LookUp,
            _ => Remedy::Licence { page: page.clone(), had_token: user.hub.client.settings().token.is_some() },
        };
        assert_eq!(failure.remedy, Some(expected));
    }
    assert_eq!(user.holds(), [""; 0]);
}

#[test]
fn an_answer_that_is_cut_off_or_none_is_no_list() {
    let fake = FakeHub::of(&model());
    let tree = format!("/api/models/a/tale/tree/{COMMIT}");
    for (number, (body, cut, said, asks)) in [
        (&b"[{\"type\": \"file\", \"path\": \"tale"[..], None, "is cut off, 5 times", 5),
        (b"[{\"type\": \"file\"}]", Some(4), "is cut off, 5 times", 5),
        (b"<html>no hub</html>", None, "answers what no hub answers", 1),
        (b"{\"files\": []}", None, "answers what no hub answers", 1),
        (b"[]", None, "`a/tale` holds no GGUF model", 1),
        (
            b"[{\"path\": \"t.gguf\", \"size\": 1, \"lfs\": {\"oid\": \"../../evil\"}}]",
            None,
            "it has no checksum of `t.gguf`",
            1,
        ),
        (b"[{\"path\": \"t.gguf\", \"size\": 1}]", None, "it has no checksum of `t.gguf`", 1),
    ]
    .into_iter()
    .enumerate()
    {
        fake.hub.forget();
        fake.shelf().instead = vec![(tree.clone(), Reply { cut, ..Reply::of(200, body) })];
        let user = User::new(folder(&format!("list-{number}")), &fake.hub.url());
        let failure = user.fails("a/tale").to_string();
        assert!(failure.contains(said), "{failure}");
        let asked = fake.hub.seen().iter().filter(|request| request.path.starts_with(&tree)).count();
        assert_eq!(asked, asks, "{failure}");
    }
    fake.shelf().instead = vec![(
        "/api/models/a/tale/refs".to_owned(),
        Reply::of(200, "{\"branches\":[{\"name\":\"main\",\"targetCommit\":\"../..\"}]}"),
    )];
    let said = User::new(folder("list-commit"), &fake.hub.url()).fails("a/tale").to_string();
    assert!(said.ends_with("it has a commit that is none"), "{said}");
}

#[test]
fn all_pages_of_a_list_are_read_and_an_endless_one_is_not() {
    let files: Vec<(String, Vec<u8>)> =
        (0..7).map(|number| (format!("{number}-Q{}_K.gguf", 2 + number % 5), vec![number])).collect();
    let mut files: Vec<(&str, Vec<u8>)> = files.iter().map(|(path, bytes)| (path.as_str(), bytes.clone())).collect();
    files.push(("tale-Q8_0.gguf", model()));
    let fake = FakeHub::with(&files);
    fake.shelf().page = 2;
    let user = User::new(folder("pages"), &fake.hub.url());
    assert!(user.gets("a/tale").0.ends_with("tale-Q8_0.gguf"), "it is on the last page");
    let trees = fake.hub.seen().iter().filter(|request| request.path.contains("/tree/")).count();
    assert_eq!(trees, 4);

    let tree = format!("/api/models/a/tale/tree/{COMMIT}");
    let endless = Reply::of(200, "[]").with("Link", format!("<{tree}?page=x>; rel=\"next\""));
    fake.shelf().instead = vec![(tree.clone(), endless)];
    fake.hub.forget();
    let said = user.fails("a/tale").to_string();
    assert!(said.ends_with("it has files on more than 100 pages"), "{said}");
    assert_eq!(fake.hub.seen().iter().filter(|request| request.path.starts_with(&tree)).count(), 100);
}

#[test]
fn no_name_leads_out_of_the_cache() {
    let hostile = [
        "../evil.gguf",
        "/evil.gguf",
        "a/../../evil.gguf",
        "a\0.gguf",
        "c:\\evil.gguf",
        "a//b.gguf",
        "./evil.gguf",
        "..\\evil.gguf",
    ];
    let mut files: Vec<(&str, Vec<u8>)> = hostile.iter().map(|path| (*path, vec![1])).collect();
    files.push(("tale-Q4_K_M.gguf", model()));
    let fake = FakeHub::with(&files);
    let user = User::new(folder("hostile"), &fake.hub.url());
    let (pulled, events) = user.pulls("a/tale");
    assert!(pulled.unwrap().files[0].ends_with(format!("models--a--tale/snapshots/{COMMIT}/tale-Q4_K_M.gguf")));
    let passed: Vec<&str> = events
        .iter()
        .filter_map(|event| match event {
            Event::PassedOver(path) => Some(path.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(passed, hostile);
    is_whole(&user, &model());
    // A list of nothing else holds no model.
    fake.shelf().files.pop();
    assert_eq!(user.fails("a/tale").to_string(), "`a/tale` holds no GGUF model");
}

#[test]
fn what_the_hub_lists_is_what_it_gives_out() {
    let fake = FakeHub::of(&model());
    for (number, header) in ["X-Linked-Etag", "X-Linked-Size", "X-Repo-Commit"].into_iter().enumerate() {
        let elsewhere = format!("{}/blob/{}", fake.store.url(), sum(&model()));
        let reply = Reply::of(302, "").with("Location", elsewhere).with(header, "\"77\"");
        fake.shelf().instead = vec![("/a/tale/resolve/".to_owned(), reply)];
        let user = User::new(folder(&format!("other-{number}")), &fake.hub.url());
        let said = user.fails("a/tale").to_string();
        assert!(said.ends_with("gives out another `tale-Q4_K_M.gguf` than it lists"), "{said}");
        assert!(fake.fetched().is_empty());
    }
}

#[test]
fn no_room_is_said_before_a_byte_comes() {
    let bytes = model();
    let fake = FakeHub::of(&bytes);
    let mut user = User::new(folder("room"), &fake.hub.url());
    user.hub.free = |_| Ok(1000);
    let failure = user.fails("a/tale");
    assert!(failure.to_string().contains(" are to come, and only 1 kB are free in `"), "{failure}");
    assert_eq!(failure.remedy, Some(Remedy::Space(bytes.len() as u64 - 1000)));
    assert!(fake.fetched().is_empty());
    // What is here takes no more room.
    user.hub.free = |_| Ok(u64::MAX);
    user.gets("a/tale");
    user.hub.free = |_| Ok(0);
    assert_eq!(user.gets("a/tale").1, 0);
}

#[test]
fn what_is_no_model_is_not_fetched() {
    let fake = FakeHub::with(&[("page.gguf", vec![b'<'; 300_000]), ("torn.gguf", model()[..9000].to_vec())]);
    let user = User::new(folder("no-model"), &fake.hub.url());
    for (file, cause) in [("page.gguf", "it is not a GGUF file: it begins with `<<<<<<<<`"), ("torn.gguf", "it is cut off")] {
        let said = format!("{:#}", user.pulls(&format!("a/tale:{file}")).0.unwrap_err());
        assert!(said.contains(cause), "{said}");
    }
    assert!(fake.fetched().is_empty() && user.holds().is_empty());
}
