//! The jackknife over prompts, for measures of all stories together. A bootstrap would put the same story there twice, and what is there
//! twice shares everything.

use super::Interval;

/// The 95 % interval of a pooled value from those without each prompt: value ± 1.96·s, s² = (P − 1)/P · Σ (v₍₋ₚ₎ − mean)². Both ends
/// are NaN below two prompts.
///
/// Source: Quenouille 1956; Tukey 1958.
#[must_use]
pub fn jackknife(value: f64, without: &[f64]) -> Interval {
    let count = without.len() as f64;
    let mean = without.iter().sum::<f64>() / count;
    let sum: f64 = without.iter().map(|value| (value - mean).powi(2)).sum();
    let error = if without.len() < 2 { f64::NAN } else { ((count - 1.0) / count * sum).sqrt() };
    Interval { low: value - 1.96 * error, high: value + 1.96 * error }
}

#[cfg(test)]
mod tests {
    use super::super::super::distinct::tests::near;
    use super::*;

    #[test]
    fn the_jackknife_of_a_mean_is_its_standard_error() {
        let values = [1.0, 2.0, 4.0, 9.0];
        let sum: f64 = values.iter().sum();
        let without: Vec<f64> = values.iter().map(|value| (sum - value) / 3.0).collect();
        let told = jackknife(sum / 4.0, &without);
        let error = super::super::deviation(&values) / 2.0;
        near(told.high - told.low, 2.0 * 1.96 * error);
        assert!(jackknife(1.0, &[1.0]).low.is_nan());
    }
}
