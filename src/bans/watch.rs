//! One text while it grows, and what is found in it.

use std::sync::Arc;

use regex_automata::util::primitives::StateID;
use unicode_normalization::char::is_combining_mark;

use super::fold::fold;
use super::matcher::Matcher;
use super::spec::Bans;
use super::trie::{Node, ROOT};

/// A ban that was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// Where it begins, in bytes from the beginning of the text.
    pub from: usize,
    /// Where it ends.
    pub to: usize,
    /// Which it is.
    pub which: Which,
}

/// Which ban was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// The phrase of this number, counted from 0.
    Phrase(usize),
    /// The pattern of this number, counted from 0.
    Pattern(usize),
}

/// One text while it grows.
///
/// ```
/// use std::sync::Arc;
/// use afterword::bans::{Bans, Matcher, Watch};
///
/// let bans = Bans { phrases: vec!["a testament to".to_owned()], ..Bans::default() };
/// let mut watch = Watch::new(Arc::new(Matcher::new(bans)?));
/// assert_eq!(watch.push(b"It was a testament"), None);
/// // " a testament" may become the phrase: it is not shown yet.
/// assert_eq!(watch.held(), "a testament".len());
/// assert_eq!(watch.push(b" TO "), Some(afterword::bans::Match { from: 7, to: 21, which: afterword::bans::Which::Phrase(0) }));
/// # Ok::<(), afterword::bans::Wrong>(())
/// ```
#[derive(Debug, Clone)]
pub struct Watch {
    matcher: Arc<Matcher>,
    /// Bytes so far.
    bytes: usize,
    /// The end of them, where it is the beginning of a character.
    broken: Vec<u8>,
    /// Characters so far, as they are compared.
    characters: usize,
    /// The last of them, and where it ended.
    last: Option<char>,
    end: usize,
    /// What may become a match, the earliest first.
    live: Vec<Live>,
}

/// The beginning of a match, from one place on.
#[derive(Debug, Clone, Copy)]
struct Live {
    /// Where it began, in bytes.
    from: usize,
    /// How many characters came before it.
    characters: usize,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// So much of a phrase has been read.
    Phrase(Node),
    /// A phrase has been read, and is one if no letter comes next.
    Word(Node, usize),
    /// So much of a pattern.
    Pattern(StateID),
}

/// What a character did to the beginning of a match.
enum Step {
    Goes(State),
    /// It matched, up to before this character or up to its end, and may go on.
    Matched(Which, bool, Option<State>),
    Dead,
}

impl Watch {
    /// A text of which nothing is said.
    #[must_use]
    pub fn new(matcher: Arc<Matcher>) -> Self {
        Self { matcher, bytes: 0, broken: Vec::new(), characters: 0, last: None, end: 0, live: Vec::new() }
    }

    /// What comes behind this text.
    #[must_use]
    pub fn behind(matcher: &Arc<Matcher>, text: &[u8]) -> Self {
        let mut watch = Self::new(Arc::clone(matcher));
        watch.push(text);
        watch
    }

    /// What is looked for.
    #[must_use]
    pub fn bans(&self) -> &Bans {
        self.matcher.bans()
    }

