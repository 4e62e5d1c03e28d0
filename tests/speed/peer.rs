//! Whole chains at a large vocabulary, beside llama.cpp's own in the same run: from a row of logits to a drawn token.
//!
//! Theirs begins as `llama_sampler_sample` does, with a list of all tokens, and ends with its own draw.

use std::time::Instant;

use afterword::bench::median;
use afterword::prob::{Noise, Token};
use afterword::sampler::{Ask, BoundSampler, Chain, Memory, Pick, Sampler};
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::token::data::LlamaTokenData;
use llama_cpp_2::token::data_array::LlamaTokenDataArray;

use super::row::{VOCABULARY, lexicon, row};

/// Draws of each, in turns.
const DRAWS: usize = 200;

/// Times chains of ours and theirs in turns and prints the ratio of their medians.
pub fn measure() {
    let mut backend = LlamaBackend::init().unwrap();
    backend.void_logs();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/models/fable-3m-q8_0.gguf");
    let model = LlamaModel::load_from_file(&backend, path, &LlamaModelParams::default()).unwrap();
    let lexicon = lexicon(VOCABULARY);
    let rows: Vec<Vec<f32>> = (0..8).map(|seed| row(seed, VOCABULARY)).collect();
    let size = i32::try_from(VOCABULARY).unwrap();
    let dry = || LlamaSampler::dry(&model, 0.8, 1.75, 2, 1024, ["\n", ":", "\"", "*"]);
    println!("\na draw from {VOCABULARY} logits beside llama.cpp's chain: medians of {DRAWS} in ms");
    let chains: [(&[&str], Vec<LlamaSampler>); 7] = [
        (
            &["dry = { multiplier = 0.8 }", "min-p = 0.02", "xtc = { probability = 0.5, threshold = 0.1 }", "temperature = 1"],
            vec![dry(), LlamaSampler::min_p(0.02, 1), LlamaSampler::xtc(0.5, 0.1, 1, 1), LlamaSampler::temp(1.0)],
        ),
        (
            &["penalties = { repeat = 1.1 }", "top-k = 40", "top-p = 0.95", "min-p = 0.05", "temperature = 0.8"],
            vec![
                LlamaSampler::penalties(size, 64, 1.1, 0.0, 0.0),
                LlamaSampler::top_k(40),
                LlamaSampler::top_p(0.95, 1),
                LlamaSampler::min_p(0.05, 1),
                LlamaSampler::temp(0.8),
            ],
        ),
        (&["temperature = 0.8"], vec![LlamaSampler::temp(0.8)]),
        (&["top-p = 0.95"], vec![LlamaSampler::top_p(0.95, 1)]),
        (&["top-n-sigma = 1"], vec![LlamaSampler::top_n_sigma(1.0)]),
        (&["typical = 0.95"], vec![LlamaSampler::typical(0.95, 1)]),
        (&["mirostat = { tau = 5 }"], vec![LlamaSampler::mirostat_v2(1, 5.0, 0.1)]),
    ];
    for (ours, theirs) in chains {
        let stages = ours.iter().map(|stage| toml::from_str(stage).unwrap()).collect();
        let sampler = Sampler::new(Chain::new(stages).unwrap(), Pick::Sample).bind(&lexicon).unwrap();
        let draws = !ours.iter().any(|stage| stage.starts_with("mirostat"));
        let theirs = theirs.into_iter().chain(draws.then(|| LlamaSampler::dist(1)));
        let (own, peer) = times(&sampler, LlamaSampler::chain_simple(theirs), &rows);
        let holds = if own <= peer { "holds" } else { "MISSED" };
        println!("{holds:<7} {own:.3}, llama.cpp {peer:.3}, {:.2} times as fast: {}", peer / own, ours.join(", "));
    }
}

/// The median times of a draw, ours and theirs, in ms. Both remember the same text.
fn times(sampler: &BoundSampler, mut theirs: LlamaSampler, rows: &[Vec<f32>]) -> (f64, f64) {
    let prompt: Vec<Token> = (0..1000).map(|i| i % 700).collect();
    theirs.accept_many(prompt.iter().map(|&token| LlamaToken(i32::try_from(token).unwrap())));
    let mut memory = Memory::of_prompt(&prompt);
    let mut data = Vec::with_capacity(VOCABULARY as usize);
    let (mut own, mut peer) = (Vec::new(), Vec::new());
    for row in rows.iter().cycle().take(DRAWS) {
        let began = Instant::now();
        let mut turn = sampler.turn(&memory, row, Noise::new(1, &[])).unwrap();
        let Ask::Take(draw) = turn.ask() else { unreachable!("a plain chain looks at nothing") };
        memory = memory.after(&draw);
        own.push(1e3 * began.elapsed().as_secs_f64());

        let began = Instant::now();
        data.clear();
        data.extend((0..).zip(row).map(|(id, &logit)| LlamaTokenData::new(LlamaToken(id), logit, 0.0)));
        let mut array = LlamaTokenDataArray::new(data, false);
        array.apply_sampler(&mut theirs);
        let token = array.selected_token().unwrap();
        theirs.accept(token);
        data = array.data;
        peer.push(1e3 * began.elapsed().as_secs_f64());
    }
    (median(own).unwrap(), median(peer).unwrap())
}
