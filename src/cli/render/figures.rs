//! Numbers on a terminal: bars, probabilities, counts.

use unicode_width::UnicodeWidthStr;

use crate::cli::render::terminal::fit;
pub use crate::text::grouped;

/// A bar for a share of `columns`, to an eighth of a column. What is more than nothing can be seen.
pub fn bar(share: f64, columns: usize) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of columns, and NaN becomes 0")]
    let eighths = (share.clamp(0.0, 1.0) * (columns * 8) as f64).round() as usize;
    let eighths = if share > 0.0 && columns > 0 { eighths.max(1) } else { eighths };
    format!("{}{}", "█".repeat(eighths / 8), EIGHTHS[eighths % 8])
}

/// Blocks from the lowest to the highest, an eighth of a line each.
pub const BLOCKS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// The course of shares, a block each.
pub fn course(shares: impl IntoIterator<Item = f64>) -> String {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of blocks, and NaN becomes 0")]
    let block = |share: f64| BLOCKS[((share.clamp(0.0, 1.0) * BLOCKS.len() as f64) as usize).min(BLOCKS.len() - 1)];
    shares.into_iter().map(block).collect()
}

/// A line of progress in at most so many columns: words, a bar for a share, words. The first of the `forms` that has room for a
/// bar is taken, so they stand from the longest to the shortest; the last one is cut where even it is too long.
pub fn gauge(forms: &[(String, String)], share: f64, columns: usize) -> String {
    const SHORTEST: usize = 8;
    const LONGEST: usize = 30;
    let taken = |(before, after): &(String, String)| {
        let gap = |text: &str| if text.is_empty() { 0 } else { text.width() + 1 };
        gap(before) + gap(after)
    };
    let fitting = forms.iter().find(|form| taken(form) + SHORTEST <= columns);
    let Some((before, after)) = fitting.or(forms.last()) else { return String::new() };
    let length = columns.saturating_sub(taken(&(before.clone(), after.clone()))).min(LONGEST);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of columns, and NaN becomes 0")]
    let full = (share.clamp(0.0, 1.0) * length as f64) as usize;
    let bar = "█".repeat(full) + &"░".repeat(length - full);
    let parts = [before.as_str(), &bar, after].into_iter().filter(|part| !part.is_empty());
    let line = parts.collect::<Vec<_>>().join(" ");
    if line.width() > columns { fit(&line, columns) } else { line }
}

/// A probability in five columns.
pub fn number(p: f64) -> String {
    if p > 0.0 && p < 0.0005 { "<.001".into() } else { format!("{p:.3}") }
}

/// At most two decimals, and no more than are needed.
pub fn short(x: f64) -> String {
    let text = format!("{x:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".into() } else { text.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_its_share_to_an_eighth() {
        for (share, columns, drawn) in [
            (0.0, 4, ""),
            (1.0, 4, "████"),
            (0.5, 4, "██"),
            (0.25, 1, "▎"),
            (7.0 / 8.0, 1, "▉"),
            (1e-9, 4, "▏"),
            (2.0, 2, "██"),
            (f64::NAN, 2, ""),
            (0.7, 0, ""),
        ] {
            assert_eq!(bar(share, columns), drawn, "{share} of {columns}");
        }
    }

    #[test]
    fn a_course_has_a_block_a_share() {
        assert_eq!(course([0.0, 0.124, 0.125, 0.5, 0.99, 1.0, 7.0, f64::NAN]), "▁▁▂▅███▁");
    }

    #[test]
    fn a_gauge_fits_its_columns_and_breaks_no_word() {
        let forms = [("reading the prompt", "256 of 1749 tokens"), ("reading", "256 of 1749"), ("", "14 %")]
            .map(|(before, after)| (before.to_owned(), after.to_owned()));
        for (columns, line) in [
            (79, "reading the prompt ████░░░░░░░░░░░░░░░░░░░░░░░░░░ 256 of 1749 tokens"),
            (46, "reading the prompt █░░░░░░░ 256 of 1749 tokens"),
            (45, "reading ███░░░░░░░░░░░░░░░░░░░░░░ 256 of 1749"),
            (19, "██░░░░░░░░░░░░ 14 %"),
            (6, "░ 14 %"),
            (3, "14…"),
        ] {
            assert_eq!(gauge(&forms, 256.0 / 1749.0, columns), line, "in {columns}");
        }
        assert_eq!(gauge(&[], 0.5, 10), "");
        assert_eq!(gauge(&forms, f64::NAN, 13), "░░░░░░░░ 14 %");
    }

    #[test]
    fn numbers_are_short_and_never_wrongly_nothing() {
        for (p, text) in [(1.0, "1.000"), (0.0, "0.000"), (0.000_49, "<.001"), (0.000_51, "0.001"), (0.123_4, "0.123")] {
            assert_eq!(number(p), text);
        }
        assert_eq!([short(-1.0), short(0.5), short(-1e-17), short(0.254)], ["-1", "0.5", "0", "0.25"]);
        assert_eq!([grouped(1), grouped(999), grouped(4082), grouped(1_234_567)], ["1", "999", "4,082", "1,234,567"]);
    }
}
