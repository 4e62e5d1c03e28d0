//! How surprisal runs through a text: its course in ten parts, its memory from token to token, and the imprint of a wave.

use std::f64::consts::TAU;

/// The course of surprisals through a text, in their unit.
#[derive(Debug, Clone, PartialEq)]
pub struct Profile {
    /// Their means in ten equal parts.
    pub deciles: [f64; 10],
    /// How much they rise from the beginning to the end, by the line of least squares.
    pub slope: f64,
    /// Lag-1 autocorrelation: how far a surprising token is followed by one. 0 where all are equal.
    pub autocorrelation: f64,
}

impl Profile {
    /// That of these surprisals; `None` where there are fewer than ten.
    #[must_use]
    pub fn of(surprisals: &[f64]) -> Option<Self> {
        let count = surprisals.len();
        if count < 10 {
            return None;
        }
        let decile = |part: usize| mean(&surprisals[part * count / 10..(part + 1) * count / 10]);
        let centre = mean(surprisals);
        let products: f64 = surprisals.windows(2).map(|pair| (pair[0] - centre) * (pair[1] - centre)).sum();
        let squares: f64 = surprisals.iter().map(|s| (s - centre).powi(2)).sum();
        let autocorrelation = if squares > 0.0 { products / squares } else { 0.0 };
        let slope = slope(surprisals) * (count - 1) as f64;
        Some(Self { deciles: std::array::from_fn(decile), slope, autocorrelation })
    }
}

/// The imprint of a wave: the power of the surprisals at its frequency, as a multiple of the median power of its neighbours, when the
/// line of least squares has been taken off. `None` where the text is shorter than two periods, or nothing has any power.
///
/// X(f) = |Σₜ (sₜ − a − b·t) e^(−2πift)|² at f = 1/period and at f ± j/n, j = 2 … 9, for n surprisals.
///
/// `period` is in tokens of the judge. A wave has its period in tokens of the writer: multiply it with the tokens that the text has for
/// the judge, and divide by those that it had for the writer. Chance alone gives a median of 1 and a mean of 1.44; stories of people
/// have periods too (arXiv 2410.16062), so it is compared with theirs or with plain sampling. A sharp peak is an artefact to be told.
#[must_use]
pub fn imprint(surprisals: &[f64], period: f64) -> Option<f64> {
    let count = surprisals.len() as f64;
    // Written so that NaN fails.
    if !(period >= 2.0 && count >= 2.0 * period) {
        return None;
    }
    let (centre, slope) = (mean(surprisals), slope(surprisals));
    let middle = (count - 1.0) / 2.0;
    let even: Vec<f64> = (0..).zip(surprisals).map(|(at, s)| s - centre - slope * (f64::from(at) - middle)).collect();
    let frequency = 1.0 / period;
    let beside = (2..10).flat_map(|step| [-1.0, 1.0].map(|side| frequency + side * f64::from(step) / count));
    let mut powers: Vec<f64> =
        beside.filter(|other| (0.5 / count..0.5).contains(other)).map(|other| power(&even, other)).collect();
    powers.sort_by(f64::total_cmp);
    let median = f64::midpoint(*powers.get(powers.len().saturating_sub(1) / 2)?, powers[powers.len() / 2]);
    (median > 0.0).then(|| power(&even, frequency) / median)
}

/// |Σₜ xₜ e^(−2πift)|².
fn power(numbers: &[f64], frequency: f64) -> f64 {
    let turns = (0..).zip(numbers).map(|(at, x)| {
        let (sine, cosine) = (TAU * frequency * f64::from(at)).sin_cos();
        (x * cosine, x * sine)
    });
    let (real, imaginary) = turns.fold((0.0, 0.0), |sum, turn| (sum.0 + turn.0, sum.1 + turn.1));
    real * real + imaginary * imaginary
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

/// The slope of the line of least squares, from one number to the next.
fn slope(numbers: &[f64]) -> f64 {
    let middle = (numbers.len() as f64 - 1.0) / 2.0;
    let (mut products, mut squares) = (0.0, 0.0);
    for (at, number) in (0..).zip(numbers) {
        let from = f64::from(at) - middle;
        products += from * number;
        squares += from * from;
    }
    if squares > 0.0 { products / squares } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prob::Noise;

    fn noise(count: u32) -> Vec<f64> {
        noise_of(5, count)
    }

    fn noise_of(seed: u64, count: u32) -> Vec<f64> {
        let noise = Noise::new(seed, &[]).at(0, 0);
        (0..count).map(|at| noise.uniform(at)).collect()
    }

    #[test]
    fn a_line_has_its_slope_and_its_deciles() {
        let line: Vec<f64> = (0..100).map(|at| f64::from(at) / 99.0 * 3.0 + 1.0).collect();
        let Profile { deciles, slope, autocorrelation } = Profile::of(&line).unwrap();
        assert!((slope - 3.0).abs() < 1e-12);
        assert!((deciles[0] - (1.0 + 4.5 / 33.0)).abs() < 1e-12 && deciles.is_sorted());
        assert!(autocorrelation > 0.9);
        assert_eq!(Profile::of(&line[..9]), None);
    }

    #[test]
    fn autocorrelation_of_1_3_1_3_is_minus_1_and_of_equals_0() {
        // Σ of nine products of −1, over ten squares of 1.
        let zigzag: Vec<f64> = (0..10).map(|at| f64::from(1 + 2 * (at % 2))).collect();
        assert!((Profile::of(&zigzag).unwrap().autocorrelation + 0.9).abs() < 1e-12);
        assert_eq!(Profile::of(&[2.0; 12]).unwrap().autocorrelation, 0.0);
    }

    #[test]
    fn a_wave_leaves_its_imprint_at_its_own_period_and_at_no_other() {
        let wave =
            noise(400).into_iter().enumerate().map(|(at, x)| x + 0.8 * (TAU * at as f64 / 60.0).sin() + 0.01 * at as f64);
        let wave: Vec<f64> = wave.collect();
        assert!(imprint(&wave, 60.0).unwrap() > 50.0);
        assert!(imprint(&wave, 25.0).unwrap() < 10.0);
    }

    #[test]
    fn noise_has_an_imprint_of_about_1() {
        let mut imprints: Vec<f64> = (0..300).map(|seed| imprint(&noise_of(seed, 400), 60.0).unwrap()).collect();
        imprints.sort_by(f64::total_cmp);
        assert!((0.8..1.25).contains(&imprints[150]), "median {}", imprints[150]);
        // Powers of noise are exponential: above twelve medians lies one in 4,000, and of an estimated median some more.
        assert!(imprints[291] < 12.0, "{:?}", &imprints[285..]);
    }

    #[test]
    fn of_fewer_than_two_periods_or_of_no_change_nothing_is_said() {
        assert_eq!(imprint(&noise(119), 60.0), None);
        assert_eq!(imprint(&noise(400), f64::NAN), None);
        assert_eq!(imprint(&noise(400), 1.5), None);
        assert_eq!(imprint(&[], 2.0), None);
    }
}
