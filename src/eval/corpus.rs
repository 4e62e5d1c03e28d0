//! Stories as they lie in folders: arms, each the stories of one setting, of prompts that they share.
//!
//! A folder of `batch` holds records, and each preset with its changes is an arm. Any other folder is one arm, and its `.txt` files are
//! its stories: those in a folder within it are of the prompt that this folder is called after; of others the prompt is what stands
//! before the first `--` of the name, and where there is none each file is alone with its name.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::setting::Setting;
use super::words::without_title;
use crate::files;
use crate::story::{Mode, Record, StopReason};
use crate::text::decode;

/// Where a folder of `batch` keeps its stories.
const STORIES: &str = "stories";

/// No text of a story has more bytes.
const LONGEST: u64 = 64 << 20;

/// A prompt that stories go on from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Prompt {
    /// What it is called.
    pub name: String,
    /// Its text; none where nothing tells it.
    pub text: Option<String>,
}

/// A story.
#[derive(Debug, Clone, PartialEq)]
pub struct Text {
    /// The name of its file, without its ending.
    pub name: String,
    /// The number of its prompt in [`Corpus::prompts`].
    pub prompt: usize,
    /// What was told, without a line that is only its title.
    pub text: String,
    /// The tokens that its teller told, where a record keeps them.
    pub tokens: Option<usize>,
    /// Its mean surprisal for who told it, nats a token, where a record keeps it.
    pub surprisal: Option<f64>,
    /// Whether it was told in answer to its prompt, and does not go on from it.
    pub answers: bool,
}

/// Stories of one setting.
#[derive(Debug, Clone, PartialEq)]
pub struct Arm {
    /// What it is called: its preset with its changes, or its folder.
    pub name: String,
    /// What is known of how it was told.
    pub setting: Setting,
    /// The SHA-256 of the model that told it; none where nothing tells it.
    pub writer: Option<String>,
    /// Its stories.
    pub texts: Vec<Text>,
}

/// All that is compared.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Corpus {
    /// The prompts of all arms.
    pub prompts: Vec<Prompt>,
    /// The arms, in the order in which they were met.
    pub arms: Vec<Arm>,
    /// The texts of people.
    pub human: Option<Arm>,
    /// Files that are no stories, each with the reason.
    pub left_out: Vec<LeftOut>,
}

/// A file that is no story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeftOut {
    /// The file.
    pub path: PathBuf,
    /// Why, behind "it is" or "it".
    pub why: String,
}

/// A story on its way into its arm.
struct Found {
    name: String,
    prompt: Prompt,
    text: String,
    tokens: Option<usize>,
    surprisal: Option<f64>,
    answers: bool,
}

impl Corpus {
    /// Reads these folders, and those texts of people.
    ///
    /// # Errors
    /// A folder cannot be read or holds no story; or stories that are called the same were told in different ways.
    pub fn read(folders: &[PathBuf], human: Option<&Path>) -> Result<Self> {
        let mut corpus = Self::default();
        for folder in folders {
            corpus.add(folder, folders).with_context(|| format!("cannot take the stories of `{}`", folder.display()))?;
        }
        if let Some(folder) = human {
            let refusal = || format!("cannot take the texts of people in `{}`", folder.display());
            let found = texts_of(folder, &mut corpus.left_out).with_context(refusal)?;
            corpus.human = Some(corpus.arm("human".to_owned(), found));
        }
        Ok(corpus)
    }

    fn add(&mut self, folder: &Path, all: &[PathBuf]) -> Result<()> {
        let within = folder.join(STORIES);
        let place = if within.is_dir() { within } else { folder.to_owned() };
        let records = files_of(&place, "json")?;
        let before = self.left_out.len();
        let read: Vec<(PathBuf, Record)> = records
            .into_iter()
            .filter_map(|path| match Record::read(&path) {
                Ok(record) => Some((path, record)),
                Err(error) => {
                    self.left_out
                        .push(LeftOut { path, why: error.root_cause().to_string().lines().next().unwrap_or_default().into() });
                    None
                }
            })
            .collect();
        if !read.is_empty() {
            return self.add_records(folder, read, all.len() > 1);
        }
        // In a folder of texts other files are none of a run that were damaged.
        self.left_out.truncate(before);
        let found = texts_of(folder, &mut self.left_out)?;
        let name = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let name = name.file_name().map_or_else(|| folder.display().to_string(), |name| name.to_string_lossy().into_owned());
        ensure!(
            !self.arms.iter().any(|arm| arm.name == name),
            "there is an arm `{name}` already\nhint: give the folders different names"
        );
        let arm = self.arm(name, found);
        self.arms.push(arm);
        Ok(())
    }

