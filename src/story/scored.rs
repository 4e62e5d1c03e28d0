//! A given text as a model reads it: what each token of it was worth to the model.

use super::TracedToken;
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

    /// Its opening, and what each of its tokens let appear: whole characters, so that the last token of a character has it, and those
    /// before it nothing. Joined they are the text.
    #[must_use]
    pub fn parts(&self) -> (&str, Vec<&str>) {
        let whole = |end: usize| (0..=end.min(self.text.len())).rev().find(|&end| self.text.is_char_boundary(end)).unwrap_or(0);
        let (mut end, mut told) = (self.opening, whole(self.opening));
        let opening = &self.text[..told];
        let part = |token: &ScoredToken| {
            end += token.bytes;
            let before = std::mem::replace(&mut told, whole(end));
            &self.text[before..told]
        };
        (opening, self.tokens.iter().map(part).collect())
    }

    /// What is known at each token, as a story's trace has it.
    #[must_use]
    pub fn trace(&self) -> Vec<TracedToken> {
        let mut rest = self.text.as_bytes().get(self.opening..).unwrap_or_default();
        let token = |token: &ScoredToken| {
            let (piece, behind) = rest.split_at(token.bytes.min(rest.len()));
            rest = behind;
            TracedToken::read(token, String::from_utf8_lossy(piece).into_owned())
        };
        self.tokens.iter().map(token).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(bytes: usize) -> ScoredToken {
        ScoredToken { id: 7, bytes, surprisal: 0.5_f64.recip().ln(), rank: 1, entropy: 1.0 }
    }

    #[test]
    fn opening_and_parts_are_the_text_in_whole_characters() {
        let tokens = vec![token(2), token(1), token(1), token(1), token(3)];
        let text = ScoredText { text: "Once é狼".to_owned(), opening: 2, tokens, windows: None };
        assert_eq!(text.parts(), ("On", vec!["ce", " ", "", "é", "狼"]));
        assert_eq!((text.bytes(), text.nats()), (8, 5.0 * 2.0_f64.ln()));
        // An opening that ends within a character has what is whole of it.
        let text = ScoredText { text: "é".to_owned(), opening: 1, tokens: vec![token(1)], windows: None };
        assert_eq!(text.parts(), ("", vec!["é"]));
        assert_eq!(ScoredText::default().parts(), ("", Vec::new()));
    }

    #[test]
    fn its_trace_is_that_of_a_story() {
        let text =
            ScoredText { text: " aé".to_owned(), opening: 0, tokens: vec![token(2), token(1), token(1)], windows: None };
        let trace = text.trace();
        assert_eq!(trace.iter().map(|token| token.piece.as_str()).collect::<Vec<_>>(), [" a", "\u{fffd}", "\u{fffd}"]);
        assert_eq!((trace[0].id, trace[0].p, trace[0].rank, trace[0].surprisal), (7, 0.5, 1, "0.693147".parse().unwrap()));
    }
}
