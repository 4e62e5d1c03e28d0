//! Models by name: what `afterword models list` shows of one, or its beginning, is enough to mean it.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::catalog::{Found, find};
use crate::cli::commands::models::places;
use crate::cli::missing;
use crate::cli::usage::Usage;
use crate::text::{EXCERPT, excerpt};

/// So many of the models that may be meant are named.
const NAMED: usize = 5;

/// What Ollama calls a model by that is named without a tag.
const UNTAGGED: &str = ":latest";

/// The file of a model that was typed: this path where something is there, else the one model of this name, or else the one whose
/// name begins so. Small and capital letters are the same.
///
/// # Errors
/// No model has such a name, with those that are most like it; or several have.
pub fn file(typed: &Path) -> Result<PathBuf> {
    match typed.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        _ => return Ok(typed.to_owned()),
    }
    let found = find(&places());
    match &meant(&found, &typed.to_string_lossy())[..] {
        [] => Err(missing::unknown(typed, &found)),
        [only] => Ok(only.path.clone()),
        several => Err(Usage(ambiguous(&typed.to_string_lossy(), several)).into()),
    }
}

/// The names of a model, the one that is shown first: labels, file, file without its ending, path, and the name that it gives itself.
pub fn names(found: &Found) -> Vec<String> {
    let part = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let labels = found.labels.iter().flat_map(|label| {
        let untagged = label.strip_suffix(UNTAGGED).map(str::to_owned);
        let alone = label.rsplit_once('/').map(|(_, name)| name.to_owned());
        [Some(label.clone()), untagged, alone].into_iter().flatten()
    });
    let files = [part(found.path.file_name()), part(found.path.file_stem()), found.path.display().to_string()];
    labels.chain(files).chain(found.card.as_ref().ok().map(crate::catalog::ModelCard::title)).collect()
}

/// The models of this name; where there is none, those of which a name begins so.
fn meant<'f>(found: &'f [Found], typed: &str) -> Vec<&'f Found> {
    let typed = typed.to_lowercase();
    if typed.is_empty() {
        return Vec::new();
    }
    let with = |fits: &dyn Fn(&str) -> bool| -> Vec<&Found> {
        found.iter().filter(|found| names(found).iter().any(|name| fits(&name.to_lowercase()))).collect()
    };
    let called = with(&|name| name == typed);
    if called.is_empty() { with(&|name| name.starts_with(&typed)) } else { called }
}

fn ambiguous(typed: &str, several: &[&Found]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for found in several {
        *counts.entry(shown(found)).or_default() += 1;
    }
    // What has its name in common with another one is told by its path.
    let told = |found: &&Found| {
        let name = shown(found);
        if counts[&name] > 1 { found.path.display().to_string() } else { name }
    };
    let mut models: Vec<String> = several.iter().map(told).map(|name| format!("`{name}`")).collect();
    let more = models.len().saturating_sub(NAMED);
    models.truncate(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let (typed, models) = (excerpt(typed, EXCERPT), models.join(", "));
    format!("`{typed}` may be one of several models: {models}{more}\nhint: type more of its name, or its path")
}

/// The name by which a model is told of.
fn shown(found: &Found) -> String {
    names(found).swap_remove(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::missing::tests::found;

    /// The models that are meant, by what each is called.
    fn meant_by(typed: &str) -> Vec<String> {
        meant(&found(), typed).into_iter().map(shown).collect()
    }

    #[test]
    fn a_name_that_is_shown_or_its_only_beginning_means_a_model() {
        for (typed, model) in [
            ("fable-3m-q8_0.gguf", "fable-3m-q8_0.gguf"),
            ("fable-3m-q8_0", "fable-3m-q8_0.gguf"),
            ("models/fable-3m-q8_0.gguf", "fable-3m-q8_0.gguf"),
            ("Fable 3M", "fable-3m-q8_0.gguf"),
            ("f", "fable-3m-q8_0.gguf"),
            ("GEMMA", "gemma-3-270m-Q4_K_M.gguf"),
            ("gemma 3", "gemma-3-270m-Q4_K_M.gguf"),
            ("qwen3:4b", "qwen3:4b"),
            ("hf.co/some/tale", "qwen3:4b"),
            ("tale-gguf", "qwen3:4b"),
            ("tide", "tide:latest"),
        ] {
            assert_eq!(meant_by(typed), [model], "{typed}");
        }
    }

    #[test]
    fn a_whole_name_means_itself_though_another_begins_so() {
        assert_eq!(meant_by("tide"), ["tide:latest"]);
        assert_eq!(meant_by("tid"), ["tide:latest", "tide-large:latest"]);
    }

    #[test]
    fn what_is_no_name_means_nothing() {
        for typed in ["", "able", "3m", "/nowhere/fable-3m-q8_0.gguf", "mistral"] {
            assert_eq!(meant_by(typed), [""; 0], "{typed}");
        }
    }

    #[test]
    fn several_are_named_each_by_what_tells_it_apart() {
        let mut found = found();
        found[1].path = "elsewhere/fable-3m-q8_0.gguf".into();
        let said = ambiguous("fable", &found[..3].iter().collect::<Vec<_>>());
        assert_eq!(
            said,
            "`fable` may be one of several models: `models/fable-3m-q8_0.gguf`, `elsewhere/fable-3m-q8_0.gguf`, `qwen3:4b`\nhint: type \
             more of its name, or its path"
        );
    }
}
