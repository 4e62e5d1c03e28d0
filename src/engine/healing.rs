//! How the end of a writer's text is put to the model: as it is cut, or healed.

use std::fmt;

use super::engine::Engine;
use crate::model::{Choice, Kind};
use crate::prob::Token;
use crate::text::is_blank;

/// What at the end of a writer's text is told anew, as [`Plan::heal`](crate::decode::Plan::heal) has it.
///
/// A blank at the end is healed by default: whoever typed it means the word behind it, which brings its own space in most vocabularies, and
/// where the model would have begun a new word the story is the one that is told without the blank. A word is not: behind
/// `The quick fox` most writers want what comes next, and would be told of `foxes` now and then. Who stops in mid-word asks for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Heal {
    /// Nothing: the text is read as it is cut.
    Off,
    /// Spaces and tabs at its end.
    #[default]
    Space,
    /// The word in which it ends, whole or half, with the space before it; or spaces as above.
    Word,
}

impl Choice for Heal {
    const ALL: &'static [(Self, &'static str, &'static str)] = &[
        (Self::Off, "off", "Nothing: the text is read as it is cut"),
        (Self::Space, "space", "Spaces and tabs at its end"),
        (Self::Word, "word", "The word in which it ends, whole or half; or spaces at its end"),
    ];
}

impl fmt::Display for Heal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Engine {
    /// Takes back from the tokens of a text that ends with the writer's own words those that are to be told anew; returns the end of these
    /// words that they spelt. Nothing where the cut does not lie as it must: where no token would be left, where one of the template's
    /// would be taken, or where tokens do not spell the words as they were typed.
    pub(crate) fn heal(&self, tokens: &mut Vec<Token>, written: &str, heal: Heal) -> String {
        let vocabulary = self.vocabulary();
        let bytes = |tokens: &[Token]| tokens.iter().map(|&token| vocabulary.piece(token).len()).sum::<usize>();
        let blank = written.len() - written.trim_end_matches(is_blank).len();
        let wanted = match heal {
            Heal::Off => 0,
            Heal::Word if blank == 0 => bytes(&tokens[tokens.len() - vocabulary.open_word(tokens)..]),
            Heal::Space | Heal::Word => blank,
        };
        let (mut kept, mut length) = (tokens.len(), 0);
        while length < wanted || !written.is_char_boundary(written.len().saturating_sub(length)) {
            let Some(last) = kept.checked_sub(1).filter(|&last| vocabulary.kind(tokens[last]) == Kind::Text) else {
                return String::new();
            };
            (kept, length) = (last, length + vocabulary.piece(tokens[last]).len());
        }
        let spelt = vocabulary.bytes(&tokens[kept..]);
        if kept == 0 || length == 0 || !written.as_bytes().ends_with(&spelt) {
            return String::new();
        }
        tokens.truncate(kept);
        written[written.len() - length..].to_owned()
    }
}
