//! `afterword write --to`, `--heal`, `--resume`, `--at`, `--take` and `--again`: ends that read well, and more of what was told.

use std::path::{Path, PathBuf};

use crate::support::gguf::{Family, tiny};
use crate::support::{Ends, afterword, err, folder, out};
use afterword::sampler::TextUnit;
use afterword::story::{Record, StopReason};

const PROMPT: &str = "Once upon a time there was a little fox. One day";

/// What `write` says with these arguments, on standard output and on the other, and its exit code.
fn wrote(place: &Path, args: &[&str]) -> (String, String, Option<i32>) {
    let output = afterword(["write", "--threads", "1"]).args(args).current_dir(place).ended();
    (out(&output), err(&output), output.status.code())
}

/// The record that `write` with these arguments makes under this name, and what it prints.
fn recorded(place: &Path, name: &str, args: &[&str]) -> (Record, String) {
    let (text, said, code) = wrote(place, &[args, &["--record", name]].concat());
    assert_eq!(code, Some(0), "{said}");
    (Record::read(&place.join(name)).unwrap(), text)
}

/// A model whose rows hardly depend on how many tokens are decoded together: 32 bits everywhere.
fn exact(place: &Path) -> PathBuf {
    let path = place.join("tiny.gguf");
    std::fs::write(&path, tiny(Family::Llama, 7).bytes()).unwrap();
    path
}

#[test]
fn twelve_tokens_and_twelve_more_are_the_twenty_four_through_files() {
    let place = folder("twice-twelve");
    let model = exact(&place);
    for preset in ["wave", "temperature", "creative", "open"] {
        let fixed = [
            "the thing",
            "--preset",
            preset,
            "--seed",
            "3",
            "--model",
            model.to_str().unwrap(),
            "--kv-type",
            "f32",
            "--flash-attention",
            "off",
        ];
        let told = |name, tokens| recorded(&place, name, &[&fixed[..], &["--tokens", tokens]].concat());
        let (whole, half) = (told("whole.json", "24"), told("half.json", "12"));
        let (longer, text) = recorded(&place, "longer.json", &["--resume", "half.json", "--tokens", "12"]);
        assert_eq!((&longer.tokens, &longer.text), (&whole.0.tokens, &whole.0.text), "{preset}");
        assert_eq!((text, longer.stood(), half.0.tokens.len()), (whole.1, 12, 12));
        assert!((longer.mean_log_p - whole.0.mean_log_p).abs() < 1e-3);
        // And in three pieces, the last of them alone.
        recorded(&place, "less.json", &["--resume", "half.json", "--tokens", "5"]);
        let (thrice, new) = recorded(&place, "thrice.json", &["--resume", "less.json", "--tokens", "7", "--no-prompt"]);
        assert_eq!(thrice.tokens, whole.0.tokens);
        assert!(!new.is_empty() && whole.0.text.ends_with(&new) && new.len() < whole.0.text.len() / 2, "{new:?}");
    }
}

#[test]
fn a_story_that_was_gone_on_with_is_told_again_explained_and_shown() {
    let place = folder("gone-on");
    recorded(&place, "s.json", &[PROMPT, "--seed", "3", "--tokens", "20", "--trace"]);
    let (longer, text) =
        recorded(&place, "t.json", &["--resume", "s.json", "--at", "11", "--take", "·a", "--tokens", "12", "--trace"]);
    let resumed = longer.resumed.unwrap();
    assert_eq!((resumed.tokens, resumed.taken, longer.tokens.len()), (11, 1, 23));
    assert!(text.trim_end().starts_with(PROMPT) && text.contains(&longer.text));
    // The trace is of the whole story, the word that was taken among it.
    assert_eq!((longer.trace.len(), longer.trace[10].piece.as_str()), (23, " a"));
    let run = |args: &[&str]| afterword(args).current_dir(&place).ended();
    let again = run(&["replay", "t.json"]);
    assert!(err(&again).contains("the same story: 12 tokens") && again.status.success(), "{}", err(&again));
    assert_eq!(out(&again).trim_end(), format!("{PROMPT}{}", longer.text).trim_end());
    let explained = run(&["explain", "--record", "t.json", "--token", "12"]);
    assert!(out(&explained).contains("token 12 of 23") && explained.status.success(), "{}", err(&explained));
    let earlier = run(&["explain", "--record", "t.json", "--token", "11"]);
    assert!(err(&earlier).starts_with("error: token 11 stood before the story was gone on with, from token 12 on\nhint: "));
    run(&["report", "t.json", "--out", "t.html"]);
    let page = std::fs::read_to_string(place.join("t.html")).unwrap();
    assert!(page.contains("from token 12, with 1 token of the writer"), "its facts are on the page");
    // Whoever did not take it but let the seed choose hears why nothing is new.
    let (_, said, _) = wrote(&place, &["--resume", "s.json", "--at", "11", "--tokens", "3"]);
    assert!(said.contains("the same seed tells the same words again from token 11 on"), "{said}");
    let (_, said, _) = wrote(&place, &["--resume", "s.json", "--at", "11", "--tokens", "3", "--take", "a"]);
    assert!(said.contains("`a` goes on with the word before it: `·a` begins a new one"), "{said}");
}

