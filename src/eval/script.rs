//! Words that are none, letters of another script, and stretches in another language: what a model writes when it has lost its way.

use std::collections::HashMap;

use unicode_script::{Script, UnicodeScript};
use whatlang::{Lang, detect};

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

/// Words of a stretch whose language is asked: of fewer it is hard to tell.
const STRETCH: usize = 50;

/// The share of stretches of 50 words that are surely in another language than `language`; nothing without one. What is left at the end
/// belongs to the last stretch.
#[must_use]
pub fn other_language(text: &str, language: Option<Lang>) -> f64 {
    let Some(language) = language else { return 0.0 };
    let mut bounds: Vec<usize> = words(text).map(|(end, _)| end).skip(STRETCH - 1).step_by(STRETCH).collect();
    bounds.pop();
    bounds.push(text.len());
    let (mut start, mut others) = (0, 0_u32);
    for &end in &bounds {
        others += u32::from(detect(&text[start..end]).is_some_and(|found| found.is_reliable() && found.lang() != language));
        start = end;
    }
    f64::from(others) / bounds.len() as f64
}

/// The language that most of these texts are surely in, of equals that which sorts first by its code; none where none can be told.
#[must_use]
pub fn usual_language<'a>(texts: impl IntoIterator<Item = &'a str>) -> Option<Lang> {
    let mut counts: HashMap<Lang, usize> = HashMap::new();
    for found in texts.into_iter().filter_map(detect).filter(whatlang::Info::is_reliable) {
        *counts.entry(found.lang()).or_default() += 1;
    }
    counts.into_iter().max_by_key(|(lang, count)| (*count, std::cmp::Reverse(lang.code()))).map(|(lang, _)| lang)
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
    fn a_stretch_of_another_language_is_found_and_a_name_is_none() {
        let english =
            "The ferryman came down to the mill before the sun was up, and nobody had told him about the blue clock. "
                .repeat(3);
        let italian =
            "Il vecchio non sapeva che cosa dire alla ragazza, e guardava il mare come se fosse la prima volta. ".repeat(3);
        let usual = usual_language([&*english, &*english, &*italian]);
        assert_eq!(usual, Some(Lang::Eng));
        near(other_language(&english, usual), 0.0);
        assert!(other_language(&format!("{english}{italian}"), usual) > 0.3);
        assert_eq!((usual_language(["x"]), other_language(&italian, None)), (None, 0.0));
        near(other_language("Once, Giuseppe Bianchi.", usual), 0.0);
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
