//! Where a value that breathes stands at each token of a story: the crossfader, a temperature, or a cut.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::cycle::Many;
use super::scheduled::Scheduled;
use super::{Band, Cycle, OutOfRange, Shape, Share, Steps};

/// How far a story has come, as schedules see it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Place<'a> {
    /// Tokens that were told.
    pub token: usize,
    /// Sentences that were told to their end.
    pub sentence: usize,
    /// Paragraphs that were told to their end.
    pub paragraph: usize,
    /// The share of the planned story that was told: 0 at its first token, 1 at the last one that it may have.
    pub fraction: f64,
    /// The surprisal of each token that was told, in nats.
    pub surprisals: &'a [f64],
    /// What was to be expected of each: the entropy of the distribution that it came from, in nats.
    pub entropies: &'a [f64],
}

/// What a schedule counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Tokens.
    #[default]
    Token,
    /// Sentences: the value changes where one ends.
    Sentence,
    /// Paragraphs: the value changes where one ends.
    Paragraph,
}

impl Unit {
    /// Whether tokens are counted.
    // Serde hands it over so.
    #[allow(clippy::trivially_copy_pass_by_ref)]
    pub(super) fn is_token(&self) -> bool {
        *self == Self::Token
    }
}

impl Place<'_> {
    /// How many units are over.
    #[must_use]
    pub fn count(&self, unit: Unit) -> usize {
        match unit {
            Unit::Token => self.token,
            Unit::Sentence => self.sentence,
            Unit::Paragraph => self.paragraph,
        }
    }
}

/// A value as a function of the place in a story.
///
/// In a preset a plain number is the constant schedule: `alpha = 0.5`; the others are tables with one key, their name:
/// `alpha = { wave = { period = 60 } }`.
///
/// ```
/// use afterword::prob::{Alpha, Place, Schedule};
///
/// #[derive(serde::Deserialize)]
/// struct Preset {
///     alpha: Schedule<Alpha>,
/// }
///
/// let Preset { alpha } = toml::from_str("alpha = { wave = { period = 60 } }")?;
/// let at = |token| alpha.at(&Place { token, ..Place::default() }).get();
/// assert_eq!([at(0), at(15), at(45)], [0.0, 1.0, -1.0]);
/// # Ok::<(), toml::de::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Schedule<Q: Scheduled> {
    /// The same value at every token.
    Constant(Q),
    /// A wave of one of the shapes. That of a sine is rhythmic decoding, the α-wave.
    ///
    /// Source: Will Kurt, "Making LLMs Better at Creative Writing using Entropy", countbayesie.com, 2026.
    Cycle(Shape, Cycle<Q>),
    /// Values in turn.
    Steps(Steps<Q>),
    /// Straight lines between points of the story.
    Keyframes(Keyframes<Q>),
    /// The closed loop.
    Band(Band<Q>),
}

impl<Q: Scheduled> Schedule<Q> {
    /// The value at this place.
    #[must_use]
    pub fn at(&self, place: &Place) -> Q {
        match self {
            Self::Constant(value) => *value,
            Self::Cycle(shape, cycle) => cycle.at(*shape, place),
            Self::Steps(steps) => steps.at(place),
            Self::Keyframes(keyframes) => keyframes.at(place.fraction),
            Self::Band(band) => band.at(place),
        }
    }

    /// What it counts; `None` where it counts nothing.
    #[must_use]
    pub fn unit(&self) -> Option<Unit> {
        match self {
            Self::Cycle(_, cycle) => Some(cycle.unit),
            Self::Steps(steps) => Some(steps.unit),
            Self::Constant(_) | Self::Keyframes(_) | Self::Band(_) => None,
        }
    }

    /// The value that it has at every token, where it is constant.
    #[must_use]
    pub fn constant(&self) -> Option<Q> {
        match self {
            Self::Constant(value) => Some(*value),
            Self::Cycle(..) | Self::Steps(_) | Self::Keyframes(_) | Self::Band(_) => None,
        }
    }

