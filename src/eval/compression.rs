//! Compression: what is said twice costs nothing, wherever it stands. For copies and loops; people and models lie close together here.

use std::io::Write;

use anyhow::{Context, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use zstd::zstd_safe::CParameter;

/// The level of zstd.
pub const ZSTD_LEVEL: i32 = 19;

/// The level of gzip.
pub const GZIP_LEVEL: u32 = 9;

/// The largest window of zstd that every decoder takes unasked for: 2²⁷ bytes.
const WIDEST: u32 = 27;

/// What stands between two stories.
const SEPARATOR: &str = "\n\n";

/// How stories compress: CR = bytes / bytes compressed. Higher is more redundant; it rises with length and number.
///
/// Source: Shaib et al. 2024, arXiv 2403.00553.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ratio {
    /// With zstd, whose window holds all of the stories.
    pub zstd: f64,
    /// With gzip, which sees 32 KiB back and is what others report.
    pub gzip: f64,
}

/// The compression ratios of these stories, joined.
///
/// # Errors
/// A compressor that fails, for want of memory.
pub fn ratio(stories: &[&str]) -> Result<Ratio> {
    let joined = stories.join(SEPARATOR);
    let bytes = joined.len() as f64;
    Ok(Ratio { zstd: bytes / zstd(joined.as_bytes())? as f64, gzip: bytes / gzip(joined.as_bytes())? as f64 })
}

/// The base-2 logarithm of a window that holds so many bytes.
fn window(bytes: usize) -> u32 {
    bytes.max(2).next_power_of_two().ilog2().clamp(20, WIDEST)
}

fn zstd(bytes: &[u8]) -> Result<usize> {
    let mut compressor = zstd::bulk::Compressor::new(ZSTD_LEVEL).context("cannot begin to compress")?;
    let mut set = |parameter| compressor.set_parameter(parameter).context("cannot set how to compress");
    set(CParameter::WindowLog(window(bytes.len())))?;
    set(CParameter::EnableLongDistanceMatching(true))?;
    Ok(compressor.compress(bytes).context("cannot compress the stories")?.len())
}

fn gzip(bytes: &[u8]) -> Result<usize> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL));
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .map(|compressed| compressed.len())
        .context("cannot compress the stories")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prob::Noise;

    /// Words that were never said before.
    fn noise(seed: u64, words: u32) -> String {
        let noise = Noise::new(seed, &[]).at(0, 0);
        (0..words).map(|word| format!("{:x}", noise.bits(word) >> 40)).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_copy_further_back_than_32_kib_is_seen_by_zstd_and_not_by_gzip() {
        let texts = [noise(1, 8000), noise(2, 8000)];
        let once: Vec<&str> = texts.iter().map(String::as_str).collect();
        let twice: Vec<&str> = once.iter().chain(&once).copied().collect();
        let (once, twice) = (ratio(&once).unwrap(), ratio(&twice).unwrap());
        assert!(twice.zstd > 1.9 * once.zstd, "{once:?} {twice:?}");
        assert!(twice.gzip < 1.05 * once.gzip, "{once:?} {twice:?}");
    }

    #[test]
    fn the_window_holds_all_of_the_stories() {
        assert_eq!([1, 1 << 20, (1 << 23) + 1, 5 << 20, usize::MAX >> 1].map(window), [20, 20, 24, 23, 27]);
    }

    #[test]
    fn loops_and_templates_compress_further_than_stories() {
        let story = noise(3, 400);
        let plain = ratio(&[&story]).unwrap();
        let half = &story[..story.len() / 8];
        assert!(ratio(&[&half.repeat(8)]).unwrap().zstd > 3.0 * plain.zstd);
        assert!(ratio(&[story.as_str(); 10]).unwrap().zstd > 8.0 * plain.zstd);
    }
}
