//! Probabilities beside a text, in every form in which clients read them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::aligning::Entry;
use crate::model::Vocabulary;
use crate::prob::Token;
use crate::sampler::CandidateTrace;

/// What stands for a probability of nothing: JSON has no infinity.
const LOWEST: f64 = -9999.0;

/// A token of a text, with what it was worth to the model.
#[derive(Debug, Clone, PartialEq)]
pub struct Scored {
    /// Its number.
    pub id: Token,
    /// Its own text.
    pub text: String,
    /// Its own bytes.
    pub bytes: Vec<u8>,
    /// ln p or the share, as asked; `None` for the first token of all.
    pub worth: Option<f64>,
    /// The likeliest in its place.
    pub top: Vec<Rival>,
}

/// One of the likeliest tokens at a place.
#[derive(Debug, Clone, PartialEq)]
pub struct Rival {
    id: Token,
    text: String,
    bytes: Vec<u8>,
    worth: f64,
    /// p, Ĥ and s, where it was a candidate of the lookahead.
    weighed: Option<Value>,
}

/// What is told of probabilities.
#[derive(Debug, Clone)]
pub struct Probabilities {
    /// The vocabulary.
    pub vocabulary: Vocabulary,
    /// So many of the likeliest.
    pub top: usize,
    /// Whether their shares after the chain are told, and not the model's own probabilities.
    pub after_sampling: bool,
    /// Whether the token that was taken is among them also where it is not: those who look for its text in them find it. A chat
    /// tells as many as were asked for, and no more.
    pub with_taken: bool,
}

impl Probabilities {
    /// What is told of a token.
    pub fn of(&self, entry: &Entry) -> Scored {
        let Entry { draw, text, bytes, number: _ } = entry;
        let (own, mut likeliest): (f64, Vec<(Token, f64)>) = match draw.shares.as_ref().filter(|_| self.after_sampling) {
            Some(shares) => (shares.taken, shares.largest.iter().map(|share| (share.token, share.p)).collect()),
            None => (draw.log_p, draw.likeliest.iter().map(|one| (one.token, one.log_p)).collect()),
        };
        likeliest.truncate(self.top);
        if self.with_taken && self.top > 0 && !likeliest.iter().any(|(token, _)| *token == draw.token) {
            likeliest.push((draw.token, own));
        }
        let rival = |(id, worth): (Token, f64)| {
            // Whoever looks for the text of the drawn one among them is to find it.
            let is_drawn = id == draw.token && !self.vocabulary.ends(id);
            let text = if is_drawn { text.clone() } else { self.vocabulary.show(id) };
            let weighed = draw.candidates.iter().find(|candidate| candidate.token == id).map(weighed);
            Rival { id, text, bytes: self.vocabulary.piece(id).to_vec(), worth: finite(worth), weighed }
        };
        let top = likeliest.into_iter().map(rival).collect();
        Scored { id: draw.token, text: text.clone(), bytes: bytes.clone(), worth: Some(finite(own)), top }
    }

    /// What is told of a token that was read: nothing is known of others in its place.
    pub fn read(&self, id: Token, text: String, bytes: Vec<u8>, worth: Option<f64>) -> Scored {
        let own = |worth: f64| Rival { id, text: text.clone(), bytes: bytes.clone(), worth: finite(worth), weighed: None };
        let top = worth.filter(|_| self.top > 0).map(own).into_iter().collect();
        Scored { id, worth: worth.map(finite), top, text, bytes }
    }

    /// An entry as llama-server tells it.
    pub fn native(&self, scored: &Scored) -> Value {
        let (worth, top) = if self.after_sampling { ("prob", "top_probs") } else { ("logprob", "top_logprobs") };
        let rival = |rival: &Rival| {
            let Rival { id, text, bytes, worth: x, weighed } = rival;
            entry(*id, text, bytes, (worth, Some(*x)), weighed.as_ref().map(|weighed| ("afterword", weighed.clone())))
        };
        let Scored { id, text, bytes, worth: x, top: rivals } = scored;
        entry(*id, text, bytes, (worth, *x), Some((top, rivals.iter().map(rival).collect())))
    }

