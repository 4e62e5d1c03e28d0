//! Vocabularies of the size and the kinds of real ones: what is read comes out again, to the letter.

use std::collections::HashSet;
use std::process::Output;
use std::sync::OnceLock;

use crate::support::gguf::{Family, Gguf, Scratch, Value, tiny};
use crate::support::{Ends, afterword, err, out};
use afterword::llama::Weights;
use afterword::model::{Flow, Kind, LoadOptions, Telling, Token};

/// What stories are made of, and what is hard in it: marks that combine, characters of two to four bytes, several that are one
/// picture, scripts without spaces and from right to left, white space of all kinds, and words that look like control tokens.
const TEXTS: [&str; 14] = [
    "Once upon a time there was a wolf.",
    "🐺🌲👩‍👩‍👧‍👦🏳️‍🌈🇮🇸",
    "the 🐺 said: “…”",
    "狼と七匹の子山羊。昔々、ある森に",
    "늑대와 일곱 마리 아기 염소",
    "e\u{301}a\u{308}o\u{302}\u{323} naïve Größe żółć",
    "ก็มีหมาป่าตัวหนึ่ง",
    "एक समय की बात है",
    "كان يا ما كان",
    "𝔒𝔫𝔠𝔢 𐍈 𝄞",
    "  two  spaces\n\n\ta tab\r\nand a line ",
    "<|im_start|>user <s> </s> <0x41> [INST] <end>",
    "a\u{200b}b\u{feff}c\u{ad}d",
    "don't we’ll I'M 3,141.59 x²≠½",
];

const BEGIN: &str = "<|begin|>";
const CONTROL: &str = "<|im_start|>";
const ADDED: &str = "<quote>";

/// The letters in which GPT-2 writes bytes: those that can be seen stand for themselves, the others begin at 256. Source: the
/// encoder of GPT-2 (Radford et al. 2019).
fn letter(byte: u8) -> char {
    let seen = |byte: u8| matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
    if seen(byte) {
        return char::from(byte);
    }
    let hidden = (0..byte).filter(|&other| !seen(other)).count();
    char::from_u32(256 + u32::try_from(hidden).unwrap()).unwrap()
}

fn letters(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| letter(byte)).collect()
}

/// A byte-level vocabulary of 150,000 tokens with the merges that make them: all bytes, syllables of two to four letters with and
/// without a space before them, whole characters, and halves of characters.
fn byte_level() -> Gguf {
    let mut tokens: Vec<String> = (0..=255).map(|byte| letters(&[byte])).collect();
    let mut merges = Vec::new();
    let mut known: HashSet<String> = tokens.iter().cloned().collect();
    let mut merge = |tokens: &mut Vec<String>, one: &[u8], other: &[u8]| {
        let whole = letters(&[one, other].concat());
        if known.insert(whole.clone()) {
            merges.push(format!("{} {}", letters(one), letters(other)));
            tokens.push(whole);
        }
    };
    // Half a wolf and no more of it: the beginning of most pictures; the first two bytes of some signs, and all of others.
    for (one, other) in [("🐺", 1..2), ("狼", 1..2), ("子", 1..3), ("森", 1..3), ("é", 1..2), ("\u{301}", 1..2), ("늑", 1..2)]
    {
        let bytes = one.as_bytes();
        for at in other {
            merge(&mut tokens, &bytes[..at], &bytes[at..=at]);
        }
    }
    let alphabet: Vec<u8> = (b'a'..=b'z').collect();
    let pairs: Vec<Vec<u8>> = alphabet.iter().flat_map(|&one| alphabet.iter().map(move |&other| vec![one, other])).collect();
    for pair in &pairs {
        merge(&mut tokens, &pair[..1], &pair[1..]);
    }
    for &one in &alphabet {
        merge(&mut tokens, b" ", &[one]);
    }
    for pair in &pairs {
        merge(&mut tokens, &[b' ', pair[0]], &pair[1..]);
    }
    'full: for one in &pairs {
        for other in &pairs {
            if tokens.len() == 149_997 {
                break 'full;
            }
            merge(&mut tokens, one, other);
        }
    }
    let mut types = vec![1; tokens.len()];
    for (name, kind) in [(BEGIN, 3), (CONTROL, 3), (ADDED, 4)] {
        tokens.push(name.into());
        types.push(kind);
    }
    assert_eq!(tokens.len(), 150_000);
    let mut file = of_size(tokens.len());
    file.metadata.retain(|(key, _)| !key.starts_with("tokenizer."));
    file.set("tokenizer.ggml.model", Value::Text("gpt2".into()));
    file.set("tokenizer.ggml.pre", Value::Text("qwen2".into()));
    file.set("tokenizer.ggml.tokens", Value::Texts(tokens));
    file.set("tokenizer.ggml.token_type", Value::I32s(types));
    file.set("tokenizer.ggml.merges", Value::Texts(merges));
    file.set("tokenizer.ggml.bos_token_id", Value::U32(149_997));
    file.set("tokenizer.ggml.add_bos_token", Value::Bool(true));
    file
}

