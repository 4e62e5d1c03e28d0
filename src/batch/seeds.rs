//! The seeds of a run: `7`, `1..8`, `1..4,9`. Both ends of a range belong to it.

use std::fmt;
use std::str::FromStr;

use serde::de::{self, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// More seeds than anybody means; beyond this a range is a slip of the finger.
const MOST: u64 = 1_000_000;

/// Seeds in ascending order, each once.
///
/// It is written as a text, and read from one or from a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(into = "String")]
pub struct Seeds(Vec<u64>);

impl Seeds {
    /// This seed alone.
    #[must_use]
    pub fn one(seed: u64) -> Self {
        Self(vec![seed])
    }

    /// All of them.
    #[must_use]
    pub fn all(&self) -> &[u64] {
        &self.0
    }

    /// Whether each of these is among them.
    #[must_use]
    pub fn hold(&self, others: &Self) -> bool {
        others.0.iter().all(|seed| self.0.binary_search(seed).is_ok())
    }
}

impl FromStr for Seeds {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let number = |text: &str| {
            text.trim().parse::<u64>().map_err(|_| format!("expected seeds as `7`, `1..8` or `1..4,9`, found `{typed}`"))
        };
        let mut seeds = Vec::new();
        for part in typed.split(',') {
            let (first, last) = match part.split_once("..") {
                Some((first, last)) => (number(first)?, number(last.strip_prefix('=').unwrap_or(last))?),
                None => (number(part)?, number(part)?),
            };
            if first > last {
                return Err(format!("the range `{part}` ends before it begins"));
            }
            if last - first >= MOST || seeds.len() as u64 + (last - first) >= MOST {
                return Err(format!("`{part}` makes more than a million seeds"));
            }
            seeds.extend(first..=last);
        }
        seeds.sort_unstable();
        seeds.dedup();
        Ok(Self(seeds))
    }
}

impl fmt::Display for Seeds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let follows = |one: &u64, next: &u64| one.checked_add(1) == Some(*next);
        for (at, run) in self.0.chunk_by(follows).enumerate() {
            let comma = if at > 0 { "," } else { "" };
            match run {
                [first, .., last] => write!(f, "{comma}{first}..{last}")?,
                [only] => write!(f, "{comma}{only}")?,
                [] => {}
            }
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Seeds {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(OneOrMore)
    }
}

/// Reads `7` and `"1..8"`.
struct OneOrMore;

impl Visitor<'_> for OneOrMore {
    type Value = Seeds;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("seeds as 7 or \"1..8\"")
    }

    fn visit_u64<E: de::Error>(self, seed: u64) -> Result<Seeds, E> {
        Ok(Seeds::one(seed))
    }

    fn visit_i64<E: de::Error>(self, seed: i64) -> Result<Seeds, E> {
        u64::try_from(seed).map(Seeds::one).map_err(|_| E::invalid_value(Unexpected::Signed(seed), &self))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Seeds, E> {
        text.parse().map_err(E::custom)
    }
}

impl From<Seeds> for String {
    fn from(seeds: Seeds) -> Self {
        seeds.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ends_of_a_range_belong_to_it_and_each_seed_stands_once() {
        for (typed, seeds, told) in [
            ("7", vec![7], "7"),
            ("1..4", vec![1, 2, 3, 4], "1..4"),
            ("1..=2, 9", vec![1, 2, 9], "1..2,9"),
            ("3,1,2,2", vec![1, 2, 3], "1..3"),
            ("18446744073709551615", vec![u64::MAX], "18446744073709551615"),
        ] {
            let read: Seeds = typed.parse().unwrap();
            assert_eq!((read.all(), read.to_string().as_str()), (&seeds[..], told));
            assert_eq!(told.parse::<Seeds>().unwrap(), read);
        }
    }

    #[test]
    fn some_seeds_hold_others() {
        let seeds = |text: &str| text.parse::<Seeds>().unwrap();
        assert!(seeds("1..4,9").hold(&seeds("2,9")) && seeds("1").hold(&seeds("1")));
        assert!(!seeds("1..4").hold(&seeds("4..5")));
    }

    #[test]
    fn what_is_no_seed_is_refused() {
        for (typed, cause) in
            [("", "expected"), ("a", "expected"), ("4..1", "before it begins"), ("0..9999999", "million"), ("-1", "exp")]
        {
            assert!(typed.parse::<Seeds>().unwrap_err().contains(cause), "{typed}");
        }
        // Many ranges are no more than one.
        assert!("0..900000,1000000..1900000".parse::<Seeds>().unwrap_err().contains("million"));
    }
}
