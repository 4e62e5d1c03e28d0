//! The one place that decides which characters of a foreign text are shown, and which become a sign.

use std::borrow::Cow;

/// The most characters of a foreign text that a message repeats.
pub const EXCERPT: usize = 80;

/// The text without what cannot be seen: control characters and marks that turn the direction of reading become `�`, and
/// the line breaks that Unicode adds become that of everybody else. Letters of every script stay as they are, and so do `\n`
/// and `\t`.
///
/// Nothing of it moves a terminal's cursor, changes its settings or turns round what follows. For a page it is still to be
/// escaped: `<` stays `<` here.
#[must_use]
pub fn sanitize(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| harmless(c) != c) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(harmless).collect())
}

/// A foreign text as a message may quote it: [`sanitize`]d, on one line, and cut to `most` characters, the last of which is
/// `…` where something was left out.
///
/// White space in a row becomes one space, and at the ends it goes.
#[must_use]
pub fn excerpt(text: &str, most: usize) -> String {
    let mut line = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        for c in (!line.is_empty()).then_some(' ').into_iter().chain(word.chars().map(harmless)) {
            if length == most {
                line.pop();
                line.push('…');
                return line;
            }
            line.push(c);
            length += 1;
        }
    }
    line
}

/// The piece of a token on one line: white space becomes visible signs, and what [`sanitize`] replaces is replaced.
#[must_use]
pub fn visible(piece: &str) -> String {
    let sign = |c: char| match c {
        ' ' => '·',
        '\n' | '\u{2028}' | '\u{2029}' | '\u{85}' => '⏎',
        '\t' => '⇥',
        '\r' => '␍',
        c => harmless(c),
    };
    piece.chars().map(sign).collect()
}

fn harmless(c: char) -> char {
    match c {
        '\n' | '\t' => c,
        '\u{2028}' | '\u{2029}' | '\u{85}' => '\n',
        // Marks, embeddings, overrides and isolates: unpaired, they turn round what follows.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => char::REPLACEMENT_CHARACTER,
        c if c.is_control() => char::REPLACEMENT_CHARACTER,
        c => c,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every mark that Unicode says to turn the direction of reading.
    const TURNING: [char; 12] = [
        '\u{61c}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}',
        '\u{2068}', '\u{2069}',
    ];

    #[test]
    fn nothing_that_hides_or_turns_is_left() {
        let text = sanitize("a\0\u{202e}\u{2028}\u{1b}[2J\r\u{9b}2J 狼");
        assert_eq!(text, "a��\n�[2J��2J 狼");
        for mark in TURNING {
            let text = mark.to_string();
            assert_eq!([sanitize(&text).as_ref(), &visible(&text), &excerpt(&text, 9)], ["�"; 3], "{mark:?}");
        }
        for c in (0..=0x9f_u8).map(char::from).filter(|c| c.is_control() && !matches!(c, '\n' | '\t')) {
            assert!(!sanitize(&c.to_string()).contains(c), "{c:?}");
        }
        assert!(matches!(sanitize("שלום\n\tمرحبا 狼"), Cow::Borrowed(_)));
    }

    #[test]
    fn an_excerpt_is_one_line_of_at_most_so_many_characters() {
        for (text, most, cut) in [
            ("", 5, ""),
            ("abc", 3, "abc"),
            ("abcd", 3, "ab…"),
            (" a \n\n b ", 9, "a b"),
            ("ab cd", 4, "ab …"),
            ("狼狼狼", 2, "狼…"),
            ("a\u{1b}[2Jb", 9, "a�[2Jb"),
        ] {
            assert_eq!(excerpt(text, most), cut, "{text:?} in {most}");
        }
        assert_eq!(excerpt(&"x ".repeat(1 << 20), EXCERPT).chars().count(), EXCERPT);
    }

    #[test]
    fn white_space_of_a_piece_is_visible() {
        assert_eq!(visible(" a\nb\u{1b}[31m\u{202e}\t\r\u{85}"), "·a⏎b�[31m�⇥␍⏎");
    }
}
