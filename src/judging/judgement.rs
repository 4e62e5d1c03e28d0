//! What a person said of two stories: a line of JSON.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

/// The version of the form of a judgement.
pub const JUDGEMENT_FORMAT: u32 = 1;

/// What was said of a pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// The one that was shown first is better.
    A,
    /// The other one is.
    B,
    /// Neither is.
    Tie,
    /// Nothing is said of them.
    Skip,
    /// What was said of them before is taken back.
    Undone,
}

/// A story that was shown.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Side {
    /// Its arm by name, which the person was not told.
    pub arm: String,
    /// Its [`super::Tale::id`].
    pub story: String,
}

/// A judgement.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Judgement {
    /// [`JUDGEMENT_FORMAT`].
    pub format: u32,
    /// Who judged, where that is told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judge: Option<String>,
    /// The round of pairs, from 1 up.
    pub round: usize,
    /// What the prompt is called.
    pub prompt: String,
    /// The story that was shown first.
    pub a: Side,
    /// The other one.
    pub b: Side,
    /// The most words that were shown of each, where there was a most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub words: Option<usize>,
    /// What was said.
    pub choice: Choice,
}

/// What tells a question from others to the same person: the round and both stories, in either order.
pub(super) type Question<'j> = (Option<&'j str>, usize, &'j Side, &'j Side);

impl Judgement {
    /// The question that it answers.
    pub(super) fn question(&self) -> Question<'_> {
        let (one, other) = if self.a <= self.b { (&self.a, &self.b) } else { (&self.b, &self.a) };
        (self.judge.as_deref(), self.round, one, other)
    }

    /// The share of a win that a side has: a tie is half of one for each. `None` where nothing is said.
    #[must_use]
    pub fn share_of_a(&self) -> Option<f64> {
        match self.choice {
            Choice::A => Some(1.0),
            Choice::B => Some(0.0),
            Choice::Tie => Some(0.5),
            Choice::Skip | Choice::Undone => None,
        }
    }
}

/// The answers that stand: of several to one question the last one, without those that were taken back; in the order in which they
/// were given.
#[must_use]
pub fn settled(judgements: &[Judgement]) -> Vec<&Judgement> {
    let last: HashMap<Question, usize> =
        judgements.iter().enumerate().map(|(at, judgement)| (judgement.question(), at)).collect();
    let stands =
        |(at, judgement): &(usize, &Judgement)| judgement.choice != Choice::Undone && last[&judgement.question()] == *at;
    judgements.iter().enumerate().filter(stands).map(|(_, judgement)| judgement).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A judgement of the stories `PROMPT-ARM` of two arms.
    pub fn judgement(judge: &str, prompt: &str, a: &str, b: &str, choice: Choice) -> Judgement {
        let side = |arm: &str| Side { arm: arm.into(), story: format!("{prompt}-{arm}") };
        Judgement {
            format: JUDGEMENT_FORMAT,
            judge: Some(judge.into()),
            round: 1,
            prompt: prompt.into(),
            a: side(a),
            b: side(b),
            words: None,
            choice,
        }
    }

    #[test]
    fn the_last_word_on_a_pair_counts_in_whichever_order_it_was_shown() {
        let first = judgement("ann", "p", "x", "y", Choice::A);
        let undone = judgement("ann", "p", "x", "y", Choice::Undone);
        let again = judgement("ann", "p", "y", "x", Choice::Tie);
        let other = judgement("ben", "p", "x", "y", Choice::B);
        let next = Judgement { round: 2, ..first.clone() };
        let choices = |all: &[&Judgement]| -> Vec<Choice> {
            let all: Vec<Judgement> = all.iter().map(|judgement| (*judgement).clone()).collect();
            settled(&all).into_iter().map(|judgement| judgement.choice).collect()
        };
        assert_eq!(choices(&[&first, &undone]), []);
        assert_eq!(choices(&[&first, &undone, &again]), [Choice::Tie]);
        assert_eq!(choices(&[&first, &again, &other, &next]), [Choice::Tie, Choice::B, Choice::A]);
    }
}
