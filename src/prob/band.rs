//! The closed loop: a value that moves itself so that the text stays as surprising as it is meant to be.

use std::num::NonZeroUsize;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Place;
use super::scheduled::Scheduled;
use super::{Multiplier, OutOfRange, keys_in_order};

/// An integral controller over the running surprisal of the story.
///
/// The surprisal of a token is u = −ln p, the model's own and unmodified, in nats. With W = `window`, after every token:
///
/// ```text
/// r ← r + (u − r) / W                              the running surprisal; r₀ is the middle of the band
/// e = low − r below the band, high − r above it, 0 within it
/// x ← clamp(x ± gain · e / W)                      x₀ = start; clamped into the range of what it moves
/// ```
///
/// − where a higher value makes the text *less* surprising, as that of `min-p` does.
///
/// In entropies the surprisal is measured against what was to be expected: r is the ratio of two running averages, of u and of the
/// entropies H of the distributions that the tokens came from, both with the same window; h₀ is the first entropy, and u₀ that
/// times the middle of the band. Drawn from the model's own distribution u has the mean H, so that a ratio of 1 is the model's own
/// voice whatever the text is about; below it a text is tamer than its model, above it wilder. Cuts tame: behind `min-p = 0.05` the
/// ratio of plain stories was found to be 0.64 (gemma-3-270m and SmolLM2-135M-Instruct), and on the wave 0.74. It is a ratio of averages, and no
/// average of ratios, in which one token of which the model was sure would decide.
///
/// So within the band nothing moves, and a nat outside of it moves x by `gain` in the time of one window. The clamp keeps the
/// sum from running away while the band cannot be reached (no wind-up). Where one unit of x changes the surprisal by K nats, the
/// loop has a damping of 1 / (2 √(gain · K)): with K near 1 the usual gain of 0.5 overshoots by a twentieth.
///
/// Everything is computed anew from the surprisals of the told tokens, which the memory of a story holds: it is a pure function
/// of what was told.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, bound = "Q: Scheduled")]
#[schemars(bound = "Q: Scheduled", transform = keys_in_order::<Self>)]
pub struct Band<Q> {
    /// The lowest and the highest running surprisal that is left alone, in nats a token, or in entropies.
    #[schemars(with = "(Multiplier, Multiplier)")]
    pub surprisal: Bounds,
    /// In what it is measured: nats, or the model's own entropy at the same tokens, of which 1 is the model's own voice
    /// without a cut, and about 0.65 that behind `min-p = 0.05`.
    #[serde(default, skip_serializing_if = "Measure::is_nats")]
    #[schemars(extend("default" = "nats"))]
    pub unit: Measure,
    /// Over how many tokens the surprisal is averaged, with weights that fall by 1 − 1/window a token; 1 sees the last token only.
    #[serde(default = "usual_window")]
    pub window: NonZeroUsize,
    /// How far a nat outside of the band, or a whole entropy, moves the value in one window; 0 never moves it.
    #[serde(default = "usual_gain")]
    pub gain: Multiplier,
    /// Where the value stands at the first token.
    #[serde(default = "Q::centre")]
    pub start: Q,
}

/// In what a band measures the surprisal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Measure {
    /// Nats a token.
    #[default]
    Nats,
    /// The entropies of the distributions that the tokens came from.
    Entropy,
}

impl Measure {
    // Serde hands it over so.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    fn is_nats(&self) -> bool {
        *self == Self::Nats
    }
}

/// An entropy that is smaller is no measure.
const LEAST: f64 = 1e-6;

fn usual_window() -> NonZeroUsize {
    NonZeroUsize::new(64).unwrap_or(NonZeroUsize::MIN)
}

fn usual_gain() -> Multiplier {
    Multiplier::usual(0.5)
}

impl<Q: Scheduled> Band<Q> {
    /// The value at this place.
    #[must_use]
    pub fn at(&self, place: &Place) -> Q {
        let [low, high] = self.surprisal.get();
        let (window, middle) = (self.window.get() as f64, f64::midpoint(low, high));
        let mut value = self.start.get();
        let mut steer = |running: f64| {
            let error = running.clamp(low, high) - running;
            value = Q::steered(value + Q::RAISES * (self.gain.get() * error / window)).get();
        };
        match self.unit {
            Measure::Nats => {
                let mut running = middle;
                for &surprisal in place.surprisals {
                    running += (surprisal - running) / window;
                    steer(running);
                }
            }
            Measure::Entropy => {
                let mut expected = place.entropies.first().map_or(LEAST, |first| first.max(LEAST));
                let mut running = middle * expected;
                for (&surprisal, &entropy) in place.surprisals.iter().zip(place.entropies) {
                    running += (surprisal - running) / window;
                    expected += (entropy - expected) / window;
                    steer(running / expected.max(LEAST));
                }
            }
        }
        Q::clamped(value)
    }
}

/// The ends of a band: two numbers from 0 up, the lower one first.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "[f64; 2]", into = "[f64; 2]")]
pub struct Bounds([f64; 2]);

