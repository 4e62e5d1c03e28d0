//! The percentile bootstrap over prompts.

use serde::Serialize;

use crate::prob::Noise;

/// What a bootstrap found: the middle 95 % of the resampled values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Interval {
    /// The middle 95 % of values; NaN are left out, and without any both ends are NaN. Quantiles are interpolated.
    #[must_use]
    pub fn of(mut values: Vec<f64>) -> Self {
        values.retain(|value| !value.is_nan());
        Self { low: quantile(&mut values, 0.025), high: quantile(&mut values, 0.975) }
    }

    /// Whether all of it lies above a value.
    #[must_use]
    pub fn is_above(&self, value: f64) -> bool {
        self.low > value
    }

    /// Whether all of it lies below a value.
    #[must_use]
    pub fn is_below(&self, value: f64) -> bool {
        self.high < value
    }
}

/// The value below which so much of them lies, interpolated; NaN of none.
pub fn quantile(values: &mut [f64], share: f64) -> f64 {
    let Some(last) = values.len().checked_sub(1) else { return f64::NAN };
    let at = share * last as f64;
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an index below the length")]
    let index = at.floor() as usize;
    let (_, &mut below, rest) = values.select_nth_unstable_by(index, f64::total_cmp);
    let above = rest.iter().copied().min_by(f64::total_cmp).unwrap_or(below);
    below + (above - below) * (at - index as f64)
}

/// How often each prompt was drawn, a row for every resample. All arms and measures are resampled by the same rows, so that their
/// differences are paired.
#[derive(Debug, Clone)]
pub struct Resamples {
    prompts: usize,
    weights: Vec<f64>,
}

impl Resamples {
    /// So many resamples of so many prompts, with putting back: a function of the seed.
    #[must_use]
    pub fn new(prompts: usize, resamples: usize, seed: u64) -> Self {
        let noise = Noise::new(seed, &[]);
        let mut weights = vec![0.0; prompts * resamples];
        for (at, row) in weights.chunks_exact_mut(prompts.max(1)).enumerate() {
            let drawn = noise.at(at, 0);
            for draw in (0..).take(prompts) {
                #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "uniform on (0, 1) times a count")]
                let prompt = (drawn.uniform(draw) * prompts as f64) as usize;
                row[prompt] += 1.0;
            }
        }
        Self { prompts, weights }
    }

    /// The rows: how often each prompt was drawn.
    pub fn rows(&self) -> impl Iterator<Item = &[f64]> {
        self.weights.chunks_exact(self.prompts.max(1))
    }

    /// The mean over prompts in every resample, over the prompts that have a value.
    #[must_use]
    pub fn means(&self, values: &[f64]) -> Vec<f64> {
        // What is not there weighs nothing, and this way the loop has no branch.
        let there: Vec<f64> = values.iter().map(|value| f64::from(u8::from(!value.is_nan()))).collect();
        let known: Vec<f64> = values.iter().map(|value| if value.is_nan() { 0.0 } else { *value }).collect();
        let mean = |row: &[f64]| {
            let (mut sum, mut weight) = (0.0, 0.0);
            for ((drawn, value), there) in row.iter().zip(&known).zip(&there) {
                sum += drawn * value;
                weight += drawn * there;
            }
            sum / weight
        };
        self.rows().map(mean).collect()
    }

    /// The mean over pairs of prompts in every resample. A prompt that was drawn twice makes no pair with itself: such pairs would be
    /// of equal stories, and would share everything. `pairs` is symmetric, and its diagonal is not read.
    #[must_use]
    pub fn pair_means(&self, pairs: &[Vec<f64>]) -> Vec<f64> {
        let mean = |row: &[f64]| {
            let (mut sum, mut weight) = (0.0, 0.0);
            for (one, shares) in pairs.iter().enumerate().filter(|(one, _)| row[*one] > 0.0) {
                for (two, share) in shares[..one].iter().enumerate() {
                    sum += row[one] * row[two] * share;
                    weight += row[one] * row[two];
                }
            }
            sum / weight
        };
        self.rows().map(mean).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::distinct::tests::near;
    use super::*;

    #[test]
    fn resamples_are_a_function_of_the_seed() {
        let rows = |seed| Resamples::new(5, 100, seed).weights;
        assert_eq!(rows(7), rows(7));
        assert_ne!(rows(7), rows(8));
        assert!(Resamples::new(5, 100, 7).rows().all(|row| row.iter().sum::<f64>() == 5.0));
    }

    #[test]
    fn the_interval_of_a_mean_is_what_theory_says() {
        // Means of 100 values of variance 1/12 have a standard error of .0289, and 95 % of them lie within 1.96 of these.
        let noise = Noise::new(3, &[]).at(0, 1);
        let values: Vec<f64> = (0..100).map(|at| noise.uniform(at)).collect();
        let told = Interval::of(Resamples::new(100, 4000, 1).means(&values));
        let error = super::super::deviation(&values) / 10.0;
        let width = (told.high - told.low) / (2.0 * 1.96 * error);
        assert!((0.93..1.07).contains(&width), "{width}");
        let mean = super::super::mean(&values);
        assert!(told.low < mean && mean < told.high);
    }

    #[test]
    fn a_prompt_makes_no_pair_with_itself() {
        // Three prompts that share nothing with each other, and everything with themselves.
        let pairs = vec![vec![1.0, 0.0, 0.0], vec![0.0, 1.0, 0.0], vec![0.0, 0.0, 1.0]];
        let told = Resamples::new(3, 500, 1).pair_means(&pairs);
        assert!(told.iter().all(|mean| mean.is_nan() || *mean == 0.0));
        let point = [vec![f64::NAN, 0.3, 0.1], vec![0.3, f64::NAN, 0.2], vec![0.1, 0.2, f64::NAN]];
        let told = Resamples::new(3, 500, 1).pair_means(&point);
        let mean = super::super::mean(&told);
        assert!((0.17..0.23).contains(&mean), "{mean}");
        assert!(told.iter().all(|mean| mean.is_nan() || (0.1..=0.3).contains(mean)));
    }

    #[test]
    fn quantiles_lie_between_the_values() {
        let told = Interval::of((0..=40).map(f64::from).chain([f64::NAN]).collect());
        near(told.low, 1.0);
        near(told.high, 39.0);
        assert!(told.is_above(0.9) && !told.is_above(1.0) && told.is_below(39.1) && !told.is_below(39.0));
        assert!(Interval::of(vec![]).low.is_nan());
    }
}
