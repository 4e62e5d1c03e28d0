//! What a memory held behind a prompt outlives it, and no bit tells: on tiny models of all families, on the bundled one, and through
//! the program.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use afterword::llama::{Session, Weights};
use afterword::model::{Branch, CacheType, FlashAttention, LoadOptions, Model, Origin, Rows, SessionOptions, Step, Token};

use crate::support::gguf::{Family, tiny};
use crate::support::{BUNDLED, Ends, afterword, err, folder, out, read_json};

const CHUNK: usize = 64;

fn options(cells: usize, branches: usize) -> SessionOptions {
    SessionOptions { cells, branches, batch: CHUNK, threads: Some(1), ..SessionOptions::default() }
}

fn weights(family: Family) -> Weights {
    Weights::load(&tiny(family, 7).write(), &LoadOptions::default(), |_| true).unwrap()
}

/// Tokens in an order without a pattern.
fn text(length: usize) -> Vec<Token> {
    let mut state = 5_u64;
    let next = |_| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        262 + u32::try_from(state >> 33).unwrap() % 36
    };
    (0..length).map(next).collect()
}

fn read(session: &mut Session, from: Origin, tokens: &[Token]) -> (Branch, Vec<u32>) {
    let mut bits = Vec::new();
    let step = Step { from, tokens, rows: Rows::Last };
    let branches = session.extend(&[step], &mut |_, _, row| bits = row.iter().map(|logit| logit.to_bits()).collect()).unwrap();
    (branches[0], bits)
}

/// Reads a text in chunks behind a branch that holds its first `begun` tokens.
fn read_on(session: &mut Session, mut branch: Option<Branch>, begun: usize, text: &[Token]) -> (Branch, Vec<u32>) {
    let mut bits = Vec::new();
    for part in text[begun..].chunks(CHUNK) {
        let (next, row) = read(session, branch.map_or(Origin::Root, Origin::Move), part);
        (branch, bits) = (Some(next), row);
    }
    (branch.unwrap(), bits)
}

/// A stretch of story behind a branch: forks beside each other, one of which becomes the trunk, and plain steps.
fn tell_on(session: &mut Session, mut trunk: Branch) -> Vec<Vec<u32>> {
    let mut rows = Vec::new();
    for (number, token) in text(24).into_iter().enumerate() {
        if number % 2 == 0 {
            let (fork, row) = read(session, Origin::Fork(trunk), &[token]);
            let (lost, other) = read(session, Origin::Fork(trunk), &[token ^ 1]);
            session.release(lost);
            session.release(trunk);
            trunk = fork;
            rows.extend([row, other]);
        } else {
            let (next, row) = read(session, Origin::Move(trunk), &[token]);
            trunk = next;
            rows.push(row);
        }
    }
    rows
}

/// Every way in which a later memory may go on from this text is, to the bit, the fresh reading of it.
pub(crate) fn a_restored_memory_is_the_fresh_one(
    weights: &Weights,
    change: impl Fn(SessionOptions) -> SessionOptions,
    what: &str,
) {
    let text = text(330);
    let session = |cells, branches| weights.session(&change(options(cells, branches))).unwrap();
    let mut first = session(400, 3);
    let steps_back = first.steps_back();
    let saved = if steps_back { 330 } else { 320 };
    let (branch, _) = read_on(&mut first, None, 0, &text[..saved]);
    let state = first.save(branch, u64::MAX).unwrap().unwrap();
    let keeps: &[usize] = if steps_back { &[330, 320, 256, 64] } else { &[320] };
    for &keep in keeps {
        // Another text from there on, or the same one; memories of other sizes.
        let mut other = text.clone();
        if keep < 330 {
            other[keep + 3] ^= 1;
        }
        let (mut fresh, mut restored) = (session(500, 4), session(700, 9));
        let (branch, bits) = read_on(&mut fresh, None, 0, &other);
        let begun = restored.restore(&state, saved, keep).unwrap().unwrap();
        assert_eq!(restored.room().cells, 700 - keep);
        let (mut trunk, mut row) = (begun, bits.clone());
        if keep < 330 {
            (trunk, row) = read_on(&mut restored, Some(begun), keep, &other);
        }
        assert!(row == bits, "{what}, behind {keep} tokens: the row behind the prompt");
        assert!(tell_on(&mut fresh, branch) == tell_on(&mut restored, trunk), "{what}, behind {keep} tokens: the story");
    }
}

