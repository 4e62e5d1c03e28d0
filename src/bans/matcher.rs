//! All bans, ready to be looked for.

use regex_automata::dfa::{Automaton, StartKind, dense};
use regex_automata::nfa::thompson;
use regex_automata::util::primitives::StateID;
use regex_automata::util::start;
use regex_automata::{Anchored, MatchKind};

use super::fold::fold;
use super::spec::{Bans, Wrong};
use super::trie::Trie;
use super::watch::Which;

/// The most bytes that the table of all patterns may have.
const LARGEST: usize = 16 << 20;

/// Texts that no pattern may be found in at their very beginning, each of which is of another kind.
const PROBES: [&str; 4] = ["a", "the ", "7", ". "];

/// All bans, ready to be looked for in many texts at once. Two are equal that are made of the same.
#[derive(Debug)]
pub struct Matcher {
    bans: Bans,
    pub(super) phrases: Trie,
    pub(super) patterns: Option<Patterns>,
}

/// Patterns as one automaton, which begins where it is put and goes on byte by byte.
#[derive(Debug)]
pub(super) struct Patterns {
    table: dense::DFA<Vec<u32>>,
    start: StateID,
    /// Whether a pattern asks what stands behind it: then it is known one character later that it matched.
    looks: bool,
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.bans == other.bans
    }
}

impl Matcher {
    /// Makes bans ready.
    ///
    /// # Errors
    /// A ban that cannot be meant.
    pub fn new(bans: Bans) -> Result<Self, Wrong> {
        if !(bans.strength > 0.0 && bans.strength <= 1.0) {
            return Err(Wrong::Range { key: "strength", allowed: "above 0 and at most 1" });
        }
        if !(bans.bias.is_finite() && bans.bias <= 0.0) {
            return Err(Wrong::Range { key: "bias", allowed: "a number, at most 0" });
        }
        let mut phrases = Trie::default();
        for (number, phrase) in bans.phrases.iter().enumerate() {
            let folded = folded(phrase);
            match folded[..] {
                [] => return Err(Wrong::Blank { phrase: number }),
                [letter] if letter.is_alphanumeric() => return Err(Wrong::OneLetter { phrase: number, letter }),
                _ => phrases.add(&folded, number),
            }
        }
        let patterns = (!bans.patterns.is_empty()).then(|| Patterns::new(&bans.patterns)).transpose()?;
        Ok(Self { bans, phrases, patterns })
    }

    /// What it was made of.
    #[must_use]
    pub fn bans(&self) -> &Bans {
        &self.bans
    }

    /// A ban that was found, as it is written.
    #[must_use]
    pub fn written(&self, which: Which) -> &str {
        match which {
            Which::Phrase(number) => &self.bans.phrases[number],
            Which::Pattern(number) => &self.bans.patterns[number],
        }
    }
}

/// A phrase as it is compared: folded, with single spaces, and none at its ends.
fn folded(phrase: &str) -> Vec<char> {
    let mut folded: Vec<char> = phrase.chars().flat_map(fold).collect();
    folded.dedup_by(|one, other| *one == ' ' && *other == ' ');
    let is_space = |c: &char| *c == ' ';
    let from = folded.iter().position(|c| !is_space(c)).unwrap_or(folded.len());
    let to = folded.iter().rposition(|c| !is_space(c)).map_or(from, |last| last + 1);
    folded[from..to].to_vec()
}

impl Patterns {
    fn new(patterns: &[String]) -> Result<Self, Wrong> {
        for (pattern, text) in patterns.iter().enumerate() {
            let alone = Self::of(std::slice::from_ref(text)).map_err(|cause| Wrong::Pattern { pattern, cause })?;
            if alone.matches_all() {
                return Err(Wrong::MatchesAll { pattern });
            }
        }
        Self::of(patterns).map_err(|cause| Wrong::Pattern { pattern: patterns.len() - 1, cause })
    }

    /// # Errors
    /// Why there is no such automaton, in one line.
    fn of(patterns: &[String]) -> Result<Self, String> {
        let parse = |text: &String| {
            regex_syntax::parse(text).map_err(|error| error.to_string().lines().last().unwrap_or_default().to_owned())
        };
        let parsed = patterns.iter().map(parse).collect::<Result<Vec<_>, _>>()?;
        let looks = parsed.iter().any(|hir| !hir.properties().look_set().is_empty());
        let nfa = thompson::Compiler::new().build_many_from_hir(&parsed).map_err(|error| error.to_string())?;
        let config = dense::Config::new()
            .match_kind(MatchKind::All)
            .start_kind(StartKind::Anchored)
            .unicode_word_boundary(true)
            .dfa_size_limit(Some(LARGEST))
            .determinize_size_limit(Some(LARGEST));
        let table = dense::Builder::new().configure(config).build_from_nfa(&nfa).map_err(|error| error.to_string())?;
        let start = start::Config::new().anchored(Anchored::Yes);
        let start = table.start_state(&start).map_err(|error| error.to_string())?;
        Ok(Self { table, start, looks })
    }

    pub fn start(&self) -> StateID {
        self.start
    }

    /// Reads one character more: the pattern that has matched, and how it can go on, if it can.
    pub fn step(&self, mut state: StateID, c: char) -> (Option<usize>, Option<StateID>) {
        let mut matched = None;
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            state = self.table.next_state(state, byte);
            // A match is told one byte late.
            matched = matched.or_else(|| if self.looks { self.matched(state) } else { None });
        }
        matched = matched.or_else(|| if self.looks { None } else { self.matches_here(state) });
        let dead = self.table.is_dead_state(state) || self.table.is_quit_state(state);
        (matched, (!dead).then_some(state))
    }

    /// The pattern that matches if the text ends here.
    pub fn matches_here(&self, state: StateID) -> Option<usize> {
        self.matched(self.table.next_eoi_state(state))
    }

    /// The first pattern of a state of matches.
    fn matched(&self, state: StateID) -> Option<usize> {
        self.table.is_match_state(state).then(|| self.table.match_pattern(state, 0).as_usize())
    }

    /// Whether some pattern matches nothing at all, or whatever comes.
    fn matches_all(&self) -> bool {
        let matches = |text: &&str| {
            let mut state = Some(self.start);
            text.chars().any(|c| {
                let Some(before) = state else { return false };
                let (matched, after) = self.step(before, c);
                state = after;
                matched.is_some()
            })
        };
        self.matches_here(self.start).is_some() || PROBES.iter().all(matches)
    }
}