    /// The bytes so far.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds to the text; returns the match in it that begins first, if there is one.
    pub fn push(&mut self, piece: &[u8]) -> Option<Match> {
        let mut found = None;
        let mut all = std::mem::take(&mut self.broken);
        let mut at = self.bytes - all.len();
        all.extend_from_slice(piece);
        self.bytes += piece.len();
        for chunk in all.utf8_chunks() {
            for c in chunk.valid().chars() {
                let to = at + c.len_utf8();
                self.hear(c, at, to, &mut found);
                at = to;
            }
            let invalid = chunk.invalid();
            let is_last = at + invalid.len() == self.bytes;
            // What may become a character waits for the rest of it.
            if is_last && !invalid.is_empty() && std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none()) {
                self.broken = invalid.to_vec();
            } else if !invalid.is_empty() {
                self.hear(char::REPLACEMENT_CHARACTER, at, at + invalid.len(), &mut found);
                at += invalid.len();
            }
        }
        found
    }

    /// Ends the text; returns the match that is complete with it.
    #[must_use]
    pub fn finish(&self) -> Option<Match> {
        let whole = |live: &Live| {
            let which = match live.state {
                State::Word(_, phrase) => Which::Phrase(phrase),
                State::Pattern(state) => Which::Pattern(self.matcher.patterns.as_ref()?.matches_here(state)?),
                State::Phrase(_) => return None,
            };
            Some(Match { from: live.from, to: self.end, which })
        };
        self.live.iter().find_map(whole)
    }

    /// Lets stand what has begun: no match that is found from here on began before this place.
    pub fn forgive(&mut self) {
        self.live.clear();
    }

    /// How many bytes at the end of the text may become part of a match.
    #[must_use]
    pub fn held(&self) -> usize {
        let from = self.live.first().map_or(self.bytes - self.broken.len(), |live| live.from);
        self.bytes - from
    }

    /// Whether the text ends in a word, which may go on.
    pub(super) fn is_in_word(&self) -> bool {
        self.last.is_some_and(is_of_word)
    }

    /// What has been read of phrases at the end of the text, where that is whole characters.
    pub(super) fn begun(&self) -> impl Iterator<Item = Node> {
        let live = self.live.iter().filter(|_| self.broken.is_empty());
        live.filter_map(|live| match live.state {
            State::Phrase(node) | State::Word(node, _) => Some(node),
            State::Pattern(_) => None,
        })
    }

    /// What this piece, told next, would complete, or would if the word ended with it.
    #[must_use]
    pub fn would_complete(&self, piece: &[u8]) -> Option<Match> {
        let mut ahead = self.clone();
        ahead.push(piece).or_else(|| ahead.finish())
    }

    /// A ban that was found, as it is written.
    #[must_use]
    pub fn written(&self, found: Match) -> &str {
        self.matcher.written(found.which)
    }

    /// Adds a character, which takes these bytes.
    fn hear(&mut self, c: char, from: usize, to: usize, found: &mut Option<Match>) {
        for folded in fold(c) {
            if folded == ' ' && self.last == Some(' ') {
                continue;
            }
            self.hear_folded(folded, from, to, found);
        }
        self.end = to;
    }

    fn hear_folded(&mut self, c: char, from: usize, to: usize, found: &mut Option<Match>) {
        let matcher = Arc::clone(&self.matcher);
        let (within, end) = (matcher.bans().within.get(), self.end);
        self.live.retain(|live| match live.state {
            State::Pattern(_) => self.characters - live.characters < within,
            State::Phrase(_) | State::Word(..) => true,
        });
        // A letter in mid-word begins no phrase; a sign does.
        let begins = |c: char| !(is_of_word(c) && self.last.is_some_and(is_of_word));
        let start = |state| Live { from, characters: self.characters, state };
        if !matcher.phrases.is_empty() && begins(c) {
            self.live.push(start(State::Phrase(ROOT)));
        }
        if let Some(patterns) = &matcher.patterns {
            self.live.push(start(State::Pattern(patterns.start())));
        }
        self.live.retain_mut(|live| {
            let mut hit = |which, to| {
                let one = Match { from: live.from, to, which };
                if found.is_none_or(|other| one.from < other.from) {
                    *found = Some(one);
                }
            };
            match step(&matcher, live.state, c) {
                Step::Goes(state) => live.state = state,
                Step::Matched(which, with, state) => {
                    hit(which, if with { to } else { end });
                    let Some(state) = state else { return false };
                    live.state = state;
                }
                Step::Dead => return false,
            }
            true
        });
        (self.last, self.end) = (Some(c), to);
        self.characters += 1;
    }
}

/// Whether it is part of a word: a letter, a digit, or what is written on one.
pub(super) fn is_of_word(c: char) -> bool {
    c.is_alphanumeric() || is_combining_mark(c)
}

/// What becomes of the beginning of a match with this character.
fn step(matcher: &Matcher, state: State, c: char) -> Step {
    let node = match state {
        State::Pattern(state) => {
            let Some(patterns) = &matcher.patterns else { return Step::Dead };
            return match patterns.step(state, c) {
                (Some(which), next) => Step::Matched(Which::Pattern(which), true, next.map(State::Pattern)),
                (None, Some(next)) => Step::Goes(State::Pattern(next)),
                (None, None) => Step::Dead,
            };
        }
        State::Word(node, phrase) if !is_of_word(c) => {
            let next = advance(matcher, node, c);
            return match next {
                Step::Goes(state) => Step::Matched(Which::Phrase(phrase), false, Some(state)),
                // Both are complete: the shorter one was first.
                Step::Matched(_, _, state) => Step::Matched(Which::Phrase(phrase), false, state),
                Step::Dead => Step::Matched(Which::Phrase(phrase), false, None),
            };
        }
        State::Word(node, _) | State::Phrase(node) => node,
    };
    advance(matcher, node, c)
}