#[test]
fn a_restored_memory_is_the_fresh_one_to_the_bit_in_every_family() {
    for family in Family::ALL {
        let weights = weights(family);
        a_restored_memory_is_the_fresh_one(&weights, |options| options, &format!("{family:?}"));
        let exact = |options| SessionOptions {
            flash_attention: FlashAttention::Off,
            keys: CacheType::F32,
            values: CacheType::F32,
            ..options
        };
        a_restored_memory_is_the_fresh_one(&weights, exact, &format!("{family:?} in 32 bits"));
    }
}

#[test]
fn a_restored_memory_is_the_fresh_one_to_the_bit_in_quantised_weights_and_caches() {
    let weights = Weights::load(Path::new(BUNDLED), &LoadOptions::default(), |_| true).unwrap();
    a_restored_memory_is_the_fresh_one(&weights, |options| options, "the bundled model");
    let quantised = |options| SessionOptions { keys: CacheType::Q8_0, values: CacheType::Q8_0, ..options };
    a_restored_memory_is_the_fresh_one(&weights, quantised, "with a cache of 8 bits");
    let two = |options| SessionOptions { threads: Some(2), ..options };
    a_restored_memory_is_the_fresh_one(&weights, two, "with two threads");
}

#[test]
fn a_memory_is_saved_only_where_it_is_one_text_and_restored_only_where_nothing_was() {
    for family in [Family::Llama, Family::Gemma3, Family::Mamba, Family::Lfm2] {
        let weights = weights(family);
        let mut session = weights.session(&options(400, 4)).unwrap();
        let (trunk, _) = read_on(&mut session, None, 0, &text(128));
        let state = session.save(trunk, u64::MAX).unwrap().unwrap();
        assert!(session.restore(&state, 128, 128).unwrap().is_none());
        let (fork, _) = read(&mut session, Origin::Fork(trunk), &[290]);
        assert!(session.save(trunk, u64::MAX).unwrap().is_none() && session.save(fork, u64::MAX).unwrap().is_none());
        session.release(fork);
        assert!(session.save(trunk, u64::MAX).unwrap().is_none(), "where its cells lie nobody knows any more");
        session.release(trunk);
        assert!(session.restore(&state, 128, 128).unwrap().is_none());
        assert!(session.save(trunk, u64::MAX).is_err(), "it does not live");
        session.clear();
        assert!(session.restore(&state, 128, 128).unwrap().is_some());
        let mut small = weights.session(&options(100, 4)).unwrap();
        assert!(small.restore(&state, 128, 64).unwrap().is_none());
        let mut other = weights.session(&options(400, 4)).unwrap();
        assert_eq!(other.restore(&state, 128, 64).unwrap().is_some(), other.steps_back());
        assert!(other.restore(&state, 128, 0).is_err() && other.restore(&state, 128, 129).is_err());
    }
}

#[test]
fn bytes_that_are_no_such_memory_are_refused_and_the_memory_is_a_new_one() {
    let saved = |family: Family, tokens| {
        let weights = weights(family);
        let mut session = weights.session(&options(400, 3)).unwrap();
        let (branch, _) = read_on(&mut session, None, 0, &text(tokens));
        session.save(branch, u64::MAX).unwrap().unwrap()
    };
    let llama = saved(Family::Llama, 128);
    for family in [Family::Llama, Family::Gemma3, Family::Mamba, Family::Lfm2] {
        let weights = weights(family);
        let mut session = weights.session(&options(400, 3)).unwrap();
        let (own, fresh) = (saved(family, 128), {
            let mut session = weights.session(&options(400, 3)).unwrap();
            read_on(&mut session, None, 0, &text(128)).1
        });
        let mut strange = vec![saved(family, 64), saved(Family::Qwen2, 128), Vec::new(), vec![0; 5000]];
        strange.extend([0, 4, 8, 20, own.len() / 2, own.len() - 1].map(|length| own[..length].to_vec()));
        if family != Family::Llama {
            strange.push(llama.clone());
        }
        // The words before the numbers: magic, sequence, streams, cells, positions.
        for at in [0, 8, 12, 13, 16, 20, 21] {
            let mut changed = own.clone();
            changed[at] ^= 0x41;
            strange.push(changed);
        }
        for (number, bytes) in strange.iter().enumerate() {
            match session.restore(bytes, 128, 128) {
                Err(error) => assert!(error.to_string().contains("memory of 128 tokens"), "{family:?} {number}: {error:#}"),
                // The sequence that it was saved of does not matter, nor does what every layer has.
                Ok(restored) => assert!(bytes.len() == own.len() && restored.is_some(), "{family:?} {number}"),
            }
            session.clear();
        }
        assert!(read_on(&mut session, None, 0, &text(128)).1 == fresh, "{family:?}");
    }
}

