//! Models by name: what `afterword models list` shows of one, or its beginning, is enough to mean it.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Result;

use crate::catalog::{Found, find, part_of};
use crate::cli::commands::models::places;
#[cfg(feature = "hub")]
use crate::cli::commands::models::pull;
use crate::cli::missing;
use crate::cli::render::terminal::Terminal;
use crate::cli::usage::Usage;
#[cfg(feature = "hub")]
use crate::hub::{Known, Wanted};
use crate::text::{EXCERPT, excerpt};

/// So many of the models that may be meant are named.
const NAMED: usize = 5;

/// The host before names of models that Ollama has from Hugging Face.
const HOST: &str = "hf.co/";

/// What Ollama calls a model by that is named without a tag.
const UNTAGGED: &str = ":latest";

/// The file of a model that was typed: this path where something is there, else the one model of this name, or else the one whose
/// name begins so. Small and capital letters are the same. One that is named by `hf:`, its address or its short name is fetched where it
/// is not here, if that is wanted.
///
/// # Errors
/// No model has such a name, with those that are most like it; or several have.
pub fn file(typed: &Path, yes: bool, terminal: &Terminal) -> Result<PathBuf> {
    match typed.metadata() {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        _ => return Ok(typed.to_owned()),
    }
    let name = typed.to_string_lossy();
    let whole = spelt_out(&name);
    // A short name means what it stands for where that is here, and else what is here and called so.
    let net = if whole == name { of_the_net(&name, yes, terminal)? } else { here(&whole)? };
    if let Some(file) = net {
        return Ok(file);
    }
    let found = find(&places());
    match &meant(&found, &name)[..] {
        [] => match of_the_net(&whole, yes, terminal)? {
            Some(file) => Ok(file),
            None => Err(missing::unknown(typed, &found)),
        },
        [only] => Ok(only.path.clone()),
        several => Err(Usage(ambiguous(&name, several)).into()),
    }
}

/// The file of a model that is named by `hf:` or its address, if one is so.
#[cfg(feature = "hub")]
fn of_the_net(typed: &str, yes: bool, terminal: &Terminal) -> Result<Option<PathBuf>> {
    Wanted::is_meant(typed).then(|| pull::named(typed, yes, terminal)).transpose()
}

/// The file of a model that is named by `hf:` or its address, if one is so.
#[cfg(not(feature = "hub"))]
#[allow(clippy::unnecessary_wraps, reason = "with the hub it may not be had")]
fn of_the_net(_: &str, _: bool, _: &Terminal) -> Result<Option<PathBuf>> {
    Ok(None)
}

/// The file of a model of the hub, if it is here.
#[cfg(feature = "hub")]
fn here(typed: &str) -> Result<Option<PathBuf>> {
    pull::here(&typed.parse()?)
}

/// The file of a model of the hub, if it is here.
#[cfg(not(feature = "hub"))]
#[allow(clippy::unnecessary_wraps, reason = "with the hub it may be unreadable")]
fn here(_: &str) -> Result<Option<PathBuf>> {
    Ok(None)
}

/// The name by which a model is known everywhere: a short one stands for one of the hub.
#[cfg(feature = "hub")]
pub fn spelt_out(typed: &str) -> String {
    Known::named(typed).map_or_else(|| typed.to_owned(), |known| format!("hf:{}", known.wanted))
}

/// The name by which a model is known everywhere.
#[cfg(not(feature = "hub"))]
pub fn spelt_out(typed: &str) -> String {
    typed.to_owned()
}

/// Whether this names a repository of the hub without saying so, and nothing lies there.
#[cfg(feature = "hub")]
pub fn is_repository(typed: &str) -> bool {
    let is_one = || matches!(typed.parse(), Ok(Wanted::Repository(_)));
    !Wanted::is_meant(typed) && !Path::new(typed).exists() && is_one()
}

/// Whether this names a repository of the hub without saying so.
#[cfg(not(feature = "hub"))]
pub fn is_repository(_: &str) -> bool {
    false
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
    // Ollama names the host of such a model too, and the list does not.
    let typed = typed.strip_prefix(HOST).unwrap_or(&typed);
    if typed.is_empty() {
        return Vec::new();
    }
    // Any part of a model leads to its first one.
    let first = part_of(typed).map(|part| part.of(1));
    let typed = first.as_deref().unwrap_or(typed);
    let whole = |found: &&Found| found.path.extension().is_none_or(|end| end != "incomplete");
    let with = |fits: &dyn Fn(&str) -> bool| -> Vec<&Found> {
        found.iter().filter(whole).filter(|found| names(found).iter().any(|name| fits(&name.to_lowercase()))).collect()
    };
    let called = with(&|name| name.strip_prefix(HOST).unwrap_or(name) == typed);
    if called.is_empty() { with(&|name| name.strip_prefix(HOST).unwrap_or(name).starts_with(typed)) } else { called }
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
