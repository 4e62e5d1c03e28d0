//! Settings of other programs as presets, and the schema that editors read.

// What helps a test may fail as a test does.
#![allow(clippy::unwrap_used)]

use std::fs;

use afterword::model::{Kind, Lexicon};
use afterword::preset::{Folders, Imported, find, import, list, parse, schema};
use afterword::prob::Noise;
use afterword::sampler::{Ask, Memory, Sampler};

fn imported(file: &str) -> Imported {
    import(&fs::read_to_string(format!("tests/imports/{file}")).unwrap(), file).unwrap()
}

/// The stages of an imported file, a line each.
fn stages(file: &str) -> Vec<String> {
    let toml = imported(file).toml;
    parse(&toml, file).unwrap();
    toml.lines()
        .filter(|line| !line.starts_with(['#', '[']) && !line.starts_with("description") && !line.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The tokens that an imported file leaves of a row of logits.
fn survivors(file: &str, row: &[f32]) -> Vec<u32> {
    let preset = parse(&imported(file).toml, file).unwrap();
    let lexicon = Lexicon::new((0..row.len()).map(|n| (format!(" {n}"), Kind::Text)));
    let sampler = Sampler::new(preset.chain, preset.pick).with_detail();
    let mut turn = sampler.turn(&Memory::of_prompt(&[39]), row, &lexicon, Noise::new(1, &[])).unwrap();
    let Ask::Take(draw) = turn.ask() else { panic!("a chain without future looks at nothing") };
    let mut left: Vec<u32> = draw.candidates.iter().map(|one| one.token).collect();
    left.sort_unstable();
    left
}

/// Logits from 0 down by a quarter: p falls by e^(−1/4) a token.
fn row() -> Vec<f32> {
    (0_u8..40).map(|n| -f32::from(n) / 4.0).collect()
}

#[test]
fn sillytavern_keeps_its_order_and_tells_what_is_not_here() {
    assert_eq!(
        stages("sillytavern.json"),
        [
            "penalties = { repeat = 1.05, frequency = 0.0, presence = 0.0, last = 1024 }",
            r#"dry = { multiplier = 0.8, base = 1.75, allowed-length = 3, last = 1073741824, breakers = ["\n", ":", "\"", "*"] }"#,
            "xtc = { probability = 0.5, threshold = 0.1 }",
            "top-p = 0.98",
            "min-p = 0.025",
            "temperature = 1.15",
        ]
    );
    let notes = imported("sillytavern.json").notes.join("\n");
    assert!(
        notes.contains("`smoothing_factor = 0.2` was left out") && notes.contains("the order is that of `samplers`"),
        "{notes}"
    );
}

#[test]
fn koboldcpp_keeps_its_numbers_and_its_min_p_behind_its_top_p() {
    assert_eq!(
        stages("koboldcpp.json"),
        [
            "penalties = { repeat = 1.07, frequency = 0.0, presence = 0.1, last = 360 }",
            "dynamic-temperature = { low = 0.5, high = 1.0, exponent = 1.2 }",
            "top-k = 100",
            "top-p = 0.92",
            "min-p = 0.05",
        ]
    );
    assert!(imported("koboldcpp.json").notes.iter().any(|note| note.contains("`tfs = 0.97` was left out")));
}

#[test]
fn the_webui_keeps_its_priority_and_puts_the_temperature_last() {
    assert_eq!(
        stages("webui.yaml"),
        [
            "penalties = { repeat = 1.0, frequency = 0.2, presence = 0.0, last = 1073741824 }",
            r#"dry = { multiplier = 0.8, base = 1.75, allowed-length = 2, last = 1073741824, breakers = ["\n", ":", "\"", "*"] }"#,
            "min-p = 0.05",
            "typical = 0.97",
            "xtc = { probability = 0.4, threshold = 0.12 }",
            "temperature = 1.3",
        ]
    );
}

#[test]
fn a_command_line_of_llama_keeps_its_samplers_and_its_defaults() {
    assert_eq!(stages("llama.txt"), ["min-p = 0.1", "top-k = 12", "temperature = 0.9"]);
    let notes = imported("llama.txt").notes.join("\n");
    assert!(notes.contains("`top-p = 0.95` was left out: it is not in the order"), "{notes}");
    // min-p 0.1: e^(−n/4) ≥ 0.1 up to n = 9, so ten are left, which top-k 12 lets pass.
    assert_eq!(survivors("llama.txt", &row()), (0..10).collect::<Vec<u32>>());
}

#[test]
fn the_json_of_llamas_server_is_found_within_and_its_short_numbers_are_short() {
    assert_eq!(
        stages("llama-server.json"),
        [
            "penalties = { repeat = 1.0, frequency = 0.0, presence = 0.5, last = 1073741824 }",
            r#"dry = { multiplier = 0.5, base = 1.75, allowed-length = 2, last = 1073741824, breakers = ["\n", ":"] }"#,
            "top-n-sigma = 1.5",
            "top-k = 40",
            "top-p = 0.95",
            "temperature = 0.8",
        ]
    );
    assert!(imported("llama-server.json").notes.iter().any(|note| note.contains("`logit_bias`")));
    // σ of 0, −¼, … −39/4 is ¼·√((40² − 1)/12) = 2.886: 1.5 σ reach 4.329 down, to n = 17. Of these eighteen, top-p 0.95 keeps
    // those before which less than 0.95 lies: (1 − e^(−m/4)) / (1 − e^(−18/4)) ≥ 0.95 first at m = 12.
    assert_eq!(survivors("llama-server.json", &row()), (0..12).collect::<Vec<u32>>());
}

#[test]
fn what_is_none_of_the_four_is_refused_in_one_sentence() {
    for (text, words) in [
        ("{", "it is not whole JSON"),
        ("{}", "neither SillyTavern's, KoboldCpp's nor llama.cpp's"),
        ("just words", "it holds no settings"),
        ("--seed '4", "a quote in the command line has no end"),
        ("max_new_tokens: 20", "it holds no sampler that does something"),
        ("temperature: 1\nmin_p: 7", "`min-p = 7.0` cannot be: 7 is not a probability"),
    ] {
        let message = format!("{:#}", import(text, "mine").unwrap_err());
        assert!(message.starts_with("cannot import `mine`: ") && message.contains(words), "{text}: {message}");
    }
}

#[test]
fn every_shipped_preset_fits_the_schema_and_most_wrong_ones_do_not() {
    let schema = jsonschema::validator_for(&schema()).unwrap();
    let json = |text: &str| serde_json::to_value(toml::from_str::<toml::Table>(text).ok()?).ok();
    for entry in fs::read_dir("configs").unwrap() {
        let path = entry.unwrap().path();
        let text = json(&fs::read_to_string(&path).unwrap()).unwrap();
        let mistakes: Vec<String> = schema.iter_errors(&text).map(|error| error.to_string()).collect();
        assert!(mistakes.is_empty(), "{}: {mistakes:?}", path.display());
    }
    let part = "[[chain]]\nfuture = { alpha = 0.5 }\n[[chain]]\ndry = \"off\"\n[[chain]]\npenalties.last = \"all\"";
    assert!(schema.is_valid(&json(&format!("extends = \"wave\"\n{part}")).unwrap()));
    assert!(!schema.is_valid(&json(part).unwrap()));
    for wrong in ["[[chain]]\nfuture = { alfa = 0.5 }", "[[chain]]\ndry = \"no\"", "[[chain]]\ndry = { last = \"none\" }"] {
        assert!(!schema.is_valid(&json(&format!("extends = \"wave\"\n{wrong}")).unwrap()), "{wrong}");
    }
    // A preset as it is shown has every key written out.
    for listed in list(&Folders::default()).unwrap() {
        let text = find(&listed.name, &Folders::default()).unwrap().to_toml().unwrap();
        assert!(schema.is_valid(&json(&text).unwrap()), "{text}");
    }
    let wrong = fs::read_dir("tests/presets").unwrap().map(|entry| entry.unwrap().path());
    let wrong: Vec<_> = wrong.filter(|path| path.extension().is_some_and(|extension| extension == "toml")).collect();
    let caught = |path: &&std::path::PathBuf| {
        let text = String::from_utf8(fs::read(path).unwrap()).unwrap_or_default();
        json(&text).is_none_or(|value| !schema.is_valid(&value))
    };
    let count = wrong.iter().filter(caught).count();
    // What extends itself, stands twice or in the wrong order is beyond a schema.
    assert!(count * 5 >= wrong.len() * 4, "only {count} of {} wrong presets are caught", wrong.len());
}
