//! Front matter: TOML between lines of `+++` at the top of a file, as static-site generators have it.
//!
//! Only the keys below are ours. Others belong to other programs and are left alone, but one that is nearly ours is taken for a slip.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Result, anyhow, bail};
use serde::Deserialize;
use serde::de::IntoDeserializer;

use super::LONGEST;
use crate::files;
use crate::text::{EXCERPT, decode, excerpt};

/// The line before and behind it.
const FENCE: &str = "+++";

/// How near a key must be to one of ours to be a slip.
const NEAR: usize = 2;

/// What a file says of how it is to be told on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
#[serde(default)]
pub struct FrontMatter {
    /// A preset: its name, or a TOML file.
    pub preset: Option<String>,
    /// A model: its name, or a GGUF file.
    pub model: Option<String>,
    /// The seed of all randomness.
    pub seed: Option<u64>,
    /// The most tokens to tell.
    pub tokens: Option<NonZeroUsize>,
    /// Files that the model reads before the text: memory, characters, style.
    #[serde(deserialize_with = "one_or_many")]
    pub notes: Vec<PathBuf>,
}

impl FrontMatter {
    /// The keys, each with what may stand behind it.
    const KEYS: [(&str, &str); 5] = [
        ("preset", "the name of a preset or a TOML file, in quotes"),
        ("model", "the name of a model or a GGUF file, in quotes"),
        ("seed", "a whole number from 0 up"),
        ("tokens", "a whole number from 1 up"),
        ("notes", "a file in quotes, or a list of them"),
    ];

    /// The front matter of a text, and where the text behind it begins, in bytes; nothing and 0 where it has none. Line breaks right
    /// behind it belong to neither.
    ///
    /// # Errors
    /// It has no end, is no TOML, or one of our keys has a value that it cannot have or is misspelt.
    pub fn split(text: &str) -> Result<(Self, usize)> {
        let mut lines = text.split_inclusive('\n');
        let Some(first) = lines.next().filter(|line| is_fence(line)) else { return Ok((Self::default(), 0)) };
        let mut end = first.len();
        for line in lines {
            if is_fence(line) {
                let found = Self::parse(&text[first.len()..end])?;
                let behind = end + line.len();
                let breaks = text[behind..].len() - text[behind..].trim_start_matches('\n').len();
                return Ok((found, behind + breaks));
            }
            end += line.len();
        }
        bail!(
            "the front matter that line 1 begins has no end\nhint: a line `{FENCE}` ends it; where it is none, let a blank line come first"
        )
    }

    /// The front matter of a file, with paths that lead from its folder; `None` where it has none that can be read.
    #[must_use]
    pub fn of_file(path: &Path) -> Option<Self> {
        let text = decode(files::read(path, LONGEST).ok()?).ok()?;
        let found = Self::split(&text).ok()?.0;
        Some(found.beside(path.parent().unwrap_or(Path::new(""))))
    }

    fn parse(toml: &str) -> Result<Self> {
        let table: toml::Table = toml::from_str(toml).map_err(|error| {
            // Counted in the file, whose first line is the fence.
            let line = error.span().map_or(0, |span| toml[..span.start.min(toml.len())].matches('\n').count()) + 2;
            anyhow!("line {line} of the front matter is no TOML: {}", excerpt(error.message(), EXCERPT))
        })?;
        let mut ours = toml::Table::new();
        for (key, value) in table {
            if let Some((key, allowed)) = Self::KEYS.into_iter().find(|(name, _)| *name == key) {
                let alone = toml::Table::from_iter([(key.to_owned(), value.clone())]);
                if Self::deserialize(alone.into_deserializer()).is_err() {
                    let value = excerpt(&value.to_string(), EXCERPT);
                    bail!("`{key} = {value}` in the front matter cannot be: expected {allowed}");
                }
                ours.insert(key.to_owned(), value);
            } else if let Some((near, _)) = Self::KEYS.into_iter().find(|(name, _)| strsim::osa_distance(name, &key) < NEAR) {
                bail!("`{}` in the front matter is no key\nhint: did you mean `{near}`?", excerpt(&key, EXCERPT));
            }
        }
        Ok(Self::deserialize(ours.into_deserializer())?)
    }

