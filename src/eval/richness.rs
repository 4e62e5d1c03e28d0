//! Richness of words within one story. Guards with two sides: prose of people is poorer than that of many models, and noise is richest.

use std::collections::{HashMap, HashSet};

use super::words::Word;

/// MATTR: the mean over all windows of w words of their different words / w; that of the whole where it is shorter. NaN of nothing.
///
/// Source: Covington & `McFall` 2010.
#[must_use]
pub fn mattr(story: &[Word], window: usize) -> f64 {
    let window = window.min(story.len());
    let mut counts: HashMap<Word, usize> = HashMap::new();
    let (mut sum, mut windows) = (0, 0);
    for (at, &word) in story.iter().enumerate() {
        *counts.entry(word).or_default() += 1;
        if at >= window {
            let gone = story[at - window];
            let left = counts.remove(&gone).unwrap_or_default();
            if left > 1 {
                counts.insert(gone, left - 1);
            }
        }
        if at + 1 >= window {
            sum += counts.len();
            windows += 1;
        }
    }
    sum as f64 / (windows * window) as f64
}

/// The type-token ratio at which a factor of MTLD is full.
const FULL: f64 = 0.72;

/// MTLD: words / factors, a factor being as many words as it takes until different words / words is at most .72; what is left at the
/// end counts as (1 − TTR)/.28 of one. The mean of the text read forwards and backwards. NaN of nothing.
///
/// A text without any factor, all of whose words differ, has as much as it has words.
/// Source: `McCarthy` & Jarvis 2010.
#[must_use]
pub fn mtld(story: &[Word]) -> f64 {
    let forwards = words_a_factor(story.iter());
    f64::midpoint(forwards, words_a_factor(story.iter().rev()))
}

fn words_a_factor<'a>(story: impl ExactSizeIterator<Item = &'a Word>) -> f64 {
    let total = story.len() as f64;
    let (mut factors, mut words) = (0.0, 0.0);
    let mut seen: HashSet<Word> = HashSet::new();
    for &word in story {
        words += 1.0;
        seen.insert(word);
        if seen.len() as f64 / words <= FULL {
            factors += 1.0;
            words = 0.0;
            seen.clear();
        }
    }
    if words > 0.0 {
        factors += (1.0 - seen.len() as f64 / words) / (1.0 - FULL);
    }
    if factors > 0.0 { total / factors } else { total / 1.0_f64.min(total) }
}

/// Words that HD-D draws.
pub const DRAWS: usize = 42;

/// HD-D = Σ over different words (1 − P(none among `draws` words drawn without putting back)) / draws, with P(0) =
/// C(N − f, draws)/C(N, draws). The richness that is least moved by length. NaN where there are fewer words than draws.
///
/// Source: `McCarthy` & Jarvis 2007.
#[must_use]
pub fn hdd(story: &[Word], draws: usize) -> f64 {
    let total = story.len();
    if total < draws || draws == 0 {
        return f64::NAN;
    }
    let mut counts: HashMap<Word, usize> = HashMap::new();
    for &word in story {
        *counts.entry(word).or_default() += 1;
    }
    // Many words stand there equally often; ascending, so that equal stories have equal sums.
    let mut often = vec![0_u32; total + 1];
    for count in counts.values() {
        often[*count] += 1;
    }
    let none = |count: usize| {
        (0..draws).map(|drawn| (total - drawn).saturating_sub(count) as f64 / (total - drawn) as f64).product::<f64>()
    };
    let met = |(count, &words): (usize, &u32)| if words == 0 { 0.0 } else { f64::from(words) * (1.0 - none(count)) };
    often.iter().enumerate().map(met).sum::<f64>() / draws as f64
}

#[cfg(test)]
mod tests {
    use super::super::distinct::tests::{looping, near};
    use super::*;

    #[test]
    fn the_worked_values_of_mattr_mtld_and_hdd() {
        let x = looping();
        near(mattr(&x, 3), 11.0 / 15.0);
        near(mtld(&x), 5.25);
        near(hdd(&x, 3), 0.733_333_3);
        near(words_a_factor(x.iter()), 3.5);
        near(words_a_factor(x.iter().rev()), 7.0);
        near(mtld(&(0..10).collect::<Vec<Word>>()), 10.0);
    }

    #[test]
    fn a_story_shorter_than_the_window_is_its_own_window() {
        near(mattr(&[1, 1, 2], 100), 2.0 / 3.0);
        assert!(mattr(&[], 100).is_nan() && hdd(&[1, 2], DRAWS).is_nan() && mtld(&[]).is_nan());
    }
}
