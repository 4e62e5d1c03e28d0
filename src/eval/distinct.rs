//! Distinct n-grams: how many of all n-grams are different ones.
//!
//! All of these fall with the length of texts and with their number, and rise with noise: they are compared at equal length and equal
//! number only, and never without a measure of coherence beside them.

use super::grams;
use super::words::Word;

/// distinct-n(D) = different n-grams / n-grams, pooled over the stories; NaN without any.
///
/// Source: Li et al. 2016, arXiv 1510.03055.
#[must_use]
pub fn distinct(stories: &[&[Word]], n: usize) -> f64 {
    let mut all: Vec<grams::Gram> = stories.iter().flat_map(|story| grams::grams(story, n)).collect();
    let total = all.len();
    all.sort_unstable();
    all.dedup();
    all.len() as f64 / total as f64
}

/// NGD(D) = Σ distinct-n(D) over n = 1 … 4, from 0 to 4: n-gram diversity.
///
/// Source: Shaib et al. 2024, arXiv 2403.00553.
#[must_use]
pub fn ngram_diversity(stories: &[&[Word]]) -> f64 {
    (1..=4).map(|n| distinct(stories, n)).sum()
}

/// EAD(D) = N / (V · (1 − ((V − 1)/V)^C)): N different words, C words in all, V the size of the vocabulary. The different words
/// against those that C uniform draws would find. Only for n = 1: above it the values leave [0, 1].
///
/// Source: Liu et al. 2022, arXiv 2202.13587.
#[must_use]
pub fn expectation_adjusted(stories: &[&[Word]], vocabulary: usize) -> f64 {
    let words: usize = stories.iter().map(|story| story.len()).sum();
    let distinct = distinct(stories, 1) * words as f64;
    let size = vocabulary as f64;
    // 1 − (1 − 1/V)^C without losing digits.
    let expected = size * -(words as f64 * (-1.0 / size).ln_1p()).exp_m1();
    distinct / expected
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::words::Lexicon;
    use super::*;

    /// The corpus of the worked values: A, B and C.
    pub fn corpus() -> Vec<Vec<Word>> {
        let mut lexicon = Lexicon::default();
        let texts = ["the cat sat on the mat", "the cat sat on the hat", "a dog ran in the park"];
        texts.iter().map(|text| lexicon.numbers(text)).collect()
    }

    /// X of the worked values: `a b a b a b c`.
    pub fn looping() -> Vec<Word> {
        vec![0, 1, 0, 1, 0, 1, 2]
    }

    pub fn near(value: f64, right: f64) {
        assert!((value - right).abs() < 5e-7, "{value} is not {right}");
    }

    #[test]
    fn the_worked_values_of_distinct_n_ngd_and_ead() {
        let corpus = corpus();
        let stories: Vec<&[Word]> = corpus.iter().map(Vec::as_slice).collect();
        for (n, right) in [(1, 11.0 / 18.0), (2, 11.0 / 15.0), (3, 9.0 / 12.0), (4, 7.0 / 9.0)] {
            near(distinct(&stories, n), right);
        }
        near(ngram_diversity(&stories), 2.872_222_2);
        near(expectation_adjusted(&stories, 1000), 0.616_322);
    }

    #[test]
    fn no_gram_reaches_over_the_border_of_two_stories() {
        let (one, two) = ([1, 2, 3], [4, 5, 6]);
        // Joined they would have five bigrams.
        assert_eq!(grams::grams(&one, 2).chain(grams::grams(&two, 2)).count(), 4);
        near(distinct(&[&[1, 2], &[1, 2]], 2), 0.5);
        assert!(distinct(&[&[1], &[2]], 2).is_nan());
    }
}
