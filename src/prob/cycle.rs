//! Schedules that come again: waves of four shapes, and steps.

use std::borrow::Cow;
use std::f64::consts::TAU;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::scheduled::Scheduled;
use super::{Amplitude, OutOfRange, Part, Period, Phase, Place, Share, Unit, keys_in_order};

/// A wave, whatever its shape: x(t) = centre + amplitude · envelope · side · shape(t / period + phase), clamped into the range of
/// what it moves; side is `above` where the shape is above its centre, and `below` elsewhere.
///
/// t counts units that are over; each shape has a turn of length 1, begins at its centre on its way up, and swings from −1 to 1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, bound = "Q: Scheduled")]
#[schemars(bound = "Q: Scheduled", transform = keys_in_order::<Self>)]
pub struct Cycle<Q> {
    /// Units in one turn.
    pub period: Period,
    /// How far it swings to either side; 0 is no wave.
    #[serde(default = "Q::amplitude")]
    pub amplitude: Amplitude,
    /// The value around which it swings.
    #[serde(default = "Q::centre")]
    pub centre: Q,
    /// How much of the swing there is above the centre: 0 is a half wave, which only falls below it.
    #[serde(default, skip_serializing_if = "Part::is_whole")]
    #[schemars(extend("default" = 1))]
    pub above: Part,
    /// How much of the swing there is below the centre: 0 is a half wave, which only rises above it.
    #[serde(default, skip_serializing_if = "Part::is_whole")]
    #[schemars(extend("default" = 1))]
    pub below: Part,
    /// Where the story begins, as a fraction of a turn; 0.25 is the crest of a sine.
    #[serde(default)]
    pub phase: Phase,
    /// What is counted: tokens that were told, or sentences or paragraphs that were told to their end. A sentence ends with . ! ?
    /// or … and the quotes that close behind it, unless a small letter follows; a paragraph with its line.
    #[serde(default, skip_serializing_if = "Unit::is_token")]
    #[schemars(extend("default" = "token"))]
    pub unit: Unit,
    /// The first share of the planned story, over which the swing grows from nothing. The planned story is all the tokens it may
    /// have: those that were asked for, or what the context leaves.
    #[serde(default, skip_serializing_if = "Share::is_nothing")]
    #[schemars(extend("default" = 0))]
    pub fade_in: Share,
    /// The last share of the planned story, over which the swing dies away.
    #[serde(default, skip_serializing_if = "Share::is_nothing")]
    #[schemars(extend("default" = 0))]
    pub fade_out: Share,
}

/// The shapes of a wave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// sin 2πx.
    Sine,
    /// Straight up and straight down: 1 at ¼, −1 at ¾.
    Triangle,
    /// 1 over the first half of a turn, −1 over the second.
    Square,
    /// Straight up from −1 at ½ to 1 at the next ½, and down at once.
    Saw,
}

impl Shape {
    /// The height of the shape, from −1 to 1, at x turns.
    #[must_use]
    pub fn at(self, x: f64) -> f64 {
        match self {
            Self::Sine => (TAU * x).sin(),
            Self::Triangle => 4.0 * ((x - 0.25).rem_euclid(1.0) - 0.5).abs() - 1.0,
            Self::Square if x.rem_euclid(1.0) < 0.5 => 1.0,
            Self::Square => -1.0,
            Self::Saw => 2.0 * (x + 0.5).rem_euclid(1.0) - 1.0,
        }
    }
}

impl<Q: Scheduled> Cycle<Q> {
    /// The value of a wave of this shape.
    #[must_use]
    pub fn at(&self, shape: Shape, place: &Place) -> Q {
        let turns = place.count(self.unit) as f64 / self.period.get() + self.phase.get();
        let swing = self.amplitude.get() * self.envelope(place.fraction);
        Q::clamped(self.centre.get() + swing * self.height(shape, turns))
    }

    /// The height of the shape at so many turns, each side with its part of the swing.
    #[must_use]
    pub fn height(&self, shape: Shape, turns: f64) -> f64 {
        let height = shape.at(turns);
        let side = if height > 0.0 { self.above } else { self.below };
        side.get() * height
    }

    /// The lowest and the highest value that it comes to.
    #[must_use]
    pub fn extremes(&self) -> [f64; 2] {
        let at = |side: f64| Q::clamped(self.centre.get() + side * self.amplitude.get()).get();
        [at(-self.below.get()), at(self.above.get())]
    }

