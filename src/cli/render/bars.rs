//! An explanation as a page: a table of bars, a row for each candidate.

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

use crate::cli::render::figures::{bar, grouped, number, short};
use crate::cli::render::prose::{Ink, end_of, safe, wrap};
use crate::cli::render::terminal::{BOLD, DIM, fit};
use crate::engine::{Cut, ExplainedCandidate, Explanation, Moment, Named};
use crate::sampler::Pick;
use crate::text::visible;

/// The longest bar: longer ones tell nothing more.
const LONGEST: usize = 24;

/// Rows of a chain without `future`, which may leave the whole vocabulary.
const ROWS: usize = 20;

/// Columns for the name of a stage.
const STAGE: usize = 16;

/// The fewest columns for the piece of a token.
const PIECE: usize = 5;

/// How far s must be from p, as a ratio, for a sign at the row.
pub const LIFTED: f64 = 1.05;

const NOW: Style = AnsiColor::Blue.on_default();
const FUTURE: Style = AnsiColor::Magenta.on_default();
const WEIGHT: Style = AnsiColor::Green.on_default();
const HELD: Style = AnsiColor::Red.on_default();

/// The page for a terminal of `width` columns.
pub fn page(explanation: &Explanation, width: usize) -> String {
    let Explanation { moment, preset, entropy, normalised_entropy, alpha, excess, temperature, stages, candidates, .. } =
        explanation;
    let Moment { model, prompt, prompt_tokens: _, seed, step, story_tokens } = moment;
    let place = story_tokens.map_or(String::new(), |of| format!(" · token {} of {of}", step + 1));
    let alpha_now = alpha.map_or(String::new(), |alpha| format!(" · α = {} at t = {step}", short(alpha)));
    let temperature_now = temperature.map_or(String::new(), |temperature| format!(" · T = {}", short(temperature)));
    let excess_now = excess.map_or(String::new(), |excess| format!(" · {} nats beyond its entropy", short(excess)));
    let future_now = normalised_entropy.map_or(String::new(), |normalised| format!(" · Ĥ now {normalised:.2}"));
    let title =
        format!("{} · preset {} · seed {seed}{place}{alpha_now}{excess_now}{temperature_now}", safe(model), safe(preset));
    let now = format!("entropy now {entropy:.2} nats, as of {:.1} equally likely tokens{future_now}", entropy.exp());
    let mut columns = if alpha.is_some() { with_future(candidates) } else { without_future(candidates) };
    columns.truncate(in_room(&columns, width));
    let empty = || vec![String::new()];
    let parts = [
        vec![format!("{BOLD}{}{BOLD:#}", end_of(prompt, width))],
        inked(Ink::Dim, &title, width),
        empty(),
        inked(Ink::Plain, &now, width),
        stages.iter().flat_map(|stage| stage_lines(stage, width)).collect(),
        inked(Ink::Plain, &remark(explanation), width),
        empty(),
        table(explanation, &columns, width),
        candidates.iter().filter_map(unsaid).flat_map(|line| indented(Ink::Dim, &line, width)).collect(),
        empty(),
        signed(&legend(explanation, &columns), width),
    ];
    parts.concat().into_iter().map(|line| line + "\n").collect()
}

fn inked(ink: Ink, text: &str, width: usize) -> Vec<String> {
    wrap(text, width, None).into_iter().map(|line| line.inked(ink).to_string()).collect()
}

/// The same a little to the right.
fn indented(ink: Ink, text: &str, width: usize) -> Vec<String> {
    inked(ink, text, width.saturating_sub(2)).into_iter().map(|line| format!("  {line}")).collect()
}

/// Lines behind the signs that they explain.
fn signed(lines: &[(&str, String)], width: usize) -> Vec<String> {
    let indent = lines.iter().map(|(sign, _)| sign.width()).max().unwrap_or(0) + 2;
    let explain = |(sign, text): &(&str, String)| {
        let wrapped = wrap(text, width.saturating_sub(indent), None);
        let signs = std::iter::once(*sign).chain(std::iter::repeat(""));
        let lines = signs.zip(wrapped).map(|(sign, line)| format!("{DIM}{}{DIM:#}{}", fit(sign, indent), line.inked(Ink::Dim)));
        lines.collect::<Vec<_>>()
    };
    lines.iter().flat_map(explain).collect()
}