    /// `logprobs.content` of these.
    pub fn content(&self, scored: &[Scored]) -> Vec<Value> {
        scored.iter().map(|scored| self.native(scored)).collect()
    }

    /// `logprobs` of a completion: both forms in one, for some clients read the newer and some the older. `from` is how much of the
    /// choice's text stands before, in units of UTF-16.
    pub fn both(&self, scored: &[Scored], from: usize) -> Value {
        let mut offset = from;
        let offsets = scored.iter().map(|scored| {
            let at = offset;
            offset += scored.text.encode_utf16().count();
            at
        });
        let tops = scored.iter().map(|scored| scored.worth.map(|_| by_text(&scored.top)));
        let (offsets, tops): (Vec<usize>, Vec<Option<Map<String, Value>>>) = (offsets.collect(), tops.collect());
        let tokens: Vec<&str> = scored.iter().map(|scored| scored.text.as_str()).collect();
        let worths: Vec<Option<f64>> = scored.iter().map(|scored| scored.worth).collect();
        json!({
            "content": self.content(scored), "tokens": tokens, "token_logprobs": worths, "top_logprobs": tops, "text_offset": offsets,
        })
    }
}

fn entry(id: Token, text: &str, bytes: &[u8], worth: (&str, Option<f64>), more: Option<(&str, Value)>) -> Value {
    let mut entry = Map::new();
    entry.insert("id".into(), id.into());
    entry.insert("token".into(), text.into());
    entry.insert("bytes".into(), bytes.into());
    entry.insert(worth.0.into(), worth.1.into());
    entry.extend(more.map(|(name, value)| (name.to_owned(), value)));
    Value::Object(entry)
}

/// The likeliest by their texts: of two with one text the likelier.
fn by_text(top: &[Rival]) -> Map<String, Value> {
    let mut worths: BTreeMap<&str, f64> = BTreeMap::new();
    for rival in top {
        let worth = worths.entry(&rival.text).or_insert(rival.worth);
        *worth = worth.max(rival.worth);
    }
    worths.into_iter().map(|(text, worth)| (text.to_owned(), worth.into())).collect()
}

/// What is known of a candidate; the future of one that was not looked at is not.
fn weighed(candidate: &CandidateTrace) -> Value {
    let CandidateTrace { p, future, log_s, .. } = candidate;
    let known = [("p", Some(*p)), ("future", *future), ("s", log_s.map(f64::exp))];
    let known = known.into_iter().filter_map(|(name, x)| Some((name.to_owned(), Value::from(x?))));
    Value::Object(known.collect())
}

