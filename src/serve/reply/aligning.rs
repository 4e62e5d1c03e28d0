//! Tokens and text, put together: each token with the text that is its own, in their order, and none before its text is certain.
//!
//! What may become a stop string is held back, and so are then its tokens. Whoever shows probabilities beside a text needs both to go
//! together; so a token appears when all of its text has, with that text, and those of a stop string are cut with it.

use std::collections::VecDeque;

use crate::decode::Part;
use crate::model::{Detokenizer, TextChunk, Vocabulary};
use crate::prob::Token;
use crate::sampler::Draw;
use crate::story::StopReason;

/// A token with its text.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The number of the token in the story, counted from 0.
    pub number: usize,
    /// The decision.
    pub draw: Box<Draw>,
    /// Its text: empty for one that ends the story, or that holds the beginning of a character only.
    pub text: String,
    /// Its own bytes, also where they are a part of a character; without those of the writer's text.
    pub bytes: Vec<u8>,
}

impl Entry {
    /// The token.
    pub fn token(&self) -> Token {
        self.draw.token
    }
}

/// A token whose text is not certain yet.
#[derive(Debug)]
struct Waiting {
    draw: Box<Draw>,
    text: String,
    /// So many bytes its text has if nothing cuts it.
    whole: usize,
    bytes: Vec<u8>,
}

/// Puts the tokens of a story and its text together.
#[derive(Debug)]
pub struct Aligning {
    vocabulary: Vocabulary,
    /// Knows what the text of a token will be if no stop string cuts it.
    uncut: Detokenizer,
    /// So many bytes of the next tokens are the writer's own text.
    own: usize,
    waiting: VecDeque<Waiting>,
    /// The number of the first that waits.
    first: usize,
}

impl Aligning {
    /// Those of a story that goes on behind these bytes, and first spells so many of the writer's own.
    pub fn behind(before: &[u8], own: usize, vocabulary: Vocabulary) -> Self {
        let uncut = Detokenizer::behind(before, Vec::new());
        Self { vocabulary, uncut, own, waiting: VecDeque::new(), first: 0 }
    }

    /// A token was told, and this text appeared; returns those whose text is now certain.
    pub fn hear(&mut self, draw: Box<Draw>, text: &str, parts: &[Part]) -> Vec<Entry> {
        let mut bytes = self.piece(draw.token);
        let own = bytes.drain(..self.own.min(bytes.len())).len();
        self.own -= own;
        let whole = match self.uncut.push(&bytes) {
            TextChunk::Text(text) | TextChunk::Stopped { text, .. } => text.len(),
        };
        self.waiting.push_back(Waiting { draw, text: String::new(), whole, bytes });
        let settled = self.give(text, parts);
        let certain = |(at, one): (usize, &Waiting)| at < settled || one.whole > 0 && one.text.len() >= one.whole;
        let count = self.waiting.iter().enumerate().take_while(|&one| certain(one)).count();
        self.take(count)
    }

    /// The story is over; returns the rest of its tokens. Those of a stop string are none of them.
    pub fn finish(&mut self, rest: &str, parts: &[Part], stop: &StopReason) -> Vec<Entry> {
        self.give(rest, parts);
        let with_text = self.waiting.iter().rposition(|one| !one.text.is_empty()).map_or(0, |last| last + 1);
        let is_cut = matches!(stop, StopReason::Stop(_) | StopReason::Whole(_));
        self.take(if is_cut { with_text } else { self.waiting.len() })
    }

    /// Gives each token its part of a text; returns how many that wait stand before the last of these.
    fn give(&mut self, text: &str, parts: &[Part]) -> usize {
        let (mut rest, mut settled) = (text, 0);
        for part in parts {
            let (own, after) = rest.split_at(part.bytes);
            rest = after;
            // No text is lost, whatever the numbers say.
            let at = part.token.saturating_sub(self.first).min(self.waiting.len().saturating_sub(1));
            if let Some(one) = self.waiting.get_mut(at) {
                one.text.push_str(own);
                settled = settled.max(at);
            }
        }
        settled
    }

    fn take(&mut self, count: usize) -> Vec<Entry> {
        let first = self.first;
        self.first += count;
        let taken: Vec<Waiting> = self.waiting.drain(..count).collect();
        let entry = |(number, one): (usize, Waiting)| {
            let Waiting { draw, text, whole, bytes } = one;
            let is_cut = !text.is_empty() && text.len() < whole;
            let bytes = if is_cut { text.clone().into_bytes() } else { bytes };
            Entry { number, draw, text, bytes }
        };
        (first..).zip(taken).map(entry).collect()
    }

