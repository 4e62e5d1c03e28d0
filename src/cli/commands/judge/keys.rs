//! What a person answers: a key in a terminal, a line of anything else.

use std::io::{self, BufRead, IsTerminal};

use anyhow::{Context, Result};
use console::{Key, Term};

use crate::cli::interrupt::{at_once, interrupted, leave};
use crate::judging::Choice;

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Said(Choice),
    Undo,
    Quit,
}

/// Where answers come from.
pub enum Answers {
    /// One key each.
    Keys(Term),
    /// One line each.
    Lines,
}

impl Answers {
    /// From standard input.
    pub fn new() -> Self {
        if io::stdin().is_terminal() { Self::Keys(Term::stderr()) } else { Self::Lines }
    }

    /// The next answer; what is none comes back as a text. The end of the input is that of the judging.
    pub fn next(&self) -> Result<Result<Answer, String>> {
        at_once(|| {
            // What was pressed before anybody listened counts too: all answers are kept.
            if interrupted() {
                leave(130);
            }
            self.asked()
        })
    }

    /// Waits for an answer.
    fn asked(&self) -> Result<Result<Answer, String>> {
        let reading = || "cannot read an answer from standard input";
        match self {
            Self::Keys(term) => match term.read_key() {
                Ok(Key::Char(key)) => Ok(answer(&key.to_string())),
                Ok(Key::Escape) => Ok(Ok(Answer::Quit)),
                Ok(_) => Ok(Err("this key".into())),
                // Ctrl-C ends the program before; a terminal that is gone asks nothing more.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(Ok(Answer::Quit)),
                Err(error) => Err(error).context(reading()),
            },
            Self::Lines => {
                let mut line = String::new();
                let length = io::stdin().lock().read_line(&mut line).with_context(reading)?;
                Ok(if length == 0 { Ok(Answer::Quit) } else { answer(line.trim()) })
            }
        }
    }
}

/// What a key or a line says.
fn answer(typed: &str) -> Result<Answer, String> {
    match typed.to_lowercase().as_str() {
        "a" => Ok(Answer::Said(Choice::A)),
        "b" => Ok(Answer::Said(Choice::B)),
        "t" | "tie" => Ok(Answer::Said(Choice::Tie)),
        "s" | "skip" => Ok(Answer::Said(Choice::Skip)),
        "u" | "undo" => Ok(Answer::Undo),
        "q" | "quit" | "\u{4}" => Ok(Answer::Quit),
        _ => Err(format!("`{typed}`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_and_words_are_answers_in_either_case() {
        for (typed, said) in [
            ("a", Answer::Said(Choice::A)),
            ("B", Answer::Said(Choice::B)),
            ("Tie", Answer::Said(Choice::Tie)),
            ("s", Answer::Said(Choice::Skip)),
            ("UNDO", Answer::Undo),
            ("q", Answer::Quit),
        ] {
            assert_eq!(answer(typed), Ok(said));
        }
        for typed in ["", "ab", "1", "better"] {
            assert_eq!(answer(typed), Err(format!("`{typed}`")));
        }
    }
}
