//! What the options of a session come to, in numbers and in llama.cpp's words.

use anyhow::{Result, ensure};
use llama_cpp_2::context::params::{KvCacheType, LlamaContextParams};
use llama_cpp_sys_2 as sys;

use super::device::physical_cores;
use crate::model::{CacheType, FlashAttention, MOST_BRANCHES, MOST_THREADS, SessionOptions, SessionSettings};

/// Below this size in bytes one thread is fastest: the threads would spend their time waiting for each other.
const SMALL: u64 = 100_000_000;

/// A type of the cache in llama.cpp's words.
fn named(cache: CacheType) -> KvCacheType {
    match cache {
        CacheType::F32 => KvCacheType::F32,
        CacheType::F16 => KvCacheType::F16,
        CacheType::Bf16 => KvCacheType::BF16,
        CacheType::Q8_0 => KvCacheType::Q8_0,
        CacheType::Q5_1 => KvCacheType::Q5_1,
        CacheType::Q5_0 => KvCacheType::Q5_0,
        CacheType::Q4_1 => KvCacheType::Q4_1,
        CacheType::Q4_0 => KvCacheType::Q4_0,
    }
}

/// What the options come to for a model of `size` bytes.
///
/// # Errors
/// A count outside its range, or quantised values without flash attention.
pub(super) fn resolve(options: &SessionOptions, size: u64) -> Result<SessionSettings> {
    let SessionOptions { cells, branches, batch, threads, flash_attention, keys, values } = *options;
    let threads = threads.unwrap_or_else(|| if size < SMALL { 1 } else { physical_cores() });
    let countable = |count| (1..=1 << 30).contains(&count);
    ensure!(countable(cells), "cannot remember {cells} tokens: at least 1, at most 2^30");
    ensure!(countable(batch), "cannot evaluate {batch} tokens in one decode: at least 1, at most 2^30");
    ensure!((1..=MOST_THREADS).contains(&threads), "cannot compute with {threads} threads: at least 1, at most {MOST_THREADS}");
    ensure!((1..=MOST_BRANCHES).contains(&branches), "cannot keep {branches} branches: at least 1, at most {MOST_BRANCHES}");
    ensure!(
        !values.is_quantised() || flash_attention != FlashAttention::Off,
        "cannot quantise the remembered values without flash attention"
    );
    Ok(SessionSettings { cells, branches, batch: batch.min(cells), threads, flash_attention, keys, values })
}

/// The same in llama.cpp's words.
pub(super) fn parameters(settings: &SessionSettings) -> LlamaContextParams {
    let policy = match settings.flash_attention {
        FlashAttention::Auto => sys::LLAMA_FLASH_ATTN_TYPE_AUTO,
        FlashAttention::On => sys::LLAMA_FLASH_ATTN_TYPE_ENABLED,
        FlashAttention::Off => sys::LLAMA_FLASH_ATTN_TYPE_DISABLED,
    };
    // `resolve` has kept every count far below these types' ends.
    let number = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
    let threads = i32::try_from(settings.threads).unwrap_or(i32::MAX);
    LlamaContextParams::default()
        // llama.cpp keeps a row for every sequence and aborts where its batch, which is clamped to its context, has
        // no room for them. So both are at least `branches`; the session itself stays within `cells` and `batch`.
        .with_n_ctx(std::num::NonZeroU32::new(number(settings.cells.max(settings.branches))))
        .with_n_seq_max(number(settings.branches))
        .with_n_batch(number(settings.batch.max(settings.branches)))
        // One decode is one pass over the weights: a smaller physical batch would split the candidates of one step.
        .with_n_ubatch(number(settings.batch))
        .with_n_threads(threads)
        .with_n_threads_batch(threads)
        .with_flash_attention_policy(policy)
        .with_type_k(named(settings.keys))
        .with_type_v(named(settings.values))
        // One buffer for all branches: only then is a fork a note in a table, and not a copy.
        .with_kv_unified(true)
        // A sliding window's own small cache holds the window of every branch and no more; cells that forks share
        // do not slide out of it, so it can be full while `room` still counts free cells. At full size it never is.
        .with_swa_full(true)
        .with_no_perf(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(options: &SessionOptions) -> String {
        resolve(options, 1).unwrap_err().to_string()
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
        assert!(resolve(&keys, 1).is_ok());
    }

    #[test]
    fn small_models_run_on_one_thread_and_a_batch_fits_the_memory() {
        let options = SessionOptions { cells: 100, batch: 128, ..SessionOptions::default() };
        let settings = resolve(&options, SMALL - 1).unwrap();
        assert_eq!((settings.threads, settings.batch), (1, 100));
        assert_eq!(resolve(&options, SMALL).unwrap().threads, physical_cores());
        let asked = SessionOptions { threads: Some(3), ..options };
        assert_eq!(resolve(&asked, 1).unwrap().threads, 3);
    }
}
