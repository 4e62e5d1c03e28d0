//! How a run grows: more prompts, presets or seeds in the same folder, and everything that was asked for before still asked for.
//!
//! A folder that has grown is the one that would have been told at once: its stories keep their names and their places, so what
//! would take another name, or belong to another part, is refused and not moved.

use std::collections::HashMap;

use super::matrix::Voice;
use super::prompts::PromptEntry;
use super::run::RunFile;
use crate::text::plural;

impl RunFile {
    /// What is asked for beyond `before`, each as a clause, where everything is still asked for that was; else `None`, as where nothing
    /// is. How stories are told is not looked at.
    #[must_use]
    pub fn growth(&self, before: &Self) -> Option<Vec<String>> {
        // Parts of a run go by the numbers of its stories, and those move.
        if self.has_stories_of(before) || self.shard.is_some() || before.shard.is_some() {
            return None;
        }
        self.lost(before).iter().all(Vec::is_empty).then(|| self.other_stories(before))
    }

    fn has_stories_of(&self, before: &Self) -> bool {
        self.prompt == before.prompt && self.preset == before.preset && self.seeds == before.seeds
    }

    /// Which other stories there are than `before`, each as a clause.
    pub(super) fn other_stories(&self, before: &Self) -> Vec<String> {
        let mut found = Vec::new();
        if self.has_stories_of(before) {
            return found;
        }
        let Self { seeds, preset, prompt, .. } = self;
        let [lost_prompts, lost_presets] = self.lost(before);
        if *seeds != before.seeds {
            found.push(format!("the seeds are {seeds} (they were {})", before.seeds));
        }
        let others = preset.iter().zip(&before.preset).filter(|(now, old)| now != old);
        match () {
            () if preset.len() != before.preset.len() => {
                found.push(were(preset.len(), before.preset.len(), "preset", &lost_presets));
            }
            () if !lost_presets.is_empty() => found.extend(others.map(|(now, old)| changed(now, old))),
            () if *preset != before.preset => found.push("the presets are in another order".to_owned()),
            () => {}
        }
        let differ = |differ: fn(&PromptEntry, &PromptEntry) -> bool| {
            prompt.iter().zip(&before.prompt).position(|(now, old)| differ(now, old)).map(|at| at + 1)
        };
        let (other, other_seeds) = (differ(|now, old| without_seeds(now) != without_seeds(old)), differ(|now, old| now != old));
        match (other, other_seeds) {
            _ if prompt.len() != before.prompt.len() => {
                found.push(were(prompt.len(), before.prompt.len(), "prompt", &lost_prompts));
            }
            (Some(_), _) if lost_prompts.is_empty() => found.push("the prompts are in another order".to_owned()),
            (Some(number), _) => found.push(format!("prompt {number} is another")),
            (None, Some(number)) => found.push(format!("prompt {number} has other seeds of its own")),
            (None, None) => {}
        }
        found
    }

    /// The names of the prompts and presets of `before` that are not told of now as they were, each under the same name.
    fn lost(&self, before: &Self) -> [Vec<String>; 2] {
        let (now, old) = (self.matrix(), before.matrix());
        let [prompts, voices] = now.names().map(places);
        let [old_prompts, old_voices] = old.names();
        let seeds = |run: &Self, prompt: &PromptEntry| prompt.seeds.clone().unwrap_or_else(|| run.seeds.clone());
        let is_told = |(name, old): (&String, &PromptEntry)| {
            let own = prompts.get(name.as_str()).map(|&at| &self.prompt[at]);
            own.is_some_and(|own| without_seeds(own) == without_seeds(old) && seeds(self, own).hold(&seeds(before, old)))
        };
        let tells = |(name, old): (&String, &Voice)| voices.get(name.as_str()).is_some_and(|&at| self.preset[at] == *old);
        let lost = old_prompts.iter().zip(&before.prompt).filter(|&one| !is_told(one)).map(|(name, _)| name.clone());
        let silent = old_voices.iter().zip(&before.preset).filter(|&one| !tells(one)).map(|(name, _)| name.clone());
        [lost.collect(), silent.collect()]
    }
}

/// Where each name stands.
fn places(names: &[String]) -> HashMap<&str, usize> {
    names.iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect()
}

/// A prompt whatever its seeds.
fn without_seeds(prompt: &PromptEntry) -> PromptEntry {
    PromptEntry { seeds: None, ..prompt.clone() }
}

