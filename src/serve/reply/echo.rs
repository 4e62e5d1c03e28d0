//! What each token of a prompt was worth to the model, for those who want the prompt before the story.

use std::ops::ControlFlow;

use anyhow::Result;

use super::order::Put;
use super::probabilities::{Probabilities, Scored};
use crate::decode::{Cancel, Given, Scoring};
use crate::engine::{BATCH, Engine};
use crate::model::{Detokenizer, Kind, TextChunk, Vocabulary};
use crate::prob::Token;

/// The tokens of a prompt, each with its log-probability; of the first of all there is none.
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
    let pieces = pieces(tokens, &prompt.text, engine.vocabulary());
    let worths = tokens.iter().zip(worths).zip(pieces);
    Ok(worths.map(|((&token, worth), (text, bytes))| told.read(token, text, bytes, worth)).collect())
}

/// The text and the bytes of each token of a prompt. What a vocabulary puts before a text is none of it: a token with which texts begin,
/// and a space.
fn pieces(tokens: &[Token], text: &str, vocabulary: &Vocabulary) -> Vec<(String, Vec<u8>)> {
    let is_put = |token: Token| {
        let name = vocabulary.show(token);
        vocabulary.kind(token) != Kind::Text && (name.is_empty() || !text.starts_with(&name))
    };
    let put = tokens.iter().take(1).filter(|&&token| is_put(token)).count();
    let mut detokenizer = Detokenizer::default();
    let own = tokens[put..].iter().enumerate().map(|(at, &token)| {
        let piece = vocabulary.piece(token);
        let bare = if at == 0 && !text.starts_with(' ') { piece.strip_prefix(b" ").unwrap_or(piece) } else { piece };
        let (TextChunk::Text(text) | TextChunk::Stopped { text, .. }) = detokenizer.push(bare);
        (text, bare.to_vec())
    });
    std::iter::repeat_n(<(String, Vec<u8>)>::default(), put).chain(own).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_the_pieces_of_a_prompt_are_its_text() {
        let wolf = "狼".as_bytes();
        let tokens: [(&[u8], Kind); 7] = [
            (b"<s>", Kind::Control),
            (b"", Kind::Control),
            (b" Once", Kind::Text),
            (b" upon", Kind::Text),
            (&wolf[..2], Kind::Text),
            (&wolf[2..], Kind::Text),
            (b"Once", Kind::Text),
        ];
        let vocabulary = Vocabulary::new(tokens);
        for (tokens, text, first) in [
            (&[0, 2, 3][..], "Once upon", ""),
            (&[1, 2, 3], "Once upon", ""),
            (&[2, 3], "Once upon", "Once"),
            (&[0, 2, 3], " Once upon", ""),
            (&[2, 3], " Once upon", " Once"),
            (&[6, 3], "Once upon", "Once"),
            (&[0, 2], "<s> Once", "<s>"),
            (&[0, 4, 5], "狼", ""),
            (&[], "", ""),
        ] {
            let pieces = pieces(tokens, text, &vocabulary);
            assert_eq!(pieces.iter().map(|(text, _)| text.as_str()).collect::<String>(), text, "{tokens:?}");
            assert_eq!(pieces.iter().flat_map(|(_, bytes)| bytes.clone()).collect::<Vec<u8>>(), text.as_bytes());
            assert_eq!(pieces.first().map_or("", |(text, _)| text), first);
        }
    }
}
