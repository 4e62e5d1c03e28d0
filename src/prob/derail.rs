//! The guard: whether a story has gone beyond what its own model would say.

use super::{Excess, Place};

/// Over how many tokens the excess is averaged: long enough that one rare name is no derailment, and short enough that a story is
/// caught within a sentence or two.
const WINDOW: f64 = 32.0;

/// How far the running surprisal is beyond the model's own, in nats a token.
///
/// Under the model's own distribution the surprisal u = −ln p of a token has its entropy H as its mean, whatever the text. So u − H
/// is what a story says beyond that, and a mean of it that stays above 0 says that the tokens are not the model's:
///
/// ```text
/// d ← d + ((u − H) − d) / 32                       d₀ = 0
/// ```
///
/// A surprisal alone would not tell: names and openings of sentences are surprising in every story, and there H is large too.
///
/// H is that of the whole vocabulary, and a cut takes away what is most surprising in it: behind `min-p = 0.05` the model's own voice
/// is below 0. Of 200 tokens each of gemma-3-270m and SmolLM2-135M-Instruct, 2 seeds, the median of d was −0.9 at α = −1 (one in a
/// hundred above −0.5), −0.9 to −1.0 at α = 0, and −0.75 on the wave (one in ten above −0.5). So behind a cut a bound that is to do
/// something is below 0, such as −0.5. What it does not see: a model that is lost expects much, and is not surprised.
///
/// ```
/// use afterword::prob::{Place, excess};
///
/// let place = Place { surprisals: &[2.0, 3.0], entropies: &[2.0, 1.0], ..Place::default() };
/// assert_eq!(excess(&place), 2.0 / 32.0);
/// ```
#[must_use]
pub fn excess(place: &Place) -> f64 {
    let said = place.surprisals.iter().zip(place.entropies);
    said.fold(0.0, |excess, (surprisal, entropy)| excess + ((surprisal - entropy) - excess) / WINDOW)
}

impl Excess {
    /// Whether the story has gone beyond this bound.
    #[must_use]
    pub fn is_passed(self, place: &Place) -> bool {
        excess(place) > self.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(surprisals: &[f64], entropies: &[f64]) -> f64 {
        excess(&Place { surprisals, entropies, ..Place::default() })
    }

    #[test]
    fn the_models_own_voice_has_no_excess() {
        assert_eq!(after(&[], &[]), 0.0);
        // As surprising as was to be expected, token by token or on the whole.
        assert_eq!(after(&[1.5; 99], &[1.5; 99]), 0.0);
        let turns: Vec<f64> = (0..400).map(|t| if t % 2 == 0 { 0.5 } else { 2.5 }).collect();
        assert!(after(&turns, &[1.5; 400]).abs() < 0.05);
    }

    #[test]
    fn what_goes_beyond_it_is_found_in_a_sentence_and_forgotten_in_another() {
        let bound = Excess::new(1.0).unwrap();
        let passed =
            |surprisals: &[f64], entropies: &[f64]| bound.is_passed(&Place { surprisals, entropies, ..Place::default() });
        // Two nats too many: 2·(1 − (31/32)ᵗ) passes 1 at t = 22.
        assert!(!passed(&[4.0; 21], &[2.0; 21]) && passed(&[4.0; 22], &[2.0; 22]));
        let told = [[4.0; 40], [2.0; 40]].concat();
        assert!(passed(&told[..40], &[2.0; 40]) && !passed(&told, &[2.0; 80]));
    }
}