/// Goes on in the phrases.
fn advance(matcher: &Matcher, node: Node, c: char) -> Step {
    let Some(node) = matcher.phrases.next(node, c) else { return Step::Dead };
    match matcher.phrases.complete(node) {
        None => Step::Goes(State::Phrase(node)),
        Some(phrase) if is_of_word(c) => Step::Goes(State::Word(node, phrase)),
        Some(phrase) => Step::Matched(Which::Phrase(phrase), true, Some(State::Phrase(node))),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Wrong;
    use super::*;
    use proptest::prelude::*;

    fn matcher(phrases: &[&str], patterns: &[&str]) -> Result<Arc<Matcher>, Wrong> {
        let [phrases, patterns] = [phrases, patterns].map(|texts| texts.iter().map(ToString::to_string).collect());
        Matcher::new(Bans { phrases, patterns, ..Bans::default() }).map(Arc::new)
    }

    /// The first match in a text that is told at once, with its end.
    fn first(phrases: &[&str], patterns: &[&str], text: &str) -> Option<(usize, usize)> {
        let mut watch = Watch::new(matcher(phrases, patterns).unwrap());
        let found = watch.push(text.as_bytes()).or(watch.finish());
        found.map(|found| (found.from, found.to))
    }

    #[test]
    fn a_phrase_is_found_whatever_its_case_its_quotes_and_its_spaces() {
        for (phrase, text, at) in [
            ("a testament to", "It was A  Testament\nTo", Some((7, 22))),
            ("don't", "He DON’T", Some((3, 10))),
            ("so - no", "so — no", Some((0, 9))),
            ("wait...", "wait…", Some((0, 7))),
            ("É", "cafe\u{301}", None),
            ("café", "le cafe\u{301} noir", Some((3, 9))),
            ("🎉", "now🎉!", Some((3, 7))),
        ] {
            assert_eq!(first(&[phrase], &[], text), at, "{phrase} in {text}");
        }
    }

    #[test]
    fn a_phrase_of_letters_is_found_only_as_whole_words() {
        for (phrase, text, found) in [
            ("in", "king", false),
            ("in", "in the", true),
            ("in", "into", false),
            ("in", "so in", true),
            ("if I", "if In", false),
            ("if I", "if I'd", true),
            ("a test", "banana test", false),
            ("a testament", "a testaments a testament", true),
            ("...", "so...", true),
            // Case is that of no language: a dotless i is another letter.
            ("ısı", "ISI", false),
            ("isi", "ISI", true),
        ] {
            assert_eq!(first(&[phrase], &[], text).is_some(), found, "{phrase} in {text}");
        }
    }

    #[test]
    fn of_several_matches_the_one_that_begins_first_is_told() {
        assert_eq!(first(&["dark and stormy", "and"], &[], "a dark and stormy night"), Some((2, 17)));
        // One inside another ends first, and is told when it ends.
        let mut watch = Watch::new(matcher(&["dark and stormy", "and"], &[]).unwrap());
        assert_eq!(watch.push(b"a dark and ").map(|found| (found.from, found.to)), Some((7, 10)));
        assert_eq!(first(&["a dark", "dark and"], &[], "a dark and "), Some((0, 6)));
    }

    #[test]
    fn a_pattern_is_found_and_holds_the_text_only_while_it_may_match() {
        let pattern = "not (just|only) [^.!?\n]{3,60} but";
        assert_eq!(first(&[], &[pattern], "It was Not only wild, but free."), Some((7, 25)));
        let mut watch = Watch::new(matcher(&[], &[pattern]).unwrap());
        for (piece, held) in [("It was", 0), (" not", 3), (" a", 0), (" not", 3), (" only", 8), (" a", 10), (".", 0)] {
            assert_eq!((watch.push(piece.as_bytes()), watch.held()), (None, held), "{piece}");
        }
        // Of several patterns it is known which matched.
        let mut watch = Watch::new(matcher(&["so be it"], &["b[.]c", "b.d"]).unwrap());
        let found = watch.push(b"a bxd").unwrap();
        assert_eq!((found.which, watch.written(found)), (Which::Pattern(1), "b.d"));
        // What a pattern asks of what comes behind it is waited for.
        assert_eq!(first(&[], &[r"\bbut\b"], "butter but"), Some((7, 10)));
        assert_eq!(first(&[], &[r"\bbut\b"], "butter"), None);
    }

    #[test]
    fn what_would_ban_everything_is_refused() {
        let wrong = |phrases: &[&str], patterns: &[&str]| matcher(phrases, patterns).unwrap_err().to_string();
        assert_eq!(wrong(&["so", " \n"], &[]), "phrase 2 is blank: it bans nothing");
        assert_eq!(wrong(&["e"], &[]), "phrase 1 is the one letter `e`: every text would be banned that has it as a word");
        for all in [".*", ".", "", "a?", "[^x]"] {
            assert_eq!(wrong(&[], &["so", all]), "pattern 2 matches every text", "{all}");
        }
        assert!(wrong(&[], &["(so"]).starts_with("pattern 1 is no pattern: "), "{}", wrong(&[], &["(so"]));
        let less = Bans { bias: 0.5, ..Bans::default() };
        assert_eq!(Matcher::new(less).unwrap_err().to_string(), "`bias` must be a number, at most 0");
        let large = Bans { strength: 1.5, ..Bans::default() };
        assert_eq!(Matcher::new(large).unwrap_err().to_string(), "`strength` must be above 0 and at most 1");
    }

    #[test]
    fn a_piece_that_would_end_a_phrase_is_known_before_it_is_told() {
        let mut watch = Watch::new(matcher(&["a testament to"], &[]).unwrap());
        watch.push(b"It was a testament");
        for (piece, ends) in [(" to", true), (" TO", true), (" tomorrow", false), (".", false), (" to her", true), ("s", false)]
        {
            assert_eq!(watch.would_complete(piece.as_bytes()).is_some(), ends, "{piece}");
        }
    }

    #[test]
    fn what_a_character_costs_does_not_grow_with_the_number_of_phrases() {
        // Words of which text and phrases are made, so that phrases begin all the time; some noise that any machine makes.
        let mixed = |at: u32| at.wrapping_mul(2_654_435_761) >> 16;
        let word = |at: u32, of: u32| format!("w{}", mixed(at) % of);
        let phrase = |at: u32| [0, 1, 2].map(|next| word(3 * at + next, 500)).join(" ");
        let text: Vec<char> = (0..4_000).map(|at| word(90_001 + at, 500)).collect::<Vec<_>>().join(" ").chars().collect();
        // The states that are visited at all characters together, and the most at one.
        let visited = |count: u32| {
            let phrases: Vec<String> = (0..count).map(phrase).collect();
            let phrases: Vec<&str> = phrases.iter().map(String::as_str).collect();
            let mut watch = Watch::new(matcher(&phrases, &[]).unwrap());
            let states = text.iter().map(|c| {
                let begun = watch.live.len() + 1;
                watch.push(c.to_string().as_bytes());
                begun
            });
            states.fold((0, 0), |(all, most), states| (all + states, most.max(states)))
        };
        let (few, many) = (visited(50), visited(5_000));
        // A beginning lives as long as some phrase goes on so: as many as the longest has words, and the one that begins.
        assert!(many.1 <= 4, "{} states at one character", many.1);
        assert!(many.0 < 3 * few.0, "{} states of 5,000 phrases, {} of 50", many.0, few.0);
    }

    /// Of every phrase at every place whether it stands there, in so many words.
    fn by_hand(phrases: &[String], text: &str) -> Option<(usize, usize)> {
        let letters: Vec<(usize, char)> = text.char_indices().collect();
        let letter = |at: Option<usize>| at.and_then(|at| letters.get(at)).is_some_and(|(_, c)| c.is_alphanumeric());
        let stands = |at: usize, phrase: &String| {
            let length = phrase.chars().count();
            let same = text[letters[at].0..].starts_with(phrase.as_str());
            let within = |one: Option<usize>, other: Option<usize>| letter(one) && letter(other);
            let part = within(Some(at), at.checked_sub(1)) || within(Some(at + length - 1), Some(at + length));
            (same && !part).then_some((letters[at].0, letters[at].0 + phrase.len()))
        };
        let all = (0..letters.len()).flat_map(|at| phrases.iter().filter_map(move |phrase| stands(at, phrase)));
        all.min_by_key(|&(from, to)| (to, from))
    }

    proptest! {
        #[test]
        fn the_first_match_of_a_text_in_any_pieces_is_the_one_found_by_hand(
            phrases in prop::collection::vec("[ab.]( ?[ab.]){1,3}", 1..5),
            text in "[ab. é]{0,24}",
        ) {
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let bans = Bans { phrases: phrases.clone(), ..Bans::default() };
            let mut watch = Watch::new(Arc::new(Matcher::new(bans).unwrap()));
            // Byte by byte, so that what ends first is found first; what ends with a word is known by the next byte.
            let found = text.bytes().find_map(|byte| watch.push(&[byte])).or_else(|| watch.finish());
            let found = found.map(|found| (found.from, found.to));
            prop_assert_eq!(found, by_hand(&phrases, &text));
        }

        #[test]
        fn what_is_not_held_is_in_no_match_that_comes(
            phrases in prop::collection::vec("[ab.]( ?[ab.]){1,3}", 1..5),
            text in "[ab. é]{0,24}",
        ) {
            let bans = Bans { phrases, patterns: vec!["b[^.]{2,5}a".to_owned()], ..Bans::default() };
            let mut watch = Watch::new(Arc::new(Matcher::new(bans).unwrap()));
            let mut shown = 0;
            for byte in text.bytes() {
                if let Some(found) = watch.push(&[byte]) {
                    prop_assert!(found.from >= shown, "{found:?} begins before {shown} in {text:?}");
                }
                shown = shown.max(watch.bytes() - watch.held());
            }
        }
    }
}
