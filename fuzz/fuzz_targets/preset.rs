//! `cargo +nightly fuzz run preset`

#![no_main]
#![allow(dead_code)] // The other targets.

#[path = "../targets.rs"]
mod targets;

libfuzzer_sys::fuzz_target!(|text: &str| targets::preset(text));
