//! Which of a repository's files is the model that is meant, and why.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

use super::failure::{Failure, Remedy};
use super::name::Pick;
use crate::catalog::{is_model_name, part_of};

/// What lies beside models and is none: drafts for speculative decoding.
const DRAFTS: [&str; 4] = ["mtp-", "eagle3-", "dflash-", "dspark-"];

/// The quantisations that most would take, the best first: small and hardly worse than the original; nearly the original.
const USUAL: [&str; 2] = ["Q4_K_M", "Q8_0"];

/// A file that there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// Its path.
    pub path: String,
    /// Its bytes.
    pub size: u64,
}

/// A model among files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// Its files, by their numbers among those that there are; the first one holds what is said of the model.
    pub files: Vec<usize>,
    /// The path of its first file.
    pub path: String,
    /// All its bytes.
    pub size: u64,
    /// The quantisation that its name tells.
    pub quantisation: Option<String>,
    /// The number of a part that is not there, if one is not.
    pub missing: Option<usize>,
}

/// A model that was chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// It.
    pub model: Model,
    /// Why.
    pub why: Why,
    /// Others that were meant as much.
    pub others: Vec<String>,
}

/// Why a model was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It was named.
    File,
    /// It has the quantisation that was named.
    Quantisation,
    /// Its name holds what was named.
    Likeness,
    /// It has the quantisation that most would take.
    Usual,
    /// It is the only one.
    Only,
    /// It is the first one.
    First,
}

/// The quantisation in the name of a file, as people write it.
fn quantisation(path: &str) -> Option<String> {
    static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let pattern = r"(?i)(?:^|[-._/])((?:UD-)?(?:I?Q[1-8](?:_[0-9A-Z]+)*|TQ[12]_0|MXFP4(?:_MOE)?|BF16|F16|F32))(?:[-./]|$)";
        Regex::new(pattern).ok()
    });
    let found = PATTERN.as_ref()?.captures_iter(path).last()?;
    Some(found.get(1)?.as_str().to_uppercase())
}

/// The models among these files, each with all its parts, by path.
#[must_use]
pub fn models(files: &[Offer]) -> Vec<Model> {
    let mut parted: BTreeMap<(String, usize), BTreeMap<usize, usize>> = BTreeMap::new();
    let mut models = Vec::new();
    for (at, Offer { path, size }) in files.iter().enumerate() {
        let name = path.rsplit('/').next().unwrap_or_default().to_lowercase();
        if !is_model_name(&name) || DRAFTS.iter().any(|draft| name.contains(draft)) {
            continue;
        }
        match part_of(path) {
            Some(part) => {
                parted.entry((part.stem.to_owned(), part.count)).or_default().insert(part.number, at);
            }
            None => models.push(Model {
                files: vec![at],
                path: path.clone(),
                size: *size,
                quantisation: quantisation(path),
                missing: None,
            }),
        }
    }
    for ((stem, count), parts) in parted {
        let missing = (1..=count).find(|number| !parts.contains_key(number));
        let numbers: Vec<usize> = parts.into_values().collect();
        let Some(&first) = numbers.first() else { continue };
        models.push(Model {
            path: files[first].path.clone(),
            size: numbers.iter().map(|&at| files[at].size).sum(),
            quantisation: quantisation(&stem),
            files: numbers,
            missing,
        });
    }
    models.sort_by(|a, b| a.path.cmp(&b.path));
    models
}

