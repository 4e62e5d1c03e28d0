//! Scored texts for people: a table, and what a number alone does not say.

use crate::cli::render::figures::course;
use crate::cli::render::table;
use crate::eval::judge::{Profile, Ranks, Surprisal};
use crate::report::HIGHEST;
use crate::story::{ScoredText, Windows};
use crate::text::{grouped, some};

/// What the last line is called, where there are several texts.
const ALL: &str = "all";

/// A line a text, and one for all of them where there are several.
pub fn table(texts: &[(&str, &ScoredText)], width: usize) -> Vec<String> {
    let all: Vec<&ScoredText> = texts.iter().map(|(_, text)| *text).collect();
    let mut rows: Vec<Vec<&ScoredText>> = all.iter().map(|text| vec![*text]).collect();
    let mut names: Vec<&str> = std::iter::once("text").chain(texts.iter().map(|(name, _)| *name)).collect();
    if texts.len() > 1 {
        rows.push(all);
        names.push(ALL);
    }
    let column = |head: &str, cell: &dyn Fn(&[&ScoredText]) -> Option<String>| {
        let cells = rows.iter().map(|row| cell(row).unwrap_or_else(|| "–".to_owned()));
        std::iter::once(head.to_owned()).chain(cells).collect::<Vec<String>>()
    };
    let surprisal = |row: &[&ScoredText]| Surprisal::over(row.iter().copied());
    let share = |share: f64| format!("{:.0} %", 100.0 * share);
    let ranks = |row: &[&ScoredText]| Ranks::over(row.iter().copied());
    let columns = vec![
        column("tokens", &|row| Some(grouped(row.iter().map(|text| text.tokens.len()).sum()))),
        column("nats/byte", &|row| Some(format!("{:.3}", surprisal(row)?.per_byte))),
        column("nats/token", &|row| Some(format!("{:.2}", surprisal(row)?.per_token))),
        column("entropy", &|row| Some(format!("{:.2}", surprisal(row)?.entropy))),
        column("ratio", &|row| Some(format!("{:.2}", surprisal(row)?.ratio()?))),
        column("likeliest", &|row| Some(share(ranks(row)?.first))),
        column("first 10", &|row| Some(share(ranks(row)?.ten))),
        column("first 100", &|row| Some(share(ranks(row)?.hundred))),
        column("course", &|row| Some(course(profile(row)?.deciles.map(|nats| nats / HIGHEST)))),
    ];
    table::lines(&names, columns, width)
}

/// What the columns of the table mean, for who sees it the first time.
pub fn legend() -> String {
    format!(
        "surprisal a byte and a token, and the entropy that was expected, in nats; ratio 1 is the model's own voice; shares of tokens by \
         rank; course: surprisal in tenths of the text, full at {HIGHEST} nats"
    )
}

/// How a text was read that is longer than the context.
pub fn in_parts(name: &str, windows: Windows) -> String {
    let Windows { count, context, overlap } = windows;
    format!(
        "`{name}` is longer than the context of {}: read in {count} parts, each but the first with the {} before it once more",
        grouped(context),
        some(overlap, "token")
    )
}

/// The course of one text; of several the mean of theirs.
fn profile(row: &[&ScoredText]) -> Option<Profile> {
    let of_text = |text: &&ScoredText| Profile::of(&text.tokens.iter().map(|token| token.surprisal).collect::<Vec<_>>());
    let profiles: Vec<Profile> = row.iter().filter_map(of_text).collect();
    let first = profiles.first()?.clone();
    let decile = |at: usize| profiles.iter().map(|one| one.deciles[at]).sum::<f64>() / profiles.len() as f64;
    Some(Profile { deciles: std::array::from_fn(decile), ..first })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::ScoredToken;

    fn text(tokens: usize) -> ScoredText {
        let token = |at: usize| ScoredToken { id: 0, bytes: 4, surprisal: at as f64 / 10.0, rank: at, entropy: 1.0 };
        ScoredText { text: "word".repeat(tokens), tokens: (0..tokens).map(token).collect(), ..ScoredText::default() }
    }

    fn plain(texts: &[(&str, &ScoredText)], width: usize) -> Vec<String> {
        table(texts, width).iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    #[test]
    fn a_text_has_a_line_and_several_have_one_together() {
        let (long, short) = (text(50), text(0));
        let lines = plain(&[("long", &long), ("short", &short)], 120);
        let words: Vec<Vec<&str>> = lines.iter().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(words[1][..6], ["long", "50", "0.613", "2.45", "1.00", "2.45"]);
        assert_eq!(words[1][6..], ["2", "%", "20", "%", "100", "%", "▁▂▂▃▄▅▆▆▇█"]);
        assert_eq!(words[2], ["short", "0", "–", "–", "–", "–", "–", "–", "–", "–"]);
        assert_eq!(words[3][0], "all");
        assert_eq!(words[3][1..], words[1][1..]);
        assert_eq!(plain(&[("long", &long)], 120).len(), 2);
    }

    #[test]
    fn a_table_fits_its_width() {
        let long = text(50);
        for width in [20, 40, 80, 200] {
            let lines = plain(&[("a name that is longer than others", &long)], width);
            assert!(lines.iter().all(|line| line.chars().count() <= width), "{lines:?}");
        }
    }

    #[test]
    fn what_was_done_with_a_long_text_is_said() {
        let said = in_parts("novel.txt", Windows { count: 3, context: 8192, overlap: 4095 });
        assert!(said.contains("8,192") && said.contains("3 parts") && said.contains("4095 tokens"), "{said}");
    }
}
