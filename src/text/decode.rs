//! Bytes that somebody wrote in an editor, read as text.

/// The text in these bytes, which are UTF-8: without a byte-order mark, and with line ends of Windows as `\n`.
///
/// # Errors
/// What the bytes are, behind "it is": `not UTF-8: byte 5 begins no character`; where it looks like UTF-16, a `hint:` line says so.
pub fn decode(bytes: Vec<u8>) -> Result<String, String> {
    let wide = [&b"\xff\xfe"[..], b"\xfe\xff"].iter().any(|mark| bytes.starts_with(mark));
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text.strip_prefix('\u{feff}').unwrap_or(&text).replace("\r\n", "\n")),
        Err(error) => {
            let place = error.utf8_error().valid_up_to();
            let hint = if wide { "\nhint: it looks like UTF-16; save it as UTF-8" } else { "" };
            Err(format!("not UTF-8: byte {place} begins no character{hint}"))
        }
    }
}

/// Asks that a text holds no NUL character, which no text does; `what` it is begins the sentence.
///
/// # Errors
/// It holds one, in a sentence with its place.
pub fn no_nul(what: &str, text: &str) -> Result<(), String> {
    text.find('\0').map_or(Ok(()), |at| Err(format!("{what} holds a NUL character, at byte {at}: it is no text")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_an_editor_are_no_part_of_a_text() {
        for (bytes, text) in [
            (&b"Once\n\n"[..], "Once\n\n"),
            (b"\xef\xbb\xbfOnce\r\nupon\ra\n", "Once\nupon\ra\n"),
            ("a\u{feff}b".as_bytes(), "a\u{feff}b"),
            (b"", ""),
        ] {
            assert_eq!(decode(bytes.to_vec()).unwrap(), text);
        }
        assert_eq!(decode(b"Once \xff".to_vec()).unwrap_err(), "not UTF-8: byte 5 begins no character");
        for wide in [&b"\xff\xfeO\0n\0"[..], b"\xfe\xff\0O\0n"] {
            assert!(decode(wide.to_vec()).unwrap_err().ends_with("\nhint: it looks like UTF-16; save it as UTF-8"));
        }
    }
}
