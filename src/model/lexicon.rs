//! The vocabulary of a model as a pure value.

use super::Token;

/// What a token is to a storyteller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A piece of text.
    Text,
    /// Ends the story (every end-of-generation token of the model). Its piece is not text.
    End,
    /// Never a candidate: control tokens that do not end, unused entries, and tokens the vocabulary suppresses.
    Control,
}

/// Pieces and kinds of all tokens, indexed by [`Token`].
///
/// Pieces are bytes: one may hold part of a character only.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lexicon {
    bytes: Vec<u8>,
    /// `ends[t]` is where the piece of `t` ends in `bytes`; it begins where the one before it ends.
    ends: Vec<usize>,
    kinds: Vec<Kind>,
}

impl Lexicon {
    /// A vocabulary of these pieces, numbered from 0.
    pub fn new<P: AsRef<[u8]>>(tokens: impl IntoIterator<Item = (P, Kind)>) -> Self {
        let mut lexicon = Self::default();
        for (piece, kind) in tokens {
            lexicon.bytes.extend_from_slice(piece.as_ref());
            lexicon.ends.push(lexicon.bytes.len());
            lexicon.kinds.push(kind);
        }
        lexicon
    }

    /// The number of tokens, V.
    #[must_use]
    pub fn len(&self) -> usize {
        self.kinds.len()
    }

    /// Whether there is no token at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// The bytes of a token as text; empty for a token outside the vocabulary.
    #[must_use]
    pub fn piece(&self, token: Token) -> &[u8] {
        let index = token as usize;
        let Some(&end) = self.ends.get(index) else { return &[] };
        let start = if index == 0 { 0 } else { self.ends[index - 1] };
        &self.bytes[start..end]
    }

    /// The kind of a token; [`Kind::Control`] for one outside the vocabulary.
    #[must_use]
    pub fn kind(&self, token: Token) -> Kind {
        self.kinds.get(token as usize).copied().unwrap_or(Kind::Control)
    }

    /// Whether the token ends the story.
    #[must_use]
    pub fn ends(&self, token: Token) -> bool {
        self.kind(token) == Kind::End
    }

    /// The piece for people: whole characters, `�` for broken ones.
    #[must_use]
    pub fn show(&self, token: Token) -> String {
        String::from_utf8_lossy(self.piece(token)).into_owned()
    }

    /// Whether the token, coming next, goes on with the word before it: its first character is a letter, a digit, or an
    /// apostrophe or a hyphen with a letter behind it, or it begins inside a character.
    ///
    /// A token that opens with white space or other punctuation, ends the story or is empty does not; nor does one in a
    /// script that puts no spaces between words, for there its end could not be seen.
    #[must_use]
    pub fn continues_word(&self, token: Token) -> bool {
        if self.kind(token) != Kind::Text {
            return false;
        }
        let piece = self.piece(token);
        let Some(&first) = piece.first() else { return false };
        if (0x80..0xC0).contains(&first) {
            return true;
        }
        let text = String::from_utf8_lossy(piece);
        let mut characters = text.chars();
        match characters.next() {
            Some('\'' | '’' | '-') => characters.next().is_some_and(char::is_alphabetic),
            Some(c) => c.is_alphanumeric() && !is_written_without_spaces(c),
            None => false,
        }
    }
}

/// Thai, Lao, Myanmar, Khmer, and the Chinese and Japanese scripts.
fn is_written_without_spaces(c: char) -> bool {
    matches!(u32::from(c), 0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x2E80..=0x31FF | 0x3400..=0x9FFF | 0xF900..=0xFAFF
        | 0xFF66..=0xFF9D | 0x2_0000..=0x3_FFFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lexicon() -> Lexicon {
        Lexicon::new([
            ("", Kind::Control),
            (" once", Kind::Text),
            ("ly", Kind::Text),
            (",", Kind::Text),
            ("’s", Kind::Text),
            ("-", Kind::Text),
            ("</s>", Kind::End),
        ])
    }

    #[test]
    fn pieces_and_kinds_come_back_as_given() {
        let lexicon = lexicon();
        assert_eq!(lexicon.len(), 7);
        assert_eq!(lexicon.piece(0), b"");
        assert_eq!(lexicon.piece(1), b" once");
        assert_eq!(lexicon.piece(2), b"ly");
        assert!(lexicon.ends(6) && !lexicon.ends(2));
    }

    #[test]
    fn a_token_outside_the_vocabulary_is_an_empty_control_token() {
        assert_eq!(lexicon().piece(7), b"");
        assert_eq!(lexicon().kind(7), Kind::Control);
    }

    #[test]
    fn letters_and_inner_apostrophes_continue_a_word() {
        let continuing: Vec<Token> = (0..7).filter(|&t| lexicon().continues_word(t)).collect();
        assert_eq!(continuing, [2, 4]);
    }

    #[test]
    fn a_script_without_spaces_has_no_continuations() {
        let lexicon = Lexicon::new(["狼", "の", "ไทย", "é", "волк"].map(|piece| (piece, Kind::Text)));
        assert_eq!((0..5).filter(|&t| lexicon.continues_word(t)).collect::<Vec<_>>(), [3, 4]);
    }

    #[test]
    fn the_rest_of_a_character_continues_a_word() {
        let lexicon = Lexicon::new([(&[0xC3][..], Kind::Text), (&[0xA9][..], Kind::Text)]);
        assert!(lexicon.continues_word(1));
        assert_eq!(lexicon.show(1), "\u{fffd}");
    }
}
