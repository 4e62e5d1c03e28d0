//! Token healing: the last piece of the writer's text is told anew, by tokens that begin with it.

use std::borrow::Cow;

use crate::model::{Kind, Vocabulary};
use crate::prob::Token;

/// The end of a writer's text that the tokens of the prompt leave out: the first tokens told spell it, and go on from there.
///
/// A text that ends within what the vocabulary has as one token (`time·`, where it has `·there`) is cut as the model has hardly ever seen
/// it. So these last bytes are taken back, and as long as they are not spelt a token can be drawn only if it begins with what is left of them, or
/// is a beginning of it that leaves what can be spelt: every other one gets −∞ in the row, before any stage of the sampler sees it. What is left is renormalised,
/// so that draws, surprisals and entropies are the model's own given what was typed. Of candidates that are looked at the rows are
/// constrained by what is left behind them.
///
/// Where one token spells all, as with a blank, the story is told as one is that was drawn freely and thrown away until it began with these
/// bytes. Where several do, each of them is drawn so.
///
/// Source: the idea is that of "token healing" in Guidance (Lundberg 2023).
#[derive(Debug, Clone, Default)]
pub(super) struct Healing {
    bytes: Vec<u8>,
    /// Whether tokens spell the bytes from each of them on, and perhaps more; the last one is the end.
    spelt_from: Vec<bool>,
    /// So many tokens of the story stand before the bytes.
    behind: usize,
    vocabulary: Vocabulary,
}

impl Healing {
    pub fn new(text: &str, vocabulary: &Vocabulary) -> Self {
        let bytes = text.as_bytes().to_vec();
        let spelt_from = vec![false; bytes.len() + 1];
        let mut healing = Self { spelt_from, bytes, behind: 0, vocabulary: vocabulary.clone() };
        healing.spelt_from[text.len()] = true;
        for from in (0..text.len()).rev() {
            healing.spelt_from[from] = (0..).take(vocabulary.len()).any(|token| healing.fits(token, &healing.bytes[from..]));
        }
        healing
    }

    /// The same behind so many tokens of the story.
    pub fn behind(self, behind: usize) -> Self {
        Self { behind, ..self }
    }

    /// What is left to be spelt behind these tokens of the story.
    pub fn left<'t>(&self, told: impl IntoIterator<Item = &'t Token>) -> &[u8] {
        let mut left = self.bytes.as_slice();
        for &token in told.into_iter().skip(self.behind) {
            if left.is_empty() {
                break;
            }
            left = left.strip_prefix(self.vocabulary.piece(token)).unwrap_or_default();
        }
        left
    }

    /// The row behind these tokens of the story, in which only what fits has a logit.
    pub fn fitting<'r, 't>(&self, row: &'r [f32], told: impl IntoIterator<Item = &'t Token>) -> Cow<'r, [f32]> {
        let left = self.left(told);
        if left.is_empty() {
            return Cow::Borrowed(row);
        }
        let only = |(token, &logit)| if self.fits(token, left) { logit } else { f32::NEG_INFINITY };
        Cow::Owned((0..).zip(row).map(only).collect())
    }

    /// Whether the vocabulary can spell it.
    pub fn is_possible(&self) -> bool {
        self.spelt_from.first().is_none_or(|&spelt| spelt)
    }

    /// Whether a token begins with what is left to be spelt, or is a beginning of it whose rest can be spelt.
    fn fits(&self, token: Token, left: &[u8]) -> bool {
        let piece = self.vocabulary.piece(token);
        let rest = || self.spelt_from[self.bytes.len() - left.len() + piece.len()];
        let is_text = self.vocabulary.kind(token) == Kind::Text && !piece.is_empty();
        is_text && (piece.starts_with(left) || left.starts_with(piece) && rest())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_fits_behind_what_was_told_keeps_its_logit() {
        let pieces = [" ", " the", "the", "  ", " bro", "wn", " brown", "b", ""];
        let text = pieces.map(|piece| (piece, Kind::Text));
        let vocabulary = Vocabulary::new(text.into_iter().chain([(" x", Kind::Control), (" .", Kind::End)]));
        let fitting = |text: &str, told: &[Token]| -> Vec<Token> {
            let row = [1.0; 11];
            let healing = Healing::new(text, &vocabulary);
            let row = healing.fitting(&row, told);
            (0..11).filter(|&token| row[token as usize] == 1.0).collect()
        };
        assert_eq!(fitting(" ", &[]), [0, 1, 3, 4, 6]);
        assert_eq!(fitting("  ", &[]), [0, 3]);
        assert_eq!(fitting("  ", &[0]), [0, 1, 3, 4, 6]);
        // A blank alone would leave what nothing spells.
        assert_eq!(fitting(" br", &[]), [4, 6]);
        // Once it is spelt, or by a text that it is not spelt by, everything is free.
        for (text, told) in [("", &[][..]), (" ", &[1]), ("  ", &[0, 1]), (" br", &[6]), (" br", &[2])] {
            assert_eq!(fitting(text, told).len(), 11, "{text:?}, {told:?}");
        }
        let possible = |text| Healing::new(text, &vocabulary).is_possible();
        assert_eq!(["", " br", "q", " q"].map(possible), [true, true, false, false]);
    }
}
