//! The paired sign-flip test.

use crate::prob::Noise;

/// Up to so many prompts all flips are counted.
pub const EXACT: usize = 20;

/// Above, so many are drawn.
pub const FLIPS: usize = 100_000;

/// The two-sided p-value of paired differences, if their signs were chance: the share of all ways to flip signs whose sum is at least
/// as far from 0 as that of the differences. Exact up to [`EXACT`] of them; above, (k + 1)/(n + 1) over [`FLIPS`] drawn by `seed`.
/// Differences that are not there are left out; of none p is NaN.
///
/// Source: Fisher 1935; Edgington & Onghena 2007.
#[must_use]
pub fn sign_flip(differences: &[f64], seed: u64) -> f64 {
    let there: Vec<f64> = differences.iter().copied().filter(|difference| !difference.is_nan()).collect();
    if there.is_empty() {
        return f64::NAN;
    }
    // Sums of equal numbers in another order may differ in their last digits, and are the same sum.
    let scale: f64 = there.iter().map(|difference| difference.abs()).sum();
    let least = there.iter().sum::<f64>().abs() - 1e-12 * scale;
    if there.len() <= EXACT { exact(&there, least) } else { drawn(&there, least, seed) }
}

/// Each sum is one of the first half and one of the second: of the second, sorted, a search counts those that reach far enough.
fn exact(differences: &[f64], least: f64) -> f64 {
    let (one, two) = differences.split_at(differences.len() / 2);
    let mut second = sums(two);
    second.sort_unstable_by(f64::total_cmp);
    let far = |sum: &f64| {
        let above = second.len() - second.partition_point(|other| sum + other < least);
        let below = second.partition_point(|other| sum + other <= -least);
        if least <= 0.0 { second.len() } else { above + below }
    };
    let first = sums(one);
    first.iter().map(far).sum::<usize>() as f64 / (first.len() * second.len()) as f64
}

/// The sums of all ways to flip signs.
fn sums(differences: &[f64]) -> Vec<f64> {
    differences
        .iter()
        .fold(vec![0.0], |sums, difference| sums.iter().flat_map(|sum| [sum + difference, sum - difference]).collect())
}

/// Eight signs are one byte of noise, and their sum stands in a table.
fn drawn(differences: &[f64], least: f64, seed: u64) -> f64 {
    let tables: Vec<Vec<f64>> = differences
        .chunks(8)
        .map(|some| {
            let sign = |flips: usize, at: usize| if flips >> at & 1 == 0 { 1.0 } else { -1.0 };
            (0..256).map(|flips| some.iter().enumerate().map(|(at, difference)| sign(flips, at) * difference).sum()).collect()
        })
        .collect();
    let noise = Noise::new(seed, &[]);
    let is_far = |flip: &usize| {
        let signs = noise.at(*flip, 2);
        let mut sum = 0.0;
        for (word, tables) in (0..).zip(tables.chunks(8)) {
            let bytes = signs.bits(word).to_le_bytes();
            sum += tables.iter().zip(bytes).map(|(table, byte)| table[usize::from(byte)]).sum::<f64>();
        }
        sum.abs() >= least
    };
    let far = (0..FLIPS).filter(is_far).count();
    (far + 1) as f64 / (FLIPS + 1) as f64
}

#[cfg(test)]
mod tests {
    use super::super::super::distinct::tests::near;
    use super::*;

    #[test]
    fn the_worked_value_of_the_sign_flip_test() {
        near(sign_flip(&[1.0, 2.0, 3.0], 0), 2.0 / 8.0);
        near(sign_flip(&[1.0, f64::NAN, 2.0, 3.0], 0), 2.0 / 8.0);
        near(sign_flip(&[0.0, 0.0], 0), 1.0);
        near(sign_flip(&[1.0, -1.0], 0), 1.0);
        assert!(sign_flip(&[f64::NAN], 0).is_nan());
    }

    #[test]
    fn drawn_flips_come_near_to_all_of_them() {
        let noise = Noise::new(5, &[]).at(0, 0);
        for shift in [0.0, 0.1, 0.25] {
            let differences: Vec<f64> = (0..19).map(|at| noise.uniform(at) - 0.5 + shift).collect();
            let least = differences.iter().sum::<f64>().abs() - 1e-12;
            let (all, some) = (exact(&differences, least), drawn(&differences, least, 1));
            assert!((all - some).abs() < 0.006, "{all} {some}");
        }
    }

    #[test]
    fn halves_count_what_counting_all_counts() {
        let differences = [0.5, -0.25, 1.0, 0.75, -0.5];
        let least = differences.iter().sum::<f64>().abs();
        let far = sums(&differences).into_iter().filter(|sum| sum.abs() >= least).count();
        near(exact(&differences, least), far as f64 / 32.0);
    }
}