/// The futures as a tree: under each candidate what is likeliest to come after it.
pub fn tree(explanation: &Explanation, width: usize) -> String {
    let shown = explanation.candidates.iter().filter(|one| !one.next.is_empty());
    let mut lines = vec![String::new()];
    lines.extend(inked(Ink::Dim, "what is likeliest after each, by the model's own probability", width));
    for one in shown {
        let strong = if one.named.token == explanation.taken.named.token { BOLD } else { Style::new() };
        let mark = mark(&one.named, explanation);
        let openness = one.future.map_or(String::new(), |future| format!("  {FUTURE}Ĥ {}{FUTURE:#}", number(future)));
        lines.push(format!("{strong}{mark} {}{strong:#}{openness}", fit(&name(&one.named), 12.min(width / 3)).trim_end()));
        for (at, next) in one.next.iter().enumerate() {
            let twig = if at + 1 == one.next.len() { "└" } else { "├" };
            let p = next.log_p.exp();
            let columns = 16.min(width / 3);
            let bar = bar(p, width.saturating_sub(columns + 14).min(LONGEST));
            let space = if bar.is_empty() { "" } else { " " };
            lines.push(format!("  {DIM}{twig}{DIM:#} {} {:>5}{space}{NOW}{bar}{NOW:#}", fit(&name(next), columns), number(p)));
        }
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

/// How many are left, and whether a story would look at them.
fn remark(explanation: &Explanation) -> String {
    let left = grouped(explanation.left);
    match (explanation.left, explanation.exponents) {
        (1, None) => "1 token is left".into(),
        (_, None) => format!("{left} tokens are left"),
        (1, Some(_)) => "1 candidate, which a story takes without a look; Ĥ is shown all the same".into(),
        (_, Some(exponents)) if exponents.b == 0.0 => {
            format!("{left} candidates; at b = 0 a story does not look at them, Ĥ is shown all the same")
        }
        (_, Some(_)) => format!("{left} candidates"),
    }
}

/// A stage and the likeliest tokens that fell there, as many as have room.
fn stage_lines(stage: &Cut, width: usize) -> Vec<String> {
    let Cut { stage: _, label, value: _, removed, likeliest } = stage;
    let (ink, cuts) = match removed {
        0 => (Ink::Dim, "nothing".to_owned()),
        _ => (Ink::Plain, grouped(*removed)),
    };
    let mut line = format!("  {} cuts {cuts}", fit(label, STAGE));
    if line.width() > width {
        return indented(ink, &format!("{label} cuts {cuts}"), width);
    }
    if *removed == 0 {
        return vec![format!("{DIM}{line}{DIM:#}")];
    }
    let mut join = ": ";
    for named in likeliest {
        let next = format!("{join}{} {}", name(named), number(named.log_p.exp()));
        if line.width() + next.width() > width.saturating_sub(2) {
            line += if join == ": " { "" } else { " …" };
            break;
        }
        line += &next;
        join = ", ";
    }
    vec![line]
}

/// The head of what is left of a weight by what is not to be said.
const LEFT: &str = "1−m";

/// The head of the model's own probabilities.
const MODEL: &str = "model";

/// A column of numbers with bars.
struct Column<'a> {
    head: &'a str,
    style: Style,
    /// What a full bar stands for.
    full: f64,
    value: fn(&ExplainedCandidate) -> Option<f64>,
    /// Whether ▲ and ▼ stand before it.
    lifts: bool,
}

fn with_future(candidates: &[ExplainedCandidate]) -> Vec<Column<'static>> {
    // One scale for both, so that what the future does to a token can be seen.
    let full = candidates.iter().flat_map(|one| [Some(one.p), one.share]).flatten().fold(0.0, f64::max);
    let mut columns = vec![
        Column { head: "p", style: NOW, full, value: |one| Some(one.p), lifts: false },
        Column { head: "Ĥ", style: FUTURE, full: 1.0, value: |one| one.future, lifts: false },
        Column { head: "share", style: WEIGHT, full, value: |one| one.share, lifts: true },
    ];
    if candidates.iter().any(|one| one.openness.is_some()) {
        let full = candidates.iter().filter_map(|one| one.openness).fold(1.0, f64::max);
        columns.insert(2, Column { head: "Ĥ′", style: FUTURE, full, value: |one| one.openness, lifts: false });
    }
    if candidates.iter().any(|one| one.left.is_some()) {
        let last = columns.len() - 1;
        columns.insert(
            last,
            Column { head: LEFT, style: HELD, full: 1.0, value: |one| one.left.or(one.future.map(|_| 1.0)), lifts: false },
        );
    }
    columns
}

fn without_future(candidates: &[ExplainedCandidate]) -> Vec<Column<'static>> {
    let full = candidates.iter().flat_map(|one| [one.p, one.named.log_p.exp()]).fold(0.0, f64::max);
    vec![
        Column { head: MODEL, style: NOW, full, value: |one| Some(one.named.log_p.exp()), lifts: false },
        Column { head: "p", style: WEIGHT, full, value: |one| Some(one.p), lifts: false },
    ]
}

