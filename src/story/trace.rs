//! What was known at each token of a story, and what was decided: small enough to keep.

use serde::{Deserialize, Serialize};

use super::ScoredToken;
use crate::model::Vocabulary;
use crate::prob::Token;
use crate::sampler::{CandidateTrace, Draw, Removed, Skipped};

/// One token of a story. Numbers have six significant digits; what is not known is absent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TracedToken {
    /// The token.
    pub id: Token,
    /// Its text; `�` stands for a broken character.
    pub piece: String,
    /// Its probability, the model's own and unmodified.
    pub p: f64,
    /// How many tokens were likelier.
    pub rank: usize,
    /// −ln p, in nats.
    pub surprisal: f64,
    /// The entropy of the model's own distribution at that moment, in nats.
    pub entropy: f64,
    /// Ĥ of its n likeliest tokens, with the n of `future`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalised_entropy: Option<f64>,
    /// Where the crossfader stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpha: Option<f64>,
    /// How far the story had gone beyond its model, in nats a token, where a guard looks after that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excess: Option<f64>,
    /// T, where it moves from token to token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Ĥ after the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub future: Option<f64>,
    /// Why nothing was looked at, where the chain has a `future`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub skipped: Option<TracedSkip>,
    /// The candidates that were looked at, likeliest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<TracedCandidate>,
    /// How many tokens each stage removed, in the order of the chain; stages that removed none are left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removed: Vec<(String, usize)>,
    /// Where each cut stood that a schedule moves, in the order of the chain.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cuts: Vec<(String, f64)>,
}

/// A candidate that was looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TracedCandidate {
    /// The token.
    pub id: Token,
    /// Its text.
    pub piece: String,
    /// Its probability among the candidates.
    pub p: f64,
    /// Ĥ after it.
    pub future: f64,
    /// Ĥ as it was weighed, where that is not Ĥ itself: behind a ceiling, and against what is usual after the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub openness: Option<f64>,
    /// What of its weight was left by what was not to be said, where that was not all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub left: Option<f64>,
    /// s = p^a · Ĥ^b, its weight, of Ĥ as it was weighed. It is no share: of the candidates that were not looked at nothing is known.
    pub s: f64,
}

/// Why nothing was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TracedSkip {
    /// Only one token was left.
    OneSurvivor,
    /// At α = −1 the future has no weight.
    OwnVoice,
}

impl TracedToken {
    /// What is known of a token of a given text, with its piece.
    #[must_use]
    pub fn read(token: &ScoredToken, piece: String) -> Self {
        let ScoredToken { id, bytes: _, surprisal, rank, entropy } = *token;
        Self {
            id,
            piece,
            p: short((-surprisal).exp()),
            rank,
            surprisal: short(surprisal),
            entropy: short(entropy),
            normalised_entropy: None,
            alpha: None,
            excess: None,
            temperature: None,
            future: None,
            skipped: None,
            candidates: Vec::new(),
            removed: Vec::new(),
            cuts: Vec::new(),
        }
    }

    /// The trace of a draw. The sampler needs detail for the rank to be known: without it the rank is that of one that nothing
    /// beats.
    #[must_use]
    pub fn of(draw: &Draw, vocabulary: &Vocabulary) -> Self {
        let Draw {
            token,
            log_p,
            now,
            alpha,
            excess,
            temperature,
            candidates,
            skipped,
            removed,
            feedback: _,
            likeliest: _,
            shares: _,
        } = draw;
        let candidate = |looked: &CandidateTrace| {
            let CandidateTrace { token, p, log_p: _, future, openness, log_s, left } = looked;
            let (id, piece) = (*token, vocabulary.show(*token));
            let (future, openness, left) = (short((*future)?), openness.map(short), left.map(short));
            Some(TracedCandidate { id, piece, p: short(*p), future, openness, left, s: short((*log_s)?.exp()) })
        };
        let future = candidates.iter().find(|looked| looked.token == *token).and_then(|looked| looked.future);
        let cuts = removed.iter().filter_map(|cut| Some((cut.stage.to_owned(), short(cut.value?)))).collect();
        let removed = removed.iter().filter(|removed| removed.count > 0);
        Self {
            id: *token,
            piece: vocabulary.show(*token),
            p: short(log_p.exp()),
            rank: now.rank.unwrap_or_default(),
            surprisal: short(-log_p),
            entropy: short(now.entropy),
            normalised_entropy: now.normalised_entropy.map(short),
            alpha: alpha.map(short),
            excess: excess.map(short),
            temperature: temperature.map(short),
            future: future.map(short),
            skipped: skipped.map(|skipped| match skipped {
                Skipped::OneSurvivor => TracedSkip::OneSurvivor,
                Skipped::OwnVoice => TracedSkip::OwnVoice,
            }),
            candidates: candidates.iter().filter_map(candidate).collect(),
            removed: removed.map(|Removed { stage, count, .. }| ((*stage).to_string(), *count)).collect(),
            cuts,
        }
    }
}

/// The number with six significant digits.
fn short(x: f64) -> f64 {
    // Six digits are one before the point and five behind it; what is printed can be read again.
    format!("{x:.5e}").parse().unwrap_or(x)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Kind;
    use crate::sampler::Now;

    #[test]
    fn six_digits_are_kept() {
        assert_eq!(short(0.123_456_789), 0.123_457);
        assert_eq!(short(-12_345.678), -12_345.7);
        assert_eq!((short(0.0), short(1.0)), (0.0, 1.0));
    }

    #[test]
    fn a_trace_tells_what_was_looked_at_and_reads_back() {
        let vocabulary = Vocabulary::new([(" wolf", Kind::Text), (" lamb", Kind::Text)]);
        let looked = |token, future: Option<f64>| CandidateTrace {
            token,
            p: 0.5,
            log_p: -1.0,
            future,
            openness: None,
            log_s: future.map(f64::ln),
            left: None,
        };
        let draw = Draw {
            token: 1,
            log_p: -0.5,
            now: Now { entropy: 0.7, normalised_entropy: Some(0.9), rank: Some(1) },
            alpha: Some(0.25),
            excess: None,
            temperature: Some(1.25),
            candidates: vec![looked(0, None), looked(1, Some(0.75))],
            skipped: None,
            removed: vec![
                Removed { stage: "dry", count: 0, likeliest: Vec::new(), value: None },
                Removed { stage: "min-p", count: 3, likeliest: Vec::new(), value: Some(0.125) },
            ],
            feedback: None,
            likeliest: Vec::new(),
            shares: None,
        };
        let traced = TracedToken::of(&draw, &vocabulary);
        assert_eq!((traced.piece.as_str(), traced.rank, traced.future), (" lamb", 1, Some(0.75)));
        assert_eq!(traced.temperature, Some(1.25));
        assert_eq!(traced.candidates.iter().map(|one| (one.id, one.s)).collect::<Vec<_>>(), [(1, 0.75)]);
        assert_eq!(traced.removed, [("min-p".to_string(), 3)]);
        assert_eq!(traced.cuts, [("min-p".to_string(), 0.125)]);
        let text = serde_json::to_string(&traced).unwrap();
        assert!(text.len() < 300, "{text}");
        assert_eq!(serde_json::from_str::<TracedToken>(&text).unwrap(), traced);
        // What older records do not tell is not known.
        let older = text.replace("\"temperature\":1.25,", "");
        assert_eq!(serde_json::from_str::<TracedToken>(&older).unwrap(), TracedToken { temperature: None, ..traced });
    }
}
