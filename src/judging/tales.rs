//! The stories that may be judged: of which arm each is, and of which prompt.

use std::collections::{BTreeSet, HashSet};
use std::path::PathBuf;

use anyhow::{Result, bail, ensure};
use sha2::{Digest, Sha256};

use crate::eval::words::words;
use crate::eval::{Corpus, LeftOut};
use crate::files::hexadecimal;
use crate::text::{grouped, some};

/// The hexadecimal digits of a story's name in a judgement: 64 bits tell stories apart.
const DIGITS: usize = 16;

/// A story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tale {
    /// The number of its arm.
    pub arm: usize,
    /// The number of its prompt.
    pub prompt: usize,
    /// What was told, without the prompt.
    pub text: String,
    /// What it is called in judgements: the beginning of a SHA-256 of its prompt and its text.
    pub id: String,
}

/// What stories go on from, or answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// What it is called; no other one is called so.
    pub name: String,
    /// Its text, or its name where nothing tells it.
    pub text: String,
}

/// Stories of several arms.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tales {
    /// Arms by name, as an evaluation calls them.
    pub arms: Vec<String>,
    /// Prompts.
    pub prompts: Vec<Prompt>,
    /// The stories.
    pub all: Vec<Tale>,
    /// Files that are no stories, each with the reason.
    pub left_out: Vec<LeftOut>,
}

impl Tales {
    /// The stories of these folders, by the rules of [`Corpus`]: presets of a batch are arms, and so is a folder of texts.
    ///
    /// # Errors
    /// As [`Corpus::read`].
    pub fn read(folders: &[PathBuf]) -> Result<Self> {
        Corpus::read(folders, None).map(Self::of)
    }

    fn of(corpus: Corpus) -> Self {
        let Corpus { prompts, arms, human: _, left_out } = corpus;
        let texts: Vec<String> = prompts.iter().map(|prompt| prompt.text.as_ref().unwrap_or(&prompt.name).clone()).collect();
        let names = distinct(prompts.into_iter().map(|prompt| prompt.name));
        let mut all = Vec::new();
        for (number, arm) in arms.iter().enumerate() {
            all.extend(arm.texts.iter().map(|story| Tale {
                arm: number,
                prompt: story.prompt,
                text: story.text.clone(),
                id: id(&texts[story.prompt], &story.text),
            }));
        }
        let prompts = names.into_iter().zip(texts).map(|(name, text)| Prompt { name, text }).collect();
        Self { arms: arms.into_iter().map(|arm| arm.name).collect(), prompts, all, left_out }
    }

    /// The same with these arms alone.
    ///
    /// # Errors
    /// One of them is none.
    pub fn only(self, names: &[String]) -> Result<Self> {
        if names.is_empty() {
            return Ok(self);
        }
        for name in names {
            let all: Vec<String> = self.arms.iter().map(|arm| format!("`{arm}`")).collect();
            ensure!(self.arms.contains(name), "no story is of the arm `{name}`\nhint: there are {}", all.join(", "));
        }
        let arms: Vec<String> = self.arms.iter().filter(|arm| names.contains(arm)).cloned().collect();
        let number: Vec<Option<usize>> = self.arms.iter().map(|arm| arms.iter().position(|kept| kept == arm)).collect();
        let all = self.all.into_iter().filter_map(|tale| Some(Tale { arm: number[tale.arm]?, ..tale })).collect();
        Ok(Self { arms, all, ..self })
    }

    /// The same with no more than so many words of each story, as measures count them.
    #[must_use]
    pub fn cut(mut self, most: usize) -> Self {
        for tale in &mut self.all {
            let ends: Vec<usize> = words(&tale.text).map(|(end, _)| end).take(most + 1).collect();
            if ends.len() > most {
                tale.text.truncate(most.checked_sub(1).map_or(0, |last| ends[last]));
                tale.text.push_str(" …");
            }
        }
        self
    }

    /// Asks whether there is anything to be compared.
    ///
    /// # Errors
    /// There is one arm only, or no prompt that two arms have told.
    pub fn comparable(&self) -> Result<()> {
        if let [arm] = &self.arms[..] {
            let hint = "name a folder with stories of another preset, told from the same prompts";
            bail!("there is nothing to compare: {} of one arm, `{arm}`\nhint: {hint}", are(self.all.len()));
        }
        let mut arms = vec![BTreeSet::new(); self.prompts.len()];
        for tale in &self.all {
            arms[tale.prompt].insert(tale.arm);
        }
        ensure!(
            arms.iter().any(|arms| arms.len() > 1),
            "there is nothing to compare: no prompt was told by two of the {} arms\nhint: tell the same prompts with each of them",
            grouped(self.arms.len())
        );
        Ok(())
    }
}

/// What a story is called in judgements.
fn id(prompt: &str, text: &str) -> String {
    let hash = Sha256::new().chain_update(prompt).chain_update([0]).chain_update(text).finalize();
    hexadecimal(&hash[..DIGITS / 2])
}

