//! Where a record goes, and what it must not take the place of.

use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::cli::args::{ChangeArgs, ModelArgs};
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
pub fn inputs<'a>(model: &ModelArgs, changes: &ChangeArgs, presets: impl IntoIterator<Item = &'a str>) -> Inputs {
    let adapters = &model.lora;
    let model = model.model.clone().or_else(|| bundled().ok());
    let inputs = model.iter().fold(Inputs::streams(), |inputs, path| inputs.with(path, "the model"));
    let inputs = adapters.iter().fold(inputs, |inputs, adapter| inputs.with(&adapter.file, "an adapter"));
    let presets = presets.into_iter().map(|name| (Path::new(name), "a preset"));
    let bans = changes.bans.iter().map(|name| (Path::new(name), "a file of bans"));
    presets.chain(bans).fold(inputs, |inputs, (path, what)| match path.extension() {
        Some(_) => inputs.with(path, what),
        None => inputs,
    })
}
