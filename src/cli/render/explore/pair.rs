//! Two branches side by side: compared, or without names.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::look::{BOLD, DIM, OWN};
use super::page::put;
use super::setting::{Legible, set};
use crate::cli::render::terminal::fit;
use crate::explore::{App, Blind, Comparison, NodeId};

/// Columns between the two.
const GAP: u16 = 3;

/// Lines that are shown before the place where two part.
const BEFORE: usize = 3;

/// Stands where a text becomes its own.
const PARTING: &str = "‖";

/// The writer's text beside another one: what they share is dim, and each goes on behind the sign.
pub fn compare(buffer: &mut Buffer, area: Rect, app: &App, comparison: &Comparison) {
    let other = comparison.other();
    let shared = app.shared(other);
    let texts = [app.tree().current(), other].map(|leaf| app.tree().text(leaf));
    let heads = ["this text".to_owned(), format!("another, {} of {}", comparison.at + 1, comparison.others.len())];
    for (half, (text, head)) in halves(area).into_iter().zip(texts.iter().zip(&heads)) {
        let body = headed(buffer, half, head);
        let (before, behind) = text.split_at(shared.min(text.len()));
        let legible = Legible::of([before, PARTING.as_bytes(), behind].into_iter());
        let lines = set(&legible, usize::from(body.width));
        let parting = lines.iter().position(|line| line.iter().any(|run| run.token > 0)).unwrap_or(0);
        let top = parting.saturating_sub(BEFORE).saturating_add(comparison.scroll).min(lines.len().saturating_sub(1));
        for (row, line) in lines.iter().skip(top).enumerate() {
            let styles = [DIM, BOLD, OWN];
            let spans = line.iter().map(|run| Span::styled(run.text.clone(), styles[run.token.min(2)]));
            put(buffer, body, row, &Line::from(spans.collect::<Vec<_>>()));
        }
    }
}

/// Two branches behind the same words, without their names.
pub fn blind(buffer: &mut Buffer, area: Rect, app: &App, blind: &Blind) {
    let tree = app.tree();
    let parent = tree.node(blind.pair[0]).and_then(|node| node.parent).unwrap_or(tree.root());
    let before = set(&Legible::of(std::iter::once(&tree.text(parent)[..])), usize::from(area.width));
    let rows = before.len().min(BEFORE);
    for (row, line) in before[before.len() - rows..].iter().enumerate() {
        let spans = line.iter().map(|run| Span::styled(run.text.clone(), DIM));
        put(buffer, area, row, &Line::from(spans.collect::<Vec<_>>()));
    }
    let down = u16::try_from(rows + 1).unwrap_or(u16::MAX).min(area.height);
    let below = Rect::new(area.x, area.y + down, area.width, area.height - down);
    let text = |node: NodeId| tree.node(node).map_or(&[][..], |node| &node.text);
    for ((half, head), node) in halves(below).into_iter().zip(["1", "2"]).zip(blind.pair) {
        let body = headed(buffer, half, head);
        for (row, line) in set(&Legible::of(std::iter::once(text(node))), usize::from(body.width)).iter().enumerate() {
            let text: String = line.iter().map(|run| run.text.as_str()).collect();
            put(buffer, body, row, &Line::styled(text, Style::new()));
        }
    }
}

fn halves(area: Rect) -> [Rect; 2] {
    let half = (area.width - GAP) / 2;
    let right = area.x + half + GAP;
    [Rect::new(area.x, area.y, half, area.height), Rect::new(right, area.y, area.right() - right, area.height)]
}

/// A half with its heading; what is left below that.
fn headed(buffer: &mut Buffer, area: Rect, head: &str) -> Rect {
    put(buffer, area, 0, &Line::styled(fit(head, usize::from(area.width)), BOLD));
    put(buffer, area, 1, &Line::styled("─".repeat(usize::from(area.width)), DIM));
    let down = area.height.min(2);
    Rect::new(area.x, area.y + down, area.width, area.height - down)
}