    /// Adds the stories of records, an arm for every preset.
    fn add_records(&mut self, folder: &Path, records: Vec<(PathBuf, Record)>, several: bool) -> Result<()> {
        let mut arms: BTreeMap<usize, (Record, Vec<Found>)> = BTreeMap::new();
        let mut order: Vec<String> = Vec::new();
        for (path, record) in records {
            if matches!(record.stop, StopReason::Failed(_) | StopReason::Interrupted) {
                self.left_out.push(LeftOut { path, why: format!("it has no end: {}", record.stop) });
                continue;
            }
            let at = order.iter().position(|known| *known == record.preset).unwrap_or(order.len());
            if at == order.len() {
                order.push(record.preset.clone());
            }
            let name = stem(&path);
            let called = name.split_once("--").map_or(record.prompt.as_str(), |(prompt, _)| prompt).to_owned();
            let prompt = Prompt { name: called, text: Some(record.prompt.clone()) };
            let found = Found {
                name,
                prompt,
                text: record.text.clone(),
                tokens: Some(record.tokens.len()),
                surprisal: Some(-record.mean_log_p),
                answers: record.mode != Mode::Raw,
            };
            let (first, all) = arms.entry(at).or_insert_with(|| (record.clone(), Vec::new()));
            ensure!(
                first.model.sha256 == record.model.sha256 && first.resolved == record.resolved,
                "the stories of `{}` were told in different ways: `{}` by another model or preset than those before it\nhint: one folder a run",
                record.preset,
                path.display()
            );
            all.push(found);
        }
        ensure!(!arms.is_empty(), "none of its stories has an end");
        for (_, (record, found)) in arms {
            self.add_arm(folder, &record, found, several)?;
        }
        Ok(())
    }

    /// Adds an arm; to one that is there, where the same was told in the same way.
    fn add_arm(&mut self, folder: &Path, record: &Record, found: Vec<Found>, several: bool) -> Result<()> {
        let setting = Setting::of_preset(&record.preset, &record.resolved);
        let writer = Some(record.model.sha256.clone());
        let arm = self.arm(Setting::name(&record.preset), found);
        let mut arm = Arm { setting, writer, ..arm };
        if let Some(known) = self
            .arms
            .iter_mut()
            .find(|known| known.name == arm.name && known.writer == arm.writer && known.setting == arm.setting)
        {
            let twice = arm
                .texts
                .iter()
                .find(|text| known.texts.iter().any(|other| other.name == text.name && other.prompt == text.prompt));
            if let Some(twice) = twice {
                bail!("the story `{}` is there twice\nhint: name each folder once", twice.name);
            }
            known.texts.append(&mut arm.texts);
            return Ok(());
        }
        if several && self.arms.iter().any(|known| known.name == arm.name) {
            arm.name = format!("{} · {}", folder.display(), arm.name);
        }
        self.arms.push(arm);
        Ok(())
    }

    /// An arm of which nothing is known but its stories.
    fn arm(&mut self, name: String, found: Vec<Found>) -> Arm {
        let texts = found.into_iter().map(|Found { name, prompt, text, tokens, surprisal, answers }| {
            let prompt = self.prompt(prompt);
            Text { name, prompt, text: without_title(&text).to_owned(), tokens, surprisal, answers }
        });
        let texts = texts.collect();
        Arm { setting: Setting::of_name(&name), name, writer: None, texts }
    }

