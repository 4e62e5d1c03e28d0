//! Long stories: those that go in circles, and those that outgrow their context. The binary and the bundled model.

use crate::support::{Ends, afterword, err, nowhere, read_json};
use afterword::story::{Record, StopReason};

/// Tells a story, tells it again from its record, and returns the record.
fn recorded(name: &str, args: &[&str]) -> Record {
    let path = nowhere(&format!("{name}.json"));
    let path = path.to_str().unwrap();
    afterword(["write", "Once upon a time", "--seed", "1", "--threads", "1", "--record", path]).args(args).done();
    let again = afterword(["replay", path]).done();
    assert!(err(&again).contains("the same story: "));
    read_json(path)
}

#[test]
fn a_greedy_story_that_only_repeats_itself_ends_unless_it_may_go_on() {
    let story = recorded("loop", &["--preset", "greedy", "--tokens", "300"]);
    assert_eq!(story.stop, StopReason::Loop);
    assert!(story.tokens.len() < 300 && story.text.contains("and a son, and a son"), "{}", story.text);
    let endless = recorded("endless", &["--preset", "greedy", "--tokens", "300", "--no-loop-stop"]);
    assert_eq!((endless.stop, endless.tokens.len()), (StopReason::Tokens, 300));
    assert_eq!(endless.tokens[..story.tokens.len()], story.tokens);
}

#[test]
fn a_story_outgrows_its_context_and_its_record_tells_how_often_it_slid() {
    let args = ["--ctx", "64", "--tokens", "200", "--min-tokens", "200", "--no-loop-stop"];
    let full = recorded("full", &args);
    assert_eq!((full.stop, full.slides), (StopReason::Context, 0));
    let long = recorded("slides", &[&args[..], &["--continue"]].concat());
    assert_eq!((long.stop, long.tokens.len()), (StopReason::Tokens, 200));
    assert_eq!(long.tokens[..full.tokens.len()], full.tokens);
    // The first slide comes when all cells but the prompt's are told; each makes room for the older half of them.
    let room = 64 - long.prompt_tokens.len();
    let (mut slides, mut seen) = (0, 0);
    for told in 1..=200 {
        seen += 1;
        if seen == room && told < 200 {
            seen -= seen.div_ceil(2);
            slides += 1;
        }
    }
    assert_eq!(long.slides, slides);
}

#[test]
fn no_story_ends_before_its_time() {
    let short = recorded("short", &["--set", "temperature=1.5", "--tokens", "120", "--min-tokens", "120"]);
    assert_eq!((short.stop, short.tokens.len(), short.run.min_tokens), (StopReason::Tokens, 120, 120));
}
