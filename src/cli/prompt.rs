//! The text of a prompt: as it was typed, or as standard input holds it.

use std::io::{self, IsTerminal, Read};
use std::path::Path;

use anyhow::{Context, Result};

use crate::cli::usage::Usage;
use crate::text::{decode, no_nul};

/// The longest prompt that is read from standard input, in bytes; no context holds a longer one.
const LONGEST: u64 = 64 << 20;

/// A prompt as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedPrompt {
    pub text: String,
    /// Whether it was typed for this run. A text that lay ready is a text to go on from, however it begins.
    pub typed: bool,
}

impl TypedPrompt {
    /// A prompt from the command line; `-` and `None` read standard input. The name of a file is taken for a slip, unless `as_words`
    /// says that it was asked for as words.
    ///
    /// What is read is told from as it stands, its last line breaks too, so that a story can be added to the file that it came
    /// from. Only a byte-order mark is left out, line ends of Windows are read as `\n`, and of what is typed into a terminal the
    /// last line break was the key that ended the line.
    pub fn of(typed: Option<String>, as_words: bool) -> Result<Self> {
        let prompt = match typed {
            Some(text) if text != "-" => {
                if let Some(slip) = names_a_file(&text).filter(|_| !as_words) {
                    return Err(slip.into());
                }
                Self { text, typed: true }
            }
            asked => {
                let at_a_terminal = io::stdin().is_terminal();
                if asked.is_none() && at_a_terminal {
                    let hint = "give one, as in `afterword write \"Once upon a time\"`";
                    return Err(Usage(format!("there is no prompt\nhint: {hint}")).into());
                }
                let text = decode(piped()?).map_err(|found| Usage(format!("the prompt on standard input is {found}")))?;
                match text.strip_suffix('\n') {
                    Some(line) if at_a_terminal => Self { text: line.to_owned(), typed: true },
                    _ => Self { text, typed: false },
                }
            }
        };
        if prompt.text.trim().is_empty() {
            return Err(Usage("the prompt is empty\nhint: give the story a first word".into()).into());
        }
        no_nul("the prompt", &prompt.text).map_err(Usage)?;
        Ok(prompt)
    }
}

/// Endings of texts: no first words of a story end so.
const ENDINGS: [&str; 3] = ["md", "markdown", "txt"];

/// What is said of a prompt that is the name of a file: of one that is there, or of a text that is not.
fn names_a_file(prompt: &str) -> Option<Usage> {
    let path = Path::new(prompt);
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    let like_a_name = !ending.is_empty() && !prompt.ends_with(char::is_whitespace) || prompt.contains(['/', '\\']);
    let words = "`--raw` takes the name itself for the first words";
    if like_a_name && path.is_file() {
        let file = shlex::try_quote(prompt).ok()?;
        return Some(Usage(format!("`{prompt}` is a file, and a prompt is words\nhint: {}; {words}", to_go_on_from(&file))));
    }
    let is_one_word = !prompt.contains(char::is_whitespace);
    (is_one_word && ENDINGS.contains(&ending)).then(|| Usage(format!("there is no file `{prompt}`\nhint: {words}")))
}

/// How a story is told on from the text of a file, which is quoted for a shell.
fn to_go_on_from(file: &str) -> String {
    format!("`afterword write --append {file}` goes on with its text and adds to it, `- < {file}` only goes on")
}

/// The bytes on standard input.
fn piped() -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin().take(LONGEST + 1).read_to_end(&mut bytes).context("cannot read the prompt from standard input")?;
    if bytes.len() as u64 > LONGEST {
        return Err(Usage("the prompt on standard input is longer than 64 MiB".into()).into());
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(prompt: &str) -> Option<String> {
        names_a_file(prompt).map(|slip| slip.0)
    }

    #[test]
    fn the_name_of_a_file_is_no_prompt() {
        let words = "`--raw` takes the name itself for the first words";
        let here = said("README.md").unwrap();
        assert_eq!(
            here,
            format!(
                "`README.md` is a file, and a prompt is words\nhint: `afterword write --append README.md` goes on with its text and adds to it, `- < README.md` only goes on; {words}"
            )
        );
        assert!(said("src/cli/mod.rs").unwrap().starts_with("`src/cli/mod.rs` is a file"));
        assert_eq!(said("chapter-99.md").unwrap(), format!("there is no file `chapter-99.md`\nhint: {words}"));
        let folder = tempfile::tempdir().unwrap();
        let spaced = folder.path().join("my tale.txt");
        std::fs::write(&spaced, "Once").unwrap();
        assert!(said(spaced.to_str().unwrap()).unwrap().contains(&format!("`- < '{}'`", spaced.display())));
    }

    #[test]
    fn words_are_a_prompt_whatever_stands_in_them() {
        for prompt in [
            "Once upon a time",
            "He said: go to README.md",
            "src",
            "The end.",
            "LICENSE",
            "a.b",
            "./",
            "in 3.5",
            "\u{1f43a}",
            "",
        ] {
            assert_eq!(said(prompt), None, "{prompt}");
        }
    }
}
