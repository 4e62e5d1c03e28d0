//! The page: the story, beside it the decision at the cursor, and its course.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::decision::panel;
use super::look::{BOLD, DIM, HERE, Look, OWN};
use super::setting::{Legible, Run, set};
use super::view::Hits;
use super::wave::wave;
use crate::cli::render::prose::safe;
use crate::cli::render::terminal::fit;
use crate::explore::{App, How, Spot, Target};

/// The narrowest screen on which the decision stands beside the story; on a narrower one it stands below.
const BESIDE: u16 = 76;

/// Columns between the story and the decision.
const GAP: u16 = 2;

/// Where the parts of the page lie.
struct Places {
    story: Rect,
    decision: Rect,
    wave: Rect,
}

impl Places {
    fn of(area: Rect) -> Self {
        let Rect { x, y, width, height } = area;
        if width >= BESIDE {
            let decision = (width / 3).max(28);
            let story = width - decision - GAP;
            let right = x + story + GAP;
            Self {
                story: Rect::new(x, y, story, height),
                decision: Rect::new(right, y, decision, height.saturating_sub(3)),
                wave: Rect::new(right, y + height.saturating_sub(2), decision, 2),
            }
        } else {
            let story = height.saturating_sub(3) / 2;
            let decision = height.saturating_sub(story + 4);
            Self {
                story: Rect::new(x, y, width, story),
                decision: Rect::new(x, y + story + 1, width, decision),
                wave: Rect::new(x, y + height.saturating_sub(2), width, 2),
            }
        }
    }
}

/// Draws the page.
pub fn draw(buffer: &mut Buffer, area: Rect, app: &App, look: Look, hits: &mut Hits) {
    let places = Places::of(area);
    story(buffer, places.story, app, look, hits);
    decide(buffer, places.decision, app, hits);
    let traces: Vec<_> = app.spots().collect();
    let traces: Vec<_> = traces.iter().map(Spot::trace).collect();
    for (row, line) in wave(&traces, app.cursor(), usize::from(places.wave.width)).iter().enumerate() {
        put(buffer, places.wave, row, line);
    }
}

/// A line of a part of the screen.
pub fn put(buffer: &mut Buffer, area: Rect, row: usize, line: &Line) {
    if let Ok(row) = u16::try_from(row)
        && row < area.height
    {
        buffer.set_line(area.x, area.y + row, line, area.width);
    }
}

fn decide(buffer: &mut Buffer, area: Rect, app: &App, hits: &mut Hits) {
    let Some((decision, chosen)) = app.decision() else {
        let text = app.doing().unwrap_or_else(|| "nothing is known of this place".to_owned());
        return put(buffer, area, 0, &Line::styled(fit(&text, usize::from(area.width)), DIM));
    };
    let stands = app.token_at(app.cursor());
    let panel = panel(decision, chosen, stands, usize::from(area.width), usize::from(area.height));
    for (row, line) in panel.lines.iter().enumerate() {
        put(buffer, area, row, line);
    }
    for (row, candidate) in panel.rows {
        hits.row(area, row, Target::Candidate(candidate));
    }
}

