//! The exponential function, in a form that the compiler turns into vector instructions.

use std::f64::consts::{LN_2, LOG2_E};

/// ln 2 in two parts, so that k · `LN_2_HIGH` is exact for |k| < 2¹¹ (Cody & Waite 1980).
const LN_2_HIGH: f64 = f64::from_bits(0x3FE6_2E42_FEE0_0000);
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// 1.5 · 2⁵²: adding it rounds a small number to the nearest integer and leaves that in the lowest bits.
const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// The least x of which there is an exponential: e⁻⁷⁰⁰ ≈ 10⁻³⁰⁴ is no mass at all.
const LEAST: f64 = -700.0;

/// The number itself, or the least of which there is an exponential; that for NaN.
#[inline]
pub(super) fn bounded(x: f64) -> f64 {
    if x > LEAST { x } else { LEAST }
}

/// eˣ for x ≤ 0, to within 2 units in the last place; below −700 it is e⁻⁷⁰⁰, NaN counts as that too.
#[inline]
pub(super) fn exp(x: f64) -> f64 {
    exp_of_bounded(bounded(x))
}

/// eˣ for −700 ≤ x ≤ 0, to within 2 units in the last place.
///
/// A softmax over a vocabulary of 150,000 takes the exponential of every entry; the library's function, called one at a
/// time, would cost more than all the rest of a decision. Here x = k·ln 2 + r with |r| ≤ ln 2 / 2, and eʳ is its Taylor
/// polynomial of degree 12, whose remainder is below 2⁻⁵⁵.
#[inline]
pub(super) fn exp_of_bounded(x: f64) -> f64 {
    let shifted = x * LOG2_E + ROUNDER;
    let k = shifted - ROUNDER;
    let r = (x - k * LN_2_HIGH) - k * LN_2_LOW;
    // Written out: a loop over the coefficients is not always unrolled, and then costs ten times as much.
    let e = 1.0 / 479_001_600.0;
    let e = e * r + 1.0 / 39_916_800.0;
    let e = e * r + 1.0 / 3_628_800.0;
    let e = e * r + 1.0 / 362_880.0;
    let e = e * r + 1.0 / 40_320.0;
    let e = e * r + 1.0 / 5_040.0;
    let e = e * r + 1.0 / 720.0;
    let e = e * r + 1.0 / 120.0;
    let e = e * r + 1.0 / 24.0;
    let e = e * r + 1.0 / 6.0;
    let e = e * r + 0.5;
    let e = e * r + 1.0;
    let e = e * r + 1.0;
    // The lowest bits of `shifted` are k in two's complement; moved to the exponent they multiply by 2ᵏ.
    f64::from_bits(e.to_bits().wrapping_add(shifted.to_bits() << 52))
}

const _: () = assert!(LN_2_HIGH + LN_2_LOW == LN_2);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_library_over_its_whole_range() {
        for i in 0..=700_000 {
            let x = -f64::from(i) / 1000.0;
            let (ours, library) = (exp(x), x.exp());
            assert!((ours - library).abs() <= 4.5e-16 * library, "x = {x}: {ours} is not {library}");
        }
    }

    #[test]
    fn the_ends() {
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(f64::NEG_INFINITY) < 1e-300);
        assert!(exp(f64::NAN) < 1e-300);
    }
}
