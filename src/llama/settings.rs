//! How a session remembers and computes: what is asked for, and what it comes to.

use std::fmt;

use anyhow::{Result, ensure};
use llama_cpp_2::context::params::{KvCacheType, LlamaContextParams};
use llama_cpp_sys_2 as sys;
use serde::{Deserialize, Serialize};

use super::device::physical_cores;

/// The most processor threads that llama.cpp takes.
pub const MOST_THREADS: usize = 512;

/// The most branches that can live at once in one session: llama.cpp numbers its sequences in a fixed table.
pub const MOST_BRANCHES: usize = 256;

/// Below this size in bytes one thread is fastest: the threads would spend their time waiting for each other.
const SMALL: u64 = 100_000_000;

/// What a session is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionOptions {
    /// Tokens that are remembered at once, over all branches; shared ones count once. At least 1.
    pub cells: usize,
    /// Branches that live at once, trunks and forks together: 1 to [`MOST_BRANCHES`]. Memory grows with it, and with
    /// recurrent models multiplies by it.
    pub branches: usize,
    /// Tokens evaluated in one decode, at least 1; never more than `cells`. Memory grows with it.
    pub batch: usize,
    /// `None`: 1 for models below 100 MB, else the physical cores.
    pub threads: Option<usize>,
    /// Equal bits need equal choices here.
    pub flash_attention: FlashAttention,
    /// The type of the remembered keys.
    pub keys: CacheType,
    /// The type of the remembered values; a quantised one needs flash attention.
    pub values: CacheType,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self {
            cells: 2048,
            branches: 32,
            batch: 128,
            threads: None,
            flash_attention: FlashAttention::Auto,
            keys: CacheType::F16,
            values: CacheType::F16,
        }
    }
}

/// What a session runs with: every number that decides its bits, for the record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Settings {
    /// Tokens that are remembered at once, over all branches.
    pub cells: usize,
    /// Branches that live at once.
    pub branches: usize,
    /// Tokens evaluated in one decode.
    pub batch: usize,
    /// For single tokens and for batches.
    pub threads: usize,
    /// As asked; what `auto` came to, llama.cpp does not tell.
    pub flash_attention: FlashAttention,
    /// The type of the remembered keys.
    pub keys: CacheType,
    /// The type of the remembered values.
    pub values: CacheType,
}

/// Whether attention is computed without ever storing the whole matrix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FlashAttention {
    /// Where the device can.
    #[default]
    Auto,
    /// Always; an error where the device cannot.
    On,
    /// Never.
    Off,
}

/// How the numbers of the memory are stored. The quantised ones save memory and cost precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheType {
    /// 32 bits, as computed.
    F32,
    /// 16 bits.
    #[default]
    F16,
    /// 16 bits with the range of 32.
    Bf16,
    /// 8.5 bits: blocks of 32 with a scale.
    Q8_0,
    /// 6 bits: blocks of 32 with a scale and an offset.
    Q5_1,
    /// 5.5 bits.
    Q5_0,
    /// 5 bits, with an offset.
    Q4_1,
    /// 4.5 bits.
    Q4_0,
}

impl fmt::Display for FlashAttention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Auto => "auto",
            Self::On => "on",
            Self::Off => "off",
        })
    }
}

impl fmt::Display for CacheType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::Q8_0 => "q8_0",
            Self::Q5_1 => "q5_1",
            Self::Q5_0 => "q5_0",
            Self::Q4_1 => "q4_1",
            Self::Q4_0 => "q4_0",
        })
    }
}

impl CacheType {
    fn quantised(self) -> bool {
        match self {
            Self::F32 | Self::F16 | Self::Bf16 => false,
            Self::Q8_0 | Self::Q5_1 | Self::Q5_0 | Self::Q4_1 | Self::Q4_0 => true,
        }
    }

    fn named(self) -> KvCacheType {
        match self {
            Self::F32 => KvCacheType::F32,
            Self::F16 => KvCacheType::F16,
            Self::Bf16 => KvCacheType::BF16,
            Self::Q8_0 => KvCacheType::Q8_0,
            Self::Q5_1 => KvCacheType::Q5_1,
            Self::Q5_0 => KvCacheType::Q5_0,
            Self::Q4_1 => KvCacheType::Q4_1,
            Self::Q4_0 => KvCacheType::Q4_0,
        }
    }
}

