//! Programs of others against the program: what they make of its answers.
//!
//! Their packages are not ours, so these tests run where somebody has them: `.ci/run` installs what `tests/clients` names, and runs the
//! tests that are ignored elsewhere.

use std::path::Path;
use std::process::Command;

use super::program::Program;
use crate::support::{Ends, ROOT, out};

/// Runs a script of `tests/clients` against the bundled model; its last line says how many laws hold.
fn holds(script: &str) {
    let program = Program::serving(&[]);
    let python = Path::new(ROOT).join("target/clients/venv/bin/python");
    let script = Path::new(ROOT).join("tests/clients").join(script);
    let said = out(&Command::new(python).arg(script).arg(format!("http://{}", program.address)).done());
    let laws = said.lines().last().and_then(|last| last.strip_prefix("ok ")?.parse::<usize>().ok());
    assert!(laws.is_some_and(|laws| laws > 5), "{said}");
}

#[test]
#[ignore = "needs the packages of tests/clients/requirements.txt in target/clients/venv"]
fn openai_for_python_reads_every_answer() {
    holds("openai_client.py");
}

#[test]
#[ignore = "needs the packages of tests/clients/requirements.txt in target/clients/venv"]
fn llm_tells_talks_and_keeps_probabilities() {
    holds("llm_client.py");
}
