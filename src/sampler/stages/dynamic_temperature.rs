//! Dynamic temperature: hot where the model is unsure, cold where it is sure.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Apply, Elsewhere, Role, Rule};
use crate::prob::{Exponent, OutOfRange, Candidates, Temperature, keys_in_order};
use crate::sampler::prepared::{Scene, StageOp};

/// Divides the logits by T = low + (high − low) · (H / ln N)^exponent, where H is the entropy of the N tokens that are left.
///
/// `low` is the temperature where one token has all the mass, `high` that of an even distribution; low = high is a plain
/// temperature. Where others write a temperature and a range to either side, low is the one less the other and high their sum;
/// the two ends say what will be, and cannot meet an unwritten floor at 0.
///
/// # Source
/// kalomaze, koboldcpp pull request 579, 2023.
///
/// # Examples
/// ```
/// use afterword::prob::{Exponent, Candidates, Temperature};
/// use afterword::sampler::DynamicTemperature;
///
/// let between = DynamicTemperature::new(Temperature::new(0.5)?, Temperature::new(1.5)?, Exponent::default())?;
/// let even = Candidates::of(&[1.0, 1.0, 1.0, 1.0], |_| true).unwrap();
/// assert!((between.of(&even).get() - 1.5).abs() < 1e-12);
/// # Ok::<(), afterword::prob::OutOfRange>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "Ends", into = "Ends")]
pub struct DynamicTemperature {
    low: Temperature,
    high: Temperature,
    exponent: Exponent,
}

/// The form in which it is written.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(transform = keys_in_order::<Self>)]
struct Ends {
    /// T where the model is sure.
    #[schemars(example = 0.7)]
    low: Temperature,
    /// T where it is not at all; not below `low`.
    #[schemars(example = 1.3)]
    high: Temperature,
    /// How the way between them is bent: 1 is straight, above 1 stays low for longer.
    #[serde(default)]
    exponent: Exponent,
}

impl DynamicTemperature {
    /// Between these ends; an exponent of 1 is a straight line between them, 0 is `high` throughout.
    ///
    /// # Errors
    /// `low` above `high`.
    pub fn new(low: Temperature, high: Temperature, exponent: Exponent) -> Result<Self, OutOfRange> {
        let refused = OutOfRange::new(low.get(), "a temperature to begin from", "a number up to `high`");
        if low <= high { Ok(Self { low, high, exponent }) } else { Err(refused) }
    }

    /// The temperature where nothing is open.
    #[must_use]
    pub fn low(&self) -> Temperature {
        self.low
    }

    /// The temperature where everything is.
    #[must_use]
    pub fn high(&self) -> Temperature {
        self.high
    }

    /// The temperature of these candidates; 1 for a single one, of which nothing can be measured.
    #[must_use]
    pub fn of(&self, candidates: &Candidates) -> Temperature {
        let count = candidates.len() as f64;
        if count < 2.0 {
            return Temperature::ONE;
        }
        let normalised = (candidates.entropy() / count.ln()).clamp(0.0, 1.0).powf(self.exponent.get());
        let between = self.low.get() + (self.high.get() - self.low.get()) * normalised;
        Temperature::new(between).unwrap_or(self.high)
    }
}

impl TryFrom<Ends> for DynamicTemperature {
    type Error = OutOfRange;
    fn try_from(Ends { low, high, exponent }: Ends) -> Result<Self, OutOfRange> {
        Self::new(low, high, exponent)
    }
}

impl From<DynamicTemperature> for Ends {
    fn from(DynamicTemperature { low, high, exponent }: DynamicTemperature) -> Self {
        Self { low, high, exponent }
    }
}

impl Apply for DynamicTemperature {
    fn apply(&self, candidates: &mut Candidates) {
        candidates.temperature(self.of(candidates));
    }
}

impl Rule for DynamicTemperature {
    const NAME: &'static str = "dynamic-temperature";
    const ROLE: Role = Role::Temper;
    const ELSEWHERE: &'static Elsewhere = &Elsewhere {
        samplers: &[],
        keys: &[
            ("on", &["dynatemp", "dynamic_temperature"]),
            ("range", &["dynatemp_range"]),
            ("low", &["min_temp", "dynatemp_low"]),
            ("high", &["max_temp", "dynatemp_high"]),
            ("exponent", &["dynatemp_exponent", "dynatemp_exp"]),
        ],
        off: |on| on == 0.0,
        unit: 1.0,
    };

    fn prepare(&self, _: &mut Scene) -> Option<StageOp> {
        Some(StageOp::DynamicTemperature(*self))
    }

    fn label(&self) -> String {
        format!("dynamic {} to {}", self.low.get(), self.high.get())
    }

    fn leaves_one(&self) -> bool {
        self.high.get() == 0.0
    }

    fn reshapes(&self) -> bool {
        [self.low.get(), self.high.get()] != [1.0; 2] && self.high.get() > 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prob::Candidate;

    fn temperature(low: f64, high: f64, exponent: f64, p: &[f64]) -> f64 {
        let dynamic: DynamicTemperature =
            toml::from_str(&format!("low = {low:?}\nhigh = {high:?}\nexponent = {exponent:?}")).unwrap();
        let all = (0..).zip(p).map(|(token, p)| Candidate { token, logit: p.ln() }).collect();
        dynamic.of(&Candidates::new(all).unwrap()).get()
    }

    #[test]
    fn an_even_distribution_is_high_and_a_certain_one_low() {
        assert!((temperature(0.5, 1.5, 1.0, &[0.25; 4]) - 1.5).abs() < 1e-12);
        assert!((temperature(0.5, 1.5, 1.0, &[1.0, 1e-300]) - 0.5).abs() < 1e-12);
    }

    #[test]
    fn between_the_ends_stands_the_normalised_entropy() {
        // Halves over four: H / ln 4 = 0.875.
        let halves = [0.5, 0.25, 0.125, 0.125];
        assert!((temperature(0.5, 1.5, 1.0, &halves) - 1.375).abs() < 1e-12);
        assert!((temperature(0.5, 1.5, 2.0, &halves) - (0.5 + 0.875 * 0.875)).abs() < 1e-12);
        assert_eq!(temperature(0.5, 1.5, 0.0, &halves), 1.5);
        assert_eq!(temperature(0.7, 0.7, 1.0, &halves), 0.7);
    }

    #[test]
    fn of_one_survivor_nothing_is_measured() {
        assert_eq!(temperature(0.5, 1.5, 1.0, &[1.0]), 1.0);
    }

    #[test]
    fn ends_the_wrong_way_round_are_refused() {
        let error = toml::from_str::<DynamicTemperature>("low = 2\nhigh = 1").unwrap_err();
        assert_eq!(error.message(), "2 is not a temperature to begin from: expected a number up to `high`");
        assert!(toml::from_str::<DynamicTemperature>("low = 1\nhigh = 1").is_ok());
    }
}