impl Column<'_> {
    /// Two spaces, ▲ and a space where there may be one, five digits, a space before the bar.
    fn width(&self) -> usize {
        if self.lifts { 10 } else { 8 }
    }
}

/// How many of the columns have room beside the marks and the pieces, the first of them in any case.
fn in_room(columns: &[Column], width: usize) -> usize {
    let ends = columns.iter().scan(2 + PIECE, |end, column| {
        *end += column.width();
        Some(*end)
    });
    ends.take_while(|end| *end <= width).count().max(1)
}

fn table(explanation: &Explanation, columns: &[Column], width: usize) -> Vec<String> {
    let (candidates, taken) = (&explanation.candidates, &explanation.taken.named);
    let recorded = explanation.recorded.as_ref();
    let shown = if explanation.alpha.is_some() { &candidates[..] } else { &candidates[..candidates.len().min(ROWS)] };
    let pieces = shown.iter().map(|one| name(&one.named).width()).max().unwrap_or(0);
    let pieces = pieces.min(width / 5).max(PIECE);
    let fixed = 2 + pieces + columns.iter().map(Column::width).sum::<usize>();
    let bars = (width.saturating_sub(fixed) / columns.len()).min(LONGEST);

    let heads = columns.iter().map(|column| {
        let indent = if column.lifts { 4 } else { 2 };
        " ".repeat(indent) + &fit(column.head, 6 + bars)
    });
    let head = format!("  {}{}", fit("token", pieces), heads.collect::<String>());
    let row = |named: &Named, cells: &[Option<f64>]| {
        let strong = if named.token == taken.token { BOLD } else { Style::new() };
        let mark = mark(named, explanation);
        let mut line = format!("{strong}{mark} {}{strong:#}", fit(&name(named), pieces));
        // Filling goes before the next column, so that no row ends in it.
        let mut filling = 0;
        for (column, cell) in columns.iter().zip(cells) {
            let Column { head: _, style, full, value: _, lifts } = column;
            line += &" ".repeat(filling + 2);
            if *lifts {
                line += &lift(cells[0], *cell);
                line += " ";
            }
            let value = cell.map_or("–".into(), number);
            let mut bar = cell.map_or(String::new(), |cell| bar(cell / full, bars));
            if !bar.is_empty() {
                bar.insert(0, ' ');
            }
            filling = 1 + bars - bar.width();
            line.extend([format!("{strong}{value:>5}{strong:#}"), format!("{style}{bar}{style:#}")]);
        }
        line
    };
    let mut lines = vec![format!("{DIM}{}{DIM:#}", head.trim_end())];
    for one in shown {
        let cells: Vec<Option<f64>> = columns.iter().map(|column| (column.value)(one)).collect();
        lines.push(row(&one.named, &cells));
    }
    let hidden = explanation.left - shown.len().min(explanation.left);
    if hidden > 0 {
        let rest = 1.0 - shown.iter().map(|one| one.p).sum::<f64>();
        let more = format!("… {} more, with p {} together", grouped(hidden), number(rest.max(0.0)));
        lines.extend(indented(Ink::Dim, &more, width));
    }
    let mut apart = vec![taken];
    apart.extend(recorded.filter(|recorded| recorded.token != taken.token));
    for named in apart.into_iter().filter(|named| !shown.iter().any(|one| one.named.token == named.token)) {
        // It is among those that are not shown, or the chain leaves it no chance now.
        let candidate = candidates.iter().find(|one| one.named.token == named.token);
        let own = |column: &Column| (column.head == MODEL).then(|| named.log_p.exp());
        let cell = |column: &Column| candidate.map_or_else(|| own(column), |one| (column.value)(one));
        lines.push(row(named, &columns.iter().map(cell).collect::<Vec<_>>()));
    }
    lines
}

/// Why a candidate would not stay.
fn unsaid(candidate: &ExplainedCandidate) -> Option<String> {
    let ban = safe(candidate.completes.as_ref()?);
    Some(format!("{} would be taken back: with it `{ban}` would be said", name(&candidate.named)))
}

/// Whether the token is the one that is drawn, or the one that the story has.
fn mark(named: &Named, explanation: &Explanation) -> &'static str {
    match &explanation.recorded {
        Some(recorded) if recorded.token == named.token => "✓",
        _ if explanation.taken.named.token == named.token => "›",
        _ => " ",
    }
}

