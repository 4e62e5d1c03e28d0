//! What helps where a model is not there: the models that are, and the one whose name is most like it.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Error, Result, anyhow, bail};

use crate::catalog::{Found, find};
use crate::cli::commands::models::places;
use crate::cli::named::names;

/// How alike two names must be, by Jaro and Winkler's similarity.
const ALIKE: f64 = 0.85;

/// So many models are named at most.
const NEAR: usize = 3;

/// Letters that a name must have for a longer name that holds it to be meant.
const SHORTEST: usize = 3;

/// Asks that a model's file is there.
///
/// # Errors
/// It is not; the hint names the models that may be meant.
pub fn there(model: &Path) -> Result<()> {
    match model.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => Err(unknown(model, &find(&places()))),
        _ => Ok(()),
    }
}

/// What is said where nobody knows a model; `found` are those that are here.
pub fn unknown(typed: &Path, found: &[Found]) -> Error {
    let all = "`afterword models list` names the models that are here";
    let near: Vec<String> =
        nearest(found, typed).into_iter().map(|found| format!("`{}`", names(found).swap_remove(0))).collect();
    let hint = match &near[..] {
        [] => all.to_owned(),
        [only] => format!("did you mean {only}? {all}"),
        [most @ .., last] => format!("did you mean {} or {last}? {all}", most.join(", ")),
    };
    anyhow!("cannot load the model `{}`: there is no such file\nhint: {hint}", typed.display())
}

/// Asks that the model by which a record was told is still where it was.
///
/// # Errors
/// It is not; the hint tells how to name the place where it is now.
pub fn still_there(recorded: &Path) -> Result<()> {
    match recorded.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let now =
                nearest(&find(&places()), recorded).first().map_or("PATH".to_owned(), |found| found.path.display().to_string());
            let path = recorded.display();
            bail!("the model that told it, `{path}`, is not there any more\nhint: `--model {now}` names where it is now")
        }
        _ => Ok(()),
    }
}

/// The models whose names, or parts of them, are most like the name of this file, the likest first.
fn nearest<'f>(found: &'f [Found], typed: &Path) -> Vec<&'f Found> {
    let typed = plain(&typed.file_name().unwrap_or_default().to_string_lossy());
    let likeness = |found: &Found| names(found).iter().map(|name| alike(&typed, &plain(name))).fold(0.0, f64::max);
    let readable = found.iter().filter(|found| found.card.is_ok());
    let mut near: Vec<(f64, &Found)> =
        readable.map(|found| (likeness(found), found)).filter(|(alike, _)| *alike >= ALIKE).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    near.into_iter().map(|(_, found)| found).take(NEAR).collect()
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
pub(super) mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::catalog::ModelCard;

    pub fn found() -> Vec<Found> {
        let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/fable-3m-q8_0.gguf");
        let card = ModelCard::read(&bundled).unwrap();
        let one = |path: &str, labels: &[&str], name: &str| Found {
            place: String::new(),
            labels: labels.iter().map(|label| (*label).to_owned()).collect(),
            path: path.into(),
            blob: None,
            card: Ok(ModelCard { name: Some(name.to_owned()), ..card.clone() }),
        };
        vec![
            one("models/fable-3m-q8_0.gguf", &[], "Fable 3M"),
            one("hub/gemma-3-270m-Q4_K_M.gguf", &[], "Gemma 3 270m"),
            one("blobs/sha256-00ff", &["qwen3:4b", "hf.co/some/Tale-GGUF:Q8_0"], "Qwen3 4B"),
            one("blobs/sha256-00aa", &["tide:latest"], "High Tide"),
            one("blobs/sha256-00bb", &["tide-large:latest"], "High Tide 7B"),
        ]
    }

    #[test]
    fn the_models_that_may_be_meant_are_named() {
        for (typed, meant) in [
            ("fabel", &["models/fable-3m-q8_0.gguf"][..]),
            ("models/fable-3m-q4_0.gguf", &["models/fable-3m-q8_0.gguf"]),
            ("3-270m", &["hub/gemma-3-270m-Q4_K_M.gguf"]),
            ("qwen3", &["blobs/sha256-00ff"]),
            ("tale-gguf", &["blobs/sha256-00ff"]),
            ("high-tides", &["blobs/sha256-00aa", "blobs/sha256-00bb"]),
            ("mistral-7b", &[]),
            ("x", &[]),
            ("", &[]),
        ] {
            let found = found();
            let nearest: Vec<PathBuf> = nearest(&found, Path::new(typed)).into_iter().map(|found| found.path.clone()).collect();
            assert_eq!(nearest, meant.iter().map(PathBuf::from).collect::<Vec<_>>(), "{typed}");
        }
        let said = unknown(Path::new("high-tides"), &found()).to_string();
        assert!(
            said.ends_with(
                "\nhint: did you mean `tide:latest` or `tide-large:latest`? `afterword models list` names the models \
            that are here"
            ),
            "{said}"
        );
    }
}
