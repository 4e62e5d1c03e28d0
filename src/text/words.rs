//! Where words end, in every script.

/// The text without a word at its end that may be half a word, and without the blanks before it: what is kept of a text that broke off.
///
/// A text breaks off within a word where its last character is a letter, a digit, or what joins them; it then loses all behind its last
/// white space, dash, or letter of a script that puts no spaces between words, where every character is a whole one. A sign that is to be
/// joined with one that never came goes too. Line breaks stay.
///
/// ```
/// use afterword::text::whole_words;
///
/// assert_eq!(whole_words("The keeper saw the li"), "The keeper saw the");
/// assert_eq!(whole_words("The keeper saw the light."), "The keeper saw the light.");
/// ```
#[must_use]
pub fn whole_words(text: &str) -> &str {
    if text.ends_with(char::is_whitespace) {
        return text.trim_end_matches(is_blank);
    }
    let joins = |c: char| matches!(c, '\'' | '’' | '-' | '\u{200d}' | '\u{200c}');
    let (last, before) = (text.chars().next_back(), text.trim_end_matches(joins).chars().next_back());
    let in_word = |c: char| c.is_alphanumeric() && !is_written_without_spaces(c);
    let breaks_off = match last {
        // Behind a quote or a dash that nothing stands before no word is open; behind a joiner something always is.
        Some('\u{200d}') => true,
        // A quote that closes a word cannot be told from one within it, and reads well.
        Some('\'' | '’') | None => false,
        Some('-') => before.is_some_and(in_word),
        Some(c) => in_word(c) || is_mark_behind_letter(text),
    };
    if !breaks_off {
        return text;
    }
    let parts = |c: char| c.is_whitespace() || is_written_without_spaces(c) || matches!(c, '—' | '–' | '…' | '/');
    let kept = text.rfind(parts).map_or(0, |at| at + text[at..].chars().next().map_or(0, char::len_utf8));
    text[..kept].trim_end_matches(is_blank)
}

/// Whether a text ends in a mark that combines with a letter, as vowels of some scripts are written.
fn is_mark_behind_letter(text: &str) -> bool {
    use unicode_normalization::char::is_combining_mark;
    let letter = text.trim_end_matches(is_combining_mark);
    let base = letter.chars().next_back();
    letter.len() < text.len() && base.is_some_and(|c| c.is_alphanumeric() && !is_written_without_spaces(c))
}

/// White space that ends no line.
#[must_use]
pub fn is_blank(c: char) -> bool {
    c.is_whitespace() && !matches!(c, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether a letter is of a script that puts no spaces between words: Thai, Lao, Myanmar, Khmer, and the Chinese and Japanese scripts.
#[must_use]
pub fn is_written_without_spaces(c: char) -> bool {
    matches!(u32::from(c), 0x0E00..=0x0EFF | 0x1000..=0x109F | 0x1780..=0x17FF | 0x2E80..=0x31FF | 0x3400..=0x9FFF | 0xF900..=0xFAFF
        | 0xFF66..=0xFF9D | 0x2_0000..=0x3_FFFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_broke_off_ends_at_a_whole_word() {
        for (text, whole) in [
            ("", ""),
            ("The keeper saw the li", "The keeper saw the"),
            ("The keeper saw the light", "The keeper saw the"),
            ("The keeper saw the ", "The keeper saw the"),
            ("He left.", "He left."),
            ("He left. ", "He left."),
            ("He left.\n\n", "He left.\n\n"),
            ("He left.\n\nSh", "He left.\n\n"),
            ("She said, \"Hel", "She said,"),
            ("She said, \"Hello!\"", "She said, \"Hello!\""),
            ("a well-kno", "a"),
            ("a well-", "a"),
            ("he waited - ", "he waited -"),
            ("he waited—sto", "he waited—"),
            ("it’s", ""),
            ("the dogs’", "the dogs’"),
            ("in 18", "in"),
            ("liǵ", ""),
            ("Он шёл по дор", "Он шёл по"),
            ("הוא הלך בדר", "הוא הלך"),
            ("वह चल रही", "वह चल"),
            ("狐が走った。森は静", "狐が走った。森は静"),
            ("狐がrun", "狐が"),
            ("ไทยภาษา", "ไทยภาษา"),
            ("a fox 🦊", "a fox 🦊"),
            ("a family 👩\u{200d}", "a family"),
            ("word", ""),
            ("   ", ""),
        ] {
            assert_eq!(whole_words(text), whole, "{text:?}");
        }
    }

    #[test]
    fn what_is_whole_stays_so_and_is_the_beginning_of_the_text() {
        let text = "\"Stop!\" she said. — 狐が走った。 well-known, it’s 3.14\n\n\tЕщё раз… 👩\u{200d}🚀 ไทย résumé";
        for (at, _) in text.char_indices() {
            let whole = whole_words(&text[..at]);
            let rest = &text[whole.len()..];
            assert!(text.starts_with(whole));
            let parted = whole.ends_with(|c: char| !c.is_alphanumeric() || is_written_without_spaces(c));
            assert!(whole.is_empty() || parted || rest.starts_with(char::is_whitespace), "{whole:?} | {rest:?}");
        }
    }
}
