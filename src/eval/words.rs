//! Words: what every count in this module is a count of, and where a text is cut to a length.
//!
//! A word is a run of letters with apostrophes only inside of it, in small letters: `[a-z]+('[a-z]+)*` in English after ’ became '.
//! Where a script writes no spaces, letters part as UAX #29 parts them. Emphasis as Markdown writes it, digits and punctuation are no
//! part of a word, and the tokens of a model none either: arms of different models stay comparable.
//!
//! Words are found in the text as it was written, so that a cut is a place in the text itself.

use std::collections::HashMap;

use unicode_normalization::char::is_combining_mark;
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
use unicode_segmentation::UnicodeSegmentation;

/// The number of a word in a [`Lexicon`].
pub type Word = u32;

/// Words by number, in the order in which they were first met.
#[derive(Debug, Default)]
pub struct Lexicon {
    numbers: HashMap<Box<str>, Word>,
    words: Vec<Box<str>>,
}

impl Lexicon {
    /// The number of a word, a new one where it is new.
    ///
    /// # Panics
    /// There are more than 2³² words.
    pub fn number(&mut self, word: &str) -> Word {
        if let Some(number) = self.numbers.get(word) {
            return *number;
        }
        let number = Word::try_from(self.words.len()).expect("memory ends before the numbers do");
        self.words.push(word.into());
        self.numbers.insert(word.into(), number);
        number
    }

    /// The number of a word that was met.
    #[must_use]
    pub fn find(&self, word: &str) -> Option<Word> {
        self.numbers.get(word).copied()
    }

    /// The word of a number.
    #[must_use]
    pub fn word(&self, number: Word) -> &str {
        &self.words[number as usize]
    }

    /// How many different words were met.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.len()
    }

    /// Whether none was met.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// The numbers of all words of a text.
    pub fn numbers(&mut self, text: &str) -> Vec<Word> {
        words(text).map(|(_, word)| self.number(&word)).collect()
    }
}

/// The words of a text, each with the byte behind it.
pub fn words(text: &str) -> impl Iterator<Item = (usize, String)> + '_ {
    text.unicode_word_indices().flat_map(|(start, word)| parts(word).map(move |(end, word)| (start + end, word)))
}

/// The words within what UAX #29 holds for one, which joins letters to digits and over `_`, `.` and `:`.
fn parts(word: &str) -> impl Iterator<Item = (usize, String)> + '_ {
    let mut at = 0;
    let pieces = word.split(|c| !(is_of_word(c) || is_apostrophe(c)));
    pieces.filter_map(move |piece| {
        let start = at;
        at += piece.len() + word[start + piece.len()..].chars().next().map_or(0, char::len_utf8);
        let inner = piece.trim_start_matches(is_apostrophe);
        let start = start + piece.len() - inner.len();
        let inner = inner.trim_end_matches(is_apostrophe);
        inner.contains(char::is_alphabetic).then(|| (start + inner.len(), folded(inner)))
    })
}

fn is_of_word(c: char) -> bool {
    c.is_alphabetic() || (!c.is_ascii() && is_combining_mark(c))
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’' | '‘' | 'ʼ' | '＇')
}

/// In small letters, composed (NFC), with straight apostrophes.
fn folded(word: &str) -> String {
    if word.is_ascii() {
        return word.to_ascii_lowercase();
    }
    let straight = word.chars().map(|c| if is_apostrophe(c) { '\'' } else { c });
    let low: String = straight.flat_map(char::to_lowercase).collect();
    match is_nfc_quick(low.chars()) {
        IsNormalized::Yes => low,
        _ => low.nfc().collect(),
    }
}

/// The text without a line before it that is only its title: one in Markdown (`# …`, `**…**`), or one that calls itself `Title:`.
#[must_use]
pub fn without_title(text: &str) -> &str {
    let begun = text.trim_start();
    let Some((line, rest)) = begun.split_once('\n') else { return text };
    let line = line.trim();
    let bold = line.len() > 4 && line.starts_with("**") && line.ends_with("**") && !line[2..line.len() - 2].contains("**");
    let named = line.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("title:"));
    if line.starts_with('#') || bold || named { rest.trim_start_matches(['\r', '\n']) } else { text }
}

