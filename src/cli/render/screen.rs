//! The last guard before a terminal: of what is written only letters and styles get through.

use std::io::{self, Write};

use crate::text::sanitize;

/// What begins a control sequence.
const ESCAPE: char = '\u{1b}';

/// Lets through what [`sanitize`] leaves of a text, and the sequences that set a style; where it does not guard, everything.
///
/// Whoever lays out a page makes foreign text harmless before styles are put around it. This is for what was forgotten: it can
/// then be coloured at worst, and neither moves the cursor nor reaches the title or the clipboard.
pub struct Screen<W> {
    inner: W,
    guards: bool,
    /// The beginning of a character or of a sequence, whose rest is still to come.
    begun: Vec<u8>,
}

impl<W: Write> Screen<W> {
    /// Guards this stream, or lets everything through.
    pub fn new(inner: W, guards: bool) -> Self {
        Self { inner, guards, begun: Vec::new() }
    }
}

impl<W: Write> Write for Screen<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.guards {
            return self.inner.write(bytes);
        }
        self.begun.extend_from_slice(bytes);
        let whole = self.begun.len() - unfinished(&self.begun);
        let rest = self.begun.split_off(whole);
        let text = std::mem::replace(&mut self.begun, rest);
        self.inner.write_all(harmless(&String::from_utf8_lossy(&text)).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// How many bytes at the end begin a character or a style and do not end it.
fn unfinished(bytes: &[u8]) -> usize {
    let character = match bytes.utf8_chunks().last() {
        // More than three bytes begin no character.
        Some(chunk)
            if chunk.invalid().len() < 4 && std::str::from_utf8(chunk.invalid()).is_err_and(|e| e.error_len().is_none()) =>
        {
            chunk.invalid().len()
        }
        _ => 0,
    };
    let style = bytes.iter().rposition(|&byte| byte == ESCAPE as u8).map_or(0, |at| {
        let behind = &bytes[at + 1..];
        let open = behind.is_empty() || (behind[0] == b'[' && behind[1..].iter().all(|byte| is_parameter(*byte)));
        if open { bytes.len() - at } else { 0 }
    });
    character.max(style)
}

/// The text without controls, and with its styles.
fn harmless(text: &str) -> String {
    let (mut safe, mut rest) = (String::with_capacity(text.len()), text);
    while let Some((before, behind)) = rest.split_once(ESCAPE) {
        safe.push_str(&sanitize(before));
        let style = style_length(behind);
        if style > 0 {
            safe.push(ESCAPE);
            safe.push_str(&behind[..style]);
        } else {
            safe.push(char::REPLACEMENT_CHARACTER);
        }
        rest = &behind[style..];
    }
    safe + &sanitize(rest)
}

/// The length of the sequence behind an escape that sets a style, such as `[1;31m`; 0 where another one stands there.
fn style_length(behind: &str) -> usize {
    let Some(parameters) = behind.strip_prefix('[') else { return 0 };
    let count = parameters.bytes().take_while(|byte| is_parameter(*byte)).count();
    if parameters[count..].starts_with('m') { count + 2 } else { 0 }
}

fn is_parameter(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b';' | b':')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What arrives when the text is written in parts of so many bytes.
    fn written(text: &str, guards: bool, part: usize) -> String {
        let mut screen = Screen::new(Vec::new(), guards);
        text.as_bytes().chunks(part).for_each(|bytes| screen.write_all(bytes).unwrap());
        String::from_utf8(screen.inner).unwrap()
    }

    #[test]
    fn a_terminal_gets_letters_and_styles() {
        let text = "\u{1b}[1m狼\u{1b}[0m \u{1b}]0;title\u{7}\u{1b}[2J\u{9b}2J\u{202e}\r\n\tx\u{1b}[38;5;16mé\u{1b}c";
        let safe = "\u{1b}[1m狼\u{1b}[0m �]0;title��[2J�2J��\n\tx\u{1b}[38;5;16mé�c";
        for part in 1..text.len() {
            assert_eq!(written(text, true, part), safe, "in parts of {part}");
            assert_eq!(written(text, false, part), text);
        }
    }
}
