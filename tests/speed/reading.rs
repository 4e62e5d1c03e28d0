//! How fast given texts are scored, beside llama.cpp's own reading of the same tokens in the same run.
//!
//! Theirs evaluates each text as a prompt, with a row of logits for every token, as who wants to score it needs them, and looks at none
//! of them. What it takes with a row for the last token alone is told as well: with a large vocabulary the rows are most of the work,
//! and who only goes on from a prompt does without them.

use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use afterword::bench::median;
use afterword::catalog::Machine;
use afterword::chat::InProcess;
use afterword::decode::Cancel;
use afterword::engine::{BATCH, Engine, EngineOptions, Passage};
use afterword::model::{GpuLayers, Token};
use llama_cpp_2::context::LlamaContext;
use llama_cpp_2::context::params::LlamaContextParams;
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::llama_batch::LlamaBatch;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::token::LlamaToken;

/// What scoring must reach of their reading.
const LEAST: f64 = 0.8;

const TURNS: usize = 3;

/// Texts, and the letters of each: about a story of 150 words, which every model has room for, even letter by letter.
const TEXTS: usize = 12;
const LETTERS: usize = 900;

/// Prose that is at hand.
const PROSE: &str = include_str!("../../src/architecture.md");

/// Reads the same texts in both ways, in turns, and prints tokens a second and the ratio.
pub fn measure(name: &str, path: &Path) {
    let threads = std::num::NonZeroUsize::new(1);
    let options = EngineOptions { threads, gpu_layers: GpuLayers::Fixed(0), ..EngineOptions::new(path) };
    let engine = Engine::open(options, Machine::default(), Arc::new(InProcess), |_| true).unwrap();
    let letters: Vec<char> = PROSE.chars().collect();
    let texts: Vec<String> = letters.chunks(LETTERS).take(TEXTS).map(|text| text.iter().collect()).collect();
    let passages: Vec<Passage> = texts.iter().map(|text| engine.passage("", text).unwrap()).collect();
    let tokens: Vec<Vec<Token>> = texts.iter().map(|text| engine.tokens(text).unwrap()).collect();
    let count: usize = tokens.iter().map(Vec::len).sum();

    // The engine has started it, and it is never stopped.
    let backend = std::mem::ManuallyDrop::new(LlamaBackend {});
    let parameters = LlamaModelParams::default().with_n_gpu_layers(0);
    let model = LlamaModel::load_from_file(&backend, path, &parameters).unwrap();
    let batch = u32::try_from(BATCH).unwrap();
    let parameters = LlamaContextParams::default()
        .with_n_ctx(NonZeroU32::new(2048))
        .with_n_batch(batch)
        .with_n_ubatch(batch)
        .with_n_threads(1)
        .with_n_threads_batch(1);
    let mut context = model.new_context(&backend, parameters).unwrap();
    let [mut own, mut all, mut last] = [(); 3].map(|()| Vec::new());
    for _ in 0..TURNS {
        let began = Instant::now();
        let scored = engine.score(&passages, &mut |_, _| ControlFlow::Continue(()), &Cancel::new()).unwrap();
        std::hint::black_box(scored);
        own.push(began.elapsed().as_secs_f64());
        for (times, every) in [(&mut all, true), (&mut last, false)] {
            let began = Instant::now();
            for text in &tokens {
                read(&mut context, text, every);
            }
            times.push(began.elapsed().as_secs_f64());
        }
    }
    let [own, all, last] = [own, all, last].map(|times| count as f64 / median(times).unwrap());
    let holds = if own / all >= LEAST { "holds" } else { "MISSED" };
    println!("{name}: {TEXTS} texts, {count} tokens, 1 thread, medians of {TURNS}, in tokens/s");
    println!("{holds:<7} scored {own:.1}; llama.cpp reads {all:.1} with all rows: {:.2} of it, at least {LEAST}", own / all);
    println!("        with the last row alone it reads {last:.1}: {:.2} of it", own / last);
}

/// Reads a text in parts, with rows for every token or for the last one of each part alone, and forgets it.
fn read(context: &mut LlamaContext, text: &[Token], every: bool) {
    context.clear_kv_cache();
    let mut batch = LlamaBatch::new(BATCH, 1);
    let mut at = 0;
    for part in text.chunks(BATCH) {
        batch.clear();
        for (place, &token) in part.iter().enumerate() {
            let token = LlamaToken(i32::try_from(token).unwrap());
            batch.add(token, at, &[0], every || place + 1 == part.len()).unwrap();
            at += 1;
        }
        context.decode(&mut batch).unwrap();
        // Where it computes beside us, it is done when a row is there.
        std::hint::black_box(context.get_logits_ith(batch.n_tokens() - 1));
    }
}
