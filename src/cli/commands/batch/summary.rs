//! What came of a run: a table by preset, or a JSON object.

use std::io::Write as _;
use std::time::Duration;

use anyhow::Result;
use serde::Serialize;

use crate::batch::{Parallel, Shelf, Sums};
use crate::cli::render::table;
use crate::cli::render::terminal::Terminal;
use crate::text::{grouped, plural};

/// What this run did.
#[derive(Debug, Clone, Copy)]
pub struct Total {
    /// Stories that were asked for.
    pub asked: usize,
    /// Stories that were told now.
    pub told: usize,
    /// Tokens that were told now.
    pub tokens: usize,
    pub time: Duration,
}

/// The end of a run, for programs.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Ended {
    event: &'static str,
    stories: usize,
    of: usize,
    /// Those of this run.
    told: usize,
    tokens: usize,
    seconds: f64,
    presets: Vec<Row>,
}

#[derive(Serialize)]
struct Row {
    preset: String,
    #[serde(flatten)]
    sums: Sums,
}

/// The first of these names.
pub fn shown(names: &[String]) -> String {
    const SHOWN: usize = 3;
    let more = names.len().saturating_sub(SHOWN);
    let first = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    if more > 0 { format!("{first} and {} more", grouped(more)) } else { first }
}

/// Shows what the folder holds, and what it took.
pub fn show(shelf: &Shelf, total: &Total, parallel: &Parallel, json: bool, terminal: &Terminal) -> Result<()> {
    let Total { asked, told, tokens, time } = *total;
    let stories = shelf.len();
    let presets = Sums::by_preset(shelf.entries());
    let empty: usize = presets.iter().map(|(_, sums)| sums.empty).sum();
    let mut out = terminal.out();
    if json {
        let presets = presets.into_iter().map(|(preset, sums)| Row { preset, sums }).collect();
        let seconds = time.as_secs_f64();
        let ended = Ended { event: "ended", stories, of: asked, told, tokens, seconds, presets };
        writeln!(out, "{}", serde_json::to_string(&ended)?)?;
        return Ok(());
    }
    if !presets.is_empty() {
        for line in table(&presets, terminal.width.min(100)) {
            writeln!(out, "{line}")?;
        }
    }
    let pace =
        if told > 0 { format!(" · {:.0} tokens/s", tokens as f64 / time.as_secs_f64().max(1e-9)) } else { String::new() };
    // Of several memories each decodes on its own, which the pace does not tell.
    let Parallel { sessions, streams } = *parallel;
    let memories = if sessions > 1 && streams > 1 && told > 0 {
        format!(" · {sessions} memories of {streams} stories")
    } else {
        String::new()
    };
    let now = if told == stories { String::new() } else { format!(" ({} now)", grouped(told)) };
    terminal.note(format_args!("{} of {} stories{now}{pace}{memories}", grouped(stories), grouped(asked)));
    if empty > 0 {
        let one = "story is empty: the model ended it at once · `--min-tokens 50` makes it go on";
        let many = "stories are empty: the model ended them at once · `--min-tokens 50` makes them go on";
        terminal.note(plural(empty, one, many));
    }
    Ok(())
}

/// One line a preset, under a head. Columns of endings that no story met are left out.
fn table(presets: &[(String, Sums)], width: usize) -> Vec<String> {
    type Column = (&'static str, fn(&Sums) -> usize);
    let counts: [Column; 10] = [
        ("stories", |sums| sums.stories),
        ("words", |sums| sums.words),
        ("tokens", |sums| sums.tokens),
        ("ended", |sums| sums.ended),
        ("stopped", |sums| sums.stopped),
        ("limit", |sums| sums.full),
        ("context", |sums| sums.context),
        ("loop", |sums| sums.looped),
        ("failed", |sums| sums.failed),
        ("empty", |sums| sums.empty),
    ];
    let is_usual = |name: &str| ["stories", "words", "tokens"].contains(&name);
    let shown: Vec<Column> =
        counts.into_iter().filter(|(name, count)| is_usual(name) || presets.iter().any(|(_, sums)| count(sums) > 0)).collect();
    let pace =
        |sums: &Sums| if sums.seconds > 0.0 { format!("{:.0}", sums.tokens as f64 / sums.seconds) } else { "–".into() };
    let each = |sums: &Sums| format!("{:.2}", sums.evaluations as f64 / sums.tokens.max(1) as f64);
    let column = |head: &str, cell: &dyn Fn(&Sums) -> String| {
        std::iter::once(head.to_owned()).chain(presets.iter().map(|(_, sums)| cell(sums))).collect()
    };
    let counts = shown.iter().map(|(name, count)| column(name, &|sums| grouped(count(sums))));
    let columns: Vec<Vec<String>> = counts.chain([column("tokens/s", &pace), column("eval/token", &each)]).collect();
    let names: Vec<&str> = std::iter::once("preset").chain(presets.iter().map(|(preset, _)| preset.as_str())).collect();
    table::lines(&names, columns, width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_fits_its_width_and_names_only_endings_that_were_met() {
        let sums = Sums {
            stories: 12,
            words: 2040,
            tokens: 3000,
            evaluations: 3750,
            ended: 4,
            full: 8,
            seconds: 2.0,
            ..Sums::default()
        };
        let rows = [("wave".to_owned(), sums), ("future · future.alpha=-1 and more of it".to_owned(), sums)];
        let lines: Vec<String> = table(&rows, 80).iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect();
        assert!(lines.iter().all(|line| line.chars().count() <= 80), "{lines:?}");
        let words: Vec<&str> = lines[0].split_whitespace().collect();
        assert_eq!(words, ["preset", "stories", "words", "tokens", "ended", "limit", "tokens/s", "eval/token"]);
        assert_eq!(lines[1].split_whitespace().collect::<Vec<_>>(), ["wave", "12", "2,040", "3,000", "4", "8", "1500", "1.25"]);
        for width in [20, 40, 60] {
            let lines = table(&rows, width);
            assert!(
                lines.iter().all(|line| anstream::adapter::strip_str(line).to_string().chars().count() <= width),
                "{lines:?}"
            );
        }
    }
}
