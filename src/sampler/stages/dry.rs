//! DRY, "don't repeat yourself": the penalty for going on with a repetition.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::elsewhere::at_most_0;
use super::{Elsewhere, Role, Rule};
use crate::model::Kind;
use crate::prob::{Last, Multiplier, Token, keys_in_order};
use crate::sampler::prepared::{Scene, StageOp};

/// Punishes tokens that would go on repeating the text, never an end of it: one that would extend a match of L tokens loses
/// multiplier · base^(L − allowed-length) from its logit.
///
/// Breakers are tokens here, not strings: a breaker that a tokenizer spreads over several tokens breaks at each of them that
/// holds it whole, else not at all. Where the penalty falls is [`PenaltyAt`]'s to say: by itself it falls where a word begins, and
/// not in the middle of a name that has to be said again.
///
/// # Source
/// p-e-w, text-generation-webui pull request 5677, 2024.
///
/// # Examples
/// ```
/// use afterword::sampler::{Dry, OpenWord};
///
/// let dry: Dry = serde_json::from_str(r#"{ "multiplier": 0.8 }"#)?;
/// let word = OpenWord { length: 0, continues: |_| false };
/// // After "1 2 3 … 1 2" the 3 would go on with a repetition of two tokens.
/// let penalties = dry.penalties(&[1, 2, 3, 7, 1, 2], |_| false, &word);
/// assert_eq!(penalties.into_iter().collect::<Vec<_>>(), [(3, 0.8)]);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(transform = keys_in_order::<Self>)]
pub struct Dry {
    /// The penalty at the allowed length, in nats; 0 does nothing.
    #[schemars(example = 0.8)]
    pub multiplier: Multiplier,
    /// How much the penalty grows with each further token of the match; 1 does not let it grow.
    #[serde(default = "Dry::usual_base")]
    pub base: Multiplier,
    /// The shortest match that is punished, in tokens.
    #[serde(default = "Dry::usual_allowed_length")]
    pub allowed_length: NonZeroUsize,
    /// How many of the latest tokens, the prompt's among them, are searched for matches; "all" is the whole text.
    #[serde(default = "Dry::usual_last")]
    pub last: Last,
    /// A match does not reach across a token whose piece holds one of these; nor across the marks of a chat template.
    #[serde(default = "Dry::usual_breakers")]
    pub breakers: Vec<String>,
    /// Where the penalty falls: only where a word begins (and inside of one that repeats itself, as hahaha does), or at any
    /// token, as with llama.cpp. A penalty inside a word makes a misspelt name of one that has to be said again.
    #[serde(default)]
    pub at: PenaltyAt,
}

/// Where the penalty of [`Dry`] falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PenaltyAt {
    /// Where a word begins: a token that only goes on with the word in which the text ends is free, for that word was chosen at
    /// its first token, and a penalty in its middle makes another, misspelt word of it. A word that repeats itself within
    /// (`hahaha`) is punished as with `Token`, and so is every token of a script without spaces between words.
    #[default]
    Word,
    /// At any token, as in the source and in llama.cpp.
    Token,
}

/// The word in which a text ends.
#[derive(Debug, Clone, Copy)]
pub struct OpenWord<C> {
    /// How many of the latest tokens it has; 0 where the text ends behind a word.
    pub length: usize,
    /// Whether a token, coming next, goes on with it.
    pub continues: C,
}

impl Dry {
    fn usual_base() -> Multiplier {
        Multiplier::usual(1.75)
    }

    fn usual_allowed_length() -> NonZeroUsize {
        NonZeroUsize::new(2).unwrap_or(NonZeroUsize::MIN)
    }

    fn usual_last() -> Last {
        Last::usual(1024)
    }

    fn usual_breakers() -> Vec<String> {
        ["\n", ":", "\"", "*"].map(String::from).to_vec()
    }

    /// What each token would lose that goes on with a match, given the text so far: for every earlier place that ends like the
    /// text ends, over L tokens, the token that followed there.
    ///
    /// `breaks(token)` tells whether a match must not hold the token. Runs in O(n) for the n latest tokens: the lengths of all
    /// matches are the Z-function of the reversed text (Gusfield 1997).
    pub fn penalties(
        &self,
        text: &[Token],
        breaks: impl Fn(Token) -> bool,
        word: &OpenWord<impl Fn(Token) -> bool>,
    ) -> BTreeMap<Token, f64> {
        let text = self.last.of(text);
        let matches = z_function(text);
        // Only the tail behind the last breaker can be repeated, and no match is longer than it. Matches are short and breakers
        // cost a look into every piece, so no more of the tail is read than the longest match needs.
        let most = matches.iter().copied().max().unwrap_or_default();
        let longest = text.iter().rev().take(most).take_while(|&&token| !breaks(token)).count();
        let mut lengths: BTreeMap<Token, usize> = BTreeMap::new();
        for (back, length) in matches.into_iter().enumerate().skip(1) {
            let length = length.min(longest);
            // The match ends `back` tokens before the end of the text; this token came next.
            let next = text[text.len() - back];
            if length >= self.allowed_length.get() && !breaks(next) && !self.spares(next, back, word) {
                let known = lengths.entry(next).or_default();
                *known = length.max(*known);
            }
        }
        lengths.into_iter().map(|(token, length)| (token, self.penalty(length))).collect()
    }

