//! Models that nobody made: tiny ones with some of their header changed, each a function of its number, so that a failure can be
//! looked at again.

use super::{Family, Gguf, Value, tiny};

/// Keys that llama.cpp reads beside those of the tiny models; `$` stands for the architecture.
const KEYS: [&str; 44] = [
    "general.alignment",
    "general.file_type",
    "general.type",
    "split.no",
    "split.count",
    "split.tensors.count",
    "tokenizer.chat_template",
    "tokenizer.ggml.pre",
    "tokenizer.ggml.merges",
    "tokenizer.ggml.precompiled_charsmap",
    "tokenizer.ggml.add_eos_token",
    "tokenizer.ggml.add_space_prefix",
    "tokenizer.ggml.remove_extra_whitespaces",
    "tokenizer.ggml.escape_whitespaces",
    "tokenizer.ggml.padding_token_id",
    "tokenizer.ggml.seperator_token_id",
    "tokenizer.ggml.eot_token_id",
    "tokenizer.ggml.eog_token_ids",
    "tokenizer.ggml.token_type_count",
    "$.vocab_size",
    "$.rope.dimension_count",
    "$.rope.freq_base",
    "$.rope.scaling.type",
    "$.rope.scaling.factor",
    "$.rope.scaling.original_context_length",
    "$.attention.key_length",
    "$.attention.value_length",
    "$.attention.head_count",
    "$.attention.head_count_kv",
    "$.attention.sliding_window",
    "$.attention.sliding_window_pattern",
    "$.attention.causal",
    "$.attention.scale",
    "$.attention.clamp_kqv",
    "$.attention.layer_norm_epsilon",
    "$.attention.layer_norm_rms_epsilon",
    "$.attention.shared_kv_layers",
    "$.attn_logit_softcapping",
    "$.expert_count",
    "$.expert_used_count",
    "$.expert_shared_count",
    "$.leading_dense_block_count",
    "$.nextn_predict_layers",
    "$.use_parallel_residual",
];

/// The kinds of vocabularies that llama.cpp knows, and some that it does not.
const TOKENIZERS: [&str; 12] =
    ["llama", "gpt2", "bert", "t5", "rwkv", "plamo2", "gemma4", "whitespace", "hybriddna", "none", "", "%s%n"];

/// The mutant of this number, and what was done to it.
pub fn mutant(number: u64) -> (Vec<u8>, String) {
    let family = Family::ALL[pick(number, 0, Family::ALL.len())];
    let (mut file, mut done) = (tiny(family, 7), vec![format!("{number}: {family:?}")]);
    for change in 0..=pick(number, 1, 3) as u64 {
        done.push(changed(&mut file, number, 16 * (change + 1)));
    }
    let mut bytes = file.bytes();
    if pick(number, 2, 3) == 0 {
        done.push(broken(&mut bytes, &file, number));
    }
    (bytes, done.join(", "))
}

/// Changes what the header says, and keeps it a header.
fn changed(file: &mut Gguf, number: u64, salt: u64) -> String {
    let pick = |more: u64, end: usize| pick(number, salt + more, end);
    let entry = pick(1, file.metadata.len());
    match pick(0, 9) {
        0 | 1 => {
            let (key, value) = &mut file.metadata[entry];
            *value = hostile(value, number.wrapping_add(salt));
            format!("{key} = {}", shown(value))
        }
        2 => {
            let (key, value) = &mut file.metadata[entry];
            *value = any(number, salt);
            format!("{key} = {}", shown(value))
        }
        3 => format!("without {}", file.metadata.remove(entry).0),
        4 => {
            let twin = file.metadata[entry].clone();
            file.metadata.push(twin);
            format!("{} twice", file.metadata[entry].0)
        }
        5 | 6 => {
            let family = file.metadata.iter().find_map(|(key, value)| match value {
                Value::Text(text) if key == "general.architecture" => Some(text.clone()),
                _ => None,
            });
            let key = KEYS[pick(2, KEYS.len())].replace('$', &family.unwrap_or_default());
            let value = any(number, salt);
            let said = format!("{key} = {}", shown(&value));
            file.set(&key, value);
            said
        }
        7 => {
            let kind = TOKENIZERS[pick(2, TOKENIZERS.len())];
            file.set("tokenizer.ggml.model", Value::Text(kind.into()));
            let said = vocabulary(file, number, salt);
            format!("a vocabulary of the kind `{kind}`, {said}")
        }
        _ => {
            let at = pick(2, file.tensors.len().max(1));
            let Some(tensor) = file.tensors.get_mut(at) else { return "nothing".to_owned() };
            let name = tensor.name.clone();
            match pick(3, 4) {
                0 => tensor.shape.reverse(),
                1 => tensor.data.fill([f32::NAN, f32::INFINITY, 1e38, 0.0][pick(4, 4)]),
                2 => tensor.name.insert(0, 'x'),
                _ => drop(file.tensors.remove(at)),
            }
            format!("the tensor {name}")
        }
    }
}

