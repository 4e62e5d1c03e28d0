//! What a sampler remembers of a story.

use serde::{Deserialize, Serialize};

use super::draw::Draw;
use crate::prob::Token;

/// The text so far as a value: two stories with the same memory, seed and prompt go on alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    text: Vec<Token>,
    prompt: usize,
    /// What a stage that steers remembers: μ of Mirostat in bits, the average of adaptive-p; nothing before the first draw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    steering: Option<f64>,
}

impl Memory {
    /// Of a story of which only the prompt is known.
    #[must_use]
    pub fn of_prompt(prompt: &[Token]) -> Self {
        Self { text: prompt.to_vec(), prompt: prompt.len(), steering: None }
    }

    /// The memory after a draw.
    #[must_use]
    pub fn after(&self, draw: &Draw) -> Self {
        Self { steering: draw.steering, ..self.retold(draw.token, draw.log_p) }
    }

    /// The memory after a token that is known to have been told, of this log-probability. What a stage that steers remembered
    /// of it is not known.
    #[must_use]
    pub fn retold(&self, token: Token, _log_p: f64) -> Self {
        let mut text = Vec::with_capacity(self.text.len() + 1);
        text.extend_from_slice(&self.text);
        text.push(token);
        Self { text, prompt: self.prompt, steering: None }
    }

    /// What a stage that steers remembers of the draws so far.
    pub(super) fn steering(&self) -> Option<f64> {
        self.steering
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
    use crate::sampler::Now;

    fn draw(token: Token, steering: Option<f64>) -> Draw {
        let now = Now { entropy: 0.0, normalised_entropy: None, rank: None };
        Draw { token, log_p: 0.0, now, alpha: None, candidates: vec![], skipped: None, removed: vec![], steering }
    }

    #[test]
    fn a_memory_grows_by_what_is_told_and_leaves_the_one_before_as_it_was() {
        let before = Memory::of_prompt(&[1, 2]);
        let after = before.after(&draw(3, None));
        assert_eq!((before.step(), after.step()), (0, 1));
        assert_eq!((after.text(), after.told()), (&[1, 2, 3][..], &[3][..]));
    }
    #[test]
    fn a_memory_comes_back_from_its_record_to_the_last_bit() {
        let memory = Memory::of_prompt(&[1, 2]).after(&draw(3, Some(0.1 + 0.2)));
        let record = serde_json::to_string(&memory).unwrap();
        assert_eq!(serde_json::from_str::<Memory>(&record).unwrap(), memory);
        assert_eq!(serde_json::from_str::<Memory>(r#"{"text":[1],"prompt":1}"#).unwrap(), Memory::of_prompt(&[1]));
    }
}
