//! Every screen as it is drawn, at three widths: kept in `tests/explore`, and written anew with `SNAPSHOTS=overwrite`.

use std::path::Path;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};
use snapbox::IntoData;

use super::*;
use crate::cli::render::story_colours::Depth;
use crate::explore::{Event, Sitting, Target};

const WIDTHS: [u16; 3] = [60, 80, 120];

fn drawn(view: &mut View, sitting: &Sitting, (columns, rows): (u16, u16), look: Look) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| view.draw(frame, &sitting.app, look)).unwrap();
    terminal.backend().buffer().clone()
}

/// The letters of a screen, line by line.
fn letters(buffer: &Buffer) -> String {
    let area = *buffer.area();
    let line = |row: u16| {
        let mut line = String::new();
        let mut skip = 0;
        for column in 0..area.width {
            let symbol = buffer[(column, row)].symbol();
            if skip == 0 {
                line.push_str(symbol);
            }
            skip = unicode_width::UnicodeWidthStr::width(symbol).max(skip).saturating_sub(1);
        }
        line.trim_end().to_owned() + "\n"
    };
    (0..area.height).map(line).collect()
}

/// Holds what is drawn at every width against what is kept under this name.
fn assert_kept(name: &str, sitting: &Sitting) {
    let assert = snapbox::Assert::new().action_env(snapbox::assert::DEFAULT_ACTION_ENV);
    for columns in WIDTHS {
        let shown = letters(&drawn(&mut View::default(), sitting, (columns, 24), Look(Some(Depth::Sixteen))));
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/explore/{name}-{columns}.txt"));
        let expected = snapbox::Data::read_from(&file, None).raw();
        if let Err(error) = assert.try_eq(Some(&file.display()), shown.into_data(), expected) {
            panic!("{error}");
        }
    }
}

/// A tree with some branches, seen from the middle of one.
fn sitting() -> Sitting {
    let mut sitting = Sitting::new();
    sitting.press("   n⇤→→→→→⏎ ⇤→→→");
    sitting
}

#[test]
fn every_screen_is_drawn_as_it_is_kept() {
    let mut sitting = sitting();
    assert_kept("page", &sitting);
    sitting.press("c");
    assert_kept("coloured", &sitting);
    sitting.press("=future.a");
    assert_kept("set", &sitting);
    sitting.press("⎋bi狼⏎⇤t");
    assert_kept("tree", &sitting);
    sitting.press("↓v");
    assert_kept("blind", &sitting);
    sitting.press("⎋t|");
    assert_kept("compare", &sitting);
    sitting.press("⎋B");
    assert_kept("bookmarks", &sitting);
    sitting.press("⎋/king⏎");
    assert_kept("search", &sitting);
    sitting.press("⎋x");
    assert_kept("forms", &sitting);
    sitting.press("⎋?");
    assert_kept("help", &sitting);
    sitting.press("⎋q");
    assert_kept("leave", &sitting);
}

#[test]
fn a_text_is_edited_on_the_whole_screen() {
    let (mut view, sitting) = (View::default(), sitting());
    view.edit("there lived a king\nand a 狼");
    let shown = letters(&drawn(&mut view, &sitting, (60, 16), Look(None)));
    assert!(shown.contains("\nthere lived a king\nand a 狼\n") && shown.contains("Ctrl-S"), "{shown}");
    view.editor().unwrap().insert_str("so ");
    assert_eq!(view.edited().as_deref(), Some("so there lived a king\nand a 狼"));
    assert_eq!(view.edited(), None);
}

#[test]
fn a_screen_that_is_too_small_says_so() {
    let sitting = sitting();
    for (columns, rows) in [(59, 24), (80, 15), (1, 1), (20, 3)] {
        let shown = letters(&drawn(&mut View::default(), &sitting, (columns, rows), Look(None)));
        assert!("make it larger: 60 × 16 at least\n".starts_with(shown.lines().next().unwrap()), "{shown}");
    }
}

#[test]
fn without_colours_the_place_of_the_writer_is_still_seen() {
    let mut sitting = sitting();
    sitting.press("c");
    for (look, coloured) in [(Look(None), false), (Look(Some(Depth::Sixteen)), true), (Look(Some(Depth::True)), true)] {
        let buffer = drawn(&mut View::default(), &sitting, (80, 24), look);
        let cells = buffer.content();
        assert!(cells.iter().any(|cell| cell.modifier.contains(Modifier::REVERSED)), "{look:?}");
        assert_eq!(cells.iter().any(|cell| cell.bg != Color::Reset || cell.fg != Color::Reset), coloured, "{look:?}");
    }
}

#[test]
fn what_is_clicked_is_what_is_drawn_there() {
    let (mut view, mut sitting) = (View::default(), sitting());
    let buffer = drawn(&mut view, &sitting, (80, 24), Look(None));
    let all = || (0..24).flat_map(|row| (0..80).map(move |column| (column, row)));
    for (column, row) in all() {
        let reversed = buffer[(column, row)].modifier.contains(Modifier::REVERSED);
        match view.at(column, row) {
            Some(Target::Piece(piece)) if piece == sitting.app.cursor() => assert!(reversed, "{column}, {row}"),
            Some(Target::Piece(_)) => assert!(!reversed, "{column}, {row}"),
            _ => {}
        }
    }
    let candidates: Vec<Target> = all().filter_map(|(column, row)| view.at(column, row)).collect();
    assert!(candidates.contains(&Target::Candidate(4)) && !candidates.contains(&Target::Row(0)));
    sitting.press("t");
    drawn(&mut view, &sitting, (80, 24), Look(None));
    let place = all().find(|(column, row)| view.at(*column, *row) == Some(Target::Row(2))).unwrap();
    sitting.hear(Event::Click(view.at(place.0, place.1).unwrap()));
    assert_eq!(sitting.app.pointed(&sitting.app.rows()), 2);
}

#[test]
fn wide_characters_and_hostile_text_stay_within_their_columns() {
    let mut sitting = Sitting::new();
    sitting.press("e");
    sitting.hear(Event::Edited(Some("狼と森\u{1b}[2J 👩‍👩‍👧 e\u{301}\tRumpelstiltskin\n\n".repeat(40))));
    for columns in WIDTHS {
        for keys in ["", "t", "⎋⇤", "→→→→→", "⇱"] {
            sitting.press(keys);
            let shown = letters(&drawn(&mut View::default(), &sitting, (columns, 24), Look(None)));
            assert!(!shown.contains('\u{1b}') && shown.lines().count() == 24, "{shown}");
        }
    }
}
