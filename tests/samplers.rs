//! Our stages beside llama.cpp's own, on the same rows: the same tokens survive, with the same probabilities to 1e-5.
//!
//! They count in 32 bits, we in 64; so rows are short, and no boundary falls between the two by chance. Where a rule itself
//! differs, the test says so under its name.
//!
//! In a process of its own: it starts llama.cpp itself, which may be done once in a process.

#![cfg(feature = "llama")]
// What helps a test may fail as a test does; adaptive-p is not wrapped, and its one sampler is called by hand.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_possible_wrap,
    clippy::cast_sign_loss,
    unsafe_code
)]

use afterword::prob::{Bias, Candidates, Noise, Probability, Sigmas, Temperature, Token};
use afterword::sampler::{AdaptiveP, Apply, Dry, DynamicTemperature, Mirostat, OpenWord, Penalties, TopNSigma, Typical, Xtc};
use llama_cpp_2::llama_backend::LlamaBackend;
use llama_cpp_2::model::LlamaModel;
use llama_cpp_2::model::params::LlamaModelParams;
use llama_cpp_2::sampling::LlamaSampler;
use llama_cpp_2::token::LlamaToken;
use llama_cpp_2::token::data::LlamaTokenData;
use llama_cpp_2::token::data_array::LlamaTokenDataArray;
use llama_cpp_2::token::logit_bias::LlamaLogitBias;

const V: Token = 300;

/// Rows of different sharpness, with some tokens that have no mass at all.
fn rows() -> impl Iterator<Item = Vec<f32>> {
    (0..60).map(|seed: u64| {
        let noise = Noise::new(seed, &[]).at(0, 0);
        let spread = [0.3, 1.0, 2.0, 4.0][seed as usize % 4];
        let logit = |token| if noise.uniform(token) < 0.1 { f32::NEG_INFINITY } else { (spread * noise.gumbel(token)) as f32 };
        (0..V).map(logit).collect()
    })
}

fn share(x: f64) -> Probability {
    Probability::new(x).unwrap()
}

fn array(row: &[f32]) -> LlamaTokenDataArray {
    let data = row.iter().enumerate().filter(|(_, logit)| logit.is_finite());
    LlamaTokenDataArray::new(data.map(|(id, &logit)| LlamaTokenData::new(LlamaToken(id as i32), logit, 0.0)).collect(), false)
}

/// Tokens and their probabilities, which are the softmax of the logits.
fn told(logits: impl Iterator<Item = (Token, f64)>) -> Vec<(Token, f64)> {
    let mut logits: Vec<(Token, f64)> = logits.filter(|(_, logit)| *logit > f64::NEG_INFINITY).collect();
    logits.sort_by_key(|(token, _)| *token);
    let max = logits.iter().map(|(_, logit)| *logit).fold(f64::NEG_INFINITY, f64::max);
    let z: f64 = logits.iter().map(|(_, logit)| (logit - max).exp()).sum();
    logits.into_iter().map(|(token, logit)| (token, (logit - max).exp() / z)).collect()
}

fn of_array(array: &LlamaTokenDataArray) -> Vec<(Token, f64)> {
    told(array.data.iter().map(|data| (data.id().0 as Token, f64::from(data.logit()))))
}

fn of_survivors(candidates: &Candidates) -> Vec<(Token, f64)> {
    told(candidates.iter().map(|candidate| (candidate.token, candidate.logit)))
}

fn agree(ours: &[(Token, f64)], theirs: &[(Token, f64)], what: &str) {
    let tokens = |all: &[(Token, f64)]| all.iter().map(|(token, _)| *token).collect::<Vec<_>>();
    assert_eq!(tokens(ours), tokens(theirs), "{what}");
    for ((token, p), (_, q)) in ours.iter().zip(theirs) {
        assert!((p - q).abs() < 1e-5, "{what}: token {token} has {p}, and {q} with llama.cpp");
    }
}

/// Both on every row.
fn same(what: &str, mut theirs: LlamaSampler, ours: impl Fn(&mut Candidates)) {
    for (at, row) in rows().enumerate() {
        let mut array = array(&row);
        array.apply_sampler(&mut theirs);
        let mut candidates = Candidates::of(&row, |_| true).unwrap();
        ours(&mut candidates);
        agree(&of_survivors(&candidates), &of_array(&array), &format!("{what}, row {at}"));
    }
}

