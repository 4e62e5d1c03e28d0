//! Shared n-grams: phrases that stand in several stories. Within a prompt they tell of a narrow model, across prompts of a house style.

use std::collections::HashMap;

use super::grams::{self, Gram};
use super::words::Word;

/// The n-grams of a story as a set, without those that its prompt holds: an echo of the prompt is no phrase of the model's.
#[must_use]
pub fn own(story: &[Word], prompt: &[Word], n: usize) -> Vec<Gram> {
    let echo = grams::set(prompt, n);
    let mut set = grams::set(story, n);
    set.retain(|gram| echo.binary_search(gram).is_err());
    set
}

/// What a story shares with others.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Shared {
    /// SRS(d) = ln(1 + Σ over its n-grams of the other stories that hold them), nats.
    ///
    /// Source: Salkar et al. 2022; Shaib et al. 2024, arXiv 2403.00553.
    pub srs: f64,
    /// shared-n(d): the share of its n-grams that stand in another story, from 0 to 1. A story without any has 0.
    pub share: f64,
}

/// What every one of these stories shares with the others. Each is given as its set of n-grams.
#[must_use]
pub fn within(stories: &[&[Gram]]) -> Vec<Shared> {
    let mut holders: HashMap<Gram, usize> = HashMap::new();
    for gram in stories.iter().flat_map(|set| set.iter()) {
        *holders.entry(*gram).or_default() += 1;
    }
    let of = |set: &&[Gram]| shared(set, |gram| holders[gram] - 1);
    stories.iter().map(of).collect()
}

fn shared(set: &[Gram], others: impl Fn(&Gram) -> usize) -> Shared {
    let (mut sum, mut common) = (0, 0);
    for gram in set {
        let others = others(gram);
        sum += others;
        common += usize::from(others > 0);
    }
    Shared { srs: (sum as f64).ln_1p(), share: common as f64 / set.len().max(1) as f64 }
}

/// What stories share with those of *other* prompts.
#[derive(Debug, Clone, PartialEq)]
pub struct Across {
    /// Of every story.
    pub stories: Vec<Shared>,
    /// For every prompt the mean of `share` over the stories of all others, were it left out: what a jackknife needs.
    pub without: Vec<f64>,
    /// The same for `srs`.
    pub srs_without: Vec<f64>,
}

/// The prompts that hold an n-gram, each with how many of its stories do.
type Holders = Vec<(usize, usize)>;

/// What every one of these stories shares with stories of other prompts; `prompts` holds the prompt of each, below `count`.
#[must_use]
pub fn across(stories: &[&[Gram]], prompts: &[usize], count: usize) -> Across {
    let holders = holders(stories, prompts);
    let mut told = Vec::with_capacity(stories.len());
    // Of every prompt what is left of all sums without it, and of how many stories.
    let mut left = vec![(0.0, 0.0, stories.len()); count];
    // Of the story at hand: the stories of each prompt that hold something of it, and its n-grams that no third prompt holds.
    let mut partners = vec![(0, 0); count];
    for (set, &own) in stories.iter().zip(prompts) {
        let (mut sum, mut common, mut met) = (0, 0, Vec::new());
        for holders in set.iter().filter_map(|gram| holders.get(gram)) {
            common += 1;
            for &(prompt, stories) in holders.iter().filter(|(prompt, _)| *prompt != own) {
                sum += stories;
                if partners[prompt].0 == 0 {
                    met.push(prompt);
                }
                partners[prompt].0 += stories;
                partners[prompt].1 += usize::from(holders.len() == 2);
            }
        }
        let size = set.len().max(1) as f64;
        let whole = Shared { srs: (sum as f64).ln_1p(), share: common as f64 / size };
        told.push(whole);
        left[own].0 -= whole.share;
        left[own].1 -= whole.srs;
        left[own].2 -= 1;
        for partner in met {
            let (stories, alone) = std::mem::take(&mut partners[partner]);
            left[partner].0 -= alone as f64 / size;
            left[partner].1 -= whole.srs - ((sum - stories) as f64).ln_1p();
        }
    }
    let sum = |value: fn(&Shared) -> f64| told.iter().map(value).sum::<f64>();
    let (share, srs) = (sum(|shared| shared.share), sum(|shared| shared.srs));
    Across {
        without: left.iter().map(|(less, _, stories)| (share + less) / *stories as f64).collect(),
        srs_without: left.iter().map(|(_, less, stories)| (srs + less) / *stories as f64).collect(),
        stories: told,
    }
}

/// Who holds the n-grams that stand in stories of two prompts or more.
fn holders(stories: &[&[Gram]], prompts: &[usize]) -> HashMap<Gram, Holders> {
    let mut all: Vec<(Gram, usize)> =
        stories.iter().zip(prompts).flat_map(|(set, &prompt)| set.iter().map(move |gram| (*gram, prompt))).collect();
    all.sort_unstable();
    let shared = all.chunk_by(|one, two| one.0 == two.0).filter(|same| same[0].1 != same[same.len() - 1].1);
    let of = |same: &[(Gram, usize)]| same.chunk_by(|one, two| one.1 == two.1).map(|own| (own[0].1, own.len())).collect();
    shared.map(|same| (same[0].0, of(same))).collect()
}

