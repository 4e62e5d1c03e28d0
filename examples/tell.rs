//! Tells three stories at once with a toy model, a preset, and a listener.
//!
//! `cargo run --no-default-features --example tell`

#![allow(clippy::print_stdout)]

mod language;

use std::ops::ControlFlow;

use afterword::decode::{Cancel, Ended, Observer, Plan, Stories, Told, drive, each};
use afterword::preset;
use afterword::sampler::Sampler;
use language::{toy, word};

/// A preset as it stands in a file: no pair of words again and again, and of six candidates those that keep the story open.
const PRESET: &str = "
[[chain]]
dry = { multiplier = 3.0, base = 1.75, allowed-length = 1, last = 40, at = 'token' }
[[chain]]
future = { candidates = 6, entropy-top = 6, alpha = 0.0 }
[[chain]]
temperature = 0.8
";

/// Hears of each story by its number.
struct Listener;

impl Observer for Listener {
    /// Every token is heard when it is told, with all that was known when it was chosen.
    fn told(&mut self, story: usize, told: &Told) -> ControlFlow<()> {
        println!("{story}: {:<8} of {} candidates, ln p {:.2}", told.text, told.draw.candidates.len(), told.draw.log_p);
        ControlFlow::Continue(())
    }

    fn ended(&mut self, story: usize, ended: Ended) {
        let counts = ended.completion.counts;
        println!("{story}: The{}", ended.completion.text);
        println!("   {} tokens, {} evaluations: {:?}", counts.tokens, counts.evaluations, ended.completion.stop);
    }
}

fn main() -> anyhow::Result<()> {
    let preset = preset::parse(PRESET, "example")?;
    let sampler = Sampler::new(preset.chain, preset.pick);
    // One prompt and three seeds: the prompt is read once.
    let plans = (1..=3).map(|seed| Plan::new(sampler.clone(), vec![word("The")], seed, 20));
    let mut toy = toy();
    let mut stories = Stories::new(&mut toy, 1);
    drive(&mut stories, 3, &mut each(plans), &mut Listener, &Cancel::new());
    Ok(())
}
