//! How far judges agree with each other, and orders of arms with each other.

/// Agreement of two judges beyond chance, Cohen's κ: (o − e) / (1 − e), with o the share of answers that are equal and e the share
/// that would be if both gave their answers as often and at random. 1 is full agreement, 0 that of chance. `None` where there
/// is no answer, or chance alone would make all equal.
///
/// # Source
/// Cohen, Educational and Psychological Measurement 1960.
#[must_use]
pub fn kappa(answers: &[(usize, usize)]) -> Option<f64> {
    let count = answers.len() as f64;
    let kinds = answers.iter().map(|(one, other)| one.max(other) + 1).max()?;
    let observed = answers.iter().filter(|(one, other)| one == other).count() as f64 / count;
    let share = |kind: usize, of: fn(&(usize, usize)) -> usize| {
        answers.iter().filter(|answer| of(answer) == kind).count() as f64 / count
    };
    let by_chance: f64 = (0..kinds).map(|kind| share(kind, |answer| answer.0) * share(kind, |answer| answer.1)).sum();
    (by_chance < 1.0).then(|| (observed - by_chance) / (1.0 - by_chance))
}

/// Agreement of two orders, Kendall's `τ_b`: of all pairs, those in the same order less those in the opposite one, divided by the
/// geometric mean of the pairs that each of the two orders tells apart. 1 is the same order, −1 the opposite one. `None` where one of them
/// tells nothing apart.
///
/// # Source
/// Kendall, Biometrika 1945.
#[must_use]
pub fn kendall(points: &[(f64, f64)]) -> Option<f64> {
    let (mut agree, mut told_by_one, mut told_by_other) = (0.0, 0.0, 0.0);
    for (at, one) in points.iter().enumerate() {
        for other in &points[..at] {
            let (x, y) = (sign(one.0, other.0), sign(one.1, other.1));
            agree += x * y;
            told_by_one += x.abs();
            told_by_other += y.abs();
        }
    }
    let told = f64::sqrt(told_by_one * told_by_other);
    (told > 0.0).then(|| agree / told)
}

/// Agreement of two orders, Spearman's ρ: the correlation of their ranks, equal values having the mean of theirs. `None` where one of them
/// tells nothing apart.
///
/// # Source
/// Spearman, American Journal of Psychology 1904.
#[must_use]
pub fn spearman(points: &[(f64, f64)]) -> Option<f64> {
    let ranks = |of: fn(&(f64, f64)) -> f64| -> Vec<f64> {
        let values: Vec<f64> = points.iter().map(of).collect();
        let rank = |value: &f64| values.iter().map(|other| f64::midpoint(sign(*value, *other), 1.0)).sum::<f64>();
        values.iter().map(rank).collect()
    };
    let (x, y) = (ranks(|point| point.0), ranks(|point| point.1));
    // The mean of ranks is the same however many are equal.
    let mean = points.len() as f64 / 2.0;
    let product = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - mean) * (y - mean)).sum::<f64>();
    let spread = f64::sqrt(product(&x, &x) * product(&y, &y));
    (spread > 0.0).then(|| product(&x, &y) / spread)
}

/// 1 where the first is larger, −1 where it is smaller, and 0 where neither is.
fn sign(one: f64, other: f64) -> f64 {
    f64::from(i8::from(one > other) - i8::from(one < other))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// So many answers of each kind.
    fn answers(counts: &[(usize, usize, usize)]) -> Vec<(usize, usize)> {
        counts.iter().flat_map(|&(one, other, times)| vec![(one, other); times]).collect()
    }

    /// 20 + 15 of 50 are equal, and by chance half are: (0.7 − 0.5) / 0.5.
    #[test]
    fn kappa_is_what_is_equal_beyond_chance() {
        let close = |counts: &[(usize, usize, usize)], expected: f64| {
            assert!((kappa(&answers(counts)).unwrap() - expected).abs() < 1e-12, "{counts:?}");
        };
        close(&[(0, 0, 20), (0, 1, 5), (1, 0, 10), (1, 1, 15)], 0.4);
        close(&[(0, 0, 3), (1, 1, 4), (2, 2, 5)], 1.0);
        close(&[(0, 0, 25), (0, 1, 25), (1, 0, 25), (1, 1, 25)], 0.0);
        close(&[(0, 1, 5), (1, 0, 5)], -1.0);
        assert_eq!((kappa(&[]), kappa(&[(1, 1), (1, 1)])), (None, None));
    }

    #[test]
    fn orders_that_part_in_one_pair_agree_so_far() {
        let swapped = [(1.0, 1.0), (2.0, 3.0), (3.0, 2.0), (4.0, 4.0)];
        // Five pairs of six agree: (5 − 1) / 6; 1 − 6·2/60.
        assert!((kendall(&swapped).unwrap() - 2.0 / 3.0).abs() < 1e-12);
        assert!((spearman(&swapped).unwrap() - 0.8).abs() < 1e-12);
    }

    #[test]
    fn equal_values_tell_nothing_apart() {
        // Four of six pairs agree, and each order tells five apart: 4 / √(5·5).
        let tied = [(1.0, 1.0), (2.0, 2.0), (2.0, 3.0), (3.0, 3.0)];
        assert!((kendall(&tied).unwrap() - 0.8).abs() < 1e-12);
        let ranks = [(1.0, 1.0), (2.5, 2.0), (2.5, 3.5), (4.0, 3.5)];
        let product: f64 = ranks.iter().map(|(x, y)| (x - 2.5) * (y - 2.5)).sum();
        assert!((spearman(&tied).unwrap() - product / 4.5).abs() < 1e-12);
        for flat in [&[(1.0, 1.0), (1.0, 2.0)][..], &[(1.0, 2.0)], &[]] {
            assert_eq!((kendall(flat), spearman(flat)), (None, None));
        }
    }

    #[test]
    fn the_opposite_order_is_the_opposite() {
        let points: Vec<(f64, f64)> = (0..5).map(|at| (f64::from(at), -f64::from(at).exp())).collect();
        assert!((kendall(&points).unwrap() + 1.0).abs() < 1e-12 && (spearman(&points).unwrap() + 1.0).abs() < 1e-12);
    }
}
