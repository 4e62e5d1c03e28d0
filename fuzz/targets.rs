//! What is done with files of others, and what must hold whatever they are: each is read, or refused with a reason, and what was
//! read stands in itself. The targets of cargo-fuzz and the tests with fixed seeds (`tests/it/fuzzed.rs`) both call these.
//!
//! Chat templates are none of them: they are programs, and run in a process of their own (`tests/it/template_limits.rs`).

use std::io::Cursor;
use std::path::Path;

use afterword::catalog::{Header, ModelCard};
use afterword::preset::{import, lint, parse};
use afterword::report::{Page, Story, page};
use afterword::sampler::Baseline;
use afterword::story::Record;

/// The header of a GGUF file.
pub fn header(bytes: &[u8]) {
    match Header::parse(Cursor::new(bytes), bytes.len() as u64) {
        Ok(header) => drop(ModelCard::of(Path::new("fuzzed.gguf"), &[header])),
        Err(error) => assert!(!format!("{error:#}").is_empty()),
    }
}

/// A preset: what is read can be written, and is the same when it is read again.
pub fn preset(text: &str) {
    match parse(text, "fuzzed") {
        Ok(preset) => {
            drop(lint(&preset));
            let written = preset.to_toml().expect("what was read can be written");
            assert_eq!(parse(&written, "fuzzed").expect("what was written can be read"), preset, "{written}");
        }
        Err(error) => assert!(format!("{error:#}").contains("fuzzed")),
    }
}

/// Settings of another program: what is imported is a preset.
pub fn settings(text: &str) {
    match import(text, "fuzzed") {
        Ok(imported) => drop(parse(&imported.toml, "fuzzed").expect("what was imported is a preset")),
        Err(error) => assert!(!format!("{error:#}").is_empty()),
    }
}

/// A table of what is usual after a token: what is read can be written, and is the same when it is read again.
pub fn baseline(bytes: &[u8]) {
    match Baseline::parse(bytes) {
        Ok(table) => {
            let written = table.to_json().expect("what was read can be written");
            assert!(Baseline::parse(&written).expect("what was written can be read") == table);
            assert!((0.0..=1.0).contains(&table.mean()));
        }
        Err(error) => assert!(!error.to_string().is_empty() && !error.to_string().contains('\n')),
    }
}

/// A record: what is read can be written, is the same when it is read again, and has a page.
pub fn record(bytes: &[u8]) {
    match Record::parse(bytes) {
        Ok(record) => {
            let written = record.to_json().expect("what was read can be written");
            assert!(Record::parse(&written).expect("what was written can be read") == record);
            page(Page::Story, "fuzzed", &[Story::of(&record, "fuzzed")]).expect("every record has a page");
        }
        Err(error) => assert!(!format!("{error:#}").is_empty()),
    }
}
