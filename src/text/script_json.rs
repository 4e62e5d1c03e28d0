//! Values inside of an HTML page.

use anyhow::Result;
use serde::Serialize;

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
    fn json_ends_no_element_and_reads_back() {
        let json = script_json(&HOSTILE).unwrap();
        assert!(!json.contains(['<', '>', '&', '\0', '\u{2028}']), "{json}");
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), HOSTILE);
    }
}
