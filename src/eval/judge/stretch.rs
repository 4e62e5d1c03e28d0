//! The worst stretch of a story: where it is lost, it goes on in what no reader could expect.

use crate::story::ScoredText;

/// The tokens of a stretch: so long is a story off its way before it counts as lost, and not as bold.
pub const STRETCH: usize = 40;

/// The largest surprisal of [`STRETCH`] tokens that follow each other, in nats a byte; of a shorter text that of the whole. `None` where
/// nothing has a score.
#[must_use]
pub fn worst_stretch(text: &ScoredText) -> Option<f64> {
    let stretches = text.tokens.windows(STRETCH.min(text.tokens.len()).max(1));
    let per_byte = stretches.map(|stretch| {
        let bytes: usize = stretch.iter().map(|token| token.bytes).sum();
        stretch.iter().map(|token| token.surprisal).sum::<f64>() / bytes.max(1) as f64
    });
    per_byte.max_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use super::super::surprisal::tests::text;
    use super::*;

    #[test]
    fn a_story_is_lost_by_its_worst_stretch_and_not_by_its_mean() {
        let calm = [("word", 2.0)].repeat(300);
        let lost = [[("word", 2.0)].repeat(260), [("word", 8.0)].repeat(STRETCH)].concat();
        let [calm, lost] = [calm, lost].map(|pieces| worst_stretch(&text(&pieces, 2.0)).unwrap());
        assert_eq!((calm, lost), (0.5, 2.0));
    }

    #[test]
    fn a_short_text_is_one_stretch_and_none_has_none() {
        assert_eq!(worst_stretch(&text(&[("ab", 1.0), ("cd", 3.0)], 1.0)), Some(1.0));
        assert_eq!(worst_stretch(&ScoredText::default()), None);
    }
}
