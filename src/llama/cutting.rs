//! Cutting text into tokens, within bounds that llama.cpp does not know.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, bail, ensure};
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::token_type::LlamaTokenAttr;
use llama_cpp_2::vocab::LlamaVocab;

use super::backend::fenced;
use super::weights::{Weights, is_sentence_piece};
use crate::model::Token;

/// A text of so many bytes is cut in parts: for every letter that the vocabulary does not have, llama.cpp copies all tokens found
/// so far, so that the time grows with the square of a text's length.
const LONG: usize = 1 << 16;

/// The least bytes of a part.
const PART: usize = 1 << 11;

/// The letter that stands for a space in the pieces of `SentencePiece`.
const SPACE: char = '▁';

/// A letter that Unicode keeps from ever being one, and that stands in no piece of any vocabulary.
const STRANGER: &str = "\u{10FFFF}";

impl Weights {
    /// Cuts text into tokens. With `add_bos` the token that begins a text comes first, once, if the model wants one. With
    /// `parse_special` the names of control tokens in the text become those tokens; without, they are read as letters.
    ///
    /// # Errors
    /// The text holds a NUL, is longer than 1 GiB, or holds a letter that the vocabulary can write neither as itself nor in bytes.
    pub fn tokenize(&self, text: &str, add_bos: bool, parse_special: bool) -> Result<Vec<Token>> {
        if let Some(place) = text.find('\0') {
            bail!("cannot cut the text into tokens: it holds a NUL character at byte {place}");
        }
        ensure!(text.len() <= 1 << 30, "cannot cut the text into tokens: it is longer than 1 GiB");
        if let Some(letter) = self.unwritable(text) {
            let shown = if letter == SPACE { ' ' } else { letter };
            bail!("cannot cut the text into tokens: the model's vocabulary has none for {shown:?}, and none for its bytes");
        }
        let vocabulary = self.model.vocab();
        // llama.cpp would add an end token too, where the model has one for embedding; and a second beginning to a text
        // that names its own.
        let mut tokens = if text.len() >= LONG && is_sentence_piece(&self.model) {
            in_parts(&vocabulary, text, parse_special)
        } else {
            cut(&vocabulary, text, parse_special)
        };
        let bos = vocabulary.bos();
        if add_bos && vocabulary.should_add_bos() && bos.0 >= 0 && tokens.first() != Some(&bos) {
            tokens.insert(0, bos);
        }
        tokens.into_iter().map(|LlamaToken(token)| Ok(Token::try_from(token)?)).collect()
    }

    /// Cuts a text that goes on behind another one into tokens: nothing is put before it, and every name of a control token in it
    /// is letters.
    ///
    /// Vocabularies of `SentencePiece`'s kind put a space before every text. Behind a letter that stands beside no other in any piece
    /// there is always a border between tokens, and the space is before that letter.
    ///
    /// # Errors
    /// As [`Weights::tokenize`]. Where the vocabulary cannot write such a letter, the space stands before the text.
    pub fn tokenize_on(&self, text: &str) -> Result<Vec<Token>> {
        let tokens = self.tokenize(text, false, false)?;
        if tokens.is_empty() || !is_sentence_piece(&self.model) || self.unwritable(STRANGER).is_some() {
            return Ok(tokens);
        }
        let [stranger, both] = [STRANGER, &(STRANGER.to_owned() + text)].map(|text| self.tokenize(text, false, false));
        Ok(both?.split_off(stranger?.len()))
    }

    /// The most bytes of text that so many tokens can stand for: a longer text need not be cut to know that it has more of them.
    /// `None` where the vocabulary is of a kind that leaves out parts of a text.
    #[must_use]
    pub fn longest_text(&self, tokens: usize) -> Option<usize> {
        let keeps_all = matches!(self.meta("tokenizer.ggml.model").as_deref(), Some("llama" | "gpt2"));
        let longest = || {
            let vocabulary = self.model.vocab();
            let lengths = vocabulary.tokens().filter_map(|token| Some(vocabulary.text(token)?.to_bytes().len()));
            lengths.max().unwrap_or(0)
        };
        keeps_all.then(|| self.longest.get_or_init(longest).saturating_mul(tokens))
    }

