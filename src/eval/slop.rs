//! Slop: words that models overuse, phrases of them, and the turn "not X, but Y". A sampler that bans words makes all of this vanish,
//! so it is never the only claim.

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use anyhow::{Result, bail, ensure};
use regex::Regex;
use serde_json::Value;

use super::style::sentences;
use super::words::{Lexicon, Word, words};

/// A list of words and phrases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlopList {
    words: HashSet<String>,
    /// Phrases by their first word.
    phrases: HashMap<String, Vec<Vec<String>>>,
}

/// How much of a list stands in a text, for 1,000 words.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slop {
    /// Single words of the list.
    pub words: f64,
    /// Its phrases, on the words as they stand.
    pub phrases: f64,
    /// Its phrases, on the words without function words: lists that were mined there match here only.
    pub content: f64,
}

impl SlopList {
    /// Our own short list: English.
    ///
    /// # Panics
    /// Never: a test reads it.
    #[must_use]
    pub fn own() -> Self {
        Self::parse(include_str!("slop.txt")).expect("our own list can be read")
    }

    /// The list in a text: a word or phrase a line, without lines that begin with `#`; or JSON as such lists are shared,
    /// `[["word"], …]`, where what stands behind the word is passed over, or `["word", …]`.
    ///
    /// # Errors
    /// It is JSON of another shape, or holds no word.
    pub fn parse(text: &str) -> Result<Self> {
        let entries: Vec<String> = match serde_json::from_str::<Value>(text) {
            Ok(Value::Array(entries)) => entries.iter().map(entry).collect::<Result<_>>()?,
            Ok(_) => bail!("it is JSON, and no list of words\nhint: `[[\"word\"], [\"word\"]]`, or a word a line"),
            Err(_) => text.lines().map(str::trim).filter(|line| !line.starts_with('#')).map(str::to_owned).collect(),
        };
        let mut list = Self { words: HashSet::new(), phrases: HashMap::new() };
        for entry in entries {
            let mut phrase: Vec<String> = words(&entry).map(|(_, word)| bare(&word)).collect();
            match phrase.len() {
                0 => {}
                1 => drop(list.words.insert(phrase.remove(0))),
                _ => list.phrases.entry(phrase[0].clone()).or_default().push(phrase),
            }
        }
        ensure!(!list.words.is_empty() || !list.phrases.is_empty(), "there is no word in it");
        Ok(list)
    }

    /// How many words and phrases there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.words.len() + self.phrases.values().map(Vec::len).sum::<usize>()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How much of the list stands in a text of these words.
    #[must_use]
    pub fn count(&self, text: &[Word], lexicon: &Lexicon) -> Slop {
        let told: Vec<&str> = text.iter().map(|&word| lexicon.word(word)).collect();
        let words = told.iter().filter(|word| self.words.contains(&*bare(word))).count();
        let content: Vec<&str> = told.iter().copied().filter(|word| !is_function_word(word)).collect();
        let rate = |count: usize| 1000.0 * count as f64 / told.len().max(1) as f64;
        Slop { words: rate(words), phrases: rate(self.phrases_in(&told)), content: rate(self.phrases_in(&content)) }
    }

    fn phrases_in(&self, told: &[&str]) -> usize {
        let begun = |at: usize| {
            let phrases = self.phrases.get(&bare(told[at])).into_iter().flatten();
            phrases.filter(move |phrase| {
                let rest = told[at..].iter().map(|word| bare(word));
                told.len() - at >= phrase.len() && rest.zip(*phrase).all(|(one, two)| one == *two)
            })
        };
        (0..told.len()).map(|at| begun(at).count()).sum()
    }
}

/// A word or phrase of a JSON list.
fn entry(value: &Value) -> Result<String> {
    let word = value.as_array().and_then(|entry| entry.first()).unwrap_or(value);
    match word.as_str() {
        Some(word) => Ok(word.to_owned()),
        None => bail!("`{word}` is no word\nhint: `[[\"word\"], [\"word\"]]`, or a word a line"),
    }
}

/// A word as lists write it: without apostrophes.
fn bare(word: &str) -> String {
    word.replace('\'', "")
}

/// English words that carry a sentence and no subject.
const FUNCTION_WORDS: &str = "a about above after again against all am an and any are as at be because been before being below between \
    both but by can could did do does doing down during each few for from further had has have having he her here hers herself him \
    himself his how i if in into is it its itself just me more most my myself no nor not now of off on once only or other our ours \
    ourselves out over own same she should so some such than that the their theirs them themselves then there these they this those \
    through to too under until up very was we were what when where which while who whom why will with would you your yours yourself";

/// Whether a word is one of English that carries a sentence and no subject.
#[must_use]
pub fn is_function_word(word: &str) -> bool {
    static WORDS: LazyLock<HashSet<&str>> = LazyLock::new(|| FUNCTION_WORDS.split_whitespace().collect());
    WORDS.contains(word)
}

