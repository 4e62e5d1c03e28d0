//! A random model large enough that a token takes some ten milliseconds on two cores: its time goes into the weights.

use super::gguf::{Gguf, Tensor, Value};

const VOCABULARY: usize = 32_000;
const WIDTH: usize = 512;
const LAYERS: usize = 12;
const HEADS: usize = 8;
const FEED_FORWARD: usize = 1408;

/// A model of the family of llama with 32-bit weights.
pub fn large() -> Gguf {
    let mut file = Gguf::default();
    let number = |count: usize| Value::U32(u32::try_from(count).unwrap());
    for (key, value) in [
        ("general.architecture", Value::Text("llama".into())),
        ("general.name", Value::Text("Random".into())),
        ("general.file_type", number(0)),
        ("llama.context_length", number(4096)),
        ("llama.embedding_length", number(WIDTH)),
        ("llama.block_count", number(LAYERS)),
        ("llama.feed_forward_length", number(FEED_FORWARD)),
        ("llama.attention.layer_norm_rms_epsilon", Value::F32(1e-5)),
        ("llama.attention.head_count", number(HEADS)),
        ("llama.attention.head_count_kv", number(HEADS)),
    ] {
        file.set(key, value);
    }
    vocabulary(&mut file);

    let mut state = 1_u64;
    let mut add = |name: String, shape: &[usize], centre: f32, width: f32| {
        let weight = |_| centre + width * symmetric(&mut state);
        let data = (0..shape.iter().product()).map(weight).collect();
        file.tensors.push(Tensor { name, shape: shape.to_vec(), data });
    };
    // So wide that a product keeps the size of its input.
    let keeping = |inputs: usize| (3.0 / inputs as f32).sqrt();
    add("token_embd.weight".into(), &[WIDTH, VOCABULARY], 0.0, 1.0);
    // Logits spread by about 4 nats: a row has some likely tokens and many that are not, as a real one has.
    add("output.weight".into(), &[WIDTH, VOCABULARY], 0.0, 4.0 * keeping(WIDTH));
    add("output_norm.weight".into(), &[WIDTH], 1.0, 0.0);
    for layer in 0..LAYERS {
        let name = |part: &str| format!("blk.{layer}.{part}.weight");
        add(name("attn_norm"), &[WIDTH], 1.0, 0.0);
        add(name("ffn_norm"), &[WIDTH], 1.0, 0.0);
        for part in ["attn_q", "attn_k", "attn_v", "attn_output"] {
            add(name(part), &[WIDTH, WIDTH], 0.0, keeping(WIDTH));
        }
        add(name("ffn_gate"), &[WIDTH, FEED_FORWARD], 0.0, keeping(WIDTH));
        add(name("ffn_up"), &[WIDTH, FEED_FORWARD], 0.0, keeping(WIDTH));
        add(name("ffn_down"), &[FEED_FORWARD, WIDTH], 0.0, keeping(FEED_FORWARD));
    }
    file
}

/// Words in alphabetical disorder.
fn vocabulary(file: &mut Gguf) {
    // Types: 1 normal, 2 unknown, 3 control, 6 byte.
    let mut tokens: Vec<(String, i32)> = vec![("<unk>".into(), 2), ("<s>".into(), 3), ("</s>".into(), 3)];
    tokens.extend((0..=255).map(|byte| (format!("<0x{byte:02X}>"), 6)));
    tokens.extend((tokens.len()..VOCABULARY).map(|number| (format!("▁word{number}"), 1)));
    let (pieces, types): (Vec<String>, Vec<i32>) = tokens.into_iter().unzip();
    file.set("tokenizer.ggml.model", Value::Text("llama".into()));
    file.set("tokenizer.ggml.scores", Value::F32s(vec![0.0; pieces.len()]));
    file.set("tokenizer.ggml.tokens", Value::Texts(pieces));
    file.set("tokenizer.ggml.token_type", Value::I32s(types));
    file.set("tokenizer.ggml.bos_token_id", Value::U32(1));
    file.set("tokenizer.ggml.eos_token_id", Value::U32(2));
    file.set("tokenizer.ggml.unknown_token_id", Value::U32(0));
}

/// Even in [−1, 1): the upper bits of a linear congruential generator (Knuth's MMIX).
fn symmetric(state: &mut u64) -> f32 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    // 24 bits: exact in a float.
    let unit = (*state >> 40) as f32 / 16_777_216.0;
    2.0 * unit - 1.0
}
