//! What a model sees of a writer's text.

use super::*;

fn narrow(tokens: usize) -> Engine {
    engine_of(toy(), |options| options.context = NonZeroUsize::new(tokens))
}

#[test]
fn a_text_that_fits_is_seen_as_it_stands_behind_its_notes() {
    let engine = engine();
    let seen = engine.seen("", "once upon a time.\n", 100).unwrap();
    assert_eq!((seen.text.as_str(), seen.left_out.as_str()), ("once upon a time.\n", ""));
    let seen = engine.seen("\nmara is old.\n\n", "once upon a time", 100).unwrap();
    assert_eq!(seen.text, "\nmara is old.\n\nonce upon a time");
    // Notes alone begin a text, too.
    assert_eq!(engine.seen("mara is old.", "", 100).unwrap().text, "mara is old.\n\n");
}

#[test]
fn of_a_long_text_the_beginning_and_the_end_are_seen_or_the_notes_and_the_end() {
    let engine = narrow(120);
    let text = ('a'..='z').map(|letter| letter.to_string().repeat(8) + ".\n\n").collect::<String>();
    let seen = engine.seen("", &text, 20).unwrap();
    assert!(seen.text.starts_with("aaaaaaaa.\n\n") && seen.text.ends_with("zzzzzzzz.\n\n"), "{}", seen.text);
    assert!(seen.left_out.starts_with("bbbbbbbb.") && engine.tokens(&seen.text).unwrap().len() + 20 < 120);
    let seen = engine.seen("mara is old.", &text, 20).unwrap();
    assert!(seen.text.starts_with("mara is old.\n\n") && seen.text.ends_with("zzzzzzzz.\n\n"));
    assert!(seen.left_out.starts_with("aaaaaaaa") && engine.tokens(&seen.text).unwrap().len() + 20 < 120);
}

#[test]
fn what_leaves_no_room_is_refused() {
    let said = |context, notes: &str, story| narrow(context).seen(notes, "once upon a time.", story).unwrap_err().to_string();
    assert_eq!(
        said(60, &"mara. ".repeat(6), 10),
        "the notes have 37 tokens, more than half of what 10 tokens leave in the context of 60"
    );
    assert_eq!(said(40, "", 39), "a story of 39 tokens leaves no room for the text in the context of 40 tokens");
    assert!(engine().seen("", "Ω", 10).unwrap_err().to_string().contains("the vocabulary has nothing"));
}

#[test]
fn the_tokens_of_what_was_told_are_counted_from_the_end() {
    let engine = engine();
    let prompt = engine.tokens("once upon time .").unwrap();
    for (bytes, tokens) in [(0, 0), (1, 1), (2, 1), (6, 2), (7, 2), (11, 3), (100, prompt.len())] {
        assert_eq!(engine.tokens_of_end(&prompt, bytes), tokens, "{bytes}");
    }
}