    /// The first letter for which llama.cpp would look in vain.
    fn unwritable(&self, text: &str) -> Option<char> {
        let alone = self.alone.as_ref()?;
        let letters = text.chars().map(|letter| if letter == ' ' { SPACE } else { letter });
        std::iter::once(SPACE).chain(letters).find(|letter| !alone.contains(letter))
    }
}

/// The letters that are pieces of their own, where a vocabulary of `SentencePiece`'s kind has not every byte as well; llama.cpp
/// believes that all have. `None` where all texts can be written.
pub(super) fn letters_alone(model: &LlamaModel) -> Option<BTreeSet<char>> {
    if !is_sentence_piece(model) {
        return None;
    }
    let vocabulary = model.vocab();
    let (mut alone, mut bytes) = (BTreeSet::new(), BTreeSet::new());
    for token in vocabulary.tokens() {
        let text = vocabulary.text(token).map(|text| text.to_string_lossy()).unwrap_or_default();
        let mut letters = text.chars();
        if let (Some(letter), None) = (letters.next(), letters.next()) {
            alone.insert(letter);
        }
        let byte = text.strip_prefix("<0x").and_then(|text| text.strip_suffix('>'));
        bytes.extend(byte.filter(|byte| byte.len() == 2).and_then(|byte| u8::from_str_radix(byte, 16).ok()));
    }
    (bytes.len() < 256).then_some(alone)
}

fn cut(vocabulary: &LlamaVocab, text: &str, parse_special: bool) -> Vec<LlamaToken> {
    fenced("cutting a text into tokens", || vocabulary.tokenize(text.as_bytes(), false, parse_special))
}

/// Equivalent to [`cut`] for vocabularies of `SentencePiece`'s kind.
///
/// Letters are merged only into what is a piece. So between two letters that stand beside each other in no piece there is always
/// a border between tokens, and what stands on one side of it decides nothing on the other.
fn in_parts(vocabulary: &LlamaVocab, text: &str, parse_special: bool) -> Vec<LlamaToken> {
    let seams = Seams::of(vocabulary);
    let parts = seams.parts(text);
    let mut tokens = Vec::new();
    for (number, part) in parts.into_iter().enumerate() {
        let found = cut(vocabulary, part, parse_special);
        let mut own = &found[..];
        if number > 0 {
            // A space is put before every text that is cut; twice the letter shows how many tokens that space is.
            let first = part.chars().take(1).collect::<String>();
            let [once, twice] = [1, 2].map(|times| cut(vocabulary, &first.repeat(times), parse_special).len());
            own = &found[(2 * once).saturating_sub(twice).min(found.len())..];
        }
        tokens.extend_from_slice(own);
    }
    tokens
}

/// Where a text can be parted so that its parts have the tokens of the whole.
struct Seams {
    /// The letters that stand beside each other in some piece.
    beside: BTreeSet<(char, char)>,
    /// The first and last letters of tokens that are found in a text before it is cut: before and behind them it is cut anew.
    found: [BTreeSet<char>; 2],
}

impl Seams {
    fn of(vocabulary: &LlamaVocab) -> Self {
        let (mut beside, mut firsts, mut lasts) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let found = LlamaTokenAttr::Control | LlamaTokenAttr::Unknown | LlamaTokenAttr::UserDefined;
        for token in vocabulary.tokens() {
            let text = vocabulary.text(token).map(|text| text.to_string_lossy().replace(' ', "▁")).unwrap_or_default();
            beside.extend(text.chars().zip(text.chars().skip(1)));
            if vocabulary.attr(token).intersects(found) {
                firsts.extend(text.chars().next());
                lasts.extend(text.chars().next_back());
            }
        }
        Self { beside, found: [firsts, lasts] }
    }

