//! Bytes become text: whole characters only, and nothing of a stop string.

/// What a piece brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flow {
    /// Text that may be shown, often empty.
    Text(String),
    /// The rest of the text before a stop string, which ends it.
    Stopped {
        /// What may still be shown; the stop string is not part of it.
        text: String,
        /// The stop string that was met.
        stop: String,
    },
}

/// Puts the pieces of tokens together.
///
/// A character that is spread over tokens appears when it is whole, and one that stays incomplete to the end never; what may
/// yet become a stop string is held back until that is decided. Bytes that can be no character become `�`.
///
/// ```
/// use afterword::model::{Flow, Telling};
///
/// let mut telling = Telling::new(vec!["END".into()]);
/// assert_eq!(telling.push(b"the E"), Flow::Text("the ".into()));
/// assert_eq!(telling.push(b"N"), Flow::Text(String::new()));
/// assert_eq!(telling.push(b"D."), Flow::Stopped { text: String::new(), stop: "END".into() });
/// ```
#[derive(Debug, Clone, Default)]
pub struct Telling {
    stops: Vec<String>,
    /// The beginning of a character.
    bytes: Vec<u8>,
    /// What may be the beginning of a stop string.
    held: String,
}

impl Telling {
    /// A text that ends before the first of these strings; empty ones stop nothing.
    #[must_use]
    pub fn new(mut stops: Vec<String>) -> Self {
        stops.retain(|stop| !stop.is_empty());
        Self { stops, ..Self::default() }
    }

    /// The text of these bytes, with nothing of a character that is not whole at its end.
    #[must_use]
    pub fn text_of(bytes: &[u8]) -> String {
        let mut telling = Self { bytes: bytes.to_vec(), ..Self::default() };
        telling.decode();
        telling.finish()
    }

    /// Takes the bytes of the next token.
    pub fn push(&mut self, piece: &[u8]) -> Flow {
        self.bytes.extend_from_slice(piece);
        self.decode();
        let first = self.stops.iter().filter_map(|stop| Some((self.held.find(stop.as_str())?, stop))).min_by_key(|(at, _)| *at);
        if let Some((at, stop)) = first {
            let stop = stop.clone();
            self.held.truncate(at);
            self.bytes.clear();
            return Flow::Stopped { text: std::mem::take(&mut self.held), stop };
        }
        let kept = self.held.split_off(self.held.len() - self.undecided());
        Flow::Text(std::mem::replace(&mut self.held, kept))
    }

    /// Bytes of whole characters that are held back.
    #[must_use]
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// What was held back, at the end of the text, which is in whole characters: the beginning of one is left out.
    pub fn finish(&mut self) -> String {
        self.bytes.clear();
        std::mem::take(&mut self.held)
    }

    /// Moves whole characters from `bytes` to `held`.
    fn decode(&mut self) {
        let mut rest = self.bytes.as_slice();
        loop {
            match std::str::from_utf8(rest) {
                Ok(text) => {
                    self.held.push_str(text);
                    rest = &[];
                    break;
                }
                Err(error) => {
                    let (whole, broken) = rest.split_at(error.valid_up_to());
                    self.held.push_str(&String::from_utf8_lossy(whole));
                    let Some(length) = error.error_len() else {
                        rest = broken;
                        break;
                    };
                    self.held.push(char::REPLACEMENT_CHARACTER);
                    rest = &broken[length..];
                }
            }
        }
        self.bytes = rest.to_vec();
    }

    /// The length of the longest end of `held` that begins a stop string.
    fn undecided(&self) -> usize {
        let begins = |tail: &str| self.stops.iter().any(|stop| stop.starts_with(tail));
        let starts = self.held.char_indices().map(|(at, _)| at);
        starts.map(|at| &self.held[at..]).find(|tail| begins(tail)).map_or(0, str::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(flow: Flow) -> String {
        match flow {
            Flow::Text(text) => text,
            Flow::Stopped { .. } => panic!("stopped"),
        }
    }

    #[test]
    fn a_character_appears_when_it_is_whole() {
        let mut telling = Telling::new(vec![]);
        let wolf = "🐺".as_bytes();
        for byte in &wolf[..3] {
            assert_eq!(text(telling.push(&[*byte])), "");
        }
        assert_eq!(text(telling.push(&wolf[3..])), "🐺");
        assert_eq!(telling.finish(), "");
    }

    #[test]
    fn broken_bytes_become_one_mark_and_the_rest_goes_on() {
        let mut telling = Telling::new(vec![]);
        assert_eq!(text(telling.push(b"a\xFFb\xE2\x82")), "a\u{fffd}b");
        assert_eq!(text(telling.push(b"c")), "\u{fffd}c");
    }

    #[test]
    fn a_text_ends_in_whole_characters() {
        for character in ["é", "狼", "🐺"] {
            for bytes in 1..character.len() {
                // Held back for a stop string or not: what is whole is told, and nothing stands for what is not.
                for whole in ["", "a", "狼#"] {
                    let mut telling = Telling::new(vec!["#!".into()]);
                    let mut told = text(telling.push(whole.as_bytes()));
                    told += &text(telling.push(&character.as_bytes()[..bytes]));
                    told += &telling.finish();
                    assert_eq!(told, whole, "{bytes} bytes of {character}");
                    assert_eq!(telling.finish(), "");
                    assert_eq!(Telling::text_of(&[whole.as_bytes(), &character.as_bytes()[..bytes]].concat()), whole);
                }
            }
        }
    }

    #[test]
    fn a_stop_string_is_found_across_pieces_and_is_not_shown() {
        let mut telling = Telling::new(vec!["\n\n".into(), "The End".into()]);
        assert_eq!(text(telling.push(b"gone. The")), "gone. ");
        assert_eq!(text(telling.push(b" En")), "");
        assert_eq!(telling.push(b"d."), Flow::Stopped { text: String::new(), stop: "The End".into() });
    }

    #[test]
    fn what_begins_like_a_stop_string_and_is_none_is_shown() {
        let mut telling = Telling::new(vec!["aab".into()]);
        assert_eq!(text(telling.push(b"aa")), "");
        assert_eq!(text(telling.push(b"a")), "a");
        assert_eq!(telling.push(b"b!"), Flow::Stopped { text: String::new(), stop: "aab".into() });
        assert_eq!(telling.finish(), "");
    }

    #[test]
    fn the_earliest_of_several_stops_counts() {
        let mut telling = Telling::new(vec!["z".into(), "b".into()]);
        assert_eq!(telling.push(b"abcz"), Flow::Stopped { text: "a".into(), stop: "b".into() });
    }

    #[test]
    fn an_empty_stop_string_stops_nothing() {
        assert_eq!(text(Telling::new(vec![String::new()]).push(b"on")), "on");
    }
}
