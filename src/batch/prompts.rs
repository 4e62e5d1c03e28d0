//! The prompts of a run: from a text file, TOML, JSONL, or a folder of texts.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow, bail, ensure};
use serde::{Deserialize, Serialize};

use super::mistake::translate;
use super::seeds::Seeds;
use crate::files;
use crate::text::{EXCERPT, decode, excerpt};

/// A prompt, and what is asked for it alone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct PromptEntry {
    /// What its stories are called after; its first words where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The text; data sets call it `prompt` or `instruction`.
    #[serde(alias = "prompt", alias = "instruction")]
    pub text: String,
    /// The most tokens to tell; that of the run where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<NonZeroUsize>,
    /// The strings before which its stories end; those of the run where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stop: Option<Vec<String>>,
    /// Who an instruct model is told to be; as in the run where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub system: Option<String>,
    /// The seeds under which its stories are told, and under no others; those of the run where absent.
    #[serde(default, skip_serializing_if = "Option::is_none", alias = "seed")]
    pub seeds: Option<Seeds>,
}

/// The keys of a prompt, with all their names.
const KEYS: [&str; 9] = ["name", "text", "prompt", "instruction", "tokens", "stop", "system", "seeds", "seed"];

/// Prompts that were read, and what stands beside them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Prompts {
    /// The prompts.
    pub entries: Vec<PromptEntry>,
    /// Keys of a data set that say nothing here, in the order of the alphabet.
    pub passed_by: Vec<String>,
}

/// The form in which prompts are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// One a line; or, where a line is `---`, what stands between such lines. Empty lines and blocks are none.
    Text,
    /// `[[prompt]]` tables with the fields of [`PromptEntry`].
    Toml,
    /// An object with the fields of [`PromptEntry`] a line, or a string. Lines are those of data sets too: keys that are none of ours
    /// are passed by, unless they look like a slip of the finger.
    Jsonl,
}

/// No file of prompts, and no folder of them, has more bytes.
const LONGEST: u64 = 64 << 20;

/// A file of prompts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    prompt: Vec<PromptEntry>,
}

/// A line of JSONL: an object or a string. `passed_by` gets the keys that are none of ours.
fn of_line(line: &str, passed_by: &mut BTreeSet<String>) -> Result<PromptEntry, serde_json::Error> {
    if line.starts_with('"') {
        return Ok(PromptEntry { text: serde_json::from_str(line)?, ..PromptEntry::default() });
    }
    // Read as itself first, so that mistakes are told by their names: also of a key that stands there twice.
    let read = serde_json::from_str::<PromptEntry>(line);
    let Ok(mut object) = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(line) else { return read };
    let strange: Vec<String> = object.keys().filter(|key| !KEYS.contains(&key.as_str()) && !is_slip(key)).cloned().collect();
    if strange.is_empty() {
        return read;
    }
    for key in strange {
        object.remove(&key);
        passed_by.insert(key);
    }
    serde_json::from_value(object.into())
}

/// Whether a key is one of ours but for one letter.
fn is_slip(key: &str) -> bool {
    let key = key.to_lowercase().replace('_', "-");
    KEYS.iter().any(|known| strsim::osa_distance(&key, known) <= 1)
}

impl Source {
    /// The form that the name of a file tells: by `.toml`, `.jsonl` or `.ndjson`; else text.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        match ending.as_deref() {
            Some("toml") => Self::Toml,
            Some("jsonl" | "ndjson") => Self::Jsonl,
            _ => Self::Text,
        }
    }

    /// The prompts in a text of this form.
    ///
    /// # Errors
    /// The text has not the form, with the line where it leaves it; or there is no prompt in it.
    pub fn read(self, text: &str) -> Result<Prompts> {
        let mut passed_by = BTreeSet::new();
        let entries = match self {
            Self::Text => of_text(text),
            Self::Toml => {
                let file: File = toml::from_str(text).map_err(|error| {
                    let span = error.span().unwrap_or_default();
                    let line = 1 + text.get(..span.start).map_or(0, |before| before.matches('\n').count());
                    mistake(line, error.message())
                })?;
                file.prompt
            }
            Self::Jsonl => {
                let lines = text.lines().enumerate().map(|(at, line)| (at, line.trim())).filter(|(_, line)| !line.is_empty());
                let read = |(at, line)| of_line(line, &mut passed_by).map_err(|error| mistake(at + 1, &unplaced(&error)));
                lines.map(read).collect::<Result<_>>()?
            }
        };
        ensure!(!entries.is_empty(), "there is no prompt in it");
        if let Some(at) = entries.iter().position(|prompt| prompt.stop.iter().flatten().any(String::is_empty)) {
            bail!("an empty text in `stop` of prompt {} would end every story before its first word", at + 1);
        }
        Ok(Prompts { entries, passed_by: passed_by.into_iter().collect() })
    }
}

