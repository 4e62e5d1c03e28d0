//! What a sampler remembers of a story.

use serde::{Deserialize, Serialize};

use super::draw::Draw;
use super::sentence_counter::SentenceCounter;
use crate::model::Vocabulary;
use crate::prob::{Place, Token};

/// What the past of a story holds beside its tokens.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Carried {
    /// −ln p of every token that was told, in nats.
    pub surprisals: Vec<f64>,
    /// The entropy of the distribution that each came from, in nats; of fewer tokens where it is not known.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entropies: Vec<f64>,
    /// What a stage with feedback remembers: μ of Mirostat in bits, the average of adaptive-p.
    #[serde(default, rename = "steering", skip_serializing_if = "Option::is_none")]
    pub feedback: Option<f64>,
}

/// The story so far as a value: two stories with the same history, seed and prompt go on alike.
///
/// ```
/// use afterword::sampler::History;
///
/// let history = History::of_prompt(&[4, 7]).retold(9, -0.5, 0.8);
/// assert_eq!((history.text(), history.told(), history.step()), (&[4, 7, 9][..], &[9][..], 1));
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct History {
    text: Vec<Token>,
    prompt: usize,
    /// How many tokens the story may have.
    #[serde(default)]
    planned: usize,
    /// −ln p of every token that was told.
    #[serde(default)]
    surprisals: Vec<f64>,
    /// The entropy of the distribution that each came from.
    #[serde(default)]
    entropies: Vec<f64>,
    /// What a stage with feedback remembers: μ of Mirostat in bits, the average of adaptive-p; nothing before the first draw.
    #[serde(default, rename = "steering", skip_serializing_if = "Option::is_none")]
    feedback: Option<f64>,
}

impl History {
    /// Of a story of which only the prompt is known. Nothing is planned of it: to schedules over its length it stands at its
    /// beginning, until [`History::planning`] says more.
    #[must_use]
    pub fn of_prompt(prompt: &[Token]) -> Self {
        Self {
            text: prompt.to_vec(),
            prompt: prompt.len(),
            planned: 0,
            surprisals: Vec::new(),
            entropies: Vec::new(),
            feedback: None,
        }
    }

    /// Of a text whose last `told` tokens, at most all, are the story's own. What is not in these tokens is not known: stages that
    /// steer and schedules that follow the surprisal begin afresh, unless [`History::carrying`] says more.
    #[must_use]
    pub fn of_text(text: &[Token], told: usize) -> Self {
        Self { prompt: text.len().saturating_sub(told), ..Self::of_prompt(text) }
    }

    /// The same history, with what the past of the story holds beside its tokens.
    #[must_use]
    pub fn carrying(self, carried: Carried) -> Self {
        let Carried { surprisals, entropies, feedback } = carried;
        Self { surprisals, entropies, feedback, ..self }
    }

    /// What the past of the story holds beside its tokens.
    #[must_use]
    pub fn carried(&self) -> Carried {
        Carried { surprisals: self.surprisals.clone(), entropies: self.entropies.clone(), feedback: self.feedback }
    }

    /// The same history, of a story that may have so many tokens.
    #[must_use]
    pub fn planning(self, planned: usize) -> Self {
        Self { planned, ..self }
    }

    /// The history after a draw.
    #[must_use]
    pub fn after(&self, draw: &Draw) -> Self {
        let mut after = self.clone();
        after.hear(draw);
        after
    }

    /// Becomes the history after a draw: is equivalent to [`History::after`], and copies nothing of a long story.
    pub fn hear(&mut self, draw: &Draw) {
        self.text.push(draw.token);
        self.surprisals.push(-draw.log_p);
        self.entropies.push(draw.now.entropy);
        self.feedback = draw.feedback;
    }

    /// Becomes the history before the last `draws` draws again, of which `feedback` is what was remembered then.
    pub fn take_back(&mut self, draws: usize, feedback: Option<f64>) {
        self.text.truncate(self.text.len() - draws);
        self.surprisals.truncate(self.surprisals.len() - draws);
        self.entropies.truncate(self.entropies.len() - draws);
        self.feedback = feedback;
    }