/// For every two prompts the mean over pairs of their stories of the share of n-grams that the pair has in common, (|i ∩ j|/|i| +
/// |i ∩ j|/|j|)/2: a symmetric matrix, NaN on its diagonal. Means over pairs may be resampled by prompt, which those over sets may not.
#[must_use]
pub fn pairs(stories: &[&[Gram]], prompts: &[usize], count: usize) -> Vec<Vec<f64>> {
    let mut held: Vec<(Gram, usize)> =
        stories.iter().enumerate().flat_map(|(story, set)| set.iter().map(move |gram| (*gram, story))).collect();
    held.sort_unstable();
    let mut sizes = vec![0_usize; count];
    for &prompt in prompts {
        sizes[prompt] += 1;
    }
    let mut matrix = vec![vec![0.0; count]; count];
    for holders in held.chunk_by(|one, two| one.0 == two.0) {
        for (at, &(_, one)) in holders.iter().enumerate() {
            for &(_, two) in &holders[at + 1..] {
                let share = f64::midpoint(1.0 / stories[one].len() as f64, 1.0 / stories[two].len() as f64);
                let (one, two) = (prompts[one], prompts[two]);
                matrix[one][two] += share;
                matrix[two][one] += share;
            }
        }
    }
    for (one, row) in matrix.iter_mut().enumerate() {
        for (two, value) in row.iter_mut().enumerate() {
            *value = if one == two { f64::NAN } else { *value / (sizes[one] * sizes[two]) as f64 };
        }
    }
    matrix
}

#[cfg(test)]
mod tests {
    use super::super::distinct::tests::{corpus, near};
    use super::*;

    fn sets(n: usize) -> Vec<Vec<Gram>> {
        corpus().iter().map(|story| grams::set(story, n)).collect()
    }

    fn means(shared: &[Shared]) -> (f64, f64) {
        let mean = |value: fn(&Shared) -> f64| shared.iter().map(value).sum::<f64>() / shared.len() as f64;
        (mean(|shared| shared.srs), mean(|shared| shared.share))
    }

    #[test]
    fn the_worked_values_of_srs_and_shared_n() {
        let (four, two) = (sets(4), sets(2));
        let shared = |sets: &[Vec<Gram>]| means(&within(&sets.iter().map(Vec::as_slice).collect::<Vec<_>>()));
        near(shared(&four).0, 0.732_408);
        near(shared(&four).1, 4.0 / 9.0);
        near(shared(&two).1, 0.533_333_3);
    }

    #[test]
    fn what_stands_in_the_prompt_is_no_phrase_of_the_story() {
        let story = [1, 2, 3, 4, 5];
        assert_eq!(own(&story, &[9, 1, 2, 3, 4], 4), grams::set(&[2, 3, 4, 5], 4));
        assert_eq!(own(&story, &[], 4).len(), 2);
    }

    #[test]
    fn across_prompts_a_sibling_does_not_count() {
        let sets = sets(4);
        let sets: Vec<&[Gram]> = sets.iter().map(Vec::as_slice).collect();
        // A and B of one prompt, C of another: nothing is shared.
        near(means(&across(&sets, &[0, 0, 1], 2).stories).1, 0.0);
        // Each of its own: as within one.
        let all = across(&sets, &[0, 1, 2], 3);
        near(means(&all.stories).1, 4.0 / 9.0);
        near(means(&all.stories).0, 0.732_408);
    }

    #[test]
    fn what_is_left_without_a_prompt_is_what_counting_afresh_finds() {
        let texts: Vec<Vec<Word>> =
            [&[1, 2, 3, 4, 5, 6][..], &[1, 2, 3, 9, 9], &[4, 5, 6, 1, 2], &[2, 3, 4, 5], &[7, 1, 2, 3], &[8, 8, 7, 1]]
                .map(<[Word]>::to_vec)
                .to_vec();
        let prompts = [0, 0, 1, 1, 2, 3];
        let sets: Vec<Vec<Gram>> = texts.iter().map(|text| grams::set(text, 2)).collect();
        let sets: Vec<&[Gram]> = sets.iter().map(Vec::as_slice).collect();
        let all = across(&sets, &prompts, 4);
        for left_out in 0..4 {
            let kept = |at: &usize| prompts[*at] != left_out;
            let (some, of): (Vec<&[Gram]>, Vec<usize>) = (0..6).filter(kept).map(|at| (sets[at], prompts[at])).unzip();
            let (srs, share) = means(&across(&some, &of, 4).stories);
            near(all.without[left_out], share);
            near(all.srs_without[left_out], srs);
        }
    }

    #[test]
    fn the_matrix_of_pairs_is_symmetric_and_its_diagonal_nothing() {
        let sets = sets(4);
        let sets: Vec<&[Gram]> = sets.iter().map(Vec::as_slice).collect();
        let matrix = pairs(&sets, &[0, 1, 2], 3);
        near(matrix[0][1], 2.0 / 3.0);
        near(matrix[1][0], 2.0 / 3.0);
        near(matrix[0][2], 0.0);
        assert!((0..3).all(|at| matrix[at][at].is_nan()));
        // Two stories a prompt: the mean over their four pairs.
        let doubled = [sets[0], sets[2], sets[1], sets[2]];
        near(pairs(&doubled, &[0, 0, 1, 1], 2)[0][1], (2.0 / 3.0 + 1.0) / 4.0);
    }
}
