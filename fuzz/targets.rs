//! What is done with files of others, and what must hold whatever they are: each is read, or refused with a reason, and what was
//! read stands in itself. The targets of cargo-fuzz and the tests with fixed seeds (`tests/it/fuzzed.rs`) both call these.
//!
//! Chat templates are none of them: they are programs, and run in a process of their own (`tests/it/template_limits.rs`).

use std::io::Cursor;
use std::path::Path;

use afterword::catalog::{Header, ModelCard};
use afterword::engine::StateFile;
use afterword::files::sha256;
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

/// The file of a prompt's state: what is read can be written, and is the same when it is read again. Bytes that are no such file
/// are tried once more with lengths and checksums that are right, for else nothing behind them would ever be reached.
pub fn state(bytes: &[u8]) {
    for bytes in [bytes.to_vec(), put_right(bytes)] {
        let mut from = &bytes[..];
        let read =
            StateFile::read(&mut from, bytes.len() as u64).and_then(|head| Ok((head.clone(), head.read_memory(&mut from)?)));
        match read {
            Ok((head, state)) => {
                let written = [head.to_bytes().expect("what was read can be written"), state.memory.clone()].concat();
                let mut from = &written[..];
                let again = StateFile::read(&mut from, written.len() as u64).expect("what was written can be read");
                assert_eq!(again.about, head.about);
                let again = again.read_memory(&mut from).expect("what was written is whole");
                assert!((again.tokens, again.memory) == (state.tokens, state.memory));
            }
            Err(error) => assert!(!format!("{error:#}").is_empty()),
        }
    }
}

/// The same bytes with the checksums that they would have, as far as their lengths allow it.
fn put_right(bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let sum = |bytes: &[u8]| -> Vec<u8> {
        let digits = sha256(bytes).expect("it is in memory");
        (0..32).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16).expect("a digit")).collect()
    };
    let number =
        |at: usize| bytes.get(at..at + 4).map_or(0, |four| u32::from_le_bytes(four.try_into().expect("four")) as usize);
    let end = 64 + number(12) + 4 * number(16) + 4 * number(20);
    if bytes.len() >= end + 32 {
        let (length, memory) = ((bytes.len() - end - 32) as u64, sum(&bytes[end + 32..]));
        bytes[24..32].copy_from_slice(&length.to_le_bytes());
        bytes[32..64].copy_from_slice(&memory);
        let head = sum(&bytes[..end]);
        bytes[end..end + 32].copy_from_slice(&head);
    }
    bytes
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