/// A prompt of some hundred tokens for the bundled model.
fn chapter(sentences: usize) -> String {
    let sentence = |number: usize| {
        let who = ["The wolf", "A fox", "The old crow", "One sheep"][number % 4];
        let what = ["said nothing", "went down to the river", "wanted the grapes", "laughed at the lion"][(number * 7 / 3) % 4];
        format!("{who} {what}, and day {number} came to its end. ")
    };
    (0..sentences).map(sentence).collect::<String>().trim_end().to_owned()
}

/// `afterword write` with a cache of its own.
fn write(cache: &Path, prompt: &str, more: &[&str]) -> Command {
    let mut command = afterword(["write", prompt, "--raw", "--tokens", "40"]);
    for [option, usual] in [["--seed", "3"], ["--threads", "1"]] {
        if !more.contains(&option) {
            command.args([option, usual]);
        }
    }
    command.args(more).env("AFTERWORD_CACHE", cache).env_remove("AFTERWORD_CACHE_LIMIT");
    command
}

fn states(cache: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(cache.join("states")) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "state"));
    paths.sort();
    paths
}

#[test]
fn a_second_story_behind_a_prompt_reads_none_of_it_and_its_record_is_the_same() {
    let (cache, room) = (folder("second"), folder("second-records"));
    let prompt = chapter(40);
    let record = |name: &str| room.join(name).to_str().unwrap().to_owned();
    let fresh = write(&cache, &prompt, &["--no-cache", "--record", &record("fresh.json")]).done();
    assert_eq!((states(&cache).len(), err(&fresh).contains("in the cache")), (0, false));
    let first = write(&cache, &prompt, &["--record", &record("first.json")]).done();
    assert_eq!((states(&cache).len(), err(&first).contains("in the cache")), (1, false));
    let second = write(&cache, &prompt, &["--record", &record("second.json")]).done();
    let tokens = read_json::<serde_json::Value>(record("first.json"))["prompt-tokens"].as_array().unwrap().len();
    assert!(tokens > 300, "{tokens}");
    assert!(err(&second).contains(&format!("all {tokens} tokens of the prompt were in the cache")), "{}", err(&second));
    assert_eq!((out(&first), out(&second)), (out(&fresh), out(&fresh)));
    let plain = |name: &str| {
        let mut record: serde_json::Value = read_json(record(name));
        record["times"] = serde_json::Value::Null;
        record
    };
    assert_eq!((plain("first.json"), plain("second.json")), (plain("fresh.json"), plain("fresh.json")));
    // With another preset and seed it is the same prompt; with another number of threads the bits may be others.
    let other = write(&cache, &prompt, &["--preset", "greedy", "--seed", "9"]).done();
    assert!(err(&other).contains("all "), "{}", err(&other));
    let two = write(&cache, &prompt, &["--threads", "2"]).done();
    assert_eq!((states(&cache).len(), err(&two).contains("in the cache")), (2, false));
    // Replaying reads afresh.
    let replayed = afterword(["replay", &record("second.json")]).env("AFTERWORD_CACHE", &cache).done();
    assert!(err(&replayed).contains("the same story") && !err(&replayed).contains("in the cache"));
}

#[test]
fn a_chapter_that_grows_by_what_was_told_reads_little_of_it() {
    let cache = folder("growing");
    let mut text = chapter(35);
    for round in 0..3 {
        let fresh = write(&cache, &text, &["--no-cache"]).prints();
        let told = write(&cache, &text, &[]).done();
        assert_eq!(out(&told), fresh, "{round}");
        assert_eq!(err(&told).contains("tokens of the prompt were in the cache"), round > 0, "{}", err(&told));
        text = out(&told).trim_end_matches('\n').to_owned() + " And then";
    }
    assert!(states(&cache).len() <= 2, "a beginning of another text is of no more use");
}

