//! The stories of a run: prompts × voices × seeds, in this order, each with its name.

use anyhow::{Result, ensure};
use serde::{Deserialize, Serialize};

use super::names;
use super::prompts::PromptEntry;
use super::seeds::Seeds;
use crate::text::grouped;

/// The most stories of one run: each has two files in one folder, and a line of the index.
pub const MOST_STORIES: usize = 1_000_000;

/// The number of stories of these prompts, of so many presets, and under these seeds where a prompt has none of its own.
///
/// # Errors
/// There are more than [`MOST_STORIES`].
pub fn count(prompts: &[PromptEntry], voices: usize, seeds: &Seeds) -> Result<usize> {
    let of_one = |prompt: &PromptEntry| prompt.seeds.as_ref().unwrap_or(seeds).all().len();
    let count = prompts.iter().map(of_one).fold(0_usize, usize::saturating_add).saturating_mul(voices);
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
    /// For each prompt its own seeds, if it has some.
    own: Vec<Option<Seeds>>,
}

impl Matrix {
    /// The stories of these prompts, told by these voices, each under its prompt's own seeds or else under these.
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
            own: prompts.iter().map(|prompt| prompt.seeds.clone()).collect(),
        }
    }

    /// The seeds of a prompt.
    fn seeds(&self, prompt: usize) -> &[u64] {
        self.own[prompt].as_ref().map_or(&self.seeds, Seeds::all)
    }

    /// How many stories there are.
    #[must_use]
    pub fn len(&self) -> usize {
        (0..self.prompts.len()).map(|prompt| self.seeds(prompt).len()).sum::<usize>() * self.voices.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// All stories.
    pub fn items(&self) -> impl Iterator<Item = Item> {
        let voices = 0..self.voices.len();
        let stories = (0..self.prompts.len()).flat_map(move |prompt| {
            let seeds = self.seeds(prompt);
            voices.clone().flat_map(move |voice| seeds.iter().map(move |&seed| (prompt, voice, seed)))
        });
        stories.enumerate().map(|(number, (prompt, voice, seed))| Item { number, prompt, voice, seed })
    }

    /// The names of the prompts, and those of the voices.
    pub(super) fn names(&self) -> [&[String]; 2] {
        [&self.prompts, &self.voices]
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
    fn a_prompt_is_told_under_its_own_seeds_and_no_others() {
        let mut prompts = prompts(&["A wolf", "A lamb", "A crow"]);
        prompts[1].seeds = Some("7,9".parse().unwrap());
        let matrix = Matrix::new(&prompts, &[voice("wave", None), voice("open", None)], &"1..3".parse().unwrap());
        let names: Vec<String> = matrix.items().map(|item| matrix.name(item)).collect();
        assert_eq!((matrix.len(), names.len()), (16, 16));
        assert_eq!(names[6..10], ["a-lamb--wave--7", "a-lamb--wave--9", "a-lamb--open--7", "a-lamb--open--9"]);
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
        let prompts = |count: usize| vec![PromptEntry { text: "a".into(), ..PromptEntry::default() }; count];
        let count = |prompts: &[PromptEntry], voices, seeds: &str| count(prompts, voices, &seeds.parse().unwrap());
        assert_eq!(count(&prompts(1000), 1, "1..1000").unwrap(), MOST_STORIES);
        let refused = |voices, seeds: &str| count(&prompts(1000), voices, seeds).unwrap_err().to_string();
        assert!(
            refused(1, "1..1000000").starts_with("1,000,000,000 stories: more than 1,000,000, the most of one run\nhint: ")
        );
        assert!(refused(usize::MAX, "1..2").contains(" stories: more than 1,000,000"));
        // A prompt's own seeds count in place of those of the run.
        let mut own = prompts(2);
        own[1].seeds = Some("7..9".parse().unwrap());
        assert_eq!(count(&own, 2, "1..10").unwrap(), 26);
    }

    #[test]
    fn a_voice_is_called_by_its_preset_and_changes() {
        assert_eq!(voice("wave", None).label(), "wave");
        assert_eq!(voice("future", Some("future.alpha=1")).label(), "future · future.alpha=1");
    }
}
