//! Prompts that outlive their memory: what was read once need not be read again, and no bit tells.
//!
//! On llama.cpp the bits of a row depend on the decodes in which its text was read. So a story takes over of a kept prompt what it would
//! have read in the same decodes itself: all of its own prompt with the row behind it, or whole chunks from the beginning. What lies
//! behind them it reads, in the chunks in which it would read them anyway. Only what was read like that is kept: in chunks from the
//! first token on, with nothing beside it. What was told is no such text, for it was read token by token.

use anyhow::anyhow;

use super::request::DecodeRequest;
use super::round::{CHUNK, Stories};
use crate::model::Branch;
use crate::prob::Token;

/// What a memory held behind a prompt that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct PromptState {
    /// The tokens.
    pub tokens: Vec<Token>,
    /// The row of logits behind them, where they are a whole prompt.
    pub row: Option<Vec<f32>>,
    /// Their memory, by [`Model::save`](crate::model::Model::save).
    pub memory: Vec<u8>,
}

/// Where prompts are kept, for one model with one way of computing.
pub trait PromptCache {
    /// The state of the kept text for which `usable` is largest, and not 0; it is asked with a text, and whether the row behind it
    /// is kept. Of equals the one that was used last.
    fn find(&mut self, usable: &dyn Fn(&[Token], bool) -> usize) -> Option<PromptState>;

    /// Keeps a state. Where the memory `steps_back`, those of beginnings of this text are of no more use.
    fn keep(&mut self, state: PromptState, steps_back: bool);

    /// The most bytes that a memory may have to be kept.
    fn limit(&self) -> u64;

    /// The state that was found cannot be restored: the prompt is read.
    fn unusable(&mut self, cause: &anyhow::Error);

    /// The state of a prompt cannot be saved.
    fn unkept(&mut self, cause: &anyhow::Error);
}

/// How many tokens of a kept text a story can begin with that reads `text` in chunks, and may take over `most` of its tokens.
fn usable(text: &[Token], most: usize, chunk: usize, steps_back: bool, kept: &[Token], has_row: bool) -> usize {
    let common = text.iter().zip(kept).take_while(|(a, b)| a == b).count();
    if has_row && [common, most] == [text.len(); 2] && kept.len() == common {
        return common;
    }
    // The row behind the last token is known by reading that token.
    let whole = common.min(most).min(text.len().saturating_sub(1)) / chunk * chunk;
    if steps_back || whole == kept.len() { whole } else { 0 }
}

impl<'m> Stories<'m> {
    /// The same, with what this cache keeps of prompts: the first story in an empty memory begins behind it, and a prompt that is
    /// read is kept.
    #[must_use]
    pub fn remembering(mut self, cache: &'m mut dyn PromptCache) -> Self {
        self.cache = Some(cache);
        self
    }

    /// How many tokens of a prompt are read in one decode.
    fn chunk(&self) -> usize {
        CHUNK.min(self.model.room().batch).max(1)
    }

    /// Lets the first story of all begin behind what is kept of its prompt.
    pub(super) fn recall(&mut self, number: usize) {
        let (chunk, steps_back, room) = (self.chunk(), self.model.steps_back(), self.model.room());
        if !std::mem::take(&mut self.is_new) {
            return;
        }
        let (Some(cache), Some(story)) = (&mut self.cache, &mut self.tellers[number]) else { return };
        let Some((text, most)) = story.unread() else { return };
        let usable = |kept: &[Token], has_row| {
            if kept.len() > room.cells { 0 } else { usable(&text, most, chunk, steps_back, kept, has_row) }
        };
        let Some(PromptState { tokens, row, memory }) = cache.find(&usable) else { return };
        let keep = usable(&tokens, row.is_some());
        match self.model.restore(&memory, tokens.len(), keep) {
            Ok(Some(branch)) => story.begin_behind_chunks(branch, keep, row),
            Ok(None) => cache.unusable(&anyhow!("this memory cannot take it over")),
            Err(error) => cache.unusable(&error),
        }
    }

    /// Keeps the prompt of a story that has read it by now, or of one in a memory that cannot step back the last chunk that another
    /// prompt could begin with; `alone` is whether nothing else was read beside it.
    pub(super) fn remember(&mut self, number: usize, request: &DecodeRequest, alone: bool, branch: Branch, row: &[f32]) {
        let (chunk, steps_back) = (self.chunk(), self.model.steps_back());
        let (Some(cache), Some(story)) = (&mut self.cache, &mut self.tellers[number]) else { return };
        let Some(read) = story.read_in_chunks(request, alone, chunk) else { return };
        let prompt = story.prompt();
        let last = if steps_back { prompt.len() } else { (prompt.len() - 1) / chunk * chunk };
        // What is hardly longer than what was kept is not worth the disk.
        if read != last || read < story.taken_over() + chunk {
            return;
        }
        match self.model.save(branch, cache.limit()) {
            Ok(Some(memory)) => {
                let row = (read == prompt.len()).then(|| row.to_vec());
                cache.keep(PromptState { tokens: prompt[..read].to_vec(), row, memory }, steps_back);
            }
            Ok(None) => {}
            Err(error) => cache.unkept(&error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_kept_text_whole_chunks_are_usable_or_all_with_the_row_behind() {
        let text: Vec<Token> = (0..20).collect();
        let mut parting = text.clone();
        parting[13] = 99;
        let usable = |kept: &[Token], has_row, most, steps_back| usable(&text, most, 4, steps_back, kept, has_row);
        for (kept, has_row, most, steps_back, whole) in [
            (&text[..], true, 20, true, 20),
            (&text[..], true, 20, false, 20),
            // Without the row the last token is read again, and its chunk with it.
            (&text[..], false, 20, true, 16),
            (&text[..], false, 20, false, 0),
            (&text[..16], false, 20, false, 16),
            (&text[..18], true, 20, true, 16),
            (&text[..18], true, 20, false, 0),
            (&parting[..], true, 20, true, 12),
            (&text[..], true, 10, true, 8),
            (&text[..3], true, 20, true, 0),
            (&parting[13..], true, 20, true, 0),
        ] {
            assert_eq!(usable(kept, has_row, most, steps_back), whole, "{kept:?} {has_row} {most} {steps_back}");
        }
    }
}
