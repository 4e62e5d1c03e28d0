//! What a model file tells, and the one sentence that a wrong one gets.

use std::path::Path;
use std::process::Command;

use crate::support::err;
use crate::support::gguf::{Family, Gguf, Scratch, Value, tiny};
use afterword::llama::Weights;
use afterword::model::{Kind, LoadOptions, Token};

fn weights(family: Family) -> Weights {
    let file = tiny(family, 7).write();
    Weights::load(&file, &LoadOptions::default(), |_| true).unwrap()
}

/// The cause for which a file is refused, after the part that names the deed and the file.
fn refusal(path: &Path) -> String {
    let Err(error) = Weights::load(path, &LoadOptions::default(), |_| true) else { panic!("{} loads", path.display()) };
    let sentence = format!("{error:#}");
    let beginning = format!("cannot load the model `{}`: ", path.display());
    let cause = sentence.strip_prefix(&beginning).unwrap_or_else(|| panic!("{sentence}"));
    assert!(!cause.contains('\n') && !cause.contains("llama_model") && !cause.ends_with('.'), "{sentence}");
    assert!(cause.len() > 5 && !cause.contains("null"), "{sentence}");
    cause.to_owned()
}

fn refused(bytes: &[u8]) -> String {
    refusal(&Scratch::new("broken.gguf", bytes))
}

fn with(key: &str, value: &str) -> Gguf {
    let mut file = tiny(Family::Llama, 7);
    file.set(key, Value::Text(value.into()));
    file
}

#[test]
fn what_is_no_gguf_is_named() {
    assert_eq!(refusal(Path::new("/nowhere/story.gguf")), "there is no such file");
    assert_eq!(refusal(Path::new(env!("CARGO_TARGET_TMPDIR"))), "it is a directory");
    assert_eq!(refused(b""), "it is empty");
    assert_eq!(refused(b"Once upon a time"), "it is not a GGUF file: it begins with `Once upo`");
    assert_eq!(refused(b"GG"), "it is not a GGUF file: it begins with `GG`");
    assert_eq!(refused(b"\x00\x01PNG\r\n"), "it is not a GGUF file: it begins with `\\0\\u{1}PNG\\r\\n`");
}

#[test]
fn a_version_that_cannot_be_read_is_named() {
    let file = |version| Gguf { version, ..tiny(Family::Llama, 7) }.bytes();
    assert_eq!(refused(&file(1)), "it is a GGUF of version 1, and only versions 2 and 3 can be read");
    assert_eq!(refused(&file(4)), "it is a GGUF of version 4, and only versions 2 and 3 can be read");
    assert!(refused(&file(3_u32.swap_bytes())).contains("big-endian"));
}

#[test]
fn a_truncated_file_is_refused_wherever_it_ends() {
    let whole = tiny(Family::Llama, 7).bytes();
    assert_eq!(refused(&whole[..10]), "it is cut off within its header");
    let mut lengths: Vec<usize> = [24, 25, 40, 100, 1_000, 5_000, 8_000, 9_000].to_vec();
    lengths.extend((1..20).map(|part| whole.len() * part / 20));
    lengths.push(whole.len() - 32);
    for length in lengths {
        let _ = refused(&whole[..length]);
    }
}

#[test]
fn a_file_without_weights_is_refused() {
    let file = Gguf { tensors: Vec::new(), ..tiny(Family::Llama, 7) };
    assert_eq!(refused(&file.bytes()), "it is a GGUF without weights");
    let mut file = tiny(Family::Llama, 7);
    file.tensors.retain(|tensor| tensor.name != "blk.1.ffn_up.weight");
    assert!(refused(&file.bytes()).contains("blk.1.ffn_up.weight"));
}

#[test]
fn what_cannot_tell_stories_is_refused() {
    let embedding = "is an embedding model, and cannot tell stories";
    assert_eq!(refused(&with("general.architecture", "bert").bytes()), format!("`bert` {embedding}"));
    assert_eq!(refused(&with("general.architecture", "t5encoder").bytes()), format!("`t5encoder` {embedding}"));
    assert!(refused(&with("general.type", "adapter").bytes()).contains("adapter"));
    assert!(refused(&with("general.type", "mmproj").bytes()).contains("picture"));
    assert!(refused(&with("general.architecture", "homunculus").bytes()).contains("homunculus"));
    assert_eq!(refused(&with("tokenizer.ggml.model", "none").bytes()), "it holds no vocabulary");
}