/// A `SentencePiece` vocabulary of 32,000 tokens: bytes for what has no piece, syllables, and some signs of other scripts.
fn sentence_piece() -> Gguf {
    let small = tiny(Family::Llama, 7);
    let get = |key: &str| small.metadata.iter().find(|(other, _)| other == key).unwrap().1.clone();
    let Value::Texts(mut tokens) = get("tokenizer.ggml.tokens") else { panic!("no tokens") };
    let Value::I32s(mut types) = get("tokenizer.ggml.token_type") else { panic!("no types") };
    let mut known: HashSet<String> = tokens.iter().cloned().collect();
    let syllables = (0..).map(|number: u32| {
        let letter = |place: u32| char::from(b'a' + u8::try_from(number / 26_u32.pow(place) % 26).unwrap());
        let space = if number < 26_u32.pow(3) { "▁" } else { "" };
        format!("{space}{}{}{}", letter(0), letter(1), letter(2))
    });
    let signs = ["狼", "と", "子", "🐺", "늑대", "é", "…", "”", "▁▁"].map(String::from);
    for token in signs.into_iter().chain(syllables.take(60_000)) {
        if tokens.len() < 32_000 && known.insert(token.clone()) {
            tokens.push(token);
            types.push(1);
        }
    }
    let mut file = of_size(tokens.len());
    let scores = tokens.iter().map(|piece| piece.chars().count() as f32 - 10.0).collect();
    file.set("tokenizer.ggml.tokens", Value::Texts(tokens));
    file.set("tokenizer.ggml.token_type", Value::I32s(types));
    file.set("tokenizer.ggml.scores", Value::F32s(scores));
    file
}

/// A model whose matrices have so many rows. The output is that of the input turned round.
fn of_size(tokens: usize) -> Gguf {
    let mut file = tiny(Family::Llama, 7);
    file.tensors.retain(|tensor| tensor.name != "output.weight");
    let embedding = file.tensors.iter_mut().find(|tensor| tensor.name == "token_embd.weight").unwrap();
    let width = embedding.shape[0];
    let weights = embedding.data.clone();
    embedding.shape = vec![width, tokens];
    // Rows of weights that are there, each at another length: so no two tokens are alike.
    let row = |token: usize| weights.iter().cycle().skip(token * 7 % weights.len()).take(width);
    embedding.data = (0..tokens).flat_map(|token| row(token).map(move |weight| weight * (1.0 + token as f32 * 1e-6))).collect();
    file
}

fn load(file: &Gguf) -> Weights {
    Weights::load(&file.write(), &LoadOptions::default(), |_| true).unwrap()
}

/// Loaded once for all tests.
fn byte_level_weights() -> &'static Weights {
    static WEIGHTS: OnceLock<Weights> = OnceLock::new();
    WEIGHTS.get_or_init(|| load(&byte_level()))
}

/// What a story of these tokens shows, and how often one of them left a character half told.
fn told(weights: &Weights, tokens: &[Token]) -> (String, usize) {
    let (mut telling, mut text, mut halves) = (Telling::new(Vec::new()), String::new(), 0);
    for &token in tokens {
        let piece = weights.lexicon().piece(token);
        let Flow::Text(shown) = telling.push(piece) else { panic!("stopped") };
        assert!(!shown.contains('\u{fffd}'), "half a character is shown: {shown:?}");
        halves += usize::from(std::str::from_utf8(piece).is_err());
        text += &shown;
    }
    text += &telling.finish();
    (text, halves)
}