    /// The number of a prompt. One without a text is that of its name, whatever its text.
    fn prompt(&mut self, prompt: Prompt) -> usize {
        let same = |known: &Prompt| {
            known.name == prompt.name && (known.text.is_none() || prompt.text.is_none() || known.text == prompt.text)
        };
        if let Some(at) = self.prompts.iter().position(same) {
            let known = &mut self.prompts[at];
            known.text = known.text.take().or(prompt.text);
            return at;
        }
        self.prompts.push(prompt);
        self.prompts.len() - 1
    }
}

/// The texts of a folder, by the rule of this module.
fn texts_of(folder: &Path, left_out: &mut Vec<LeftOut>) -> Result<Vec<Found>> {
    let mut found = Vec::new();
    let mut take = |path: PathBuf, prompt: Option<&str>| {
        let name = stem(&path);
        let prompt = prompt.unwrap_or_else(|| name.split_once("--").map_or(name.as_str(), |(prompt, _)| prompt)).to_owned();
        match read_text(&path) {
            Ok(text) => {
                let prompt = Prompt { name: prompt, text: None };
                found.push(Found { prompt, name, text, tokens: None, surprisal: None, answers: false });
            }
            Err(why) => left_out.push(LeftOut { path, why }),
        }
    };
    let mut folders: Vec<PathBuf> = entries(folder)?.into_iter().filter(|path| path.is_dir()).collect();
    folders.sort();
    for within in &folders {
        let prompt = within.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for path in files_of(within, "txt")? {
            take(path, Some(&prompt));
        }
    }
    for path in files_of(folder, "txt")? {
        take(path, None);
    }
    let others = left_out.iter().filter(|file| file.path.starts_with(folder)).count();
    match (found.is_empty(), others) {
        (false, _) => Ok(found),
        (true, 0) => bail!("there is no story in it\nhint: a folder of `afterword batch`, or one of `.txt` files"),
        (true, _) => {
            let file = left_out.iter().find(|file| file.path.starts_with(folder)).expect("it was counted");
            bail!("there is no text in it: `{}` {}", file.path.display(), file.why)
        }
    }
}

/// The text of a file; or why it is none.
fn read_text(path: &Path) -> Result<String, String> {
    let bytes = files::read(path, LONGEST).map_err(|error| files::words(&error))?;
    if bytes.contains(&0) && std::str::from_utf8(&bytes).is_ok() {
        return Err("holds NUL characters, which no text does".to_owned());
    }
    decode(bytes).map_err(|why| format!("is {}", why.lines().next().unwrap_or_default()))
}

/// The files of a folder with this ending, by name; hidden ones are none.
fn files_of(folder: &Path, ending: &str) -> Result<Vec<PathBuf>> {
    let has = |path: &PathBuf| path.extension().is_some_and(|found| found.eq_ignore_ascii_case(ending)) && path.is_file();
    let mut paths: Vec<PathBuf> = entries(folder)?.into_iter().filter(has).collect();
    paths.sort();
    Ok(paths)
}

