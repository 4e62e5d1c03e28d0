//! Drives one turn by hand: the sampler asks, a model answers, and the sampler takes a token.
//!
//! `cargo run --no-default-features --example turn`

#![allow(clippy::print_stdout)]

mod language;

use afterword::model::{From, Model, Rows, Step};
use afterword::prob::Noise;
use afterword::sampler::{Ask, Chain, Memory, Pick, Sampler, Stage};
use language::{toy, word};

fn main() -> anyhow::Result<()> {
    let mut toy = toy();
    let prompt = [word("The")];

    // Reading the prompt makes a branch, and hands out the row of logits behind it.
    let mut row = Vec::new();
    let step = Step { from: From::Root, tokens: &prompt, rows: Rows::Last };
    let mut trunk = toy.extend(&[step], &mut |_, _, logits| row = logits.to_vec())?[0];

    // A chain of two stages; each is written as a preset writes it.
    let stages = ["min-p = 0.05", "future = { candidates = 6, entropy-top = 6, alpha = 0 }"];
    let stages = stages.into_iter().map(toml::from_str::<Stage>).collect::<Result<_, _>>()?;
    // Bound to a vocabulary it takes turns.
    let lexicon = toy.lexicon().clone();
    let sampler = Sampler::new(Chain::new(stages)?, Pick::Sample).bind(&lexicon)?;

    // The turn is a function of what is known: the text so far, the row, and noise that is keyed by the seed.
    let mut turn = sampler.turn(&Memory::of_prompt(&prompt), &row, Noise::new(2, &prompt))?;
    let mut looked = Vec::new();
    let draw = loop {
        match turn.ask() {
            Ask::Take(draw) => break draw,
            // The first path is the most urgent one. It is looked at in a fork, and may decide the rest.
            Ask::Look(paths) => {
                let path = &paths[0];
                let step = Step { from: From::Fork(trunk), tokens: &path.0, rows: Rows::Last };
                let mut behind = Vec::new();
                let fork = toy.extend(&[step], &mut |_, _, logits| behind = logits.to_vec())?[0];
                println!("looks behind `{}` ({} could still win)", lexicon.show(path.0[0]), paths.len());
                turn.learn(path, &behind);
                looked.push((path.clone(), fork));
            }
        }
    };
    println!("takes `{}`; {} tokens were evaluated", lexicon.show(draw.token), toy.evaluations);

    // The chosen fork becomes the trunk: what it has read is not read again. The others are forgotten.
    for (path, fork) in looked {
        let unused = if path.0 == [draw.token] { std::mem::replace(&mut trunk, fork) } else { fork };
        toy.release(unused);
    }
    println!("one branch is left: {}", toy.living() == 1);
    Ok(())
}
