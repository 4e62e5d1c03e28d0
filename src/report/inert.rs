//! Text that was not written here, made harmless: it can be read, and does nothing.

use std::borrow::Cow;

use anyhow::Result;
use serde::Serialize;

/// The text without what cannot be seen: control characters and marks that turn the direction of reading become `�`, and
/// the two line breaks of Unicode become that of everybody else. Letters of every script stay as they are.
///
/// The text is still to be escaped for where it goes: `<` stays `<` here.
#[must_use]
pub fn inert(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| sign(c) != c) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(sign).collect())
}

fn sign(c: char) -> char {
    match c {
        '\n' | '\t' => c,
        '\u{2028}' | '\u{2029}' | '\u{85}' => '\n',
        // Marks, embeddings, overrides and isolates: unpaired, they turn round what follows on the page.
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    }
}

/// A value as JSON that may stand in a `<script>` element of an HTML page.
///
/// There no entity is read, and `</script` ends the element wherever it stands; `<!--` changes how it is read. So `<`, `>` and
/// `&` are written as JSON's own escapes, and no such word can arise.
///
/// # Errors
/// A value that JSON cannot hold.
pub fn script_json(value: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string(value)?;
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '<' => safe.push_str("\\u003c"),
            '>' => safe.push_str("\\u003e"),
            '&' => safe.push_str("\\u0026"),
            '\u{2028}' => safe.push_str("\\u2028"),
            '\u{2029}' => safe.push_str("\\u2029"),
            c => safe.push(c),
        }
    }
    Ok(safe)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: &str = "a</script><script>alert(1)</script></style><!-- &amp;\0\u{202e}\u{2028}\u{1b}[2J 狼";

    #[test]
    fn nothing_that_hides_or_turns_is_left() {
        let text = inert(HOSTILE);
        assert!(!text.contains(|c: char| (c.is_control() && c != '\n') || ('\u{2028}'..='\u{202e}').contains(&c)), "{text:?}");
        assert!(text.ends_with("�[2J 狼"));
        assert!(matches!(inert("שלום\n\tمرحبا 狼"), Cow::Borrowed(_)));
    }

    #[test]
    fn json_ends_no_element_and_reads_back() {
        let json = script_json(&HOSTILE).unwrap();
        assert!(!json.contains(['<', '>', '&', '\0', '\u{2028}']), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), HOSTILE);
    }
}
