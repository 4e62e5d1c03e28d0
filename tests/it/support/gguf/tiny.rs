//! Tiny models of several families with random weights: they say nothing, and compute all that a large one does.

use super::{Gguf, Tensor, Value};

/// A way of computing. The sizes are those of a toy; the graph is llama.cpp's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Family {
    /// Attention over the whole text.
    Llama,
    /// The same with eight experts in place of the feed-forward layer, two used for each token.
    Mixture,
    /// Attention with biases.
    Qwen2,
    /// Attention with normalised queries and keys.
    Qwen3,
    /// Five of six layers look back over 8 tokens only.
    Gemma3,
    /// One state of fixed size instead of attention.
    Mamba,
    /// Short convolutions and attention in turn.
    Lfm2,
    /// Learned positions, norms with a mean and biases, and queries, keys and values out of one matrix.
    Gpt2,
}

impl Family {
    pub const ALL: [Self; 8] =
        [Self::Llama, Self::Mixture, Self::Qwen2, Self::Qwen3, Self::Gemma3, Self::Mamba, Self::Lfm2, Self::Gpt2];

    fn architecture(self) -> &'static str {
        match self {
            Self::Llama | Self::Mixture => "llama",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
            Self::Gemma3 => "gemma3",
            Self::Mamba => "mamba",
            Self::Lfm2 => "lfm2",
            Self::Gpt2 => "gpt2",
        }
    }

    fn layers(self) -> usize {
        match self {
            Self::Llama | Self::Mixture | Self::Qwen2 | Self::Qwen3 | Self::Mamba | Self::Gpt2 => 2,
            Self::Lfm2 => 4,
            // The pattern of its windows has a period of 6.
            Self::Gemma3 => 6,
        }
    }
}

const CONTEXT: usize = 4096;
const EMBEDDING: usize = 32;
const HEADS: usize = 4;
const KEY_HEADS: usize = 2;
const HEAD: usize = EMBEDDING / HEADS;
const KEYS: usize = KEY_HEADS * HEAD;
const FEED_FORWARD: usize = 64;
const EXPERTS: usize = 8;
const INNER: usize = 2 * EMBEDDING;
const STATE: usize = 4;
const RANK: usize = 2;
const CONVOLUTION: usize = 4;

/// A model of this family whose weights are a function of the seed.
pub fn tiny(family: Family, seed: u64) -> Gguf {
    let mut model = Tiny { file: Gguf::default(), random: SplitMix(seed) };
    let tokens = vocabulary(&mut model.file);
    model.describe(family);
    model.matrix("token_embd.weight", &[EMBEDDING, tokens]);
    model.matrix("output.weight", &[EMBEDDING, tokens]);
    // In lfm2 the norm before the output has, by an old mistake, the name of one after the embedding.
    model.norm(if family == Family::Lfm2 { "token_embd_norm.weight" } else { "output_norm.weight" }, EMBEDDING);
    if family == Family::Gpt2 {
        model.matrix("position_embd.weight", &[EMBEDDING, CONTEXT]);
        model.matrix("output_norm.bias", &[EMBEDDING]);
    }
    for layer in 0..family.layers() {
        model.layer(family, layer);
    }
    model.file
}

/// Writes a vocabulary of the `SentencePiece` kind and returns its size: unknown, begin, end, all bytes, a token of each
/// further type, and some pieces that merge into words.
fn vocabulary(file: &mut Gguf) -> usize {
    // Types: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.
    let mut tokens: Vec<(String, i32)> = vec![("<unk>".into(), 2), ("<s>".into(), 3), ("</s>".into(), 3)];
    tokens.extend((0..=255).map(|byte| (format!("<0x{byte:02X}>"), 6)));
    tokens.extend([("<mark>".into(), 4), ("<spare>".into(), 5), ("<forbidden>".into(), 1)]);
    let forbidden = i32::try_from(tokens.len() - 1).unwrap();
    let pieces = ["▁", "▁t", "▁th", "▁the", "▁o", "▁on", "▁onc", "▁once", "in", "ing"].map(String::from);
    let letters = ('a'..='z').map(String::from);
    tokens.extend(pieces.into_iter().chain(letters).map(|piece| (piece, 1)));

    let size = tokens.len();
    // A longer piece wins over its parts.
    let scores = tokens.iter().map(|(piece, _)| piece.chars().count() as f32 - 10.0).collect();
    let (pieces, types) = tokens.into_iter().unzip();
    file.set("tokenizer.ggml.model", Value::Text("llama".into()));
    file.set("tokenizer.ggml.tokens", Value::Texts(pieces));
    file.set("tokenizer.ggml.scores", Value::F32s(scores));
    file.set("tokenizer.ggml.token_type", Value::I32s(types));
    file.set("tokenizer.ggml.bos_token_id", Value::U32(1));
    file.set("tokenizer.ggml.eos_token_id", Value::U32(2));
    file.set("tokenizer.ggml.unknown_token_id", Value::U32(0));
    file.set("tokenizer.ggml.add_bos_token", Value::Bool(true));
    file.set("tokenizer.ggml.suppress_tokens", Value::I32s(vec![forbidden]));
    size
}

