//! Penalties on what was said before: repetition, frequency and presence.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Elsewhere, Role, Rule};
use crate::model::Kind;
use crate::prob::{Bias, Last, Repeat, Candidates, Token, keys_in_order, tame};
use crate::sampler::prepared::{Scene, StageOp};

/// Punishes tokens that were said before, never an end of the text.
///
/// # Formula
/// l > 0: l / repeat, else l · repeat;  then l − count · frequency − presence
///
/// The sign of a logit means something only as the model gave it, so `repeat` stands first in a chain.
///
/// # Source
/// Keskar et al., "CTRL", arXiv 1909.05858, with the product for negative logits that everybody adds; `frequency` and `presence`
/// as in the programming interface of `OpenAI`.
///
/// # Examples
/// ```
/// use afterword::prob::{Bias, Last, Repeat};
/// use afterword::sampler::Penalties;
///
/// let penalties =
///     Penalties { repeat: Repeat::new(2.0)?, frequency: Bias::new(0.5)?, presence: Bias::default(), last: Last::All };
/// assert_eq!(penalties.counts(&[7, 3, 7], |_| true)[&7], 2);
/// assert_eq!(penalties.punished(4.0, 2), 1.0);
/// assert_eq!(penalties.punished(-4.0, 2), -9.0);
/// # Ok::<(), afterword::prob::OutOfRange>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = keys_in_order::<Self>)]
pub struct Penalties {
    /// What divides the logit, once however often the token occurs (a logit below 0 is multiplied); 1 changes nothing, below 1 is
    /// a reward.
    #[serde(default)]
    pub repeat: Repeat,
    /// What each occurrence takes off, in nats; below 0 is a reward.
    #[serde(default)]
    pub frequency: Bias,
    /// What occurring at all takes off, in nats; below 0 is a reward.
    #[serde(default)]
    pub presence: Bias,
    /// How many of the latest tokens count, the prompt's among them; "all" is the whole text.
    #[serde(default = "Penalties::usual_last")]
    pub last: Last,
}

impl Penalties {
    fn usual_last() -> Last {
        Last::usual(64)
    }

    /// Whether they change nothing.
    #[must_use]
    pub fn are_none(&self) -> bool {
        self.repeat.get() == 1.0 && self.frequency.get() == 0.0 && self.presence.get() == 0.0
    }

    /// How often each of the latest tokens occurs that `said(token)` takes for a word of the text: what ends a text, and the
    /// marks that a chat template puts around turns, are none.
    #[must_use]
    pub fn counts(&self, text: &[Token], said: impl Fn(Token) -> bool) -> BTreeMap<Token, usize> {
        let mut counts = BTreeMap::new();
        for &token in self.last.of(text).iter().filter(|&&token| said(token)) {
            *counts.entry(token).or_default() += 1;
        }
        counts
    }

    /// What becomes of the logit of a token that occurs `count` times, at least once.
    #[must_use]
    pub fn punished(&self, logit: f64, count: usize) -> f64 {
        let repeat = self.repeat.get();
        // Kept finite in between: an infinite reward less an infinite penalty is no number.
        let logit = tame(if logit > 0.0 { logit / repeat } else { logit * repeat });
        logit - count as f64 * self.frequency.get() - self.presence.get()
    }

    /// Punishes the tokens that were counted.
    pub fn punish(&self, candidates: &mut Candidates, counts: &BTreeMap<Token, usize>) {
        for (&token, &count) in counts {
            candidates.change(token, |logit| self.punished(logit, count));
        }
    }
}

