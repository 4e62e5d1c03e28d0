//! Keyed noise: every random number is a pure function of seed, prompt, step, stage and token.
//!
//! So it depends neither on the order in which candidates are looked at nor on what other stories do, and presets that are
//! compared under one seed part only where they choose differently.

use std::f64::consts::LN_2;

use super::lanes::{BLOCK, blocks};
use super::{Temperature, Token};

/// The odd constant of `SplitMix64`: 2⁶⁴ divided by the golden ratio.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

/// The output function of `SplitMix64`: a bijection of 64 bits in which every bit depends on every other.
///
/// Source: Steele, Lea & Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Takes one more word into a key.
fn absorb(key: u64, word: u64) -> u64 {
    mix((key ^ word).wrapping_add(GOLDEN))
}

/// The noise of one story: a seed and the prompt that it is told from.
///
/// ```
/// use afterword::prob::Noise;
///
/// let noise = Noise::new(7, &[1, 2, 3]);
/// // The number of a token at a step is always the same, and another one at every step.
/// assert_eq!(noise.at(4, 0).gumbel(9), Noise::new(7, &[1, 2, 3]).at(4, 0).gumbel(9));
/// assert_ne!(noise.at(4, 0).gumbel(9), noise.at(5, 0).gumbel(9));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Noise(u64);

/// The noise of one decision: for every token one number.
///
/// ```
/// use afterword::prob::Noise;
///
/// // One draw a step from weights whose chances are as 1 to 3.
/// let weights = [(0, 1.0_f64.ln()), (1, 3.0_f64.ln())];
/// let ones = (0..1000).filter(|&step| Noise::new(1, &[]).at(step, 0).largest(weights) == Some(1)).count();
/// assert!((700..800).contains(&ones));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepNoise(u64);

impl Noise {
    /// The noise that belongs to this seed and these tokens of a prompt.
    #[must_use]
    pub fn new(seed: u64, prompt: &[Token]) -> Self {
        let hash = prompt.iter().fold(prompt.len() as u64, |key, &token| absorb(key, u64::from(token)));
        Self(absorb(absorb(0, seed), hash))
    }

    /// The noise of the same story told for another time, from some step on; that of time 0 is this one.
    #[must_use]
    pub fn of_time(self, time: usize) -> Self {
        if time == 0 { self } else { Self(absorb(self.0, !(time as u64))) }
    }

    /// The noise of a stage at a step.
    #[must_use]
    pub fn at(self, step: usize, stage: u64) -> StepNoise {
        StepNoise(absorb(absorb(self.0, step as u64), stage))
    }
}

impl StepNoise {
    /// 64 random bits: output number `token` of `SplitMix64` begun at the key.
    #[must_use]
    pub fn bits(self, token: Token) -> u64 {
        mix(self.0.wrapping_add((u64::from(token) + 1).wrapping_mul(GOLDEN)))
    }

    /// A number uniform on (0, 1), never an end.
    #[must_use]
    pub fn uniform(self, token: Token) -> f64 {
        uniform(self.bits(token))
    }

    /// A standard Gumbel variate, −ln(−ln u): the largest of ln w + g over tokens of weight w falls on each token with a
    /// probability proportional to its weight.
    ///
    /// # Density function
    /// f(g) = exp(−(g + e⁻ᵍ)). Source: Gumbel 1954; as a way to draw, Maddison, Tarlow & Minka 2014.
    #[must_use]
    pub fn gumbel(self, token: Token) -> f64 {
        gumbel(self.bits(token))
    }

