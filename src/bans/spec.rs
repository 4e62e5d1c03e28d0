//! Bans as they are written.

use std::collections::HashSet;
use std::fmt;
use std::num::NonZeroUsize;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Phrases and patterns that a story is not to hold, and how they are kept out of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Bans {
    /// Phrases and words. Case, kinds of quotes and dashes and runs of white space make no difference; what begins or ends with a letter or
    /// a digit is only found where a word begins or ends: `in` is not in *king*. They are found in the text: a word is, however many tokens
    /// it is cut into, with and without a space before it.
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
    /// What is added to the logit of a token with which the first word of a phrase would be whole, in nats: l ← l + b, b at most 0. So
    /// *shivers* comes less often, not only *shivers down*; a phrase that begins with `a` takes from every *a*. 0 changes nothing.
    #[schemars(range(max = 0))]
    pub bias: f64,
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
        Self { phrases, patterns, lists, within, retries, strength: 1.0, at: Redraw::Auto, bias: 0.0 }
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
            let mut known: HashSet<String> = all.iter().cloned().collect();
            all.extend(more.into_iter().filter(|one| known.insert(one.clone())));
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

impl Wrong {
    /// What is wrong with it, without its number: `is blank: it bans nothing`.
    #[must_use]
    pub fn what(&self) -> String {
        match self {
            Self::Blank { .. } => "is blank: it bans nothing".to_owned(),
            Self::OneLetter { letter, .. } => {
                format!("is the one letter `{letter}`: every text would be banned that has it as a word")
            }
            Self::Pattern { cause, .. } => format!("is no pattern: {cause}"),
            Self::MatchesAll { .. } => "matches every text".to_owned(),
            Self::Range { allowed, .. } => format!("must be {allowed}"),
        }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blank { phrase } | Self::OneLetter { phrase, .. } => write!(f, "phrase {}", phrase + 1),
            Self::Pattern { pattern, .. } | Self::MatchesAll { pattern } => write!(f, "pattern {}", pattern + 1),
            Self::Range { key, .. } => write!(f, "`{key}`"),
        }?;
        write!(f, " {}", self.what())
    }
}

impl std::error::Error for Wrong {}
