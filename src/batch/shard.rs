//! A part of a run for one of several machines.

use std::fmt;
use std::num::NonZeroUsize;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Part `part` of `of`, counted from 1: every `of`-th story, so that each part has stories of every kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Shard {
    part: NonZeroUsize,
    of: NonZeroUsize,
}

impl Shard {
    /// This part of so many; `None` where there are not so many.
    #[must_use]
    pub fn new(part: NonZeroUsize, of: NonZeroUsize) -> Option<Self> {
        (part <= of).then_some(Self { part, of })
    }

    /// All parts of a run that has this one, itself among them.
    pub fn all(self) -> impl Iterator<Item = Self> {
        let of = self.of;
        (1..=of.get()).filter_map(NonZeroUsize::new).map(move |part| Self { part, of })
    }

    /// Whether the story with this number, from 0, belongs to the part.
    #[must_use]
    pub fn holds(self, story: usize) -> bool {
        story % self.of == self.part.get() - 1
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let numbers = typed.split_once('/').and_then(|(part, of)| Some((part.parse().ok()?, of.parse().ok()?)));
        let Some((part, of)) = numbers else { return Err(format!("expected a part as `3/8`, found `{typed}`")) };
        Self::new(part, of).ok_or_else(|| format!("there is no part {part} of {of}"))
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.part, self.of)
    }
}

impl TryFrom<String> for Shard {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<Shard> for String {
    fn from(shard: Shard) -> Self {
        shard.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_story_is_in_exactly_one_part() {
        for of in 1..9 {
            let parts: Vec<Shard> = (1..=of).map(|part| format!("{part}/{of}").parse().unwrap()).collect();
            assert_eq!(parts[of - 1].all().collect::<Vec<_>>(), parts);
            for story in 0..50 {
                assert_eq!(parts.iter().filter(|part| part.holds(story)).count(), 1);
            }
        }
    }

    #[test]
    fn parts_that_are_none_are_refused() {
        for typed in ["0/3", "4/3", "1/0", "3", "a/b", "-1/3", ""] {
            assert!(typed.parse::<Shard>().is_err(), "{typed}");
        }
    }
}