/// What is wrong in a line, in words of people.
fn mistake(line: usize, message: &str) -> anyhow::Error {
    let (cause, hint) = translate(message);
    let cause = match cause.as_str() {
        "duplicate field `text`" => "`text`, `prompt` and `instruction` are one key, and it stands there twice".to_owned(),
        "duplicate field `seeds`" => "`seeds` and `seed` are one key, and it stands there twice".to_owned(),
        _ => excerpt(&cause, 2 * EXCERPT),
    };
    anyhow!("line {line}: {cause}{}", hint.map_or(String::new(), |hint| format!("\nhint: {hint}")))
}

/// Without the place: of a line its number is told, and the column says little.
fn unplaced(error: &serde_json::Error) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.as_str(), |(cause, _)| cause).to_owned()
}

fn of_text(text: &str) -> Vec<PromptEntry> {
    let lines: Vec<&str> = text.lines().collect();
    let texts: Vec<String> = if lines.iter().any(|line| line.trim_end() == "---") {
        let blocks = lines.split(|line| line.trim_end() == "---");
        blocks.map(|block| block.join("\n").trim_matches(['\n', '\r']).to_owned()).collect()
    } else {
        lines.into_iter().map(str::to_owned).collect()
    };
    let texts = texts.into_iter().filter(|text| !text.trim().is_empty());
    texts.map(|text| PromptEntry { text, ..PromptEntry::default() }).collect()
}

impl PromptEntry {
    /// The prompts in a file, or in the `.txt` files of a folder, each called as its file is. Hidden files are none: they are
    /// what other programs leave there.
    ///
    /// # Errors
    /// It cannot be read, has not the form that its name tells, is too long, or holds no prompt.
    pub fn read(path: &Path) -> Result<Prompts> {
        let refusal = || format!("cannot read the prompts `{}`", path.display());
        let of_folder = || Ok(Prompts { entries: folder(path)?, passed_by: Vec::new() });
        if path.is_dir() { of_folder() } else { file(path, LONGEST).and_then(|text| Source::of(path).read(&text)) }
            .with_context(refusal)
    }
}

fn file(path: &Path, most: u64) -> Result<String> {
    let bytes = files::read(path, most).map_err(|error| match error.kind() {
        ErrorKind::InvalidInput => anyhow!("{error}\nhint: `-` reads prompts from standard input"),
        _ => error.into(),
    })?;
    decode(bytes).map_err(|found| anyhow!("it is {found}"))
}

