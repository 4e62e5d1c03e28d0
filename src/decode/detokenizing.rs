//! The text of a story as it appears, and which token each part of it is of.

use std::collections::VecDeque;

use super::observer::Part;
use super::whole_end::WholeEnd;
use crate::model::{Detokenizer, TextChunk};
use crate::sampler::TextUnit;
use crate::story::StopReason;

/// Text that appeared, and whose it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Heard {
    pub text: String,
    pub parts: Vec<Part>,
}

impl Heard {
    /// What appeared later, behind it.
    pub fn push(&mut self, later: Self) {
        self.text.push_str(&later.text);
        self.parts.extend(later.parts);
    }
}

/// Puts the pieces of tokens together, as [`Detokenizer`] does, and remembers which byte came with which token.
#[derive(Debug)]
pub(super) struct Detokenizing {
    detokenizer: Detokenizer,
    /// Where the text is to end with a whole unit.
    whole: Option<WholeEnd>,
    /// Bytes that have appeared.
    given: usize,
    /// The tokens of what is held back, and perhaps of later bytes: each with the length of the text up to its end.
    ends: VecDeque<(usize, usize)>,
}

impl Detokenizing {
    /// A text behind these bytes that ends before the first of these strings.
    pub fn new(before: &[u8], stops: Vec<String>) -> Self {
        Self { detokenizer: Detokenizer::behind(before, stops), whole: None, given: 0, ends: VecDeque::new() }
    }

    /// The same text, which is to end with a whole unit; `before` is what stands before it, where a sentence may be open.
    pub fn to(self, unit: Option<TextUnit>, before: &str) -> Self {
        Self { whole: unit.map(|unit| WholeEnd::behind(before, unit)), ..self }
    }

    /// Takes the bytes of the token with this number; returns what appeared, and why the text ends with it, if it does: it met a
    /// stop string, or, where it `may_end`, the end of a whole unit.
    pub fn push(&mut self, token: usize, piece: &[u8], may_end: bool) -> (Heard, Option<StopReason>) {
        let (text, stop) = match self.detokenizer.push(piece) {
            TextChunk::Text(text) => (text, None),
            TextChunk::Stopped { text, stop } => (text, Some(StopReason::Stop(stop))),
        };
        let held = self.whole.as_ref().map_or(0, WholeEnd::held);
        self.ends.push_back((token, self.given + held + text.len() + self.detokenizer.held()));
        let Some(whole) = &mut self.whole else { return (self.give(text), stop) };
        let (mut passed, ended) = whole.push(&text, may_end);
        let stop = if ended { Some(StopReason::Whole(whole.unit())) } else { stop };
        match &stop {
            Some(StopReason::Whole(_)) => drop(self.detokenizer.finish()),
            Some(_) => passed.push_str(&whole.give_up()),
            None => {}
        }
        (self.give(passed), stop)
    }

    /// Ends the text at the end of a unit behind which only white space has come, if it stands there: returns what appears of it, and
    /// that it is whole.
    pub fn end_here(&mut self) -> Option<(Heard, StopReason)> {
        // What may be the beginning of a stop string is text, and of no unit that has ended.
        let whole = self.whole.as_mut().filter(|_| self.detokenizer.held() == 0)?;
        let (text, unit) = (whole.end_here()?, whole.unit());
        Some((self.give(text), StopReason::Whole(unit)))
    }

    /// What was held back, at the end of the text.
    pub fn finish(&mut self) -> Heard {
        let before = self.whole.as_mut().map_or(String::new(), WholeEnd::give_up);
        let text = before + &self.detokenizer.finish();
        self.give(text)
    }

    /// Lets a text appear.
    fn give(&mut self, text: String) -> Heard {
        let (end, mut parts) = (self.given + text.len(), Vec::new());
        while let Some(&(token, own_end)) = self.ends.front() {
            let bytes = own_end.min(end).saturating_sub(self.given);
            if bytes > 0 {
                parts.push(Part { token, bytes });
                self.given += bytes;
            }
            if own_end > end {
                break;
            }
            self.ends.pop_front();
        }
        Heard { text, parts }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is heard of these pieces: the text of each event, and whose it is.
    fn heard(stops: &[&str], pieces: &[&[u8]]) -> Vec<(String, Vec<(usize, usize)>)> {
        let mut text = Detokenizing::new(&[], stops.iter().map(ToString::to_string).collect());
        let mut all = Vec::new();
        for (token, piece) in pieces.iter().enumerate() {
            let (heard, stop) = text.push(token, piece, false);
            all.push(heard);
            if stop.is_some() {
                break;
            }
        }
        all.push(text.finish());
        let parts = |heard: &Heard| heard.parts.iter().map(|part| (part.token, part.bytes)).collect();
        all.iter().map(|heard| (heard.text.clone(), parts(heard))).collect()
    }

    #[test]
    fn a_token_that_shows_at_once_has_its_own_text() {
        let told = heard(&[], &[b"The", b"", b" fox"]);
        assert_eq!(told[0], ("The".into(), vec![(0, 3)]));
        assert_eq!(told[1], (String::new(), vec![]));
        assert_eq!(told[2], (" fox".into(), vec![(2, 4)]));
        assert_eq!(told[3], (String::new(), vec![]));
    }

    #[test]
    fn what_was_held_back_comes_later_and_is_still_that_of_its_tokens() {
        let told = heard(&["\nUser:"], &[b"so.\n", b"Us", b"e", b"less"]);
        assert_eq!(told[0], ("so.".into(), vec![(0, 3)]));
        assert_eq!((&told[1].0, &told[2].0), (&String::new(), &String::new()));
        assert_eq!(told[3], ("\nUseless".into(), vec![(0, 1), (1, 2), (2, 1), (3, 4)]));
        // At the end of a story too.
        let told = heard(&["\nUser:"], &[b"so.\n", b"Us"]);
        assert_eq!(told[2], ("\nUs".into(), vec![(0, 1), (1, 2)]));
    }

    #[test]
    fn a_character_is_of_the_token_that_completes_it_and_one_that_stays_incomplete_of_none() {
        let wolf = "狼".as_bytes();
        let told = heard(&[], &[&wolf[..1], &wolf[1..2], &wolf[2..], &wolf[..2]]);
        assert_eq!(told[2], ("狼".into(), vec![(2, 3)]));
        assert_eq!(told[3..], [(String::new(), vec![]), (String::new(), vec![])]);
    }

    #[test]
    fn of_a_stop_string_no_part_is_told() {
        let told = heard(&["END"], &[b"the E", b"N", b"D of"]);
        assert_eq!(told[0], ("the ".into(), vec![(0, 4)]));
        assert_eq!(told[1..], [(String::new(), vec![]), (String::new(), vec![]), (String::new(), vec![])]);
        let told = heard(&["END", "Ex"], &[b"E", b"aEN", b"D"]);
        assert_eq!(told[1], ("Ea".into(), vec![(0, 1), (1, 1)]));
        assert_eq!(told[2], (String::new(), vec![]));
    }

    #[test]
    fn all_parts_are_the_text_whatever_stops_it() {
        let pieces: [&[u8]; 6] = [b"ab", b"ba", b"a", b"bab", b"", b"c"];
        for stops in [&["abb"][..], &["bac"], &["aba", "c"], &["babab"], &[]] {
            let told = heard(stops, &pieces);
            for (text, parts) in &told {
                assert_eq!(text.len(), parts.iter().map(|(_, bytes)| bytes).sum::<usize>(), "{stops:?}");
            }
        }
    }
}
