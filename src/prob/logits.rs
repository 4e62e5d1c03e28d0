//! Rows of logits: the likeliest tokens, and the rank of one.

use std::cmp::Ordering;

use super::lanes::{BLOCK, blocks, count};
use super::{Temperature, Token};

/// A token and its logit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranked {
    /// The token.
    pub token: Token,
    /// Its logit in the row.
    pub logit: f32,
}

/// The n likeliest tokens, likeliest first, of equals the smaller number first; fewer where the row has fewer finite logits.
///
/// One pass: a logit that does not beat the n-th best so far costs one comparison, and NaN beats nothing. What to beat is known
/// well from the start, by a look at the row's beginning.
///
/// ```
/// use afterword::prob::top;
///
/// let tokens: Vec<u32> = top(&[0.5, 2.0, f32::NAN, 3.0], 2).iter().map(|ranked| ranked.token).collect();
/// assert_eq!(tokens, [3, 1]);
/// ```
#[must_use]
pub fn top(row: &[f32], n: usize) -> Vec<Ranked> {
    if n > LONGEST {
        return top_sorted(row, n);
    }
    let mut best: Vec<Ranked> = Vec::with_capacity(n + 1);
    if n == 0 {
        return best;
    }
    let mut threshold = surely_below(row, n);
    for (first, block) in blocks(row, &mut [0.0; BLOCK]) {
        // Few tokens pass the threshold.
        if count(block, |logit| logit > threshold) > 0 {
            for (token, &logit) in (first..).zip(block) {
                if logit > threshold {
                    let place = best.partition_point(|ranked| ranked.logit >= logit);
                    best.insert(place, Ranked { token, logit });
                    best.truncate(n);
                    if best.len() == n {
                        threshold = best[n - 1].logit;
                    }
                }
            }
        }
    }
    best
}

/// The longest list that is kept in order while the row is read.
const LONGEST: usize = 1024;

/// As [`top`], for lists so long that a place in them would be dear to find.
fn top_sorted(row: &[f32], n: usize) -> Vec<Ranked> {
    let ranked = (0..).zip(row).map(|(token, &logit)| Ranked { token, logit });
    let mut best: Vec<Ranked> = ranked.filter(|ranked| ranked.logit > f32::NEG_INFINITY).collect();
    // Both zeros are equal, and NaN is gone.
    let order = |a: &Ranked, b: &Ranked| b.logit.partial_cmp(&a.logit).unwrap_or(Ordering::Equal).then(a.token.cmp(&b.token));
    if n < best.len() {
        best.select_nth_unstable_by(n, order);
        best.truncate(n);
    }
    best.sort_unstable_by(order);
    best
}

/// A number that at least n logits of the row are above: of 256 short parts at its beginning each has a largest, and the n-th
/// best of those is reached by n tokens.
fn surely_below(row: &[f32], n: usize) -> f32 {
    let (parts, _) = row.as_chunks::<16>();
    let mut maxima = [f32::NEG_INFINITY; 256];
    for (max, part) in maxima.iter_mut().zip(parts) {
        let mut lanes = [f32::NEG_INFINITY; 8];
        for (lane, (&one, &other)) in lanes.iter_mut().zip(part[..8].iter().zip(&part[8..])) {
            *lane = one.max(other);
        }
        *max = lanes.into_iter().fold(f32::NEG_INFINITY, f32::max);
    }
    if n > maxima.len() {
        return f32::NEG_INFINITY;
    }
    let (_, nth, _) = maxima.select_nth_unstable_by(n - 1, |a, b| b.total_cmp(a));
    nth.next_down()
}

/// The token with the largest weight, of equals the smaller number; its weight is its logit in the row behind these temperatures,
/// none of them frozen. `lead`, a token and its weight, is in the race already. `None` where nothing has a finite logit and `may`.
#[must_use]
pub fn heaviest_of_row(
    lead: Option<(Token, f64)>,
    row: &[f32],
    temperatures: &[Temperature],
    may: impl Fn(Token) -> bool,
) -> Option<Token> {
    // A temperature keeps the order of logits, though two may become equal: what is not above one that ran has lost to it.
    let (mut best, mut ran) = (lead, f32::NEG_INFINITY);
    for (first, block) in blocks(row, &mut [0.0; BLOCK]) {
        if count(block, |logit| logit > ran) == 0 {
            continue;
        }
        for (token, &logit) in (first..).zip(block) {
            if logit > ran && logit.is_finite() && may(token) {
                ran = logit;
                let weight = temperatures.iter().fold(f64::from(logit), |logit, temperature| temperature.cool(logit));
                if best.is_none_or(|(leader, heaviest)| weight > heaviest || (weight == heaviest && token < leader)) {
                    best = Some((token, weight));
                }
            }
        }
    }
    best.map(|(token, _)| token)
}

