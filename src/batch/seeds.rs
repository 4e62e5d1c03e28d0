//! The seeds of a run: `7`, `1..8`, `1..4,9`. Both ends of a range belong to it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// More seeds than anybody means; beyond this a range is a slip of the finger.
const MOST: u64 = 1_000_000;

/// Seeds in ascending order, each once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
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

impl TryFrom<String> for Seeds {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
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
