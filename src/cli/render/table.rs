//! A table in the terminal: names on the left, numbers on the right.

use unicode_width::UnicodeWidthStr;

use crate::cli::render::terminal::{BOLD, fit};

/// The least columns of the names.
const NARROWEST_NAME: usize = 8;

/// The lines of a table in at most `width` columns, the first of each column its head. The last columns are left out where there is no
/// room for them, and names are cut.
pub fn lines(names: &[&str], mut columns: Vec<Vec<String>>, width: usize) -> Vec<String> {
    let widths: Vec<usize> = columns.iter().map(|column| column.iter().map(|cell| cell.width()).max().unwrap_or(0)).collect();
    let taken = |count: usize| widths[..count].iter().map(|width| width + 2).sum::<usize>();
    while columns.len() > 1 && NARROWEST_NAME + taken(columns.len()) > width {
        columns.pop();
    }
    let taken = taken(columns.len());
    let longest = names.iter().map(|name| name.width()).max().unwrap_or(0);
    let first = longest.min(width.saturating_sub(taken)).max(NARROWEST_NAME);
    let line = |at: usize| {
        let cells = columns.iter().zip(&widths).map(|(column, &width)| {
            let cell = &column[at];
            format!("  {}{cell}", " ".repeat(width.saturating_sub(cell.width())))
        });
        let text = std::iter::once(fit(names[at], first)).chain(cells).collect::<String>();
        if at == 0 { format!("{BOLD}{text}{BOLD:#}") } else { text }
    };
    (0..names.len()).map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(names: &[&str], columns: &[&[&str]], width: usize) -> Vec<String> {
        let columns = columns.iter().map(|column| column.iter().map(|cell| (*cell).to_owned()).collect()).collect();
        lines(names, columns, width).iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    #[test]
    fn numbers_stand_right_and_names_left() {
        let shown = plain(&["text", "狼", "a wolf"], &[&["tokens", "1", "12,345"], &["–", "▁▂▃", "狼"]], 40);
        assert_eq!(shown, ["text      tokens    –", "狼             1  ▁▂▃", "a wolf    12,345   狼"]);
    }

    #[test]
    fn what_does_not_fit_is_cut_and_one_column_stays() {
        let shown = plain(&["text", "a long name of a file"], &[&["tokens", "12"], &["bytes", "34"]], 24);
        assert_eq!(shown, ["text       tokens  bytes", "a long n…      12     34"]);
        let shown = plain(&["text", "a long name of a file"], &[&["tokens", "12"], &["bytes", "34"]], 9);
        assert_eq!(shown, ["text      tokens", "a long …      12"]);
    }
}
