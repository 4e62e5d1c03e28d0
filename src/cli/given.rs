//! Texts that are given to be read: files, records of stories, folders of either, standard input.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::cli::usage::Usage;
use crate::files;
use crate::story::Record;
use crate::text::{decode, no_nul};

/// The longest text that is read, in bytes.
const LONGEST: u64 = 64 << 20;

/// Where a folder of `batch` keeps its stories.
const STORIES: &str = "stories";

/// What standard input is called, and as what it is named.
const STANDARD_INPUT: (&str, &str) = ("standard input", "-");

/// A text that is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Given {
    /// What it is called: its file, within a folder without its ending.
    pub name: String,
    /// What it goes on from; nothing where nothing tells that.
    pub prompt: String,
    /// As it stands there.
    pub text: String,
}

/// Texts, and files of folders that are none.
#[derive(Debug, Default)]
pub struct Texts {
    pub given: Vec<Given>,
    /// Each with the reason why it was left out.
    pub left_out: Vec<(String, String)>,
}

impl Given {
    /// The name without the folder that it is in.
    pub fn title(&self) -> &str {
        Path::new(&self.name).file_name().and_then(|name| name.to_str()).unwrap_or(&self.name)
    }

    /// Whether its first word goes on with the last one of its prompt.
    pub fn begins_in_a_word(&self) -> bool {
        let of_a_word = |letter: Option<char>| letter.is_some_and(char::is_alphanumeric);
        of_a_word(self.prompt.chars().next_back()) && of_a_word(self.text.chars().next())
    }
}

impl Texts {
    /// All texts in these places, in their order.
    ///
    /// # Errors
    /// What is named is not there, is no text or has nothing in it; or a folder has no text.
    pub fn of(places: &[PathBuf]) -> Result<Self> {
        let mut texts = Self::default();
        if places.iter().filter(|place| place.as_os_str() == STANDARD_INPUT.1).count() > 1 {
            return Err(Usage("standard input is named twice, and can be read once".to_owned()).into());
        }
        for place in places {
            if place.is_dir() {
                texts.add_folder(place)?;
            } else {
                let name = place.display().to_string();
                let given = match place.to_str() {
                    Some(name) if name == STANDARD_INPUT.1 => piped(),
                    _ if is(place, "json") => record(place, &name),
                    _ => file(place, &name),
                };
                texts.given.push(given?);
            }
        }
        Ok(texts)
    }

    /// The stories of the records in a folder, or in its folder `stories`; where there is no record, its texts.
    fn add_folder(&mut self, folder: &Path) -> Result<()> {
        let within = folder.join(STORIES);
        let place = if within.is_dir() { within } else { folder.to_owned() };
        let reading = || format!("cannot read the folder `{}`", place.display());
        let entries = fs::read_dir(&place).with_context(reading)?.map(|entry| entry.map(|entry| entry.path()));
        let mut paths = entries.collect::<io::Result<Vec<PathBuf>>>().with_context(reading)?;
        paths.retain(|path| path.is_file());
        paths.sort();
        let before = self.given.len();
        for (kind, read) in [(&["json"][..], record as fn(&Path, &str) -> Result<Given>), (&["txt", "md"], file)] {
            for path in paths.iter().filter(|path| kind.iter().any(|ending| is(path, ending))) {
                let name = path.file_stem().unwrap_or_default().to_string_lossy();
                match read(path, &name) {
                    Ok(given) => self.given.push(given),
                    Err(error) => self.left_out.push((
                        path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
                        error.root_cause().to_string().lines().next().unwrap_or_default().to_owned(),
                    )),
                }
            }
            if self.given.len() > before {
                return Ok(());
            }
        }
        bail!(
            "the folder `{}` holds no text\nhint: it may hold `.txt` and `.md` files, or what `afterword batch` wrote",
            place.display()
        )
    }
}

fn is(path: &Path, ending: &str) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case(ending))
}

/// The story of a record, behind its prompt.
fn record(path: &Path, name: &str) -> Result<Given> {
    let record = Record::read(path)?;
    checked(name, record.lead(), record.text)
}

/// The text in a file.
fn file(path: &Path, name: &str) -> Result<Given> {
    let bytes = files::read(path, LONGEST).with_context(|| format!("cannot read the text `{}`", path.display()))?;
    text(name, bytes)
}

/// The text on standard input.
fn piped() -> Result<Given> {
    let (name, _) = STANDARD_INPUT;
    let bytes = files::bounded(io::stdin().lock(), LONGEST).with_context(|| format!("cannot read the text on {name}"))?;
    text(name, bytes)
}

