//! What a person answers.

use anyhow::Result;

use crate::cli::keys::{Keys, Press};
use crate::judging::Choice;

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    Said(Choice),
    Undo,
    Quit,
}

/// The next answer; what is none comes back as a text. The end of the input is that of the judging.
pub fn next(keys: &Keys) -> Result<Result<Answer, String>> {
    Ok(match keys.next()? {
        Press::Typed(typed) => answer(&typed),
        Press::Escape | Press::End => Ok(Answer::Quit),
        Press::Enter | Press::Other => Err("this key".into()),
    })
}

/// What a key or a line says.
fn answer(typed: &str) -> Result<Answer, String> {
    match typed.to_lowercase().as_str() {
        "a" => Ok(Answer::Said(Choice::A)),
        "b" => Ok(Answer::Said(Choice::B)),
        "t" | "tie" => Ok(Answer::Said(Choice::Tie)),
        "s" | "skip" => Ok(Answer::Said(Choice::Skip)),
        "u" | "undo" => Ok(Answer::Undo),
        "q" | "quit" => Ok(Answer::Quit),
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
