//! What each layer of a model weighs, and what it remembers of a text.

use crate::gguf::{Header, Tensor};

/// A layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Layer {
    /// Its weights in bytes.
    pub weights: u64,
    /// How many numbers its keys of one token have; 0 where it does not look back by attention.
    pub keys: u64,
    /// The same of its values.
    pub values: u64,
    /// The numbers, of 32 bits each, of the state of fixed size that it keeps of a text instead.
    pub state: u64,
}

impl Layer {
    /// What it remembers of a text: a measure by which a cache is divided among layers.
    #[must_use]
    pub fn remembered(&self) -> u64 {
        self.keys.saturating_add(self.values).saturating_add(self.state)
    }
}

/// The layers of a model.
///
/// What a layer remembers is read off its tensors, whose shapes hold in every family: the keys of one token are what the
/// matrix `attn_k` gives. Only where keys and values come out of a matrix with others do heads and sizes tell.
pub(super) fn layers(header: &Header, architecture: &str, tensors: &[&Tensor], count: usize) -> Vec<Layer> {
    let own = |key: &str| format!("{architecture}.{key}");
    let mut layers = vec![Layer::default(); count];
    let mut fused = vec![false; count];
    let mut recurrent = vec![false; count];
    for tensor in tensors {
        let Some((number, part)) = tensor.name.strip_prefix("blk.").and_then(|name| name.split_once('.')) else { continue };
        let Some(at) = number.parse().ok().filter(|&at: &usize| at < count) else { continue };
        let layer = &mut layers[at];
        layer.weights += tensor.bytes;
        let rows = tensor.shape.get(1).copied().unwrap_or(1);
        match part {
            // In the second, one compressed row stands for all keys and values.
            "attn_k.weight" | "attn_kv_a_mqa.weight" => layer.keys = rows,
            "attn_v.weight" => layer.values = rows,
            "attn_qkv.weight" => fused[at] = true,
            _ => {}
        }
        recurrent[at] |= ["ssm_", "shortconv.", "time_mix_"].iter().any(|family| part.starts_with(family));
    }
    let embedding = header.whole(&own("embedding_length")).unwrap_or(0);
    let heads = header.largest(&own("attention.head_count")).unwrap_or(0);
    let kv_heads = header.largest(&own("attention.head_count_kv")).unwrap_or(heads);
    let size = |key: &str| header.whole(&own(key)).or(embedding.checked_div(heads)).unwrap_or(0);
    let shared = header.whole(&own("attention.shared_kv_layers")).unwrap_or(0);
    let first_shared = count.saturating_sub(usize::try_from(shared).unwrap_or(count));
    let state = state(header, &own, embedding);
    for (at, layer) in layers.iter_mut().enumerate() {
        if fused[at] && !recurrent[at] {
            layer.keys = kv_heads.saturating_mul(size("attention.key_length"));
            layer.values = kv_heads.saturating_mul(size("attention.value_length"));
        } else if layer.keys > 0 && layer.values == 0 {
            layer.values = layer.keys;
        }
        if recurrent[at] {
            layer.state = state;
        }
        // Such layers read what an earlier one remembers.
        if shared > 0 && at >= first_shared {
            (layer.keys, layer.values) = (0, 0);
        }
    }
    layers
}

/// The numbers of a recurrent layer's state, as llama.cpp keeps it for each branch: what a convolution looks back over, and the
/// state proper.
fn state(header: &Header, own: &impl Fn(&str) -> String, embedding: u64) -> u64 {
    let number = |key: &str| header.whole(&own(key)).unwrap_or(0);
    let (inner, size) = (number("ssm.inner_size"), number("ssm.state_size"));
    let head = number("wkv.head_size");
    if head > 0 {
        let shifts = header.whole(&own("token_shift_count")).unwrap_or(2);
        return embedding.saturating_mul(shifts.saturating_add(head));
    }
    let back = number("shortconv.l_cache");
    if back > 0 {
        return embedding.saturating_mul(back - 1);
    }
    let back = number("ssm.conv_kernel").saturating_sub(1);
    let convolved = inner.saturating_add(number("ssm.group_count").saturating_mul(size).saturating_mul(2));
    back.saturating_mul(convolved).saturating_add(size.saturating_mul(inner))
}
