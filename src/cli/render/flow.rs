//! A text that comes in pieces, set in lines of whole words.

use std::fmt::Write as _;

use anstyle::Style;
use unicode_linebreak::linebreaks;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::text::sanitize;

/// The distance of tab stops, as terminals have it.
const TAB: usize = 8;

/// Before the lines of a message that go on from the one above.
const HANGING: &str = "  ";

/// Sets a text that comes in pieces, each in its style, in lines of at most so many columns.
///
/// The last word is held back until it is known to be whole; then it stands on the line, or below it if it does not fit. The
/// white space before a word that goes below vanishes; all other white space and every line break stay. A word wider than a
/// line is broken. Scripts without spaces break where the line-breaking algorithm of Unicode (UAX #14) lets them. Nothing of
/// the text moves the cursor, and no style runs over the end of a line.
///
/// The columns are asked for at each piece: a terminal may change while a story is told.
#[derive(Debug, Clone, Default)]
pub struct Flow {
    /// How many columns of the line are taken.
    column: usize,
    /// White space behind them, which is not set yet.
    space: Vec<(Style, char)>,
    /// The word behind it, which may go on.
    word: Vec<(Style, char)>,
    /// Whether it is the rest of one that is wider than a line, and was broken before it was whole.
    is_broken: bool,
    /// Whether a word wider than a line is left to the terminal, so that a path can be copied whole.
    long_words_stay: bool,
}

impl Flow {
    /// A flow in which words wider than a line are not broken (the terminal does that, without a line break in the text), and
    /// lines that go on from another stand a little to the right.
    pub fn of_messages() -> Self {
        Self { long_words_stay: true, ..Self::default() }
    }

    /// Takes the next piece; returns what can be shown now.
    pub fn push(&mut self, style: Style, text: &str, columns: usize) -> String {
        let mut set = Setting::default();
        let columns = columns.max(2);
        // A line that was longer when the terminal was wider has been broken by it.
        if self.column > columns {
            self.column %= columns;
        }
        let text = text.replace("\r\n", "\n");
        for c in sanitize(&text).chars() {
            match c {
                '\n' => {
                    self.settle(true, columns, &mut set);
                    self.set_space(columns, &mut set);
                    self.end_line(&mut set);
                }
                c if parts_words(c) => {
                    self.settle(true, columns, &mut set);
                    self.space.push((style, c));
                }
                c => self.word.push((style, c)),
            }
        }
        self.settle(false, columns, &mut set);
        set.done()
    }

    /// What was held back, at the end of the text or before something else is shown.
    pub fn finish(&mut self, columns: usize) -> String {
        let mut set = Setting::default();
        self.settle(true, columns.max(2), &mut set);
        self.set_space(columns.max(2), &mut set);
        set.done()
    }

    /// Sets the word up to its last possible break, or all of it.
    fn settle(&mut self, whole: bool, columns: usize, set: &mut Setting) {
        let text: String = self.word.iter().map(|(_, c)| *c).collect();
        let mut start = 0;
        let breaks: Vec<usize> =
            if self.long_words_stay { breaks(&text).last().into_iter().collect() } else { breaks(&text).collect() };
        for end in breaks {
            let mut part = &text[start..end];
            let goes_on = end == text.len() && !whole;
            if goes_on && width(part) <= columns {
                continue;
            }
            if goes_on {
                // What the next letter is decides whether a line may end behind the last one.
                part = &part[..part.char_indices().next_back().map_or(0, |(at, _)| at)];
            }
            let letters: Vec<(Style, char)> = self.word.drain(..part.chars().count()).collect();
            self.place(&letters, width(part), columns, set);
            self.is_broken = goes_on;
            start = end;
        }
        self.is_broken &= !whole;
    }

    /// Sets what is not to be broken, of so many columns.
    fn place(&mut self, part: &[(Style, char)], wide: usize, columns: usize, set: &mut Setting) {
        if self.column > 0 && !self.is_broken && self.behind_space() + wide > columns {
            self.space.clear();
            self.end_line(set);
            if self.long_words_stay {
                self.hang(columns, set);
            }
        }
        self.set_space(columns, set);
        if self.column + wide <= columns || self.long_words_stay {
            for &(style, c) in part {
                set.put(style, c);
            }
            self.column = (self.column + wide).min(columns);
            return;
        }
        for &(style, c) in part {
            let wide = c.width().unwrap_or(0);
            if self.column > 0 && self.column + wide > columns {
                self.end_line(set);
            }
            set.put(style, c);
            self.column += wide;
        }
    }

    /// Sets as much of the white space as the line has room for.
    fn set_space(&mut self, columns: usize, set: &mut Setting) {
        for (style, c) in std::mem::take(&mut self.space) {
            let after = after(self.column, c);
            if after > columns {
                break;
            }
            set.put(style, c);
            self.column = after;
        }
    }

    /// The column behind the white space.
    fn behind_space(&self) -> usize {
        self.space.iter().fold(self.column, |column, (_, c)| after(column, *c))
    }

    /// Begins a line of a message that goes on to the right of those that begin one: whatever a word says, it is no `hint:`.
    fn hang(&mut self, columns: usize, set: &mut Setting) {
        if columns >= 10 * HANGING.len() {
            for c in HANGING.chars() {
                set.put(Style::new(), c);
            }
            self.column = HANGING.len();
        }
    }

    fn end_line(&mut self, set: &mut Setting) {
        set.end_line();
        self.column = 0;
    }
}

