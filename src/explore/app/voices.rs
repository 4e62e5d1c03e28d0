//! By what is decided: a preset of several, and what was changed in it.

use std::sync::Arc;

use anyhow::Result;

use crate::explore::guide::Recipe;
use crate::preset::{Edit, Preset, reference};
use crate::prob::{Alpha, Schedule, Shape};
use crate::sampler::Stage;

/// How far a key moves α.
const STEP: f64 = 0.1;

/// A preset under its name.
#[derive(Debug, Clone, PartialEq)]
pub struct Voice {
    /// The name by which it is chosen.
    pub name: String,
    /// The preset.
    pub preset: Preset,
}

/// Several presets, of which one decides.
#[derive(Debug, Clone, PartialEq)]
pub struct Voices {
    all: Vec<Voice>,
    at: usize,
    recipe: Arc<Recipe>,
}

impl Voices {
    /// The first one decides, with what was changed in it; others are at hand.
    #[must_use]
    pub fn new(first: Recipe, base: Preset, others: Vec<Voice>) -> Self {
        let own = Voice { name: first.name.clone(), preset: base };
        let others = others.into_iter().filter(|voice| voice.name != own.name);
        let all = std::iter::once(own.clone()).chain(others).collect();
        Self { all, at: 0, recipe: Arc::new(first) }
    }

    /// By what is decided.
    #[must_use]
    pub fn recipe(&self) -> &Arc<Recipe> {
        &self.recipe
    }

    /// Takes the preset so many places on, without changes.
    pub(super) fn turn(&mut self, by: isize) {
        let count = self.all.len().cast_signed();
        self.at = (self.at.cast_signed() + by).rem_euclid(count.max(1)).cast_unsigned();
        if let Some(Voice { name, preset }) = self.all.get(self.at) {
            self.recipe = Arc::new(Recipe { name: name.clone(), set: Vec::new(), preset: preset.clone() });
        }
    }

    /// Makes a change, `key=value`; it takes the place of an earlier one of the same key.
    pub(super) fn set(&mut self, typed: &str) -> Result<()> {
        let edit = Edit::parse(typed)?.to_string();
        let key = |edit: &str| edit.split('=').next().unwrap_or_default().trim().to_owned();
        let mut set: Vec<String> = self.recipe.set.iter().filter(|old| key(old) != key(&edit)).cloned().collect();
        set.push(edit);
        let Voice { name, preset } = &self.all[self.at];
        let mut preset = preset.clone();
        for edit in &set {
            preset.set(&Edit::parse(edit)?)?;
        }
        self.recipe = Arc::new(Recipe { name: name.clone(), set, preset });
        Ok(())
    }

    /// The change that moves α: its value, or the centre of its wave. `None` where there is none, or it follows points of the story.
    pub(super) fn faded(&self, up: bool) -> Option<String> {
        let future = self.recipe.preset.chain.stages().iter().find_map(|stage| match stage {
            Stage::Future(future) => Some(future),
            _ => None,
        })?;
        let step = if up { STEP } else { -STEP };
        // Tenths, so that steps there and back meet.
        let moved = |alpha: Alpha| ((alpha.get() + step) * 10.0).round().clamp(-10.0, 10.0) / 10.0;
        Some(match &future.alpha {
            Schedule::Constant(alpha) => format!("future.alpha={}", moved(*alpha)),
            Schedule::Cycle(shape, cycle) => {
                let shape = match shape {
                    Shape::Sine => "wave",
                    Shape::Triangle => "triangle",
                    Shape::Square => "square",
                    Shape::Saw => "saw",
                };
                format!("future.alpha.{shape}.centre={}", moved(cycle.centre))
            }
            Schedule::Steps(_) | Schedule::Keyframes(_) | Schedule::Band(_) => return None,
        })
    }
}

/// How a change may go on that begins like this: stages and keys of the reference.
pub(super) fn completions(typed: &str) -> Vec<String> {
    if typed.contains('=') {
        return Vec::new();
    }
    let (mut all, mut stage) = (Vec::new(), String::new());
    for paragraph in reference().into_iter().filter(|paragraph| !paragraph.name.is_empty()) {
        match paragraph.depth {
            0 => {
                all.push(format!("{}=", paragraph.name));
                stage = paragraph.name;
            }
            1 => all.push(format!("{stage}.{}=", paragraph.name)),
            _ => {}
        }
    }
    all.retain(|one| one.starts_with(typed));
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::preset::{Folders, find};

    fn voices() -> Voices {
        let voice = |name: &str| Voice { name: name.to_owned(), preset: find(name, &Folders::default()).unwrap() };
        let [wave, open, plain] = ["wave", "open", "temperature"].map(voice);
        let recipe = Recipe { name: "wave".into(), set: Vec::new(), preset: wave.preset.clone() };
        Voices::new(recipe, wave.preset.clone(), vec![open, wave, plain])
    }

    #[test]
    fn presets_are_taken_in_turn() {
        let mut voices = voices();
        let names: Vec<String> = (0..4)
            .map(|_| {
                voices.turn(1);
                voices.recipe().name.clone()
            })
            .collect();
        assert_eq!(names, ["open", "temperature", "wave", "open"]);
        voices.turn(-2);
        assert_eq!(voices.recipe().name, "temperature");
    }

    #[test]
    fn alpha_is_moved_by_tenths_and_comes_back() {
        let mut voices = voices();
        for (up, set) in [
            (true, "future.alpha.wave.centre=0.1"),
            (true, "future.alpha.wave.centre=0.2"),
            (false, "future.alpha.wave.centre=0.1"),
        ] {
            let change = voices.faded(up).unwrap();
            voices.set(&change).unwrap();
            assert_eq!(voices.recipe().set, [set]);
        }
        voices.set("future.alpha=1").unwrap();
        assert_eq!(voices.faded(true).unwrap(), "future.alpha=1");
        voices.turn(2);
        assert_eq!(voices.faded(true), None);
    }

    #[test]
    fn a_change_that_cannot_be_made_changes_nothing() {
        let mut voices = voices();
        let before = voices.clone();
        for wrong in ["future.alpha=7", "futur.alpha=0", "future", "=", "future.alpha="] {
            assert!(voices.set(wrong).is_err(), "{wrong}");
            assert_eq!(voices, before);
        }
    }

    #[test]
    fn changes_are_completed_from_the_reference() {
        assert!(completions("future.al").iter().any(|one| one == "future.alpha="));
        assert_eq!(completions("min-p"), ["min-p="]);
        assert_eq!((completions("temperature=0.8").len(), completions("nothing").len()), (0, 0));
    }
}