    /// The lowest and the highest value that it comes to; of a band all that its loop may go to.
    #[must_use]
    pub fn extremes(&self) -> [f64; 2] {
        let of = |values: &mut dyn Iterator<Item = Q>| {
            let widen = |[low, high]: [f64; 2], value: Q| [low.min(value.get()), high.max(value.get())];
            values.fold([f64::INFINITY, f64::NEG_INFINITY], widen)
        };
        match self {
            Self::Constant(value) => [value.get(); 2],
            Self::Cycle(_, cycle) => cycle.extremes(),
            Self::Steps(steps) => of(&mut steps.values.get().iter().copied()),
            Self::Keyframes(keyframes) => of(&mut keyframes.points().iter().map(|(_, value)| *value)),
            Self::Band(band) => of(&mut [f64::MIN, f64::MAX].into_iter().map(Q::steered).chain([band.start])),
        }
    }
}

/// What is known of a schedule whatever it moves.
pub trait Motion {
    /// What it counts; `None` where it counts nothing.
    fn unit(&self) -> Option<Unit>;
    /// Whether it follows the surprisal of what was told.
    fn follows_surprisal(&self) -> bool;
    /// The value at this place, where it is not the same at every token.
    fn moved(&self, place: &Place) -> Option<f64>;
}

impl<Q: Scheduled> Motion for Schedule<Q> {
    fn unit(&self) -> Option<Unit> {
        self.unit()
    }

    fn follows_surprisal(&self) -> bool {
        matches!(self, Self::Band(_))
    }

    fn moved(&self, place: &Place) -> Option<f64> {
        self.constant().is_none().then(|| self.at(place).get())
    }
}

/// Points of a story, each a fraction of it and the value there; straight lines between them, and level before the first and
/// behind the last.
///
/// The fraction is that of the tokens that the story may have, for that is all that is known of its length: a story that ends
/// early has not come to its last point.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Many<(Share, Q)>", into = "Vec<(Share, Q)>", bound = "Q: Scheduled")]
pub struct Keyframes<Q>(Vec<(Share, Q)>);

impl<Q: Scheduled> Keyframes<Q> {
    /// The points, in the order of the story.
    #[must_use]
    pub fn points(&self) -> &[(Share, Q)] {
        &self.0
    }

    /// The value at this fraction of the story. Where two points share a fraction, the second holds from there on.
    #[must_use]
    pub fn at(&self, fraction: f64) -> Q {
        let after = self.0.partition_point(|(share, _)| share.get() <= fraction);
        match (after.checked_sub(1).map(|at| self.0[at]), self.0.get(after)) {
            (Some((from, a)), Some(&(to, b))) => {
                let way = (fraction - from.get()) / (to.get() - from.get());
                Q::clamped(a.get() + way * (b.get() - a.get()))
            }
            (Some((_, value)), None) | (None, Some(&(_, value))) => value,
            (None, None) => Q::centre(),
        }
    }
}

impl<Q: Scheduled> TryFrom<Many<(Share, Q)>> for Keyframes<Q> {
    type Error = OutOfRange;
    fn try_from(points: Many<(Share, Q)>) -> Result<Self, OutOfRange> {
        let points: Vec<_> = points.into();
        match points.windows(2).find(|pair| pair[0].0 > pair[1].0) {
            Some(pair) => {
                let early = pair[1].0.get();
                Err(OutOfRange::new(early, "after the point before it", "the fractions of keyframes in their order"))
            }
            None => Ok(Self(points)),
        }
    }
}

impl<Q> From<Keyframes<Q>> for Vec<(Share, Q)> {
    fn from(keyframes: Keyframes<Q>) -> Self {
        keyframes.0
    }
}

/// The schedules that are tables, under the names by which they are written.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", bound = "Q: Scheduled")]
enum Named<Q: Scheduled> {
    /// centre + amplitude · sin(2π (t / period + phase)). With `alpha` this is rhythmic decoding, the α-wave.
    Wave(Cycle<Q>),
    /// The same with straight lines up and down.
    Triangle(Cycle<Q>),
    /// The same with two values: up for the first half of a turn, down for the second.
    Square(Cycle<Q>),
    /// The same with a straight line up, and down at once in the middle of a turn.
    Saw(Cycle<Q>),
    /// One value after the other.
    Steps(Steps<Q>),
    /// Straight lines between points [fraction of the planned story, value]; level before the first and behind the last.
    Keyframes(#[schemars(with = "Many<(Share, Q)>")] Keyframes<Q>),
    /// The closed loop: while the text is less surprising than the band the value rises, while it is more surprising it falls; a
    /// min-p the other way round. A temperature stays between 0.1 and 2.
    Band(Band<Q>),
}

impl<Q: Scheduled> JsonSchema for Schedule<Q> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("Schedule_of_{}", Q::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [generator.subschema_for::<Q>(), generator.subschema_for::<Named<Q>>()] })
    }
}