/// The length in words to which stories are cut so that they are compared at equal length: the largest multiple of 50 up to `most`
/// that at least 95 % of the stories of *every* arm reach; below 50, of 10. `None` where not even 10 words are reached.
///
/// `lengths` holds an arm's stories each, in words.
#[must_use]
pub fn common_length(lengths: &[Vec<usize>], most: usize) -> Option<usize> {
    let reached = |length: usize| {
        lengths.iter().all(|arm| {
            let long = arm.iter().filter(|&&words| words >= length).count();
            !arm.is_empty() && long * 100 >= arm.len() * 95
        })
    };
    let steps = (1..=most / 50).rev().map(|step| step * 50).chain((1..5.min(most / 10 + 1)).rev().map(|step| step * 10));
    steps.into_iter().find(|&length| reached(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<String> {
        words(text).map(|(_, word)| word).collect()
    }

    #[test]
    fn a_word_is_a_run_of_letters_with_inner_apostrophes() {
        for (text, told) in [
            ("The cat, sat.", vec!["the", "cat", "sat"]),
            ("Don’t 'tell' o'er James' 3rd", vec!["don't", "tell", "o'er", "james", "rd"]),
            ("_never_ **ever** ~~x~~ a_b co-op e.g. 12:30", vec!["never", "ever", "x", "a", "b", "co", "op", "e", "g"]),
            ("naïve cafe\u{301} Straße", vec!["naïve", "café", "straße"]),
            ("Он сказал: «да»", vec!["он", "сказал", "да"]),
            ("狼が来た", vec!["狼", "が", "来", "た"]),
            ("'' 1984 — …", vec![]),
        ] {
            assert_eq!(all(text), told, "{text}");
        }
    }

    #[test]
    fn a_cut_is_a_place_in_the_text_as_it_was_written() {
        let text = "“Don’t,” said the _old_ wolf. 狼";
        let told: Vec<&str> = words(text).map(|(end, _)| &text[..end]).collect();
        assert_eq!(told[0], "“Don’t");
        assert_eq!(told[3], "“Don’t,” said the _old");
        assert_eq!(told.last(), Some(&text));
    }

    #[test]
    fn words_have_numbers_in_the_order_of_their_first_use() {
        let mut lexicon = Lexicon::default();
        assert_eq!(lexicon.numbers("the cat the dog"), [0, 1, 0, 2]);
        assert_eq!((lexicon.word(2), lexicon.find("cat"), lexicon.find("wolf"), lexicon.len()), ("dog", Some(1), None, 3));
    }

    #[test]
    fn a_title_is_a_line_that_says_so() {
        for (text, story) in [
            ("# The Wolf\n\nOnce", "Once"),
            ("**The Wolf**\nOnce", "Once"),
            ("\nTitle: The Wolf\n\nOnce", "Once"),
            ("The Wolf\n\nOnce", "The Wolf\n\nOnce"),
            ("**Once** there **was**\nmore", "**Once** there **was**\nmore"),
            ("# Only", "# Only"),
        ] {
            assert_eq!(without_title(text), story);
        }
    }

    #[test]
    fn every_arm_reaches_the_common_length_with_95_of_100_stories() {
        let arm = |short: usize| (0..100).map(|at| if at < short { 120 } else { 430 }).collect::<Vec<_>>();
        assert_eq!(common_length(&[arm(5), arm(0)], 400), Some(400));
        assert_eq!(common_length(&[arm(6), arm(0)], 400), Some(100));
        assert_eq!(common_length(&[arm(0), vec![47; 3]], 400), Some(40));
        assert_eq!(common_length(&[arm(0)], 150), Some(150));
        assert_eq!(common_length(&[arm(0), vec![9]], 400), None);
        assert_eq!(common_length(&[arm(0), vec![]], 400), None);
    }
}
