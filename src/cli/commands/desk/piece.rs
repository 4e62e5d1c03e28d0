//! A piece that was told, and the places at which it could have gone another way.

use crate::bans::Watch;
use crate::decode::{Completion, Continuation, Plan};
use crate::engine::told_text;
use crate::model::Vocabulary;
use crate::prob::Token;
use crate::sampler::Draw;

/// A word must have at least this share of the candidates to be offered.
const LEAST: f64 = 0.02;

/// As many places as there are keys.
const MOST_PLACES: usize = 9;

/// A piece of the story.
#[derive(Debug, Clone)]
pub struct Piece {
    pub plan: Plan,
    pub told: Completion,
    pub draws: Vec<Draw>,
    /// What of it stands in the plan's prompt already, as text and in tokens: what was told before a word that was taken, and the word.
    pub taken: (String, usize),
    /// As it stands in the file.
    pub text: String,
}

/// A place in a piece, and the word that could stand there.
#[derive(Debug, Clone, PartialEq)]
pub struct Place {
    /// How many tokens stand before it.
    pub at: usize,
    /// The token that was told.
    pub told: Token,
    /// The likeliest one that was not.
    pub other: Token,
}

impl Piece {
    /// Whether the story can go on from its tokens as they are: all of its text stands in the file.
    pub fn is_whole(&self, vocabulary: &Vocabulary) -> bool {
        let tokens: Vec<Token> = self.tokens(vocabulary).collect();
        let told = self.text.strip_prefix(self.taken.0.as_str());
        told.is_some_and(|told| told == self.told.text && self.text_of(&tokens, vocabulary).as_deref() == Some(told))
    }

    /// What these tokens let appear behind the plan's prompt, without the end of the writer's own text that they may spell. `None` within
    /// a character.
    fn text_of(&self, tokens: &[Token], vocabulary: &Vocabulary) -> Option<String> {
        let Plan { prompt, heal, continuation, .. } = &self.plan;
        let before = &prompt[self.plan.origin().len() + continuation.before_heal..];
        let all = told_text(&[before, tokens].concat(), heal, vocabulary);
        Some(all.strip_prefix(&told_text(before, heal, vocabulary))?.to_owned()).filter(|text| !text.ends_with('\u{fffd}'))
    }

    /// Its tokens without the end that the model may have set.
    fn tokens<'a>(&'a self, vocabulary: &'a Vocabulary) -> impl Iterator<Item = Token> + 'a {
        self.told.tokens.iter().copied().filter(|&token| !vocabulary.ends(token))
    }

    /// The text behind it, as tokens, and where the story in it stands.
    pub fn behind(&self, vocabulary: &Vocabulary) -> (Vec<Token>, Continuation) {
        let prompt: Vec<Token> = self.plan.prompt.iter().copied().chain(self.tokens(vocabulary)).collect();
        let told = self.plan.continuation.told + prompt.len() - self.plan.prompt.len();
        let time = self.plan.continuation.time + self.told.banned.rewinds.len();
        (prompt, Continuation { told, carried: Some(self.told.carried.clone()), time, ..Continuation::default() })
    }

    /// The places at which another word was nearest, in the order of the text. Where words have spaces before them, a place is where
    /// one begins.
    pub fn places(&self, vocabulary: &Vocabulary) -> Vec<Place> {
        let mut places: Vec<(f64, Place)> = Vec::new();
        let mut bytes = Vec::new();
        let mut watch = self.plan.sampler.bans().map(|bans| Watch::behind(bans, &vocabulary.bytes(&self.plan.prompt)));
        for (at, draw) in self.draws.iter().enumerate() {
            // What would complete something that is not to be said is no other word.
            let may = |token: Token| watch.as_ref().is_none_or(|watch| watch.would_complete(vocabulary.piece(token)).is_none());
            let mut others = draw.candidates.iter().filter(|one| one.token != draw.token && !vocabulary.ends(one.token));
            let other = others.find(|one| may(one.token));
            // Where a character is open nothing else can stand.
            let between = std::str::from_utf8(&bytes).is_ok();
            let whole = |token: Token| std::str::from_utf8(vocabulary.piece(token)).is_ok_and(|text| !text.is_empty());
            if let Some(other) = other.filter(|other| other.p >= LEAST && between && whole(other.token)) {
                places.push((other.p, Place { at, told: draw.token, other: other.token }));
            }
            bytes.extend(vocabulary.piece(draw.token));
            if let Some(watch) = &mut watch {
                watch.push(vocabulary.piece(draw.token));
            }
        }
        let begins = |token: Token| vocabulary.piece(token).first().is_some_and(u8::is_ascii_whitespace);
        let begins_word = |place: &Place| begins(place.told) && begins(place.other);
        if places.iter().any(|(_, place)| begins_word(place)) {
            places.retain(|(_, place)| begins_word(place));
        }
        places.sort_by(|(one, _), (other, _)| other.total_cmp(one));
        places.truncate(MOST_PLACES);
        let mut places: Vec<Place> = places.into_iter().map(|(_, place)| place).collect();
        places.sort_by_key(|place| place.at);
        places
    }

    /// The plan of the piece that goes on with the other word at a place, and what of the piece stands before that.
    pub fn with_other(&self, place: &Place, vocabulary: &Vocabulary) -> Option<(Plan, (String, usize))> {
        let kept: Vec<Token> = self.told.tokens.get(..place.at)?.iter().copied().chain([place.other]).collect();
        let text = self.text_of(&kept, vocabulary)?;
        let mut plan = self.plan.clone();
        plan.max_tokens = plan.max_tokens.saturating_sub(kept.len()).max(1);
        plan.prompt.extend(&kept);
        let Continuation { told, before_heal, .. } = plan.continuation;
        plan.continuation = Continuation { told: told + kept.len(), before_heal, ..Continuation::default() };
        let (taken, tokens) = &self.taken;
        Some((plan, (taken.clone() + &text, tokens + kept.len())))
    }
}

#[cfg(test)]
mod tests;