fn entries(folder: &Path) -> Result<Vec<PathBuf>> {
    let refusal = || format!("cannot read the folder `{}`", folder.display());
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).with_context(refusal)? {
        let entry = entry.with_context(refusal)?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    Ok(paths)
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORD: &str = include_str!("../../tests/pages/plain.json");

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        folder
    }

    fn record(change: impl Fn(&mut Record)) -> Vec<u8> {
        let mut record = Record::parse(RECORD.as_bytes()).unwrap();
        change(&mut record);
        record.to_json().unwrap()
    }

    fn read(folders: &[&tempfile::TempDir]) -> Result<Corpus> {
        Corpus::read(&folders.iter().map(|folder| folder.path().to_owned()).collect::<Vec<_>>(), None)
    }

    #[test]
    fn the_presets_of_records_are_arms_and_stories_of_a_prompt_meet() {
        let wave = |text: &str| record(|record| (record.preset, record.text) = ("wave".into(), text.into()));
        let open = record(|record| (record.preset, record.text) = ("open".into(), "# A title\n\nthree".into()));
        let run = folder(&[
            ("stories/a--wave--1.json", &wave("one")),
            ("stories/a--wave--1.txt", b"Once one"),
            ("stories/a--wave--2.json", &wave("two")),
            ("stories/a--open--1.json", &open),
            ("stories/x.json", b"{}"),
        ]);
        let corpus = read(&[&run]).unwrap();
        let names: Vec<_> = corpus.arms.iter().map(|arm| (arm.name.as_str(), arm.texts.len())).collect();
        assert_eq!(names, [("open", 1), ("wave", 2)]);
        assert_eq!((corpus.arms[0].texts[0].text.as_str(), corpus.prompts.len()), ("three", 1));
        assert!(corpus.arms[0].writer.is_some() && corpus.prompts[0].text.is_some());
        assert_eq!(corpus.left_out.len(), 1);
        assert!(corpus.left_out[0].why.starts_with("it is no record"));
    }

    #[test]
    fn plain_texts_are_one_arm_and_names_tell_their_prompts() {
        let plain = folder(&[
            ("wolf/1.txt", b"one"),
            ("wolf/2.TXT", b"two"),
            ("lamb--1.txt", b"three"),
            ("lamb--2.txt", b"four"),
            ("alone.txt", b"five"),
            (".hidden.txt", b"six"),
            ("notes.md", b"seven"),
        ]);
        let corpus = read(&[&plain]).unwrap();
        let told: Vec<_> =
            corpus.arms[0].texts.iter().map(|text| (corpus.prompts[text.prompt].name.as_str(), text.text.as_str())).collect();
        assert_eq!(told, [("wolf", "one"), ("wolf", "two"), ("alone", "five"), ("lamb", "three"), ("lamb", "four")]);
        assert!(corpus.arms[0].writer.is_none() && corpus.left_out.is_empty());
    }

    #[test]
    fn what_is_no_story_is_left_out_with_the_reason() {
        let plain = folder(&[("a.txt", b"one"), ("b.txt", b"\xff\xfeO\0"), ("c.txt", b"a\0b")]);
        let corpus = read(&[&plain]).unwrap();
        let why: Vec<&str> = corpus.left_out.iter().map(|file| file.why.as_str()).collect();
        assert_eq!(why, ["is not UTF-8: byte 0 begins no character", "holds NUL characters, which no text does"]);
        let failed = record(|record| record.stop = StopReason::Failed("no memory".into()));
        let run = folder(&[("a--wave--1.json", &failed), ("a--wave--2.json", RECORD.as_bytes())]);
        let corpus = read(&[&run]).unwrap();
        assert_eq!(corpus.left_out[0].why, "it has no end: failed: no memory");
        assert_eq!(corpus.arms[0].texts.len(), 1);
    }

    #[test]
    fn folders_without_a_story_and_mixed_ones_are_refused() {
        let said = |folders: &[&tempfile::TempDir]| format!("{:#}", read(folders).unwrap_err());
        assert!(said(&[&folder(&[])]).contains("there is no story in it\nhint: "));
        assert!(said(&[&folder(&[("a.txt", b"\xff")])]).contains("there is no text in it: "));
        let mixed = folder(&[("a.json", RECORD.as_bytes()), ("b.json", &record(|record| record.model.sha256 = "0".into()))]);
        assert!(said(&[&mixed]).contains("were told in different ways"), "{}", said(&[&mixed]));
        let run = folder(&[("a--wave--1.json", RECORD.as_bytes())]);
        assert!(said(&[&run, &run]).contains("is there twice"));
        let failed = record(|record| record.stop = StopReason::Interrupted);
        assert!(said(&[&folder(&[("a.json", &failed)])]).contains("none of its stories has an end"));
        assert!(format!("{:#}", Corpus::read(&["/none/there".into()], None).unwrap_err()).contains("cannot read the folder"));
    }

    #[test]
    fn equal_presets_of_different_models_are_two_arms() {
        let run = folder(&[("a--wave--1.json", RECORD.as_bytes())]);
        let other = folder(&[("a--wave--1.json", &record(|record| record.model.sha256 = "0".into()))]);
        let corpus = read(&[&run, &other]).unwrap();
        assert_eq!((corpus.arms.len(), corpus.prompts.len()), (2, 1));
        assert!(corpus.arms[1].name.ends_with(&corpus.arms[0].name) && corpus.arms[1].name != corpus.arms[0].name);
    }
}
