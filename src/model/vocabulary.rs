//! The vocabulary of a model as a pure value.

use std::sync::Arc;

use super::Token;
use crate::text::is_written_without_spaces;

/// What a token is to a storyteller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A piece of text.
    Text,
    /// Ends the story (every end-of-generation token of the model). Its piece is not text.
    End,
    /// Never a candidate: control tokens that do not end, unused entries, tokens the vocabulary suppresses, and those that were
    /// added to it and [have the form of a control token](has_form_of_control).
    Control,
}

/// Pieces and kinds of all tokens, indexed by [`Token`].
///
/// Pieces are bytes: one may hold part of a character only. A copy shares everything with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vocabulary(Arc<Table>);

#[derive(Debug, Default, PartialEq, Eq)]
struct Table {
    bytes: Vec<u8>,
    /// `ends[t]` is where the piece of `t` ends in `bytes`; it begins where the one before it ends.
    ends: Vec<usize>,
    kinds: Vec<Kind>,
}

impl Vocabulary {
    /// A vocabulary of these pieces, numbered from 0.
    pub fn new<P: AsRef<[u8]>>(tokens: impl IntoIterator<Item = (P, Kind)>) -> Self {
        let mut table = Table::default();
        for (piece, kind) in tokens {
            table.bytes.extend_from_slice(piece.as_ref());
            table.ends.push(table.bytes.len());
            table.kinds.push(kind);
        }
        Self(Arc::new(table))
    }

    /// The number of tokens, V.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.kinds.len()
    }

    /// Whether there is no token at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.kinds.is_empty()
    }

    /// The bytes of tokens as text, one behind the other; they may end within a character.
    #[must_use]
    pub fn bytes(&self, tokens: &[Token]) -> Vec<u8> {
        tokens.iter().flat_map(|&token| self.piece(token)).copied().collect()
    }

    /// The bytes of a token as text; empty for a token outside the vocabulary.
    #[must_use]
    pub fn piece(&self, token: Token) -> &[u8] {
        let index = token as usize;
        let Table { bytes, ends, .. } = &*self.0;
        let Some(&end) = ends.get(index) else { return &[] };
        let start = if index == 0 { 0 } else { ends[index - 1] };
        &bytes[start..end]
    }

    /// The kind of a token; [`Kind::Control`] for one outside the vocabulary.
    #[must_use]
    pub fn kind(&self, token: Token) -> Kind {
        self.0.kinds.get(token as usize).copied().unwrap_or(Kind::Control)
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

    /// The text of these tokens: whole characters, `�` for broken ones.
    #[must_use]
    pub fn text(&self, tokens: &[Token]) -> String {
        let bytes = self.bytes(tokens);
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The end of the same text, from the last token on that holds a line break: what stands before it decides nothing about where a
    /// sentence ends.
    #[must_use]
    pub fn last_line(&self, tokens: &[Token]) -> String {
        let line = tokens.iter().rposition(|&token| self.piece(token).contains(&b'\n')).unwrap_or(0);
        self.text(&tokens[line..])
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

    /// How many of the last tokens of a text make the word in which it ends, its first one among them; 0 where it ends behind
    /// a word.
    ///
    /// A text ends in a word where its last character is a letter, a digit, or an apostrophe or a hyphen behind a letter, or
    /// where it ends inside a character; never behind a letter of a script that puts no spaces between words.
    #[must_use]
    pub fn open_word(&self, text: &[Token]) -> usize {
        let mut before = text;
        while let Some((&last, rest)) = before.split_last().filter(|_| self.ends_in_word(before)) {
            before = rest;
            let joins = matches!(self.piece(last), b"'" | b"-" | b"\xE2\x80\x99");
            if !joins && !self.continues_word(last) {
                break;
            }
        }
        text.len() - before.len()
    }

    /// Whether a token that goes on with a word, coming next, would find one to go on with.
    fn ends_in_word(&self, text: &[Token]) -> bool {
        // Two characters decide, and none is longer than four bytes.
        let (mut first, mut length) = (text.len(), 0);
        while first > 0 && length < 8 && self.kind(text[first - 1]) == Kind::Text {
            first -= 1;
            length += self.piece(text[first]).len();
        }
        let tail = self.bytes(&text[first..]);
        let Some(last) = tail.utf8_chunks().last() else { return false };
        if !last.invalid().is_empty() {
            return is_incomplete(last.invalid());
        }
        let mut characters = last.valid().chars().rev();
        match characters.next() {
            Some('\'' | '’' | '-') => characters.next().is_some_and(char::is_alphabetic),
            Some(c) => c.is_alphanumeric() && !is_written_without_spaces(c),
            None => false,
        }
    }
}

/// Whether a piece is written as control tokens are, and as no story is: `<|…|>` (or `<|…>`, `<…|>`), a name with a low line in
/// angle brackets (`<start_of_image>`), or a name of two letters or more in square ones (`[multimodal]`, `[/INST]`).
///
/// Only of tokens that were added to a vocabulary by hand does it tell anything: some files call these words like any other. A
/// tag of a markup language (`<b>`, `</table>`) has another form.
#[must_use]
pub fn has_form_of_control(piece: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(piece) else { return false };
    let within = |open, close| text.strip_prefix(open)?.strip_suffix(close);
    let is_name = |name: &str| {
        name.contains(char::is_alphabetic) && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '/' | ':'))
    };
    if let Some(name) = within('<', '>') {
        // The bars of full width are those of a well-known family of models.
        let bars = ['|', '｜'];
        let barred = name.starts_with(bars) || name.ends_with(bars);
        return barred && name.contains(char::is_alphabetic) || name.contains('_') && is_name(name);
    }
    within('[', ']').is_some_and(|name: &str| name.chars().nth(1).is_some() && is_name(name))
}