impl Settings {
    /// What the options come to for a model of `size` bytes.
    ///
    /// # Errors
    /// A count outside its range, or quantised values without flash attention.
    pub(super) fn resolve(options: &SessionOptions, size: u64) -> Result<Self> {
        let SessionOptions { cells, branches, batch, threads, flash_attention, keys, values } = *options;
        let threads = threads.unwrap_or_else(|| if size < SMALL { 1 } else { physical_cores() });
        let countable = |count| (1..=1 << 30).contains(&count);
        ensure!(countable(cells), "cannot remember {cells} tokens: at least 1, at most 2^30");
        ensure!(countable(batch), "cannot evaluate {batch} tokens in one decode: at least 1, at most 2^30");
        ensure!(
            (1..=MOST_THREADS).contains(&threads),
            "cannot compute with {threads} threads: at least 1, at most {MOST_THREADS}"
        );
        ensure!(
            (1..=MOST_BRANCHES).contains(&branches),
            "cannot keep {branches} branches: at least 1, at most {MOST_BRANCHES}"
        );
        ensure!(
            !values.quantised() || flash_attention != FlashAttention::Off,
            "cannot quantise the remembered values without flash attention"
        );
        Ok(Self { cells, branches, batch: batch.min(cells), threads, flash_attention, keys, values })
    }

    /// The same in llama.cpp's words.
    pub(super) fn parameters(&self) -> LlamaContextParams {
        let policy = match self.flash_attention {
            FlashAttention::Auto => sys::LLAMA_FLASH_ATTN_TYPE_AUTO,
            FlashAttention::On => sys::LLAMA_FLASH_ATTN_TYPE_ENABLED,
            FlashAttention::Off => sys::LLAMA_FLASH_ATTN_TYPE_DISABLED,
        };
        // `resolve` has kept every count far below these types' ends.
        let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let threads = i32::try_from(self.threads).unwrap_or(i32::MAX);
        LlamaContextParams::default()
            // llama.cpp keeps a row for every sequence and aborts where its batch, which is clamped to its context, has
            // no room for them. So both are at least `branches`; the session itself stays within `cells` and `batch`.
            .with_n_ctx(std::num::NonZeroU32::new(number(self.cells.max(self.branches))))
            .with_n_seq_max(number(self.branches))
            .with_n_batch(number(self.batch.max(self.branches)))
            // One decode is one pass over the weights: a smaller physical batch would split the candidates of one step.
            .with_n_ubatch(number(self.batch))
            .with_n_threads(threads)
            .with_n_threads_batch(threads)
            .with_flash_attention_policy(policy)
            .with_type_k(self.keys.named())
            .with_type_v(self.values.named())
            // One buffer for all branches: only then is a fork a note in a table, and not a copy.
            .with_kv_unified(true)
            // A sliding window's own small cache holds the window of every branch and no more; cells that forks share
            // do not slide out of it, so it can be full while `room` still counts free cells. At full size it never is.
            .with_swa_full(true)
            .with_no_perf(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(options: &SessionOptions) -> String {
        Settings::resolve(options, 1).unwrap_err().to_string()
    }

    #[test]
    fn counts_outside_their_ranges_are_refused() {
        let usual = SessionOptions::default;
        assert!(refused(&SessionOptions { cells: 0, ..usual() }).contains("0 tokens"));
        assert!(refused(&SessionOptions { batch: 0, ..usual() }).contains("one decode"));
        assert!(refused(&SessionOptions { branches: 257, ..usual() }).contains("at most 256"));
        assert!(refused(&SessionOptions { branches: 0, ..usual() }).contains("0 branches"));
        assert!(refused(&SessionOptions { threads: Some(0), ..usual() }).contains("0 threads"));
    }

    #[test]
    fn quantised_values_need_flash_attention() {
        let options =
            SessionOptions { values: CacheType::Q8_0, flash_attention: FlashAttention::Off, ..SessionOptions::default() };
        assert!(refused(&options).contains("flash attention"));
        let keys = SessionOptions { keys: CacheType::Q8_0, values: CacheType::F16, ..options };
        assert!(Settings::resolve(&keys, 1).is_ok());
    }

    #[test]
    fn small_models_run_on_one_thread_and_a_batch_fits_the_memory() {
        let options = SessionOptions { cells: 100, batch: 128, ..SessionOptions::default() };
        let settings = Settings::resolve(&options, SMALL - 1).unwrap();
        assert_eq!((settings.threads, settings.batch), (1, 100));
        assert_eq!(Settings::resolve(&options, SMALL).unwrap().threads, physical_cores());
        let asked = SessionOptions { threads: Some(3), ..options };
        assert_eq!(Settings::resolve(&asked, 1).unwrap().threads, 3);
    }
}
