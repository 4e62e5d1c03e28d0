//! Words that are none, and letters of another script: what a model writes when it has lost its way.

use std::collections::HashMap;

use unicode_script::{Script, UnicodeScript};

use super::words::words;

/// A run of letters that is longer than this is no word.
const LONGEST: usize = 24;

/// So many equal letters in a row stand in no word, whoever screams.
const SAME: usize = 4;

/// So many letters without a vowel are no word; `rhythms` and `hmm` have fewer.
const CONSONANTS: usize = 6;

/// What of a text is no language, as shares of its words.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Foreign {
    /// Words that cannot be words: of several scripts at once, over 24 letters, a letter four times in a row, or, in Latin script,
    /// six letters and more without a vowel.
    pub non_words: f64,
    /// Words of another script than `script`.
    pub other_script: f64,
}

/// What of a text is no language, or none that was asked for; nothing in a text of no words.
#[must_use]
pub fn foreign(text: &str, script: Option<Script>) -> Foreign {
    let (mut all, mut none, mut other) = (0_u32, 0_u32, 0_u32);
    for (_, word) in words(text) {
        let of = script_of(&word);
        all += 1;
        none += u32::from(is_no_word(&word, of));
        other += u32::from(script.is_some_and(|script| of.is_some_and(|of| of != script)));
    }
    let share = |count: u32| f64::from(count) / f64::from(all.max(1));
    Foreign { non_words: share(none), other_script: share(other) }
}

/// The script that most words of these texts are written in, of equals that which sorts first by name; none where there are none.
#[must_use]
pub fn usual<'a>(texts: impl IntoIterator<Item = &'a str>) -> Option<Script> {
    let mut counts: HashMap<Script, usize> = HashMap::new();
    for (_, word) in texts.into_iter().flat_map(words) {
        if let Some(script) = script_of(&word) {
            *counts.entry(script).or_default() += 1;
        }
    }
    let most = counts.into_iter().max_by_key(|(script, count)| (*count, std::cmp::Reverse(script.full_name())));
    most.map(|(script, _)| script)
}

/// The script of a word; none where it has several. Those that Japanese mixes count as one.
fn script_of(word: &str) -> Option<Script> {
    let mut scripts = word.chars().map(|c| c.script()).filter(|script| !matches!(script, Script::Common | Script::Inherited));
    let japanese = |script| if matches!(script, Script::Hiragana | Script::Katakana) { Script::Han } else { script };
    let first = japanese(scripts.next()?);
    scripts.all(|script| japanese(script) == first).then_some(first)
}

fn is_no_word(word: &str, script: Option<Script>) -> bool {
    let letters: Vec<char> = word.chars().collect();
    let same = letters.windows(SAME).any(|window| window.iter().all(|c| *c == window[0]));
    let vowel = |c: &char| !c.is_ascii() || "aeiouy".contains(*c);
    let mute = script == Some(Script::Latin) && letters.len() >= CONSONANTS && !letters.iter().any(vowel);
    script.is_none() || letters.len() > LONGEST || same || mute
}

#[cfg(test)]
mod tests {
    use super::super::distinct::tests::near;
    use super::*;

    #[test]
    fn what_cannot_be_a_word_is_counted() {
        for word in ["wolf", "hmm", "rhythms", "aaah", "straße", "狼", "ですから", "волк", "o'er"] {
            assert!(!is_no_word(word, script_of(word)), "{word}");
        }
        for word in ["wоlf", "aaaah", "xkcdpqz", "incomprehensibilitiesandmore"] {
            assert!(is_no_word(word, script_of(word)), "{word}");
        }
    }

    #[test]
    fn letters_of_another_script_than_the_usual_one_are_foreign() {
        let text = "The wolf met волк and 狼.";
        assert_eq!(usual([text]), Some(Script::Latin));
        let told = foreign(text, usual([text]));
        near(told.other_script, 2.0 / 6.0);
        near(told.non_words, 0.0);
        near(foreign("", usual([""])).other_script, 0.0);
        near(foreign("狼が来たカ", Some(Script::Han)).other_script, 0.0);
    }
}