impl Rule for Penalties {
    const NAME: &'static str = "penalties";
    const ROLE: Role = Role::Words;
    const ELSEWHERE: &'static Elsewhere = &Elsewhere {
        samplers: &["repetition_penalty", "presence_penalty", "frequency_penalty", "rep_pen"],
        keys: &[
            ("repeat", &["rep_pen", "repetition_penalty", "repeat_penalty"]),
            ("frequency", &["freq_pen", "frequency_penalty"]),
            ("presence", &["presence_pen", "presence_penalty"]),
            ("last", &["rep_pen_range", "repetition_penalty_range", "repeat_last_n"]),
        ],
        off: |repeat| repeat == 1.0,
        unit: 1.0,
    };

    /// A chat template ends every turn with the token that is to end the answer: that nobody has said, and nobody repeats.
    fn prepare(&self, scene: &mut Scene) -> Option<StageOp> {
        let said = |token| scene.vocabulary.kind(token) == Kind::Text;
        Some(StageOp::Punish(*self, self.counts(scene.history.text(), said)))
    }

    fn label(&self) -> String {
        format!("penalties {}", self.repeat.get())
    }

    fn idle(&self) -> Option<String> {
        self.are_none().then(|| "with repeat = 1, frequency = 0 and presence = 0 punishes nothing".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prob::Candidate;

    /// The logits 2, 0, −2 and 1 after the text.
    fn after(penalties: &str, text: &[Token]) -> Vec<f64> {
        let penalties: Penalties = toml::from_str(penalties).unwrap();
        let all = (0..).zip([2.0, 0.0, -2.0, 1.0]).map(|(token, logit)| Candidate { token, logit });
        let mut candidates = Candidates::new(all.collect()).unwrap();
        penalties.punish(&mut candidates, &penalties.counts(text, |token| token != 8));
        candidates.iter().map(|candidate| candidate.logit).collect()
    }

    #[test]
    fn repetition_divides_what_is_above_0_and_multiplies_what_is_below() {
        assert_eq!(after("repeat = 2", &[0, 1, 2, 0]), [1.0, 0.0, -4.0, 1.0]);
        assert_eq!(after("repeat = 0.5", &[0, 2]), [4.0, 0.0, -1.0, 1.0]);
    }

    #[test]
    fn frequency_counts_and_presence_does_not() {
        assert_eq!(after("frequency = 0.5", &[0, 3, 0]), [1.0, 0.0, -2.0, 0.5]);
        assert_eq!(after("presence = 0.5", &[0, 3, 0]), [1.5, 0.0, -2.0, 0.5]);
        assert_eq!(after("repeat = 2\nfrequency = 0.25\npresence = 0.5", &[0, 3, 0]), [0.0, 0.0, -2.0, -0.25]);
        assert_eq!(after("presence = -1", &[3]), [2.0, 0.0, -2.0, 2.0]);
    }

    #[test]
    fn only_the_latest_count() {
        assert_eq!(after("presence = 1\nlast = 2", &[0, 1, 3]), [2.0, -1.0, -2.0, 0.0]);
        assert_eq!(after("presence = 1\nlast = 3", &[0, 1, 3]), [1.0, -1.0, -2.0, 0.0]);
        assert_eq!(after("presence = 1", &[]), [2.0, 0.0, -2.0, 1.0]);
    }

    #[test]
    fn what_is_no_word_of_the_text_is_not_counted_but_takes_its_place() {
        let penalties: Penalties = toml::from_str("presence = 1\nlast = 3").unwrap();
        assert_eq!(penalties.counts(&[0, 1, 8, 1], |token| token != 8), [(1, 2)].into());
    }

    #[test]
    fn a_token_that_is_gone_is_not_punished() {
        assert_eq!(after("presence = 1", &[9]), [2.0, 0.0, -2.0, 1.0]);
    }

    #[test]
    fn no_logit_leaves_the_finite_numbers() {
        assert!(after("repeat = 1e-320", &[0, 2]).iter().all(|logit| logit.is_finite()));
        assert!(after("repeat = 1e-320\nfrequency = 1e308", &[0, 0]).iter().all(|logit| logit.is_finite()));
        assert!(after("repeat = 1e308\nfrequency = -1e308\npresence = -1e308", &[0, 0, 2]).iter().all(|l| l.is_finite()));
    }
}
