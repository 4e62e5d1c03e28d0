//! What each token of a prompt was worth to the model, for those who want the prompt before the story.

use std::ops::ControlFlow;

use anyhow::Result;

use super::order::Put;
use super::probabilities::{Probabilities, Scored};
use crate::decode::{Cancel, Given, Scoring};
use crate::engine::{BATCH, Engine};
use crate::model::{Detokenizer, Kind, TextChunk};
use crate::prob::Token;

/// The tokens of a prompt that are text, each with its log-probability; of the first of all there is none.
///
/// It is computed in a memory of its own.
///
/// # Errors
/// The memory does not fit, a decode fails, or it was cancelled.
pub fn scored(engine: &Engine, prompt: &Put, told: &Probabilities, cancel: &Cancel) -> Result<Vec<Scored>> {
    let tokens = &prompt.tokens;
    let mut worths = vec![None; tokens.len().min(1)];
    if tokens.len() > 1 {
        let (context, text) = tokens.split_at(1);
        let scoring = Scoring::of(&[Given { context, text }]);
        let (cells, branches) = scoring.room(BATCH);
        let mut session = engine.session_of(cells, branches)?;
        let scores = scoring.run(&mut *session, &mut |_| ControlFlow::Continue(()), cancel)?;
        let scores = scores.ok_or(crate::engine::Cancelled)?;
        worths.extend(scores.into_iter().flatten().map(|score| score.map(|score| -score.surprisal)));
    }
    let vocabulary = engine.vocabulary();
    // A token with which texts begin is put before them, and is none of their text.
    let is_put = |token: Token| vocabulary.kind(token) != Kind::Text && !prompt.text.starts_with(&vocabulary.show(token));
    let before = tokens.iter().take(1).filter(|token| is_put(**token)).count();
    let mut detokenizer = Detokenizer::default();
    let mut read = |(&token, worth): (&Token, Option<f64>)| {
        let bytes = vocabulary.piece(token);
        let (TextChunk::Text(text) | TextChunk::Stopped { text, .. }) = detokenizer.push(bytes);
        told.read(token, text, bytes.to_vec(), worth)
    };
    let mut all: Vec<Scored> = tokens.iter().zip(worths).skip(before).map(&mut read).collect();
    // Nor is a space that some vocabularies put there.
    if let Some(first) = all.first_mut().filter(|_| !prompt.text.starts_with(' '))
        && let Some(bare) = first.text.strip_prefix(' ').map(str::to_owned)
    {
        (first.bytes, first.text) = (bare.clone().into_bytes(), bare);
    }
    Ok(all)
}
