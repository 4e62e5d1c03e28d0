//! The partition function of a row, its entropy, and the normalised entropy Ĥ over its n likeliest tokens.

use super::lanes::{Sums, largest};

/// The least Ĥ that counts, so that ln Ĥ stays finite.
pub const FLOOR: f64 = 1e-6;

/// What the softmax of a row of logits is made of: ln Z and the mean logit.
///
/// ```
/// use afterword::prob::Partition;
///
/// let partition = Partition::of(&[2.0, 2.0, 2.0, 2.0, f32::NEG_INFINITY]).unwrap();
/// assert!((partition.log_p(2.0) - 0.25_f64.ln()).abs() < 1e-12);
/// assert!((partition.entropy() - 4.0_f64.ln()).abs() < 1e-12);
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Partition {
    log_z: f64,
    mean: f64,
}

impl Partition {
    /// ln Z = ln Σ eˡ and Σ p·l, in one pass after the maximum; −∞ and NaN have no mass. `None` for a row without a finite
    /// maximum.
    #[must_use]
    pub fn of(row: &[f32]) -> Option<Self> {
        let max = f64::from(largest(row));
        if !max.is_finite() {
            return None;
        }
        let (z, weighted) = Sums::of_row(row, max);
        Some(Self { log_z: max + z.ln(), mean: max + weighted / z })
    }

    /// ln Σ eˡ.
    #[must_use]
    pub fn log_sum_exp(&self) -> f64 {
        self.log_z
    }

    /// ln p of a logit of the row, in nats.
    #[must_use]
    pub fn log_p(&self, logit: f32) -> f64 {
        f64::from(logit) - self.log_z
    }

    /// H = −Σ p ln p = ln Z − Σ p·l over the whole row, in nats.
    #[must_use]
    pub fn entropy(&self) -> f64 {
        (self.log_z - self.mean).max(0.0)
    }
}

/// Ĥ ∈ [0, 1]: the entropy of the softmax over these logits, divided by ln n.
///
/// Ĥ = −Σ q̃ ln q̃ / ln n,  q̃(v) = eˡᵛ / Σᵤ eˡᵘ
///
/// `logits` are the n likeliest of a row, likeliest first; where the row has fewer than n finite ones, the others have no
/// mass and n stays. 1 is uniform over n, 0 is one token with all the mass. For n < 2 there is nothing to be uncertain
/// about: 0.
///
/// Source: Will Kurt, "Making LLMs Better at Creative Writing using Entropy", countbayesie.com, 2026.
///
/// ```
/// use afterword::prob::normalised_entropy;
///
/// let halves = [0.5_f64, 0.25, 0.125, 0.125].map(f64::ln);
/// assert!((normalised_entropy(halves, 4) - 0.875).abs() < 1e-12);
/// ```
#[must_use]
pub fn normalised_entropy(logits: impl IntoIterator<Item = f64>, n: usize) -> f64 {
    let mut logits = logits.into_iter();
    let Some(max) = logits.next() else { return 0.0 };
    if n < 2 {
        return 0.0;
    }
    let (mut z, mut weighted) = (1.0, 0.0);
    for logit in logits {
        let below = logit - max;
        if below > f64::NEG_INFINITY {
            let mass = below.exp();
            z += mass;
            weighted += mass * below;
        }
    }
    // H = ln Z − Σ q̃·l, with logits measured from the largest.
    ((z.ln() - weighted / z) / (n as f64).ln()).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logits(p: &[f64]) -> Vec<f64> {
        p.iter().map(|p| p.ln()).collect()
    }

    #[test]
    fn the_normalised_entropy_of_halves_is_seven_eighths() {
        // H = 1.75 ln 2, ln n = 2 ln 2.
        assert!((normalised_entropy(logits(&[0.5, 0.25, 0.125, 0.125]), 4) - 0.875).abs() < 1e-12);
    }

    #[test]
    fn uniform_is_1_and_certain_is_0() {
        assert!((normalised_entropy(logits(&[0.2; 5]), 5) - 1.0).abs() < 1e-12);
        assert_eq!(normalised_entropy([7.0, f64::NEG_INFINITY, f64::NEG_INFINITY], 3), 0.0);
        assert_eq!(normalised_entropy([7.0], 3), 0.0);
        assert_eq!(normalised_entropy([], 3), 0.0);
    }

    #[test]
    fn renormalisation_makes_a_shift_of_all_logits_irrelevant() {
        let base = normalised_entropy([1.0, 0.0, -2.0], 3);
        assert!((normalised_entropy([1001.0, 1000.0, 998.0], 3) - base).abs() < 1e-12);
    }

    #[test]
    fn a_partition_knows_probabilities_and_entropy() {
        let row: Vec<f32> = [0.5_f32, 0.25, 0.125, 0.125].iter().map(|p| p.ln() + 3.0).collect();
        let partition = Partition::of(&row).unwrap();
        assert!((partition.log_p(row[1]) - 0.25_f64.ln()).abs() < 1e-6);
        assert!((partition.entropy() - 1.75 * std::f64::consts::LN_2).abs() < 1e-6);
    }

    #[test]
    fn a_partition_equals_the_plain_sums_on_a_long_row_and_passes_over_what_has_no_mass() {
        let mut row: Vec<f32> = (0_u32..1003).map(|i| (i.wrapping_mul(2_654_435_761) % 1000) as f32 / 50.0).collect();
        let z: f64 = row.iter().map(|&l| f64::from(l).exp()).sum();
        let h: f64 = row.iter().map(|&l| f64::from(l).exp() / z).map(|p| -p * p.ln()).sum();
        row.extend([f32::NEG_INFINITY, f32::NAN]);
        let partition = Partition::of(&row).unwrap();
        assert!((partition.log_sum_exp() - z.ln()).abs() < 1e-12);
        assert!((partition.entropy() - h).abs() < 1e-12);
    }

    #[test]
    fn a_row_without_a_finite_maximum_has_no_partition() {
        assert_eq!(Partition::of(&[f32::NEG_INFINITY; 3]), None);
        assert_eq!(Partition::of(&[f32::NAN; 9]), None);
        assert_eq!(Partition::of(&[f32::INFINITY, 0.0]), None);
        assert_eq!(Partition::of(&[]), None);
    }
}
