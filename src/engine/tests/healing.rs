//! The end of a prompt told anew: which tokens are taken back, and that a record keeps it.

use super::story::{explained, recorded_of, replayed};
use super::*;
use crate::story::{Mode, Record};

/// The prompt as it is put with this healing: the text of its tokens, and what they leave out.
fn put(engine: &Engine, text: &str, heal: Heal) -> (String, String) {
    let spec = PromptSpec { text: text.to_owned(), heal, ..PromptSpec::default() };
    let prompt = engine.prompt(&spec, occasion(), &mut (), &Cancel::new()).unwrap();
    assert_eq!(prompt.text, text, "the writer's words stay");
    (engine.vocabulary().text(&prompt.tokens), prompt.healed)
}

#[test]
fn what_is_told_anew_is_the_blank_or_the_word_at_the_end() {
    let engine = engine();
    for (text, heal, kept, healed) in [
        ("the sea", Heal::Space, "the sea", ""),
        ("the sea ", Heal::Space, "the sea", " "),
        ("the sea  ", Heal::Space, "the sea", "  "),
        ("the sea ", Heal::Off, "the sea ", ""),
        ("the sea ", Heal::Word, "the sea", " "),
        // A token that holds the blank and more is told anew as a whole.
        ("the sea, once ", Heal::Space, "the sea, ", "once "),
        ("the sea\n", Heal::Space, "the sea\n", ""),
        ("the sea.", Heal::Word, "the sea.", ""),
        ("the sea, upon", Heal::Word, "the sea, ", "upon"),
        // Something has to stand.
        ("upon", Heal::Word, "upon", ""),
        ("once ", Heal::Space, "once ", ""),
    ] {
        assert_eq!(put(&engine, text, heal), (kept.to_owned(), healed.to_owned()), "{text:?}, {heal}");
    }
}

#[test]
fn the_end_of_a_begun_answer_is_healed_and_no_token_of_the_template() {
    let engine = engine_of(toy().with_template(TEMPLATE), |_| ());
    let asked = |prefill: &str, heal| {
        let prefill = Some(prefill.to_owned());
        let spec = PromptSpec { text: "write a story ".to_owned(), prefill, put: Put::Chat, heal, ..PromptSpec::default() };
        let prompt = engine.prompt(&spec, occasion(), &mut (), &Cancel::new()).unwrap();
        let Mode::Chat(chat) = &prompt.mode else { panic!("no chat") };
        assert!(chat.rendered.ends_with(&chat.prefill));
        (engine.vocabulary().text(&prompt.tokens), prompt.healed, prompt.notes)
    };
    let before = "<user>write a story <assistant>";
    assert_eq!(asked("upon a ", Heal::Space), (format!("{before}upon a"), " ".to_owned(), vec![]));
    assert_eq!(asked(" ", Heal::Space), (before.to_owned(), " ".to_owned(), vec![]));
    assert_eq!(asked("upon", Heal::Word), (before.to_owned(), "upon".to_owned(), vec![]));
    assert_eq!(asked("", Heal::Word), (before.to_owned(), String::new(), vec![]));
    assert_eq!(asked("a ", Heal::Off), (format!("{before}a "), String::new(), vec![Note::PrefillEndsInSpace]));
}

#[test]
fn a_healed_story_is_recorded_told_again_and_explained() {
    let engine = engine();
    for (text, heal) in [("the sea ", Heal::Space), ("the sea, once ", Heal::Space), ("the sea upon", Heal::Word)] {
        let spec = PromptSpec { text: text.to_owned(), heal, ..PromptSpec::default() };
        let prompt = engine.prompt(&spec, occasion(), &mut (), &Cancel::new()).unwrap();
        let (record, listener) = recorded_of(&engine, &prompt, &StoryRequest::new(3, 12), None);
        assert_eq!((&record.prompt, &record.healed), (&prompt.text, &prompt.healed));
        let whole = engine.vocabulary().text(&record.tokens);
        assert_eq!(whole, format!("{}{}", record.healed, record.text), "the healed bytes are not told twice");
        assert_eq!(listener.text, record.text);
        let read = Record::parse(&record.to_json().unwrap()).unwrap();
        assert_eq!(parting(&read, &replayed(&engine, &read)), None);
        let replay = Replay::of(&record).unwrap();
        for (after, draw) in listener.draws.iter().enumerate() {
            let decided = explained(&engine, &Question::within(&replay, &record, after).unwrap());
            assert_eq!((decided.draw.token, decided.draw.log_p), (draw.token, draw.log_p), "{text:?}, {after}");
        }
        // Before it is told, its first token is explained as it will be drawn.
        let plan = engine.plan(&wave(), &prompt, &StoryRequest::new(3, 12)).unwrap();
        let first = tell(&engine, &plan, Some(1)).0.draws.remove(0);
        assert_eq!(explained(&engine, &Question::after(plan)).draw.token, first.token);
    }
}

#[test]
fn a_blank_changes_nothing_where_the_story_would_have_begun_with_it() {
    let engine = engine();
    let told = |text: &str, seed| {
        let plan = engine.plan(&sampler(&[]), &prompt(&engine, text), &StoryRequest::new(seed, 9)).unwrap();
        tell(&engine, &plan, None).0.text
    };
    let mut begun = 0;
    for text in ["the sea", "the lake", "a wolf", "the fox", "an owl", "her name", "no one", "it was"] {
        for seed in 0..40 {
            let free = told(text, seed);
            if free.starts_with(' ') {
                assert_eq!(format!(" {}", told(&format!("{text} "), seed)), free);
                begun += 1;
            }
        }
    }
    assert!(begun > 3, "{begun}");
}
