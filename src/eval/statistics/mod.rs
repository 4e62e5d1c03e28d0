//! Statistics over prompts. A prompt is the unit: stories of one prompt are no independent witnesses, and seeds do not pair across arms,
//! for two arms part at the first token that differs.
//!
//! A value of a prompt that is not there is NaN, and means are over those that are.

mod bootstrap;
mod curve;
mod holm;
mod jackknife;
mod sign_flip;

pub use bootstrap::{Interval, Resamples, quantile};
pub use curve::{Curve, between, hull, interpolate};
pub use holm::holm;
pub use jackknife::jackknife;
pub use sign_flip::{EXACT, FLIPS, sign_flip};

/// The mean of the values that are there; NaN of none.
#[must_use]
pub fn mean(values: &[f64]) -> f64 {
    let (sum, count) =
        values.iter().filter(|value| !value.is_nan()).fold((0.0, 0_u32), |(sum, count), value| (sum + value, count + 1));
    sum / f64::from(count)
}

/// The standard deviation of the values that are there, over n − 1; NaN below two.
#[must_use]
pub fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let there = values.iter().filter(|value| !value.is_nan());
    let (sum, count) = there.fold((0.0, 0_u32), |(sum, count), value| (sum + (value - mean).powi(2), count + 1));
    if count < 2 { f64::NAN } else { (sum / f64::from(count - 1)).sqrt() }
}

/// `d_z`: the mean of paired differences in their standard deviations.
#[must_use]
pub fn effect(differences: &[f64]) -> f64 {
    mean(differences) / deviation(differences)
}

/// The share of differences above 0, those of 0 counted half; NaN of none.
#[must_use]
pub fn wins(differences: &[f64]) -> f64 {
    let won: Vec<f64> = differences
        .iter()
        .map(|difference| match difference.partial_cmp(&0.0) {
            None => f64::NAN,
            Some(order) => f64::midpoint(1.0, f64::from(order as i8)),
        })
        .collect();
    mean(&won)
}

#[cfg(test)]
mod tests {
    use super::super::distinct::tests::near;
    use super::*;

    #[test]
    fn a_value_that_is_not_there_counts_in_no_mean() {
        near(mean(&[1.0, f64::NAN, 3.0]), 2.0);
        near(deviation(&[1.0, f64::NAN, 3.0]), 2.0_f64.sqrt());
        near(effect(&[1.0, 2.0, 3.0]), 2.0);
        near(wins(&[1.0, -1.0, 0.0, 2.0, f64::NAN]), 2.5 / 4.0);
        assert!(mean(&[]).is_nan() && deviation(&[1.0]).is_nan() && wins(&[f64::NAN]).is_nan());
    }
}