    /// Whether a token is free that would go on with a match, and came next `back` tokens before the end of the text: where it
    /// only goes on with the open word, unless what it would repeat is a part of that very word.
    fn spares(&self, next: Token, back: usize, word: &OpenWord<impl Fn(Token) -> bool>) -> bool {
        match self.at {
            PenaltyAt::Word => back > word.length && word.length > 0 && (word.continues)(next),
            PenaltyAt::Token => false,
        }
    }

    /// multiplier · base^(L − allowed), kept finite.
    fn penalty(&self, length: usize) -> f64 {
        if self.multiplier.get() == 0.0 {
            // A power beyond all numbers would make nothing of it.
            return 0.0;
        }
        let excess = (length - self.allowed_length.get()) as f64;
        (self.multiplier.get() * self.base.get().powf(excess)).min(f64::from(f32::MAX))
    }
}

impl Rule for Dry {
    const NAME: &'static str = "dry";
    const ROLE: Role = Role::Words;
    const ELSEWHERE: &'static Elsewhere = &Elsewhere {
        samplers: &[],
        keys: &[
            ("multiplier", &["dry_multiplier"]),
            ("base", &["dry_base"]),
            ("allowed-length", &["dry_allowed_length"]),
            ("last", &["dry_penalty_last_n"]),
        ],
        off: at_most_0,
        unit: 1.0,
    };

    fn prepare(&self, scene: &mut Scene) -> Option<StageOp> {
        let (text, vocabulary) = (scene.history.text(), scene.vocabulary);
        let breakers: Vec<&[u8]> = self.breakers.iter().map(String::as_bytes).filter(|b| !b.is_empty()).collect();
        let breaks = |token| {
            vocabulary.kind(token) != Kind::Text || breakers.iter().any(|breaker| holds(vocabulary.piece(token), breaker))
        };
        let word = OpenWord { length: vocabulary.open_word(text), continues: |token| vocabulary.continues_word(token) };
        Some(StageOp::Penalise(self.penalties(text, breaks, &word).into_iter().collect()))
    }

    fn label(&self) -> String {
        format!("dry {}", self.multiplier.get())
    }

    fn idle(&self) -> Option<String> {
        if self.multiplier.get() == 0.0 {
            return Some("with a multiplier of 0 punishes nothing".to_owned());
        }
        let short = self.last.tokens().is_some_and(|last| last <= self.allowed_length);
        short.then(|| "looks back over no more tokens than a match may have for free: it finds none to punish".to_owned())
    }
}

fn holds(piece: &[u8], part: &[u8]) -> bool {
    piece.windows(part.len()).any(|window| window == part)
}