#[test]
fn what_a_byte_level_vocabulary_reads_it_tells() {
    let weights = byte_level_weights();
    let mut halves = 0;
    for text in TEXTS {
        let tokens = weights.tokenize(text, false, false).unwrap();
        let (back, split) = told(weights, &tokens);
        assert_eq!(back, text);
        halves += split;
    }
    assert!(halves > 50, "only {halves} tokens hold a part of a character");
    let wolf = weights.tokenize("🐺", false, false).unwrap();
    let pieces: Vec<&[u8]> = wolf.iter().map(|&token| weights.lexicon().piece(token)).collect();
    assert_eq!(pieces, [&[0xF0, 0x9F][..], &[0x90], &[0xBA]]);
    assert_eq!(weights.tokenize("hood", false, false).unwrap().len(), 1, "the merges are not used");
}

#[test]
fn what_sentence_piece_reads_it_tells_behind_its_space() {
    let mut file = sentence_piece();
    let weights = load(&file);
    assert_eq!(weights.lexicon().len(), 32_000);
    let mut halves = 0;
    for text in TEXTS {
        let tokens = weights.tokenize(text, false, false).unwrap();
        let (back, split) = told(&weights, &tokens);
        assert_eq!(back, format!(" {text}"));
        halves += split;
    }
    assert!(halves > 50, "only {halves} tokens are bytes of a character");
    file.set("tokenizer.ggml.add_space_prefix", Value::Bool(false));
    let weights = load(&file);
    for text in TEXTS {
        assert_eq!(told(&weights, &weights.tokenize(text, false, false).unwrap()).0, text);
    }
}

#[test]
fn the_name_of_a_control_token_is_text_unless_it_is_parsed() {
    let weights = byte_level_weights();
    let (begin, control, added) = (149_997, 149_998, 149_999);
    let text = format!("{CONTROL}once{ADDED}");
    let plain = weights.tokenize(&text, false, false).unwrap();
    assert!(!plain.contains(&control), "{plain:?}");
    assert_eq!(told(weights, &plain).0, text);
    let parsed = weights.tokenize(&text, false, true).unwrap();
    assert_eq!((parsed[0], parsed.last()), (control, Some(&added)));
    // A control token is never shown; a token that was added to the words is one of them.
    assert_eq!(told(weights, &parsed).0, format!("once{ADDED}"));
    let kinds = [begin, control, added].map(|token| weights.lexicon().kind(token));
    assert_eq!(kinds, [Kind::Control, Kind::Control, Kind::Text]);
}

#[test]
fn a_text_has_one_beginning() {
    let weights = byte_level_weights();
    let beginnings = |text: &str, parse| {
        let tokens = weights.tokenize(text, true, parse).unwrap();
        assert_eq!(tokens[0], 149_997);
        tokens.iter().filter(|&&token| token == 149_997).count()
    };
    assert_eq!((beginnings("once", false), beginnings("once", true), beginnings("", false)), (1, 1, 1));
    assert_eq!(beginnings(&format!("{BEGIN}once"), true), 1);
    // Not parsed, its name is a text like any other, and has a beginning before it.
    assert_eq!(beginnings(&format!("{BEGIN}once"), false), 1);
}

fn write(file: &Scratch, more: &[&str]) -> Output {
    afterword(["write", "🐺 once", "--seed", "3", "--threads", "1", "--model"]).arg(&**file).args(more).ended()
}

/// A random model tells bytes in any order, so that characters begin and do not end: what is shown is text all the same.
#[test]
fn a_story_is_text_whatever_bytes_its_tokens_are() {
    for (file, preset) in [(byte_level(), "temperature"), (sentence_piece(), "future"), (tiny(Family::Llama, 7), "temperature")]
    {
        let output = write(&file.write(), &["--tokens", "60", "--quiet", "--preset", preset]);
        let said = err(&output);
        assert!(output.status.success(), "{said}");
        let story = out(&output);
        assert!(story.starts_with("🐺 once") && story.len() > 60, "{story:?}");
    }
}

#[test]
fn a_vocabulary_that_holds_nothing_but_its_end_ends() {
    // Types: 3 control, 5 unused.
    for kind in [3, 5] {
        let mut file = byte_level();
        file.set("tokenizer.ggml.token_type", Value::I32s(vec![kind; 150_000]));
        file.set("tokenizer.ggml.eos_token_id", Value::U32(149_998));
        let output = write(&file.write(), &["--tokens", "9", "--quiet"]);
        assert_eq!((output.status.code(), out(&output).as_str()), (Some(0), "🐺 once"));
    }
}
