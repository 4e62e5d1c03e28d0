//! How given texts are scored.

use super::*;
use crate::prob::{Partition, Score};
use crate::story::ScoredText;

/// Scores texts, each behind its prompt.
fn score(engine: &Engine, texts: &[(&str, &str)]) -> Vec<ScoredText> {
    let passages: Vec<Passage> = texts.iter().map(|(prompt, text)| engine.passage(prompt, text).unwrap()).collect();
    engine.score(&passages, &mut |_, _| ControlFlow::Continue(()), &Cancel::new()).unwrap()
}

/// What the definition says of the last of these tokens.
fn plainly(tokens: &[Token]) -> Score {
    let (last, before) = tokens.split_last().unwrap();
    let row = row(before);
    Score::of(&row, &Partition::of(&row).unwrap(), *last).unwrap()
}

fn pieces(text: &ScoredText) -> Vec<String> {
    text.parts().1.into_iter().map(str::to_owned).collect()
}

fn tokens(engine: &Engine, text: &str) -> Vec<Token> {
    engine.backend().tokenize(text, true, false).unwrap()
}

#[test]
fn every_token_is_scored_behind_prompt_and_text_before_it() {
    let engine = engine();
    let [scored, other] = &score(&engine, &[("once upon ", "a story ,"), ("once upon ", "time .")])[..] else { panic!() };
    let whole = [tokens(&engine, "once upon "), tokens(&engine, "a story ,")].concat();
    assert_eq!((pieces(scored), scored.opening), (vec!["a story ".to_owned(), ",".to_owned()], 0));
    for (at, token) in scored.tokens.iter().enumerate() {
        let Score { surprisal, rank, entropy } = plainly(&whole[..at + 3]);
        assert_eq!((token.id, token.surprisal, token.rank, token.entropy), (whole[at + 2], surprisal, rank, entropy));
    }
    assert_eq!(pieces(other).concat(), "time .");
}

#[test]
fn a_text_alone_opens_with_what_nothing_stands_before() {
    let engine = engine();
    let scored = &score(&engine, &[("", "once upon time .")])[0];
    assert_eq!((scored.opening, pieces(scored).concat()), (5, "upon time .".to_owned()));
    let whole = tokens(&engine, "once upon time .");
    assert_eq!(scored.tokens[0].surprisal, plainly(&whole[..2]).surprisal);
    // A text of nothing, and one of a single token, have no scores.
    let [empty, alone] = &score(&engine, &[("", ""), ("", "once ")])[..] else { panic!() };
    assert_eq!((empty.bytes(), alone.bytes(), alone.opening), (0, 0, 5));
    assert_eq!(score(&engine, &[("once ", "")])[0], ScoredText::default());
}

#[test]
fn a_text_longer_than_the_context_is_read_in_parts_and_nothing_is_cut() {
    let engine = engine_of(toy().trained_for(16), |_| ());
    let text = "a story of a wolf , a king and the long way home .";
    for prompt in ["", "once upon "] {
        let scored = &score(&engine, &[(prompt, text)])[0];
        assert_eq!(format!("{}{}", &text[..scored.opening], pieces(scored).concat()), text);
        let lead = tokens(&engine, prompt);
        let (own, all) = ((16 - lead.len()) / 2, tokens(&engine, text));
        let windows = scored.windows.unwrap();
        assert_eq!((windows.context, windows.overlap), (16, own));
        let first = 16 - lead.len();
        assert_eq!(windows.count, 1 + (all.len() - first).div_ceil(first - own));
        // Each token has the prompt and at least the overlap before it, and what its part has.
        let opened = all.len() - scored.tokens.len();
        for (at, token) in scored.tokens.iter().enumerate().map(|(at, token)| (at + opened, token)) {
            let begins = if at < first { 0 } else { first + (at - first) / (first - own) * (first - own) - own };
            let before = [&lead[..], &all[begins..=at]].concat();
            assert!(before.len() <= 16);
            assert_eq!(token.surprisal, plainly(&before).surprisal, "token {at}");
        }
    }
    // Into a context that holds it, it goes whole.
    assert_eq!(score(&engine_of(toy().trained_for(60), |_| ()), &[("", text)])[0].windows, None);
}

#[test]
fn a_prompt_that_leaves_no_room_for_parts_is_refused() {
    let engine = engine_of(toy().trained_for(64), |options| options.context = std::num::NonZeroUsize::new(16));
    let passage = engine.passage("once upon a wolf the king ", "and the long way home .").unwrap();
    let error = engine.score(&[passage], &mut |_, _| ControlFlow::Continue(()), &Cancel::new()).unwrap_err();
    let refused: &Refusal = error.downcast_ref().unwrap();
    assert_eq!(refused.remedy, Remedy::LargerContext(64));
    assert!(refused.message.contains("does not fit into the context of 16, and its prompt of"), "{}", refused.message);
}

#[test]
fn a_text_that_cannot_be_written_is_refused_and_a_stopped_one_is_cancelled() {
    let engine = engine();
    assert!(engine.passage("", "Once").unwrap_err().to_string().contains("byte 0"));
    let passages = [engine.passage("once ", "a story of a wolf .").unwrap()];
    let mut heard = Vec::new();
    let mut stop = |read, of| {
        heard.push((read, of));
        ControlFlow::Break(())
    };
    assert!(engine.score(&passages, &mut stop, &Cancel::new()).unwrap_err().is::<Cancelled>());
    let all = 1 + passages[0].tokens() - 1;
    assert_eq!(heard, [(all, all)]);
}

#[test]
fn a_token_that_cannot_come_is_named_with_its_place() {
    let never = |_: &[Token]| (0..4).map(|token| if token == 1 { f32::NEG_INFINITY } else { 0.0 }).collect();
    let vocabulary = Vocabulary::new(["a", "b", " ", "."].map(|piece| (piece, Kind::Text)));
    let engine = engine_of(ToyBackend::new(vocabulary, never), |_| ());
    let passage = engine.passage("a", " a b.").unwrap();
    let error = engine.score(&[passage], &mut |_, _| ControlFlow::Continue(()), &Cancel::new()).unwrap_err();
    assert_eq!(error.to_string(), "the model gives no probability to `b` at byte 3 of the text `a b.`");
}
