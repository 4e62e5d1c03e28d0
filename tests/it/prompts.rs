//! The prompts that the repository brings along to compare samplers on: they are read as `batch` reads them.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use afterword::batch::PromptEntry;

const GENRES: [&str; 10] =
    ["adventure", "children", "crime", "history", "horror", "humour", "literary", "romance", "scifi", "tale"];

/// Each list with what it holds of a genre.
const LISTS: [(&str, usize); 4] =
    [("openings-dev", 3), ("openings-test", 6), ("instructions-dev", 2), ("instructions-test", 4)];

fn list(name: &str) -> Vec<PromptEntry> {
    PromptEntry::read(&Path::new("configs/prompts").join(name).with_extension("toml")).unwrap().entries
}

fn all() -> Vec<PromptEntry> {
    LISTS.iter().flat_map(|(name, _)| list(name)).collect()
}

fn words(text: &str) -> Vec<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// Without the full stops that end none.
fn sentences(text: &str) -> usize {
    let text = ["Mr.", "Mrs.", "Dr.", "M.", "R."].iter().fold(text.to_owned(), |text, short| text.replace(short, "X"));
    text.split_whitespace().filter(|word| word.trim_end_matches('"').ends_with(['.', '!', '?'])).count()
}

#[test]
fn every_genre_has_its_share_of_every_list_of_prompts() {
    for (name, share) in LISTS {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for prompt in list(name) {
            *counts.entry(prompt.name.unwrap().split('-').next().unwrap().to_owned()).or_default() += 1;
        }
        assert!(counts.keys().eq(GENRES), "{name}: {counts:?}");
        assert!(counts.values().all(|count| *count == share), "{name}: {counts:?}");
    }
    assert_eq!(LISTS.map(|(name, _)| list(name).len()), [30, 60, 20, 40]);
}

#[test]
fn no_prompt_stands_twice_or_in_two_lists() {
    let mut names = HashSet::new();
    let mut beginnings = HashSet::new();
    for prompt in all() {
        let name = prompt.name.unwrap();
        assert!(beginnings.insert(words(&prompt.text)[..8].to_vec()), "{name} begins as another does");
        assert!(names.insert(name.clone()), "{name} stands twice");
        // It names files, and is taken as it is.
        assert!(name.chars().all(|c| c.is_ascii_lowercase() || c == '-') && name.len() <= 48, "{name}");
    }
}

#[test]
fn an_opening_is_a_few_whole_sentences_and_an_instruction_is_one() {
    for (list_name, _) in LISTS {
        for PromptEntry { name, text, tokens, stop, system, seeds } in list(list_name) {
            let (name, count, sentences) = (name.unwrap(), text.split_whitespace().count(), sentences(&text));
            assert_eq!((tokens, stop, system, seeds), (None, None, None, None), "{name} asks for something of its own");
            assert!(!text.contains("  ") && text.trim() == text && text.ends_with(['.', '"']), "{name}: {text}");
            if list_name.starts_with("openings") {
                assert!((15..=60).contains(&count) && (1..=3).contains(&sentences), "{name}: {count}, {sentences}");
                assert!(!afterword::chat::is_instruction(&text), "{name} reads like an instruction");
            } else {
                assert!((8..=30).contains(&count) && sentences == 1, "{name}: {count}, {sentences}");
                assert!(afterword::chat::is_instruction(&text), "{name} reads like an opening");
            }
        }
    }
}
