//! The tree: a line for each branch, with what it is and what it was told with.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::look::{BOLD, DIM, HERE, OWN};
use super::page::put;
use super::view::Hits;
use crate::cli::render::terminal::fit;
use crate::explore::{App, How, Node, Row, Sort, Statistics};
use crate::text::visible;

/// Columns of what a branch was told with.
const WITH: usize = 18;

/// Columns of its numbers: tokens, mean surprisal, mean Ĥ.
const NUMBERS: usize = 19;

/// The deepest indent.
const DEEPEST: usize = 12;

/// Draws the tree.
pub fn draw(buffer: &mut Buffer, area: Rect, app: &App, hits: &mut Hits) {
    let rows = app.rows();
    let at = app.pointed(&rows);
    let columns = usize::from(area.width);
    let words = columns.saturating_sub(NUMBERS + WITH + 2);
    let heads = format!("{} {:>6} {:>5} {:>5}  {}", fit(&sorted(app.trunk().sort), words), "tokens", "−ln p", "Ĥ", "told with");
    put(buffer, area, 0, &Line::styled(fit(&heads, columns), DIM));
    let room = usize::from(area.height).saturating_sub(2);
    let top = at.saturating_sub(room / 2).min(rows.len().saturating_sub(room));
    for (row, (number, branch)) in rows.iter().enumerate().skip(top).take(room).enumerate() {
        let Some(node) = app.tree().node(branch.node) else { continue };
        put(buffer, area, row + 1, &line(app, branch, node, words, number == at));
        hits.row(area, row + 1, crate::explore::Target::Row(number));
    }
    let note = rows.get(at).and_then(|row| app.tree().node(row.node)).map_or("", |node| &node.note);
    put(buffer, area, room + 1, &Line::styled(fit(note, columns), OWN));
}

fn sorted(sort: Sort) -> String {
    format!("branches, sorted by {}", sort.name())
}

fn line(app: &App, row: &Row, node: &Node, words: usize, is_here: bool) -> Line<'static> {
    let indent = "  ".repeat(row.depth.min(DEEPEST).min(words / 6));
    let mark = if row.is_closed { "▸" } else { " " };
    let book = match (node.bookmark, node.votes.is_empty()) {
        (true, _) => "◆",
        (false, false) => "+",
        (false, true) => " ",
    };
    let shown = if node.text.is_empty() { "(nothing yet)".to_owned() } else { visible(&node.shown()).replace('·', " ") };
    let text = fit(&format!("{indent}{}", shown.trim()), words.saturating_sub(2));
    let Statistics { tokens, surprisal, future, .. } = app.tree().statistics(row.node);
    let number = |value: Option<f64>| value.map_or("–".to_owned(), |value| format!("{value:.2}"));
    let numbers = format!(" {tokens:>6} {:>5} {:>5}  ", number(surprisal), number(future));
    let style = match (&node.how, row.is_on_line) {
        (How::Told(_), false) => Style::new(),
        (How::Told(_), true) => BOLD,
        (_, false) => OWN,
        (_, true) => OWN.patch(BOLD),
    };
    let style = if is_here { style.patch(HERE) } else { style };
    Line::from(vec![
        Span::raw(format!("{mark}{book}")),
        Span::styled(text, style),
        Span::raw(numbers),
        Span::styled(with(node), DIM),
    ])
}

/// By what a branch came to be there.
fn with(node: &Node) -> String {
    let text = match &node.how {
        How::Typed => if node.parent.is_none() { "the beginning" } else { "typed" }.to_owned(),
        How::Chosen { rank } => format!("chosen, rank {}", rank + 1),
        How::Told(told) => format!("{}·{}{}", told.preset, told.seed, if told.set.is_empty() { "" } else { " ≠" }),
    };
    if text.width() > WITH { fit(&text, WITH) } else { text }
}
