//! Loops over many numbers at a time, in the form that the compiler turns into vector instructions.
//!
//! A vocabulary has some hundred thousand tokens, and few of them matter. So a row is asked block by block whether it holds
//! anything of interest, and its sums run in eight lanes beside each other. One thing a loop: what a loop does to all lanes
//! becomes vector instructions.

use super::exponential::{bounded, exp_of_bounded};

/// How many logits are asked at a time whether any of them matters.
pub(super) const BLOCK: usize = 64;

/// The blocks of a row, each with the number of its first logit. `last` is what the last one is written to: it is filled up with
/// −∞.
pub(super) fn blocks<'a>(row: &'a [f32], last: &'a mut [f32; BLOCK]) -> impl Iterator<Item = (u32, &'a [f32; BLOCK])> {
    let (whole, rest) = row.as_chunks::<BLOCK>();
    *last = padded(rest);
    (0..).step_by(BLOCK).zip(whole.iter().chain((!rest.is_empty()).then_some(&*last)))
}

/// These numbers, filled up with −∞.
fn padded<const N: usize>(rest: &[f32]) -> [f32; N] {
    let mut padded = [f32::NEG_INFINITY; N];
    padded[..rest.len()].copy_from_slice(rest);
    padded
}

/// For how many numbers of a block something holds.
#[inline]
pub(super) fn count(block: &[f32; BLOCK], holds: impl Fn(f32) -> bool) -> u32 {
    block.iter().map(|&number| u32::from(holds(number))).sum()
}

/// The largest of these numbers; −∞ where there is none. NaN is passed over.
pub(super) fn largest(numbers: &[f32]) -> f32 {
    // Unlike `f32::max` this is one instruction.
    let greater = |one: f32, other: f32| if one > other { one } else { other };
    let mut lanes = [f32::NEG_INFINITY; 32];
    let (whole, rest) = numbers.as_chunks::<32>();
    for numbers in whole {
        for (lane, &number) in lanes.iter_mut().zip(numbers) {
            *lane = greater(number, *lane);
        }
    }
    lanes.iter().chain(rest).fold(f32::NEG_INFINITY, |largest, &number| greater(number, largest))
}

/// Σ eˣ and Σ eˣ·x, in eight lanes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sums {
    mass: [f64; 8],
    weighted: [f64; 8],
}

impl Sums {
    /// Adds eight numbers x ≤ 0. What is below −700, −∞ and NaN count as −700, which is no mass at all.
    #[allow(clippy::needless_range_loop)] // With iterators it takes a tenth more time.
    #[inline]
    pub fn add(&mut self, numbers: [f64; 8]) {
        for lane in 0..8 {
            let number = bounded(numbers[lane]);
            let mass = exp_of_bounded(number);
            self.mass[lane] += mass;
            self.weighted[lane] += mass * number;
        }
    }

    /// The sums of a row, its numbers measured from the largest.
    // By itself it gets all registers: inlined it takes a fifth more time.
    #[inline(never)]
    pub fn of_row(row: &[f32], max: f64) -> (f64, f64) {
        let mut sums = Self::default();
        let (eights, rest) = row.as_chunks::<8>();
        for eight in eights {
            sums.add(eight.map(|logit| f64::from(logit) - max));
        }
        sums.add(padded::<8>(rest).map(|logit| f64::from(logit) - max));
        sums.total()
    }

    /// Both sums over all lanes.
    #[inline]
    pub fn total(self) -> (f64, f64) {
        (self.mass.iter().sum(), self.weighted.iter().sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize) -> Vec<f32> {
        (0_u32..).take(count).map(|i| (i.wrapping_mul(2_654_435_761) % 1000) as f32 / 50.0).collect()
    }

    #[test]
    fn the_largest_of_any_length_is_that_of_a_fold() {
        for count in [0, 1, 7, 8, 31, 32, 33, 63, 64, 65, 200] {
            let mut numbers = numbers(count);
            assert_eq!(largest(&numbers), numbers.iter().copied().fold(f32::NEG_INFINITY, f32::max));
            numbers.extend([f32::NAN, f32::NEG_INFINITY]);
            assert_eq!(largest(&numbers), numbers.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        }
    }

    #[test]
    fn blocks_hold_the_row_and_nothing_more_that_is_finite() {
        for length in [0, 1, 63, 64, 65, 128, 300] {
            let (numbers, mut last) = (numbers(length), [0.0; BLOCK]);
            let all = |last| blocks(&numbers, last).flat_map(|(first, block)| (first..).zip(*block)).collect::<Vec<_>>();
            let all: Vec<(u32, f32)> = all(&mut last);
            assert!(all.iter().map(|&(_, number)| number).take(length).eq(numbers.iter().copied()));
            assert!(all.iter().enumerate().all(|(at, &(token, _))| at == token as usize));
            assert!(all[length..].iter().all(|&(_, number)| number == f32::NEG_INFINITY) && all.len() < length + BLOCK);
            assert_eq!(
                blocks(&numbers, &mut last).map(|(_, block)| count(block, f32::is_finite)).sum::<u32>() as usize,
                length
            );
        }
        let strange = [1.0, f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX];
        assert_eq!((count(&padded(&strange), f32::is_finite), count(&padded(&strange), |number| number >= 1.0)), (2, 3));
    }

    #[test]
    fn what_has_no_mass_adds_none() {
        let mut sums = Sums::default();
        sums.add([0.0, -1.0, f64::NEG_INFINITY, f64::NAN, -1e300, -800.0, -2.0, 0.0]);
        let (mass, weighted) = sums.total();
        let (one, two) = ((-1.0_f64).exp(), (-2.0_f64).exp());
        assert!((mass - (2.0 + one + two)).abs() < 1e-15 && (weighted + one + 2.0 * two).abs() < 1e-15);
    }
}
