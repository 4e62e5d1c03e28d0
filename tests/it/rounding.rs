//! How far apart equal computations are: the same text, decoded in other parts, or remembered in another form.
//!
//! A model of 32-bit floats says the same to four digits. A quantised one rounds what goes through it to eight bits at every
//! matrix; so the last bits of a sum decide about roundings, and every layer makes more of them: see the README's limits.

use std::path::Path;

use crate::support::gguf::{Family, tiny};
use afterword::llama::Weights;
use afterword::model::{Branch, CacheType, FlashAttention, From, LoadOptions, Model, Rows, SessionOptions, Step};
use afterword::prob::{Partition, Token, top};

/// A way to read a text.
#[derive(Debug, Clone, Copy)]
struct Way {
    /// Tokens in one decode.
    chunk: usize,
    /// Whether others are read behind every token and forgotten, so that the text lies scattered in the memory.
    forks: bool,
    cache: CacheType,
    flash: FlashAttention,
}

/// What `afterword write` does.
const USUAL: Way = Way { chunk: 1, forks: false, cache: CacheType::F16, flash: FlashAttention::Auto };

const EXACT: Way = Way { cache: CacheType::F32, flash: FlashAttention::Off, ..USUAL };

/// The row behind every token of a text.
fn rows(weights: &Weights, text: &[Token], way: Way, hear: &mut dyn FnMut(usize, &[f32])) {
    let options = SessionOptions {
        cells: text.len() + 8,
        branches: 4,
        batch: text.len(),
        threads: Some(1),
        flash_attention: way.flash,
        keys: way.cache,
        values: way.cache,
    };
    let mut session = weights.session(&options).unwrap();
    let mut trunk: Option<Branch> = None;
    for (number, tokens) in text.chunks(way.chunk).enumerate() {
        // Every second token goes into the gap that the one before it left.
        let forked = way.forks && number % 2 == 1;
        if let (true, Some(parent)) = (forked, trunk) {
            // Another token first, and behind it the text's own, which goes on from there.
            let other = [(tokens[0] + 1) % 100 + 3];
            let step = Step { from: From::Fork(parent), tokens: &other, rows: Rows::Last };
            let lost = session.extend(&[step], &mut |_, _, _| ()).unwrap()[0];
            let step = Step { from: From::Fork(parent), tokens, rows: Rows::All };
            let own = session.extend(&[step], &mut |_, at, row| hear(number * way.chunk + at, row)).unwrap()[0];
            session.release(lost);
            session.release(parent);
            trunk = Some(own);
        }
        if !forked {
            let step = Step { from: trunk.map_or(From::Root, From::Move), tokens, rows: Rows::All };
            let grown = session.extend(&[step], &mut |_, at, row| hear(number * way.chunk + at, row)).unwrap();
            trunk = Some(grown[0]);
        }
    }
}

/// |Δ ln p| of the 20 likeliest tokens of every row: the mean, and the largest.
fn apart(weights: &Weights, text: &[Token], one: Way, other: Way) -> (f64, f64) {
    let mut kept: Vec<Vec<(Token, f64)>> = vec![Vec::new(); text.len()];
    rows(weights, text, one, &mut |at, row| {
        let partition = Partition::of(row).unwrap();
        kept[at] = top(row, 20).iter().map(|ranked| (ranked.token, partition.log_p(ranked.logit))).collect();
    });
    let (mut sum, mut most, mut count) = (0.0, 0.0_f64, 0_u32);
    rows(weights, text, other, &mut |at, row| {
        let partition = Partition::of(row).unwrap();
        for &(token, log_p) in &kept[at] {
            let difference = (partition.log_p(row[token as usize]) - log_p).abs();
            (sum, most, count) = (sum + difference, most.max(difference), count + 1);
        }
    });
    (sum / f64::from(count), most)
}

/// Ways that compute the same, each with a name, beside the one that they are compared with.
fn ways() -> [(&'static str, Way, Way); 8] {
    let whole = |way| Way { chunk: usize::MAX, ..way };
    [
        ("the same again", USUAL, USUAL),
        ("scattered by forks", USUAL, Way { forks: true, ..USUAL }),
        ("in decodes of 8", USUAL, Way { chunk: 8, ..USUAL }),
        ("all in one decode", USUAL, whole(USUAL)),
        // Flash attention reads a memory of 32 bits as one of 16.
        ("memory of 32 bits", USUAL, Way { cache: CacheType::F32, ..USUAL }),
        ("no flash attention", USUAL, Way { flash: FlashAttention::Off, ..USUAL }),
        ("32 bits and no flash attention", USUAL, EXACT),
        ("both so, all in one decode", EXACT, whole(EXACT)),
    ]
}

#[test]
fn a_model_of_floats_says_the_same_however_its_text_is_decoded() {
    let text: Vec<Token> = (0..120).map(|at| 3 + at * 37 % 250).collect();
    for family in [Family::Gemma3, Family::Llama] {
        let file = tiny(family, 7).write();
        let weights = Weights::load(&file, &LoadOptions::default(), |_| true).unwrap();
        for (name, one, other) in ways() {
            let (mean, most) = apart(&weights, &text, one, other);
            // A memory of halves, and flash attention over it, round to three digits; nothing else rounds at all.
            let bound = if one.cache == CacheType::F32 { 1e-4 } else { 2e-2 };
            assert!(mean <= bound && most <= 10.0 * bound, "{family:?}, {name}: {mean:.1e}, at most {most:.1e}");
        }
    }
}

/// `AFTERWORD_MODEL=model.gguf cargo test --release --test it rounding -- --ignored --nocapture`
#[test]
#[ignore = "measures the model that the environment names"]
fn how_far_apart_a_real_models_computations_are() {
    let path = std::env::var_os("AFTERWORD_MODEL").expect("the environment names a model: AFTERWORD_MODEL=model.gguf");
    let weights = Weights::load(Path::new(&path), &LoadOptions::default(), |_| true).unwrap();
    let prompt = "Nobody in the village had ever seen the sea, until the morning it came to them. It came in the night, without a \
                  sound, and when the baker opened her door at four o'clock there it lay, grey and patient, a hand's breadth below \
                  the step. She did what she had always done with strangers: she asked it what it wanted, and whether it had \
                  eaten. The sea said nothing. Far out, where yesterday there had been barley, something turned over in its sleep.";
    let text = weights.tokenize(prompt, true, false).unwrap();
    println!("{}, {} tokens", Path::new(&path).display(), text.len());
    for (name, one, other) in ways() {
        let (mean, most) = apart(&weights, &text, one, other);
        println!("{name:<40} {mean:.4}, at most {most:.2}");
    }
}