    /// The token with the largest weight + noise, of equals the smaller number: one draw from the softmax of the weights,
    /// given in ascending order of tokens. `None` where nothing has a weight above −∞.
    ///
    /// Almost no token needs its logarithms: with y the upper tail of u, −ln(1 − y) ≥ y, so g ≤ −ln y, which the leading
    /// zeros of the bits bound by a multiple of ln 2.
    pub fn largest(self, weights: impl IntoIterator<Item = (Token, f64)>) -> Option<Token> {
        let mut best: Option<(Token, f64)> = None;
        for (token, weight) in weights {
            let bits = self.bits(token);
            let reachable = weight + f64::from(bits.leading_zeros() + 1) * LN_2;
            if best.is_none_or(|(_, score)| reachable > score) && weight > f64::NEG_INFINITY {
                let score = weight + gumbel(bits);
                if best.is_none_or(|(_, highest)| score > highest) {
                    best = Some((token, score));
                }
            }
        }
        best.map(|(token, _)| token)
    }
}

impl StepNoise {
    /// As [`StepNoise::largest`], with a weight for every token from 0 up: its logit in the row behind these temperatures, none of
    /// them frozen. `lead`, a token and its score, is in the race already. −∞ and NaN have no weight. Only of a token that comes to
    /// lead is it asked whether it may.
    ///
    /// A block of tokens is first asked whether any of them can come to lead, which is a few vector instructions a token.
    pub fn largest_of_row(
        self,
        lead: Option<(Token, f64)>,
        row: &[f32],
        temperatures: &[Temperature],
        may: impl Fn(Token) -> bool,
    ) -> Option<Token> {
        #[allow(clippy::cast_possible_truncation)] // Its rounding is allowed for, and what is no number any more is seen.
        let slope = temperatures.iter().fold(1.0, |slope, temperature| slope / temperature.get()) as f32;
        let mut best = lead;
        let mut least = least_reach(best);
        for (first, block) in blocks(row, &mut [0.0; BLOCK]) {
            if slope.is_normal() && !self.reaches(first, block, slope, least) {
                continue;
            }
            for (token, &logit) in (first..).zip(block).filter(|(_, logit)| logit.is_finite()) {
                let weight = temperatures.iter().fold(f64::from(logit), |logit, temperature| temperature.cool(logit));
                let bits = self.bits(token);
                let reachable = weight + f64::from(bits.leading_zeros() + 1) * LN_2;
                if best.is_some_and(|(_, highest)| reachable < highest) {
                    continue;
                }
                let score = weight + gumbel(bits);
                let leads = |(leader, highest): (Token, f64)| score > highest || (score == highest && token < leader);
                if best.is_none_or(leads) && may(token) {
                    best = Some((token, score));
                    least = least_reach(best);
                }
            }
        }
        best.map(|(token, _)| token)
    }

    /// Whether l · slope + r is at least `least` for any token of a block, where r is a bound of its noise in single precision.
    ///
    /// With y the upper 31 bits, as a number: u ≥ y / 2³¹, so g ≤ −ln u ≤ ln 2 · (31 − log₂ y). The bits of y as a float, read as an
    /// integer, are 2²³ · (log₂ y + 127) or less: between powers of 2 they follow the chord, and the logarithm lies above it.
    #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
    #[inline]
    fn reaches(self, first: Token, block: &[f32; BLOCK], slope: f32, least: f32) -> bool {
        const LN_2: f32 = std::f32::consts::LN_2;
        // One thing a loop: what a loop does to all becomes vector instructions.
        let mut upper = [0; BLOCK];
        for (token, upper) in (first..).zip(&mut upper) {
            *upper = (self.bits(token) >> 33) as i32;
        }
        let reach = |(&logit, &upper): (&f32, &i32)| {
            let log = (upper as f32).to_bits() as i32 as f32;
            logit * slope + ((31.0 + 127.0) * LN_2 - log * (LN_2 / 8_388_608.0))
        };
        block.iter().zip(&upper).map(|pair| u32::from(reach(pair) >= least)).sum::<u32>() > 0
    }
}

