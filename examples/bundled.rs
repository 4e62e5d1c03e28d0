//! Tells a story with the model that comes with the program, and shows where its α stood.
//!
//! `cargo run --release --example bundled`

#![allow(clippy::print_stdout)]

use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;

use afterword::decode::{Cancel, Ended, Observer, Plan, Stories, Told, drive, each};
use afterword::llama::Weights;
use afterword::model::{LoadOptions, SessionOptions};
use afterword::preset::{Folders, find};
use afterword::sampler::Sampler;

/// Prints the story as it comes, and keeps α of every token.
#[derive(Default)]
struct Listener {
    alphas: Vec<f64>,
}

impl Observer for Listener {
    fn told(&mut self, _: usize, told: &Told) -> ControlFlow<()> {
        self.alphas.extend(told.draw.alpha);
        print!("{}", told.text);
        // Where nobody reads any more the story ends.
        if std::io::stdout().flush().is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    fn ended(&mut self, _: usize, ended: Ended) {
        println!("{}\n\n{:?}, {:?}", ended.rest, ended.completion.stop, ended.completion.counts);
    }
}

fn main() -> anyhow::Result<()> {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/fable-3m-q8_0.gguf");
    let weights = Weights::load(&model, &LoadOptions::default(), |_| true)?;
    let preset = find("wave", &Folders::default())?;
    let sampler = Sampler::new(preset.chain, preset.pick);

    let prompt = "Once upon a time";
    let plan = Plan::new(sampler, weights.tokenize(prompt, true, false)?, 7, 60);
    // A memory with just the room that this story can come to need.
    let (cells, branches) = Stories::room_for(std::slice::from_ref(&plan), 1);
    let options = SessionOptions { cells, branches, batch: 128, threads: Some(1), ..SessionOptions::default() };
    let mut session = weights.session(&options)?;

    print!("{prompt}");
    let mut listener = Listener::default();
    drive(&mut Stories::new(&mut session, 1), 1, &mut each([plan]), &mut listener, &Cancel::new());
    // From −1, the model's own voice, to +1, the most open future.
    let bar = |alpha: &f64| "▁▂▃▄▅▆▇█".chars().zip(0_u8..).take_while(|(_, at)| f64::from(*at) <= (alpha + 1.0) * 3.5).last();
    println!("α {}", listener.alphas.iter().filter_map(bar).map(|(bar, _)| bar).collect::<String>());
    Ok(())
}
