//! How stories of one prompt begin, end, and name their people: entropies of what can be counted without understanding it.

use std::collections::{BTreeMap, BTreeSet};

use unicode_segmentation::UnicodeSegmentation;

use super::words::{Word, words};

/// How evenly things fall on their kinds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// Shannon's entropy H = −Σ p ln p over kinds, in nats; 0 of nothing.
    pub entropy: f64,
    /// The share of the most frequent kind; NaN of nothing.
    pub top: f64,
}

/// The spread of things over their kinds.
#[must_use]
pub fn spread<T: Ord>(things: impl IntoIterator<Item = T>) -> Spread {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    for thing in things {
        *counts.entry(thing).or_default() += 1;
    }
    let total = counts.values().sum::<usize>() as f64;
    let entropy = -counts.values().map(|&count| count as f64 / total).map(|p| p * p.ln()).sum::<f64>();
    Spread { entropy: entropy.max(0.0), top: counts.values().copied().max().map_or(f64::NAN, |most| most as f64 / total) }
}

/// Words that make an opening.
const OPENING: usize = 3;

/// The first three words of a story.
#[must_use]
pub fn opening(story: &[Word]) -> &[Word] {
    &story[..OPENING.min(story.len())]
}

/// The share of stories that equal no other word for word; NaN of none.
#[must_use]
pub fn unique(stories: &[&[Word]]) -> f64 {
    let mut counts: BTreeMap<&[Word], usize> = BTreeMap::new();
    for story in stories {
        *counts.entry(story).or_default() += 1;
    }
    counts.values().filter(|&&count| count == 1).count() as f64 / stories.len() as f64
}

/// The names of a story: words that stand there with a capital letter, never begin a sentence where they do so, and are nowhere
/// written small. So much can be told without a list of names; in scripts without capitals there are none.
#[must_use]
pub fn names(text: &str) -> BTreeSet<String> {
    let (mut capital, mut small) = (BTreeSet::new(), BTreeSet::new());
    for sentence in text.unicode_sentences() {
        let mut start = 0;
        for (at, (end, word)) in words(sentence).enumerate() {
            let written = sentence[start..end].trim_start_matches(|c: char| !c.is_alphabetic());
            let begun_quote = sentence[start..end - written.len()].contains(['"', '“', '«', '‘']);
            start = end;
            if !written.starts_with(char::is_uppercase) {
                small.insert(word);
            } else if at > 0 && !begun_quote && word.chars().count() > 1 && !word.contains('\'') {
                capital.insert(word);
            }
        }
    }
    capital.retain(|word| !small.contains(word));
    capital
}

#[cfg(test)]
mod tests {
    use super::super::distinct::tests::near;
    use super::*;

    #[test]
    fn the_entropy_of_equals_is_nothing_and_that_of_all_different_ones_ln_n() {
        near(spread(["a"; 4]).entropy, 0.0);
        near(spread(["a", "b", "c", "d"]).entropy, 4.0_f64.ln());
        // p = ½, ¼, ¼.
        near(spread(["a", "a", "b", "c"]).entropy, 1.5 * 2.0_f64.ln());
        near(spread(["a", "a", "b", "c"]).top, 0.5);
        let none = spread::<u8>([]);
        assert!(none.entropy == 0.0 && none.top.is_nan());
    }

    #[test]
    fn a_story_is_unique_that_equals_no_other() {
        near(unique(&[&[1, 2], &[1, 2], &[1, 3], &[2]]), 0.5);
        assert_eq!(opening(&[5, 6, 7, 8]), [5, 6, 7]);
        assert_eq!(opening(&[5]), [5]);
    }

    #[test]
    fn names_are_capitals_within_sentences_that_are_nowhere_small() {
        let text = "Once Elara met Old Tom. “He is here,” said Elara. Tom's dog saw I was old. Rain fell on Paris. “Where?”";
        assert_eq!(names(text).into_iter().collect::<Vec<_>>(), ["elara", "paris", "tom"]);
        assert!(names("Die Sonne. В лесу.").contains("sonne") && names("狼が来た。").is_empty());
    }
}
