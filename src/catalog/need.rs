//! The memory that a model will take, estimated before it is loaded.

use serde::Serialize;

use super::card::ModelCard;
use crate::model::CacheType;

/// llama.cpp rounds the tokens of its memory up to a multiple of this.
const PAGE: u64 = 256;

/// How a model will be used.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wish {
    /// Tokens that are remembered at once, over all stories.
    pub cells: u64,
    /// Branches that live at once, over all stories.
    pub branches: u64,
    /// Stories that share them.
    pub stories: u64,
    /// Tokens evaluated in one decode.
    pub batch: u64,
    /// The type of the remembered keys.
    pub keys: CacheType,
    /// The type of the remembered values.
    pub values: CacheType,
    /// Whether attention is computed without ever storing the whole matrix. Where that is `auto`, it nearly always is.
    pub flash_attention: bool,
}

/// Memory in bytes. An estimate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Need {
    /// The weights.
    pub weights: u64,
    /// Remembered keys and values, and states of fixed size.
    pub cache: u64,
    /// What a decode works in.
    pub compute: u64,
    /// All together.
    pub total: u64,
}

impl Need {
    /// What a model will need.
    ///
    /// - weights = Σ of all tensors
    /// - cache = cells · Σ over layers of (keys + values) in their types + branches · Σ of states · 4
    /// - compute = 4 · batch · (max(V, A) + 2 · the widest vector + 4 · embedding) + 4 · V · branches: the rows of logits of one
    ///   decode or, where it is larger, what attention works in, which is free again by then; the vectors on the way; and the
    ///   rows that are handed out. A = cells / 2 for a mask of 16 bits, one more where some layers have a window; without flash
    ///   attention A = cells · (heads + 1).
    #[must_use]
    pub fn of(card: &ModelCard, wish: &Wish) -> Self {
        let Wish { cells, branches, stories: _, batch, keys, values, flash_attention } = *wish;
        let cells = cells.max(branches).max(1).checked_next_multiple_of(PAGE).unwrap_or(u64::MAX) as f64;
        let (batch, branches) = (batch.max(1) as f64, branches.max(1) as f64);
        let a_token: f64 = card
            .layer
            .iter()
            .map(|layer| layer.keys as f64 * keys.bits() / 8.0 + layer.values as f64 * values.bits() / 8.0)
            .sum();
        let a_branch: f64 = card.layer.iter().map(|layer| 4.0 * layer.state as f64).sum();
        let cache = cells * a_token + branches * a_branch;
        let vocabulary = card.vocabulary.size as f64;
        let masks = if card.window.is_some() { 2.0 } else { 1.0 };
        let attention = match card.layer.iter().any(|layer| layer.keys > 0) {
            false => 0.0,
            true if flash_attention => cells * 0.5 * masks,
            true => cells * (card.heads.unwrap_or(1) as f64 + masks),
        };
        let vectors = vocabulary.max(attention) + 2.0 * card.widest as f64 + 4.0 * card.embedding as f64;
        let compute = 4.0 * batch * vectors + 4.0 * vocabulary * branches;
        let weights = card.weights;
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast ends at the end of the range")]
        let [cache, compute] = [cache as u64, compute as u64];
        Self { weights, cache, compute, total: weights.saturating_add(cache).saturating_add(compute) }
    }
}

/// A size in the largest unit that it fills: `812 bytes`, `12 kB`, `3.6 MB`. A kB is 1,000 bytes, as in what file managers show.
#[must_use]
pub fn in_words(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} bytes");
    }
    let (mut size, mut unit) = (bytes as f64 / 1000.0, 0);
    let digits = |unit| usize::from(unit > 0);
    // What is rounded up to 1000 of a unit is one of the next.
    while unit + 1 < UNITS.len() && size >= if unit == 0 { 999.5 } else { 999.95 } {
        size /= 1000.0;
        unit += 1;
    }
    format!("{size:.*} {}", digits(unit), UNITS[unit])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Choice;

    #[test]
    fn a_type_of_the_cache_takes_what_a_tensor_of_its_type_takes() {
        for (cache, name, _) in CacheType::ALL {
            let kind = crate::gguf::Kind::named(name).unwrap();
            assert_eq!(cache.bits() / 8.0, kind.bytes_a_number(), "{name}");
        }
    }

    #[test]
    fn a_size_is_never_nothing_and_fits_its_unit() {
        for (bytes, words) in [
            (0, "0 bytes"),
            (999, "999 bytes"),
            (1000, "1 kB"),
            (12_345, "12 kB"),
            (999_499, "999 kB"),
            (999_500, "1.0 MB"),
            (3_840_000, "3.8 MB"),
            (999_950_000, "1.0 GB"),
            (68_719_476_736, "68.7 GB"),
            (u64::MAX, "18446744.1 TB"),
        ] {
            assert_eq!(in_words(bytes), words, "{bytes}");
        }
    }
}