struct Tiny {
    file: Gguf,
    random: SplitMix,
}

impl Tiny {
    fn describe(&mut self, family: Family) {
        let name = family.architecture();
        let mut say = |key: &str, value: Value| self.file.set(&key.replace('$', name), value);
        let number = |count: usize| Value::U32(u32::try_from(count).unwrap());
        say("general.architecture", Value::Text(name.into()));
        say("general.name", Value::Text(format!("Tiny {family:?}")));
        say("general.file_type", number(0));
        say("$.context_length", number(CONTEXT));
        say("$.embedding_length", number(EMBEDDING));
        say("$.block_count", number(family.layers()));
        say("$.feed_forward_length", number(FEED_FORWARD));
        let norm = if family == Family::Gpt2 { "$.attention.layer_norm_epsilon" } else { "$.attention.layer_norm_rms_epsilon" };
        say(norm, Value::F32(1e-5));
        if family != Family::Mamba {
            say("$.attention.head_count", number(HEADS));
        }
        if !matches!(family, Family::Mamba | Family::Gpt2) {
            say("$.attention.head_count_kv", number(KEY_HEADS));
        }
        match family {
            Family::Llama | Family::Qwen2 | Family::Qwen3 | Family::Gpt2 => {}
            Family::Mixture => {
                say("$.expert_count", number(EXPERTS));
                say("$.expert_used_count", number(2));
            }
            Family::Gemma3 => say("$.attention.sliding_window", number(8)),
            Family::Mamba => {
                say("$.feed_forward_length", number(0));
                say("$.ssm.conv_kernel", number(CONVOLUTION));
                say("$.ssm.inner_size", number(INNER));
                say("$.ssm.state_size", number(STATE));
                say("$.ssm.time_step_rank", number(RANK));
            }
            Family::Lfm2 => {
                // A layer without key heads is a convolution.
                let heads = (0..family.layers()).map(|layer| if layer % 2 == 0 { 0 } else { 2 });
                say("$.attention.head_count_kv", Value::U32s(heads.collect()));
                say("$.shortconv.l_cache", number(3));
            }
        }
    }

