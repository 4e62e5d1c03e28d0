//! Stories are told on, stopped, and told again.

use super::*;

#[test]
fn who_stands_at_the_end_goes_along() {
    let mut sitting = Sitting::new();
    sitting.answers = false;
    sitting.press(" ");
    sitting.answer(3);
    assert_eq!((sitting.app.cursor(), sitting.app.len(), sitting.app.is_telling()), (3, 3, true));
    // Keys are answered meanwhile, and whoever goes back stays there.
    sitting.press("←");
    sitting.answer(2);
    assert_eq!((sitting.app.cursor(), sitting.app.len()), (2, 5));
    sitting.press(" ");
    assert!(!sitting.app.is_telling() && sitting.texts().len() == 1);
    sitting.answer(usize::MAX);
    assert!(sitting.app.decision().is_some());
}

#[test]
fn a_story_that_is_stopped_before_its_first_word_has_never_been() {
    let mut sitting = Sitting::new();
    let before = sitting.app.tree().clone();
    sitting.answers = false;
    sitting.press(" ");
    assert_eq!(sitting.app.tree().len(), 2);
    sitting.press(" ");
    assert!(*sitting.app.tree() == before && !sitting.app.is_telling());
    sitting.press("u");
    assert_eq!(sitting.said(), "there is nothing to undo");
}

#[test]
fn drafts_are_branches_from_one_place() {
    let mut sitting = Sitting::new();
    sitting.press("n");
    let texts = sitting.texts();
    assert_eq!((texts.len(), sitting.text()), (3, texts[0].clone()));
    sitting.press("⇥");
    assert_eq!((sitting.text(), sitting.app.cursor()), (texts[1].clone(), 0));
    sitting.press("⇥⇥");
    assert_eq!(sitting.text(), texts[0]);
    // All three are one deed.
    sitting.press("u");
    assert_eq!((sitting.texts(), sitting.app.tree().len()), (vec![String::new()], 1));
    sitting.press("↻");
    assert_eq!(sitting.texts(), texts);
}

#[test]
fn what_is_told_again_has_the_next_seed() {
    let mut sitting = Sitting::new();
    sitting.press("r");
    assert!(sitting.said().starts_with("only what was told"), "{}", sitting.said());
    sitting.press(" rr");
    let root = sitting.app.tree().root();
    let seeds: Vec<u64> = sitting
        .app
        .tree()
        .children(root)
        .iter()
        .map(|node| match &sitting.app.tree().node(*node).unwrap().how {
            crate::explore::How::Told(told) => told.seed,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(seeds, [7, 8, 9]);
}

#[test]
fn words_that_are_to_be_coloured_are_scored_where_nothing_is_known_of_them() {
    let mut sitting = Sitting::new();
    sitting.hear(Event::Edited(Some("a king".to_owned())));
    let known = |sitting: &Sitting| sitting.app.spots().filter(|spot| spot.trace().is_some()).count();
    assert_eq!((sitting.app.len(), known(&sitting)), (6, 0));
    sitting.press("c");
    assert_eq!((known(&sitting), sitting.app.decision().is_some()), (6, true));
}

#[test]
fn what_is_answered_late_changes_nothing() {
    let mut sitting = Sitting::new();
    sitting.answers = false;
    sitting.press(" ");
    let number = sitting.asked.as_ref().unwrap().number;
    sitting.answer(usize::MAX);
    assert!(sitting.app.decision().is_none());
    let (before, texts) = (sitting.app.cursor(), Vec::new());
    sitting.report(Report::Decided { number, explanation: Box::new(explanation(0, 0)), texts });
    sitting.report(Report::Ghost { number, candidate: 0, text: "late".to_owned() });
    sitting.over(number);
    assert!(sitting.app.decision().is_none() && sitting.app.ghost(0).is_none());
    assert_eq!(sitting.app.cursor(), before);
}

#[test]
fn what_cannot_be_told_is_said_and_the_page_stays() {
    let mut sitting = Sitting::new();
    sitting.answers = false;
    sitting.press(" ");
    let number = sitting.asked.take().unwrap().number;
    let failed = Some("the model has no room for a text of 9 tokens".to_owned());
    sitting.report(Report::Over { number, failed: failed.clone(), cost: Cost::default() });
    assert_eq!((sitting.app.said().map(str::to_owned), sitting.app.tree().len()), (failed, 1));
    sitting.report(Report::Gone);
    assert!(sitting.said().starts_with("the model has ended"));
}

#[test]
fn a_branch_that_is_undone_is_told_for_nobody() {
    let mut sitting = Sitting::new();
    sitting.answers = false;
    sitting.press(" ");
    sitting.answer(2);
    sitting.press("u");
    assert!(!sitting.app.is_telling());
    assert_eq!(sitting.texts(), [""]);
}
