//! The stories of a run: prompts × voices × seeds, in this order, each with its name.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::names;
use super::prompts::PromptEntry;
use super::seeds::Seeds;
use crate::text::grouped;

/// The most stories of one run: each has two files in one folder, and a line of the index.
pub const MOST_STORIES: usize = 1_000_000;

/// The number of stories of so many prompts, presets and seeds.
///
/// # Errors
/// There are more than [`MOST_STORIES`].
pub fn count(prompts: usize, voices: usize, seeds: usize) -> Result<usize> {
    let count = prompts.saturating_mul(voices).saturating_mul(seeds);
    ensure!(
        count <= MOST_STORIES,
        "{} stories: more than {}, the most of one run\nhint: several folders may share the seeds or the prompts",
        grouped(count),
        grouped(MOST_STORIES)
    );
    Ok(count)
}

/// A preset with its changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Voice {
    /// The name by which the preset was asked for.
    pub preset: String,
    /// The changes that tell it from others of its preset: `future.alpha=0.5`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edits: Vec<String>,
    /// The preset as it runs, as TOML, with all changes made.
    pub resolved: String,
    /// The SHA-256 of the table of what is usual after a token, where openness is measured against it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub baseline: Option<String>,
}

impl Voice {
    /// What it is called in records and tables: `wave`, `future · future.alpha=0.5`.
    #[must_use]
    pub fn label(&self) -> String {
        std::iter::once(&self.preset).chain(&self.edits).map(String::as_str).collect::<Vec<_>>().join(" · ")
    }
}

/// One story to be told: the numbers of its prompt and voice, from 0, and its seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Item {
    /// Its number in the matrix.
    pub number: usize,
    /// The number of its prompt.
    pub prompt: usize,
    /// The number of its voice.
    pub voice: usize,
    /// Its seed.
    pub seed: u64,
}

/// All stories of a run. Those of one prompt stand together, so that what they share is read once.
#[derive(Debug, Clone)]
pub struct Matrix {
    prompts: Vec<String>,
    voices: Vec<String>,
    seeds: Vec<u64>,
}

impl Matrix {
    /// The stories of these prompts, told by these voices, under these seeds.
    #[must_use]
    pub fn new(prompts: &[PromptEntry], voices: &[Voice], seeds: &Seeds) -> Self {
        let named = |prompt: &PromptEntry| match prompt.name.as_deref().map(names::of_words) {
            Some(name) if !name.is_empty() => name,
            _ => names::of_words(&prompt.text),
        };
        let voices = voices.iter().map(|voice| names::of_voice(&voice.preset, &voice.edits)).collect();
        Self {
            prompts: names::distinct(prompts.iter().map(named).collect(), "prompt"),
            voices: names::distinct(voices, "preset"),
            seeds: seeds.all().to_vec(),
        }
    }

    /// How many stories there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.prompts.len() * self.voices.len() * self.seeds.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All stories.
    pub fn items(&self) -> impl Iterator<Item = Item> {
        let (voices, seeds) = (self.voices.len(), self.seeds.len());
        (0..self.len()).map(move |number| Item {
            number,
            prompt: number / seeds / voices,
            voice: number / seeds % voices,
            seed: self.seeds[number % seeds],
        })
    }

    /// What a prompt is called in names of files.
    #[must_use]
    pub fn prompt(&self, item: Item) -> &str {
        &self.prompts[item.prompt]
    }

    /// The name of a story's files, without their ending.
    #[must_use]
    pub fn name(&self, item: Item) -> String {
        format!("{}--{}--{}", self.prompts[item.prompt], self.voices[item.voice], item.seed)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn prompts(texts: &[&str]) -> Vec<PromptEntry> {
        texts.iter().map(|text| PromptEntry { text: (*text).to_owned(), ..PromptEntry::default() }).collect()
    }

    fn voice(preset: &str, edit: Option<&str>) -> Voice {
        Voice {
            preset: preset.into(),
            edits: edit.map(Into::into).into_iter().collect(),
            resolved: String::new(),
            baseline: None,
        }
    }

    #[test]
    fn stories_of_one_prompt_stand_together() {
        let seeds = "1..2".parse().unwrap();
        let matrix = Matrix::new(&prompts(&["A wolf", "A lamb"]), &[voice("wave", None), voice("open", None)], &seeds);
        let names: Vec<String> = matrix.items().map(|item| matrix.name(item)).collect();
        assert_eq!(names[..3], ["a-wolf--wave--1", "a-wolf--wave--2", "a-wolf--open--1"]);
        assert_eq!((matrix.len(), names[7].as_str()), (8, "a-lamb--open--2"));
        assert!(matrix.items().enumerate().all(|(at, item)| item.number == at));
    }

    #[test]
    fn hostile_and_equal_prompts_have_safe_and_distinct_names() {
        let long = "x".repeat(300);
        let mut prompts = prompts(&["../../etc/passwd", "CON", "🐺", &long, "same", "same", "", "/", "..", "a\0b\n"]);
        prompts[0].name = Some("///".into());
        prompts[1].name = Some("NUL.txt".into());
        let voices = [voice("wave", None), voice("../wave.toml", None), voice("wave", Some("future.alpha=-1"))];
        let matrix = Matrix::new(&prompts, &voices, &"1..2".parse().unwrap());
        let names: BTreeSet<String> = matrix.items().map(|item| matrix.name(item)).collect();
        assert_eq!(names.len(), matrix.len());
        let reserved = ["con", "prn", "aux", "nul", "com1", "lpt1"];
        for name in names {
            assert!(name.len() < 200 && name.is_ascii() && name == name.to_lowercase(), "{name}");
            assert!(!name.contains(['/', '\\', ':', '*', '?', '"', '<', '>', '|', '\0', '\n']), "{name}");
            assert!(!name.starts_with('.') && !reserved.contains(&name.split('.').next().unwrap()), "{name}");
        }
    }

    #[test]
    fn more_stories_than_a_folder_can_hold_are_refused_by_their_number() {
        assert_eq!(count(1000, 1, 1000).unwrap(), MOST_STORIES);
        let refused = |prompts, voices, seeds| count(prompts, voices, seeds).unwrap_err().to_string();
        assert!(
            refused(1000, 1, 1_000_000).starts_with("1,000,000,000 stories: more than 1,000,000, the most of one run\nhint: ")
        );
        assert!(refused(usize::MAX, 2, 1).contains(" stories: more than 1,000,000"));
    }

    #[test]
    fn a_voice_is_called_by_its_preset_and_changes() {
        assert_eq!(voice("wave", None).label(), "wave");
        assert_eq!(voice("future", Some("future.alpha=1")).label(), "future · future.alpha=1");
    }
}