    /// How much of the amplitude there is at this fraction of the story, from 0 to 1: min(1, f / fade-in, (1 − f) / fade-out).
    fn envelope(&self, fraction: f64) -> f64 {
        let ramp = |passed: f64, fade: Share| if fade.is_nothing() { 1.0 } else { (passed / fade.get()).clamp(0.0, 1.0) };
        ramp(fraction, self.fade_in).min(ramp(1.0 - fraction, self.fade_out))
    }
}

/// One value after the other, each held for as many units; after the last one the first comes again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, bound = "Q: Scheduled")]
#[schemars(bound = "Q: Scheduled", transform = keys_in_order::<Self>)]
pub struct Steps<Q> {
    /// The values in their order; after the last one the first comes again.
    pub values: Many<Q>,
    /// How many units each is held for.
    pub every: Period,
    /// What is counted: tokens that were told, or sentences or paragraphs that were told to their end. A sentence ends with . ! ?
    /// or … and the quotes that close behind it, unless a small letter follows; a paragraph with its line.
    #[serde(default, skip_serializing_if = "Unit::is_token")]
    #[schemars(extend("default" = "token"))]
    pub unit: Unit,
}

impl<Q: Scheduled> Steps<Q> {
    /// The value at this place: number ⌊t / every⌋, modulo their count.
    #[must_use]
    pub fn at(&self, place: &Place) -> Q {
        let values = self.values.get();
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a count of tokens over a positive number")]
        let held = (place.count(self.unit) as f64 / self.every.get()).floor() as usize;
        values[held % values.len()]
    }
}

/// Values, at least one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(
    try_from = "Vec<Q>",
    into = "Vec<Q>",
    bound(serialize = "Q: Clone + Serialize", deserialize = "Q: Clone + Deserialize<'de>")
)]
pub struct Many<Q>(Vec<Q>);

impl<Q> Many<Q> {
    /// The values.
    #[must_use]
    pub fn get(&self) -> &[Q] {
        &self.0
    }
}

impl<Q: JsonSchema> JsonSchema for Many<Q> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Many_of_{}", Q::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "array", "items": generator.subschema_for::<Q>(), "minItems": 1 })
    }
}

impl<Q> TryFrom<Vec<Q>> for Many<Q> {
    type Error = OutOfRange;
    fn try_from(values: Vec<Q>) -> Result<Self, OutOfRange> {
        let none = OutOfRange::new(0.0, "enough values", "at least one");
        if values.is_empty() { Err(none) } else { Ok(Self(values)) }
    }
}

impl<Q> From<Many<Q>> for Vec<Q> {
    fn from(many: Many<Q>) -> Self {
        many.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prob::{Alpha, Temperature};

    fn cycle(period: f64, amplitude: f64, centre: f64, phase: f64) -> Cycle<Alpha> {
        Cycle {
            period: Period::new(period).unwrap(),
            amplitude: Amplitude::new(amplitude).unwrap(),
            centre: Alpha::new(centre).unwrap(),
            above: Part::default(),
            below: Part::default(),
            phase: Phase::new(phase).unwrap(),
            unit: Unit::Token,
            fade_in: Share::default(),
            fade_out: Share::default(),
        }
    }

    fn token(token: usize) -> Place<'static> {
        Place { token, ..Place::default() }
    }

    #[test]
    fn every_shape_begins_at_its_centre_on_its_way_up() {
        let eighths = [0.0, 0.125, 0.25, 0.375, 0.5, 0.625, 0.75, 0.875, 1.0];
        let half = 0.5_f64.sqrt();
        for (shape, heights) in [
            (Shape::Sine, [0.0, half, 1.0, half, 0.0, -half, -1.0, -half, 0.0]),
            (Shape::Triangle, [0.0, 0.5, 1.0, 0.5, 0.0, -0.5, -1.0, -0.5, 0.0]),
            (Shape::Square, [1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0, 1.0]),
            (Shape::Saw, [0.0, 0.25, 0.5, 0.75, -1.0, -0.75, -0.5, -0.25, 0.0]),
        ] {
            for (x, height) in eighths.into_iter().zip(heights) {
                assert!((shape.at(x) - height).abs() < 1e-12, "{shape:?} at {x}: {}", shape.at(x));
                assert!((shape.at(x - 3.0) - height).abs() < 1e-12, "{shape:?} at {x} − 3");
            }
        }
    }

