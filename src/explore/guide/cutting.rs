//! Texts of the tree become tokens that spell them, byte by byte.

use anyhow::Result;

use super::super::tree::Piece;
use crate::engine::{Engine, Refusal, Remedy};
use crate::model::Kind;
use crate::prob::Token;
use crate::text::{EXCERPT, excerpt};

/// The tokens of a text behind another one; `owed` is what they spell before it, of the writer's own text that no token has spelt yet.
///
/// # Errors
/// The vocabulary cannot write it.
pub(super) fn cut(engine: &Engine, text: &[u8], owed: &[u8]) -> Result<Vec<Piece>> {
    let (vocabulary, whole) = (engine.vocabulary(), [owed, text].concat());
    let refusal = || {
        let shown = excerpt(&String::from_utf8_lossy(text), EXCERPT);
        Refusal::usage(format!("the model's vocabulary cannot write `{shown}`"), Remedy::OtherWord)
    };
    let mut tokens: Vec<Token> = Vec::new();
    for chunk in whole.utf8_chunks() {
        if !chunk.valid().is_empty() {
            tokens.extend(engine.backend().tokenize_on(chunk.valid()).map_err(|_| refusal())?);
        }
        // What is no character by itself is a part of one that goes on elsewhere.
        for byte in chunk.invalid() {
            let is = |token: &Token| vocabulary.kind(*token) == Kind::Text && vocabulary.piece(*token) == [*byte];
            tokens.push((0..).take(vocabulary.len()).find(is).ok_or_else(refusal)?);
        }
    }
    if vocabulary.bytes(&tokens) != whole {
        return Err(refusal().into());
    }
    let mut left = owed.len();
    let piece = |token: Token| {
        let length = vocabulary.piece(token).len();
        let own = left.min(length);
        left -= own;
        Piece { token, len: length - own, trace: None }
    };
    Ok(tokens.into_iter().map(piece).collect())
}
