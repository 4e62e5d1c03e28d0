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
/// One pass: a logit that does not beat the n-th best so far costs one comparison, and NaN beats nothing.
#[must_use]
pub fn top(row: &[f32], n: usize) -> Vec<Ranked> {
    let mut best: Vec<Ranked> = Vec::with_capacity(n + 1);
    if n == 0 {
        return best;
    }
    let mut threshold = f32::NEG_INFINITY;
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
    }

    #[test]
    fn equals_a_stable_sort_on_any_row() {
        let row: Vec<f32> = (0_u32..5000).map(|i| (i.wrapping_mul(2_654_435_761) % 97) as f32).collect();
        let mut sorted: Vec<Token> = (0..5000).collect();
        sorted.sort_by(|&a, &b| row[b as usize].total_cmp(&row[a as usize]).then(a.cmp(&b)));
        assert_eq!(tokens(&row, 300), sorted[..300]);
        assert!(sorted.iter().take(300).enumerate().all(|(place, &token)| rank(&row, token) == place));
    }
}
