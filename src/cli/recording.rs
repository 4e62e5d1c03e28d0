//! Where a record goes, and what it must not take the place of.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

use crate::cli::args::ModelArgs;
use crate::cli::opening::bundled;
use crate::cli::usage::Usage;
use crate::files::{Form, Inputs, Output};

/// Asks for the file of a record, before its story is told; `inputs` are not to be lost.
pub fn record_at(path: PathBuf, inputs: &Inputs) -> Result<Output> {
    if path == Path::new("-") {
        let hint = "name a file; `./-` is one of that name";
        return Err(Usage(format!("`--record -` cannot go to standard output, where the story goes\nhint: {hint}")).into());
    }
    Output::new(path, Form::RECORD, inputs)
}

/// The files that a story is told from, none of which an output may take the place of.
pub fn inputs<'a>(model: &ModelArgs, presets: impl IntoIterator<Item = &'a str>) -> Inputs {
    let model = model.model.clone().or_else(|| bundled().ok());
    let inputs = model.iter().fold(Inputs::streams(), |inputs, path| inputs.with(path, "the model"));
    presets.into_iter().map(Path::new).fold(inputs, |inputs, path| match path.extension() {
        Some(_) => inputs.with(path, "a preset"),
        None => inputs,
    })
}

/// The SHA-256 of a file, in hexadecimal digits.
pub fn sha256(path: &Path) -> Result<String> {
    let sum = || -> io::Result<String> {
        let (mut file, mut hasher, mut buffer) = (File::open(path)?, Sha256::new(), vec![0; 1 << 20]);
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                return Ok(hasher.finalize().iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}")));
            }
            hasher.update(&buffer[..read]);
        }
    };
    sum().with_context(|| format!("cannot read `{}` again for its checksum", path.display()))
}
