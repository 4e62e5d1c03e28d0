//! The text of a prompt: as it was typed, or as standard input holds it.

use std::io::{self, IsTerminal, Read};

use anyhow::{Context, Result};

use crate::cli::usage::Usage;
use crate::text::decode;

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
    /// A prompt from the command line; `-` and `None` read standard input.
    ///
    /// What is read is told from as it stands, its last line breaks too, so that a story can be added to the file that it came
    /// from. Only a byte-order mark is left out, line ends of Windows are read as `\n`, and of what is typed into a terminal the
    /// last line break was the key that ended the line.
    pub fn of(typed: Option<String>) -> Result<Self> {
        let prompt = match typed {
            Some(text) if text != "-" => Self { text, typed: true },
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
        if let Some(at) = prompt.text.find('\0') {
            return Err(Usage(format!("the prompt holds a NUL character, at byte {at}: it is no text")).into());
        }
        Ok(prompt)
    }
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
