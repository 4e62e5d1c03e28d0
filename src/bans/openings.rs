//! With which pieces of text the first word of a phrase would be whole.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::fold::fold;
use super::matcher::Matcher;
use super::trie::{Node, ROOT};
use super::watch::{Watch, is_of_word};

/// Of many pieces of text, known by their numbers, those with which the first word of a phrase would be whole: what is known of a text
/// is where in the first words it stands, and for every such place the pieces are looked through once.
///
/// A piece that is no whole characters opens nothing.
#[derive(Debug)]
pub struct Openings {
    matcher: Arc<Matcher>,
    /// Pieces in which a first word begins and is whole: behind a letter, and behind anything else.
    fresh: [Arc<[u32]>; 2],
    /// Pieces that take such a beginning of a first word to its end.
    behind: Mutex<HashMap<Node, Arc<[u32]>>>,
}

impl Openings {
    /// Of these pieces.
    pub fn of<'p>(matcher: &Arc<Matcher>, pieces: &(impl Iterator<Item = (u32, &'p [u8])> + Clone)) -> Self {
        let opens = |piece: &[u8], behind_letter: bool| {
            let folded = folded(piece);
            let before = |at: usize| if at == 0 { behind_letter } else { is_of_word(folded[at - 1]) };
            let begins = |at: &usize| !(before(*at) && is_of_word(folded[*at]));
            (0..folded.len()).filter(begins).any(|at| is_first_word(matcher, ROOT, &folded[at..]))
        };
        let fresh =
            [true, false].map(|behind| pieces.clone().filter(|(_, piece)| opens(piece, behind)).map(|(n, _)| n).collect());
        Self { matcher: Arc::clone(matcher), fresh, behind: Mutex::default() }
    }

    /// The numbers of the pieces, each once and in ascending order, with which, told next, the first word of a phrase would be whole.
    /// `pieces` are those that it was made of.
    pub fn after<'p>(&self, watch: &Watch, pieces: &(impl Iterator<Item = (u32, &'p [u8])> + Clone)) -> Vec<u32> {
        let mut all: Vec<u32> = self.fresh[usize::from(!watch.is_in_word())].to_vec();
        for node in watch.begun() {
            let mut known = self.behind.lock().unwrap_or_else(PoisonError::into_inner);
            let goes_on = |piece: &[u8]| {
                // Most pieces go on with nothing, as their first letter tells.
                let first = std::str::from_utf8(piece).ok().and_then(|text| text.chars().next()).and_then(|c| fold(c).next());
                first.is_some_and(|c| self.matcher.phrases.next(node, c).is_some())
                    && is_first_word(&self.matcher, node, &folded(piece))
            };
            let found = known
                .entry(node)
                .or_insert_with(|| pieces.clone().filter(|(_, piece)| goes_on(piece)).map(|(number, _)| number).collect());
            all.extend_from_slice(found);
        }
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// A piece as it is compared; nothing of one that is no whole characters.
fn folded(piece: &[u8]) -> Vec<char> {
    std::str::from_utf8(piece).map_or(Vec::new(), |text| text.chars().flat_map(fold).collect())
}

/// Whether these characters take a beginning of a phrase to the end of its first word.
fn is_first_word(matcher: &Matcher, from: Node, folded: &[char]) -> bool {
    let end = folded.iter().try_fold(from, |node, &c| matcher.phrases.next(node, c));
    !folded.is_empty() && end.is_some_and(|node| matcher.phrases.is_first_word(node))
}

#[cfg(test)]
mod tests {
    use super::super::Bans;
    use super::*;

    const PIECES: [&str; 13] =
        ["shivers", " shivers", " sh", "ivers", "iv", "ers", " Shivers", "shiver", " a", "a", " shivers down", "...", " so -"];

    fn openings(phrases: &[&str], text: &str) -> Vec<&'static str> {
        let bans = Bans { phrases: phrases.iter().map(ToString::to_string).collect(), ..Bans::default() };
        let matcher = Arc::new(Matcher::new(bans).unwrap());
        let pieces = (0..).zip(PIECES).map(|(number, piece)| (number, piece.as_bytes()));
        let openings = Openings::of(&matcher, &pieces);
        let after = openings.after(&Watch::behind(&matcher, text.as_bytes()), &pieces);
        // What was looked for once is known.
        assert_eq!(openings.after(&Watch::behind(&matcher, text.as_bytes()), &pieces), after);
        after.into_iter().map(|number| PIECES[number as usize]).collect()
    }

    #[test]
    fn a_first_word_is_whole_with_the_piece_that_ends_it_however_it_is_cut() {
        let phrases = ["shivers down", "a testament"];
        let whole = ["shivers", " shivers", " Shivers", " a", "a"];
        for (text, opening) in [
            ("", &whole[..]),
            ("She felt ", &whole),
            // Behind a letter no word begins without a space.
            ("She", &[" shivers", " Shivers", " a"]),
            ("felt sh", &[" shivers", "ivers", " Shivers", " a"]),
            ("felt shiv", &[" shivers", "ers", " Shivers", " a"]),
            ("felt ash", &[" shivers", " Shivers", " a"]),
            // Behind the first word nothing opens that goes on with the phrase.
            ("felt shivers", &[" shivers", " Shivers", " a"]),
        ] {
            assert_eq!(openings(&phrases, text), opening, "{text:?}");
        }
        assert_eq!(openings(&["... so", "so - no"], "He"), ["..."]);
        assert_eq!(openings(&["so - no"], "He "), [""; 0]);
    }
}
