//! What a sampler remembers of a story.

use serde::{Deserialize, Serialize};

use crate::prob::Token;

/// The text so far as a value: two stories with the same memory, seed and prompt go on alike.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Memory {
    text: Vec<Token>,
    prompt: usize,
}

impl Memory {
    /// Of a story of which only the prompt is known.
    #[must_use]
    pub fn of_prompt(prompt: &[Token]) -> Self {
        Self { text: prompt.to_vec(), prompt: prompt.len() }
    }

    /// The memory after one more token.
    #[must_use]
    pub fn after(&self, token: Token) -> Self {
        let mut text = Vec::with_capacity(self.text.len() + 1);
        text.extend_from_slice(&self.text);
        text.push(token);
        Self { text, ..*self }
    }

    /// Prompt and story.
    #[must_use]
    pub fn text(&self) -> &[Token] {
        &self.text
    }

    /// The tokens that were told.
    #[must_use]
    pub fn told(&self) -> &[Token] {
        &self.text[self.prompt..]
    }

    /// How many tokens were told: the number of the step that comes next.
    #[must_use]
    pub fn step(&self) -> usize {
        self.text.len() - self.prompt
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_memory_grows_by_what_is_told_and_leaves_the_one_before_as_it_was() {
        let before = Memory::of_prompt(&[1, 2]);
        let after = before.after(3);
        assert_eq!((before.step(), after.step()), (0, 1));
        assert_eq!((after.text(), after.told()), (&[1, 2, 3][..], &[3][..]));
    }
}