fn changed(now: &Voice, old: &Voice) -> String {
    let renamed = if now.label() == old.label() { String::new() } else { format!(" (it was `{}`)", old.label()) };
    let table = Voice { baseline: old.baseline.clone(), ..now.clone() } == *old;
    let is = if table { "is measured against another table" } else { "is another" };
    format!("the preset `{}` {is}{renamed}", now.label())
}

/// How many there are: `there is 1 prompt (there were 2), and `ab` is not as it was`.
fn were(now: usize, old: usize, thing: &str, lost: &[String]) -> String {
    let things = format!("{thing}s");
    let (is, was) = (if now == 1 { "is" } else { "are" }, if old == 1 { "was" } else { "were" });
    let lost = lost.first().map_or(String::new(), |name| format!(", and `{name}` is not as it was"));
    format!("there {is} {} (there {was} {old}){lost}", plural(now, thing, &things))
}

#[cfg(test)]
mod tests {
    use super::super::run::tests::example;
    use super::*;

    fn prompt(text: &str) -> PromptEntry {
        PromptEntry { text: text.into(), ..PromptEntry::default() }
    }

    fn voice(name: &str) -> Voice {
        Voice { preset: name.into(), edits: Vec::new(), resolved: "[[chain]]\nmin-p = 0.1\n".into(), baseline: None }
    }

    /// What has grown after this change of a run of two prompts, `wave`, and the seeds 1 and 2.
    fn grown(change: fn(&mut RunFile)) -> Option<String> {
        let mut run = example();
        change(&mut run);
        run.growth(&example()).map(|clauses| clauses.join("; "))
    }

    #[test]
    fn a_run_grows_by_seeds_presets_and_prompts_wherever_they_stand() {
        let is = |change, told: &str| assert_eq!(grown(change).as_deref(), Some(told));
        is(|run| run.seeds = "1..4".parse().unwrap(), "the seeds are 1..4 (they were 1..2)");
        is(|run| run.preset.push(voice("open")), "there are 2 presets (there was 1)");
        is(|run| run.prompt.insert(0, prompt("a lamb")), "there are 3 prompts (there were 2)");
        is(|run| run.prompt.reverse(), "the prompts are in another order");
        is(|run| run.prompt[1].seeds = Some("1..3".parse().unwrap()), "prompt 2 has other seeds of its own");
        is(
            |run| {
                run.prompt.push(prompt("a lamb"));
                run.preset.insert(0, voice("open"));
                run.seeds = "1..2,9".parse().unwrap();
            },
            "the seeds are 1..2,9 (they were 1..2); there are 2 presets (there was 1); there are 3 prompts (there were 2)",
        );
    }

    #[test]
    fn what_leaves_something_out_or_names_it_otherwise_is_no_growth() {
        let not = |change| assert_eq!(grown(change), None);
        not(|_| ());
        not(|run| run.seeds = "2..9".parse().unwrap());
        not(|run| run.prompt[0].text.push('!'));
        not(|run| run.prompt[0].tokens = std::num::NonZeroUsize::new(3));
        not(|run| run.preset[0].resolved.push('x'));
        not(|run| run.prompt[0].seeds = Some("1,3..9".parse().unwrap()));
        not(|run| drop(run.prompt.pop()));
        // Numbers of stories move, and with them those of a part.
        not(|run| {
            run.shard = Some("1/2".parse().unwrap());
            run.seeds = "1..4".parse().unwrap();
        });
        // The first of two prompts that are called alike keeps the name.
        let mut alike = example();
        alike.prompt[1].text = "a wolf in a wood?".into();
        let mut before = alike.clone();
        before.prompt.remove(0);
        assert_eq!(alike.growth(&before), None);
        let said = alike.differences(&before).join("; ");
        assert_eq!(said, "there are 2 prompts (there was 1), and `a-wolf-in-a-wood` is not as it was");
        alike.prompt.reverse();
        assert!(alike.growth(&before).is_some());
    }

    #[test]
    fn a_prompt_that_names_the_seeds_of_the_run_has_lost_none() {
        // The run has other seeds now, and the old prompts keep theirs.
        let mut run = example();
        run.seeds = "7..9".parse().unwrap();
        for prompt in &mut run.prompt {
            prompt.seeds = Some("1..2".parse().unwrap());
        }
        run.prompt.push(prompt("a lamb"));
        assert!(run.growth(&example()).is_some());
    }
}