/// Different prompts may have one name, in different folders: then they are counted.
fn distinct(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut taken: HashSet<String> = HashSet::new();
    let mut free = |name: String| {
        let (mut free, mut count) = (name.clone(), 1);
        while !taken.insert(free.clone()) {
            count += 1;
            free = format!("{name}-{count}");
        }
        free
    };
    names.map(&mut free).collect()
}

/// `the only story is`, `all 12 stories are`.
fn are(stories: usize) -> String {
    if stories == 1 { "the only story is".to_owned() } else { format!("all {} are", some(stories, "story")) }
}

#[cfg(test)]
pub(super) mod tests {
    use std::path::Path;

    use super::*;
    use crate::eval::{Arm, Setting, Text};

    /// Stories of so many prompts, each told by these arms so often, all different.
    pub fn tales(prompts: usize, arms: &[&str], times: usize) -> Tales {
        let text = |arm: &str, prompt: usize, time: usize| Text {
            name: format!("prompt-{prompt:03}--{arm}--{time}"),
            prompt,
            text: format!("A tale by {arm} of {prompt}, told for the {time}th time"),
            tokens: None,
            surprisal: None,
            answers: false,
        };
        let arm = |arm: &&str| Arm {
            name: (*arm).to_owned(),
            setting: Setting::of_name(arm),
            writer: None,
            texts: (0..prompts).flat_map(|prompt| (0..times).map(move |time| text(arm, prompt, time))).collect(),
        };
        let prompt =
            |number| crate::eval::Prompt { name: format!("prompt-{number:03}"), text: Some(format!("Prompt {number}")) };
        Tales::of(Corpus {
            prompts: (0..prompts).map(prompt).collect(),
            arms: arms.iter().map(arm).collect(),
            human: None,
            left_out: Vec::new(),
        })
    }

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        folder
    }

    #[test]
    fn folders_of_texts_are_arms_and_meet_by_the_names_of_their_prompts() {
        let (one, other) = (folder(&[("wolf--1.txt", "One."), ("fox--1.txt", "Two.")]), folder(&[("wolf--1.txt", "Three.")]));
        let paths = [&one, &other].map(|folder: &tempfile::TempDir| folder.path().to_owned());
        let tales = Tales::read(&paths).unwrap();
        let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
        assert_eq!(tales.arms, paths.each_ref().map(|path| name(path)));
        let wolf: Vec<&str> =
            tales.all.iter().filter(|tale| tales.prompts[tale.prompt].name == "wolf").map(|tale| tale.text.as_str()).collect();
        assert_eq!(wolf, ["One.", "Three."]);
        assert!(tales.all.iter().all(|tale| tale.id.len() == DIGITS));
        tales.comparable().unwrap();
    }

    #[test]
    fn prompts_of_one_name_are_told_apart() {
        let names = ["once", "once", "once-2", "twice", "once"].map(str::to_owned);
        assert_eq!(distinct(names.into_iter()), ["once", "once-2", "once-2-2", "twice", "once-3"]);
    }

    #[test]
    fn arms_that_share_no_prompt_are_not_compared() {
        let mut tales = tales(2, &["wave", "open"], 1);
        tales.all.retain(|tale| tale.arm == tale.prompt);
        let said = tales.comparable().unwrap_err().to_string();
        assert!(said.starts_with("there is nothing to compare: no prompt was told by two of the 2 arms\nhint: "), "{said}");
    }

    #[test]
    fn one_arm_is_nothing_to_compare() {
        let said = |count| tales(count, &["wave"], 1).comparable().unwrap_err().to_string();
        assert!(
            said(3).starts_with("there is nothing to compare: all 3 stories are of one arm, `wave`\nhint: "),
            "{}",
            said(3)
        );
        assert!(said(1).contains("the only story is of one arm"), "{}", said(1));
    }

    #[test]
    fn a_choice_of_arms_leaves_the_others_out() {
        let three = tales(2, &["a", "b", "c"], 1);
        let two = three.clone().only(&["c".into(), "a".into()]).unwrap();
        assert_eq!((two.arms.clone(), two.all.len()), (vec!["a".to_owned(), "c".to_owned()], 4));
        assert!(two.all.iter().all(|tale| tale.text.contains(&format!("by {}", two.arms[tale.arm]))));
        let said = three.only(&["d".into()]).unwrap_err().to_string();
        assert_eq!(said, "no story is of the arm `d`\nhint: there are `a`, `b`, `c`");
    }

    #[test]
    fn a_cut_story_ends_behind_a_word() {
        let mut tales = tales(1, &["a"], 1);
        tales.all[0].text = "one\n two, three. \n".into();
        for (words, text) in [(1, "one …"), (2, "one\n two …"), (3, "one\n two, three. \n"), (9, "one\n two, three. \n")] {
            assert_eq!(tales.clone().cut(words).all[0].text, text);
        }
    }
}
