//! DRY, "don't repeat yourself": the penalty for going on with a repetition.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};

use super::{Last, Multiplier, Token};

/// A token that would extend a repeated suffix of length L ≥ allowed loses multiplier · base^(L − allowed) from its logit.
///
/// Source: p-e-w, text-generation-webui pull request 5677, 2024. Breakers are tokens here, not strings: a breaker that a
/// tokenizer spreads over several tokens breaks at each of them that holds it whole, else not at all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Dry {
    /// The penalty at the allowed length, in nats; 0 does nothing.
    pub multiplier: Multiplier,
    /// How much the penalty grows with each further token of the match; 1 does not let it grow.
    #[serde(default = "Dry::usual_base")]
    pub base: Multiplier,
    /// The shortest match that is punished, in tokens.
    #[serde(default = "Dry::usual_allowed_length")]
    pub allowed_length: NonZeroUsize,
    /// How many of the latest tokens, the prompt's among them, are searched for matches.
    #[serde(default = "Dry::usual_last")]
    pub last: Last,
    /// A match does not reach across a token whose piece holds one of these.
    #[serde(default = "Dry::usual_breakers")]
    pub breakers: Vec<String>,
}

impl Dry {
    fn usual_base() -> Multiplier {
        Multiplier::usual(1.75)
    }

    fn usual_allowed_length() -> NonZeroUsize {
        NonZeroUsize::new(2).unwrap_or(NonZeroUsize::MIN)
    }

    fn usual_last() -> Last {
        Last::usual(1024)
    }

    fn usual_breakers() -> Vec<String> {
        ["\n", ":", "\"", "*"].map(String::from).to_vec()
    }

    /// What each token would lose that goes on with a match, given the text so far: for every earlier place that ends like the
    /// text ends, over L tokens, the token that followed there.
    ///
    /// `breaks(token)` tells whether a match must not hold the token. Runs in O(n) for the n latest tokens: the lengths of all
    /// matches are the Z-function of the reversed text (Gusfield 1997).
    pub fn penalties(&self, text: &[Token], breaks: impl Fn(Token) -> bool) -> BTreeMap<Token, f64> {
        let text = self.last.of(text);
        let matches = z_function(text);
        // Only the tail behind the last breaker can be repeated, and no match is longer than it. Matches are short and breakers
        // cost a look into every piece, so no more of the tail is read than the longest match needs.
        let most = matches.iter().copied().max().unwrap_or_default();
        let longest = text.iter().rev().take(most).take_while(|&&token| !breaks(token)).count();
        let mut lengths: BTreeMap<Token, usize> = BTreeMap::new();
        for (back, length) in matches.into_iter().enumerate().skip(1) {
            let length = length.min(longest);
            // The match ends `back` tokens before the end of the text; this token came next.
            let next = text[text.len() - back];
            if length >= self.allowed_length.get() && !breaks(next) {
                let known = lengths.entry(next).or_default();
                *known = length.max(*known);
            }
        }
        lengths.into_iter().map(|(token, length)| (token, self.penalty(length))).collect()
    }

    /// multiplier · base^(L − allowed), kept finite.
    fn penalty(&self, length: usize) -> f64 {
        if self.multiplier.get() == 0.0 {
            // A power beyond all numbers would make nothing of it.
            return 0.0;
        }
        let excess = (length - self.allowed_length.get()) as f64;
        (self.multiplier.get() * self.base.get().powf(excess)).min(f64::from(f32::MAX))
    }
}

/// `z[i]`: over how many tokens the text reversed and the text reversed from its i-th token on agree. `z[0]` is not used.
fn z_function(text: &[Token]) -> Vec<usize> {
    let n = text.len();
    let reversed = |i: usize| text[n - 1 - i];
    let mut z = vec![0; n];
    let (mut left, mut right) = (0, 0);
    for i in 1..n {
        let mut length = if i < right { z[i - left].min(right - i) } else { 0 };
        while i + length < n && reversed(length) == reversed(i + length) {
            length += 1;
        }
        z[i] = length;
        if i + length > right {
            (left, right) = (i, i + length);
        }
    }
    z
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dry(allowed: usize) -> Dry {
        toml::from_str(&format!("multiplier = 0.8\nallowed-length = {allowed}")).unwrap()
    }

    fn penalties(text: &[Token], allowed: usize) -> Vec<(Token, f64)> {
        dry(allowed).penalties(text, |token| token == 9).into_iter().collect()
    }

    #[test]
    fn a_repeated_suffix_punishes_what_followed_it() {
        // "1 2 3 … 1 2": the match 1 2 has length 2, so 3 loses 0.8 · 1.75⁰.
        assert_eq!(penalties(&[1, 2, 3, 7, 1, 2], 2), [(3, 0.8)]);
        // With a third token in the match: 0.8 · 1.75¹.
        assert_eq!(penalties(&[5, 1, 2, 3, 7, 5, 1, 2], 2), [(3, 0.8 * 1.75)]);
    }

    #[test]
    fn a_match_shorter_than_allowed_is_free() {
        assert_eq!(penalties(&[1, 2, 3, 7, 1, 2], 3), []);
        assert_eq!(penalties(&[0, 2, 3, 7, 1, 2], 2), []);
    }

    #[test]
    fn the_longest_match_of_a_token_counts() {
        assert_eq!(penalties(&[4, 1, 2, 3, 6, 1, 2, 3, 4, 1, 2], 2), [(3, 0.8 * 1.75)]);
    }

    #[test]
    fn a_match_does_not_cross_a_breaker_and_a_breaker_is_never_punished() {
        assert_eq!(penalties(&[1, 9, 2, 3, 7, 1, 9, 2], 2), []);
        assert_eq!(penalties(&[1, 2, 9, 1, 2], 2), []);
    }

    #[test]
    fn the_shortest_texts_have_no_penalties() {
        assert_eq!(penalties(&[], 1), []);
        assert_eq!(penalties(&[1], 1), []);
    }

    #[test]
    fn only_the_latest_tokens_are_searched() {
        let mut dry = dry(2);
        dry.last = Last::usual(5);
        assert!(dry.penalties(&[1, 2, 3, 7, 1, 2], |_| false).is_empty());
        dry.last = Last::usual(6);
        assert_eq!(dry.penalties(&[1, 2, 3, 7, 1, 2], |_| false).len(), 1);
    }

    #[test]
    fn a_huge_match_stays_finite() {
        let text = vec![1; 1024];
        assert!(penalties(&text, 1).iter().all(|(_, penalty)| penalty.is_finite()));
    }

    #[test]
    fn the_z_function_equals_its_definition() {
        let text: Vec<Token> = (0_u32..200).map(|i| (i * i / 3) % 3).collect();
        let reversed: Vec<Token> = text.iter().rev().copied().collect();
        let z = z_function(&text);
        for i in 1..text.len() {
            let agreeing = reversed.iter().zip(&reversed[i..]).take_while(|(a, b)| a == b).count();
            assert_eq!(z[i], agreeing, "i = {i}");
        }
    }
}