/// Chooses a model of these files: the file or the quantisation that is named, else the usual one. Of several that are meant alike
/// it is the one in the fewest folders, and of those the first by path.
///
/// # Errors
/// None is meant, with those that there are; or the one that is meant lacks a part.
pub fn choose(files: &[Offer], pick: &Pick) -> Result<Choice, Failure> {
    let all = models(files);
    if all.is_empty() && !matches!(pick, Pick::File(_)) {
        return Err(Failure::new("it holds no GGUF model", Remedy::LookUp));
    }
    let (meant, why) = match pick {
        Pick::File(path) => (file(files, &all, path), Why::File),
        Pick::Quantisation(tag) => of_quantisation(&all, tag),
        Pick::Usual if all.len() == 1 => (all.clone(), Why::Only),
        Pick::Usual => usual(&all),
    };
    let mut meant = meant;
    meant.sort_by_key(|model| (model.path.matches('/').count(), model.path.clone()));
    let mut meant = meant.into_iter();
    let Some(model) = meant.next() else {
        let (Pick::Quantisation(wanted) | Pick::File(wanted)) = pick else {
            return Err(Failure::new("it holds no GGUF model", None));
        };
        let name = |model: &Model| model.quantisation.clone().unwrap_or_else(|| model.path.clone());
        let there = all.iter().map(|model| (name(model), model.size)).collect();
        return Err(Failure::new(format!("it holds no model `{wanted}`"), Remedy::Models(there)));
    };
    if let Some(part) = model.missing {
        return Err(Failure::new(format!("part {part} of `{}` is not in it", model.path), None));
    }
    let others = if why == Why::First { Vec::new() } else { meant.map(|model| model.path).collect() };
    Ok(Choice { model, why, others })
}

/// The model of this file, which may be any part of it, or one that is else passed over.
fn file(files: &[Offer], all: &[Model], path: &str) -> Vec<Model> {
    let Some(at) = files.iter().position(|file| file.path == path) else { return Vec::new() };
    if let Some(model) = all.iter().find(|model| model.files.contains(&at)) {
        return vec![model.clone()];
    }
    vec![Model {
        files: vec![at],
        path: path.to_owned(),
        size: files[at].size,
        quantisation: quantisation(path),
        missing: None,
    }]
}

/// Those of this quantisation; where there are none, those whose names have it between marks; and else those in whose names it
/// stands before one, which is how llama.cpp reads it.
fn of_quantisation(all: &[Model], tag: &str) -> (Vec<Model>, Why) {
    let of = |fits: &dyn Fn(&Model) -> bool| -> Vec<Model> { all.iter().filter(|model| fits(model)).cloned().collect() };
    let exact = of(&|model| model.quantisation.as_ref().is_some_and(|own| own.eq_ignore_ascii_case(tag)));
    if !exact.is_empty() {
        return (exact, Why::Quantisation);
    }
    let (path, tag) = (|model: &Model| model.path.to_lowercase(), tag.to_lowercase());
    let marked = of(&|model| holds(&path(model), &tag, "-._/", "-._", true));
    if !marked.is_empty() {
        return (marked, Why::Likeness);
    }
    (of(&|model| holds(&path(model), &tag, "", ".-", false)), Why::Likeness)
}

/// Whether a tag stands in a path, behind one of these marks (or at its beginning, or anywhere where there are none), and before one of
/// those (or, if `ends`, at its end).
fn holds(path: &str, tag: &str, before: &str, behind: &str, ends: bool) -> bool {
    path.match_indices(tag).any(|(at, _)| {
        let begins = before.is_empty() || path[..at].chars().next_back().is_none_or(|c| before.contains(c));
        let next = path[at + tag.len()..].chars().next();
        begins && next.map_or(ends, |c| behind.contains(c))
    })
}

