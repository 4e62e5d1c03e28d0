//! A story that is to end with a whole sentence or paragraph is the same story, and ends well.

use super::continuing::{hundred, sampler_of, teller};
use super::*;
use crate::sampler::TextUnit;

/// The story of this seed at a limit, to the end of a unit or not, with room for all of it.
fn to(unit: Option<TextUnit>, limit: usize, seed: u64) -> Plan {
    Plan { to: unit, max_tokens: limit, context: 999, ..hundred(&sampler_of(&["temperature = 1.2"]), seed) }
}

fn one(plan: Plan) -> Completion {
    let ear = hear(&mut teller(-90.0), 1, vec![plan], Ear::default());
    let (heard, told) = (ear.text(0), ear.completions().remove(0));
    assert_eq!(heard, told.text, "what is heard is the text");
    told
}

#[test]
fn a_story_to_a_whole_unit_is_the_longer_story_cut_at_an_end() {
    let (mut whole, mut cut) = (0, 0);
    for unit in [TextUnit::Sentence, TextUnit::Paragraph] {
        for seed in 0..60 {
            let limit = 5 + usize::try_from(seed).unwrap() % 9;
            let (told, long) = (one(to(Some(unit), limit, seed)), one(to(None, unit.most(limit) + 1, seed)));
            assert_eq!(told.tokens, long.tokens[..told.tokens.len()], "no token is another one");
            assert!(long.text.starts_with(&told.text));
            match told.stop {
                StopReason::Whole(found) => {
                    assert_eq!(found, unit);
                    assert!(told.tokens.len() >= limit);
                    assert_eq!(told.text.trim_end(), told.text);
                    let behind = &long.text[told.text.len()..];
                    match unit {
                        TextUnit::Sentence => {
                            assert!(told.text.ends_with(['.', '!']) && behind.starts_with([' ', '\n']), "{:?}", long.text);
                        }
                        TextUnit::Paragraph => assert!(behind.starts_with('\n'), "{:?}", long.text),
                    }
                    // Whatever limit lies between is met by the same end.
                    for between in limit..=told.tokens.len() {
                        assert_eq!(one(to(Some(unit), between, seed)).text, told.text);
                    }
                    whole += 1;
                }
                StopReason::Tokens => {
                    assert_eq!(told.tokens.len(), unit.most(limit));
                    cut += 1;
                }
                other => panic!("{other}"),
            }
        }
    }
    assert!(whole > 100, "only {whole} of {} ended whole", whole + cut);
}

#[test]
fn the_context_and_the_stops_end_what_a_unit_does_not() {
    let narrow = Plan { context: 9, ..to(Some(TextUnit::Paragraph), 3, 4) };
    let told = one(narrow.clone());
    assert!(told.tokens.len() <= 6 && matches!(told.stop, StopReason::Context | StopReason::Whole(_)), "{:?}", told.stop);
    assert_eq!(Stories::room_for(&[narrow], 1), (9, 1));
    let (cells, _) = Stories::room_for(&[to(Some(TextUnit::Sentence), 100, 4)], 1);
    assert_eq!(cells, 3 + 150, "room for the end is promised");
    let all = one(to(None, 60, 4)).text;
    let stop = all.split('.').nth(3).unwrap().trim().to_owned();
    let stopped = one(Plan { stops: vec![stop.clone()], ..to(Some(TextUnit::Sentence), 50, 4) });
    assert_eq!((stopped.stop, stopped.text.as_str()), (StopReason::Stop(stop.clone()), all.split(&stop).next().unwrap()));
}

#[test]
fn an_end_at_the_very_last_token_counts() {
    // Every word is followed by a full stop, and no token is left to show what comes behind it.
    let (mut at_last, unit) = (0, TextUnit::Sentence);
    for seed in 0..40 {
        let told = one(Plan { context: 3 + 12, ..to(Some(unit), 12, seed) });
        assert_eq!(told.tokens.len(), 12);
        let ends = told.text.ends_with(['.', '!']);
        assert_eq!(ends && told.stop == StopReason::Whole(unit), told.stop != StopReason::Context, "{:?}", told.text);
        at_last += usize::from(ends);
    }
    assert!(at_last > 3, "{at_last}");
}
