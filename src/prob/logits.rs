//! Rows of logits: the likeliest tokens, and the rank of one.

use super::Token;

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
#[must_use]
pub fn top(row: &[f32], n: usize) -> Vec<Ranked> {
    let mut best: Vec<Ranked> = Vec::with_capacity(n + 1);
    if n == 0 {
        return best;
    }
    let mut threshold = surely_below(row, n);
    // Few tokens pass the threshold, so sixteen are asked at a time whether any does: that takes vector units one step.
    for (part, sixteen) in (0..).step_by(16).zip(row.chunks(16)) {
        let passing: u32 = sixteen.iter().map(|&logit| u32::from(logit > threshold)).sum();
        if passing == 0 {
            continue;
        }
        for (token, &logit) in (part..).zip(sixteen) {
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

/// How many tokens of the row are likelier than `token`, equals with smaller numbers among them: 0 for the likeliest.
#[must_use]
pub fn rank(row: &[f32], token: Token) -> usize {
    let Some(&logit) = row.get(token as usize) else { return row.len() };
    (0..).zip(row).filter(|&(other, &l): &(Token, &f32)| l > logit || (l == logit && other < token)).count()
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
    fn equals_a_stable_sort_on_any_row() {
        let row: Vec<f32> = (0_u32..5000).map(|i| (i.wrapping_mul(2_654_435_761) % 97) as f32).collect();
        let mut sorted: Vec<Token> = (0..5000).collect();
        sorted.sort_by(|&a, &b| row[b as usize].total_cmp(&row[a as usize]).then(a.cmp(&b)));
        assert_eq!(tokens(&row, 300), sorted[..300]);
        for n in [1, 2, 20, 255, 256, 257] {
            assert_eq!(tokens(&row, n), sorted[..n]);
            assert_eq!(tokens(&row[..40], n), tokens(&row[..40], 300)[..n.min(40)]);
        }
        assert!(sorted.iter().take(300).enumerate().all(|(place, &token)| rank(&row, token) == place));
    }
}