impl Bounds {
    /// Takes two numbers from 0 up of which the first is not above the second.
    ///
    /// # Errors
    /// Any others, NaN among them.
    pub fn new([low, high]: [f64; 2]) -> Result<Self, OutOfRange> {
        if !(low >= 0.0 && low.is_finite()) {
            return Err(OutOfRange::new(low, "the lower end of a band", "a number from 0 up"));
        }
        if !(high >= low && high.is_finite()) {
            return Err(OutOfRange::new(high, "the upper end of a band", "a number not below its lower end"));
        }
        Ok(Self([low, high]))
    }

    /// The lower and the upper end.
    #[must_use]
    pub fn get(self) -> [f64; 2] {
        self.0
    }
}

impl TryFrom<[f64; 2]> for Bounds {
    type Error = OutOfRange;
    fn try_from(ends: [f64; 2]) -> Result<Self, OutOfRange> {
        Self::new(ends)
    }
}

impl From<Bounds> for [f64; 2] {
    fn from(bounds: Bounds) -> Self {
        bounds.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prob::{Alpha, Least};

    fn band(text: &str) -> Band<Alpha> {
        toml::from_str(text).unwrap()
    }

    fn at(band: &Band<Alpha>, surprisals: &[f64]) -> f64 {
        band.at(&Place { surprisals, ..Place::default() }).get()
    }

    #[test]
    fn within_the_band_nothing_moves() {
        let band = band("surprisal = [2, 3]\nwindow = 4\nstart = 0.25");
        assert_eq!(at(&band, &[]), 0.25);
        assert_eq!(at(&band, &[2.0, 3.0, 2.5, 2.2]), 0.25);
    }

    #[test]
    fn outside_of_it_each_token_moves_by_its_part_of_the_window() {
        // r₀ = 2.5. A token of 0.5: r = 2.5 − 2/4 = 2; at the end of the band, nothing moves. Another: r = 2 − 1.5/4 = 1.625,
        // e = 0.375, x = 0.8 · 0.375/4 = 0.075. A wild one, 9.625: r = 3.625, e = −0.625, x = 0.075 − 0.125 = −0.05.
        let band = band("surprisal = [2, 3]\nwindow = 4\ngain = 0.8");
        assert_eq!(at(&band, &[0.5]), 0.0);
        assert!((at(&band, &[0.5, 0.5]) - 0.075).abs() < 1e-12);
        assert!((at(&band, &[0.5, 0.5, 9.625]) + 0.05).abs() < 1e-12);
    }

    #[test]
    fn in_entropies_1_is_the_models_own_voice_whatever_it_says() {
        let band = band("surprisal = [0.9, 1.1]\nunit = 'entropy'\nwindow = 4\ngain = 0.8");
        let at = |surprisals: &[f64], entropies: &[f64]| band.at(&Place { surprisals, entropies, ..Place::default() }).get();
        // As surprising as was to be expected, among names and among articles.
        let entropies = [5.0, 0.2, 3.0, 0.0, 1.0];
        assert_eq!(at(&entropies, &entropies), 0.0);
        // h₀ = 2, u₀ = 2. A token of 4 nats where 2 were to be expected: u = 2.5, h = 2, r = 1.25, e = −.15, x = −.8·.15/4.
        assert!((at(&[4.0], &[2.0]) + 0.03).abs() < 1e-12);
        // One of 0: u = 1.5, r = .75, e = .15.
        assert!((at(&[0.0], &[2.0]) - 0.03).abs() < 1e-12);
        // A model that is sure of all has no entropy to measure in, and nothing fails.
        assert!(at(&[0.0; 9], &[0.0; 9]).is_finite());
    }

    #[test]
    fn a_cut_that_keeps_less_at_a_higher_value_moves_the_other_way() {
        let band: Band<Least> = toml::from_str("surprisal = [2, 3]\nwindow = 4\ngain = 0.8\nstart = 0.2").unwrap();
        let at = |surprisals: &[f64]| band.at(&Place { surprisals, ..Place::default() }).get();
        // As above: r = 1.625, e = 0.375, so x = 0.2 − 0.075.
        assert!((at(&[0.5, 0.5]) - 0.125).abs() < 1e-12);
        assert_eq!((at(&[0.0; 99]), at(&[9.0; 99])), (0.0, 0.5));
    }

    #[test]
    fn what_cannot_be_reached_does_not_wind_up() {
        let band = band("surprisal = [2, 3]\nwindow = 2\ngain = 4");
        let mut told = vec![0.0; 500];
        assert_eq!(at(&band, &told), 1.0);
        // Two wild tokens turn it at once, however long it has stood at its end.
        told.extend([9.0, 9.0]);
        assert!(at(&band, &told) < -0.9);
    }

    #[test]
    fn the_lower_end_comes_first_and_nan_is_no_end() {
        assert!(Bounds::new([0.0, 0.0]).is_ok() && Bounds::new([2.0, 3.5]).is_ok());
        for ends in [[3.0, 2.0], [-0.1, 2.0], [f64::NAN, 2.0], [1.0, f64::NAN], [1.0, f64::INFINITY]] {
            assert!(Bounds::new(ends).is_err(), "{ends:?}");
        }
    }
}