#[test]
fn truncations_agree() {
    for k in [1, 2, 40, 1000] {
        same(&format!("top-k {k}"), LlamaSampler::top_k(k), |s| s.top_k(k as usize));
    }
    for p in [0.05, 0.3, 0.95, 0.999] {
        same(&format!("top-p {p}"), LlamaSampler::top_p(p as f32, 1), |s| s.top_p(share(p)));
        same(&format!("typical {p}"), LlamaSampler::typical(p as f32, 1), |s| Typical(share(p)).apply(s));
    }
    for p in [0.02, 0.1, 0.5, 1.0] {
        same(&format!("min-p {p}"), LlamaSampler::min_p(p as f32, 1), |s| s.min_p(share(p)));
    }
    // They leave what is cut in the list at −∞; it has no mass there either.
    for n in [0.5, 1.0, 2.5] {
        same(&format!("top-nσ {n}"), LlamaSampler::top_n_sigma(n as f32), |s| TopNSigma(Sigmas::new(n).unwrap()).apply(s));
    }
}

#[test]
fn temperatures_agree() {
    for t in [0.0, 0.3, 1.0, 1.7] {
        same(&format!("temperature {t}"), LlamaSampler::temp(t as f32), |s| s.temperature(Temperature::new(t).unwrap()));
    }
    // They write T and a range to either side. Tokens at −∞ count as candidates there, and not here; there are none in the array.
    for (t, range, exponent, low, high) in [(1.0, 0.5, 1.0, 0.5, 1.5), (0.5, 1.0, 2.0, 0.0, 1.5)] {
        let dynamic: DynamicTemperature =
            toml::from_str(&format!("low = {low:?}\nhigh = {high:?}\nexponent = {exponent:?}")).unwrap();
        let theirs = LlamaSampler::temp_ext(t, range, exponent);
        same("dynamic temperature", theirs, |s| dynamic.apply(s));
    }
}

#[test]
fn xtc_agrees_where_its_coin_always_falls() {
    let xtc = |threshold| Xtc { probability: share(1.0), threshold: share(threshold) };
    // Their coin is another one, so it falls at every token here; and they protect no end and no line break.
    for t in [0.02, 0.1, 0.3, 0.5] {
        same(&format!("xtc {t}"), LlamaSampler::xtc(1.0, t as f32, 1, 7), |s| xtc(t).apply(s));
    }
    same("xtc above a half", LlamaSampler::xtc(1.0, 0.51, 1, 7), |s| xtc(0.51).apply(s));
    same("xtc never", LlamaSampler::xtc(0.0, 0.1, 1, 7), |_| ());
}

#[test]
fn penalties_and_biases_agree() {
    // They count every token as said, ends of a text and marks of a template too; in this text there is none.
    let text: Vec<Token> = (0..200).map(|i| (i * i) % 61).collect();
    for (repeat, frequency, presence, last) in [(1.3, 0.0, 0.0, 64), (1.0, 0.2, -0.5, 100), (0.8, -0.1, 0.7, 7)] {
        let written = format!("repeat = {repeat:?}\nfrequency = {frequency:?}\npresence = {presence:?}\nlast = {last}");
        let penalties: Penalties = toml::from_str(&written).unwrap();
        let theirs = LlamaSampler::penalties(V as i32, last, repeat as f32, frequency as f32, presence as f32);
        let theirs = theirs.with_tokens(text.iter().map(|&token| LlamaToken(token as i32)));
        same(&written, theirs, |s| penalties.punish(s, &penalties.counts(&text, |_| true)));
    }
    let biases = [(3, 1.5), (5, -2.0), (200, 8.0)];
    let theirs = LlamaSampler::logit_bias(V as i32, &biases.map(|(token, bias)| LlamaLogitBias::new(LlamaToken(token), bias)));
    same("bias", theirs, |s| s.penalise(biases.map(|(token, bias)| (token as Token, -Bias::new(bias.into()).unwrap().get()))));
}

#[test]
fn mirostat_cuts_and_learns_alike() {
    // They draw with another generator: what they drew is what both learn from.
    let mirostat: Mirostat = toml::from_str("tau = 2.0\neta = 0.3").unwrap();
    let mut theirs = LlamaSampler::mirostat_v2(3, 2.0, 0.3);
    let mut mu = mirostat.begin();
    let mut cut = 0;
    for (at, row) in rows().enumerate() {
        let mut array = array(&row);
        let whole = array.data.len();
        array.apply_sampler(&mut theirs);
        let drawn = array.selected_token().unwrap();
        let mut candidates = Candidates::of(&row, |_| true).unwrap();
        mirostat.cut(&mut candidates, mu);
        agree(&of_survivors(&candidates), &of_array(&array), &format!("row {at}, μ = {mu}"));
        mu = mirostat.follow(mu, candidates.log_p(drawn.0 as Token).unwrap());
        cut += usize::from(candidates.len() < whole);
    }
    assert!(cut > 30, "only {cut} rows were cut");
}