#[test]
fn a_loading_can_be_stopped_and_is_told_of() {
    let file = tiny(Family::Llama, 7).write();
    let stopped = Weights::load(&file, &LoadOptions::default(), |_| false).err().unwrap();
    assert!(stopped.to_string().ends_with("the loading was stopped"));
    let (told, heard) = std::sync::mpsc::channel();
    Weights::load(&file, &LoadOptions { use_mmap: false, ..LoadOptions::default() }, move |share| told.send(share).is_ok())
        .unwrap();
    assert_eq!(heard.iter().last(), Some(1.0));
}

#[test]
fn no_file_makes_llama_cpp_print() {
    for law in [
        "what_is_no_gguf_is_named",
        "a_truncated_file_is_refused_wherever_it_ends",
        "a_file_without_weights_is_refused",
        "what_cannot_tell_stories_is_refused",
        "the_facts_of_a_file_are_told",
    ] {
        let program = std::env::current_exe().unwrap();
        let output = Command::new(program).args(["--exact", &format!("model_files::{law}"), "--nocapture"]).output().unwrap();
        assert!(output.status.success(), "{law}");
        assert_eq!(err(&output), "", "{law}");
        assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "{law}");
    }
}

#[test]
fn the_lexicon_has_text_bytes_ends_and_silent_tokens() {
    let weights = weights(Family::Llama);
    let lexicon = weights.lexicon();
    assert_eq!((lexicon.piece(3 + 0xC3), lexicon.kind(3 + 0xC3)), (&[0xC3][..], Kind::Text));
    let kinds = [0, 1, 2, 259, 260, 261, 262].map(|token| lexicon.kind(token));
    let (text, end, control) = (Kind::Text, Kind::End, Kind::Control);
    assert_eq!(kinds, [control, control, end, text, control, control, text]);
    assert_eq!((lexicon.piece(259), lexicon.piece(1), lexicon.piece(2)), (&b"<mark>"[..], &b""[..], &b""[..]));
    assert_eq!(lexicon.show(269), " once");
}

/// Some files call the marks of pictures and tools user-defined words.
#[test]
fn a_word_that_was_added_in_the_form_of_a_control_token_is_never_told() {
    for (name, kind) in [
        ("<start_of_image>", Kind::Control),
        ("[multimodal]", Kind::Control),
        ("<|quote|>", Kind::Control),
        ("<b>", Kind::Text),
        ("\n\n", Kind::Text),
        ("\t\t", Kind::Text),
        ("🐺", Kind::Text),
    ] {
        let mut file = tiny(Family::Llama, 7);
        for (key, value) in &mut file.metadata {
            match value {
                Value::Texts(pieces) if key == "tokenizer.ggml.tokens" => pieces[259] = name.into(),
                _ => {}
            }
        }
        let weights = Weights::load(&file.write(), &LoadOptions::default(), |_| true).unwrap();
        assert_eq!(weights.lexicon().kind(259), kind, "{name:?}");
    }
}

#[test]
fn text_becomes_tokens_with_one_beginning() {
    let weights = weights(Family::Llama);
    let spoken = |tokens: &[Token]| tokens.iter().map(|&token| weights.lexicon().show(token)).collect::<String>();
    let tokens = weights.tokenize("once thé", true, false).unwrap();
    assert_eq!((tokens[0], spoken(&tokens).replace('\u{fffd}', "")), (1, " once th".to_owned()));
    assert_eq!(weights.tokenize("once thé", false, false).unwrap(), tokens[1..]);
    let named = weights.tokenize("<s>once", true, true).unwrap();
    assert_eq!(named.iter().filter(|&&token| token == 1).count(), 1);
    assert!(!weights.tokenize("<s>once", false, false).unwrap().contains(&1));
    assert_eq!(weights.tokenize("", true, false).unwrap(), [1]);
    assert!(weights.tokenize("a\0b", true, false).unwrap_err().to_string().contains("byte 1"));
}

#[test]
fn the_facts_of_a_file_are_told() {
    let weights = weights(Family::Gemma3);
    assert_eq!(weights.architecture(), "gemma3");
    assert_eq!(weights.name().as_deref(), Some("Tiny Gemma3"));
    assert_eq!(weights.quantisation(), Some("F32"));
    assert_eq!((weights.window(), weights.trained_context()), (Some(8), 4096));
    assert_eq!(weights.size(), 4 * weights.parameters());
    assert_eq!(weights.meta("gemma3.block_count").as_deref(), Some("6"));
    assert_eq!(weights.meta("nothing"), None);
    assert!(weights.description().starts_with("gemma3"));
}
