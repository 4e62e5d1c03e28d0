//! BLEU between stories of one prompt: how much of one stands word for word in another.

use std::collections::HashMap;

use super::grams::{self, Gram};
use super::words::Word;

/// What is put in the place of a numerator of 0, so that one missing n does not hide the others: smoothing "method 1".
///
/// Source: Chen & Cherry 2014, as in NLTK.
const SMOOTHED: f64 = 0.1;

/// The longest n-gram that counts.
const N: usize = 4;

/// A story counted for BLEU-4.
#[derive(Debug, Clone)]
pub struct Counted {
    words: usize,
    grams: [Vec<(Gram, usize)>; N],
}

impl Counted {
    /// Counts a story.
    #[must_use]
    pub fn new(words: &[Word]) -> Self {
        Self { words: words.len(), grams: std::array::from_fn(|at| grams::counts(words, at + 1)) }
    }

    fn total(&self, n: usize) -> usize {
        (self.words + 1).saturating_sub(n)
    }
}

/// BLEU-4 of a story against one other: BP · exp(Σ ¼ ln pₙ), with pₙ the share of its n-grams that the other holds, none more often
/// than there; BP = 1 where it is longer, else exp(1 − r/c) with their lengths. 0 for a story of no words.
///
/// Source: Papineni et al. 2002.
#[must_use]
pub fn bleu(story: &Counted, reference: &Counted) -> f64 {
    let matches = |n: usize| {
        let common = grams::common(&story.grams[n - 1], &reference.grams[n - 1]);
        common.map(|(own, other)| own.min(other)).sum::<usize>()
    };
    of_matches(story, std::array::from_fn(|at| matches(at + 1)), reference.words)
}

fn of_matches(story: &Counted, matches: [usize; N], reference: usize) -> f64 {
    if story.words == 0 {
        return 0.0;
    }
    let log = |n: usize| {
        let numerator = if matches[n - 1] == 0 { SMOOTHED } else { matches[n - 1] as f64 };
        (numerator / story.total(n).max(1) as f64).ln()
    };
    let mean = (1..=N).map(log).sum::<f64>() / N as f64;
    let brevity = if story.words > reference { 0.0 } else { 1.0 - reference as f64 / story.words as f64 };
    (mean + brevity).exp()
}

/// pair-BLEU(D) = the mean of BLEU(i | j) over these pairs, each taken both ways. Nearly free of how many stories there are, so it is
/// the one to compare. NaN without a pair.
///
/// Source: Zhu et al. 2018 (Texygen); the pairwise form as in Friedman & Dieng 2022.
#[must_use]
pub fn pair_bleu(stories: &[Counted], pairs: &[(usize, usize)]) -> f64 {
    let both = |&(one, two): &(usize, usize)| bleu(&stories[one], &stories[two]) + bleu(&stories[two], &stories[one]);
    pairs.iter().map(both).sum::<f64>() / (2 * pairs.len()) as f64
}

/// self-BLEU(D) = the mean of BLEU(i | all others), each n-gram counted as often as in that other which has most of it; r is the
/// length of the other whose length is nearest, of equals the shorter. It grows with the number of stories. NaN below two.
///
/// Source: Zhu et al. 2018 (Texygen), arXiv 1802.01886.
#[must_use]
pub fn self_bleu(stories: &[Counted]) -> f64 {
    if stories.len() < 2 {
        return f64::NAN;
    }
    // Of every n-gram the most in one story, whose that is, and the most in any other.
    let mut most: [HashMap<Gram, (usize, usize, usize)>; N] = std::array::from_fn(|_| HashMap::new());
    for (at, story) in stories.iter().enumerate() {
        for (most, grams) in most.iter_mut().zip(&story.grams) {
            for &(gram, count) in grams {
                let (first, whose, second) = most.entry(gram).or_insert((0, at, 0));
                if count > *first {
                    (*first, *whose, *second) = (count, at, *first);
                } else {
                    *second = count.max(*second);
                }
            }
        }
    }
    let of = |at: usize| {
        let story = &stories[at];
        let clipped = |n: usize| {
            let known = &most[n];
            let others = |&(gram, count): &(Gram, usize)| {
                let (first, whose, second) = known[&gram];
                count.min(if whose == at { second } else { first })
            };
            story.grams[n].iter().map(others).sum::<usize>()
        };
        let lengths = stories.iter().enumerate().filter(|(other, _)| *other != at).map(|(_, other)| other.words);
        let nearest = lengths.min_by_key(|&length| (length.abs_diff(story.words), length)).unwrap_or_default();
        of_matches(story, std::array::from_fn(clipped), nearest)
    };
    (0..stories.len()).map(of).sum::<f64>() / stories.len() as f64
}

#[cfg(test)]
mod tests {
    use super::super::distinct::tests::{corpus, near};
    use super::*;

    fn counted() -> Vec<Counted> {
        corpus().iter().map(|story| Counted::new(story)).collect()
    }

    #[test]
    fn the_worked_values_of_self_bleu_and_pair_bleu() {
        let stories = counted();
        near(self_bleu(&stories[..2]), bleu(&stories[0], &stories[1]));
        near(bleu(&stories[0], &stories[1]), 0.759_836);
        near(self_bleu(&stories), 0.520_165);
        near(pair_bleu(&stories, &[(0, 1), (0, 2), (1, 2)]), 0.280_495);
    }

    #[test]
    fn what_is_shorter_than_the_other_pays_for_it() {
        let (short, long) = (Counted::new(&[1, 2, 3, 4]), Counted::new(&[1, 2, 3, 4, 5, 6, 7, 8]));
        near(bleu(&short, &long), (-1.0_f64).exp());
        near(bleu(&long, &long), 1.0);
        near(bleu(&Counted::new(&[]), &long), 0.0);
        assert!(self_bleu(&[short]).is_nan() && pair_bleu(&[long], &[]).is_nan());
    }

    #[test]
    fn a_gram_counts_as_often_as_in_the_other_that_has_most_of_it() {
        let stories = [&[1, 1, 1][..], &[1, 1, 2], &[1, 3, 3]].map(Counted::new);
        // Of the first one's three 1s two are in the second: p₁ = 2/3, p₂ = 1/2, p₃ and p₄ smoothed.
        let right = (2.0 / 3.0 * 0.5 * 0.1 * 0.1_f64).powf(0.25);
        let alone = of_matches(&stories[0], [2, 1, 0, 0], 3);
        near(alone, right);
        let others = [of_matches(&stories[1], [2, 1, 0, 0], 3), of_matches(&stories[2], [1, 0, 0, 0], 3)];
        near(self_bleu(&stories), (alone + others[0] + others[1]) / 3.0);
    }
}