#[test]
fn adaptive_p_weighs_and_learns_alike() {
    let adaptive: AdaptiveP = toml::from_str("target = 0.3\ndecay = 0.8").unwrap();
    let mut average = adaptive.begin();
    // SAFETY: the sampler is made, used on an array that outlives each call, and freed, here and once.
    let theirs = unsafe { llama_cpp_sys_2::llama_sampler_init_adaptive_p(0.3, 0.8, 5) };
    for (at, row) in rows().enumerate() {
        let mut candidates = Candidates::of(&row, |_| true).unwrap();
        let list = candidates.iter();
        let mut data: Vec<llama_cpp_sys_2::llama_token_data> = list
            .map(|candidate| llama_cpp_sys_2::llama_token_data {
                id: candidate.token as i32,
                logit: candidate.logit as f32,
                p: 0.0,
            })
            .collect();
        let mut array =
            llama_cpp_sys_2::llama_token_data_array { data: data.as_mut_ptr(), size: data.len(), selected: -1, sorted: false };
        // SAFETY: as above.
        unsafe { llama_cpp_sys_2::llama_sampler_apply(theirs, &raw mut array) };
        let drawn = data[usize::try_from(array.selected).unwrap()].id;
        // SAFETY: as above.
        unsafe { llama_cpp_sys_2::llama_sampler_accept(theirs, drawn) };

        let found = candidates.clone();
        adaptive.weigh(&mut candidates, average);
        let weighed = told(data.iter().map(|data| (data.id as Token, f64::from(data.logit))));
        agree(&of_survivors(&candidates), &weighed, &format!("row {at}, average {average}"));
        average = adaptive.follow(average, found.log_p(drawn as Token).unwrap());
    }
    // SAFETY: as above.
    unsafe { llama_cpp_sys_2::llama_sampler_free(theirs) };
}

#[test]
fn dry_agrees_but_for_what_a_breaker_is() {
    let mut backend = LlamaBackend::init().unwrap();
    backend.void_logs();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/models/fable-3m-q8_0.gguf");
    let model = LlamaModel::load_from_file(&backend, path, &LlamaModelParams::default()).unwrap();
    // No breaker: they accept none, so a byte that no text of ours has stands for it.
    let dry = |last: usize, allowed: usize| -> Dry {
        toml::from_str(&format!(
            "multiplier = 0.8\nbase = 1.75\nlast = {last}\nallowed-length = {allowed}\nbreakers = []\nat = 'token'"
        ))
        .unwrap()
    };
    let mut punished = 0;
    for seed in 0..40 {
        let noise = Noise::new(seed, &[]).at(0, 0);
        // Of few different tokens, so that much is repeated; above 260 there are whole words, and no break among them.
        let text: Vec<Token> = (0..150).map(|at| 280 + (noise.uniform(at) * 4.0) as Token).collect();
        for (last, allowed) in [(1024, 2), (60, 1), (100, 4)] {
            let dry = dry(last, allowed);
            let theirs = LlamaSampler::dry(&model, 0.8, 1.75, allowed as i32, last as i32, ["\u{1}"]);
            let mut theirs = theirs.with_tokens(text.iter().map(|&token| LlamaToken(token as i32)));
            let row = vec![0.0; V as usize];
            let mut array = array(&row);
            array.apply_sampler(&mut theirs);
            let mut candidates = Candidates::of(&row, |_| true).unwrap();
            let penalties = dry.penalties(&text, |_| false, &OpenWord { length: 0, continues: |_| true });
            punished += penalties.len();
            candidates.penalise(penalties);
            agree(&of_survivors(&candidates), &of_array(&array), &format!("text {seed}, last {last}, allowed {allowed}"));
        }
    }
    assert!(punished > 200, "only {punished} penalties");
    // The known differences: a token that is itself a breaker is punished there where it followed a match, and never here; nor
    // is one that ends the text or stands between turns. And theirs is the rule `at = "token"`, not the usual one of ours.
}
