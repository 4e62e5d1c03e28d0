//! A decision about one token as data: all that a person or a program may want to know of it.

use anyhow::{Context, Result};
use serde::Serialize;

use crate::bans::Watch;
use crate::decode::Decided;
use crate::model::{Kind, Vocabulary};
use crate::preset::Preset;
use crate::prob::{Alpha, Token};
use crate::sampler::{CandidateTrace, Draw, Pick, Removed, TopTokenTrace};

/// Under which names it is told what the story had at a place and was not to say.
const BANS: &str = "bans";
const TAKEN_BACK: &str = "taken back";

/// Where the next token is asked for.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Moment {
    /// The model's name.
    pub model: String,
    /// The text.
    pub prompt: String,
    /// Its tokens.
    pub prompt_tokens: Vec<Token>,
    /// The seed of the draw.
    pub seed: u64,
    /// How many tokens of its story stand before it.
    pub step: usize,
    /// How many tokens the story has in all, where it was told.
    pub story_tokens: Option<usize>,
}

/// A decision about one token. Every log-probability and entropy is in nats; where a chain has no `future`, what only it
/// knows is null.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Explanation {
    /// The moment.
    #[serde(flatten)]
    pub moment: Moment,
    /// The name by which the preset was asked for.
    pub preset: String,
    /// The preset as it ran, as TOML, with all changes made.
    pub resolved: String,
    /// The model's entropy over the whole vocabulary.
    pub entropy: f64,
    /// Ĥ of this very moment, over as many tokens as that of the candidates.
    pub normalised_entropy: Option<f64>,
    /// Where the crossfader stands.
    pub alpha: Option<f64>,
    /// How far the story has gone beyond its model, in nats a token, where a guard looks after that; above its bound α is −1.
    pub excess: Option<f64>,
    /// T, where a temperature of the chain moves from token to token.
    pub temperature: Option<f64>,
    /// The exponents a of p and b of Ĥ.
    pub exponents: Option<Exponents>,
    /// What each stage of the chain removed, in their order; before them, where the story went back to this token, what it had there and
    /// was not to say.
    pub stages: Vec<Cut>,
    /// How many candidates `future` has; without it how many tokens the chain leaves.
    pub left: usize,
    /// These, likeliest first; without `future` only those of them that are among the model's 50 likeliest tokens.
    pub candidates: Vec<ExplainedCandidate>,
    /// How one of them is picked.
    pub pick: Pick,
    /// The token that this seed takes.
    pub taken: Taken,
    /// The token that the story has there, where it was told.
    pub recorded: Option<Named>,
    /// The first token of the story before it, counted from 1, for which another one is drawn when it is told again: null where
    /// it is the same story.
    pub strayed: Option<usize>,
}

/// s = p^a · Ĥ^b.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Exponents {
    /// The exponent of p.
    pub a: f64,
    /// The exponent of Ĥ.
    pub b: f64,
}

/// What one stage removed.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cut {
    /// The stage's name in a preset.
    pub stage: &'static str,
    /// Its name and its number.
    #[serde(skip)]
    pub label: String,
    /// Where it stands, if it is a cut that a schedule moves.
    pub value: Option<f64>,
    /// How many tokens it removed.
    pub removed: usize,
    /// Those of the 50 likeliest tokens that it removed, likeliest first.
    pub likeliest: Vec<Named>,
}

/// A token and the model's own word on it.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Named {
    /// The token.
    pub token: Token,
    /// Its piece, `�` where it is no whole character.
    pub piece: String,
    /// Whether it ends the story.
    pub ends: bool,
    /// Its log-probability, the model's own and unmodified.
    pub log_p: f64,
}

/// A token that may be taken: a candidate of `future`, or what a chain without it leaves.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ExplainedCandidate {
    /// The token.
    #[serde(flatten)]
    pub named: Named,
    /// p: its probability among the candidates, or among all that the chain leaves.
    pub p: f64,
    /// Ĥ after it.
    pub future: Option<f64>,
    /// Ĥ as it was weighed, where that is not Ĥ itself: behind a ceiling, and against what is usual after the token.
    pub openness: Option<f64>,
    /// ln s, with s = p^a · Ĥ^b, of Ĥ as it was weighed.
    pub log_s: Option<f64>,
    /// s divided by the sum over the candidates.
    pub share: Option<f64>,
    /// 1 − m, what of its weight is left where something banned may end behind it; `None` where that is all of it.
    pub left: Option<f64>,
    /// The phrase or pattern that it would complete: it would be taken back.
    pub completes: Option<String>,
    /// What is likeliest to come after it, likeliest first; empty where that was not looked at.
    pub next: Vec<Named>,
}

/// The token that is taken.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Taken {
    /// The token.
    #[serde(flatten)]
    pub named: Named,
    /// How many tokens the model finds likelier.
    pub rank: Option<usize>,
}

