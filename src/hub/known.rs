//! Models to begin with: few, small enough for a laptop, and each with a page that was read.

use serde::Serialize;

/// A model that may be brought by a short name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Known {
    /// The short name.
    pub name: &'static str,
    /// The repository and, where it has several, which of its models.
    pub wanted: &'static str,
    /// About how many bytes.
    pub size: u64,
    /// Its licence, as its page names it.
    pub licence: &'static str,
    /// Whether it was trained to follow instructions.
    pub is_instruct: bool,
    /// What it is good for.
    pub good_for: &'static str,
    /// The preset to begin with.
    pub preset: &'static str,
}

/// They, the smallest first.
pub const KNOWN: [Known; 5] = [
    Known {
        name: "tinystories",
        wanted: "mradermacher/TinyStories-656K-GGUF:Q8_0",
        size: 750_000,
        licence: "apache-2.0",
        is_instruct: false,
        good_for: "trying whether fetching works",
        preset: "wave",
    },
    Known {
        name: "gemma3-1b",
        wanted: "lmstudio-community/gemma-3-1b-it-GGUF:Q4_K_M",
        size: 810_000_000,
        licence: "Gemma terms",
        is_instruct: true,
        good_for: "the smallest that follows instructions",
        preset: "creative",
    },
    Known {
        name: "smollm2",
        wanted: "itlwas/SmolLM2-1.7B-Q4_K_M-GGUF",
        size: 1_060_000_000,
        licence: "apache-2.0",
        is_instruct: false,
        good_for: "going on with a beginning, on any laptop",
        preset: "wave",
    },
    Known {
        name: "qwen3-4b",
        wanted: "bartowski/Qwen_Qwen3-4B-GGUF:Q4_K_M",
        size: 2_500_000_000,
        licence: "apache-2.0",
        is_instruct: true,
        good_for: "following instructions; it can think first",
        preset: "creative",
    },
    Known {
        name: "olmo2-7b",
        wanted: "allenai/OLMo-2-1124-7B-GGUF:Q4_K_M",
        size: 4_470_000_000,
        licence: "apache-2.0",
        is_instruct: false,
        good_for: "a model's own voice; its training texts are open",
        preset: "wave",
    },
];

impl Known {
    /// The model of this short name; small and capital letters are the same.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        KNOWN.iter().find(|known| known.name.eq_ignore_ascii_case(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::Wanted;

    #[test]
    fn every_known_model_is_named_as_it_is_asked_for() {
        for known in KNOWN {
            let wanted: Wanted = known.wanted.parse().unwrap();
            assert_eq!(wanted.to_string(), known.wanted);
            assert_eq!(
                Known::named(&known.name.to_uppercase()),
                Some(KNOWN.iter().find(|one| one.name == known.name).unwrap())
            );
        }
        assert!(KNOWN.is_sorted_by_key(|known| known.size));
    }
}