#[test]
fn drafts_and_comparisons_begin_behind_what_write_has_read() {
    let cache = folder("drafts");
    let prompt = chapter(40);
    write(&cache, &prompt, &[]).done();
    let fresh = write(&cache, &prompt, &["--drafts", "3", "--no-cache"]).prints();
    let drafts = write(&cache, &prompt, &["--drafts", "3"]).done();
    assert_eq!((out(&drafts), err(&drafts).contains("were in the cache")), (fresh, true));
    let compare = |more: &[&str]| {
        let mut command = afterword(["compare", &prompt, "--raw", "--presets", "greedy,wave", "--seed", "3", "--tokens", "20"]);
        command
            .args(["--threads", "1", "--json"])
            .args(more)
            .env("AFTERWORD_CACHE", &cache)
            .env_remove("AFTERWORD_CACHE_LIMIT");
        let output = command.done();
        let mut told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        told["stories"].as_array_mut().unwrap().iter_mut().for_each(|story| story["seconds"] = serde_json::Value::Null);
        (told, err(&output))
    };
    let ((fresh, without), (told, with)) = (compare(&["--no-cache"]), compare(&[]));
    assert_eq!(told, fresh);
    assert!(with.contains("were in the cache") && !without.contains("in the cache"), "{with}");
}

#[test]
fn a_state_that_is_damaged_is_said_and_removed_and_the_story_is_the_same() {
    let cache = folder("damaged");
    let prompt = chapter(40);
    let told = write(&cache, &prompt, &[]).prints();
    let path = states(&cache).remove(0);
    let whole = fs::read(&path).unwrap();
    for (number, change) in [0, 9, 70, whole.len() / 2, whole.len() - 1].into_iter().enumerate() {
        let mut bytes = whole.clone();
        bytes[change] ^= 1;
        fs::write(&path, bytes).unwrap();
        let again = write(&cache, &prompt, &[]).done();
        assert_eq!(out(&again), told, "{number}");
        assert!(err(&again).contains(" is not used: it is") && !err(&again).contains("in the cache"), "{}", err(&again));
        assert_eq!(fs::read(&path).unwrap(), whole, "it is read and kept again");
    }
    fs::write(&path, &whole[..whole.len() - 1]).unwrap();
    assert!(err(&write(&cache, &prompt, &[]).done()).contains("is not used: it is damaged"));
    // One of another key under this name: the key in it is what counts.
    let other = write(&cache, &prompt, &["--threads", "2"]).done();
    assert!(!err(&other).contains("in the cache"));
    let foreign = states(&cache).into_iter().find(|other| *other != path).unwrap();
    fs::copy(&foreign, &path).unwrap();
    let again = write(&cache, &prompt, &[]).done();
    assert_eq!(out(&again), told);
    assert!(err(&again).contains("it is of another model, or was made in another way"), "{}", err(&again));
}

#[test]
fn the_cache_keeps_within_its_limit_and_nobody_needs_it() {
    let cache = folder("limit");
    let size = |paths: &[PathBuf]| paths.iter().map(|path| fs::metadata(path).unwrap().len()).sum::<u64>();
    write(&cache, &chapter(40), &[]).done();
    let limit = size(&states(&cache)) * 5 / 2;
    for sentences in [41, 42, 43, 44] {
        let prompt = format!("Chapter {sentences}. {}", chapter(40));
        write(&cache, &prompt, &[]).env("AFTERWORD_CACHE_LIMIT", limit.to_string()).done();
        assert!(size(&states(&cache)) <= limit);
    }
    assert_eq!(states(&cache).len(), 2);
    let prompt = chapter(50);
    let none = write(&cache, &prompt, &[]).env("AFTERWORD_CACHE_LIMIT", "0").done();
    let small = write(&cache, &prompt, &[]).env("AFTERWORD_CACHE_LIMIT", "10 kB").done();
    assert!(!err(&none).contains("cache"), "{}", err(&none));
    assert!(err(&small).contains("the state of the prompt could not be kept: the memory of "), "{}", err(&small));
    let wrong = write(&cache, &prompt, &[]).env("AFTERWORD_CACHE_LIMIT", "much").refused(2);
    assert!(wrong.contains("AFTERWORD_CACHE_LIMIT is `much`, and no number of bytes\nhint: "), "{wrong}");
    // Where it cannot be written the story is told all the same.
    fs::remove_dir_all(&cache).unwrap();
    fs::write(&cache, "no folder").unwrap();
    let blocked = write(&cache, &prompt, &[]).done();
    assert_eq!(out(&blocked), out(&none));
    assert!(err(&blocked).contains("cannot") || err(&blocked).contains("could not be kept"), "{}", err(&blocked));
}

