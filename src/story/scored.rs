//! A given text as a model reads it: what each token of it was worth to the model.

use crate::prob::Token;

/// A token of a given text, seen by a model that had read all before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoredToken {
    /// The token.
    pub id: Token,
    /// How many bytes of the text it stands for.
    pub bytes: usize,
    /// −ln p, in nats.
    pub surprisal: f64,
    /// How many tokens were likelier: 0 for the likeliest.
    pub rank: usize,
    /// The entropy of the model's distribution before it, in nats: the surprisal that was to be expected.
    pub entropy: f64,
}

/// A given text with the scores of its tokens: its opening and then its tokens cover its bytes, each once and in order.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScoredText {
    /// The text, as it was given.
    pub text: String,
    /// Bytes at its beginning that have no score, for nothing stands before them: the first token of a text without a prompt, for
    /// a model that has no token with which texts begin.
    pub opening: usize,
    /// Its other tokens.
    pub tokens: Vec<ScoredToken>,
    /// How it was read, where it is longer than the model's context; `None` where it was read in one piece.
    pub windows: Option<Windows>,
}

/// The parts in which a text was read that is longer than the model's context.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Windows {
    /// How many there are.
    pub count: usize,
    /// The most tokens of prompt and text in one.
    pub context: usize,
    /// The tokens of the text that each one but the first reads again before its own, so that no token has fewer before it.
    pub overlap: usize,
}

impl ScoredText {
    /// The bytes of the text that have scores.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.tokens.iter().map(|token| token.bytes).sum()
    }

    /// Σ −ln p of its tokens, in nats.
    #[must_use]
    pub fn nats(&self) -> f64 {
        self.tokens.iter().map(|token| token.surprisal).sum()
    }

    /// Its tokens, each with the bytes that it stands for: a character may be parted among several.
    pub fn pieces(&self) -> impl Iterator<Item = (&ScoredToken, &[u8])> {
        let mut rest = self.text.as_bytes().get(self.opening..).unwrap_or_default();
        self.tokens.iter().map(move |token| {
            let (piece, behind) = rest.split_at(token.bytes.min(rest.len()));
            rest = behind;
            (token, piece)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opening_and_pieces_are_the_text() {
        let token = |bytes| ScoredToken { id: 0, bytes, surprisal: 0.5, rank: 0, entropy: 1.0 };
        let text = ScoredText {
            text: "Once é".to_owned(),
            opening: 2,
            tokens: vec![token(2), token(1), token(1), token(1)],
            windows: None,
        };
        let pieces: Vec<&[u8]> = text.pieces().map(|(_, piece)| piece).collect();
        assert_eq!([&text.text.as_bytes()[..2], &pieces.concat()].concat(), text.text.as_bytes());
        assert_eq!((text.bytes(), text.nats()), (5, 2.0));
    }
}