#[test]
fn again_tells_the_prompt_under_the_next_seed_and_all_else_as_it_was() {
    let place = folder("again");
    let args = [PROMPT, "--seed", "3", "--tokens", "15", "--preset", "creative", "--set", "temperature=0.9", "--stop", "wolf"];
    let (first, _) = recorded(&place, "s.json", &args);
    let (second, _) = recorded(&place, "n.json", &["--again", "s.json"]);
    assert_eq!((second.seed, &second.resolved, &second.prompt), (4, &first.resolved, &first.prompt));
    assert_eq!((second.run.limit, &second.run.stops, second.resumed), (15, &first.run.stops, None));
    assert_ne!(second.tokens, first.tokens);
    let (own, _) = recorded(&place, "o.json", &["--again", "s.json", "--seed", "3"]);
    assert_eq!((own.tokens, own.text), (first.tokens, first.text));
}

#[test]
fn what_cannot_be_gone_on_with_is_told_in_a_sentence() {
    let place = folder("no-more");
    recorded(&place, "s.json", &[PROMPT, "--seed", "3", "--tokens", "9"]);
    std::fs::write(place.join("other.gguf"), tiny(Family::Llama, 7).bytes()).unwrap();
    let mut empty: serde_json::Value = serde_json::from_slice(&std::fs::read(place.join("s.json")).unwrap()).unwrap();
    empty["tokens"] = serde_json::json!([]);
    std::fs::write(place.join("empty.json"), empty.to_string()).unwrap();
    std::fs::write(place.join("tale.txt"), "Once").unwrap();
    for (args, said) in [
        (
            &["--resume", "s.json", "--at", "10"][..],
            "the story has 9 tokens, and none with the number 10\nhint: `--at` counts from 1 to 9",
        ),
        (&["--resume", "s.json", "--at", "11", "--take", "·a"], "none with the number 11\nhint: `--at` counts from 1 to 10"),
        (&["--resume", "s.json", "--at", "0"], "expected a whole number from 1 up"),
        (
            &["--resume", "empty.json"],
            "the record holds no token of a story that could be gone on with\nhint: `afterword write --again",
        ),
        (&["--resume", "s.json", "--model", "other.gguf"], "the model `other.gguf` is not the record's"),
        (&["--resume", "tale.txt"], "cannot read the record `tale.txt`: it is no record"),
        (&["--resume", "none.json"], "cannot read the record `none.json`"),
        (&["--take", "·a", PROMPT], "`--resume <RECORD>` is missing"),
        (&["--resume", "s.json", "Once"], "cannot be given together with"),
        (&["--resume", "s.json", "--again", "s.json"], "cannot be given together with"),
        (&["--resume", "s.json", "--heal", "off"], "cannot be given together with"),
    ] {
        let (text, found, code) = wrote(&place, args);
        assert!(found.contains(said) && found.starts_with("error: "), "{args:?}: {found}");
        assert!(text.is_empty() && code != Some(0));
    }
}

#[test]
fn a_story_ends_with_a_whole_sentence_or_says_that_it_does_not() {
    let place = folder("whole");
    let (cut, _) = recorded(&place, "cut.json", &[PROMPT, "--seed", "3", "--tokens", "20"]);
    let (whole, text) = recorded(&place, "s.json", &[PROMPT, "--seed", "3", "--tokens", "20", "--to", "sentence"]);
    assert_eq!((whole.stop.clone(), whole.run.to), (StopReason::Whole(TextUnit::Sentence), Some(TextUnit::Sentence)));
    assert_eq!(whole.tokens[..20], cut.tokens[..], "no token is another one");
    assert!(whole.text.ends_with(['.', '!', '?', '"']) && text.trim_end().ends_with(&whole.text), "{:?}", whole.text);
    let replayed = afterword(["replay", "s.json"]).current_dir(&place).ended();
    assert!(replayed.status.success(), "{}", err(&replayed));
    assert_eq!(out(&replayed).trim_end(), format!("{PROMPT}{}", whole.text));
    // A context that ends before the sentence does.
    let (_, said, _) = wrote(&place, &[PROMPT, "--seed", "3", "--tokens", "20", "--to", "paragraph", "--ctx", "40"]);
    assert!(said.contains("the last paragraph did not end"), "{said}");
}

#[test]
fn a_blank_at_the_end_of_a_prompt_is_told_with_its_word_and_shown_as_typed() {
    let place = folder("healed");
    let (plain, _) = recorded(&place, "plain.json", &[PROMPT, "--seed", "3", "--tokens", "9"]);
    let spaced = format!("{PROMPT} ");
    let (healed, text) = recorded(&place, "healed.json", &[&spaced, "--seed", "3", "--tokens", "9"]);
    assert_eq!((healed.healed.as_str(), &healed.prompt, &healed.prompt_tokens), (" ", &spaced, &plain.prompt_tokens));
    // The model would have begun a word there: so the blank changes nothing.
    assert_eq!((&healed.tokens, format!(" {}", healed.text)), (&plain.tokens, plain.text));
    assert_eq!(text.trim_end(), format!("{spaced}{}", healed.text).trim_end());
    let replayed = afterword(["replay", "healed.json"]).current_dir(&place).ended();
    assert!(replayed.status.success() && out(&replayed).trim_end() == text.trim_end(), "{}", err(&replayed));
    let (longer, more) = recorded(&place, "longer.json", &["--resume", "healed.json", "--tokens", "4"]);
    assert!(longer.healed == " " && more.starts_with(text.trim_end()) && longer.text.starts_with(&healed.text));
    let (word, _) = recorded(&place, "word.json", &["There lived a li", "--heal", "word", "--seed", "1", "--tokens", "5"]);
    assert!(word.healed.ends_with("li") && !word.text.starts_with(' '), "{word:?}");
}
