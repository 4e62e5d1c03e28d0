//! The text of a story as a person reads it, and what has become of it since.

use std::io::ErrorKind;
use std::path::Path;

use anyhow::{Context, Result};

use crate::files;
use crate::story::{Mode, Record};

/// The story from its first word on, and a line break.
pub fn text_of(record: &Record) -> String {
    match record.mode {
        Mode::Raw => format!("{}{}\n", record.prompt, record.text),
        Mode::Chat(_) => format!("{}\n", record.text),
    }
}

/// What a text is beside its record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Text {
    /// That of the record.
    Same,
    /// Not there, or only its beginning: the record holds all of it.
    Cut,
    /// Another one: somebody has worked on it, and it stays.
    Edited,
}

/// What the text at this path is beside what it should be.
pub fn state(path: &Path, whole: &str) -> Result<Text> {
    let whole = whole.as_bytes();
    let bytes = match files::read(path, whole.len() as u64) {
        Ok(bytes) => bytes,
        Err(error) => match error.kind() {
            ErrorKind::NotFound => return Ok(Text::Cut),
            // Longer than it was.
            ErrorKind::FileTooLarge => return Ok(Text::Edited),
            _ => return Err(error).with_context(|| format!("cannot read the text `{}`", path.display())),
        },
    };
    // A disk that lost its power leaves zeros where a text was to be.
    let told = trimmed(&bytes, |byte| byte == 0);
    Ok(match () {
        // An editor may take the last line break.
        () if told.len() == bytes.len()
            && trimmed(told, |byte| byte.is_ascii_whitespace()) == trimmed(whole, |byte| byte.is_ascii_whitespace()) =>
        {
            Text::Same
        }
        () if whole.starts_with(told) => Text::Cut,
        () => Text::Edited,
    })
}

/// Without such bytes at its end.
fn trimmed(bytes: &[u8], is_left_out: impl Fn(u8) -> bool) -> &[u8] {
    let length = bytes.iter().rposition(|&byte| !is_left_out(byte)).map_or(0, |last| last + 1);
    &bytes[..length]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_text_is_known_from_one_that_somebody_works_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("story.txt");
        let whole = "Once upon a time\n\nthere was.\n";
        assert_eq!(state(&path, whole).unwrap(), Text::Cut);
        for (text, found) in [
            (whole, Text::Same),
            ("Once upon a time\n\nthere was.", Text::Same),
            ("", Text::Cut),
            ("Once upon", Text::Cut),
            ("Once\0\0\0\0", Text::Cut),
            ("\0\0", Text::Cut),
            ("Once upon a time\n\nthere is.\n", Text::Edited),
            ("Once upon a time\n\nthere was. And more.\n", Text::Edited),
            ("Twice", Text::Edited),
        ] {
            std::fs::write(&path, text).unwrap();
            assert_eq!(state(&path, whole).unwrap(), found, "{text:?}");
        }
        assert!(state(folder.path(), whole).unwrap_err().to_string().starts_with("cannot read the text"));
    }
}
