//! The course of a story beside its text: α and the running surprisal, a block a column, with the cursor.

use ratatui::style::Style;
use ratatui::text::{Line, Span};

use super::look::{DIM, HERE};
use crate::cli::render::figures::course;
use crate::report::{HIGHEST, running};
use crate::story::TracedToken;

/// Columns of a sign before a course.
const SIGN: usize = 2;

/// The courses in so many columns. `trace` has a token each, with what is known of it; where there are more than columns, those around the
/// cursor are shown.
pub fn wave(trace: &[Option<&TracedToken>], cursor: usize, columns: usize) -> Vec<Line<'static>> {
    let known: Vec<f64> = trace.iter().flatten().map(|token| token.surprisal).collect();
    if known.is_empty() {
        return Vec::new();
    }
    let room = columns.saturating_sub(SIGN).max(1);
    let from = (cursor + 1).saturating_sub(room / 2).min(trace.len().saturating_sub(room));
    let window = from..trace.len().min(from + room);
    let mut means = running(&known).into_iter();
    let nats: Vec<Option<f64>> = trace.iter().map(|token| token.and_then(|_| means.next())).collect();
    let surprisals = nats.iter().map(|nats| nats.map(|nats| nats / HIGHEST));
    let alphas = trace.iter().map(|token| token.and_then(|token| token.alpha).map(|alpha| f64::midpoint(alpha, 1.0)));
    let has_alpha = trace.iter().flatten().any(|token| token.alpha.is_some());
    let mut courses: Vec<(&str, Vec<Option<f64>>)> = if has_alpha { vec![("α", alphas.collect())] } else { Vec::new() };
    courses.push(("s", surprisals.collect()));
    courses.iter().map(|(sign, shares)| line(sign, &shares[window.clone()], cursor.checked_sub(from))).collect()
}

/// A course behind its sign; what is not known is blank.
fn line(sign: &str, shares: &[Option<f64>], cursor: Option<usize>) -> Line<'static> {
    let mut spans = vec![Span::styled(format!("{sign} "), DIM)];
    for (at, share) in shares.iter().enumerate() {
        let block = share.map_or(" ".to_owned(), |share| course([share]));
        let style = if cursor == Some(at) { HERE } else { Style::new() };
        spans.push(Span::styled(block, style));
    }
    Line::from(spans)
}