/// The text with the cursor in it, and under that where the candidates would lead.
fn story(buffer: &mut Buffer, area: Rect, app: &App, look: Look, hits: &mut Hits) {
    let tree = app.tree();
    let beginning = tree.node(tree.root()).map_or(&[][..], |root| &root.text);
    let spots: Vec<Spot> = app.spots().collect();
    let legible = Legible::of(std::iter::once(beginning).chain(spots.iter().map(|spot| spot.text)));
    let lines = set(&legible, usize::from(area.width));
    // Token 0 is the beginning, and each piece stands behind it.
    let cursor = app.cursor() + 1;
    let at = legible.range(cursor).start;
    let is_here = |line: &Vec<Run>| line.first().is_some_and(|run| run.at <= at);
    let end = lines.len().saturating_sub(1);
    let line_here = if at == legible.text.len() { end } else { lines.iter().rposition(is_here).unwrap_or(0) };
    let before = |run: &&Run| run.at < at;
    let column = lines[line_here].iter().rfind(before).map_or(0, |run| run.column + run.text.width());
    let ghosts = ghosts(app, usize::from(area.width), column);
    let (height, ghost_rows) = (usize::from(area.height), usize::from(ghosts.is_some()));
    let all = lines.len() + ghost_rows;
    let top = line_here.saturating_sub(height * 3 / 5).min(all.saturating_sub(height));
    let forks = forks(app, &spots);
    for (number, line) in lines.iter().enumerate().skip(top) {
        let row = number - top + if number > line_here { ghost_rows } else { 0 };
        for run in line {
            let style = style(run.token, cursor, &spots, &forks, app, look);
            let text = if run.text.is_empty() && run.token == cursor { "⏎" } else { &run.text };
            let place = (usize::from(area.x) + run.column, row);
            hits.run(area, place, text.width(), run.token.checked_sub(1).map(Target::Piece));
            put_at(buffer, area, place, &Span::styled(text, style));
        }
        if number == line_here && cursor > spots.len() {
            let column = column.min(usize::from(area.width).saturating_sub(1));
            put_at(buffer, area, (usize::from(area.x) + column, row), &Span::styled(" ", HERE));
        }
    }
    if let Some((column, ghosts)) = ghosts {
        let row = line_here - top + 1;
        if row < height {
            let row = area.y + u16::try_from(row).unwrap_or(u16::MAX);
            let column = u16::try_from(column).unwrap_or(u16::MAX);
            buffer.set_line(area.x + column, row, &ghosts, area.width.saturating_sub(column));
        }
    }
}

/// A run of a line of the screen, at its column and row.
fn put_at(buffer: &mut Buffer, area: Rect, (column, row): (usize, usize), span: &Span) {
    let (Ok(column), Ok(row)) = (u16::try_from(column), u16::try_from(row)) else { return };
    if row < area.height && column < area.right() {
        buffer.set_span(column, area.y + row, span, area.right() - column);
    }
}

/// The pieces with which a branch begins that is not the only one.
fn forks(app: &App, spots: &[Spot]) -> Vec<bool> {
    let is_fork = |spot: &Spot| spot.at == 0 && app.tree().siblings(spot.id).len() > 1;
    spots.iter().map(is_fork).collect()
}

fn style(token: usize, cursor: usize, spots: &[Spot], forks: &[bool], app: &App, look: Look) -> Style {
    if token == cursor {
        return HERE;
    }
    let Some(piece) = token.checked_sub(1) else { return DIM };
    let Some(spot) = spots.get(piece) else { return Style::new() };
    let style = match (app.layer(), spot.trace()) {
        (Some(by), Some(trace)) => look.layer(by, trace),
        _ if matches!(spot.node.how, How::Told(_)) => Style::new(),
        _ => OWN,
    };
    if forks[piece] { style.add_modifier(Modifier::UNDERLINED) } else { style }
}

/// Where the candidates would lead, on one line that begins under the cursor where it has room, and its column.
fn ghosts(app: &App, columns: usize, column: usize) -> Option<(usize, Line<'static>)> {
    let (decision, chosen) = app.decision()?;
    let mut spans: Vec<Span<'static>> = Vec::new();
    let mut wide = 0;
    // The chosen one first, and the others in their order.
    let others = decision.candidates.iter().enumerate().filter(|(at, _)| *at != chosen);
    let ordered = decision.candidates.get(chosen).map(|one| (chosen, one)).into_iter().chain(others);
    for (at, one) in ordered {
        let Some(text) = app.ghost(one.named.token) else { continue };
        let shown = safe(text).replace('\n', "⏎").trim().to_owned();
        let gap = if spans.is_empty() { "" } else { " · " };
        if wide + gap.width() + shown.width() > columns {
            break;
        }
        wide += gap.width() + shown.width();
        spans.extend([Span::styled(gap, DIM), Span::styled(shown, if at == chosen { DIM.patch(BOLD) } else { DIM })]);
    }
    (wide > 0).then(|| (column.min(columns - wide), Line::from(spans)))
}
