//! Holm's correction for many tests.

/// The adjusted p-values: of m, ascending, the i-th (from 1) is (m − i + 1)·p, at least that before it and at most 1. NaN stay, and are
/// no tests.
///
/// Source: Holm 1979.
#[must_use]
pub fn holm(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).filter(|&at| !values[at].is_nan()).collect();
    order.sort_by(|&one, &two| values[one].total_cmp(&values[two]));
    let mut adjusted = vec![f64::NAN; values.len()];
    let mut before: f64 = 0.0;
    for (rank, &at) in order.iter().enumerate() {
        before = before.max((order.len() - rank) as f64 * values[at]).min(1.0);
        adjusted[at] = before;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::super::super::distinct::tests::near;
    use super::*;

    #[test]
    fn the_worked_values_of_holm() {
        let told = holm(&[0.01, 0.04, 0.03]);
        for (value, right) in told.iter().zip([0.03, 0.06, 0.06]) {
            near(*value, right);
        }
        let told = holm(&[0.9, f64::NAN, 0.8]);
        assert!(told[0] == 1.0 && told[1].is_nan() && told[2] == 1.0);
    }
}
