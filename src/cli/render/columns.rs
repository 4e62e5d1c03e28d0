//! Compared stories as a page: side by side, or one after another.

use unicode_width::UnicodeWidthStr;

use crate::cli::args::Layout;
use crate::cli::render::prose::{Ink, Line, wrap};

/// The narrowest column that is chosen without being asked for, with the gap beside it.
const COMFORTABLE: usize = 26;

/// The narrowest column at all: what does not fit beside the others goes below them.
const NARROWEST: usize = 16;

/// Between columns.
const GAP: usize = 3;

/// The longest line that is read with ease, where a story has the whole width.
const LONGEST: usize = 100;

/// A story to be shown.
#[derive(Debug, Clone)]
pub struct Shown {
    /// What it is called.
    pub label: String,
    /// The story.
    pub text: String,
    /// Where it parts from the first one, in bytes.
    pub parting: Option<usize>,
    /// What stands below it.
    pub facts: Vec<String>,
}

/// The stories in lines of at most `width` columns.
pub fn page(stories: &[Shown], layout: Layout, width: usize) -> Vec<String> {
    let beside = match layout {
        Layout::Auto if width / stories.len().max(1) >= COMFORTABLE => stories.len(),
        Layout::Auto | Layout::Rows => 1,
        Layout::Columns => ((width + GAP) / (NARROWEST + GAP)).max(1),
    };
    let mut lines = Vec::new();
    for band in stories.chunks(beside.max(1)) {
        if !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(band_of(band, width));
    }
    lines
}

/// Stories side by side; one alone is a row.
fn band_of(stories: &[Shown], width: usize) -> Vec<String> {
    let gaps = GAP * (stories.len() - 1);
    let column = (width.saturating_sub(gaps) / stories.len()).clamp(2, LONGEST);
    let parts: Vec<[Vec<Line>; 3]> = stories.iter().map(|story| parts(story, column)).collect();
    let mut lines = Vec::new();
    for part in 0..3 {
        let height = parts.iter().map(|story| story[part].len()).max().unwrap_or(0);
        for at in 0..height {
            lines.push(beside(parts.iter().map(|story| story[part].get(at)), column));
        }
    }
    lines
}

/// Heading, story and facts, each in lines: so that the same part of every story begins at the same height.
fn parts(story: &Shown, column: usize) -> [Vec<Line>; 3] {
    let Shown { label, text, parting, facts } = story;
    let inked = |ink: Ink, lines: Vec<Line>| lines.into_iter().map(|line| line.inked(ink)).collect::<Vec<_>>();
    let mut head = inked(Ink::Bold, wrap(label, column, None));
    head.push(Line::of(Ink::Dim, &"─".repeat(column)));
    let mut body = wrap(text, column, *parting);
    if body.is_empty() {
        body.push(Line::of(Ink::Dim, "(no text)"));
    }
    body.push(Line::default());
    let facts = filled(facts, column).iter().flat_map(|line| inked(Ink::Dim, wrap(line, column, None))).collect();
    [head, body, facts]
}

/// Facts in as few lines as hold them.
fn filled(facts: &[String], columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for fact in facts {
        match lines.last_mut() {
            Some(line) if line.width() + 3 + fact.width() <= columns => *line = format!("{line} · {fact}"),
            _ => lines.push(fact.clone()),
        }
    }
    lines
}

/// Lines beside each other, each filled to its column but the last.
fn beside<'a>(lines: impl Iterator<Item = Option<&'a Line>>, column: usize) -> String {
    let (mut row, mut missing) = (String::new(), 0);
    for line in lines {
        // What would only be filling at the end of the row is never written.
        let width = line.map_or(0, Line::width);
        if let Some(line) = line.filter(|line| line.width() > 0) {
            row += &" ".repeat(missing);
            row += &line.to_string();
            missing = 0;
        }
        missing += column - width.min(column) + GAP;
    }
    row
}

#[cfg(test)]
mod tests {
    use super::*;

    fn story(label: &str, text: &str) -> Shown {
        Shown { label: label.into(), text: text.into(), parting: None, facts: vec!["3 tokens".into(), "the end".into()] }
    }

    fn lines(stories: &[Shown], layout: Layout, width: usize) -> Vec<String> {
        let lines = page(stories, layout, width);
        lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    #[test]
    fn columns_begin_their_parts_at_the_same_height() {
        let stories = [story("a", "one two three"), story("b", "four")];
        let shown = lines(&stories, Layout::Columns, 35);
        let expected = [
            "a                  b",
            "────────────────   ────────────────",
            "one two three      four",
            "",
            "3 tokens           3 tokens",
            "the end            the end",
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn stories_stand_side_by_side_where_there_is_room() {
        let stories = [story("a", "one"), story("b", "two"), story("c", "three")];
        let heads = |layout, width| lines(&stories, layout, width).iter().filter(|line| line.contains('─')).count();
        assert_eq!((heads(Layout::Auto, 78), heads(Layout::Auto, 77)), (1, 3));
        assert_eq!((heads(Layout::Rows, 200), heads(Layout::Columns, 35), heads(Layout::Columns, 10)), (3, 2, 3));
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        let long = "狼と森 there lived a Rumpelstiltskin\n\nwho \u{1b}[2J had ".repeat(20);
        let stories = [story("future.alpha=-1", &long), story("wave", &long), story("狼", "")];
        for width in [20, 35, 80, 133] {
            for layout in [Layout::Auto, Layout::Columns, Layout::Rows] {
                for line in lines(&stories, layout, width) {
                    assert!(line.width() <= width && !line.contains('\u{1b}') && line.trim_end() == line, "{width}: {line:?}");
                }
            }
        }
    }
}
