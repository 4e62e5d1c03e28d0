//! Names of files that every file system takes, and a person can read.
//!
//! A name holds small letters, digits and `-`; in the name of a voice also `=`, `.` and `+`, never at an end. Two hyphens
//! stand between prompt, voice and seed and nowhere else, so no two stories can share a name, and none is one that Windows
//! keeps for a device: `con--wave--1` is no `con`.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use deunicode::deunicode;

/// The most characters of a part of a name: three parts and an ending stay far below the 255 bytes of a file system.
const LONGEST: usize = 48;

/// The words of a text as a part of a name; empty where it has none that could be written so. Letters beyond ASCII become
/// those that sound alike.
pub(super) fn of_words(text: &str) -> String {
    // A long text says who it is in its first words.
    let beginning: String = text.chars().take(4 * LONGEST).filter(|c| !"'’‘`".contains(*c)).collect();
    shortened(&joined(&deunicode(&beginning), |c| c.is_ascii_alphanumeric()))
}

/// A preset and its change as a part of a name: `future-alpha=-1`.
pub(super) fn of_voice(preset: &str, edits: &[String]) -> String {
    let stem = preset.rsplit(['/', '\\']).next().unwrap_or(preset);
    let mut name = of_words(stem.strip_suffix(".toml").unwrap_or(stem));
    for edit in edits {
        let (path, value) = edit.split_once('=').unwrap_or((edit, ""));
        let key = of_words(path.rsplit('.').next().unwrap_or(path));
        // A minus belongs to its number.
        let sign = if value.starts_with('-') { "-" } else { "" };
        let value = joined(&deunicode(value), |c| c.is_ascii_alphanumeric() || c == '.' || c == '+');
        name = format!("{name}-{key}={sign}{}", value.trim_end_matches('.'));
    }
    shortened(name.trim_matches('-'))
}

/// Small letters, and one hyphen for every stretch of characters that are not kept.
fn joined(text: &str, keeps: impl Fn(char) -> bool) -> String {
    let words: Vec<&str> = text.split(|c| !keeps(c)).filter(|word| !word.is_empty()).collect();
    words.join("-").to_ascii_lowercase()
}

/// Cut at a hyphen, if one stands in its second half.
fn shortened(name: &str) -> String {
    let Some(head) = name.get(..LONGEST) else { return name.to_owned() };
    if name.len() == LONGEST {
        return name.to_owned();
    }
    let cut = head.rfind('-').filter(|&cut| cut >= LONGEST / 2).unwrap_or(LONGEST);
    head[..cut].trim_end_matches(['-', '.', '=', '+']).to_owned()
}

/// The same names, where none stands twice and none is empty: `wolf`, `wolf-2`; an empty one becomes `what-3`, by its place.
pub(super) fn distinct(names: Vec<String>, what: &str) -> Vec<String> {
    // Names that stand once keep themselves, whatever a counted one would like to be.
    let mut taken: HashSet<String> = names.iter().filter(|name| !name.is_empty()).cloned().collect();
    let mut seen = HashSet::new();
    // Counts of each name that are known to be taken, so that the ten-thousandth equal one need not try them all again.
    let mut counts: HashMap<String, Range<usize>> = HashMap::new();
    let mut make = |(at, name): (usize, String)| {
        if !name.is_empty() && seen.insert(name.clone()) {
            return name;
        }
        let (base, first) = if name.is_empty() { (what, at + 1) } else { (name.as_str(), 2) };
        let known = counts.entry(name.clone()).or_insert(first..first);
        if !(known.start..=known.end).contains(&first) {
            *known = first..first;
        }
        loop {
            let free = format!("{base}-{}", known.end);
            known.end += 1;
            if taken.insert(free.clone()) {
                seen.insert(free.clone());
                return free;
            }
        }
    };
    names.into_iter().enumerate().map(&mut make).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn is_safe(name: &str) -> bool {
        let known = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-=.+".contains(c);
        !name.is_empty() && name.len() <= 64 && name.chars().all(known) && !name.contains("--") && !name.starts_with(['.', '-'])
    }

    #[test]
    fn words_stay_readable() {
        for (text, name) in [
            ("Once upon a time", "once-upon-a-time"),
            ("../../etc/passwd", "etc-passwd"),
            ("CON", "con"),
            ("don't — stop!", "dont-stop"),
            ("Über den Wäldern", "uber-den-waldern"),
            ("🐺", "wolf"),
            ("", ""),
            ("…", ""),
        ] {
            assert_eq!(of_words(text), name);
        }
        assert_eq!(of_words(&"long ".repeat(60)), "long-long-long-long-long-long-long-long-long");
        assert_eq!(of_words(&"x".repeat(300)), "x".repeat(48));
    }

    #[test]
    fn voices_keep_signs_and_decimals() {
        let name = |preset: &str, edits: &[&str]| of_voice(preset, &edits.iter().map(ToString::to_string).collect::<Vec<_>>());
        assert_eq!(name("wave", &[]), "wave");
        assert_eq!(name("../mine/Slow Wave.toml", &[]), "slow-wave");
        assert_eq!(name("future", &["future.alpha=-1"]), "future-alpha=-1");
        assert_eq!(name("future", &["future.alpha=0.5", "temperature=1"]), "future-alpha=0.5-temperature=1");
        assert_eq!(name("future", &["future.alpha={ wave = { period = 40 } }"]), "future-alpha=wave-period-40");
    }

    #[test]
    fn equal_and_empty_names_become_distinct() {
        let names = ["wolf", "wolf", "", "wolf-2", "", "wolf"].map(String::from).to_vec();
        assert_eq!(distinct(names, "prompt"), ["wolf", "wolf-3", "prompt-3", "wolf-2", "prompt-5", "wolf-4"]);
    }

    #[test]
    fn a_hundred_thousand_equal_names_are_counted_once_each() {
        // Counted from 2 for each of them, that would be five thousand million names.
        let mut names = vec!["wolf".to_owned(); 100_000];
        // Empty ones begin at their places, where all names are taken.
        names.extend((0..50_000).map(|count| format!("prompt-{}", 150_001 + count)));
        names.extend(vec![String::new(); 50_000]);
        let made = distinct(names, "prompt");
        assert_eq!((made[1].as_str(), made[99_999].as_str()), ("wolf-2", "wolf-100000"));
        assert_eq!((made[150_000].as_str(), made[199_999].as_str()), ("prompt-200001", "prompt-250000"));
        assert_eq!(made.iter().collect::<HashSet<_>>().len(), made.len());
    }

    proptest! {
        #[test]
        fn whatever_the_texts_names_are_safe_and_distinct(texts in prop::collection::vec(".{0,80}", 1..12)) {
            let names = distinct(texts.iter().map(|text| of_words(text)).collect(), "prompt");
            prop_assert!(names.iter().all(|name| is_safe(name)), "{names:?}");
            prop_assert_eq!(names.iter().collect::<HashSet<_>>().len(), texts.len());
        }

        #[test]
        fn whatever_is_edited_a_voice_is_safe(preset in ".{1,40}", edit in "[a-z.]{1,20}=.{1,80}") {
            let name = distinct(vec![of_voice(&preset, &[edit])], "preset").remove(0);
            prop_assert!(is_safe(&name), "{name}");
        }
    }
}