/// What a reach in single precision is at least, if it belongs to a score that comes to lead. Six digits of it are right: a
/// ten-thousandth, and a millionth of the score, are more than all of its roundings.
fn least_reach(best: Option<(Token, f64)>) -> f32 {
    #[allow(clippy::cast_possible_truncation)]
    best.map_or(f32::NEG_INFINITY, |(_, score)| (score - 1e-4 - 1e-6 * score.abs()) as f32)
}

/// The upper 52 bits, and a half so that neither end is reached.
fn uniform(bits: u64) -> f64 {
    ((bits >> 12) as f64 + 0.5) * f64::EPSILON
}

/// With y = 1 − u uniform on (0, 1): −ln(−ln(1 − y)).
fn gumbel(bits: u64) -> f64 {
    -(-(-uniform(bits)).ln_1p()).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_a_key_never_change() {
        // Computed once; a change here changes every story ever told.
        let noise = Noise::new(7, &[1, 2, 3]);
        let values: Vec<u64> = (0..3).map(|token| noise.at(4, 0).bits(token)).collect();
        assert_eq!(values, [15_668_261_068_642_929_694, 12_003_803_714_407_843_228, 8_013_176_565_728_682_489]);
    }

    #[test]
    fn splitmix64_gives_its_published_first_output() {
        // SplitMix64 begun at 0.
        assert_eq!(StepNoise(0).bits(0), 0xE220_A839_7B1D_CDAF);
        assert_eq!(StepNoise(0).bits(1), 0x6E78_9E6A_A1B9_65F4);
    }

    #[test]
    fn seed_prompt_step_and_stage_each_change_the_noise() {
        let base = Noise::new(1, &[1, 2]).at(3, 4).bits(5);
        for other in [
            Noise::new(2, &[1, 2]).at(3, 4),
            Noise::new(1, &[2, 1]).at(3, 4),
            Noise::new(1, &[1, 2, 0]).at(3, 4),
            Noise::new(1, &[1, 2]).at(4, 4),
            Noise::new(1, &[1, 2]).at(4, 3),
        ] {
            assert_ne!(other.bits(5), base);
        }
    }

    #[test]
    fn uniform_never_reaches_its_ends() {
        assert!(uniform(0) > 0.0 && uniform(u64::MAX) < 1.0);
        assert!(gumbel(0).is_finite() && gumbel(u64::MAX).is_finite());
    }

    #[test]
    fn gumbel_noise_has_the_gumbel_distribution() {
        // Kolmogorov–Smirnov over 10⁵ numbers; the critical value for a false positive in 10⁴ is 2.22 / √n.
        let n = 100_000_u32;
        let mut sample: Vec<f64> = (0..n).map(|token| Noise::new(1, &[]).at(0, 0).gumbel(token)).collect();
        sample.sort_by(f64::total_cmp);
        let distance =
            sample.iter().enumerate().map(|(i, g)| ((-(-g).exp()).exp() - i as f64 / f64::from(n)).abs()).fold(0.0, f64::max);
        assert!(distance < 2.22 / f64::from(n).sqrt(), "distance {distance}");
    }

    #[test]
    fn the_largest_is_the_largest_of_all_scores() {
        for step in 0..500 {
            let noise = Noise::new(3, &[]).at(step, 0);
            let weights: Vec<(Token, f64)> = (0_u32..50).map(|t| (t, f64::from(t * t % 17) / 3.0)).collect();
            let full = weights
                .iter()
                .map(|&(t, w)| (t, w + noise.gumbel(t)))
                .fold((0, f64::NEG_INFINITY), |best, next| if next.1 > best.1 { next } else { best });
            assert_eq!(noise.largest(weights), Some(full.0));
        }
    }

    #[test]
    fn the_largest_of_a_row_is_the_largest_of_its_list() {
        for step in 0..500_u16 {
            let noise = Noise::new(3, &[]).at(usize::from(step), 0);
            // Of every length around a multiple of eight; some have no mass, and some may not be taken.
            let row: Vec<f32> = (0..40 + step % 17).map(|t| f32::from(t * t % 17) / 3.0).collect();
            let row: Vec<f32> = (0_u16..).zip(row).map(|(t, l)| if t % 11 == 3 { f32::NEG_INFINITY } else { l }).collect();
            let may = |token: Token| !token.is_multiple_of(5);
            let list = (0..).zip(&row).filter(|(t, _)| may(*t)).map(|(t, &l)| (t, f64::from(l) / 0.7));
            let halve = &[Temperature::new(0.7).unwrap()];
            let drawn = noise.largest_of_row(None, &row, halve, may);
            assert_eq!(drawn, noise.largest(list));
            // One that is far ahead from the start wins, and one that is far behind changes nothing.
            assert_eq!(noise.largest_of_row(Some((9, 99.0)), &row, halve, may), Some(9));
            assert_eq!(noise.largest_of_row(Some((9, -99.0)), &row, halve, may), drawn);
        }
    }

    #[test]
    fn a_block_that_is_passed_over_holds_nobody_who_could_lead() {
        // Sharp and flat rows, hot and cold, with weights from 10⁻³⁰ to 10³⁰: beside every score that is taken.
        for (step, spread, temperature) in (0..60).flat_map(|step| {
            [0.01, 1.0, 30.0].into_iter().flat_map(move |spread| [1e-30, 0.02, 1.0, 5.0, 1e30].map(|t| (step, spread, t)))
        }) {
            let noise = Noise::new(5, &[]).at(step, 0);
            #[allow(clippy::cast_possible_truncation)]
            let row: Vec<f32> = (0..300).map(|token| (spread * Noise::new(6, &[]).at(step, 0).gumbel(token)) as f32).collect();
            let temperatures = [Temperature::new(temperature).unwrap()];
            let list = (0..).zip(&row).map(|(token, &logit)| (token, temperatures[0].cool(f64::from(logit))));
            assert_eq!(
                noise.largest_of_row(None, &row, &temperatures, |_| true),
                noise.largest(list),
                "{spread} {temperature}"
            );
            for (first, block) in blocks(&row, &mut [0.0; BLOCK]) {
                let scores = (first..).zip(block).filter(|(_, logit)| logit.is_finite());
                let score = |(token, &logit): (Token, &f32)| f64::from(logit) / temperature + noise.gumbel(token);
                let highest = scores.map(score).fold(f64::NEG_INFINITY, f64::max);
                #[allow(clippy::cast_possible_truncation)]
                let slope = (1.0 / temperature) as f32;
                assert!(noise.reaches(first, block, slope, least_reach(Some((0, highest)))), "{spread} {temperature}");
            }
        }
    }

    #[test]
    fn nothing_with_a_weight_is_no_token() {
        assert_eq!(Noise::new(1, &[]).at(0, 0).largest([(3, f64::NEG_INFINITY)]), None);
        assert_eq!(Noise::new(1, &[]).at(0, 0).largest([]), None);
        assert_eq!(Noise::new(1, &[]).at(0, 0).largest_of_row(None, &[f32::NEG_INFINITY; 9], &[], |_| true), None);
        assert_eq!(Noise::new(1, &[]).at(0, 0).largest_of_row(None, &[1.0; 9], &[], |_| false), None);
    }

    #[test]
    fn draws_follow_the_softmax() {
        // χ² with 3 degrees of freedom over 10⁵ draws; 25.9 is exceeded by chance once in 10⁵.
        let p = [0.1, 0.2, 0.3, 0.4_f64];
        let mut counts = [0.0; 4];
        for step in 0..100_000 {
            let token = Noise::new(11, &[]).at(step, 0).largest((0..).zip(p.map(f64::ln))).unwrap();
            counts[token as usize] += 1.0;
        }
        let chi: f64 = counts.iter().zip(p).map(|(count, p)| (count - 1e5 * p).powi(2) / (1e5 * p)).sum();
        assert!(chi < 25.9, "χ² = {chi}");
    }
}
