//! What it takes to look for what is not to be said, a token.

use std::sync::Arc;
use std::time::Instant;

use afterword::bans::{Bans, Matcher, Watch};
use afterword::bench::median;
use afterword::prob::Noise;

/// What it may take, in milliseconds.
const MOST: f64 = 0.02;

/// Words of which texts and phrases are made.
const WORDS: u32 = 2_000;

/// Tokens of a text, and how many are timed together: the clock is coarser than one.
const TOKENS: u32 = 20_000;
const TOGETHER: usize = 100;

/// Candidates' likeliest tokens, at each of which a look asks whether something would be complete.
const LIKELIEST: u32 = 20;

/// Times texts of the very words that phrases begin with, and prints what a token takes and what a candidate's row does.
pub fn measure() {
    println!("\nwhat is not to be said: medians in ms, of a token that is heard and of a candidate that is looked at");
    let patterns = vec!["not (just|only) [^.!?\n]{3,60} but".to_owned(), "eyes (sparkl|gleam)(ed|ing)".to_owned()];
    for (count, patterns) in [(50, Vec::new()), (5_000, Vec::new()), (5_000, patterns)] {
        let noise = Noise::new(1, &[]);
        let word = |at: usize| format!("w{}", pick(noise, at, WORDS));
        let phrases = (0..count).map(|phrase| [0, 1, 2].map(|at| word(3 * phrase + at)).join(" ")).collect();
        let what = format!("{count} phrases, {} patterns", patterns.len());
        let matcher = Arc::new(Matcher::new(Bans { phrases, patterns, ..Bans::default() }).unwrap());
        let (heard, looked) = times(&matcher);
        let holds = if heard <= MOST { "holds" } else { "MISSED" };
        println!("{holds:<7} a token {heard:.5}, at most {MOST}; a candidate {looked:.4}: {what}");
    }
}

/// Medians in milliseconds: of a token that is heard, with the copy that is kept of what was known before it, and of a candidate that is
/// looked at.
fn times(matcher: &Arc<Matcher>) -> (f64, f64) {
    let noise = Noise::new(2, &[]);
    let text: Vec<String> = (0..TOKENS as usize).map(|at| format!(" w{}", pick(noise, at, WORDS))).collect();
    let mut watch = Watch::new(Arc::clone(matcher));
    let (mut heard, mut looked) = (Vec::new(), Vec::new());
    for pieces in text.chunks(TOGETHER) {
        let began = Instant::now();
        for piece in pieces {
            std::hint::black_box(watch.clone());
            std::hint::black_box(watch.push(piece.as_bytes()));
        }
        heard.push(1e3 * began.elapsed().as_secs_f64() / pieces.len() as f64);
        let began = Instant::now();
        for piece in &pieces[..LIKELIEST as usize] {
            std::hint::black_box(watch.would_complete(piece.as_bytes()));
        }
        looked.push(1e3 * began.elapsed().as_secs_f64());
    }
    (median(heard).unwrap(), median(looked).unwrap())
}

/// A number below this one, another at every place.
fn pick(noise: Noise, at: usize, below: u32) -> u32 {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is at least 0 and below the other")]
    let number = (noise.at(at, 0).uniform(0) * f64::from(below)) as u32;
    number.min(below - 1)
}