/// Whether these bytes are the beginning of a character.
fn is_incomplete(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.error_len().is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vocabulary() -> Vocabulary {
        Vocabulary::new([
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
        let vocabulary = vocabulary();
        assert_eq!(vocabulary.len(), 7);
        assert_eq!(vocabulary.piece(0), b"");
        assert_eq!(vocabulary.piece(1), b" once");
        assert_eq!(vocabulary.piece(2), b"ly");
        assert!(vocabulary.ends(6) && !vocabulary.ends(2));
    }

    #[test]
    fn a_token_outside_the_vocabulary_is_an_empty_control_token() {
        assert_eq!(vocabulary().piece(7), b"");
        assert_eq!(vocabulary().kind(7), Kind::Control);
    }

    #[test]
    fn letters_and_inner_apostrophes_continue_a_word() {
        let continuing: Vec<Token> = (0..7).filter(|&t| vocabulary().continues_word(t)).collect();
        assert_eq!(continuing, [2, 4]);
    }

    #[test]
    fn names_of_control_tokens_are_told_from_tags_and_words() {
        for control in [
            "<start_of_image>",
            "<end_of_image>",
            "[multimodal]",
            "<|im_start|>",
            "<|channel>",
            "<｜User｜>",
            "[/INST]",
            "<tool_call>",
        ] {
            assert!(has_form_of_control(control.as_bytes()), "{control}");
        }
        for text in [
            "<b>", "</table>", "<h1>", "\n\n", "\t", "  ", "", "<", "<>", "[]", "[1]", "[x]", "[ ]", "🐺", "_", "<|>", "<_>",
            "[a b]",
        ] {
            assert!(!has_form_of_control(text.as_bytes()), "{text:?}");
        }
        assert!(!has_form_of_control(b"<\xFF_a>"));
    }

    #[test]
    fn a_script_without_spaces_has_no_continuations() {
        let vocabulary = Vocabulary::new(["狼", "の", "ไทย", "é", "волк"].map(|piece| (piece, Kind::Text)));
        assert_eq!((0..5).filter(|&t| vocabulary.continues_word(t)).collect::<Vec<_>>(), [3, 4]);
    }

    #[test]
    fn the_word_in_which_a_text_ends_is_counted_from_its_first_token() {
        let pieces = [" the", " light", "house", ".", "\n", "The", " don", "'", "t", " well", "-", "known", "狼", "\""];
        let vocabulary = Vocabulary::new(pieces.map(|piece| (piece, Kind::Text)).into_iter().chain([("x", Kind::Control)]));
        let open = |text: &[&str]| {
            let number = |piece: &&str| pieces.iter().position(|one| one == piece).unwrap_or(pieces.len());
            vocabulary.open_word(&text.iter().map(|piece| u32::try_from(number(piece)).unwrap()).collect::<Vec<_>>())
        };
        for (text, length) in [
            (&[][..], 0),
            (&[" the"], 1),
            (&[" the", " light", "house"], 2),
            (&[" light", "house", "."], 0),
            // Behind a line break or a quote a word begins without a space.
            (&[" light", "\n", "The"], 1),
            (&[" light", "\"", "The", "house"], 2),
            (&[" don", "'"], 2),
            (&[" don", "'", "t"], 3),
            (&[" the", "\"", "'", "t"], 1),
            (&[" well", "-", "known"], 3),
            (&["狼", "house"], 1),
            (&[" the", "狼"], 0),
            (&["The", "house", "The"], 3),
            (&["The", "(control)"], 0),
            (&["The", "(control)", "The"], 1),
        ] {
            assert_eq!(open(text), length, "{text:?}");
        }
    }

    #[test]
    fn a_text_that_ends_inside_a_character_ends_in_a_word() {
        // 狼 in three tokens: its second and third byte go on with the first, and behind it no word is open.
        let vocabulary = Vocabulary::new([0xE7_u8, 0x8B, 0xBC].map(|byte| ([byte], Kind::Text)));
        assert_eq!([&[0][..], &[0, 1], &[0, 1, 2], &[2]].map(|text| vocabulary.open_word(text)), [1, 2, 0, 0]);
    }

    #[test]
    fn the_rest_of_a_character_continues_a_word() {
        let vocabulary = Vocabulary::new([(&[0xC3][..], Kind::Text), (&[0xA9][..], Kind::Text)]);
        assert!(vocabulary.continues_word(1));
        assert_eq!(vocabulary.show(1), "\u{fffd}");
    }
}
