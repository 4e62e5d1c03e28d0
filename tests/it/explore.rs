//! The explorer in a real terminal: keys are typed, and the screen is read.

use std::process::Command;

use crate::support::pty::{Act, see_screen};
use crate::support::{Ends, afterword, nowhere, read_json};

const PROMPT: &str = "Once upon a time there lived";

fn explorer(args: &[&str]) -> Command {
    let mut command = afterword(["explore"]);
    command.args(args).args(["--threads", "1", "--seed", "3", "--tokens", "8"]);
    command
}

/// What a person does once this stands on the screen.
struct Step(&'static str, Act);

/// Does one step after the other in the terminal; what was on the screen before the last.
fn walk(command: Command, steps: &[Step]) -> (String, crate::support::pty::Seen) {
    let (mut at, mut last) = (0, String::new());
    let seen = see_screen(command, 24, 80, |screen| {
        let Some(Step(awaited, act)) = steps.get(at) else { return Act::Nothing };
        if !screen.contains(awaited) {
            return Act::Nothing;
        }
        (at, last) = (at + 1, screen.to_owned());
        *act
    });
    assert_eq!(at, steps.len(), "waiting for `{}`:\n{last}", steps.get(at).map_or("", |step| step.0));
    (last, seen)
}

#[test]
fn a_word_is_chosen_told_on_from_and_kept() {
    let out = nowhere("tree.json");
    let path = out.to_str().unwrap();
    let steps = [
        Step("› ", Act::Type("\x1b[B\r")),
        Step("token 1 of 1 ", Act::Type(" ")),
        Step("token 9 of 9 ", Act::Type("t")),
        Step("branches, sorted by time", Act::Type("?")),
        Step("The page", Act::Type("\x1b[B\x1b[B \x1b[A")),
        Step("the tree", Act::Type("x")),
        Step("token 9 of 9 ", Act::Type("q")),
    ];
    let (_, seen) = walk(explorer(&[PROMPT, "--out", path]), &steps);
    assert_eq!(seen.code, Some(0), "{}", seen.text());
    assert!(seen.text().contains("the tree is in `") && !seen.text().contains("branches"), "{}", seen.text());
    let kept: serde_json::Value = read_json(&out);
    assert_eq!(kept["afterword-tree"], 1);
    // It is opened where it was left.
    let (last, seen) = walk(explorer(&["--open", path]), &[Step("of 9 ", Act::Type("q"))]);
    assert!(last.contains(PROMPT) && seen.code == Some(0), "{last}");
    assert_eq!(read_json::<serde_json::Value>(&out), kept);
}

#[test]
fn without_a_terminal_it_says_what_to_use() {
    let said = explorer(&[PROMPT]).refused(2);
    assert!(said.contains("draws on a terminal") && said.contains("afterword write"), "{said}");
}
