//! What whoever starts the server decides: data, whatever it was typed as.

use std::time::Duration;

/// How the server answers.
#[derive(Debug, Clone)]
#[allow(clippy::struct_excessive_bools, reason = "each stands for itself")]
pub struct Options {
    /// How many stories are told at once, at least 1.
    pub stories: usize,
    /// How many requests may wait for a place.
    pub queue: usize,
    /// The most tokens of a completion that names no number of them.
    pub tokens: usize,
    /// What the model is called; `None`: as its file.
    pub alias: Option<String>,
    /// Whose sampler decides where a request does not say so.
    pub sampling: Sampling,
    /// What the time of waves is where a request does not say so.
    pub clock: Clock,
    /// Whether one story is told at a time, in a memory that is empty before it: equal requests then get equal bits.
    pub strict: bool,
    /// Whoever knows one of these may ask; empty: everybody may.
    pub keys: Vec<String>,
    /// Pages of these origins may ask, beside those of this machine; `*` is every page.
    pub origins: Vec<String>,
    /// Whether the server can be reached from this machine alone: then it answers only to this machine's names.
    pub is_local: bool,
    /// How long running stories may go on once the server is to end.
    pub grace: Duration,
    /// After so long without reading a listener is given up.
    pub stall: Duration,
    /// Whether prompts are logged.
    pub verbose: bool,
    /// Whether KoboldAI's routes are served too.
    pub kobold: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            stories: 2,
            queue: 32,
            tokens: 256,
            alias: None,
            sampling: Sampling::default(),
            clock: Clock::default(),
            strict: false,
            keys: Vec::new(),
            origins: Vec::new(),
            is_local: true,
            grace: Duration::from_secs(5),
            stall: Duration::from_secs(60),
            verbose: false,
            kobold: false,
        }
    }
}

/// Whose sampler decides: front-ends send a full set of values, mostly their own defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sampling {
    /// The preset's alone. Of the request count limits, stops, seed, biases and bans.
    #[default]
    Preset,
    /// The request's alone; what it does not name is off.
    Client,
    /// The request's penalties and truncations, then the preset's `future` and what follows it.
    Both,
}

impl Sampling {
    /// All of them, by name.
    pub const ALL: [(Self, &'static str); 3] = [(Self::Preset, "preset"), (Self::Client, "client"), (Self::Both, "both")];

    /// The one of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find_map(|(sampling, known)| (known == name).then_some(sampling))
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Preset => "preset",
            Self::Client => "client",
            Self::Both => "both",
        }
    }
}

/// What t is, by which waves swing and noise is keyed: front-ends write in small pieces, and a wave that began anew with each would
/// never be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Clock {
    /// The position in the text, the prompt included: told in pieces it is the story told at once.
    #[default]
    Text,
    /// The tokens told for this request, as on a command line.
    Request,
    /// The position in the text behind its first so many tokens.
    Behind(usize),
}