impl<Q: Scheduled> From<Named<Q>> for Schedule<Q> {
    fn from(named: Named<Q>) -> Self {
        match named {
            Named::Wave(cycle) => Self::Cycle(Shape::Sine, cycle),
            Named::Triangle(cycle) => Self::Cycle(Shape::Triangle, cycle),
            Named::Square(cycle) => Self::Cycle(Shape::Square, cycle),
            Named::Saw(cycle) => Self::Cycle(Shape::Saw, cycle),
            Named::Steps(steps) => Self::Steps(steps),
            Named::Keyframes(keyframes) => Self::Keyframes(keyframes),
            Named::Band(band) => Self::Band(band),
        }
    }
}

impl<Q: Scheduled> Serialize for Schedule<Q> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let named = match self {
            Self::Constant(value) => return value.serialize(serializer),
            Self::Cycle(Shape::Sine, cycle) => Named::Wave(*cycle),
            Self::Cycle(Shape::Triangle, cycle) => Named::Triangle(*cycle),
            Self::Cycle(Shape::Square, cycle) => Named::Square(*cycle),
            Self::Cycle(Shape::Saw, cycle) => Named::Saw(*cycle),
            Self::Steps(steps) => Named::Steps(steps.clone()),
            Self::Keyframes(keyframes) => Named::Keyframes(keyframes.clone()),
            Self::Band(band) => Named::Band(*band),
        };
        named.serialize(serializer)
    }
}

impl<'de, Q: Scheduled> Deserialize<'de> for Schedule<Q> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberOrTable(PhantomData))
    }
}

/// Reads a number or a table. (An untagged enum would lose the place and the reason of a mistake inside.)
struct NumberOrTable<Q>(PhantomData<Q>);

