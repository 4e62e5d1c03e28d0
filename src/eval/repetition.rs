//! Repetition inside of one story. A guard against loops, and no measure of diversity: people's ratings do not follow it.

use std::collections::HashMap;

use super::grams;
use super::words::Word;

/// seq-rep-n(x) = 1 − different n-grams / n-grams, from 0 to 1; 0 for a story without any.
///
/// Source: Welleck et al. 2019, arXiv 1908.04319.
#[must_use]
pub fn seq_rep(story: &[Word], n: usize) -> f64 {
    let total = (story.len() + 1).saturating_sub(n);
    if total == 0 { 0.0 } else { 1.0 - grams::set(story, n).len() as f64 / total as f64 }
}

/// Π (1 − seq-rep-n) over n = 2 … 4, from 0 to 1. Prose of people has about .95.
///
/// Source: Su et al. 2022 (`SimCTG`), arXiv 2202.06417.
#[must_use]
pub fn simctg_diversity(story: &[Word]) -> f64 {
    (2..=4).map(|n| 1.0 - seq_rep(story, n)).product()
}

/// rep-w(x): the share of words that stand among the `window` words before them.
///
/// Source: Welleck et al. 2019, on words of the text in the place of predicted tokens.
#[must_use]
pub fn rep(story: &[Word], window: usize) -> f64 {
    let mut last: HashMap<Word, usize> = HashMap::new();
    let mut again = 0_u32;
    for (at, &word) in story.iter().enumerate() {
        let before = last.insert(word, at);
        again += u32::from(before.is_some_and(|before| at - before <= window));
    }
    f64::from(again) / story.len().max(1) as f64
}

/// The longest phrase of a loop, in words.
const PHRASE: usize = 90;

/// Whether a story ends in a loop: of its last n words, n up to 90, those are taken that stand there most often in a row, of equals the
/// fewest; it is one where they do so at least twice and are three or more, or over 50 times.
///
/// Source: Holtzman et al. 2020, arXiv 1904.09751, and its code.
#[must_use]
pub fn ends_in_loop(story: &[Word]) -> bool {
    let times = |n: usize| {
        let phrase = &story[story.len() - n..];
        story.rchunks_exact(n).take_while(|chunk| *chunk == phrase).count()
    };
    let most = (1..=PHRASE.min(story.len())).map(|n| (times(n), n)).max_by_key(|&(times, n)| (times, std::cmp::Reverse(n)));
    most.is_some_and(|(times, n)| times > 1 && (n >= 3 || times > 50))
}

#[cfg(test)]
mod tests {
    use super::super::distinct::tests::{looping, near};
    use super::*;

    #[test]
    fn the_worked_values_of_repetition() {
        let x = looping();
        for (n, right) in [(1, 4.0 / 7.0), (2, 0.5), (3, 0.4), (4, 0.25)] {
            near(seq_rep(&x, n), right);
        }
        near(simctg_diversity(&x), 0.225);
        near(rep(&x, 3), 4.0 / 7.0);
        near(rep(&x, 1), 0.0);
        near(seq_rep(&[1, 2], 3), 0.0);
    }

    #[test]
    fn a_loop_is_a_phrase_that_goes_on_at_the_end() {
        let told: Vec<Word> = (0..60).collect();
        let with = |end: &[Word], times: usize| [told.clone(), end.repeat(times)].concat();
        assert!(!ends_in_loop(&told));
        assert!(ends_in_loop(&with(&[7, 8, 9], 2)) && !ends_in_loop(&with(&[7, 8, 9], 1)));
        assert!(ends_in_loop(&with(&[7], 51)) && !ends_in_loop(&with(&[7], 50)) && !ends_in_loop(&with(&[7, 8], 2)));
        // What repeats in the middle only is no loop.
        assert!(!ends_in_loop(&[[7, 8, 9].repeat(9), told].concat()));
        assert!(!ends_in_loop(&[]));
    }
}