    /// The history after a token that is known to have been told, of this log-probability, from a distribution of this entropy. What
    /// a stage with feedback remembered of it is not known.
    #[must_use]
    pub fn retold(&self, token: Token, log_p: f64, entropy: f64) -> Self {
        let mut after = self.clone();
        after.text.push(token);
        after.surprisals.push(-log_p);
        after.entropies.push(entropy);
        Self { feedback: None, ..after }
    }

    /// What a stage with feedback remembers of the draws so far.
    #[must_use]
    pub fn feedback(&self) -> Option<f64> {
        self.feedback
    }

    /// How far the story has come. Sentences and paragraphs are counted only where that is asked for.
    #[must_use]
    pub fn place(&self, counts_text: bool, vocabulary: &Vocabulary) -> Place<'_> {
        let (sentence, paragraph) = if counts_text { self.sentences(vocabulary) } else { (0, 0) };
        let fraction = if self.planned > 1 { self.step() as f64 / (self.planned - 1) as f64 } else { 0.0 };
        let (surprisals, entropies) = (&self.surprisals[..], &self.entropies[..]);
        Place { token: self.step(), sentence, paragraph, fraction: fraction.min(1.0), surprisals, entropies }
    }

    fn sentences(&self, vocabulary: &Vocabulary) -> (usize, usize) {
        SentenceCounter::of(&vocabulary.last_line(&self.text[..self.prompt]), &vocabulary.text(self.told()))
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
        let feedback = Some(0.1 - log_p);
        Draw {
            token,
            log_p,
            now,
            alpha: None,
            excess: None,
            temperature: None,
            candidates: vec![],
            skipped: None,
            removed: vec![],
            feedback,
            likeliest: vec![],
            shares: None,
        }
    }

    #[test]
    fn a_history_grows_by_what_is_told_and_leaves_the_one_before_as_it_was() {
        let before = History::of_prompt(&[1, 2]);
        let after = before.after(&draw(3, -0.5));
        assert_eq!((before.step(), after.step()), (0, 1));
        assert_eq!((after.text(), after.told()), (&[1, 2, 3][..], &[3][..]));
        assert_eq!((before.feedback(), after.feedback()), (None, Some(0.6)));
        let mut heard = before;
        heard.hear(&draw(3, -0.5));
        assert_eq!(heard, after);
    }

    #[test]
    fn a_place_is_where_the_story_stands() {
        let vocabulary = Vocabulary::new([(" he", Kind::Text), (".", Kind::Text), ("\n", Kind::Text), (" He", Kind::Text)]);
        let mut history = History::of_prompt(&[0, 2, 3]).planning(5);
        let mut places = Vec::new();
        for token in [1, 3, 1, 2, 3] {
            let place = history.place(true, &vocabulary);
            places.push((place.token, place.sentence, place.paragraph, place.fraction));
            history = history.after(&draw(token, -1.5));
        }
        assert_eq!(places, [(0, 0, 0, 0.0), (1, 1, 0, 0.25), (2, 1, 0, 0.5), (3, 2, 0, 0.75), (4, 2, 1, 1.0)]);
        assert_eq!(history.place(false, &vocabulary).surprisals, [1.5; 5]);
        assert_eq!((history.place(false, &vocabulary).sentence, history.place(false, &vocabulary).fraction), (0, 1.0));
        assert_eq!(History::of_prompt(&[0]).after(&draw(1, -1.0)).place(true, &vocabulary).fraction, 0.0);
    }

    #[test]
    fn a_history_comes_back_from_its_record_to_the_last_bit() {
        let history = History::of_prompt(&[1]).planning(9).after(&draw(3, -0.123_456_789_012_345_67));
        let written = serde_json::to_string(&history).unwrap();
        assert_eq!(serde_json::from_str::<History>(&written).unwrap(), history);
        assert_eq!(serde_json::from_str::<History>(r#"{"text":[1],"prompt":1}"#).unwrap(), History::of_prompt(&[1]));
    }
}
