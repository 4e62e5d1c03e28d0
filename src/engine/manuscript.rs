//! A writer's text that grows: what the model sees of it, and where the story in it began.

use anyhow::{Result, ensure};

use super::engine::Engine;
use super::remedy::{Refusal, Remedy};
use crate::manuscript::{Window, WindowSize};
use crate::model::Vocabulary;
use crate::prob::Token;
use crate::text::some;

/// The share of the context that notes may take of what the story leaves.
const MOST_NOTES: usize = 2;

/// What the model sees of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What it reads: notes, and behind them all of the text or its beginning and its end.
    pub text: String,
    /// What of the text was left out; empty where all of it fits.
    pub left_out: String,
    /// How many bytes at the end of what it reads stand together in the text.
    pub end: usize,
}

impl Engine {
    /// What is seen of a text behind notes, where a story of at most so many tokens is to follow. Notes stand in the place of a long
    /// text's beginning.
    ///
    /// # Errors
    /// Text that the vocabulary cannot write; notes that take more than half of the room; or a story that leaves no room.
    pub fn seen(&self, notes: &str, text: &str, story: usize) -> Result<Seen> {
        let notes = if notes.trim().is_empty() { String::new() } else { format!("{}\n\n", notes.trim_end()) };
        let room = self.context().saturating_sub(story.saturating_add(1));
        let taken = if notes.is_empty() { 0 } else { self.backend().tokenize(&notes, true, false)?.len() };
        if taken > room / MOST_NOTES {
            let (taken, context) = (some(taken, "token"), self.context());
            let message = format!(
                "the notes have {taken}, more than half of what {} leave in the context of {context}",
                some(story, "token")
            );
            return Err(Refusal::new(message, Remedy::ShorterPrompt).into());
        }
        let tokens = if text.is_empty() { Vec::new() } else { self.backend().tokenize(text, notes.is_empty(), false)? };
        ensure!(!tokens.is_empty() || text.is_empty(), "the model's vocabulary has no token for anything in the text");
        let size = WindowSize { tokens: room - taken, keeps_beginning: notes.is_empty() };
        let Some(window) = Window::of(text, &ends(self.vocabulary(), &tokens, text.len()), size) else {
            let (context, story) = (self.context(), some(story, "token"));
            let message = format!("a story of {story} leaves no room for the text in the context of {context} tokens");
            return Err(Refusal::new(message, Remedy::FewerTokens).into());
        };
        Ok(Seen { text: notes + &window.seen(text), left_out: window.left_out(text).to_owned(), end: window.end.len() })
    }

    /// How many of a prompt's last tokens hold these last bytes of its text: what was told of it, where that is what they are.
    #[must_use]
    pub fn tokens_of_end(&self, prompt: &[Token], bytes: usize) -> usize {
        let (mut left, mut count) = (bytes, 0);
        for &token in prompt.iter().rev() {
            let piece = self.vocabulary().piece(token).len();
            if left == 0 || piece > left {
                break;
            }
            left -= piece;
            count += 1;
        }
        count
    }
}

/// Where each token of a text ends, in bytes. What a vocabulary adds at the beginning moves it by a byte or two, which is no matter to
/// where a text is cut.
fn ends(vocabulary: &Vocabulary, tokens: &[Token], length: usize) -> Vec<usize> {
    let end = |end: &mut usize, &token: &Token| {
        *end += vocabulary.piece(token).len();
        Some((*end).min(length))
    };
    tokens.iter().scan(0, end).collect()
}
