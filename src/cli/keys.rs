//! What a person presses: a key in a terminal, a line of anything else.

use std::io::{self, BufRead, IsTerminal};

use anyhow::{Context, Result};
use console::{Key, Term};

use crate::cli::interrupt::{at_once, interrupted, leave};

/// What was pressed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Press {
    /// A key with a character, or a line, which may be empty.
    Typed(String),
    Enter,
    Escape,
    /// Another key.
    Other,
    /// There is nobody any more.
    End,
}

/// Where it comes from.
pub enum Keys {
    /// One key each.
    Keys(Term),
    /// One line each.
    Lines,
}

impl Keys {
    /// From standard input.
    pub fn new() -> Self {
        if io::stdin().is_terminal() { Self::Keys(Term::stderr()) } else { Self::Lines }
    }

    /// The next one. Ctrl-C ends the program meanwhile.
    pub fn next(&self) -> Result<Press> {
        at_once(|| {
            // What was pressed before anybody listened counts too: all that was done is kept.
            if interrupted() {
                leave(130);
            }
            match self {
                Self::Keys(term) => match term.read_key() {
                    Ok(Key::Char('\r' | '\n') | Key::Enter) => Ok(Press::Enter),
                    Ok(Key::Char('\u{4}')) => Ok(Press::End),
                    Ok(Key::Char(key)) => Ok(Press::Typed(key.to_string())),
                    Ok(Key::Escape) => Ok(Press::Escape),
                    Ok(_) => Ok(Press::Other),
                    // Ctrl-C ends the program before; a terminal that is gone asks nothing more.
                    Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Press::End),
                    Err(error) => Err(error).context(READING),
                },
                Self::Lines => Ok(line()?.map_or(Press::End, Press::Typed)),
            }
        })
    }

    /// A whole line; `None` where there is nobody any more.
    pub fn line(&self) -> Result<Option<String>> {
        at_once(|| match self {
            Self::Keys(term) => match term.read_line() {
                Ok(line) => Ok(Some(line)),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
                Err(error) => Err(error).context(READING),
            },
            Self::Lines => line(),
        })
    }
}

const READING: &str = "cannot read an answer from standard input";

/// The next line without its end.
fn line() -> Result<Option<String>> {
    let mut line = String::new();
    let length = io::stdin().lock().read_line(&mut line).context(READING)?;
    Ok((length > 0).then(|| line.trim().to_owned()))
}
