//! What other programs call a stage: `SillyTavern`, `KoboldCpp`, text-generation-webui, llama.cpp and Ollama.

/// The names of a stage in other programs, in small letters with underscores.
#[derive(Debug, Clone, Copy)]
pub struct Elsewhere {
    /// What it is called in a list of samplers.
    pub samplers: &'static [&'static str],
    /// For each key of the stage, the keys of their settings. The key of a stage that is one number is the empty word; a key that
    /// is none here is one that only they have.
    pub keys: &'static [(&'static str, &'static [&'static str])],
    /// Whether the stage is off there at this value of the first key.
    pub off: fn(f64) -> bool,
    /// How many of their units the first key has where it is 1 here.
    pub unit: f64,
}

impl Elsewhere {
    /// Of a stage that has no counterpart.
    pub const NOWHERE: &'static Self = &Self { samplers: &[], keys: &[], off: |_| true, unit: 1.0 };
}

/// Whether 0 and below is "off".
pub(super) fn at_most_0(x: f64) -> bool {
    x <= 0.0
}

/// Whether a share is "off": 1 in all of the programs, 0 in some.
pub(super) fn no_share(x: f64) -> bool {
    x <= 0.0 || x >= 1.0
}