    fn layer(&mut self, family: Family, layer: usize) {
        let name = |part: &str| format!("blk.{layer}.{part}");
        self.norm(&name("attn_norm.weight"), EMBEDDING);
        if family == Family::Mamba {
            return self.state_space(layer);
        }
        if family == Family::Gpt2 {
            return self.fused(layer);
        }
        if family == Family::Lfm2 && layer.is_multiple_of(2) {
            self.matrix(&name("shortconv.conv.weight"), &[3, EMBEDDING]);
            self.matrix(&name("shortconv.in_proj.weight"), &[EMBEDDING, 3 * EMBEDDING]);
            self.matrix(&name("shortconv.out_proj.weight"), &[EMBEDDING, EMBEDDING]);
        } else {
            self.matrix(&name("attn_q.weight"), &[EMBEDDING, EMBEDDING]);
            self.matrix(&name("attn_k.weight"), &[EMBEDDING, KEYS]);
            self.matrix(&name("attn_v.weight"), &[EMBEDDING, KEYS]);
            self.matrix(&name("attn_output.weight"), &[EMBEDDING, EMBEDDING]);
            if family == Family::Qwen2 {
                self.matrix(&name("attn_q.bias"), &[EMBEDDING]);
                self.matrix(&name("attn_k.bias"), &[KEYS]);
                self.matrix(&name("attn_v.bias"), &[KEYS]);
            }
            if matches!(family, Family::Qwen3 | Family::Gemma3 | Family::Lfm2) {
                self.norm(&name("attn_q_norm.weight"), HEAD);
                self.norm(&name("attn_k_norm.weight"), HEAD);
            }
        }
        self.norm(&name("ffn_norm.weight"), EMBEDDING);
        if family == Family::Gemma3 {
            self.norm(&name("post_attention_norm.weight"), EMBEDDING);
            self.norm(&name("post_ffw_norm.weight"), EMBEDDING);
        }
        if family == Family::Mixture {
            self.matrix(&name("ffn_gate_inp.weight"), &[EMBEDDING, EXPERTS]);
            self.matrix(&name("ffn_gate_exps.weight"), &[EMBEDDING, FEED_FORWARD, EXPERTS]);
            self.matrix(&name("ffn_up_exps.weight"), &[EMBEDDING, FEED_FORWARD, EXPERTS]);
            self.matrix(&name("ffn_down_exps.weight"), &[FEED_FORWARD, EMBEDDING, EXPERTS]);
        } else {
            self.matrix(&name("ffn_gate.weight"), &[EMBEDDING, FEED_FORWARD]);
            self.matrix(&name("ffn_up.weight"), &[EMBEDDING, FEED_FORWARD]);
            self.matrix(&name("ffn_down.weight"), &[FEED_FORWARD, EMBEDDING]);
        }
    }

    fn fused(&mut self, layer: usize) {
        let name = |part: &str| format!("blk.{layer}.{part}");
        self.norm(&name("ffn_norm.weight"), EMBEDDING);
        for (part, from, to) in [
            ("attn_qkv", EMBEDDING, 3 * EMBEDDING),
            ("attn_output", EMBEDDING, EMBEDDING),
            ("ffn_up", EMBEDDING, FEED_FORWARD),
            ("ffn_down", FEED_FORWARD, EMBEDDING),
        ] {
            self.matrix(&name(&format!("{part}.weight")), &[from, to]);
            self.matrix(&name(&format!("{part}.bias")), &[to]);
        }
        self.matrix(&name("attn_norm.bias"), &[EMBEDDING]);
        self.matrix(&name("ffn_norm.bias"), &[EMBEDDING]);
    }

    fn state_space(&mut self, layer: usize) {
        let name = |part: &str| format!("blk.{layer}.{part}");
        self.matrix(&name("ssm_in.weight"), &[EMBEDDING, 2 * INNER]);
        self.matrix(&name("ssm_conv1d.weight"), &[CONVOLUTION, INNER]);
        self.matrix(&name("ssm_conv1d.bias"), &[INNER]);
        self.matrix(&name("ssm_x.weight"), &[INNER, RANK + 2 * STATE]);
        self.matrix(&name("ssm_dt.weight"), &[RANK, INNER]);
        self.matrix(&name("ssm_dt.bias"), &[INNER]);
        // The state decays: its rate is negative.
        self.around(&name("ssm_a"), &[STATE, INNER], -1.0, 0.5);
        self.norm(&name("ssm_d"), INNER);
        self.matrix(&name("ssm_out.weight"), &[INNER, EMBEDDING]);
    }

    /// Weights around 0, so small that a product keeps the size of its input.
    fn matrix(&mut self, name: &str, shape: &[usize]) {
        let width = (3.0 / shape[0] as f32).sqrt();
        self.around(name, shape, 0.0, width);
    }

    /// Weights around 1.
    fn norm(&mut self, name: &str, size: usize) {
        self.around(name, &[size], 1.0, 0.2);
    }

    fn around(&mut self, name: &str, shape: &[usize], centre: f32, width: f32) {
        let data = (0..shape.iter().product()).map(|_| centre + width * self.random.symmetric()).collect();
        self.file.tensors.push(Tensor { name: name.into(), shape: shape.to_vec(), data });
    }
}

/// `SplitMix64` (Steele, Lea, Flood 2014): a counter through a mixing function.
struct SplitMix(u64);

impl SplitMix {
    /// Even in [−1, 1).
    fn symmetric(&mut self) -> f32 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        // 24 bits: exact in a float.
        let unit = (mixed >> 40) as f32 / 16_777_216.0;
        2.0 * unit - 1.0
    }
}