fn text(name: &str, bytes: Vec<u8>) -> Result<Given> {
    let text = decode(bytes).map_err(|found| anyhow!("cannot score `{name}`: it is {found}"))?;
    checked(name, String::new(), text)
}

fn checked(name: &str, prompt: String, text: String) -> Result<Given> {
    ensure!(!text.is_empty(), "cannot score `{name}`: it is empty");
    no_nul("it", &text).map_err(|found| anyhow!("cannot score `{name}`: {found}"))?;
    Ok(Given { name: name.to_owned(), prompt, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(texts: &Texts) -> Vec<&str> {
        texts.given.iter().map(|given| given.name.as_str()).collect()
    }

    fn said(places: &[PathBuf]) -> String {
        files::causes(&Texts::of(places).unwrap_err())
    }

    #[test]
    fn a_file_is_read_as_it_stands() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("a.txt");
        fs::write(&file, "\u{feff}Once\r\n\n").unwrap();
        let texts = Texts::of(std::slice::from_ref(&file)).unwrap();
        assert_eq!((texts.given[0].text.as_str(), texts.given[0].prompt.as_str()), ("Once\n\n", ""));
        assert_eq!(names(&texts), [file.display().to_string()]);
    }

    #[test]
    fn what_is_no_text_is_refused_with_its_name() {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes, why) in [
            ("empty.txt", &b""[..], "it is empty"),
            ("binary.txt", b"a\0b", "it holds a NUL character, at byte 1: it is no text"),
            ("latin.txt", b"caf\xe9 au lait", "it is not UTF-8: byte 3 begins no character"),
            (
                "wide.txt",
                b"\xff\xfeO\0",
                "it is not UTF-8: byte 0 begins no character\nhint: it looks like UTF-16; save it as UTF-8",
            ),
        ] {
            let file = folder.path().join(name);
            fs::write(&file, bytes).unwrap();
            assert_eq!(said(std::slice::from_ref(&file)), format!("cannot score `{}`: {why}", file.display()));
        }
        let none = folder.path().join("none.txt");
        assert_eq!(
            said(std::slice::from_ref(&none)),
            format!("cannot read the text `{}`: no such file or directory", none.display())
        );
        let stdin = PathBuf::from("-");
        assert!(said(&[stdin.clone(), stdin]).contains("standard input is named twice"));
    }

    #[test]
    fn a_folder_gives_its_texts_and_names_what_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let empty = said(&[folder.path().to_owned()]);
        assert!(empty.contains("holds no text\nhint: "), "{empty}");
        for (name, bytes) in [("b.txt", &b"two"[..]), ("a.md", b"one"), ("c.txt", b"\xff"), ("d.png", b"x"), ("e.json", b"{}")]
        {
            fs::write(folder.path().join(name), bytes).unwrap();
        }
        let texts = Texts::of(&[folder.path().to_owned()]).unwrap();
        assert_eq!(names(&texts), ["a", "b"]);
        let left: Vec<&str> = texts.left_out.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(left, ["e.json", "c.txt"]);
        // Those of a run lie in a folder within it.
        let run = tempfile::tempdir().unwrap();
        fs::create_dir(run.path().join("stories")).unwrap();
        fs::write(run.path().join("stories/a.txt"), "one").unwrap();
        assert_eq!(names(&Texts::of(&[run.path().to_owned()]).unwrap()), ["a"]);
    }

    #[test]
    fn a_title_has_no_folder_and_a_text_may_begin_in_a_word() {
        let given = |prompt: &str, text: &str| Given { name: "a/b.txt".into(), prompt: prompt.into(), text: text.into() };
        assert_eq!(given("", "").title(), "b.txt");
        for (prompt, text, begins) in
            [("time", "there", true), ("time", " there", false), ("time ", "there", false), ("", "a", false)]
        {
            assert_eq!(given(prompt, text).begins_in_a_word(), begins);
        }
    }

    #[test]
    fn a_record_gives_its_story_and_its_prompt() {
        let texts = Texts::of(&["tests/pages/wave.json".into(), "tests/pages".into()]).unwrap();
        assert_eq!(names(&texts), ["tests/pages/wave.json", "plain", "wave"]);
        assert!(
            matches!(&texts.left_out[..], [(name, why)] if name == "hostile.json" && why.contains("NUL")),
            "{:?}",
            texts.left_out
        );
        let record = Record::read(Path::new("tests/pages/wave.json")).unwrap();
        assert_eq!((&texts.given[0].text, &texts.given[0].prompt), (&record.text, &record.lead()));
    }
}
