//! Files that nobody wrote: real ones with pieces torn out, doubled, moved between them, or put in. Each is a function of its
//! number, so that a failure can be looked at again; `fuzz/` looks for more, for as long as it is given.

use std::fs;
use std::ops::Range;

#[path = "../../fuzz/targets.rs"]
mod targets;

use crate::support::gguf::pick;
use afterword::decode::PromptState;
use afterword::engine::{About, StateFile};
use afterword::sampler::{Baseline, Horizon};

/// What is put in: what means something to one of the readers, and what means nothing to any.
const WORDS: [&str; 32] = [
    "[[chain]]\n",
    "[draw]\n",
    "extends = \"wave\"\n",
    "future = ",
    "{ wave = { period = 1e-300 } }",
    "alpha = 2",
    "-1",
    "0",
    "1e999",
    "18446744073709551616",
    "nan",
    "\"",
    "'''",
    "\\u0000",
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "=",
    "#",
    "\n",
    "\r",
    "\u{1b}[2J",
    "\u{202e}",
    "狼",
    "--temp ",
    "PARAMETER ",
    "<|x|>",
    "null",
    "- &a *a\n",
];

/// Files of these folders with one of these endings.
fn files(folders: &[&str], endings: &[&str]) -> Vec<String> {
    let mut paths: Vec<_> =
        folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap()).map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| endings.iter().any(|known| ending == *known)));
    paths.sort();
    paths.into_iter().filter_map(|path| fs::read_to_string(path).ok()).collect()
}

/// The text of this number.
fn mutated(number: u64, seeds: &[String]) -> String {
    let seed = |salt| &seeds[pick(number, salt, seeds.len())];
    let mut text = seed(0).clone();
    for change in 0..=pick(number, 1, 4) as u64 {
        let salt = 16 * (change + 1);
        let place = |more, text: &str| {
            let at = pick(number, salt + more, text.len() + 1);
            (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
        };
        let (one, other) = (place(1, &text), place(2, &text));
        // Mostly a piece of a line or two, and rarely half of the file.
        let end = if pick(number, salt + 3, 4) == 0 {
            other
        } else {
            (0..=text.len().min(one + 12)).rev().find(|&at| text.is_char_boundary(at)).unwrap()
        };
        let range = one.min(end)..one.max(end);
        let put = match pick(number, salt + 4, 5) {
            0 => String::new(),
            1 => text[range.clone()].repeat(2),
            2 => {
                let from = seed(salt + 5);
                let (one, other) = (place(6, from), place(7, from));
                from[one.min(other)..one.max(other)].to_owned()
            }
            _ => WORDS[pick(number, salt + 8, WORDS.len())].to_owned(),
        };
        text.replace_range(range, &put);
    }
    text
}

fn presets(numbers: Range<u64>) {
    let seeds = files(&["configs", "tests/presets"], &["toml"]);
    numbers.for_each(|number| targets::preset(&mutated(number, &seeds)));
}

fn settings(numbers: Range<u64>) {
    let seeds = files(&["tests/imports"], &["json", "txt", "yaml"]);
    assert!(seeds.len() >= 5);
    numbers.for_each(|number| targets::settings(&mutated(number, &seeds)));
}

fn records(numbers: Range<u64>) {
    let seeds = files(&["tests/pages"], &["json"]);
    numbers.for_each(|number| targets::record(mutated(number, &seeds).as_bytes()));
}

fn baselines(numbers: Range<u64>) {
    let seen = (0..40).map(|at| (at * 7 % 30, f64::from(at) / 40.0));
    let table = Baseline::of(&"0123456789abcdef".repeat(4), 20, Horizon::Word, 64, seen).unwrap();
    let seeds = [String::from_utf8(table.to_json().unwrap()).unwrap()];
    numbers.for_each(|number| targets::baseline(mutated(number, &seeds).as_bytes()));
}

fn states(numbers: Range<u64>) {
    let about = About { key: "0123456789abcdef".repeat(4), model: "Fable 3M".to_owned() };
    let seed = |row| {
        let state = PromptState { tokens: (0..40).collect(), row, memory: (0..200).collect() };
        [StateFile::of(about.clone(), &state).to_bytes().unwrap(), state.memory].concat()
    };
    let seeds = [seed(None), seed(Some(vec![0.5; 30]))];
    numbers.for_each(|number| {
        let mut bytes = seeds[pick(number, 0, seeds.len())].clone();
        for change in 0..=pick(number, 1, 3) as u64 {
            let salt = 16 * (change + 1);
            // Mostly in the head, where lengths and what it is of stand.
            let end = if pick(number, salt, 4) == 0 { bytes.len() } else { bytes.len().min(200) };
            let at = pick(number, salt + 1, end);
            match pick(number, salt + 2, 3) {
                0 => bytes[at] ^= 1 << pick(number, salt + 3, 8),
                1 => bytes.truncate(at.max(1)),
                _ => drop(bytes.splice(at..at, (0..pick(number, salt + 4, 9)).map(|_| 0xff))),
            }
        }
        targets::state(&bytes);
    });
}

fn headers(numbers: Range<u64>) {
    numbers.for_each(|number| targets::header(&crate::support::gguf::mutant(number).0));
}

#[test]
fn a_preset_that_nobody_wrote_is_a_preset_or_a_mistake() {
    presets(0..2_000);
}

#[test]
fn settings_that_nobody_wrote_become_a_preset_or_are_refused() {
    settings(0..2_000);
}

#[test]
fn a_record_that_nobody_wrote_is_the_same_when_it_is_read_again() {
    records(0..200);
}

#[test]
fn a_table_that_nobody_wrote_is_the_same_when_it_is_read_again() {
    baselines(0..2_000);
}

#[test]
fn a_state_that_nobody_wrote_is_the_same_when_it_is_read_again_or_refused() {
    states(0..20_000);
}

#[test]
fn a_header_that_nobody_wrote_is_read_or_refused() {
    headers(30_000..30_200);
}

/// The same by the hundred thousand.
mod many {
    #[test]
    #[ignore = "takes minutes"]
    fn presets() {
        super::presets(2_000..100_000);
    }

    #[test]
    #[ignore = "takes minutes"]
    fn settings() {
        super::settings(2_000..100_000);
    }

    #[test]
    #[ignore = "takes minutes"]
    fn records() {
        super::records(200..5_000);
    }

    #[test]
    #[ignore = "takes minutes"]
    fn headers() {
        super::headers(30_200..50_000);
    }
}