/// What the signs of the page stand for, as far as these columns have them.
fn legend(explanation: &Explanation, columns: &[Column]) -> Vec<(&'static str, String)> {
    let future = explanation.stages.iter().position(|stage| ["future", "shuffle"].contains(&stage.stage));
    let after = future.map_or(&[][..], |at| &explanation.stages[at + 1..]);
    let after: Vec<&str> = after.iter().map(|stage| stage.label.as_str()).collect();
    // s is what the stages behind `future` begin with, and no chance yet.
    let behind = if after.is_empty() { String::new() } else { format!(", after {} on s", after.join(", ")) };
    let taken = match explanation.pick {
        Pick::Sample => format!("what seed {} draws{behind}", explanation.moment.seed),
        Pick::Argmax => format!("what is taken, with any seed: it has the most weight{behind}"),
    };
    let mut lines = match explanation.exponents {
        None => vec![
            (MODEL, "the model's probability".into()),
            ("p", "the same after the chain, among the tokens that are left".into()),
        ],
        Some(exponents) => {
            let (a, b) = (short(exponents.a), short(exponents.b));
            let weighed = if explanation.candidates.iter().any(|one| one.openness.is_some()) { "Ĥ′" } else { "Ĥ" };
            vec![
                ("p", "the model's probability, among these candidates".into()),
                ("Ĥ", "how open the story is after the token: 0 is settled, 1 wide open".into()),
                ("Ĥ′", "Ĥ as it is weighed: at most its ceiling, and against what is usual after the token".into()),
                (
                    LEFT,
                    "what is left of s: m is the share of what is likeliest behind the token that ends what is not to be said"
                        .into(),
                ),
                ("share", format!("of s = p^a · {weighed}^b in the sum of all, a = {a}, b = {b}; ▲ above p, ▼ below")),
            ]
        }
    };
    lines.retain(|(sign, _)| columns.iter().any(|column| column.head == *sign));
    match &explanation.recorded {
        None => lines.push(("›", taken)),
        Some(recorded) if recorded.token == explanation.taken.named.token => {
            lines.push(("✓", format!("the token that the story has: {taken}")));
        }
        Some(_) => lines.extend([("✓", "the token that the story has".into()), ("›", taken)]),
    }
    lines
}

/// The piece of a token on one line.
pub fn name(named: &Named) -> String {
    match named.ends {
        true if named.piece.is_empty() => "(the end)".into(),
        false if named.piece.is_empty() => "(nothing)".into(),
        true => format!("{} (end)", visible(&named.piece)),
        false => visible(&named.piece),
    }
}