fn folder(path: &Path) -> Result<Vec<PromptEntry>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let (path, hidden) = (entry.path(), entry.file_name().as_encoded_bytes().starts_with(b"."));
        if !hidden && path.is_file() && path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("txt")) {
            paths.push(path);
        }
    }
    // In the order of their names: that of the folder is another on every file system.
    paths.sort();
    ensure!(!paths.is_empty(), "there is no `.txt` file in it");
    let mut left = LONGEST;
    let read = |path: PathBuf| {
        let name = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
        let text = file(&path, LONGEST).with_context(|| format!("`{}`", path.display()))?;
        left = left.checked_sub(text.len() as u64).context("its texts are longer than 64 MiB together")?;
        // One line break at the end belongs to the editor.
        let text = text.strip_suffix('\n').unwrap_or(&text).to_owned();
        Ok(PromptEntry { name, text, ..PromptEntry::default() })
    };
    paths.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(source: Source, text: &str) -> Vec<String> {
        source.read(text).unwrap().entries.into_iter().map(|prompt| prompt.text).collect()
    }

    #[test]
    fn lines_are_prompts_unless_blocks_are_marked() {
        assert_eq!(texts(Source::Text, "one\n\n  \n two \n"), ["one", " two "]);
        assert_eq!(texts(Source::Text, "one\nmore\n---\n\ntwo\n\n---\n---\n"), ["one\nmore", "two"]);
        assert!(Source::Text.read(" \n").unwrap_err().to_string().contains("no prompt"));
    }

    #[test]
    fn toml_and_jsonl_say_what_is_asked_for_one_prompt_alone() {
        let toml = "[[prompt]]\nname = \"wolf\"\ntext = \"A wolf\"\ntokens = 5\nstop = [\"\\n\"]\nsystem = \"Be brief.\"\n[[prompt]]\ntext = \"\"";
        let jsonl = r#"{"name": "wolf", "text": "A wolf", "tokens": 5, "stop": ["\n"], "system": "Be brief."}

            """#;
        let read = Source::Toml.read(toml).unwrap().entries;
        assert_eq!(read, Source::Jsonl.read(jsonl).unwrap().entries);
        assert_eq!((read[0].name.as_deref(), read[0].tokens.map(NonZeroUsize::get)), (Some("wolf"), Some(5)));
        assert_eq!((read[1].text.as_str(), &read[1].stop), ("", &None));
        // So data sets call it.
        assert_eq!(texts(Source::Jsonl, r#"{"prompt": "A lamb"}"#), ["A lamb"]);
    }

    #[test]
    fn a_prompt_may_have_seeds_of_its_own() {
        let toml = "[[prompt]]\ntext = \"a\"\nseed = 7\n[[prompt]]\ntext = \"b\"\nseeds = \"1..3,9\"\n[[prompt]]\ntext = \"c\"";
        let jsonl = "{\"text\": \"a\", \"seed\": 7}\n{\"text\": \"b\", \"seeds\": \"1..3,9\"}\n\"c\"";
        let read = Source::Toml.read(toml).unwrap();
        assert_eq!(read, Source::Jsonl.read(jsonl).unwrap());
        let seeds: Vec<Option<&[u64]>> = read.entries.iter().map(|prompt| prompt.seeds.as_ref().map(Seeds::all)).collect();
        assert_eq!(seeds, [Some(&[7][..]), Some(&[1, 2, 3, 9]), None]);
    }

    #[test]
    fn the_lines_of_a_data_set_are_read_and_what_is_not_is_named() {
        let lines = [
            r#"{"id": 3, "prompt": "A wolf", "story": "…", "tags": ["x"]}"#,
            r#"{"instruction": "Tell of a lamb.", "input": "", "output": "…", "seed": 4}"#,
            r#"{"title": "c", "text": "A crow"}"#,
        ];
        let read = Source::Jsonl.read(&lines.join("\n")).unwrap();
        let texts: Vec<&str> = read.entries.iter().map(|prompt| prompt.text.as_str()).collect();
        assert_eq!(texts, ["A wolf", "Tell of a lamb.", "A crow"]);
        assert_eq!(read.passed_by, ["id", "input", "output", "story", "tags", "title"]);
        assert_eq!(read.entries[1].seeds, Some(Seeds::one(4)));
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        for (source, text, cause) in [
            (Source::Toml, "[[prompt]]\ntext = \"a\"\ntokens = 0", "line 3: expected a whole number from 1 up, found 0"),
            (Source::Toml, "[[prompt]]\ntxt = \"a\"", "line 2: unknown key `txt`\nhint: did you mean `text`?"),
            (Source::Toml, "[[prompt]]\ntext = 5", "line 2: expected a string in quotes, found 5"),
            (Source::Toml, "[[prompt]]\ntext = \"a\"\nstop = \"b\"", "line 3: expected an array, found the string \"b\""),
            (Source::Toml, "prompt = \"a\"", "line 1: expected an array, found the string \"a\""),
            (Source::Toml, "[[prompt]]\ntext = \"a\"\nprompt = \"b\"", "`text`, `prompt` and `instruction` are one key"),
            (Source::Toml, "prompt = ", "line 1: "),
            (Source::Toml, "", "no prompt"),
            (Source::Jsonl, "\"a\"\n{\"txt\": 1}", "line 2: unknown key `txt`\nhint: did you mean `text`?"),
            (Source::Jsonl, "{\"name\": \"a\"}", "line 1: the key `text` is missing"),
            (Source::Jsonl, "{\"text\": 1}", "line 1: expected a string in quotes, found 1"),
            (Source::Jsonl, "{\"prompt\": \"a\", \"text\": \"a\"}", "line 1: `text`, `prompt` and `instruction` are one"),
            (Source::Jsonl, "{\"text\": \"a\", \"seed\": 1, \"seeds\": 1}", "line 1: `seeds` and `seed` are one key"),
            (Source::Jsonl, "{\"text\": \"a\", \"sead\": 1}", "line 1: unknown key `sead`\nhint: did you mean `seed`?"),
            (Source::Jsonl, "{\"story\": \"a\", \"id\": 1}", "line 1: the key `text` is missing"),
            (
                Source::Jsonl,
                "{\"text\": \"a\", \"id\": 1, \"tokens\": 0}",
                "line 1: expected a whole number from 1 up, found 0",
            ),
            (Source::Toml, "[[prompt]]\ntext = \"a\"\nseeds = -1", "line 3: expected seeds as 7 or \"1..8\", found -1"),
            (Source::Toml, "[[prompt]]\ntext = \"a\"\nseeds = \"4..1\"", "line 3: the range `4..1` ends before it begins"),
            (Source::Toml, "[[prompt]]\ntext = \"a\"\nid = 5", "line 3: unknown key `id`"),
            (Source::Jsonl, "[1, 2]", "line 1: "),
            (Source::Jsonl, "{\"text\": \"a\", \"stop\": [\"\"]}", "`stop` of prompt 1"),
        ] {
            let error = source.read(text).unwrap_err().to_string();
            assert!(error.contains(cause), "{error}");
            assert!(error.lines().skip(1).all(|line| line.starts_with("hint: ")), "{error}");
        }
    }

    #[test]
    fn a_folder_gives_its_texts_in_the_order_of_their_names() {
        let folder = tempfile::tempdir().unwrap();
        let texts = [
            ("b.txt", "\u{feff}sec\r\nond\r\n"),
            ("a.TXT", "first\n\n"),
            ("c.md", "none"),
            (".hidden.txt", "none"),
            ("._a.txt", "\0none"),
        ];
        for (name, text) in texts {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let read = PromptEntry::read(folder.path()).unwrap().entries;
        let told: Vec<_> = read.iter().map(|prompt| (prompt.name.as_deref().unwrap(), prompt.text.as_str())).collect();
        assert_eq!(told, [("a", "first\n"), ("b", "sec\nond")]);
        fs::write(folder.path().join("d.txt"), b"\xff").unwrap();
        assert!(format!("{:#}", PromptEntry::read(folder.path()).unwrap_err()).contains("not UTF-8"));
        fs::write(folder.path().join("d.txt"), b"\xff\xfeO\0").unwrap();
        assert!(format!("{:#}", PromptEntry::read(folder.path()).unwrap_err()).contains("hint: it looks like UTF-16"));
        assert!(
            format!("{:#}", PromptEntry::read(&folder.path().join("none")).unwrap_err()).starts_with("cannot read the prompts")
        );
    }

    #[cfg(unix)]
    #[test]
    fn what_has_no_end_holds_no_prompts() {
        let refused = |path: &str| format!("{:#}", PromptEntry::read(Path::new(path)).unwrap_err());
        assert!(refused("/dev/zero").contains("it is a device"), "{}", refused("/dev/zero"));
        let folder = tempfile::tempdir().unwrap();
        for name in ["a.txt", "b.jsonl"] {
            let path = folder.path().join(name);
            fs::File::create(&path).unwrap().set_len(LONGEST + 1).unwrap();
            assert!(refused(path.to_str().unwrap()).ends_with("it is longer than 64 MiB"));
        }
    }

    #[test]
    fn the_name_of_a_file_tells_its_form() {
        for (name, source) in
            [("a.TOML", Source::Toml), ("a.jsonl", Source::Jsonl), ("a.txt", Source::Text), ("a", Source::Text)]
        {
            assert_eq!(Source::of(Path::new(name)), source);
        }
    }
}