/// `z[i]`: over how many tokens the text reversed and the text reversed from its i-th token on agree. `z[0]` is not used.
fn z_function(text: &[Token]) -> Vec<usize> {
    let n = text.len();
    let reversed = |i: usize| text[n - 1 - i];
    let mut z = vec![0; n];
    let (mut left, mut right) = (0, 0);
    for i in 1..n {
        let mut length = if i < right { z[i - left].min(right - i) } else { 0 };
        while i + length < n && reversed(length) == reversed(i + length) {
            length += 1;
        }
        z[i] = length;
        if i + length > right {
            (left, right) = (i, i + length);
        }
    }
    z
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dry(allowed: usize) -> Dry {
        toml::from_str(&format!("multiplier = 0.8\nallowed-length = {allowed}")).unwrap()
    }

    /// 9 breaks, and tokens from 10 on go on with the word before them.
    fn penalised(dry: &Dry, text: &[Token]) -> Vec<(Token, f64)> {
        let continues = |token: Token| token >= 10;
        let open = text.iter().rev().take_while(|&&token| continues(token)).count();
        let length = if open < text.len() { open + 1 } else { open };
        dry.penalties(text, |token| token == 9, &OpenWord { length, continues }).into_iter().collect()
    }

    fn penalties(text: &[Token], allowed: usize) -> Vec<(Token, f64)> {
        penalised(&dry(allowed), text)
    }

    #[test]
    fn a_repeated_suffix_punishes_what_followed_it() {
        // "1 2 3 … 1 2": the match 1 2 has length 2, so 3 loses 0.8 · 1.75⁰.
        assert_eq!(penalties(&[1, 2, 3, 7, 1, 2], 2), [(3, 0.8)]);
        // With a third token in the match: 0.8 · 1.75¹.
        assert_eq!(penalties(&[5, 1, 2, 3, 7, 5, 1, 2], 2), [(3, 0.8 * 1.75)]);
    }

    #[test]
    fn a_match_shorter_than_allowed_is_free() {
        assert_eq!(penalties(&[1, 2, 3, 7, 1, 2], 3), []);
        assert_eq!(penalties(&[0, 2, 3, 7, 1, 2], 2), []);
    }

    #[test]
    fn the_longest_match_of_a_token_counts() {
        assert_eq!(penalties(&[4, 1, 2, 3, 6, 1, 2, 3, 4, 1, 2], 2), [(3, 0.8 * 1.75)]);
    }

    #[test]
    fn a_match_does_not_cross_a_breaker_and_a_breaker_is_never_punished() {
        assert_eq!(penalties(&[1, 9, 2, 3, 7, 1, 9, 2], 2), []);
        assert_eq!(penalties(&[1, 2, 9, 1, 2], 2), []);
    }

    #[test]
    fn the_shortest_texts_have_no_penalties() {
        assert_eq!(penalties(&[], 1), []);
        assert_eq!(penalties(&[1], 1), []);
    }

    #[test]
    fn only_the_latest_tokens_are_searched() {
        let mut dry = dry(2);
        dry.last = Last::usual(5);
        assert!(penalised(&dry, &[1, 2, 3, 7, 1, 2]).is_empty());
        dry.last = Last::usual(6);
        assert_eq!(penalised(&dry, &[1, 2, 3, 7, 1, 2]).len(), 1);
    }

    #[test]
    fn a_word_is_punished_where_it_begins_and_not_in_its_middle() {
        // "the light·house keeper": 1 2·11 3.
        let said = [1, 2, 11, 3, 7];
        let after = |tokens: &[Token]| penalties(&[&said[..], tokens].concat(), 2);
        assert_eq!(after(&[1, 2]), []);
        // The next word pays for all that was repeated before it, each piece of the name counted.
        assert_eq!(after(&[1, 2, 11]), [(3, 0.8 * 1.75)]);
        // Where a longer match leads to the beginning of the name, the name is punished there.
        assert_eq!(penalties(&[5, 1, 2, 11, 7, 5, 1], 2), [(2, 0.8)]);
        let at_token = Dry { at: PenaltyAt::Token, ..dry(2) };
        assert_eq!(penalised(&at_token, &[&said[..], &[1, 2]].concat()), [(11, 0.8)]);
    }

    #[test]
    fn a_match_that_ends_in_the_middle_of_two_words_punishes_only_the_one_that_begins() {
        // Once 2·11 was followed by a word of its own, once by another piece: after 2·11 only the former is punished.
        assert_eq!(penalties(&[2, 11, 3, 7, 2, 11, 12, 7, 2, 11], 2), [(3, 0.8)]);
        assert_eq!(penalties(&[2, 11, 3, 7, 2, 11, 12, 7, 2, 11, 12], 2), [(7, 0.8 * 1.75_f64.powi(2))]);
    }

    #[test]
    fn a_word_that_repeats_itself_within_is_punished() {
        // " ha·ha·ha·ha", and a text without any beginning of a word.
        assert_eq!(penalties(&[5, 11, 11, 11], 2), [(11, 0.8)]);
        assert_eq!(penalties(&[11, 12, 11, 12, 11, 12], 2), [(11, 0.8 * 1.75_f64.powi(2))]);
    }

    #[test]
    fn a_loop_pays_as_much_at_its_words_as_at_any_token() {
        let circle: Vec<Token> = [1, 2, 11, 12, 3].into_iter().cycle().take(40).collect();
        for end in 30..40 {
            let (text, next) = (&circle[..end], circle[end]);
            let at_token = penalised(&Dry { at: PenaltyAt::Token, ..dry(2) }, text);
            assert!(at_token.iter().any(|(token, _)| *token == next));
            assert_eq!(penalties(text, 2), if next < 10 { at_token } else { Vec::new() }, "{end}");
        }
    }

    #[test]
    fn a_huge_match_stays_finite() {
        let text = vec![1; 1024];
        assert!(penalties(&text, 1).iter().all(|(_, penalty)| penalty.is_finite()));
    }

    #[test]
    fn the_z_function_equals_its_definition() {
        let text: Vec<Token> = (0_u32..200).map(|i| (i * i / 3) % 3).collect();
        let reversed: Vec<Token> = text.iter().rev().copied().collect();
        let z = z_function(&text);
        for i in 1..text.len() {
            let agreeing = reversed.iter().zip(&reversed[i..]).take_while(|(a, b)| a == b).count();
            assert_eq!(z[i], agreeing, "i = {i}");
        }
    }
}
