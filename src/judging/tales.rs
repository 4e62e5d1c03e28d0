//! The stories that may be judged: of which arm each is, and of which prompt.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};
use sha2::{Digest, Sha256};

use super::hexadecimal;
use crate::story::{Mode, Record, StopReason};
use crate::text::{EXCERPT, excerpt, grouped, some};

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
    /// What it is called: as in the names of files, or its first words.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Stories of several arms.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tales {
    /// Arms by name: a preset with its changes, and the folder behind it where that name is of another arm elsewhere.
    pub arms: Vec<String>,
    /// Prompts, in the order of their names.
    pub prompts: Vec<Prompt>,
    /// The stories.
    pub all: Vec<Tale>,
    /// Files that could be records and are none.
    pub others: Vec<PathBuf>,
    /// Stories that broke off, and are left out.
    pub broken: usize,
}

/// What makes two stories of one arm: the preset as it ran, and the model.
type Settings = (String, String);

/// How a prompt was put to the model: put in another way it is another prompt.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Put {
    Raw,
    /// With what the model was told about itself.
    Chat(Option<String>),
}

/// A story as it is found.
struct Found {
    folder: usize,
    /// The name of its file.
    stem: String,
    preset: String,
    settings: Settings,
    put: Put,
    prompt: String,
    text: String,
}

impl Tales {
    /// The stories of the records in these folders, or in the folder `stories` within each.
    ///
    /// # Errors
    /// A folder cannot be read, or holds no record; or it holds stories of one name told in two ways.
    pub fn read(folders: &[PathBuf]) -> Result<Self> {
        let (mut found, mut others, mut broken) = (Vec::new(), Vec::new(), 0);
        for (at, folder) in folders.iter().enumerate() {
            let before = found.len() + broken;
            for path in Record::files_in(folder)? {
                match Record::read(&path) {
                    Ok(record) if matches!(record.stop, StopReason::Failed(_) | StopReason::Interrupted) => broken += 1,
                    Ok(record) => found.push(Found::of(record, at, &path)),
                    Err(_) => others.push(path),
                }
            }
            ensure!(
                found.len() + broken > before,
                "the folder `{}` holds no record\nhint: name a folder that a batch has filled",
                folder.display()
            );
        }
        let arms = arms(&found, folders)?;
        Ok(Self { others, broken, ..Self::of(found, &arms) })
    }

