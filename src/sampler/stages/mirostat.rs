//! Mirostat 2.

use std::f64::consts::LN_2;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::elsewhere::at_most_0;
use super::{Apply, Elsewhere, Role, Rule, Feedback};
use crate::prob::{Bits, Rate, Candidates, Token, keys_in_order};
use crate::sampler::prepared::{Scene, StageOp};

/// Keeps the surprise of the text near τ: drops tokens with −log₂ p > μ, draws, and moves μ by η for each bit it missed. It draws
/// the token, so it stands last.
///
/// # Formula
/// Tokens with −log₂ p > μ are removed, the likeliest never; one of the others is drawn, with p′ its probability among them; then
/// μ ← μ − η(−log₂ p′ − τ), beginning from μ = 2τ.
///
/// # Source
/// Basu et al., "Mirostat", ICLR 2021, arXiv 2007.14966, in the second form of the authors' code.
///
/// # Examples
/// ```
/// use afterword::prob::{Bits, Rate};
/// use afterword::sampler::Mirostat;
///
/// let mirostat = Mirostat { tau: Bits::new(3.0)?, eta: Rate::new(0.5)? };
/// assert_eq!(mirostat.begin(), 6.0);
/// // A token with p = 1/2 has a surprise of one bit, two below τ: μ rises by half of that.
/// assert_eq!(mirostat.follow(6.0, 0.5_f64.ln()), 7.0);
/// # Ok::<(), afterword::prob::OutOfRange>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = keys_in_order::<Self>)]
pub struct Mirostat {
    /// τ, the surprise that is aimed at, in bits a token.
    #[schemars(example = 5)]
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

    /// Removes what is more surprising than μ bits; the likeliest stays.
    pub fn cut(&self, candidates: &mut Candidates, mu: f64) {
        let own = candidates.mass();
        let least = (-mu * LN_2).min(own.log_p(candidates.likeliest().logit));
        candidates.keep(|candidate| own.log_p(candidate.logit) >= least);
    }

    /// μ after a draw with this ln p′.
    #[must_use]
    pub fn follow(&self, mu: f64, log_p: f64) -> f64 {
        mu - self.eta.get() * (-log_p / LN_2 - self.tau.get())
    }
}

/// Mirostat at this μ.
#[derive(Debug)]
struct At(Mirostat, f64);

impl Apply for At {
    fn apply(&self, candidates: &mut Candidates) {
        self.0.cut(candidates, self.1);
    }
}

impl Feedback for At {
    fn follow(&self, _: Option<&Candidates>, left: &Candidates, token: Token) -> Option<f64> {
        Some(self.0.follow(self.1, left.log_p(token)?))
    }
}

impl Rule for Mirostat {
    const NAME: &'static str = "mirostat";
    const ROLE: Role = Role::Draw;
    const ELSEWHERE: &'static Elsewhere = &Elsewhere {
        samplers: &[],
        keys: &[
            ("mode", &["mirostat", "mirostat_mode"]),
            ("tau", &["mirostat_tau", "mirostat_ent"]),
            ("eta", &["mirostat_eta", "mirostat_lr"]),
        ],
        off: at_most_0,
        unit: 1.0,
    };

    fn prepare(&self, scene: &mut Scene) -> Option<StageOp> {
        let mu = scene.history.feedback().unwrap_or_else(|| self.begin());
        Some(StageOp::Feedback(Arc::new(At(*self, mu))))
    }

    fn label(&self) -> String {
        format!("mirostat {}", self.tau.get())
    }
}

#[cfg(test)]
mod tests {
    use super::super::left_of;
    use super::*;

    #[test]
    fn it_begins_at_twice_tau_and_follows_the_error() {
        let mirostat: Mirostat = toml::from_str("tau = 3").unwrap();
        assert_eq!(mirostat.begin(), 6.0);
        // Drawn with p′ = 1/2: a surprise of 1 bit, 2 below τ, a tenth of which μ goes up.
        assert!((mirostat.follow(6.0, 0.5_f64.ln()) - 6.2).abs() < 1e-12);
        assert!((mirostat.follow(6.0, 0.125_f64.ln()) - 6.0).abs() < 1e-12);
        let slack: Mirostat = toml::from_str("tau = 3\neta = 0").unwrap();
        assert_eq!(slack.follow(6.0, -9.0), 6.0);
    }

    #[test]
    fn what_is_too_surprising_goes_and_the_likeliest_stays() {
        // −log₂ p = 3.322, 2.322, 1.737, 1.322.
        let mirostat: Mirostat = toml::from_str("tau = 1").unwrap();
        let kept = |mu: f64| left_of(&[0.1, 0.2, 0.3, 0.4], &At(mirostat, mu));
        assert_eq!(kept(-5.0), [3]);
        assert_eq!(kept(1.3), [3]);
        assert_eq!(kept(1.73), [3]);
        assert_eq!(kept(1.74), [2, 3]);
        assert_eq!(kept(mirostat.begin()), [2, 3]);
        assert_eq!(kept(2.31), [2, 3]);
        assert_eq!(kept(2.33), [1, 2, 3]);
        assert_eq!(kept(3.33), [0, 1, 2, 3]);
    }
}
