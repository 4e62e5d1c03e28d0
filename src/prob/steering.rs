//! Draws that steer: Mirostat 2 and adaptive-p look at how likely the words were that they drew, and change the next draw.
//!
//! What they remember is one number; it is passed in and comes back changed.

use std::f64::consts::LN_2;

use serde::{Deserialize, Serialize};

use super::{Bits, Decay, Probability, Rate, Survivors};

/// Mirostat 2: keeps the surprise of the text near τ.
///
/// Tokens with −log₂ p > μ are removed, the likeliest never; one of the others is drawn, with p′ its probability among them;
/// then μ ← μ − η(−log₂ p′ − τ), beginning from μ = 2τ.
///
/// Source: Basu et al., "Mirostat", ICLR 2021 (arXiv 2007.14966), in the second form of the authors' code.
///
/// ```
/// use afterword::prob::Mirostat;
///
/// let mirostat: Mirostat = toml::from_str("tau = 3\neta = 0.1")?;
/// // A token drawn with p′ = 1/2 was 2 bits less surprising than it was to be: μ rises by a tenth of that.
/// let mu = mirostat.follow(mirostat.begin(), 0.5_f64.ln());
/// assert!((mu - 6.2).abs() < 1e-12);
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mirostat {
    /// τ, the surprise that is aimed at, in bits a token: small is predictable, large is wild.
    pub tau: Bits,
    /// η, how fast μ follows; 0 leaves it at 2τ.
    #[serde(default)]
    pub eta: Rate,
}

impl Mirostat {
    /// μ before the first draw: 2τ bits.
    #[must_use]
    pub fn begin(&self) -> f64 {
        2.0 * self.tau.get()
    }

    /// Removes what is more surprising than μ.
    pub fn cut(&self, survivors: &mut Survivors, mu: f64) {
        survivors.at_most_surprising(mu);
    }

    /// μ after a draw with this ln p′.
    #[must_use]
    pub fn follow(&self, mu: f64, log_p: f64) -> f64 {
        mu - self.eta.get() * (-log_p / LN_2 - self.tau.get())
    }
}

/// Adaptive-p: draws tokens whose own probability is near a target, and keeps the average of those drawn there.
///
/// With A the running average of the p that were drawn: t = clamp(2·target − A, 0, 1), d = |p − t| / 0.3, and the logit of every
/// token becomes 5 − 10·d² / (1 + d); then A ← decay·A + (1 − decay)·p, beginning from A = target.
///
/// All tokens far from the target, the hopeless ones among them, get about the same weight: a cut such as min-p stands before it.
///
/// Source: llama.cpp pull request 17927, 2025, with its constants.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AdaptiveP {
    /// The probability that is aimed at: 1 draws what is sure, 0 what is least likely.
    pub target: Probability,
    /// How long the average remembers; 0 only the last draw.
    #[serde(default)]
    pub decay: Decay,
}

impl AdaptiveP {
    /// The distance at which a token has lost half of what it loses so fast.
    const WIDTH: f64 = 0.3;
    /// The logit at the target.
    const PEAK: f64 = 5.0;
    /// How steeply it falls from there.
    const SHARPNESS: f64 = 10.0;

    /// The average before the first draw.
    #[must_use]
    pub fn begin(&self) -> f64 {
        self.target.get()
    }

    /// Gives every survivor the weight of its distance from the target.
    pub fn weigh(&self, survivors: &mut Survivors, average: f64) {
        let target = (2.0 * self.target.get() - average).clamp(0.0, 1.0);
        let own = survivors.mass();
        survivors.reweigh(|survivor| {
            let distance = (own.log_p(survivor.logit).exp() - target).abs() / Self::WIDTH;
            Self::PEAK - Self::SHARPNESS * distance * distance / (1.0 + distance)
        });
    }

    /// The average after a draw of a token that had this ln p before it was weighed.
    #[must_use]
    pub fn follow(&self, average: f64, log_p: f64) -> f64 {
        let decay = self.decay.get();
        decay * average + (1.0 - decay) * log_p.exp()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prob::{Survivor, Token};

    fn survivors(p: &[f64]) -> Survivors {
        Survivors::new((0..).zip(p).map(|(token, p)| Survivor { token, logit: p.ln() - 2.0 }).collect()).unwrap()
    }

    #[test]
    fn mirostat_begins_at_twice_tau_and_follows_the_error() {
        let mirostat: Mirostat = toml::from_str("tau = 3").unwrap();
        assert_eq!(mirostat.begin(), 6.0);
        // Drawn with p′ = 1/2: a surprise of 1 bit, 2 below τ, a tenth of which μ goes up.
        assert!((mirostat.follow(6.0, 0.5_f64.ln()) - 6.2).abs() < 1e-12);
        assert!((mirostat.follow(6.0, 0.125_f64.ln()) - 6.0).abs() < 1e-12);
        let slack: Mirostat = toml::from_str("tau = 3\neta = 0").unwrap();
        assert_eq!(slack.follow(6.0, -9.0), 6.0);
    }

    #[test]
    fn mirostat_cuts_at_mu() {
        let mirostat: Mirostat = toml::from_str("tau = 1").unwrap();
        let left = |mu| {
            let mut left = survivors(&[0.1, 0.2, 0.3, 0.4]);
            mirostat.cut(&mut left, mu);
            left.iter().map(|survivor| survivor.token).collect::<Vec<Token>>()
        };
        assert_eq!(left(mirostat.begin()), [2, 3]);
        assert_eq!(left(2.33), [1, 2, 3]);
    }

    #[test]
    fn adaptive_p_weighs_by_the_distance_from_the_target() {
        let adaptive: AdaptiveP = toml::from_str("target = 0.4").unwrap();
        let mut weighed = survivors(&[0.1, 0.2, 0.3, 0.4]);
        adaptive.weigh(&mut weighed, adaptive.begin());
        // d = 1, 2/3, 1/3, 0: 5 − 10·d²/(1 + d) = 0, 7/3, 25/6, 5.
        let expected = [0.0, 7.0 / 3.0, 25.0 / 6.0, 5.0];
        for (survivor, expected) in weighed.iter().zip(expected) {
            assert!((survivor.logit - expected).abs() < 1e-12, "{survivor:?} is not {expected}");
        }
    }

    #[test]
    fn adaptive_p_aims_as_far_beyond_the_target_as_the_average_fell_short() {
        let adaptive: AdaptiveP = toml::from_str("target = 0.3\ndecay = 0.5").unwrap();
        let highest = |average| {
            let mut weighed = survivors(&[0.1, 0.2, 0.3, 0.4]);
            adaptive.weigh(&mut weighed, average);
            weighed.likeliest().token
        };
        assert_eq!((highest(0.3), highest(0.2), highest(0.4), highest(0.9)), (2, 3, 1, 0));
        assert!((adaptive.follow(0.3, 0.1_f64.ln()) - 0.2).abs() < 1e-12);
    }
}