/// Whether the future lifts a token or holds it back.
fn lift(p: Option<f64>, s: Option<f64>) -> String {
    match (p, s) {
        (Some(p), Some(s)) if s > p * LIFTED => format!("{WEIGHT}▲{WEIGHT:#}"),
        (Some(p), Some(s)) if s * LIFTED < p => format!("{HELD}▼{HELD:#}"),
        _ => " ".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Exponents, Taken};

    fn named(token: u32, piece: &str) -> Named {
        Named { token, piece: piece.into(), ends: piece.is_empty(), log_p: -1.5 }
    }

    /// Two candidates under `future`, or three tokens that a chain without it leaves.
    fn explanation(future: bool) -> Explanation {
        let candidate = |token, piece: &str, p, h, s| {
            let known = |x| future.then_some(x);
            let next = vec![named(7, " 狼 \u{1b}long"); 9];
            ExplainedCandidate {
                named: named(token, piece),
                p,
                future: known(h),
                openness: None,
                log_s: known(-1.0),
                share: known(s),
                left: None,
                completes: None,
                next,
            }
        };
        let likeliest = (0..40).map(|token| named(token, " youth")).collect();
        Explanation {
            moment: Moment {
                model: "m\u{1b}[2J".into(),
                prompt: "a\nlong ".repeat(30),
                prompt_tokens: vec![1],
                seed: 7,
                step: 3,
                story_tokens: None,
            },
            preset: "wave".into(),
            resolved: String::new(),
            entropy: 2_f64.ln(),
            normalised_entropy: future.then_some(0.5),
            alpha: future.then_some(0.0),
            excess: None,
            temperature: Some(1.25),
            exponents: future.then_some(Exponents { a: 1.0, b: 0.5 }),
            stages: vec![
                Cut { stage: "dry", label: "dry 0.8".into(), value: None, removed: 0, likeliest: Vec::new() },
                Cut { stage: "min-p", label: "min-p 0.05".into(), value: None, removed: 4082, likeliest },
            ],
            left: if future { 2 } else { 3 },
            candidates: vec![candidate(3, " 狼\u{202e}", 0.75, 0.25, 0.5), candidate(5, "", 0.2, 1.0, 0.5)],
            pick: Pick::Sample,
            taken: Taken { named: named(if future { 5 } else { 9 }, " rare"), rank: Some(1) },
            recorded: None,
            strayed: None,
        }
    }

    fn lines(explanation: &Explanation, width: usize) -> Vec<String> {
        let page = anstream::adapter::strip_str(&page(explanation, width)).to_string();
        page.lines().map(String::from).collect()
    }

    #[test]
    fn a_candidate_is_a_row_with_p_its_future_and_its_weight() {
        let lines = lines(&explanation(true), 80);
        let rows = [
            "  token      p                     Ĥ                       share",
            "  ·狼�       0.750 ██████████████  0.250 ███▌            ▼ 0.500 █████████▍",
            "› (the end)  0.200 ███▊            1.000 ██████████████  ▲ 0.500 █████████▍",
        ];
        assert!(lines.windows(3).any(|three| three == rows), "{lines:#?}");
    }

    #[test]
    fn what_is_not_to_be_said_is_shown_beside_what_it_leaves() {
        let mut explanation = explanation(true);
        explanation.candidates[0].left = Some(0.25);
        explanation.candidates[1].completes = Some("a testament to".to_owned());
        let lines = lines(&explanation, 100);
        assert!(lines.iter().any(|line| line.contains("Ĥ") && line.contains("1−m")), "{lines:#?}");
        assert!(lines.iter().any(|line| line.contains("0.250 ") && line.contains("狼")), "{lines:#?}");
        assert!(
            lines.iter().any(|line| line == "  (the end) would be taken back: with it `a testament to` would be said"),
            "{lines:#?}"
        );
        assert!(lines.iter().any(|line| line.starts_with("1−m")), "{lines:#?}");
    }

    #[test]
    fn no_line_is_wider_than_the_terminal_or_ends_in_spaces() {
        for width in 1..=200 {
            for future in [true, false] {
                for recorded in [None, Some(named(3, " 狼")), Some(named(77, " nowhere"))] {
                    for line in lines(&Explanation { recorded, ..explanation(future) }, width) {
                        // No terminal is taken to be narrower than this.
                        assert!(line.width() <= width.max(20), "{} > {width}: {line}", line.width());
                        assert!(line.trim_end() == line && !line.contains(['\u{1b}', '\u{202e}']), "{line:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_narrow_table_has_the_columns_that_have_room() {
        let heads = |width| {
            let lines = lines(&explanation(true), width);
            let head = lines.iter().find(|line| line.starts_with("  token")).unwrap().clone();
            head.split_whitespace().skip(1).map(String::from).collect::<Vec<_>>().join(" ")
        };
        assert_eq!([20, 22, 23, 32, 33, 200].map(heads), ["p", "p", "p Ĥ", "p Ĥ", "p Ĥ share", "p Ĥ share"]);
    }

    #[test]
    fn the_token_that_the_story_has_is_marked_beside_the_one_that_is_drawn() {
        let rows = |recorded| {
            let lines = lines(&Explanation { recorded: Some(recorded), ..explanation(true) }, 80);
            let marked = lines.iter().filter(|line| line.starts_with(['✓', '›']));
            marked.map(|line| line.split("  ").next().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(rows(named(5, "")), ["✓ (the end)", "✓"]);
        assert_eq!(rows(named(3, " 狼")), ["✓ ·狼�", "› (the end)", "✓", "›"]);
        assert_eq!(rows(named(77, " cut")), ["› (the end)", "✓ ·cut", "✓", "›"]);
    }

    #[test]
    fn a_tree_has_a_twig_for_every_next_token_and_no_line_too_wide() {
        for width in [20, 40, 80] {
            let tree = anstream::adapter::strip_str(&tree(&explanation(true), width)).to_string();
            assert_eq!(tree.matches('├').count() + tree.matches('└').count(), 18, "{tree}");
            let whole = if width < 40 {
                "› (the …  Ĥ 1.000\n  ├ ·狼·�… "
            } else {
                "› (the end)  Ĥ 1.000\n  ├ ·狼·�long"
            };
            assert!(tree.contains(whole), "{tree}");
            assert!(tree.lines().all(|line| line.width() <= width && line.trim_end() == line), "{tree}");
        }
    }

    #[test]
    fn what_is_taken_is_shown_even_where_it_is_not_among_the_likeliest() {
        let lines = lines(&explanation(false), 80);
        assert!(lines.iter().any(|line| line.starts_with("  … 1 more, with p 0.050 together")), "{lines:#?}");
        assert!(lines.iter().any(|line| line.starts_with("› ·rare")), "{lines:#?}");
    }
}
