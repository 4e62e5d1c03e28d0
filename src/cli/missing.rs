//! What helps where a model is not there: the models that are, and the one whose name is most like it.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Result, bail};

use crate::catalog::{Found, find};
use crate::cli::commands::models::places;

/// How alike two names must be, by Jaro and Winkler's similarity.
const ALIKE: f64 = 0.85;

/// Letters that a name must have for a longer name that holds it to be meant.
const SHORTEST: usize = 3;

/// Asks that a model's file is there.
///
/// # Errors
/// It is not; the hint names the model that may be meant.
pub fn there(model: &Path) -> Result<()> {
    match model.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let path = model.display();
            bail!("cannot load the model `{path}`: there is no such file\nhint: {}", hint(&find(&places()), model))
        }
        _ => Ok(()),
    }
}

/// Asks that the model by which a record was told is still where it was.
///
/// # Errors
/// It is not; the hint tells how to name the place where it is now.
pub fn still_there(recorded: &Path) -> Result<()> {
    match recorded.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let now = nearest(&find(&places()), recorded).map_or("PATH".to_owned(), |found| found.path.display().to_string());
            let path = recorded.display();
            bail!("the model that told it, `{path}`, is not there any more\nhint: `--model {now}` names where it is now")
        }
        _ => Ok(()),
    }
}

fn hint(found: &[Found], typed: &Path) -> String {
    let list = "`afterword models list` names the models that are here";
    match nearest(found, typed) {
        Some(found) => format!("did you mean `--model {}`? {list}", found.path.display()),
        None => list.to_owned(),
    }
}

/// The model whose name, or a part of it, is most like the name of this file.
fn nearest<'f>(found: &'f [Found], typed: &Path) -> Option<&'f Found> {
    let typed = plain(&typed.file_name()?.to_string_lossy());
    let likeness = |found: &Found| {
        let file = found.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let title = found.card.as_ref().ok()?.title();
        let names = found.labels.iter().cloned().chain([file, title]);
        names.map(|name| alike(&typed, &plain(&name))).max_by(f64::total_cmp)
    };
    let alike = found.iter().filter_map(|found| Some((likeness(found)?, found))).filter(|(alike, _)| *alike >= ALIKE);
    alike.max_by(|a, b| a.0.total_cmp(&b.0)).map(|(_, found)| found)
}

/// From 0 to 1 how alike two names are; more for one that holds the other, the more of it that is.
fn alike(typed: &str, name: &str) -> f64 {
    if typed.len() >= SHORTEST && name.contains(typed) {
        return 1.0 + typed.len() as f64 / name.len() as f64;
    }
    strsim::jaro_winkler(typed, name)
}

/// A name without what people leave out or write otherwise: `Fable-3M.gguf` is `fable3m`.
fn plain(name: &str) -> String {
    let name = name.to_lowercase();
    name.strip_suffix(".gguf").unwrap_or(&name).chars().filter(|c| c.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::catalog::ModelCard;

    fn found() -> Vec<Found> {
        let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/fable-3m-q8_0.gguf");
        let card = ModelCard::read(&bundled).unwrap();
        let one = |path: &str, labels: &[&str], name: &str| Found {
            place: String::new(),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            path: path.into(),
            card: Ok(ModelCard { name: Some(name.to_owned()), ..card.clone() }),
        };
        vec![
            one("models/fable-3m-q8_0.gguf", &[], "Fable 3M"),
            one("hub/gemma-3-270m-Q4_K_M.gguf", &[], "Gemma 3 270m"),
            one("blobs/sha256-00ff", &["qwen3:4b", "hf.co/some/Tale-GGUF:Q8_0"], "Qwen3 4B"),
        ]
    }

    #[test]
    fn the_model_that_may_be_meant_is_named() {
        for (typed, meant) in [
            ("fable", Some("models/fable-3m-q8_0.gguf")),
            ("models/fable-3m-q4_0.gguf", Some("models/fable-3m-q8_0.gguf")),
            ("gemma", Some("hub/gemma-3-270m-Q4_K_M.gguf")),
            ("gemma-3-270m", Some("hub/gemma-3-270m-Q4_K_M.gguf")),
            ("qwen3:4b", Some("blobs/sha256-00ff")),
            ("tale-gguf", Some("blobs/sha256-00ff")),
            ("mistral-7b", None),
            ("x", None),
        ] {
            let found = found();
            let nearest = nearest(&found, Path::new(typed)).map(|found| found.path.clone());
            assert_eq!(nearest, meant.map(PathBuf::from), "{typed}");
        }
    }
}
