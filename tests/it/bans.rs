//! What is not to be said, from the command line to the page: bans that are typed, kept with the story, told again, explained and shown.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::support::{Ends, afterword, err, folder, out};
use afterword::bans::{Bans, Matcher, Watch};
use afterword::story::Record;

const PROMPT: &str = "Once upon a time there was a little fox. One day";

/// What the bundled model says all the time: words, a phrase, and what only a pattern can name.
const LIST: &str = "\
phrases = ['little', 'was', 'said', 'happy', 'once upon', 'the big', 'to play', 'and the']
patterns = ['very (very )*[a-z]+', 'so [a-z]+ that']
";

/// What of a list a text says.
fn said(list: &str, text: &str) -> Option<String> {
    let bans: Bans = toml::from_str(list).unwrap();
    let mut watch = Watch::new(Arc::new(Matcher::new(bans).unwrap()));
    watch.push(text.as_bytes()).or_else(|| watch.finish()).map(|found| format!("`{}` in {text:?}", watch.written(found)))
}

/// What a command prints here that ends well, and what it says beside it.
fn run(place: &Path, args: &[&str]) -> (String, String) {
    let output = afterword(args).current_dir(place).done();
    (out(&output), err(&output))
}

#[test]
fn what_is_banned_is_not_said_and_goes_with_the_record_wherever_that_goes() {
    let place = folder("record");
    fs::write(place.join("mine.toml"), LIST).unwrap();
    let write = ["write", PROMPT, "--threads", "1", "--seed", "3", "--tokens", "120", "--min-tokens", "120"];
    let bans = ["--bans", "mine.toml", "--ban", "fox", "--ban", " Forest ", "--record", "s.json", "--trace"];
    let (_, told) = run(&place, &[&write[..], &bans].concat());
    assert!(told.contains(" told otherwise"), "{told}");
    let record = |name: &str| Record::read(&place.join(name)).unwrap();
    let first = record("s.json");
    assert_eq!((said(LIST, &first.text), said("phrases = ['fox', 'forest']", &first.text)), (None, None));
    assert!(!first.banned.rewinds.is_empty() && first.banned.stood.is_empty(), "{:?}", first.banned);
    assert!(first.resolved.contains("\"the big\"") && first.resolved.contains("\"fox\""), "{}", first.resolved);
    let (_, again) = run(&place, &["replay", "s.json"]);
    assert!(again.contains("the same story: 120 tokens"), "{again}");

    // Under another seed, and gone on with, it does without the same; with what is typed now it does without more.
    run(&place, &["write", "--again", "s.json", "--threads", "1", "--record", "n.json"]);
    run(&place, &["write", "--resume", "s.json", "--threads", "1", "--tokens", "60", "--record", "t.json"]);
    run(&place, &["write", "--resume", "s.json", "--threads", "1", "--tokens", "60", "--ban", "day", "--record", "u.json"]);
    for name in ["n.json", "t.json", "u.json"] {
        let other = record(name);
        assert_eq!(said(LIST, &other.text), None, "{name}");
        assert_eq!(other.resolved.contains("\"day\""), name == "u.json");
        let (_, again) = run(&place, &["replay", name]);
        assert!(again.contains("the same story"), "{name}: {again}");
    }
    assert_eq!(said("phrases = ['day']", &record("u.json").text[first.text.len()..]), None);

    // A token that it went back to tells what it had there; one behind it is explained as any other.
    let back = first.banned.rewinds.iter().find(|back| first.banned.time_of(back.at) == 0).unwrap();
    let at = (back.at + 1).to_string();
    let (page, _) = run(&place, &["explain", "--record", "s.json", "--token", &at, "--threads", "1"]);
    assert!(page.contains("taken back"), "{page}");
    run(&place, &["explain", "--record", "s.json", "--token", "120", "--threads", "1"]);
    // At a prompt the words are known that would not stay.
    let (page, _) = run(&place, &["explain", "Once upon a", "--ban", "upon a time", "--raw", "--seed", "1", "--threads", "1"]);
    assert!(page.contains("·time would be taken back: with it `upon a time` would be said"), "{page}");

    run(&place, &["report", "s.json", "--out", "s.html"]);
    let page = fs::read_to_string(place.join("s.html")).unwrap();
    let rows =
        page.split("<summary>What was not said").nth(1).unwrap().split("</table>").next().unwrap().matches("<del").count();
    assert_eq!(rows, first.banned.rewinds.len());
}

