//! The smaller screens: help, lists of places, forms of exports, and the last question.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::look::{BOLD, DIM, HERE, OWN};
use super::page::put;
use super::view::Hits;
use crate::cli::render::prose::wrap;
use crate::cli::render::terminal::fit;
use crate::explore::{Export, List, PAGE, TREE, Target};

/// Columns of a key.
const KEY: usize = 11;

/// The keys with what they do.
pub fn help(buffer: &mut Buffer, area: Rect, scrolled: usize) {
    let columns = usize::from(area.width);
    let mut lines: Vec<Line> = Vec::new();
    for (head, keys) in [("The page", &PAGE[..]), ("The tree", &TREE[..])] {
        if !lines.is_empty() {
            lines.push(Line::default());
        }
        lines.push(Line::styled(head, BOLD));
        for (key, what) in keys {
            let mut key = *key;
            for line in wrap(what, columns.saturating_sub(KEY), None) {
                let text: String = line.runs().map(|(_, text)| text).collect();
                lines.push(Line::from(vec![Span::styled(fit(key, KEY), BOLD), Span::raw(text)]));
                key = "";
            }
        }
    }
    let top = scrolled.min(lines.len().saturating_sub(usize::from(area.height)));
    for (row, line) in lines.iter().skip(top).enumerate() {
        put(buffer, area, row, line);
    }
}

/// Places to go to.
pub fn list(buffer: &mut Buffer, area: Rect, list: &List, hits: &mut Hits) {
    let columns = usize::from(area.width);
    put(buffer, area, 0, &Line::styled(fit(&list.title, columns), BOLD));
    let room = usize::from(area.height).saturating_sub(1);
    let top = list.at.saturating_sub(room / 2).min(list.found.len().saturating_sub(room));
    for (row, (number, found)) in list.found.iter().enumerate().skip(top).take(room).enumerate() {
        let style = if number == list.at { HERE } else { Style::new() };
        let note = if found.note.is_empty() { String::new() } else { format!("{} · ", found.note) };
        let words = fit(&found.words, columns.saturating_sub(unicode_width::UnicodeWidthStr::width(note.as_str())));
        put(buffer, area, row + 1, &Line::from(vec![Span::styled(note, OWN), Span::styled(words, style)]));
        hits.row(area, row + 1, Target::Row(number));
    }
}

/// In what forms a tree can be exported.
pub fn forms(buffer: &mut Buffer, area: Rect) {
    put(buffer, area, 0, &Line::styled("export", BOLD));
    for (at, form) in Export::ALL.iter().enumerate() {
        let line = Line::from(vec![
            Span::styled(format!("{:<3}", at + 1), BOLD),
            Span::raw(format!("{} (.{})", form.name(), form.ending())),
        ]);
        put(buffer, area, at + 2, &line);
    }
}

/// Whether to leave what is not saved.
pub fn leave(buffer: &mut Buffer, area: Rect) {
    put(buffer, area, 0, &Line::styled("the tree is not saved", BOLD));
    for (row, (key, what)) in [("s", "save it"), ("d", "discard it"), ("Esc", "stay")].iter().enumerate() {
        put(buffer, area, row + 2, &Line::from(vec![Span::styled(fit(key, 5), BOLD), Span::styled(*what, DIM)]));
    }
}
