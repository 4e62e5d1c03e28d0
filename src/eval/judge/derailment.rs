//! Where a story is lost: it goes on in another language, in no words, or in what no reader could expect.

use crate::story::ScoredText;

/// The tokens of a stretch: so long is a story off its way before it counts as lost, and not as bold.
pub const STRETCH: usize = 40;

/// What a story may not pass. Every report states them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// The judge's surprisal at its worst stretch, in nats a byte.
    pub surprisal: f64,
    /// The share of its words that cannot be words.
    pub non_words: f64,
    /// The share of its words in another script than that of all stories.
    pub other_script: f64,
}

/// By what a story is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Derailed {
    /// Words of another script.
    Script,
    /// What cannot be words.
    NonWords,
    /// The judge's surprisal.
    Surprisal,
}

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

/// By what a story is lost, the plainest first: `worst` is its [worst stretch](worst_stretch), where a judge has read it, and the
/// shares are those of its words. A bound that is reached is not passed.
#[must_use]
pub fn derailed(worst: Option<f64>, non_words: f64, other_script: f64, bounds: &Bounds) -> Option<Derailed> {
    if other_script > bounds.other_script {
        Some(Derailed::Script)
    } else if non_words > bounds.non_words {
        Some(Derailed::NonWords)
    } else {
        worst.is_some_and(|worst| worst > bounds.surprisal).then_some(Derailed::Surprisal)
    }
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
        let bounds = Bounds { surprisal: 1.5, non_words: 0.05, other_script: 0.1 };
        assert_eq!(derailed(Some(calm), 0.05, 0.1, &bounds), None);
        assert_eq!(derailed(Some(lost), 0.0, 0.0, &bounds), Some(Derailed::Surprisal));
        assert_eq!(derailed(Some(lost), 0.06, 0.0, &bounds), Some(Derailed::NonWords));
        assert_eq!(derailed(None, 0.06, 0.11, &bounds), Some(Derailed::Script));
        assert_eq!(derailed(None, 0.0, 0.0, &bounds), None);
    }

    #[test]
    fn a_short_text_is_one_stretch_and_none_has_none() {
        assert_eq!(worst_stretch(&text(&[("ab", 1.0), ("cd", 3.0)], 1.0)), Some(1.0));
        assert_eq!(worst_stretch(&ScoredText::default()), None);
    }
}