fn finite(x: f64) -> f64 {
    if x.is_finite() { x } else { LOWEST }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Kind;
    use crate::sampler::{Draw, Now, Share, Shares, TopTokenTrace};

    fn draw(token: Token, likeliest: &[(Token, f64)]) -> Box<Draw> {
        let likeliest = likeliest.iter().map(|&(token, log_p)| TopTokenTrace { token, log_p }).collect();
        Box::new(Draw {
            token,
            log_p: -3.0,
            now: Now { entropy: 1.0, normalised_entropy: None, rank: None },
            alpha: None,
            excess: None,
            temperature: None,
            candidates: Vec::new(),
            skipped: None,
            removed: Vec::new(),
            feedback: None,
            likeliest,
            shares: None,
        })
    }

    fn told(top: usize) -> Probabilities {
        let pieces: [(&[u8], Kind); 5] = [
            (b" king", Kind::Text),
            (b" poor", Kind::Text),
            (b" king", Kind::Text),
            (b"\xE7", Kind::Text),
            (b"</s>", Kind::End),
        ];
        Probabilities { vocabulary: Vocabulary::new(pieces), top, after_sampling: false, with_taken: true }
    }

    fn entry_of(draw: Box<Draw>, text: &str) -> Entry {
        Entry { number: 0, draw, text: text.to_owned(), bytes: text.as_bytes().to_vec() }
    }

    #[test]
    fn the_drawn_token_is_among_the_likeliest_also_where_it_is_not() {
        let ids = |top| {
            let scored = told(top).of(&entry_of(draw(2, &[(0, -0.5), (1, -1.5)]), " king"));
            scored.top.iter().map(|rival| rival.id).collect::<Vec<_>>()
        };
        assert_eq!((ids(2), ids(1), ids(0)), (vec![0, 1, 2], vec![0, 2], vec![]));
        let chat = Probabilities { with_taken: false, ..told(1) };
        assert_eq!(chat.of(&entry_of(draw(2, &[(0, -0.5), (1, -1.5)]), " king")).top.len(), 1);
        let within = told(2).of(&entry_of(draw(1, &[(0, -0.5), (1, -3.0)]), " poor"));
        assert_eq!(within.top.len(), 2);
    }

    #[test]
    fn both_forms_are_one_object_and_of_two_texts_the_likelier_counts() {
        let told = told(3);
        let first = told.of(&entry_of(draw(1, &[(0, -0.5), (1, -3.0), (2, -4.0)]), " poor"));
        let second = told.of(&entry_of(draw(3, &[(3, -3.0)]), "狼🐺"));
        let both = told.both(&[first, second.clone()], 10);
        assert_eq!(both["tokens"], json!([" poor", "狼🐺"]));
        assert_eq!(both["token_logprobs"], json!([-3.0, -3.0]));
        assert_eq!(both["top_logprobs"], json!([{" king": -0.5, " poor": -3.0}, {"狼🐺": -3.0}]));
        assert_eq!(both["text_offset"], json!([10, 15]));
        assert_eq!(told.both(&[second.clone(), second], 0)["text_offset"], json!([0, 3]));
        assert_eq!(both["content"][0]["id"], 1);
        assert_eq!(
            both["content"][0]["top_logprobs"][1],
            json!({"id": 1, "token": " poor", "bytes": b" poor", "logprob": -3.0})
        );
    }

    #[test]
    fn broken_bytes_show_as_such_and_nothing_is_infinite() {
        let told = told(3);
        let scored = told.of(&entry_of(draw(0, &[(3, f64::NEG_INFINITY), (4, -1.0)]), " king"));
        let native = told.native(&scored);
        assert_eq!(native["top_logprobs"][0], json!({"id": 3, "token": "\u{FFFD}", "bytes": [0xE7], "logprob": -9999.0}));
        assert_eq!(native["top_logprobs"][1]["token"], "</s>");
    }

    #[test]
    fn after_the_chain_shares_are_told_under_names_of_their_own() {
        let told = Probabilities { after_sampling: true, ..told(1) };
        let mut draw = draw(1, &[(0, -0.5)]);
        draw.shares = Some(Shares { taken: 0.25, largest: vec![Share { token: 0, p: 0.75 }] });
        let native = told.native(&told.of(&entry_of(draw, " poor")));
        assert_eq!((&native["prob"], &native["top_probs"][0]["prob"]), (&json!(0.25), &json!(0.75)));
        assert_eq!(native.get("logprob"), None);
    }

    #[test]
    fn a_candidate_tells_what_was_known_of_it() {
        let told = told(2);
        let mut draw = draw(0, &[(0, -0.5), (1, -1.5)]);
        let candidate =
            |token, future, log_s| CandidateTrace { token, p: 0.5, log_p: -0.5, future, openness: None, log_s, left: None };
        draw.candidates = vec![candidate(0, Some(0.25), Some(0.0)), candidate(1, None, None)];
        let native = told.native(&told.of(&entry_of(draw, " king")));
        assert_eq!(native["top_logprobs"][0]["afterword"], json!({"p": 0.5, "future": 0.25, "s": 1.0}));
        assert_eq!(native["top_logprobs"][1]["afterword"], json!({"p": 0.5}));
    }
}