    /// The parts, each but the last one of [`PART`] bytes or more.
    fn parts<'t>(&self, text: &'t str) -> Vec<&'t str> {
        let (mut parts, mut start, mut before) = (Vec::new(), 0, None);
        let mut known: BTreeMap<(char, char), bool> = BTreeMap::new();
        for (at, letter) in text.char_indices() {
            if let Some(before) = before.filter(|_| at - start >= PART)
                && *known.entry((before, letter)).or_insert_with(|| self.part(before, letter))
            {
                parts.push(&text[start..at]);
                start = at;
            }
            before = Some(letter);
        }
        parts.push(&text[start..]);
        parts
    }

    /// Whether a text can be parted between these two letters.
    fn part(&self, before: char, letter: char) -> bool {
        // White space may belong to a token beside it.
        let [firsts, lasts] = &self.found;
        let plain = !before.is_whitespace() && !letter.is_whitespace() && !lasts.contains(&before) && !firsts.contains(&letter);
        // The part will have a space before it, and its first letter once more.
        plain && [before, letter, SPACE].iter().all(|&before| !self.beside.contains(&(before, letter)))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::model::LoadOptions;

    fn bundled() -> Weights {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/fable-3m-q8_0.gguf");
        Weights::load(&path, &LoadOptions::default(), |_| true).unwrap()
    }

    #[test]
    fn a_text_in_parts_has_the_tokens_of_the_whole() {
        let weights = bundled();
        let vocabulary = weights.model.vocab();
        let texts = [
            "🐺".repeat(3_000),
            "🐺狼 the wolf. ".repeat(1_000),
            "Once upon a time there was a king, 狼, who said:\n“Żółć!” ".repeat(200),
            "a🐺</s>🐺<s>🐺 <0x41>🐺▁🐺 \n".repeat(500),
            "abc".repeat(4_000),
            "𝄞".repeat(1_023) + "king" + &"𝄞e\u{301}".repeat(1_000),
        ];
        for (number, text) in texts.iter().enumerate() {
            for parse_special in [false, true] {
                let (whole, parts) = (cut(&vocabulary, text, parse_special), in_parts(&vocabulary, text, parse_special));
                assert!(whole == parts, "text {number}: {} and {} tokens", whole.len(), parts.len());
            }
        }
        let parts = Seams::of(&vocabulary).parts(&texts[0]).len();
        assert_eq!(parts, texts[0].len().div_ceil(PART), "what can be parted is");
    }

    #[test]
    fn a_text_that_goes_on_has_its_own_bytes_and_no_others() {
        let weights = bundled();
        for text in ["there was a king", " a king.", "\n\nThe wolf", "🐺 狼", "'s", "e\u{301}", "  two", "<s>", ""] {
            let tokens = weights.tokenize_on(text).unwrap();
            let bytes = weights.vocabulary().bytes(&tokens);
            assert_eq!(String::from_utf8_lossy(&bytes), text);
        }
        // Where a word begins it is cut as within a text.
        let [whole, prompt, rest] = ["Once upon a time there was a king.", "Once upon a time", " there was a king."]
            .map(|text| weights.tokenize(text, true, false).unwrap());
        assert_eq!([prompt, weights.tokenize_on(" there was a king.").unwrap()].concat(), whole);
        assert_ne!(rest[1..], weights.tokenize_on(" there was a king.").unwrap(), "a space more stands before it");
    }

    #[test]
    fn no_text_of_so_many_tokens_is_longer_than_the_longest() {
        let weights = bundled();
        for text in ["Once upon a time there was a king.", "🐺", "    ", "a"] {
            let tokens = weights.tokenize(text, false, false).unwrap().len();
            assert!(text.len() <= weights.longest_text(tokens).unwrap(), "{text}");
        }
        assert!(weights.longest_text(1).unwrap() < 100);
    }
}
