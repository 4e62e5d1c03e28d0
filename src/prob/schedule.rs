//! Where the crossfader stands at each token of a story.

use std::f64::consts::TAU;
use std::fmt;

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Alpha, Amplitude, Period, Phase};

/// α as a function of the number t of the token, counted from 0 at the first one told.
///
/// In a preset a plain number is the constant schedule: `alpha = 0.5`; a wave is `alpha = { wave = { period = 60 } }`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Schedule {
    /// The same α at every token.
    Constant(Alpha),
    /// The α-wave.
    Wave(Wave),
}

/// The α-wave: rhythmic decoding.
///
/// α(t) = clamp(centre + amplitude · sin(2π (t / period + phase)), −1, 1)
///
/// Source: Will Kurt, "Making LLMs Better at Creative Writing using Entropy", countbayesie.com, 2026.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wave {
    /// Tokens in one turn of the wave.
    pub period: Period,
    /// How far α swings to either side; 0 is the constant schedule at `centre`.
    #[serde(default)]
    pub amplitude: Amplitude,
    /// The α around which it swings.
    #[serde(default)]
    pub centre: Alpha,
    /// Where the first token stands, as a fraction of a turn; 0.25 begins at the crest.
    #[serde(default)]
    pub phase: Phase,
}

impl Schedule {
    /// α at token `t`.
    #[must_use]
    pub fn at(&self, t: usize) -> Alpha {
        match self {
            Self::Constant(alpha) => *alpha,
            Self::Wave(wave) => wave.at(t),
        }
    }
}

impl Wave {
    /// α at token `t`.
    #[must_use]
    pub fn at(&self, t: usize) -> Alpha {
        let turn = t as f64 / self.period.get() + self.phase.get();
        Alpha::clamped(self.centre.get() + self.amplitude.get() * (TAU * turn).sin())
    }
}

/// The schedules that are tables, in the form in which they are written.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
enum Table {
    Wave(Wave),
}

/// Their names.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Name {
    Wave,
}

impl Serialize for Schedule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Constant(alpha) => alpha.serialize(serializer),
            Self::Wave(wave) => Table::Wave(*wave).serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Schedule {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NumberOrTable)
    }
}

/// Reads a number or a table. (An untagged enum would lose the place and the reason of a mistake inside.)
struct NumberOrTable;

impl<'de> Visitor<'de> for NumberOrTable {
    type Value = Schedule;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a number from -1 to 1, or a schedule such as `{ wave = { period = 60 } }`")
    }

    fn visit_f64<E: Error>(self, x: f64) -> Result<Schedule, E> {
        Alpha::new(x).map(Schedule::Constant).map_err(E::custom)
    }

    fn visit_i64<E: Error>(self, x: i64) -> Result<Schedule, E> {
        self.visit_f64(x as f64)
    }

    fn visit_u64<E: Error>(self, x: u64) -> Result<Schedule, E> {
        self.visit_f64(x as f64)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Schedule, M::Error> {
        let schedule = match map.next_key()? {
            Some(Name::Wave) => Schedule::Wave(map.next_value()?),
            None => return Err(M::Error::custom("the table names no schedule")),
        };
        match map.next_key::<String>()? {
            None => Ok(schedule),
            Some(second) => Err(M::Error::custom(format!("`{second}` beside a schedule: it is one thing"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(period: f64, amplitude: f64, centre: f64, phase: f64) -> Wave {
        Wave {
            period: Period::new(period).unwrap(),
            amplitude: Amplitude::new(amplitude).unwrap(),
            centre: Alpha::new(centre).unwrap(),
            phase: Phase::new(phase).unwrap(),
        }
    }

    #[test]
    fn a_wave_passes_its_centre_its_crest_and_its_trough() {
        let wave = wave(60.0, 0.5, 0.1, 0.0);
        for (t, alpha) in [(0, 0.1), (15, 0.6), (30, 0.1), (45, -0.4), (60, 0.1)] {
            assert!((wave.at(t).get() - alpha).abs() < 1e-12, "t = {t}");
        }
    }

    #[test]
    fn crests_beyond_the_ends_are_clipped() {
        let wave = wave(4.0, 3.0, 0.5, 0.0);
        assert_eq!(wave.at(1).get(), 1.0);
        assert_eq!(wave.at(3).get(), -1.0);
    }

    #[test]
    fn a_phase_of_a_quarter_begins_at_the_crest_and_whole_turns_change_nothing() {
        assert!((wave(60.0, 1.0, 0.0, 0.25).at(0).get() - 1.0).abs() < 1e-12);
        assert!((wave(60.0, 1.0, 0.0, 1.1).at(7).get() - wave(60.0, 1.0, 0.0, 0.1).at(7).get()).abs() < 1e-12);
    }

    #[test]
    fn amplitude_0_is_the_constant_schedule_at_the_centre() {
        let constant = Schedule::Constant(Alpha::new(0.3).unwrap());
        let flat = Schedule::Wave(wave(60.0, 0.0, 0.3, 0.2));
        assert!((0..200).all(|t| flat.at(t) == constant.at(t)));
    }

    #[test]
    fn a_schedule_is_written_as_a_number_or_a_table() {
        let read = |text: &str| toml::from_str::<toml::Table>(text).unwrap()["alpha"].clone().try_into::<Schedule>();
        assert_eq!(read("alpha = -1").unwrap(), Schedule::Constant(Alpha::new(-1.0).unwrap()));
        assert_eq!(read("alpha = { wave = { period = 60 } }").unwrap(), Schedule::Wave(wave(60.0, 1.0, 0.0, 0.0)));
        assert!(read("alpha = 1.5").unwrap_err().to_string().contains("expected a number from -1 to 1"));
        assert!(read("alpha = { wave = { period = 60 }, x = 1 }").unwrap_err().to_string().contains("`x` beside a schedule"));
        assert!(read("alpha = { wave = { perod = 60 } }").unwrap_err().to_string().contains("perod"));
    }
}
