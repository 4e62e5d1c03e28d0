//! What a turn decided, and why.

use crate::prob::Token;

/// The token a turn took, with everything it knew.
#[derive(Debug, Clone, PartialEq)]
pub struct Draw {
    /// The token.
    pub token: Token,
    /// Its log-probability, the model's own and unmodified, in nats.
    pub log_p: f64,
    /// The moment at which it was drawn.
    pub now: Now,
    /// Where the crossfader stood; `None` for a chain without `future`.
    pub alpha: Option<f64>,
    /// How far the story had gone beyond its model, in nats a token ([`excess`](crate::prob::excess)), where a guard looks after
    /// that; above its bound α is −1. `None` without one.
    pub excess: Option<f64>,
    /// T, where a temperature of the chain moves: a schedule, or `dynamic-temperature`, of which only a sampler with detail
    /// knows. Of several it is the product. `None` where it is the same at every token.
    pub temperature: Option<f64>,
    /// The candidates of `future`, likeliest first, those that were not looked at among them. Without `future` those of the
    /// likeliest tokens that the chain has left, to a sampler with detail; else none.
    pub candidates: Vec<CandidateTrace>,
    /// Why nothing was looked at; `None` where something was, or where the chain has no `future`.
    pub skipped: Option<Skipped>,
    /// What each stage removed, in the order of the chain. A stage after `future` that no longer had to run is absent.
    pub removed: Vec<Removed>,
    /// What a stage with feedback will remember of it; `None` for a chain without one.
    pub feedback: Option<f64>,
    /// The likeliest tokens of the model's own distribution over the whole vocabulary, likeliest first: as many as
    /// [`Sampler::with_likeliest`](super::Sampler::with_likeliest) has asked for, or as the vocabulary has of any probability.
    pub likeliest: Vec<TopTokenTrace>,
    /// The chances of the tokens in this draw; known only to a sampler [`with_shares`](super::Sampler::with_shares).
    pub shares: Option<Shares>,
}

/// The chances of the tokens in one draw: what all stages have left, normalised. The last thing before a token is picked, be it by
/// its chance or because it has the largest.
#[derive(Debug, Clone, PartialEq)]
pub struct Shares {
    /// That of the token taken.
    pub taken: f64,
    /// The largest, largest first, of equals the smaller token first.
    pub largest: Vec<Share>,
}

/// A token and its chance in a draw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Share {
    /// The token.
    pub token: Token,
    /// Its chance, above 0 or rounded to it; all of a draw are 1 together.
    pub p: f64,
}

/// The model's own distribution at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Now {
    /// Its entropy over the whole vocabulary, in nats.
    pub entropy: f64,
    /// Ĥ of its n likeliest tokens, with the n of `future`; `None` for a chain without `future`.
    pub normalised_entropy: Option<f64>,
    /// How many tokens were likelier than the one taken; known only to a sampler with detail.
    pub rank: Option<usize>,
}

/// A candidate of `future`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CandidateTrace {
    /// The token.
    pub token: Token,
    /// p, its probability among the candidates; without `future` that among all that the chain has left.
    pub p: f64,
    /// Its log-probability, the model's own and unmodified, in nats.
    pub log_p: f64,
    /// Ĥ; `None` where the draw was decided without knowing it.
    pub future: Option<f64>,
    /// Ĥ as it was weighed: min(Ĥ, c)/c under a ceiling, divided by what is usual after the token where there is a baseline;
    /// `None` where it was weighed as it is, or is not known.
    pub openness: Option<f64>,
    /// ln s = a·ln p + b·ln Ĥ, of Ĥ as it was weighed, + ln of what is `left`; `None` where Ĥ is not known.
    pub log_s: Option<f64>,
    /// What of the weight is left by what is not to be said: 1 − strength · m, with the share m of the likeliest tokens behind it in which
    /// something banned ends; `None` where that is all of it, or not known.
    pub left: Option<f64>,
}

/// Why a turn of a chain with `future` looked at nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Skipped {
    /// Only one token was left.
    OneSurvivor,
    /// At α = −1 the future has no weight: b = 0.
    OwnVoice,
}

/// What one stage took away.
#[derive(Debug, Clone, PartialEq)]
pub struct Removed {
    /// The stage's name in a preset.
    pub stage: &'static str,
    /// How many tokens it removed.
    pub count: usize,
    /// Those of the likeliest tokens now that fell here, likeliest first; known only to a sampler with detail.
    pub likeliest: Vec<TopTokenTrace>,
    /// Where the stage stood, if it is a cut that a schedule moves.
    pub value: Option<f64>,
}

/// A token and its log-probability, the model's own and unmodified, in nats.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TopTokenTrace {
    /// The token.
    pub token: Token,
    /// ln p.
    pub log_p: f64,
}
