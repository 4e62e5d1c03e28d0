//! What another model says of the stories. It is measured elsewhere and enters here as plain numbers.

use super::ground::Ground;

/// What a judge measured of one story; NaN where it did not.
///
/// The story is read behind its prompt, both as [`super::Reading`] hands them out; where there is no prompt, behind nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// −ln p of the text / its bytes, nats a byte. The axis on which arms are compared with the temperature curve.
    pub surprisal: f64,
    /// Coherence gain, nats a byte: the surprisal of the second half behind the first half of *another* story of the same arm and
    /// prompt, less that behind its own. The axis of coherence.
    pub gain: f64,
    /// What one other story of the arm and prompt, read before it, takes off the surprisal; the mean over some, nats a byte.
    pub similarity: f64,
    /// 1 − aₙ/a₁ of progressive conditional surprise.
    pub redundancy: f64,
    /// The share of tokens beyond a bound of surprisal.
    pub tail: f64,
    /// The mean entropy of the predictions, nats a token.
    pub entropy: f64,
    /// Mean surprisal / mean entropy.
    pub ratio: f64,
    /// The mean square of the differences of neighbouring surprisals.
    pub local_variance: f64,
    /// Power at the wave's frequency / the median power beside it.
    pub imprint: f64,
    /// Surprisal of the worst stretch, nats a byte.
    pub worst: f64,
    /// Mean surprisal a token in each tenth of the story, nats; empty where it was not measured.
    pub profile: Vec<f64>,
}

impl Default for Judgement {
    fn default() -> Self {
        Self::of([f64::NAN; 10])
    }
}

impl Judgement {
    /// From values in the order of [`super::measure::OF_JUDGES`].
    #[must_use]
    pub fn of(values: [f64; 10]) -> Self {
        let [surprisal, gain, similarity, redundancy, tail, entropy, ratio, local_variance, imprint, worst] = values;
        Self {
            surprisal,
            gain,
            similarity,
            redundancy,
            tail,
            entropy,
            ratio,
            local_variance,
            imprint,
            worst,
            profile: Vec::new(),
        }
    }

    /// Its values in the order of [`super::measure::OF_JUDGES`].
    #[must_use]
    pub fn values(&self) -> [f64; 10] {
        let Self { surprisal, gain, similarity, redundancy, tail, entropy, ratio, local_variance, imprint, worst, profile: _ } =
            *self;
        [surprisal, gain, similarity, redundancy, tail, entropy, ratio, local_variance, imprint, worst]
    }
}

/// A judge with all that it said.
#[derive(Debug, Clone, PartialEq)]
pub struct Judge {
    /// What it is called.
    pub name: String,
    /// The SHA-256 of its file: the model that told an arm does not judge it alone.
    pub sha256: String,
    /// One for each of [`Ground::readings`], in their order.
    pub judgements: Vec<Judgement>,
}

impl Judge {
    /// Whether it told any of the arms.
    #[must_use]
    pub fn wrote(&self, ground: &Ground) -> bool {
        ground.arms.iter().any(|arm| arm.writer.as_deref() == Some(&self.sha256))
    }
}