    /// These stories, each of the arm of its number.
    fn of(found: Vec<Found>, named: &[String]) -> Self {
        let arms: Vec<String> = named.iter().collect::<BTreeSet<_>>().into_iter().cloned().collect();
        // A prompt is its text and how it was put, whatever the folders call it.
        let mut keys: BTreeMap<(String, String, Put), usize> = BTreeMap::new();
        let mut called: HashMap<(String, Put), String> = HashMap::new();
        for story in &found {
            let name =
                story.stem.split_once("--").map_or_else(|| excerpt(&story.prompt, EXCERPT / 2), |(name, _)| name.to_owned());
            let name = called.entry((story.prompt.clone(), story.put.clone())).or_insert(name);
            keys.insert((name.clone(), story.prompt.clone(), story.put.clone()), 0);
        }
        keys.values_mut().enumerate().for_each(|(at, number)| *number = at);
        let tale = |(story, arm): (Found, &String)| {
            let key = (story.prompt, story.put);
            let prompt = keys[&(called[&key].clone(), key.0.clone(), key.1)];
            let id = id(&key.0, &story.text);
            Tale { arm: arms.partition_point(|known| known < arm), prompt, text: story.text, id }
        };
        let all = found.into_iter().zip(named).map(tale).collect();
        let prompts = distinct(keys.into_keys().map(|(name, text, _)| Prompt { name, text }).collect());
        Self { arms, prompts, all, others: Vec::new(), broken: 0 }
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

    /// The same with no more than so many words of each story. Words are what white space parts.
    #[must_use]
    pub fn cut(mut self, words: usize) -> Self {
        for tale in &mut self.all {
            let behind = tale.text.split_whitespace().nth(words);
            if let Some(at) = behind.map(|word| word.as_ptr() as usize - tale.text.as_ptr() as usize) {
                tale.text.truncate(at);
                tale.text.truncate(tale.text.trim_end().len());
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

impl Found {
    fn of(record: Record, folder: usize, path: &Path) -> Self {
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let Record { prompt, mode, text, preset, resolved, model, .. } = record;
        let put = match mode {
            Mode::Raw => Put::Raw,
            Mode::Chat(chat) => Put::Chat(chat.system),
        };
        Self { folder, stem, preset, settings: (resolved, model.sha256), put, prompt, text }
    }
}

/// The arm of every story: its preset, with its folder where the preset ran in another way elsewhere.
fn arms(found: &[Found], folders: &[PathBuf]) -> Result<Vec<String>> {
    let mut ways: HashMap<&str, HashSet<&Settings>> = HashMap::new();
    let mut within: HashMap<(usize, &str), &Settings> = HashMap::new();
    for story in found {
        ways.entry(&story.preset).or_default().insert(&story.settings);
        let first = within.entry((story.folder, &story.preset)).or_insert(&story.settings);
        ensure!(
            **first == story.settings,
            "the stories of `{}` in `{}` were told in more than one way: with another preset of that name, or another model\nhint: \
             put them in folders of their own",
            story.preset,
            folders[story.folder].display()
        );
    }
    let arm = |story: &Found| match ways[story.preset.as_str()].len() {
        1 => story.preset.clone(),
        _ => format!("{} in {}", story.preset, folders[story.folder].display()),
    };
    Ok(found.iter().map(arm).collect())
}

/// What a story is called in judgements.
fn id(prompt: &str, text: &str) -> String {
    let hash = Sha256::new().chain_update(prompt).chain_update([0]).chain_update(text).finalize();
    hexadecimal(&hash[..DIGITS / 2])
}

/// Different prompts may have one name, in different folders: they are counted.
fn distinct(mut prompts: Vec<Prompt>) -> Vec<Prompt> {
    let mut taken: HashSet<String> = HashSet::new();
    for prompt in &mut prompts {
        let name = prompt.name.clone();
        let mut count = 1;
        while !taken.insert(prompt.name.clone()) {
            count += 1;
            prompt.name = format!("{name}-{count}");
        }
    }
    prompts
}

/// `its one story is`, `all 12 stories are`.
fn are(stories: usize) -> String {
    if stories == 1 { "the only story is".to_owned() } else { format!("all {} are", some(stories, "story")) }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    fn found(folder: usize, preset: &str, resolved: &str, prompt: &str, text: &str) -> Found {
        Found {
            folder,
            stem: format!("{}--{preset}--1", prompt.to_lowercase().replace(' ', "-")),
            preset: preset.into(),
            settings: (resolved.into(), "model".into()),
            put: Put::Raw,
            prompt: prompt.into(),
            text: text.into(),
        }
    }

    /// Stories of so many prompts, each told by these arms under so many seeds, all different.
    pub fn tales(prompts: usize, arms: &[&str], seeds: usize) -> Tales {
        let story = |number: usize| {
            let (prompt, arm) = (number / seeds / arms.len(), arms[number / seeds % arms.len()]);
            let mut found = found(0, arm, arm, &format!("Prompt {prompt:03}"), &format!("A tale by {arm}, number {number}"));
            found.stem = format!("prompt-{prompt:03}--{arm}--{number}");
            found
        };
        let found: Vec<Found> = (0..prompts * arms.len() * seeds).map(story).collect();
        let named: Vec<String> = found.iter().map(|found| found.preset.clone()).collect();
        Tales::of(found, &named)
    }

    fn of(found: Vec<Found>) -> Result<Tales> {
        let named = arms(&found, &["one".into(), "two".into()])?;
        Ok(Tales::of(found, &named))
    }

    #[test]
    fn stories_of_one_prompt_meet_whatever_folder_they_lie_in() {
        let tales = of(vec![
            found(0, "wave", "w", "Once", "a"),
            found(1, "temperature", "t", "Once", "b"),
            found(1, "temperature", "t", "Twice", "c"),
        ])
        .unwrap();
        assert_eq!(tales.arms, ["temperature", "wave"]);
        assert_eq!(tales.prompts.iter().map(|prompt| prompt.name.as_str()).collect::<Vec<_>>(), ["once", "twice"]);
        assert_eq!(tales.all.iter().map(|tale| (tale.arm, tale.prompt)).collect::<Vec<_>>(), [(1, 0), (0, 0), (0, 1)]);
        assert_eq!(tales.all[0].id.len(), DIGITS);
        tales.comparable().unwrap();
    }

    #[test]
    fn an_answer_and_a_continuation_are_of_two_prompts() {
        let mut asked = found(1, "temperature", "t", "Once", "b");
        asked.put = Put::Chat(None);
        let tales = of(vec![found(0, "wave", "w", "Once", "a"), asked]).unwrap();
        assert_eq!(tales.prompts.iter().map(|prompt| prompt.name.as_str()).collect::<Vec<_>>(), ["once", "once-2"]);
        let said = tales.comparable().unwrap_err().to_string();
        assert!(said.starts_with("there is nothing to compare: no prompt was told by two of the 2 arms\nhint: "), "{said}");
    }

    #[test]
    fn a_preset_that_ran_in_two_ways_is_two_arms() {
        let tales = of(vec![found(0, "wave", "w", "Once", "a"), found(1, "wave", "other", "Once", "b")]).unwrap();
        assert_eq!(tales.arms, ["wave in one", "wave in two"]);
        let mixed = of(vec![found(0, "wave", "w", "Once", "a"), found(0, "wave", "other", "Once", "b")]).unwrap_err();
        assert!(mixed.to_string().starts_with("the stories of `wave` in `one` were told in more than one way"), "{mixed}");
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
        tales.all[0].text = "one\n two  three \n".into();
        for (words, text) in [(1, "one …"), (2, "one\n two …"), (3, "one\n two  three \n"), (9, "one\n two  three \n")] {
            assert_eq!(tales.clone().cut(words).all[0].text, text);
        }
    }
}