/// How many tokens of the row are likelier than `token`, equals with smaller numbers among them: 0 for the likeliest.
#[must_use]
pub fn rank(row: &[f32], token: Token) -> usize {
    let Some(&logit) = row.get(token as usize) else { return row.len() };
    let (before, behind) = row.split_at(token as usize);
    above(before, |other| other >= logit) + above(behind, |other| other > logit)
}

/// For how many of these logits something holds.
fn above(logits: &[f32], holds: impl Fn(f32) -> bool) -> usize {
    let (whole, rest) = logits.as_chunks::<BLOCK>();
    let counted: usize = whole.iter().map(|block| count(block, &holds) as usize).sum();
    counted + rest.iter().filter(|&&logit| holds(logit)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(row: &[f32], n: usize) -> Vec<Token> {
        top(row, n).iter().map(|ranked| ranked.token).collect()
    }

    #[test]
    fn the_likeliest_come_first_and_equals_by_number() {
        assert_eq!(tokens(&[0.5, 2.0, 0.5, 3.0, 2.0], 4), [3, 1, 4, 0]);
        assert_eq!(tokens(&[0.0; 5], 3), [0, 1, 2]);
    }

    #[test]
    fn what_is_not_finite_from_below_is_left_out() {
        assert_eq!(tokens(&[f32::NEG_INFINITY, 1.0, f32::NAN, 2.0], 4), [3, 1]);
        assert!(top(&[1.0, 2.0], 0).is_empty());
        // Nor do they count among what is to be beaten.
        let row: Vec<f32> =
            (0_u8..160).map(|i| [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::from(i)][usize::from(i % 4)]).collect();
        assert_eq!(top(&row, 100).len(), 80);
        assert!(tokens(&[f32::NEG_INFINITY; 64], 3).is_empty());
    }

    #[test]
    fn the_heaviest_is_the_first_of_the_likeliest_that_may() {
        let warm = [Temperature::new(1.3).unwrap()];
        let row: Vec<f32> = (0_u32..500).map(|i| (i.wrapping_mul(2_654_435_761) % 97) as f32).collect();
        let list = |modulus: u32| top(&row, 500).into_iter().find(|ranked| !ranked.token.is_multiple_of(modulus)).unwrap();
        for modulus in [2, 3, 7] {
            let (best, may) = (list(modulus), |token: Token| !token.is_multiple_of(modulus));
            assert_eq!(heaviest_of_row(None, &row, &warm, may), Some(best.token));
            // Of one that is as heavy the smaller number wins, and behind one that is heavier all have lost.
            let weight = warm[0].cool(f64::from(best.logit));
            let beside = |token, more| heaviest_of_row(Some((token, weight + more)), &row, &warm, may);
            assert_eq!([beside(0, 0.0), beside(999, 0.0), beside(999, 0.1)], [0, best.token, 999].map(Some));
        }
        // What a temperature makes equal is a matter of the smaller number too.
        let high = [Temperature::new(1e300).unwrap(); 2];
        assert_eq!(heaviest_of_row(None, &[1.0, f32::NAN, 3.0], &high, |_| true), Some(0));
        assert_eq!(heaviest_of_row(None, &[f32::NEG_INFINITY, f32::NAN], &[], |_| true), None);
        assert_eq!(heaviest_of_row(None, &[1.0], &[], |_| false), None);
    }

    #[test]
    fn equals_a_stable_sort_on_any_row() {
        let row: Vec<f32> = (0_u32..5000).map(|i| (i.wrapping_mul(2_654_435_761) % 97) as f32).collect();
        let mut sorted: Vec<Token> = (0..5000).collect();
        sorted.sort_by(|&a, &b| row[b as usize].total_cmp(&row[a as usize]).then(a.cmp(&b)));
        assert_eq!(tokens(&row, 300), sorted[..300]);
        for n in [1, 2, 20, 255, 256, 257] {
            assert_eq!(tokens(&row, n), sorted[..n]);
            assert_eq!(tokens(&row[..40], n), tokens(&row[..40], 300)[..n.min(40)]);
        }
        for n in [1024, 1025, 4999, 5000, 6000] {
            assert_eq!(tokens(&row, n), sorted[..n.min(5000)]);
        }
        assert_eq!(tokens(&[0.0, -0.0, f32::NAN, f32::NEG_INFINITY, 0.0], 2000), [0, 1, 4]);
        assert!(sorted.iter().enumerate().all(|(place, &token)| rank(&row, token) == place));
    }

    #[test]
    fn what_is_not_finite_has_a_rank_too() {
        let row = [f32::NEG_INFINITY, 1.0, f32::NAN, f32::NEG_INFINITY, 2.0];
        assert_eq!([0, 1, 2, 3, 4, 5].map(|token| rank(&row, token)), [2, 1, 0, 3, 0, 5]);
    }
}
