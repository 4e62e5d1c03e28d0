//! Notices a story that repeats itself for good.

use crate::prob::Token;

/// The longest phrase whose repetitions are noticed, in tokens.
const LONGEST: usize = 64;

/// How often a phrase has to stand in a row.
const TIMES: usize = 3;

/// How many tokens its repetitions have to cover: a refrain of a song covers fewer, and then the song goes on.
const COVERED: usize = 96;

/// Follows a story token by token, and knows when it goes in a circle.
///
/// A story of tokens t₁ … tₙ does so when for a period p ≤ 64 its last m tokens are one phrase of p tokens over and over:
///
/// tᵢ = tᵢ₋ₚ for all i in n − m + p < i ≤ n,   m ≥ max(3p, 96)
///
/// The last repetition may be incomplete. Each token costs one comparison for each p.
///
/// Source: Holtzman et al., "The Curious Case of Neural Text Degeneration", 2020, arXiv 1904.09751, count a text as
/// repetitive when a phrase stands at its end three times in a row; the 96 tokens are ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LoopDetector {
    /// For every period p from 1 up: how many of the last tokens were equal to the one p before them.
    equal: [usize; LONGEST],
}

impl LoopDetector {
    /// Before the first token.
    pub fn new() -> Self {
        Self { equal: [0; LONGEST] }
    }

    /// Takes in the last of the tokens that were told, and tells whether they now go in a circle.
    pub fn hear(&mut self, told: &[Token]) -> bool {
        let Some((last, before)) = told.split_last() else { return false };
        let mut circles = false;
        for (period, equal) in (1..).zip(&mut self.equal) {
            let same = before.len().checked_sub(period).is_some_and(|at| before[at] == *last);
            *equal = if same { *equal + 1 } else { 0 };
            circles |= *equal > 0 && *equal + period >= COVERED.max(TIMES * period);
        }
        circles
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After how many tokens it is heard.
    fn heard(story: impl IntoIterator<Item = Token>) -> Option<usize> {
        let (mut refrain, mut told) = (LoopDetector::new(), Vec::new());
        for token in story {
            told.push(token);
            if refrain.hear(&told) {
                return Some(told.len());
            }
        }
        None
    }

    /// Tokens none of which stands twice.
    fn prose(length: Token) -> impl Iterator<Item = Token> + Clone {
        1000..1000 + length
    }

    #[test]
    fn a_phrase_is_heard_at_its_third_time_and_at_the_96th_token() {
        for (period, covered) in [(1, 96), (2, 96), (7, 96), (31, 96), (32, 96), (33, 99), (63, 189), (64, 192)] {
            let circle = (0..period).cycle().take(1000);
            assert_eq!(heard(prose(50).chain(circle)), Some(50 + covered), "period {period}");
        }
        assert_eq!(heard((0..65).cycle().take(1000)), None);
    }

    #[test]
    fn one_token_less_is_not_heard_and_another_one_begins_anew() {
        for (period, covered) in [(1, 95), (32, 95), (33, 98), (64, 191)] {
            let almost = (0..period).cycle().take(covered);
            assert_eq!(heard(almost.clone().chain(prose(300))), None);
            assert_eq!(heard(almost.clone().chain(prose(1)).chain(almost).chain(prose(1))), None, "period {period}");
        }
    }

    #[test]
    fn a_circle_within_a_longer_story_counts_from_where_it_begins() {
        let story = prose(200)
            .chain([1, 2, 3].into_iter().cycle().take(95))
            .chain([9, 9, 9])
            .chain([4, 5].into_iter().cycle().take(200));
        assert_eq!(heard(story), Some(200 + 95 + 3 + 96));
    }

    #[test]
    fn a_song_may_come_back_to_its_refrain() {
        // Verses of new words, and after each of them a refrain of 40 tokens whose line stands twice.
        let refrain = || (0..20).chain(0..20);
        let song = (0..30_u32).flat_map(|verse| (1000 + verse * 30..1030 + verse * 30).chain(refrain()));
        assert_eq!(heard(song), None);
        // Four words sung twelve times, as children do.
        assert_eq!(heard(prose(9).chain((0..4).cycle().take(48)).chain(prose(9))), None);
    }
}
