//! Where a record goes, and what it must not take the place of.

use std::path::{Path, PathBuf};

use anyhow::Result;

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
    let adapters = &model.lora;
    let model = model.model.clone().or_else(|| bundled().ok());
    let inputs = model.iter().fold(Inputs::streams(), |inputs, path| inputs.with(path, "the model"));
    let inputs = adapters.iter().fold(inputs, |inputs, adapter| inputs.with(&adapter.file, "an adapter"));
    presets.into_iter().map(Path::new).fold(inputs, |inputs, path| match path.extension() {
        Some(_) => inputs.with(path, "a preset"),
        None => inputs,
    })
}