/// Changes the pieces of the vocabulary.
fn vocabulary(file: &mut Gguf, number: u64, salt: u64) -> String {
    let at = pick(number, salt + 3, 298);
    for (key, value) in &mut file.metadata {
        match (key.as_str(), value) {
            ("tokenizer.ggml.tokens", Value::Texts(texts)) => match pick(number, salt + 4, 6) {
                0 => texts.fill(String::new()),
                1 => texts.iter_mut().skip(at).for_each(String::clear),
                2 => texts.iter_mut().skip(at).take(1).for_each(|text| *text = "x".repeat(4096)),
                3 => texts.iter_mut().skip(at).take(1).for_each(|text| *text = "狼".repeat(30_000)),
                4 => texts.iter_mut().for_each(|text| text.insert(0, 'x')),
                _ => {}
            },
            ("tokenizer.ggml.token_type", Value::I32s(kinds)) => match pick(number, salt + 5, 4) {
                0 => kinds.fill(i32::try_from(pick(number, salt + 6, 9)).unwrap()),
                1 => kinds.iter_mut().skip(at).for_each(|kind| *kind = -1),
                _ => {}
            },
            _ => {}
        }
    }
    format!("changed from {at} on")
}

/// Changes bytes of the header, or cuts it off.
fn broken(bytes: &mut Vec<u8>, file: &Gguf, number: u64) -> String {
    let weights: usize = file.tensors.iter().map(|tensor| (4 * tensor.data.len()).next_multiple_of(32)).sum();
    let header = bytes.len().saturating_sub(weights).max(8);
    match pick(number, 3, 4) {
        0 => {
            let length = pick(number, 4, bytes.len());
            bytes.truncate(length);
            format!("cut off at {length}")
        }
        1 => {
            let at = pick(number, 4, header - 7);
            let count = [0, 1, 1 << 16, 1 << 31, 1 << 40, u64::MAX][pick(number, 5, 6)];
            bytes[at..at + 8].copy_from_slice(&count.to_le_bytes());
            format!("{count} at {at}")
        }
        _ => {
            let changes = 1 + pick(number, 4, 4) as u64;
            for change in 0..changes {
                let at = pick(number, 6 + 2 * change, header);
                bytes[at] = [0, 1, 0x7F, 0x80, 0xFF, 0x20][pick(number, 7 + 2 * change, 6)];
            }
            format!("{changes} bytes")
        }
    }
}

/// A value of any type.
fn any(number: u64, salt: u64) -> Value {
    let at = |more: u64, end: usize| pick(number, salt + 8 + more, end);
    let mixed = number.wrapping_mul(31).wrapping_add(salt);
    match at(0, 10) {
        0 => hostile(&Value::U16(0), mixed),
        1 => hostile(&Value::I32(0), mixed),
        2 | 3 => hostile(&Value::U32(0), mixed),
        4 => hostile(&Value::F32(0.0), mixed),
        5 => hostile(&Value::Bool(true), mixed),
        6 => Value::Text(["x".repeat(11_000), "{{ 1 }}".into(), "\u{1b}[2J".into(), "yarn".into()][at(1, 4)].clone()),
        7 => hostile(&Value::U32s(vec![0; [0, 1, 2, 300][at(1, 4)]]), mixed),
        8 => hostile(&Value::F32s(vec![0.0; [0, 1, 4, 300][at(1, 4)]]), mixed),
        _ => Value::Texts(vec![["", "a b", "x y z", "狼"][at(1, 4)].into(); [0, 1, 2, 300][at(2, 4)]]),
    }
}

/// A value of the same type that no model has.
pub fn hostile(value: &Value, number: u64) -> Value {
    const NUMBERS: [u32; 8] = [0, 1, 3, 255, 65_536, 1 << 24, 1 << 31, u32::MAX];
    const REALS: [f32; 6] = [0.0, -1.0, f32::NAN, f32::INFINITY, f32::MAX, f32::MIN_POSITIVE];
    let whole = NUMBERS[pick(number, 4, NUMBERS.len())];
    let real = REALS[pick(number, 5, REALS.len())];
    let cut = |length: usize| [0, 1, length / 2, length.saturating_sub(1), length][pick(number, 6, 5)];
    let signed = whole.cast_signed();
    match value {
        Value::U16(_) => Value::U16(u16::MAX),
        Value::I32(_) => Value::I32(signed),
        Value::U32(_) => Value::U32(whole),
        Value::F32(_) => Value::F32(real),
        Value::Bool(truth) => Value::Bool(!truth),
        Value::Text(_) => {
            Value::Text(["", "bert", "gpt2", "t5", "rwkv", "%s%n", "plamo2", "ünknown"][pick(number, 7, 8)].into())
        }
        Value::U32s(numbers) => Value::U32s(vec![whole; cut(numbers.len())]),
        Value::I32s(numbers) => Value::I32s(vec![signed; cut(numbers.len())]),
        Value::F32s(numbers) => Value::F32s(vec![real; cut(numbers.len())]),
        Value::Texts(texts) => Value::Texts(texts[..cut(texts.len()).min(texts.len())].to_vec()),
    }
}

fn shown(value: &Value) -> String {
    format!("{value:?}").chars().take(60).collect()
}

/// A number below `end`, by `SplitMix64` of two numbers.
pub fn pick(number: u64, salt: u64, end: usize) -> usize {
    let mut mixed = (number << 8 | salt).wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    usize::try_from((mixed ^ (mixed >> 31)) % end as u64).unwrap()
}