impl Explanation {
    /// What a decision of this preset, which is called `name`, tells.
    ///
    /// # Errors
    /// A decision that is not of this preset.
    pub fn of(moment: Moment, name: &str, preset: &Preset, decided: &Decided, vocabulary: &Vocabulary) -> Result<Self> {
        let Decided { draw, own, strayed, next: nexts } = decided;
        let Draw { token, log_p, now, alpha, excess, temperature, candidates, removed, .. } = draw;
        let named = |token: Token, log_p: f64| named(token, log_p, vocabulary);
        let exponents = match (alpha, preset.chain.split().1) {
            (Some(alpha), Some(future)) => {
                let (a, b) = future.curve.exponents(Alpha::new(*alpha).context("α is out of its range")?);
                Some(Exponents { a, b })
            }
            _ => None,
        };
        let stages = cuts(preset, removed, vocabulary);
        let left = if alpha.is_some() {
            candidates.len()
        } else {
            let may_be_taken = |&token: &Token| vocabulary.kind(token) != Kind::Control;
            let all = (0..).take(vocabulary.len()).filter(may_be_taken).count();
            all.saturating_sub(stages.iter().map(|cut| cut.removed).sum())
        };
        let weights = normalised(candidates);
        let watch = preset.bans.as_ref().map(|bans| Watch::behind(bans, &vocabulary.bytes(&moment.prompt_tokens)));
        let completes = |token: Token| {
            let watch = watch.as_ref()?;
            let found = if vocabulary.ends(token) { watch.finish() } else { watch.would_complete(vocabulary.piece(token)) };
            Some(watch.written(found?).to_owned())
        };
        let tell = |(looked, share): (&CandidateTrace, Option<f64>)| {
            let CandidateTrace { token, p, log_p, future, openness, log_s, left } = *looked;
            let next = nexts.get(&token).into_iter().flatten();
            let next = next.map(|&TopTokenTrace { token, log_p }| named(token, log_p)).collect();
            let completes = completes(token);
            ExplainedCandidate { named: named(token, log_p), p, future, openness, log_s, share, left, completes, next }
        };
        Ok(Self {
            moment,
            preset: name.to_owned(),
            resolved: preset.to_toml()?,
            entropy: now.entropy,
            normalised_entropy: now.normalised_entropy,
            alpha: *alpha,
            excess: *excess,
            temperature: *temperature,
            exponents,
            stages,
            left,
            candidates: candidates.iter().zip(weights).map(tell).collect(),
            pick: preset.pick,
            taken: Taken { named: named(*token, *log_p), rank: now.rank },
            recorded: own.map(|TopTokenTrace { token, log_p }| named(token, log_p)),
            strayed: strayed.map(|at| at + 1),
        })
    }
}

/// A token for whoever reads of it.
fn named(token: Token, log_p: f64, vocabulary: &Vocabulary) -> Named {
    Named { token, piece: vocabulary.show(token), ends: vocabulary.ends(token), log_p }
}

/// What each stage of a preset removed, and before them what the place did without.
fn cuts(preset: &Preset, removed: &[Removed], vocabulary: &Vocabulary) -> Vec<Cut> {
    let cut = |removed: &Removed, stage: &'static str, label: String| {
        let likeliest = removed.likeliest.iter().map(|one| named(one.token, one.log_p, vocabulary)).collect();
        Cut { stage, label, value: removed.value, removed: removed.count, likeliest }
    };
    // What a place does without comes before the chain.
    let (without, removed) = removed.split_at(removed.len().saturating_sub(preset.chain.stages().len()));
    let without = without.iter().filter(|removed| removed.count > 0);
    let without = without.map(|removed| cut(removed, BANS, TAKEN_BACK.to_owned()));
    let stages = preset.chain.stages().iter().zip(removed).map(|(stage, removed)| {
        let label = removed.value.map_or_else(|| stage.label(), |value| format!("{} {value:.3}", removed.stage));
        cut(removed, removed.stage, label)
    });
    without.chain(stages).collect()
}

/// s of each candidate divided by their sum, so that it can be read beside p.
fn normalised(candidates: &[CandidateTrace]) -> Vec<Option<f64>> {
    let largest = candidates.iter().filter_map(|looked| looked.log_s).fold(f64::NEG_INFINITY, f64::max);
    let weight = |looked: &CandidateTrace| looked.log_s.map(|log_s| (log_s - largest).exp());
    let sum: f64 = candidates.iter().filter_map(weight).sum();
    candidates.iter().map(|looked| weight(looked).map(|weight| weight / sum)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn looked(log_s: Option<f64>) -> CandidateTrace {
        CandidateTrace { token: 1, p: 0.5, log_p: -1.0, future: None, openness: None, log_s, left: None }
    }

    #[test]
    fn weights_are_shares_of_their_sum() {
        let weights = normalised(&[looked(Some(-800.0)), looked(Some(-800.0 + 3_f64.ln()))]);
        let [Some(one), Some(three)] = weights[..] else { panic!("{weights:?}") };
        assert!((one - 0.25).abs() < 1e-12 && (three - 0.75).abs() < 1e-12);
    }

    #[test]
    fn what_is_not_known_has_no_weight() {
        assert_eq!(normalised(&[looked(None), looked(None)]), [None, None]);
        assert_eq!(normalised(&[]), []);
    }
}