    /// The same with paths that lead from the folder of the file, as a writer means them; a name stays a name.
    #[must_use]
    pub fn beside(mut self, folder: &Path) -> Self {
        let lead = |named: String, ending: &str| {
            let path = Path::new(&named);
            let is_path =
                path.components().count() > 1 || path.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending));
            if is_path { folder.join(path).to_string_lossy().into_owned() } else { named }
        };
        self.preset = self.preset.map(|preset| lead(preset, "toml"));
        self.model = self.model.map(|model| lead(model, "gguf"));
        self.notes = self.notes.iter().map(|notes| folder.join(notes)).collect();
        self
    }
}

fn is_fence(line: &str) -> bool {
    line.trim_end() == FENCE
}

/// A value, or a list of such.
fn one_or_many<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<PathBuf>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(PathBuf),
        Many(Vec<PathBuf>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(path) => vec![path],
        OneOrMany::Many(paths) => paths,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_the_fences_is_read_and_never_told() {
        let text = "+++\ntitle = \"Sea\"\npreset = \"wave\"\nseed = 7\ntokens = 90\nmodel = \"fable\"\nnotes = \"cast.md\"\n+++\n\nThe sea.\n";
        let (found, at) = FrontMatter::split(text).unwrap();
        assert_eq!(&text[at..], "The sea.\n");
        let expected = FrontMatter {
            preset: Some("wave".into()),
            model: Some("fable".into()),
            seed: Some(7),
            tokens: NonZeroUsize::new(90),
            notes: vec!["cast.md".into()],
        };
        assert_eq!(found, expected);
        let many = FrontMatter::split("+++ \nnotes = [\"a\", \"b\"]\n+++").unwrap();
        assert_eq!((many.0.notes, many.1), (vec!["a".into(), "b".into()], 27));
    }

    #[test]
    fn a_text_without_it_is_all_text() {
        for text in ["", "The sea.", "\n+++\nseed = 1\n+++\n", "++ +\n", "---\ntitle: x\n---\n"] {
            assert_eq!(FrontMatter::split(text).unwrap(), (FrontMatter::default(), 0), "{text}");
        }
    }

    #[test]
    fn a_mistake_is_one_sentence() {
        for (text, said) in [
            ("+++\nseed = 1\n", "the front matter that line 1 begins has no end\nhint: "),
            ("+++\na = 1\nseed 1\n+++\n", "line 3 of the front matter is no TOML: "),
            ("+++\nseed = \"x\"\n+++\n", "`seed = \"x\"` in the front matter cannot be: expected a whole number from 0 up"),
            ("+++\ntokens = 0\n+++\n", "`tokens = 0` in the front matter cannot be: expected a whole number from 1 up"),
            ("+++\nseeed = 1\n+++\n", "`seeed` in the front matter is no key\nhint: did you mean `seed`?"),
        ] {
            let error = FrontMatter::split(text).unwrap_err().to_string();
            assert!(error.starts_with(said), "{error}");
        }
    }

    #[test]
    fn paths_lead_from_the_folder_and_names_stay() {
        let found = FrontMatter {
            preset: Some("mine.toml".into()),
            model: Some("fable".into()),
            notes: vec!["cast.md".into(), "/abs.md".into()],
            ..FrontMatter::default()
        };
        let beside = found.beside(Path::new("book"));
        assert_eq!(beside.preset.as_deref(), Some("book/mine.toml"));
        assert_eq!(beside.model.as_deref(), Some("fable"));
        assert_eq!(beside.notes, [PathBuf::from("book/cast.md"), "/abs.md".into()]);
    }
}
