//! No change of the program changes a story: what was told before is told again, token by token, to the last bit.
//!
//! `tests/stability/records` holds records of stories that the bundled model told: every preset, and what else decides about a
//! story (stages, horizon, width, drafts, stops, types of the cache, a shifted context). A change after which one of them parts
//! is a breaking change, and belongs into the changelog; the records are then told anew, by the command in `CONTRIBUTING.md`.

use std::fs;
use std::path::{Path, PathBuf};

use afterword::llama::Weights;
use afterword::model::{From, LoadOptions, Model, Rows, SessionOptions, Step};
use sha2::{Digest, Sha256};

use crate::support::{BUNDLED, Ends, ROOT, afterword, err};

/// The SHA-256 of the model's rows after some tokens, on the machine that told the records: processors that multiply in another
/// order compute other last bits, and there the stories may part.
const ROWS: &str = "a7db208fd85eb0c53d5923bbb3e5d972953aa3b2e687155b433b9ea4d1040133";

fn records() -> Vec<PathBuf> {
    let folder = Path::new(ROOT).join("tests/stability/records");
    let mut records: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    records.sort();
    records
}

/// The SHA-256 of rows that a one-threaded session computes, read together and one after another.
fn rows() -> String {
    let weights = Weights::load(Path::new(BUNDLED), &LoadOptions::default(), |_| true).unwrap();
    let options = SessionOptions { cells: 64, branches: 2, threads: Some(1), ..SessionOptions::default() };
    let mut session = weights.session(&options).unwrap();
    let mut sum = Sha256::new();
    let mut add = |_: usize, _: usize, row: &[f32]| row.iter().for_each(|logit| sum.update(logit.to_bits().to_le_bytes()));
    let tokens: Vec<u32> = (300..332).collect();
    let step = Step { from: From::Root, tokens: &tokens, rows: Rows::All };
    let mut branch = session.extend(&[step], &mut add).unwrap()[0];
    for token in 400..416 {
        let step = Step { from: From::Move(branch), tokens: &[token], rows: Rows::Last };
        branch = session.extend(&[step], &mut add).unwrap()[0];
    }
    sum.finalize().iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}

#[test]
fn what_was_told_before_is_told_again() {
    let same_bits = rows() == ROWS;
    let records = records();
    assert!(records.len() >= 40, "only {} records were found", records.len());
    let mut parted = Vec::new();
    for record in &records {
        let output = afterword(["replay", record.to_str().unwrap(), "--model", BUNDLED]).ended();
        let said = err(&output);
        let last = said.lines().last().unwrap_or_default();
        let same = output.status.success() && last.starts_with("the same story: ");
        // On a machine that computes other bits a story is still told to its end.
        let told = same || (!same_bits && last.starts_with("another story: "));
        if !told {
            parted.push(format!("{}: {last}", record.file_name().unwrap().to_string_lossy()));
        }
    }
    assert!(parted.is_empty(), "\n{}", parted.join("\n"));
}
