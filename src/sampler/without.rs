//! What one draw does without: tokens that were taken back at its place, and what would lead to something that is not to be said.

use super::logit_bias::LogitBias;
use super::step::TokenPath;
use crate::bans::Watch;
use crate::model::Vocabulary;
use crate::prob::{FLOOR, Ranked, Token};

/// What one draw does without, beside what its sampler does.
#[derive(Debug, Clone, Default)]
pub struct Without {
    /// Changes of logits, behind the sampler's own.
    pub bias: LogitBias,
    /// The text so far, where what is banned is to be seen coming: by a turn that looks at candidates to decide.
    pub ahead: Option<Watch>,
}

impl Without {
    /// ln of what is left of the weight of a candidate, and which of the likeliest tokens behind it are its future: those that end no ban.
    ///
    /// With m, the share of those tokens in which a ban ends, in the distribution behind the candidate renormalised over its n likeliest
    /// tokens, the factor is 1 − strength · m: what of the candidate can still be told. It is at most 1, so that what bounds a weight
    /// without it bounds it still.
    pub(super) fn foresee(&self, path: &TokenPath, likeliest: Vec<Ranked>, vocabulary: &Vocabulary) -> (f64, Vec<Ranked>) {
        let Some(mut ahead) = self.ahead.clone() else { return (0.0, likeliest) };
        let strength = ahead.bans().strength;
        let says = path.0.iter().any(|&token| ahead.push(vocabulary.piece(token)).is_some());
        if says {
            return (left(strength, 1.0), likeliest);
        }
        let ends = |token: Token| {
            if vocabulary.ends(token) {
                ahead.finish().is_some()
            } else {
                ahead.would_complete(vocabulary.piece(token)).is_some()
            }
        };
        let most = likeliest.first().map_or(0.0, |ranked| f64::from(ranked.logit));
        let weight = |ranked: &Ranked| (f64::from(ranked.logit) - most).exp();
        let all: f64 = likeliest.iter().map(weight).sum();
        let (ending, future): (Vec<Ranked>, Vec<Ranked>) = likeliest.into_iter().partition(|ranked| ends(ranked.token));
        let share = ending.iter().map(weight).sum::<f64>() / all;
        (left(strength, share), future)
    }
}

/// ln (1 − strength · m), of nothing that of the least Ĥ.
fn left(strength: f64, share: f64) -> f64 {
    (1.0 - strength * share).clamp(FLOOR, 1.0).ln()
}