    #[test]
    fn a_wave_passes_its_centre_its_crest_and_its_trough() {
        let wave = cycle(60.0, 0.5, 0.1, 0.0);
        for (t, alpha) in [(0, 0.1), (15, 0.6), (30, 0.1), (45, -0.4), (60, 0.1)] {
            assert!((wave.at(Shape::Sine, &token(t)).get() - alpha).abs() < 1e-12, "t = {t}");
        }
    }

    #[test]
    fn a_half_wave_swings_to_one_side_and_rests_at_its_centre() {
        let half = |above, below| Cycle {
            above: Part::new(above).unwrap(),
            below: Part::new(below).unwrap(),
            ..cycle(4.0, 1.0, 0.0, 0.0)
        };
        let told = |wave: Cycle<Alpha>| [0, 1, 3].map(|t| wave.at(Shape::Triangle, &token(t)).get());
        assert_eq!(told(half(1.0, 1.0)), [0.0, 1.0, -1.0]);
        assert_eq!(told(half(1.0, 0.0)), [0.0, 1.0, 0.0]);
        assert_eq!(told(half(0.0, 1.0)), [0.0, 0.0, -1.0]);
        assert_eq!(told(half(0.5, 0.25)), [0.0, 0.5, -0.25]);
        assert_eq!(half(0.5, 0.0).extremes(), [0.0, 0.5]);
    }

    #[test]
    fn crests_beyond_the_ends_are_clipped() {
        let wave = cycle(4.0, 3.0, 0.5, 0.0);
        assert_eq!(wave.at(Shape::Sine, &token(1)).get(), 1.0);
        assert_eq!(wave.at(Shape::Sine, &token(3)).get(), -1.0);
        let heat = Cycle { centre: Temperature::new(1.0).unwrap(), ..toml::from_str("period = 4\namplitude = 2").unwrap() };
        assert_eq!(heat.at(Shape::Sine, &token(3)).get(), 0.0);
        assert_eq!(heat.at(Shape::Sine, &token(1)).get(), 3.0);
    }

    #[test]
    fn a_phase_of_a_quarter_begins_at_the_crest_and_whole_turns_change_nothing() {
        let at = |phase, t| cycle(60.0, 1.0, 0.0, phase).at(Shape::Sine, &token(t)).get();
        assert!((at(0.25, 0) - 1.0).abs() < 1e-12);
        assert!((at(1.1, 7) - at(0.1, 7)).abs() < 1e-12);
    }

    #[test]
    fn a_unit_is_what_moves_a_wave() {
        let place = Place { token: 100, sentence: 3, paragraph: 1, ..Place::default() };
        let at = |unit| Cycle { unit, ..cycle(4.0, 1.0, 0.0, 0.0) }.at(Shape::Triangle, &place).get();
        assert_eq!([at(Unit::Token), at(Unit::Sentence), at(Unit::Paragraph)], [0.0, -1.0, 1.0]);
    }

    #[test]
    fn an_envelope_grows_over_its_first_share_and_dies_over_its_last() {
        let faded =
            Cycle { fade_in: Share::new(0.2).unwrap(), fade_out: Share::new(0.5).unwrap(), ..cycle(1.0, 1.0, 0.0, 0.25) };
        for (fraction, alpha) in [(0.0, 0.0), (0.1, 0.5), (0.2, 1.0), (0.4, 1.0), (0.5, 1.0), (0.75, 0.5), (1.0, 0.0)] {
            let place = Place { fraction, ..Place::default() };
            assert!((faded.at(Shape::Sine, &place).get() - alpha).abs() < 1e-12, "{fraction}");
        }
    }

    #[test]
    fn steps_are_held_and_come_again() {
        let steps: Steps<Alpha> = toml::from_str("values = [-1, 0, 0.5]\nevery = 2").unwrap();
        let told: Vec<f64> = (0..8).map(|t| steps.at(&token(t)).get()).collect();
        assert_eq!(told, [-1.0, -1.0, 0.0, 0.0, 0.5, 0.5, -1.0, -1.0]);
        assert!(toml::from_str::<Steps<Alpha>>("values = []\nevery = 2").is_err());
    }
}
