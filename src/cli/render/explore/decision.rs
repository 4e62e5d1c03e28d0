//! A decision as a panel: candidates with what speaks for them, and what each stage cut.

use ratatui::style::{Color, Style};
use ratatui::text::{Line, Span};
use unicode_width::UnicodeWidthStr;

use super::look::{BOLD, DIM, HERE};
use crate::cli::render::bars::{LIFTED, name};
use crate::cli::render::figures::{bar, grouped, number, short};
use crate::cli::render::terminal::fit;
use crate::engine::{Cut, ExplainedCandidate, Explanation};
use crate::prob::Token;

/// Columns of the sign before a candidate.
const SIGN: usize = 2;

/// Columns of a number, with the space or sign before it.
const NUMBER: usize = 6;

/// The longest bar: longer ones tell nothing more.
const LONGEST: usize = 10;

/// Tokens that are named of what a stage cut.
const NAMED: usize = 3;

const NOW: Style = Style::new().fg(Color::Blue);
const FUTURE: Style = Style::new().fg(Color::Magenta);
const WEIGHT: Style = Style::new().fg(Color::Green);
const HELD: Style = Style::new().fg(Color::Red);

/// A panel, and which of its lines are candidates.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Panel {
    pub lines: Vec<Line<'static>>,
    /// The line of a candidate, and its number.
    pub rows: Vec<(usize, usize)>,
}

/// The decision in so many columns and rows, with this candidate chosen, and this token standing there.
pub fn panel(decision: &Explanation, chosen: usize, stands: Option<Token>, columns: usize, rows: usize) -> Panel {
    let columns = columns.max(SIGN + 3 * NUMBER);
    let mut lines: Vec<Line<'static>> = head(decision, columns);
    let cuts: Vec<Line<'static>> = decision.stages.iter().filter_map(|stage| cut(stage, columns)).collect();
    let all = decision.candidates.len();
    // Candidates have at least half of the room, and what they leave is the cuts'.
    let room = rows.saturating_sub(lines.len() + 1);
    let shown = all.min(room.saturating_sub(cuts.len()).max(room / 2).max(1));
    let from = chosen.saturating_sub(shown / 2).min(all - shown.min(all));
    let table = Table::of(decision, columns);
    lines.push(table.heads());
    let mut numbered = Vec::new();
    for (at, one) in decision.candidates.iter().enumerate().skip(from).take(shown) {
        numbered.push((lines.len(), at));
        lines.push(table.row(one, at == chosen, stands, decision.taken.named.token));
    }
    lines.extend(cuts.into_iter().take(rows.saturating_sub(lines.len())));
    lines.truncate(rows);
    Panel { lines, rows: numbered }
}

/// Where the decision stands: α and t, and how open it is now.
fn head(decision: &Explanation, columns: usize) -> Vec<Line<'static>> {
    let Explanation { moment, entropy, normalised_entropy, alpha, temperature, excess, .. } = decision;
    let mut facts = vec![format!("t {}", moment.step)];
    facts.extend(alpha.map(|alpha| format!("α {}", short(alpha))));
    facts.extend(temperature.map(|temperature| format!("T {}", short(temperature))));
    facts.extend(excess.map(|excess| format!("beyond {}", short(excess))));
    let mut now = vec![format!("entropy {entropy:.2}")];
    now.extend(normalised_entropy.map(|now| format!("Ĥ now {now:.2}")));
    [facts, now].into_iter().map(|facts| Line::styled(fit(&facts.join(" · "), columns), DIM)).collect()
}

/// A stage and the likeliest tokens that fell there; nothing where it cut nothing.
fn cut(stage: &Cut, columns: usize) -> Option<Line<'static>> {
    let Cut { label, removed, likeliest, .. } = stage;
    if *removed == 0 {
        return None;
    }
    let mut line = format!("{label} −{}", grouped(*removed));
    let mut join = ": ";
    for named in likeliest.iter().take(NAMED) {
        let next = format!("{join}{}", name(named));
        if line.width() + next.width() > columns {
            break;
        }
        line += &next;
        join = ", ";
    }
    Some(Line::styled(fit(&line, columns), DIM))
}

/// How wide the columns are.
struct Table {
    pieces: usize,
    bars: usize,
    /// What a full bar of a share stands for.
    full: f64,
    has_future: bool,
}

impl Table {
    fn of(decision: &Explanation, columns: usize) -> Self {
        let candidates = &decision.candidates;
        let has_future = candidates.iter().any(|one| one.share.is_some());
        let count = if has_future { 3 } else { 2 };
        let room = columns.saturating_sub(SIGN + count * NUMBER);
        let longest = candidates.iter().map(|one| name(&one.named).width()).max().unwrap_or(0).max("token".len());
        let pieces = longest.min(room).min((columns / 3).max(7));
        let bars = ((room - pieces) / count).min(LONGEST);
        let full = candidates.iter().flat_map(|one| [Some(one.p), one.share]).flatten().fold(0.0, f64::max);
        Self { pieces, bars, full, has_future }
    }

    fn heads(&self) -> Line<'static> {
        let heads = if self.has_future { &["p", "Ĥ", "s"][..] } else { &["model", "p"] };
        let heads: Vec<String> = heads.iter().map(|head| fit(head, NUMBER - 1 + self.bars)).collect();
        Line::styled(format!("  {} {}", fit("token", self.pieces), heads.join(" ")).trim_end().to_owned(), DIM)
    }

    fn row(&self, one: &ExplainedCandidate, is_chosen: bool, stands: Option<Token>, drawn: Token) -> Line<'static> {
        let (stands, drawn) = (stands == Some(one.named.token), drawn == one.named.token);
        let sign = if stands {
            "✓ "
        } else if drawn {
            "› "
        } else {
            "  "
        };
        let strong = if stands || drawn { BOLD } else { Style::new() };
        let name_style = if is_chosen { strong.patch(HERE) } else { strong };
        let mut spans = vec![Span::styled(sign, strong), Span::styled(fit(&name(&one.named), self.pieces), name_style)];
        let model = one.named.log_p.exp();
        if self.has_future {
            self.number(&mut spans, Some(one.p), self.full, NOW, None);
            self.number(&mut spans, one.future, 1.0, FUTURE, None);
            self.number(&mut spans, one.share, self.full, WEIGHT, Some(one.p));
        } else {
            self.number(&mut spans, Some(model), self.full.max(model), NOW, None);
            self.number(&mut spans, Some(one.p), self.full, WEIGHT, None);
        }
        Line::from(spans)
    }

    /// A number with its bar; before it whether it is above or below `from`.
    fn number(&self, spans: &mut Vec<Span<'static>>, value: Option<f64>, full: f64, style: Style, from: Option<f64>) {
        spans.push(match (from, value) {
            (Some(from), Some(value)) if value > from * LIFTED => Span::styled("▲", WEIGHT),
            (Some(from), Some(value)) if value * LIFTED < from => Span::styled("▼", HELD),
            _ => Span::raw(" "),
        });
        spans.push(Span::raw(format!("{:>5}", value.map_or("–".into(), number))));
        let drawn = value.map_or(String::new(), |value| bar(value / full, self.bars));
        spans.push(Span::styled(fit(&drawn, self.bars), style));
    }
}
