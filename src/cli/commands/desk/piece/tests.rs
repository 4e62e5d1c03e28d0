//! Places and other words, on pieces made by hand.

use std::sync::Arc;

use super::*;
use crate::bans::{Bans, Matcher};
use crate::model::Kind;
use crate::sampler::{CandidateTrace, Chain, Now, Pick, Sampler};
use crate::story::StopReason;

fn vocabulary() -> Vocabulary {
    let words = ["The", " sea", " sky", " was", " calm", "."].map(|word| (word.as_bytes().to_vec(), Kind::Text));
    // A wolf in two parts, and an end.
    let wolf = "狼".as_bytes();
    let parts = [(wolf[..2].to_vec(), Kind::Text), (wolf[2..].to_vec(), Kind::Text)];
    Vocabulary::new(words.into_iter().chain(parts).chain([(b"</s>".to_vec(), Kind::End)]))
}

fn draw(token: Token, others: &[(Token, f64)]) -> Draw {
    let one = |&(token, p): &(Token, f64)| {
        let (future, openness, log_s, left) = (None, None, None, None);
        CandidateTrace { token, p, log_p: p.ln(), future, openness, log_s, left }
    };
    Draw {
        token,
        log_p: -1.0,
        now: Now { entropy: 1.0, normalised_entropy: None, rank: None },
        alpha: None,
        excess: None,
        temperature: None,
        candidates: others.iter().map(one).collect(),
        skipped: None,
        removed: Vec::new(),
        feedback: None,
        likeliest: Vec::new(),
        shares: None,
    }
}

fn piece(draws: Vec<Draw>, text: &str) -> Piece {
    let plan = Plan::new(Sampler::new(Chain::new(Vec::new()).unwrap(), Pick::Sample), vec![0], 7, 10);
    let tokens: Vec<Token> = draws.iter().map(|draw| draw.token).collect();
    let told = Completion { tokens, text: text.to_owned(), ..Completion::unbegun(1, StopReason::End) };
    Piece { plan, told, draws, taken: Default::default(), text: text.to_owned() }
}

#[test]
fn the_nearest_other_words_are_offered_in_the_order_of_the_text() {
    let draws = vec![
        draw(1, &[(1, 0.6), (2, 0.3)]),
        // Of the likelier one that was not taken.
        draw(3, &[(4, 0.5), (3, 0.4)]),
        // An end is no word, and a share of nothing no choice.
        draw(4, &[(4, 0.5), (8, 0.5)]),
        draw(5, &[(5, 0.99), (0, 0.01)]),
        // Half a character is no word, and within a character nothing else can stand.
        draw(6, &[(6, 0.9), (7, 0.1)]),
        draw(7, &[(7, 0.5), (0, 0.5)]),
        draw(8, &[(8, 0.9), (0, 0.1)]),
    ];
    let places = piece(draws, "").places(&vocabulary());
    let expected = [(0, 1, 2), (1, 3, 4)].map(|(at, told, other)| Place { at, told, other });
    assert_eq!(places, expected);
    // Where no word has a space before it, any place will do.
    let bare =
        vec![draw(0, &[(0, 0.5), (5, 0.4)]), draw(6, &[]), draw(7, &[(7, 0.6), (0, 0.4)]), draw(5, &[(5, 0.6), (0, 0.3)])];
    let places: Vec<usize> = piece(bare, "").places(&vocabulary()).iter().map(|place| place.at).collect();
    assert_eq!(places, [0, 3]);
    let many = vec![draw(1, &[(1, 0.6), (2, 0.3)]); 20];
    assert_eq!(piece(many, "").places(&vocabulary()).len(), MOST_PLACES);
}

#[test]
fn no_word_is_offered_that_would_complete_what_is_not_to_be_said() {
    // " sea" may be " sky", but "The sky" is not to be said; nor is "sea calm", and what comes next then is offered.
    let draws = || vec![draw(1, &[(1, 0.6), (2, 0.3)]), draw(3, &[(3, 0.5), (4, 0.3), (5, 0.1)])];
    let offered = |phrases: &[&str]| {
        let mut piece = piece(draws(), "");
        let phrases = phrases.iter().map(ToString::to_string).collect();
        let bans = Matcher::new(Bans { phrases, ..Bans::default() }).unwrap();
        piece.plan.sampler = piece.plan.sampler.with_bans(Some(Arc::new(bans)));
        piece.places(&vocabulary()).iter().map(|place| (place.at, place.other)).collect::<Vec<_>>()
    };
    assert_eq!(offered(&["calm sea"]), [(0, 2), (1, 4)]);
    assert_eq!(offered(&["the sky"]), [(1, 4)]);
    assert_eq!(offered(&["sea calm"]), [(0, 2)]);
    assert_eq!(offered(&["the sky", "sea calm"]), [(1, 5)]);
}

#[test]
fn a_piece_goes_on_with_the_other_word() {
    let vocabulary = vocabulary();
    let piece = piece(vec![draw(1, &[]), draw(3, &[(3, 0.5), (4, 0.4)]), draw(5, &[])], " sea was.");
    let place = Place { at: 1, told: 3, other: 4 };
    let (plan, taken) = piece.with_other(&place, &vocabulary).unwrap();
    assert_eq!((plan.prompt, taken), (vec![0, 1, 4], (" sea calm".to_owned(), 2)));
    assert_eq!((plan.max_tokens, plan.continuation.told), (8, 2));
}

#[test]
fn only_a_piece_that_stands_there_as_it_was_told_is_gone_on_from() {
    let vocabulary = vocabulary();
    let mut piece = piece(vec![draw(1, &[]), draw(3, &[]), draw(8, &[])], " sea was");
    assert!(piece.is_whole(&vocabulary));
    let (prompt, continuation) = piece.behind(&vocabulary);
    // Without the end that the model had set.
    assert_eq!((prompt, continuation.told), (vec![0, 1, 3], 2));
    piece.taken = ("The".to_owned(), 1);
    piece.text = "The sea was".to_owned();
    assert!(piece.is_whole(&vocabulary));
    piece.text = "The sea".to_owned();
    assert!(!piece.is_whole(&vocabulary));
}

/// A space that the writer typed is spelt by the first token, and stands in the file already.
#[test]
fn what_the_writer_typed_is_not_told_twice() {
    let vocabulary = vocabulary();
    let mut piece = piece(vec![draw(1, &[(1, 0.5), (2, 0.4)]), draw(3, &[(3, 0.5), (4, 0.4)])], "sea was");
    piece.plan.heal = " ".to_owned();
    assert!(piece.is_whole(&vocabulary));
    for (at, other, text) in [(0, 2, "sky"), (1, 4, "sea calm")] {
        let (plan, (taken, tokens)) = piece.with_other(&Place { at, told: 0, other }, &vocabulary).unwrap();
        assert_eq!((taken.as_str(), tokens, plan.continuation.told), (text, at + 1, at + 1));
    }
}