/// The turns of "not X, but Y" in English, each within a sentence or two.
const TURNS: [&str; 6] = [
    r"\bnot\s+(?:just|only|merely|simply)\b[^.!?\n]{1,80}?[,;—-]\s*(?:but|it|he|she|they)\b",
    r"\bnot\s+(?:a|an|the|because|from|with|in|for|of)\b[^.!?\n,;]{1,60}[,;—]\s*but\b",
    r"\b(?:it|this|that|he|she|they)\s+(?:was|were|is|are)(?:\s+not|n't)\b[^.!?\n]{1,80}[.;,—]\s*(?:it|this|that|he|she|they)\s+(?:was|were|is|are)\b",
    r"\b(?:was|were|is|are)\s+no\s+longer\b[^.!?\n]{1,80}[.;,—]\s*(?:it|this|that|he|she|they)\s+(?:was|were|is|are|had)\b",
    r"\bless\s+(?:a|an|like\s+an?)\b[^.!?\n,;]{1,50}\s+(?:than|and\s+more)\s+(?:a|an|like)\b",
    r"\bno\s+(?:mere|ordinary|simple)\b[^.!?\n,;]{1,50}[,;—]\s*but\b",
];

/// How often a text turns "not X, but Y", for 1,000 characters. Where two such turns touch the same sentences they count once.
///
/// The measure is that of Paech's slop-score (2025); the turns are our own, and fewer.
#[must_use]
pub fn contrasts(text: &str) -> f64 {
    static TURNING: LazyLock<Vec<Regex>> =
        LazyLock::new(|| TURNS.iter().map(|turn| Regex::new(&format!("(?i){turn}")).expect("a test compiles them")).collect());
    let plain = text.replace('’', "'");
    let mut bounds: Vec<usize> =
        sentences(&plain).map(|sentence| sentence.as_ptr() as usize - plain.as_ptr() as usize).collect();
    bounds.push(plain.len());
    let sentence = |at: usize| bounds.partition_point(|&bound| bound <= at);
    let turns = TURNING.iter().flat_map(|turn| turn.find_iter(&plain));
    let mut spans: Vec<(usize, usize)> = turns.map(|found| (sentence(found.start()), sentence(found.end() - 1))).collect();
    spans.sort_unstable();
    let (mut count, mut reached) = (0, 0);
    for (first, last) in spans {
        count += usize::from(first > reached);
        reached = reached.max(last);
    }
    1000.0 * count as f64 / plain.chars().count().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::super::distinct::tests::near;
    use super::*;

    fn count(list: &str, text: &str) -> Slop {
        let mut lexicon = Lexicon::default();
        let text = lexicon.numbers(text);
        SlopList::parse(list).unwrap().count(&text, &lexicon)
    }

    #[test]
    fn words_and_phrases_of_a_list_are_counted_for_1000_words() {
        let told = count(
            "tapestry\n# a comment\n\ntook deep breath\ndon’t",
            "She took a deep breath. Don't! The Tapestry, tapestries.",
        );
        near(told.words, 2000.0 / 9.0);
        // Mined without function words, it matches there only.
        near(told.phrases, 0.0);
        near(told.content, 1000.0 / 9.0);
        near(count("a deep breath", "She took a deep breath").phrases, 200.0);
    }

    #[test]
    fn a_list_is_lines_or_json_as_lists_are_shared() {
        let lines = SlopList::parse("wolf\nold wolf").unwrap();
        assert_eq!(lines, SlopList::parse(r#"[["wolf"], ["old wolf", 3.5]]"#).unwrap());
        assert_eq!(lines, SlopList::parse(r#"["wolf", "old wolf"]"#).unwrap());
        assert_eq!(lines.len(), 2);
        for (text, cause) in [
            ("{\"a\": 1}", "it is JSON, and no list"),
            ("[1]", "`1` is no word"),
            ("[[]]", "is no word"),
            ("# nothing\n\n", "there is no word in it"),
            ("[]", "there is no word in it"),
        ] {
            assert!(SlopList::parse(text).unwrap_err().to_string().contains(cause), "{text}");
        }
    }

    #[test]
    fn our_own_list_can_be_read_and_names_nothing_twice() {
        let lines = include_str!("slop.txt").lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(SlopList::own().len(), lines);
    }

    #[test]
    fn not_x_but_y_is_found_and_counts_once_for_its_sentences() {
        for text in [
            "It was not just a storm, but a warning.",
            "It wasn’t fear. It was hunger.",
            "He was no longer a boy; he was a king.",
            "It came not from the sea, but from below.",
            "It was less a house than a wound.",
            "This was no ordinary wolf, but a god.",
        ] {
            near(contrasts(text), 1000.0 / text.chars().count() as f64);
        }
        let twice = "It was not just fear, but hunger, and not only hunger, but it was old.";
        near(contrasts(twice), 1000.0 / twice.chars().count() as f64);
        for text in ["He did not go. The sea was cold, but calm.", "It was cold.", ""] {
            near(contrasts(text), 0.0);
        }
    }
}
