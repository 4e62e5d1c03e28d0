//! Temperature.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rule::labelled;
use super::{Elsewhere, Role, Rule};
use crate::prob::{self, Motion, Schedule};
use crate::sampler::prepared::{Scene, StageOp};

/// Divides the logits by T: p(v)^(1/T), renormalised. 0 keeps only the likeliest token, 1 changes nothing, above 1 all become
/// more alike.
///
/// # Examples
/// ```
/// use afterword::prob::Place;
/// use afterword::sampler::Temperature;
///
/// let wave: Temperature = serde_json::from_str(r#"{ "wave": { "period": 4 } }"#)?;
/// let third = Place { token: 1, ..Place::default() };
/// assert_eq!(wave.0.at(&third).get(), 1.3);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Temperature(pub Schedule<prob::Temperature>);

impl Rule for Temperature {
    const NAME: &'static str = "temperature";
    const ROLE: Role = Role::Temper;
    const ELSEWHERE: &'static Elsewhere = &Elsewhere {
        samplers: &["temp"],
        keys: &[("", &["temp", "temperature"]), ("last", &["temperature_last"])],
        off: |_| false,
        unit: 1.0,
    };

    fn prepare(&self, scene: &mut Scene) -> Option<StageOp> {
        Some(StageOp::Temperature(self.0.at(scene.place)))
    }

    fn schedule(&self) -> Option<&dyn Motion> {
        Some(&self.0)
    }

    fn label(&self) -> String {
        labelled(Self::NAME, &self.0)
    }

    fn leaves_one(&self) -> bool {
        self.0.extremes()[1] == 0.0
    }

    fn reshapes(&self) -> bool {
        self.0.extremes() != [1.0; 2] && self.0.extremes()[1] > 0.0
    }
}