#[test]
fn cache_lists_what_is_kept_and_clears_it() {
    let cache = folder("listed");
    let ask = |args: &[&str]| {
        let mut command = afterword([&["cache"], args].concat());
        command.env("AFTERWORD_CACHE", &cache).env_remove("AFTERWORD_CACHE_LIMIT");
        command
    };
    let empty = ask(&[]).done();
    assert_eq!(out(&empty), "");
    assert!(err(&empty).contains("0 states · ") && err(&empty).contains("at most 2.0 GB"), "{}", err(&empty));
    write(&cache, &chapter(40), &[]).done();
    fs::write(cache.join("states/0123456789abcdef-0123456789abcdef.state"), "torn").unwrap();
    let listed = ask(&[]).done();
    assert!(out(&listed).contains("last used") && out(&listed).contains("just now"), "{}", out(&listed));
    assert!(out(&listed).contains("unusable: it ends too soon"), "{}", out(&listed));
    let json: serde_json::Value = serde_json::from_slice(&ask(&["--json"]).done().stdout).unwrap();
    let all = json["states"].as_array().unwrap();
    assert_eq!((all.len(), json["limit"].as_u64()), (2, Some(2_000_000_000)));
    assert!(all.iter().any(|state| state["tokens"].as_u64() > Some(300) && state["mistake"].is_null()));
    fs::write(cache.join("states/mine.txt"), "mine").unwrap();
    assert!(err(&ask(&["clear"]).done()).contains("2 states are removed: "));
    assert_eq!((states(&cache).len(), fs::read_to_string(cache.join("states/mine.txt")).unwrap()), (0, "mine".to_owned()));
}

#[test]
fn several_processes_may_read_write_and_clear_at_once() {
    let cache = folder("together");
    let prompt = chapter(40);
    let fresh = write(&cache, &prompt, &["--no-cache"]).prints();
    for round in 0..3 {
        let spawn = |_| write(&cache, &prompt, &[]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let all: Vec<_> = (0..3).map(spawn).collect();
        let mut clear = afterword(["cache", "clear"]);
        clear.env("AFTERWORD_CACHE", &cache).done();
        for child in all {
            let output = child.wait_with_output().unwrap();
            assert_eq!((output.status.code(), out(&output)), (Some(0), fresh.clone()), "{round}: {}", err(&output));
            assert!(!err(&output).contains("damaged"), "{}", err(&output));
        }
    }
}

#[cfg(unix)]
#[test]
fn whoever_is_killed_leaves_a_whole_state_or_none() {
    let cache = folder("killed");
    let prompt = chapter(45);
    let fresh = write(&cache, &prompt, &["--no-cache"]).prints();
    for round in 0..30_u64 {
        let mut child = write(&cache, &prompt, &[]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(Duration::from_millis(20 + round * 17 % 400));
        child.kill().unwrap();
        child.wait().unwrap();
        for path in states(&cache) {
            let bytes = fs::read(&path).unwrap();
            let mut from = &bytes[..];
            let head = afterword::engine::StateFile::read(&mut from, bytes.len() as u64).unwrap();
            head.read_memory(&mut from).unwrap();
            if round % 3 == 0 {
                fs::remove_file(path).unwrap();
            }
        }
    }
    let told = write(&cache, &prompt, &[]).done();
    assert_eq!(out(&told), fresh);
    // What was left unfinished is gone when the next one is written.
    fs::remove_file(&states(&cache)[0]).unwrap();
    write(&cache, &prompt, &[]).done();
    let left = fs::read_dir(cache.join("states"))
        .unwrap()
        .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().ends_with(".unfinished"));
    assert_eq!((left.count(), states(&cache).len()), (0, 1));
}