    /// The bytes of a token as text: one that ends the story has none.
    fn piece(&self, token: Token) -> Vec<u8> {
        if self.vocabulary.ends(token) { Vec::new() } else { self.vocabulary.piece(token).to_vec() }
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::*;
    use crate::decode::{Cancel, Ended, Observer, Plan, Stories, Told, drive, each};
    use crate::model::{Kind, Toy};
    use crate::sampler::{Chain, Pick, Sampler};

    /// Hears a story and shows it token by token: at each step those that appeared.
    struct Shown {
        aligning: Aligning,
        steps: Vec<Vec<(String, Vec<u8>)>>,
        text: String,
        count: usize,
    }

    impl Shown {
        fn step(&mut self, entries: Vec<Entry>) {
            self.steps.push(entries.into_iter().map(|entry| (entry.text, entry.bytes)).collect());
        }
    }

    impl Observer for Shown {
        fn told(&mut self, _: usize, told: &Told) -> ControlFlow<()> {
            let entries = self.aligning.hear(Box::new(told.draw.clone()), told.text, told.parts);
            self.step(entries);
            ControlFlow::Continue(())
        }

        fn ended(&mut self, _: usize, ended: Ended) {
            let entries = self.aligning.finish(&ended.rest, &ended.parts, &ended.completion.stop);
            self.step(entries);
            self.text = ended.completion.text;
            self.count = ended.completion.counts.tokens;
        }
    }

    /// Tells these pieces, one after the other.
    fn tell(pieces: &[&[u8]], stops: &[&str], end: bool) -> Shown {
        let kinds = pieces.iter().map(|piece| (piece.to_vec(), Kind::Text));
        let vocabulary = Vocabulary::new(kinds.chain([(b"</s>".to_vec(), Kind::End), (b"^".to_vec(), Kind::Text)]));
        let count = pieces.len();
        let row = move |text: &[Token]| (0..count + 2).map(|token| if token == text.len() - 1 { 50.0 } else { 0.0 }).collect();
        let mut toy = Toy::new(vocabulary.clone(), row);
        let sampler = Sampler::new(Chain::new(Vec::new()).unwrap(), Pick::Argmax);
        let begin = Token::try_from(count + 1).unwrap();
        let plan = Plan::new(sampler, vec![begin], 1, count + usize::from(end));
        let plan = Plan { stops: stops.iter().map(ToString::to_string).collect(), ..plan };
        let mut shown =
            Shown { aligning: Aligning::behind(&[], 0, vocabulary), steps: Vec::new(), text: String::new(), count: 0 };
        drive(&mut Stories::new(&mut toy, 1), 1, &mut each([plan]), &mut shown, &Cancel::new());
        shown
    }

    fn texts(shown: &Shown) -> Vec<Vec<&str>> {
        shown.steps.iter().map(|step| step.iter().map(|(text, _)| text.as_str()).collect()).collect()
    }

    #[test]
    fn a_token_appears_at_once_with_its_text_and_one_that_ends_has_none() {
        let shown = tell(&[b"The", b" fox"], &[], true);
        assert_eq!(texts(&shown), [vec!["The"], vec![" fox"], vec![], vec![""]]);
        assert_eq!(shown.steps[3][0].1, b"");
        assert_eq!(shown.count, 3);
    }

    #[test]
    fn what_was_held_back_appears_token_by_token_when_it_is_ruled_out() {
        let shown = tell(&[b"so.\n", b"Us", b"e", b"less", b"!"], &["\nUser:"], false);
        assert_eq!(texts(&shown), [vec![], vec![], vec![], vec!["so.\n", "Us", "e", "less"], vec!["!"], vec![]]);
        // And at the end of a story.
        let shown = tell(&[b"so.\n", b"Us"], &["\nUser:"], false);
        assert_eq!(texts(&shown), [vec![], vec![], vec!["so.\n", "Us"]]);
    }

    #[test]
    fn the_tokens_of_a_stop_string_are_cut_with_its_text() {
        let shown = tell(&[b"the E", b"N", b"D of"], &["END"], false);
        assert_eq!(texts(&shown).concat(), ["the "]);
        assert_eq!(shown.steps.concat()[0].1, b"the ");
        assert_eq!((shown.text.as_str(), shown.count), ("the ", 3));
        let shown = tell(&[b"a", b"E", b"N", b"D"], &["END"], false);
        assert_eq!(texts(&shown).concat(), ["a"]);
        // One that is met with the last token that may be told.
        let shown = tell(&[b"a", b"END"], &["END"], false);
        assert_eq!(texts(&shown).concat(), ["a"]);
    }

    #[test]
    fn of_a_character_in_several_tokens_the_last_has_all_and_each_its_own_bytes() {
        let wolf = "狼".as_bytes();
        let shown = tell(&[b"a", &wolf[..1], &wolf[1..2], &wolf[2..], b"b"], &[], false);
        assert_eq!(texts(&shown), [vec!["a"], vec![], vec![], vec!["", "", "狼"], vec!["b"], vec![]]);
        let bytes: Vec<u8> = shown.steps.concat().into_iter().flat_map(|(_, bytes)| bytes).collect();
        assert_eq!(bytes, "a狼b".as_bytes());
        // One that stays incomplete is in no text, and its tokens are there.
        let shown = tell(&[b"a", &wolf[..1]], &[], false);
        assert_eq!(texts(&shown).concat(), ["a", ""]);
    }

    #[test]
    fn joined_the_tokens_are_the_text_whatever_they_are_and_whatever_stops_it() {
        let wolf = "狼".as_bytes();
        let pieces: [&[u8]; 9] = [b"ab", b"ba", b"", b"a", &wolf[..2], &wolf[2..], b"\xFFb", b"bab", b"c"];
        for stops in [&["abb"][..], &["bac"], &["aba", "c"], &["babab"], &["狼"], &["a狼x"], &["\u{FFFD}"], &["babc"], &[]] {
            for count in 1..=pieces.len() {
                for end in [false, true] {
                    let shown = tell(&pieces[..count], stops, end);
                    let joined = texts(&shown).concat().concat();
                    assert_eq!(joined, shown.text, "{stops:?} {count}");
                }
            }
        }
        let shown = tell(&pieces, &[], true);
        assert_eq!(shown.steps.concat().len(), shown.count);
    }
}