fn usual(all: &[Model]) -> (Vec<Model>, Why) {
    for name in USUAL {
        let (of, why) = of_quantisation(all, name);
        if why == Why::Quantisation {
            return (of, Why::Usual);
        }
    }
    (all.to_vec(), Why::First)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offers(paths: &[&str]) -> Vec<Offer> {
        paths.iter().zip(1..).map(|(path, size)| Offer { path: (*path).to_owned(), size }).collect()
    }

    fn chosen(paths: &[&str], pick: &Pick) -> String {
        match choose(&offers(paths), pick) {
            Ok(Choice { model, why, others }) => format!("{} {why:?} {}", model.path, others.join(" ")).trim_end().to_owned(),
            Err(failure) => match failure.remedy.clone() {
                Some(Remedy::Models(models)) => format!("{failure}: {models:?}"),
                _ => failure.to_string(),
            },
        }
    }

    #[test]
    fn a_name_tells_its_quantisation() {
        for (path, told) in [
            ("smollm2-1.7b-q4_k_m.gguf", Some("Q4_K_M")),
            ("TinyStories-656K.Q8_0.gguf", Some("Q8_0")),
            ("Qwen_Qwen3-4B-IQ4_XS.gguf", Some("IQ4_XS")),
            ("x-UD-Q4_K_XL.gguf", Some("UD-Q4_K_XL")),
            ("x-bf16.gguf", Some("BF16")),
            ("model_q4_0.gguf", Some("Q4_0")),
            ("Q6_K/x-Q6_K-00001-of-00002.gguf", Some("Q6_K")),
            ("gpt-oss-mxfp4.gguf", Some("MXFP4")),
            ("qwen2.gguf", None),
            ("model.gguf", None),
        ] {
            assert_eq!(quantisation(path).as_deref(), told, "{path}");
        }
    }

    #[test]
    fn without_a_word_it_is_the_one_that_most_would_take() {
        let usual = |paths: &[&str]| chosen(paths, &Pick::Usual);
        assert_eq!(usual(&["a-Q2_K.gguf", "a-Q4_K_M.gguf", "a-Q8_0.gguf"]), "a-Q4_K_M.gguf Usual");
        assert_eq!(usual(&["a-F16.gguf", "a-q8_0.gguf"]), "a-q8_0.gguf Usual");
        assert_eq!(usual(&["b-F16.gguf", "a-Q6_K.gguf"]), "a-Q6_K.gguf First");
        assert_eq!(usual(&["a-F16.gguf", "mmproj-a-F16.gguf", "imatrix.gguf", "mtp-a.gguf"]), "a-F16.gguf Only");
        assert_eq!(
            usual(&["x/y/a-Q4_K_M.gguf", "z/a-Q4_K_M.gguf", "x/a-Q4_K_M.gguf"]),
            "x/a-Q4_K_M.gguf Usual z/a-Q4_K_M.gguf x/y/a-Q4_K_M.gguf"
        );
        assert_eq!(usual(&["mmproj-a.gguf"]), "it holds no GGUF model");
        assert_eq!(usual(&[]), "it holds no GGUF model");
    }

    #[test]
    fn a_quantisation_is_found_as_it_is_written() {
        let paths = ["a-IQ4_XS.gguf", "a-Q4_K_M.gguf", "a-Q4_K_S.gguf", "a-UD-Q8_K_XL.gguf", "mistral-q40.gguf"];
        let of = |tag: &str| chosen(&paths, &Pick::Quantisation(tag.to_owned()));
        assert_eq!(of("q4_k_s"), "a-Q4_K_S.gguf Quantisation");
        assert_eq!(of("Q4_K"), "a-Q4_K_M.gguf Likeness a-Q4_K_S.gguf");
        assert_eq!(of("Q8_K_XL"), "a-UD-Q8_K_XL.gguf Likeness");
        assert_eq!(of("40"), "mistral-q40.gguf Likeness");
        // As llama.cpp reads it, where nothing else is meant.
        assert_eq!(of("Q4_XS"), "a-IQ4_XS.gguf Likeness");
        assert_eq!(
            of("Q2_K"),
            r#"it holds no model `Q2_K`: [("IQ4_XS", 1), ("Q4_K_M", 2), ("Q4_K_S", 3), ("UD-Q8_K_XL", 4), ("mistral-q40.gguf", 5)]"#
        );
    }

    #[test]
    fn parts_are_one_model_whichever_is_named() {
        let paths =
            ["b-Q8_0-00002-of-00002.gguf", "b-Q8_0-00001-of-00002.gguf", "c-00001-of-00003.gguf", "c-00003-of-00003.gguf"];
        let all = models(&offers(&paths));
        assert_eq!((all.len(), &all[0].files, all[0].size, all[0].missing), (2, &vec![1, 0], 3, None));
        let first = "b-Q8_0-00001-of-00002.gguf";
        for pick in [Pick::Usual, Pick::Quantisation("Q8_0".to_owned()), Pick::File(paths[0].to_owned())] {
            assert!(chosen(&paths, &pick).starts_with(first), "{pick:?}");
        }
        assert_eq!(chosen(&paths, &Pick::File(paths[2].to_owned())), "part 2 of `c-00001-of-00003.gguf` is not in it");
        // What is named is taken, whatever it is.
        assert_eq!(chosen(&["mmproj.gguf", "a.gguf"], &Pick::File("mmproj.gguf".to_owned())), "mmproj.gguf File");
    }
}
