//! What a row of logits says of the token that came.

use super::Token;
use super::entropy::Partition;
use super::logits::rank;

/// How a token of a given text stands in the row before it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// −ln p, in nats.
    pub surprisal: f64,
    /// How many tokens were likelier, equals with smaller numbers among them: 0 for the likeliest.
    pub rank: usize,
    /// H = −Σ p ln p of the whole row, in nats: the surprisal that was to be expected.
    pub entropy: f64,
}

impl Score {
    /// The score of a token in a row, of which `partition` is the softmax: taken once, whoever asks. `None` for a token that has
    /// no finite logit in it.
    ///
    /// ```
    /// use afterword::prob::{Partition, Score};
    ///
    /// // p = ½, ¼, ⅛, ⅛: H = 1.75 ln 2.
    /// let row = [0.5_f32, 0.25, 0.125, 0.125].map(f32::ln);
    /// let partition = Partition::of(&row).unwrap();
    /// let score = Score::of(&row, &partition, 3).unwrap();
    /// assert!((score.surprisal - 8_f64.ln()).abs() < 1e-6 && score.rank == 3);
    /// assert!((score.entropy - 1.75 * 2_f64.ln()).abs() < 1e-6);
    /// ```
    #[must_use]
    pub fn of(row: &[f32], partition: &Partition, token: Token) -> Option<Self> {
        let surprisal = -partition.log_p(*row.get(token as usize)?);
        // What rounding makes likelier than certain is certain.
        let score = Self { surprisal: surprisal.max(0.0), rank: rank(row, token), entropy: partition.entropy() };
        surprisal.is_finite().then_some(score)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_cannot_come_has_no_score() {
        let row = [0.0, f32::NEG_INFINITY, f32::NAN];
        let partition = Partition::of(&row).unwrap();
        let certain = Score { surprisal: 0.0, rank: 0, entropy: partition.entropy() };
        assert_eq!([0, 1, 2, 3].map(|token| Score::of(&row, &partition, token)), [Some(certain), None, None, None]);
    }
}
