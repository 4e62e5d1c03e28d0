//! The estimate of memory against what llama.cpp takes, by its own account in its log.
//!
//! In a process of its own: there is one listener to that log, and whatever else loads a model would be heard as well.

#![cfg(feature = "llama")]
// What helps a test may fail as a test does; and only the C function can set another listener to llama.cpp's log.
#![allow(clippy::unwrap_used, unsafe_code)]

#[path = "it/support/gguf/mod.rs"]
mod gguf;

use std::ffi::{CStr, c_char, c_void};
use std::path::Path;
use std::sync::Mutex;

use afterword::catalog::{ModelCard, Need, Wish};
use afterword::llama::{Weights, devices};
use afterword::model::{CacheType, FlashAttention, LoadOptions, SessionOptions};
use gguf::{Family, tiny};
use llama_cpp_sys_2 as sys;

static LOG: Mutex<String> = Mutex::new(String::new());

unsafe extern "C" fn keep(_: sys::ggml_log_level, text: *const c_char, _: *mut c_void) {
    // SAFETY: llama.cpp passes a terminated string that lives during the call.
    let text = unsafe { CStr::from_ptr(text) };
    LOG.lock().unwrap().push_str(&text.to_string_lossy());
}

/// Bytes of the buffers whose line in the log holds this.
fn taken(log: &str, what: &str) -> f64 {
    let lines = log.lines().filter(|line| line.contains(what) && line.contains(" = ") && line.ends_with("MiB"));
    let number = |line: &str| line.rsplit_once("= ").unwrap().1.trim().trim_end_matches("MiB").trim().parse::<f64>().unwrap();
    lines.map(number).sum::<f64>() * f64::from(1 << 20)
}

/// What the estimate says and what is taken, for cache and for computing.
fn compare(path: &Path, options: &SessionOptions) -> ([f64; 2], [f64; 2]) {
    devices().unwrap();
    // SAFETY: `keep` matches the callback's signature, needs no user data, and never panics while the lock is free.
    unsafe { sys::llama_log_set(Some(keep), std::ptr::null_mut()) };
    let card = ModelCard::read(path).unwrap();
    let wish = Wish {
        cells: options.cells as u64,
        branches: options.branches as u64,
        stories: 1,
        batch: options.batch as u64,
        keys: options.keys,
        values: options.values,
        flash_attention: options.flash_attention != FlashAttention::Off,
    };
    let need = Need::of(&card, &wish);
    let weights = Weights::load(path, &LoadOptions::default(), |_| true).unwrap();
    assert_eq!(need.weights, weights.size());
    LOG.lock().unwrap().clear();
    drop(weights.session(options).unwrap());
    let log = LOG.lock().unwrap().clone();
    let cache = taken(&log, "KV buffer size") + taken(&log, "RS buffer size");
    let compute = taken(&log, "compute buffer size") + taken(&log, "output buffer size");
    ([need.cache as f64, need.compute as f64], [cache, compute])
}

#[test]
fn the_estimate_is_what_llama_cpp_takes() {
    let bundled = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/fable-3m-q8_0.gguf");
    let usual = |cells, branches| SessionOptions { cells, branches, batch: 256, ..SessionOptions::default() };
    let off = FlashAttention::Off;
    let eight = CacheType::Q8_0;
    for options in [
        usual(300, 2),
        usual(1024, 2),
        usual(1024, 9),
        usual(8192, 32),
        SessionOptions { flash_attention: off, ..usual(1024, 2) },
        SessionOptions { keys: eight, values: eight, ..usual(1024, 2) },
    ] {
        near(&bundled, &options);
    }
    for family in Family::ALL {
        near(&tiny(family, 7).write(), &usual(4096, 8));
    }
}

fn near(path: &Path, options: &SessionOptions) {
    let (said, taken) = compare(path, options);
    for (said, taken) in said.into_iter().zip(taken).filter(|(_, taken)| *taken > 0.0) {
        let far = (said / taken - 1.0).abs();
        assert!(far <= 0.25, "{} with {options:?}: {said} of {taken}", path.display());
    }
}
