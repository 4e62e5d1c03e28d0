//! Bans as they are written.

use std::fmt;
use std::num::NonZeroUsize;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Phrases and patterns that a story is not to hold, and how they are kept out of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Bans {
    /// Phrases. Case, kinds of quotes and dashes and runs of white space make no difference; a phrase that begins or ends with a letter or
    /// a digit is only found where a word begins or ends: `in` is not in *king*.
    pub phrases: Vec<String>,
    /// Regular expressions, in the syntax of Rust's crate `regex`, without look-around and backreferences, on the text in lower case
    /// with straight quotes and single spaces. The shortest match counts.
    pub patterns: Vec<String>,
    /// Shipped lists, whose phrases and patterns are added: `worn`.
    pub lists: Vec<String>,
    /// How far back a pattern may begin, in characters.
    pub within: NonZeroUsize,
    /// How often another word is looked for at one place, before the word before it is changed.
    pub retries: NonZeroUsize,
    /// How much of the weight is taken from the word that led to it: 1 takes all, and nothing stands that can be told otherwise.
    #[schemars(range(min = 0, max = 1))]
    pub strength: f64,
    /// Which word is changed.
    pub at: Redraw,
}

/// Which word of a phrase that is banned is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Redraw {
    /// The first, as everybody else does it: fluent, and told anew from there.
    Start,
    /// The last, without which the phrase is none: nothing is taken back. Clumsy where it was nearly certain.
    End,
    /// The last where most of the probability lies elsewhere, else the first.
    #[default]
    Auto,
}

impl Default for Bans {
    fn default() -> Self {
        let (phrases, patterns, lists) = (Vec::new(), Vec::new(), Vec::new());
        let [within, retries] = [200, 20].map(|count| NonZeroUsize::MIN.saturating_add(count - 1));
        Self { phrases, patterns, lists, within, retries, strength: 1.0, at: Redraw::Auto }
    }
}

impl Bans {
    /// Whether nothing is banned.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.phrases.is_empty() && self.patterns.is_empty() && self.lists.is_empty()
    }

    /// Adds what a list bans and these do not yet.
    pub fn add(&mut self, list: List) {
        for (all, more) in [(&mut self.phrases, list.phrases), (&mut self.patterns, list.patterns)] {
            for one in more {
                if !all.contains(&one) {
                    all.push(one);
                }
            }
        }
    }
}

/// A list of bans that many presets share.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct List {
    /// As [`Bans::phrases`].
    pub phrases: Vec<String>,
    /// As [`Bans::patterns`].
    pub patterns: Vec<String>,
}

/// A ban that cannot be meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wrong {
    /// A phrase without a letter, digit or sign in it.
    Blank {
        /// Its number among the phrases, counted from 0.
        phrase: usize,
    },
    /// A phrase of one letter, which bans more than can be meant.
    OneLetter {
        /// Its number among the phrases, counted from 0.
        phrase: usize,
        /// The letter.
        letter: char,
    },
    /// A pattern that is none, or grows too large.
    Pattern {
        /// Its number among the patterns, counted from 0.
        pattern: usize,
        /// Why.
        cause: String,
    },
    /// A pattern that every text matches.
    MatchesAll {
        /// Its number among the patterns, counted from 0.
        pattern: usize,
    },
    /// A number out of its range.
    Range {
        /// Whose.
        key: &'static str,
        /// What is allowed.
        allowed: &'static str,
    },
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blank { phrase } => write!(f, "phrase {} is blank: it bans nothing", phrase + 1),
            Self::OneLetter { phrase, letter } => {
                write!(
                    f,
                    "phrase {} is the one letter `{letter}`: every text would be banned that has it as a word",
                    phrase + 1
                )
            }
            Self::Pattern { pattern, cause } => write!(f, "pattern {}: {cause}", pattern + 1),
            Self::MatchesAll { pattern } => write!(f, "pattern {} matches every text", pattern + 1),
            Self::Range { key, allowed } => write!(f, "`{key}` must be {allowed}"),
        }
    }
}

impl std::error::Error for Wrong {}