/// Where a line may end in a word, in bytes, its own end among them.
pub fn breaks(word: &str) -> impl Iterator<Item = usize> {
    // No text has one, the end of it.
    let ends = linebreaks(word).map(|(end, _)| end).filter(|end| *end > 0);
    // A dash stays with the word that it follows.
    ends.filter(|end| !word[*end..].starts_with('—'))
}

/// White space between words; what Unicode calls glue holds them together.
fn parts_words(c: char) -> bool {
    c.is_whitespace() && !matches!(c, '\u{a0}' | '\u{2007}' | '\u{202f}')
}

/// The column after this white space.
fn after(column: usize, c: char) -> usize {
    match c {
        '\t' => (column / TAB + 1) * TAB,
        c => column + c.width().unwrap_or(0),
    }
}

/// The columns that a text takes. Terminals do not agree on characters that are made of several: the most that one takes.
fn width(text: &str) -> usize {
    let parts: usize = text.chars().map(|c| c.width().unwrap_or(0)).sum();
    parts.max(text.width())
}

/// What is set, with its styles.
#[derive(Debug, Default)]
struct Setting {
    text: String,
    style: Style,
}

impl Setting {
    fn put(&mut self, style: Style, c: char) {
        self.turn_to(style);
        self.text.push(c);
    }

    fn end_line(&mut self) {
        self.turn_to(Style::new());
        self.text.push('\n');
    }

    fn turn_to(&mut self, style: Style) {
        if style != self.style {
            // Writing to a string cannot fail.
            let _ = write!(self.text, "{:#}{style}", self.style);
            self.style = style;
        }
    }

    fn done(mut self) -> String {
        self.turn_to(Style::new());
        self.text
    }
}

#[cfg(test)]
mod tests {
    use anstyle::AnsiColor;

    use super::*;

    fn plain() -> Style {
        Style::new()
    }

    /// The text in lines, when it comes in these pieces.
    fn set(pieces: &[&str], columns: usize) -> String {
        let mut flow = Flow::default();
        let shown: String = pieces.iter().map(|piece| flow.push(plain(), piece, columns)).collect();
        shown + &flow.finish(columns)
    }

    #[test]
    fn words_are_not_broken_where_a_line_ends() {
        assert_eq!(set(&["they sailed to their beloved home"], 20), "they sailed to their\nbeloved home");
        assert_eq!(set(&["a king had one"], 6), "a king\nhad\none");
        assert_eq!(set(&["a  king\n\n  had\tone"], 20), "a  king\n\n  had\tone");
        assert_eq!(set(&["a\u{a0}king had"], 8), "a\u{a0}king\nhad");
    }

    #[test]
    fn it_does_not_matter_in_which_pieces_a_text_comes() {
        let text = "The old king—who had “three daughters”—lived by the well-known sea.\n\n 狼と森の中に、古い家がありました。🐺 Rumpelstiltskin!\n";
        for columns in 2..40 {
            let whole = set(&[text], columns);
            let letters: Vec<String> = text.chars().map(String::from).collect();
            let letters: Vec<&str> = letters.iter().map(String::as_str).collect();
            assert_eq!(set(&letters, columns), whole);
            for line in whole.lines() {
                assert!(line.width() <= columns, "{columns}: {line:?}");
            }
            // Only white space at the ends of lines is gone.
            let letters = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
            assert_eq!(letters(&whole), letters(text));
        }
    }

    #[test]
    fn a_word_is_shown_as_soon_as_it_is_whole() {
        let mut flow = Flow::default();
        let shown = ["the beg", "inning", " of", " it\n"].map(|piece| flow.push(plain(), piece, 80));
        assert_eq!(shown, ["the", "", " beginning", " of it\n"]);
    }

    #[test]
    fn scripts_without_spaces_break_between_their_characters() {
        assert_eq!(set(&["狼と森の中"], 6), "狼と森\nの中");
        // No line begins with a full stop.
        assert_eq!(set(&["狼と森。中"], 6), "狼と\n森。中");
    }

    #[test]
    fn a_word_wider_than_a_line_is_broken_unless_it_is_to_be_copied() {
        assert_eq!(set(&["a Rumpelstiltskin b"], 6), "a\nRumpel\nstilts\nkin b");
        let mut flow = Flow::of_messages();
        let shown = flow.push(plain(), "cannot read a-path-that-is-longer: gone", 12) + &flow.finish(12);
        assert_eq!(shown, "cannot read\na-path-that-is-longer:\ngone");
    }

    #[test]
    fn a_style_ends_with_its_line_and_a_text_has_none_of_its_own() {
        let mut flow = Flow::default();
        let red = AnsiColor::Red.on_default();
        let shown = flow.push(red, "a\u{1b}[2J\r\n\u{202e}b c", 80) + &flow.finish(80);
        assert_eq!(shown, "\u{1b}[31ma�[2J\u{1b}[0m\n\u{1b}[31m�b\u{1b}[0m\u{1b}[31m c\u{1b}[0m");
    }

    #[test]
    fn a_terminal_may_become_narrower() {
        let mut flow = Flow::default();
        let wide = flow.push(plain(), "a line that is long enough ", 40);
        let narrow = flow.push(plain(), "for the one after", 10) + &flow.finish(10);
        // The terminal has broken the first line after 10 and 20 columns: six are taken.
        assert_eq!(wide + &narrow, "a line that is long enough for\nthe one\nafter");
    }
}