#[test]
fn bans_are_of_every_preset_that_is_compared_and_of_every_story_of_a_batch() {
    let place = folder("many");
    fs::write(place.join("mine.toml"), LIST).unwrap();
    let fixed = ["--bans", "mine.toml", "--seed", "2", "--tokens", "50", "--threads", "1"];
    let (compared, _) = run(&place, &[&["compare", PROMPT, "--presets", "temperature,wave", "--json"][..], &fixed].concat());
    let compared: serde_json::Value = serde_json::from_str(&compared).unwrap();
    for story in compared["stories"].as_array().unwrap() {
        assert_eq!(said(LIST, story["text"].as_str().unwrap()), None);
    }
    fs::write(place.join("prompts.txt"), PROMPT).unwrap();
    let batch = |more: &[&str]| {
        let args =
            ["batch", "prompts.txt", "--out", "o", "--preset", "temperature,wave", "--bans", "mine.toml", "--tokens", "50"];
        afterword(args).args(["--threads", "1", "-q"]).args(more).current_dir(&place).ended()
    };
    assert!(batch(&[]).status.success());
    // The folder knows them: with others it is another run.
    assert!(fs::read_to_string(place.join("o/run.toml")).unwrap().contains("the big"));
    assert!(batch(&[]).status.success() && !batch(&["--ban", "day"]).status.success());
}

#[test]
fn who_wants_quiet_hears_of_a_ban_that_stands_and_of_nothing_else() {
    let place = folder("quiet");
    // All that a sentence could go on with but a mark is banned: sooner or later something stands.
    fs::write(place.join("all.toml"), "patterns = ['[a-z ]+']\nretries = 1\n").unwrap();
    let quiet = ["write", PROMPT, "--threads", "1", "--seed", "3", "--tokens", "20", "--min-tokens", "20", "-q"];
    let output = afterword(quiet).args(["--bans", "all.toml"]).current_dir(&place).done();
    let heard = err(&output);
    assert!(heard.contains("it says what is banned") && heard.lines().count() == 1, "{heard}");
    assert_eq!(err(&afterword(quiet).args(["--ban", "fox"]).done()), "");
}

/// Tells so many stories of 300 tokens, with and without a look ahead, and reads them all.
fn told_without(name: &str, seeds: u32) {
    let place = folder(name);
    fs::write(place.join("mine.toml"), LIST).unwrap();
    fs::write(place.join("prompts.txt"), format!("{PROMPT}\nThe door opened, and\n")).unwrap();
    let seeds = format!("1..{seeds}");
    let args = ["batch", "prompts.txt", "--out", "o", "--preset", "temperature,wave", "--bans", "mine.toml", "--seeds", &seeds];
    run(&place, &[&args[..], &["--tokens", "300", "--min-tokens", "300", "--threads", "1", "--sessions", "1", "-q"]].concat());
    let (mut stories, mut tokens, mut rewinds) = (0, 0, 0);
    for entry in fs::read_dir(place.join("o/stories")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ending| ending == "json") {
            let Record { text, banned, tokens: told, .. } = Record::read(&path).unwrap();
            assert_eq!((said(LIST, &text), banned.stood.len()), (None, 0), "{}", path.display());
            (stories, tokens, rewinds) = (stories + 1, tokens + told.len(), rewinds + banned.rewinds.len());
        }
    }
    // The list is met again and again.
    assert!(tokens >= 300 * stories && rewinds * 50 > tokens, "{stories} stories, {rewinds} rewinds in {tokens} tokens");
}

#[test]
fn no_story_says_what_is_banned() {
    told_without("some", 6);
}

#[test]
#[ignore = "takes a minute"]
fn none_of_two_hundred_stories_says_what_is_banned() {
    told_without("two-hundred", 50);
}
