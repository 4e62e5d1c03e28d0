//! The tree as a list: closed, sorted, pruned, judged.

use super::*;

#[test]
fn branches_are_pruned_and_brought_back() {
    let mut sitting = Sitting::new();
    sitting.press("n ");
    let before = sitting.app.tree().clone();
    sitting.press("⇤td");
    assert_eq!((sitting.texts().len(), sitting.said()), (2, "pruned: u brings it back"));
    assert_eq!(sitting.app.tree().current(), sitting.app.tree().root());
    sitting.press("u");
    assert!(*sitting.app.tree() == before);
    sitting.press("⇱");
    let last = sitting.app.rows().last().unwrap().node;
    assert_eq!(sitting.app.trunk().at, Some(last));
    sitting.press("⏎");
    assert!(sitting.app.tree().line().contains(&last));
    assert_eq!((sitting.app.screen(), sitting.app.cursor()), (&Screen::Page, 0));
}

#[test]
fn branches_are_closed_hoisted_and_sorted() {
    let mut sitting = Sitting::new();
    sitting.press("nt⇤");
    assert_eq!(sitting.app.rows().len(), 4);
    sitting.press("←");
    let rows = sitting.app.rows();
    assert_eq!((rows.len(), rows[0].is_closed), (1, true));
    sitting.press("→↓h");
    assert_eq!(sitting.app.rows().len(), 1);
    sitting.press("h");
    assert_eq!(sitting.app.rows().len(), 4);
    let first = sitting.app.trunk().sort;
    sitting.press("o");
    assert_ne!(sitting.app.trunk().sort, first);
    sitting.press("oo");
    assert_eq!((sitting.app.trunk().sort, sitting.app.rows().len()), (first, 4));
}

#[test]
fn a_piece_joins_the_one_before_it() {
    let mut sitting = Sitting::new();
    sitting.press("  ");
    assert_eq!(sitting.app.tree().len(), 3);
    let text = sitting.text();
    sitting.press("t⇱m");
    assert_eq!((sitting.app.tree().len(), sitting.text()), (2, text));
    sitting.press("m");
    assert_eq!(sitting.said(), "the beginning stays as it is");
}

#[test]
fn two_are_judged_without_names_and_the_vote_is_kept() {
    let mut sitting = Sitting::new();
    sitting.press("tv");
    assert_eq!((sitting.app.screen(), sitting.said()), (&Screen::Tree, "there is no other branch from the same place"));
    sitting.press("tntv");
    let Screen::Blind(blind) = sitting.app.screen().clone() else { panic!("{:?}", sitting.app.screen()) };
    sitting.press("2");
    let votes = &sitting.app.tree().node(blind.pair[1]).unwrap().votes;
    assert_eq!((votes.len(), votes[0].over), (1, blind.pair[0]));
    sitting.press("v⎋");
    assert_eq!(sitting.app.screen(), &Screen::Tree);
}

#[test]
fn the_nearest_branch_stands_beside_the_text() {
    let mut sitting = Sitting::new();
    sitting.press("|");
    assert_eq!(sitting.app.screen(), &Screen::Page);
    sitting.press("n|");
    let Screen::Compare(comparison) = sitting.app.screen().clone() else { panic!("{:?}", sitting.app.screen()) };
    assert_eq!(comparison.others.len(), 2);
    assert_eq!(sitting.app.shared(comparison.other()), "Once upon a time".len());
    sitting.press("⇥⏎");
    assert_eq!((sitting.app.tree().current(), sitting.app.screen()), (comparison.others[1], &Screen::Page));
}

#[test]
fn what_is_clicked_is_gone_to() {
    let mut sitting = Sitting::new();
    sitting.press(" ");
    sitting.hear(Event::Click(Target::Piece(2)));
    assert_eq!(sitting.app.cursor(), 2);
    sitting.hear(Event::Click(Target::Candidate(3)));
    assert_eq!(sitting.app.decision().map(|(_, chosen)| chosen), Some(3));
    let nodes = sitting.app.tree().len();
    sitting.hear(Event::Click(Target::Candidate(3)));
    assert!(sitting.app.tree().len() > nodes);
    sitting.hear(Event::Wheel(-1));
    assert_eq!(sitting.app.cursor(), 2);
    sitting.press("t");
    sitting.hear(Event::Click(Target::Row(1)));
    assert_eq!(sitting.app.pointed(&sitting.app.rows()), 1);
}
