//! The types in which the numbers of a tensor are stored.
//!
//! Source: the types and block layouts of ggml (`ggml.h`, `ggml-common.h`).

use std::fmt;

use serde::{Serialize, Serializer};

/// A type of stored numbers: so many of them stand in a block of so many bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind {
    number: u32,
    name: &'static str,
    block: u64,
    bytes: u64,
}

/// Number, name, numbers in a block, bytes of a block. The gaps are types that were given up.
const KINDS: [(u32, &str, u64, u64); 35] = [
    (0, "F32", 1, 4),
    (1, "F16", 1, 2),
    (2, "Q4_0", 32, 18),
    (3, "Q4_1", 32, 20),
    (6, "Q5_0", 32, 22),
    (7, "Q5_1", 32, 24),
    (8, "Q8_0", 32, 34),
    (9, "Q8_1", 32, 36),
    (10, "Q2_K", 256, 84),
    (11, "Q3_K", 256, 110),
    (12, "Q4_K", 256, 144),
    (13, "Q5_K", 256, 176),
    (14, "Q6_K", 256, 210),
    (15, "Q8_K", 256, 292),
    (16, "IQ2_XXS", 256, 66),
    (17, "IQ2_XS", 256, 74),
    (18, "IQ3_XXS", 256, 98),
    (19, "IQ1_S", 256, 50),
    (20, "IQ4_NL", 32, 18),
    (21, "IQ3_S", 256, 110),
    (22, "IQ2_S", 256, 82),
    (23, "IQ4_XS", 256, 136),
    (24, "I8", 1, 1),
    (25, "I16", 1, 2),
    (26, "I32", 1, 4),
    (27, "I64", 1, 8),
    (28, "F64", 1, 8),
    (29, "IQ1_M", 256, 56),
    (30, "BF16", 1, 2),
    (34, "TQ1_0", 256, 54),
    (35, "TQ2_0", 256, 66),
    (39, "MXFP4", 32, 17),
    (40, "NVFP4", 64, 36),
    (41, "Q1_0", 128, 18),
    (42, "Q2_0", 64, 18),
];

/// Names of mixtures of types, by the number that a file has under `general.file_type`; empty for numbers that were given up.
const MIXTURES: [&str; 42] = [
    "F32", "F16", "Q4_0", "Q4_1", "", "", "", "Q8_0", "Q5_0", "Q5_1", "Q2_K", "Q3_K_S", "Q3_K_M", "Q3_K_L", "Q4_K_S", "Q4_K_M",
    "Q5_K_S", "Q5_K_M", "Q6_K", "IQ2_XXS", "IQ2_XS", "Q2_K_S", "IQ3_XS", "IQ3_XXS", "IQ1_S", "IQ4_NL", "IQ3_S", "IQ3_M",
    "IQ2_S", "IQ2_M", "IQ4_XS", "IQ1_M", "BF16", "", "", "", "TQ1_0", "TQ2_0", "MXFP4", "NVFP4", "Q1_0", "Q2_0",
];

/// The name of a mixture of types, as people call a quantised file: `Q4_K_M`; `None` for a number that this program does not know.
#[must_use]
pub fn mixture(number: u64) -> Option<&'static str> {
    let name = MIXTURES.get(usize::try_from(number).ok()?)?;
    Some(*name).filter(|name| !name.is_empty())
}

impl Kind {
    /// Halves: the form in which keys and values are remembered where nothing else is asked for.
    pub const F16: Self = Self { number: 1, name: "F16", block: 1, bytes: 2 };

    /// The type of this number in a file; `None` for a number that this program does not know.
    #[must_use]
    pub fn of(number: u32) -> Option<Self> {
        Self::all().find(|kind| kind.number == number)
    }

    /// The type of this name, in whatever case: `q8_0`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|kind| kind.name.eq_ignore_ascii_case(name))
    }

    fn all() -> impl Iterator<Item = Self> {
        KINDS.iter().map(|&(number, name, block, bytes)| Self { number, name, block, bytes })
    }

    /// Its name: `Q4_K`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.name
    }

    /// Whether llama.cpp multiplies with it: whole numbers stand in tables only, and some types only ever hold what is on the
    /// way between two layers.
    #[must_use]
    pub fn multiplies(self) -> bool {
        !["Q8_1", "Q8_K", "I8", "I16", "I32", "I64", "F64"].contains(&self.name)
    }

    /// The bytes of so many numbers; `None` where they are no whole number of blocks, or too many to count.
    #[must_use]
    pub fn bytes(self, numbers: u64) -> Option<u64> {
        if !numbers.is_multiple_of(self.block) {
            return None;
        }
        (numbers / self.block).checked_mul(self.bytes)
    }

    /// Bytes a number, on average: 0.5625 for `Q4_0`.
    #[must_use]
    pub fn bytes_a_number(self) -> f64 {
        self.bytes as f64 / self.block as f64
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_a_whole_number_of_blocks() {
        let q8 = Kind::named("q8_0").unwrap();
        assert_eq!((q8.bytes(64), q8.bytes(33), q8.bytes_a_number()), (Some(68), None, 1.0625));
        assert_eq!(Kind::of(0).unwrap().bytes(u64::MAX), None);
        assert_eq!((Kind::of(4), Kind::of(99)), (None, None));
        assert_eq!(Kind::named("f16"), Some(Kind::F16));
    }

    #[test]
    fn a_mixture_has_the_name_that_people_know() {
        let names = [0, 7, 15, 32, 4, 42, u64::MAX].map(mixture);
        assert_eq!(names, [Some("F32"), Some("Q8_0"), Some("Q4_K_M"), Some("BF16"), None, None, None]);
    }
}
