//! ROUGE-L: the longest common subsequence of two stories, and how alike stories are by it.

use std::collections::HashMap;

use super::words::Word;

/// ROUGE-L F1 = 2PR/(P + R) with P = LCS/|i| and R = LCS/|j|, which is 2·LCS/(|i| + |j|). 0 where nothing is common.
///
/// Source: Lin 2004.
#[must_use]
pub fn rouge_l(one: &[Word], two: &[Word]) -> f64 {
    let length = one.len() + two.len();
    if length == 0 { 0.0 } else { 2.0 * common_subsequence(one, two) as f64 / length as f64 }
}

/// hom(D) = the mean of ROUGE-L F1 over these pairs: homogenisation. NaN without a pair.
///
/// Source: Padmakumar & He 2023, arXiv 2309.05196.
#[must_use]
pub fn homogenisation(stories: &[&[Word]], pairs: &[(usize, usize)]) -> f64 {
    pairs.iter().map(|&(one, two)| rouge_l(stories[one], stories[two])).sum::<f64>() / pairs.len() as f64
}

/// The length of the longest common subsequence: 64 places of `one` a step.
///
/// V has a 0 for every place of `one` at which the length over `two` so far grows by one: V ← (V + (V ∧ M)) ∨ (V ∧ ¬M), with M the
/// places of the next word. Source: Hyyrö 2004.
fn common_subsequence(one: &[Word], two: &[Word]) -> usize {
    let blocks = one.len().div_ceil(64);
    let mut places: HashMap<Word, Vec<u64>> = HashMap::new();
    for (at, &word) in one.iter().enumerate() {
        places.entry(word).or_insert_with(|| vec![0; blocks])[at / 64] |= 1 << (at % 64);
    }
    let mut rows = vec![u64::MAX; blocks];
    for word in two {
        let Some(places) = places.get(word) else { continue };
        let mut carry = false;
        for (row, &here) in rows.iter_mut().zip(places) {
            let (sum, one) = row.overflowing_add(*row & here);
            let (sum, two) = sum.overflowing_add(u64::from(carry));
            carry = one || two;
            *row = sum | (*row & !here);
        }
    }
    // Places beyond the end are never matched, and so stay ones.
    rows.iter().map(|row| row.count_zeros() as usize).sum()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::distinct::tests::{corpus, near};
    use super::*;

    #[test]
    fn the_worked_values_of_rouge_l() {
        let corpus = corpus();
        near(rouge_l(&corpus[0], &corpus[1]), 5.0 / 6.0);
        near(rouge_l(&corpus[0], &corpus[2]), 1.0 / 6.0);
        let stories: Vec<&[Word]> = corpus.iter().map(Vec::as_slice).collect();
        near(homogenisation(&stories, &[(0, 1), (0, 2), (1, 2)]), (5.0 + 1.0 + 1.0) / 18.0);
        near(rouge_l(&[], &[]), 0.0);
        assert!(homogenisation(&stories, &[]).is_nan());
    }

    proptest! {
        #[test]
        fn the_fast_length_is_that_of_the_table(
            one in prop::collection::vec(0_u32..6, 0..200),
            two in prop::collection::vec(0_u32..6, 0..200),
        ) {
            let mut row = vec![0; two.len() + 1];
            for a in &one {
                let mut diagonal = 0;
                for (at, b) in two.iter().enumerate() {
                    let above = row[at + 1];
                    row[at + 1] = if a == b { diagonal + 1 } else { above.max(row[at]) };
                    diagonal = above;
                }
            }
            prop_assert_eq!(common_subsequence(&one, &two), row[two.len()]);
        }
    }
}
