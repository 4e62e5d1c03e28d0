//! Forks a model's memory behind every candidate, measures how open the future is there, and weighs it against p.
//!
//! `cargo run --no-default-features --example fork`

#![allow(clippy::print_stdout)]

mod language;

use afterword::model::{Model, Origin, Rows, Step};
use afterword::prob::{Ceiling, Partition, Token, normalised_entropy, top};
use afterword::sampler::Weighing;
use anyhow::Context;
use language::{toy, word};

/// Ĥ is measured over so many of the likeliest tokens.
const ENTROPY_TOP: usize = 6;

fn main() -> anyhow::Result<()> {
    let mut toy = toy();
    let mut row = Vec::new();
    let step = Step { from: Origin::Root, tokens: &[word("The")], rows: Rows::Last };
    let trunk = toy.extend(&[step], &mut |_, _, logits| row = logits.to_vec())?[0];

    // All candidates are forks of one memory, evaluated in one decode.
    let candidates: Vec<Token> = top(&row, 3).iter().map(|ranked| ranked.token).collect();
    let steps: Vec<Step> = candidates
        .iter()
        .map(|token| Step { from: Origin::Fork(trunk), tokens: std::slice::from_ref(token), rows: Rows::Last })
        .collect();
    let mut futures = Vec::new();
    toy.extend(&steps, &mut |_, _, logits| {
        let likeliest = top(logits, ENTROPY_TOP);
        futures.push(normalised_entropy(likeliest.iter().map(|ranked| f64::from(ranked.logit)), ENTROPY_TOP));
    })?;

    // s = p^a · Ĥ^b; at α = 0 both count in full.
    let weighing = Weighing { a: 1.0, b: 1.0, temperature: 1.0, ceiling: Ceiling::default() };
    let partition = Partition::of(&row).context("a row of numbers")?;
    println!("{:<8} {:>6} {:>6} {:>6}", "token", "p", "Ĥ", "s");
    for (&token, future) in candidates.iter().zip(futures) {
        let log_p = partition.log_p(row[token as usize]);
        let s = weighing.log_s(log_p, future, 0.0).exp();
        println!("{:<8} {:>6.3} {future:>6.3} {s:>6.3}", toy.vocabulary().show(token), log_p.exp());
    }
    println!("after the king nearly all is settled; after the wolf the story is open");
    Ok(())
}