impl<'de, Q: Scheduled> Visitor<'de> for NumberOrTable<Q> {
    type Value = Schedule<Q>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(Q::EXPECTED)
    }

    fn visit_f64<E: Error>(self, x: f64) -> Result<Schedule<Q>, E> {
        Q::try_from(x).map(Schedule::Constant).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, x: i64) -> Result<Schedule<Q>, E> {
        self.visit_f64(x as f64)
    }

    fn visit_u64<E: Error>(self, x: u64) -> Result<Schedule<Q>, E> {
        self.visit_f64(x as f64)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Schedule<Q>, M::Error> {
        let named = Named::<Q>::deserialize(MapAccessDeserializer::new(&mut map))?;
        match map.next_key::<String>()? {
            None => Ok(named.into()),
            Some(second) => Err(M::Error::custom(format!("`{second}` beside a schedule: it is one thing"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prob::{Alpha, Temperature};

    fn read(text: &str) -> Result<Schedule<Alpha>, toml::de::Error> {
        toml::from_str::<toml::Table>(&format!("alpha = {text}")).unwrap()["alpha"].clone().try_into()
    }

    #[test]
    fn amplitude_0_is_the_constant_schedule_at_the_centre() {
        let constant = read("0.3").unwrap();
        for shape in ["wave", "triangle", "square", "saw"] {
            let flat = read(&format!("{{ {shape} = {{ period = 60, amplitude = 0, centre = 0.3, phase = 0.2 }} }}")).unwrap();
            let places = (0..200).map(|token| Place { token, ..Place::default() });
            assert!(places.into_iter().all(|place| flat.at(&place) == constant.at(&place)));
        }
    }

    #[test]
    fn keyframes_are_points_with_straight_lines_between() {
        let Schedule::Keyframes(keyframes) = read("{ keyframes = [[0.2, -1], [0.6, 1], [0.6, 0], [1, 0.5]] }").unwrap() else {
            panic!("they are no keyframes")
        };
        for (fraction, alpha) in
            [(0.0, -1.0), (0.2, -1.0), (0.3, -0.5), (0.4, 0.0), (0.599_999, 1.0), (0.6, 0.0), (0.8, 0.25), (1.0, 0.5)]
        {
            assert!((keyframes.at(fraction).get() - alpha).abs() < 1e-5, "{fraction}");
        }
        assert_eq!(read("{ keyframes = [[0.5, 0.5]] }").unwrap().at(&Place::default()).get(), 0.5);
        assert!(read("{ keyframes = [[0.5, 0], [0.4, 1]] }").unwrap_err().to_string().contains("0.4 is not after the point"));
        assert!(read("{ keyframes = [] }").is_err() && read("{ keyframes = [[1.5, 0]] }").is_err());
    }

    #[test]
    fn a_schedule_is_written_as_a_number_or_a_table() {
        assert_eq!(read("-1").unwrap(), Schedule::Constant(Alpha::new(-1.0).unwrap()));
        let Schedule::Cycle(Shape::Sine, wave) = read("{ wave = { period = 60 } }").unwrap() else { panic!("it is no wave") };
        assert_eq!((wave.period.get(), wave.amplitude.get(), wave.centre.get(), wave.unit), (60.0, 1.0, 0.0, Unit::Token));
        assert!(read("1.5").unwrap_err().to_string().contains("expected a number from -1 to 1"));
        assert!(read("{ wave = { period = 60 }, x = 1 }").unwrap_err().to_string().contains("`x` beside a schedule"));
        assert!(read("{ wave = { perod = 60 } }").unwrap_err().to_string().contains("perod"));
        assert!(read("{ wave = { period = 6, unit = \"word\" } }").unwrap_err().to_string().contains("word"));
    }

    #[test]
    fn every_schedule_is_written_and_read_back_the_same() {
        for text in [
            "0.5",
            "{ wave = { period = 8, unit = 'sentence', fade-in = 0.1 } }",
            "{ triangle = { period = 8, fade-out = 0.2 } }",
            "{ square = { period = 8, phase = 0.5 } }",
            "{ saw = { period = 8, centre = 0.1 } }",
            "{ wave = { period = 8, below = 0 } }",
            "{ wave = { period = 8, above = 0.25, below = 0.5 } }",
            "{ steps = { values = [0, 1], every = 2, unit = 'paragraph' } }",
            "{ keyframes = [[0, 0], [1, 1]] }",
            "{ band = { surprisal = [2, 3.5], window = 64 } }",
            "{ band = { surprisal = [0.9, 1.1], unit = 'entropy' } }",
        ] {
            let schedule = read(text).unwrap();
            let json = serde_json::to_string(&schedule).unwrap();
            assert_eq!(serde_json::from_str::<Schedule<Alpha>>(&json).unwrap(), schedule, "{json}");
            assert_eq!(toml::Value::try_from(&schedule).unwrap().try_into::<Schedule<Alpha>>().unwrap(), schedule);
        }
    }

    #[test]
    fn extremes_are_the_ends_of_what_a_schedule_comes_to() {
        for (schedule, ends) in [
            ("0.5", [0.5, 0.5]),
            ("{ wave = { period = 60, amplitude = 0.5, centre = 0.75 } }", [0.25, 1.0]),
            ("{ wave = { period = 60, amplitude = 0.5, above = 0.5, below = 0 } }", [0.0, 0.25]),
            ("{ steps = { values = [0.5, -0.5, 0], every = 3 } }", [-0.5, 0.5]),
            ("{ keyframes = [[0, 0], [1, 1]] }", [0.0, 1.0]),
            ("{ band = { surprisal = [2, 3] } }", [-1.0, 1.0]),
        ] {
            assert_eq!(read(schedule).unwrap().extremes(), ends, "{schedule}");
        }
        let band: toml::Table = toml::from_str("x = { band = { surprisal = [2, 3] } }").unwrap();
        assert_eq!(band["x"].clone().try_into::<Schedule<Temperature>>().unwrap().extremes(), [0.1, 2.0]);
    }
}
