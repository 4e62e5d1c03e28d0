//! What a sampler remembers of a story.

use serde::{Deserialize, Serialize};

use super::draw::Draw;
use super::sentence_counter::SentenceCounter;
use crate::model::Lexicon;
use crate::prob::{Place, Token};

/// The story so far as a value: two stories with the same memory, seed and prompt go on alike.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Memory {
    text: Vec<Token>,
    prompt: usize,
    /// How many tokens the story may have.
    #[serde(default)]
    planned: usize,
    /// −ln p of every token that was told.
    #[serde(default)]
    surprisals: Vec<f64>,
    /// What a stage that steers remembers: μ of Mirostat in bits, the average of adaptive-p; nothing before the first draw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    steering: Option<f64>,
}

impl Memory {
    /// Of a story of which only the prompt is known. Nothing is planned of it: to schedules over its length it stands at its
    /// beginning, until [`Memory::planning`] says more.
    #[must_use]
    pub fn of_prompt(prompt: &[Token]) -> Self {
        Self { text: prompt.to_vec(), prompt: prompt.len(), planned: 0, surprisals: Vec::new(), steering: None }
    }

    /// The same memory, of a story that may have so many tokens.
    #[must_use]
    pub fn planning(self, planned: usize) -> Self {
        Self { planned, ..self }
    }

    /// The memory after a draw.
    #[must_use]
    pub fn after(&self, draw: &Draw) -> Self {
        let mut after = self.clone();
        after.hear(draw);
        after
    }

    /// Becomes the memory after a draw: is equivalent to [`Memory::after`], and copies nothing of a long story.
    pub fn hear(&mut self, draw: &Draw) {
        self.text.push(draw.token);
        self.surprisals.push(-draw.log_p);
        self.steering = draw.steering;
    }

    /// The memory after a token that is known to have been told, of this log-probability. What a stage that steers remembered
    /// of it is not known.
    #[must_use]
    pub fn retold(&self, token: Token, log_p: f64) -> Self {
        let (mut text, mut surprisals) = (Vec::with_capacity(self.text.len() + 1), self.surprisals.clone());
        text.extend_from_slice(&self.text);
        text.push(token);
        surprisals.push(-log_p);
        Self { text, surprisals, steering: None, prompt: self.prompt, planned: self.planned }
    }

    /// What a stage that steers remembers of the draws so far.
    pub(super) fn steering(&self) -> Option<f64> {
        self.steering
    }

    /// How far the story has come. Sentences and paragraphs are counted only where that is asked for.
    #[must_use]
    pub fn place(&self, counts_text: bool, lexicon: &Lexicon) -> Place<'_> {
        let (sentence, paragraph) = if counts_text { self.sentences(lexicon) } else { (0, 0) };
        let fraction = if self.planned > 1 { self.step() as f64 / (self.planned - 1) as f64 } else { 0.0 };
        Place { token: self.step(), sentence, paragraph, fraction: fraction.min(1.0), surprisals: &self.surprisals }
    }

    fn sentences(&self, lexicon: &Lexicon) -> (usize, usize) {
        let prompt = &self.text[..self.prompt];
        // What stands before the last line of the prompt decides nothing about where its sentence ends.
        let line = prompt.iter().rposition(|&token| lexicon.piece(token).contains(&b'\n')).unwrap_or(0);
        let text = |tokens: &[Token]| {
            let bytes: Vec<u8> = tokens.iter().flat_map(|&token| lexicon.piece(token)).copied().collect();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        SentenceCounter::of(&text(&prompt[line..]), &text(self.told()))
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
    use crate::model::Kind;
    use crate::sampler::Now;

    fn draw(token: Token, log_p: f64) -> Draw {
        let now = Now { entropy: 0.0, normalised_entropy: None, rank: None };
        let steering = Some(0.1 - log_p);
        Draw { token, log_p, now, alpha: None, temperature: None, candidates: vec![], skipped: None, removed: vec![], steering }
    }

    #[test]
    fn a_memory_grows_by_what_is_told_and_leaves_the_one_before_as_it_was() {
        let before = Memory::of_prompt(&[1, 2]);
        let after = before.after(&draw(3, -0.5));
        assert_eq!((before.step(), after.step()), (0, 1));
        assert_eq!((after.text(), after.told()), (&[1, 2, 3][..], &[3][..]));
        assert_eq!((before.steering(), after.steering()), (None, Some(0.6)));
        let mut heard = before;
        heard.hear(&draw(3, -0.5));
        assert_eq!(heard, after);
    }

    #[test]
    fn a_place_is_where_the_story_stands() {
        let lexicon = Lexicon::new([(" he", Kind::Text), (".", Kind::Text), ("\n", Kind::Text), (" He", Kind::Text)]);
        let mut memory = Memory::of_prompt(&[0, 2, 3]).planning(5);
        let mut places = Vec::new();
        for token in [1, 3, 1, 2, 3] {
            let place = memory.place(true, &lexicon);
            places.push((place.token, place.sentence, place.paragraph, place.fraction));
            memory = memory.after(&draw(token, -1.5));
        }
        assert_eq!(places, [(0, 0, 0, 0.0), (1, 1, 0, 0.25), (2, 1, 0, 0.5), (3, 2, 0, 0.75), (4, 2, 1, 1.0)]);
        assert_eq!(memory.place(false, &lexicon).surprisals, [1.5; 5]);
        assert_eq!((memory.place(false, &lexicon).sentence, memory.place(false, &lexicon).fraction), (0, 1.0));
        assert_eq!(Memory::of_prompt(&[0]).after(&draw(1, -1.0)).place(true, &lexicon).fraction, 0.0);
    }

    #[test]
    fn a_memory_comes_back_from_its_record_to_the_last_bit() {
        let memory = Memory::of_prompt(&[1]).planning(9).after(&draw(3, -0.123_456_789_012_345_67));
        let written = serde_json::to_string(&memory).unwrap();
        assert_eq!(serde_json::from_str::<Memory>(&written).unwrap(), memory);
        assert_eq!(serde_json::from_str::<Memory>(r#"{"text":[1],"prompt":1}"#).unwrap(), Memory::of_prompt(&[1]));
    }
}
