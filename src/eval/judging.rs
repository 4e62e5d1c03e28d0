//! From a judge's readings to its judgements: which stories it is asked about, and what its scores of them come to.

use super::ground::{Ground, Reading};
use super::judge::{Asked, Evenness, Profile, Sitting, Surprisal, Told, imprint, of_words, rare, tail_rate, worst_stretch};
use super::judgement::{Judge, Judgement};
use crate::story::{APART, ScoredText};

/// What one judge is to read of the stories on equal ground.
///
/// A sitting asks [`crate::engine::Engine`] for scores, or anybody else who has some; [`Hearing::judge`] makes judgements of them.
pub struct Hearing<'g> {
    ground: &'g Ground,
    groups: Vec<usize>,
    sitting: Sitting,
}

impl<'g> Hearing<'g> {
    /// The readings for these stories. Those of one arm and prompt are a group, and so are texts of people of one prompt.
    #[must_use]
    pub fn of(ground: &'g Ground, asked: Asked) -> Self {
        let mut keys: Vec<(usize, usize)> = Vec::new();
        let prompt = |reading: &Reading| {
            let parts = [reading.context, reading.context.filter(|_| reading.answers).map(|_| APART)];
            parts.into_iter().flatten().collect::<String>()
        };
        let prompts: Vec<String> = ground.readings().map(|reading| prompt(&reading)).collect();
        let stories: Vec<Told> = ground
            .readings()
            .zip(&prompts)
            .map(|(reading, prompt)| {
                let key = (reading.arm, reading.prompt);
                if keys.last() != Some(&key) {
                    keys.push(key);
                }
                Told { group: keys.len() - 1, prompt, text: reading.text }
            })
            .collect();
        let groups = stories.iter().map(|story| story.group).collect();
        Self { ground, groups, sitting: Sitting::of(&stories, asked) }
    }

    /// The readings.
    #[must_use]
    pub fn sitting(&self) -> &Sitting {
        &self.sitting
    }

    /// What the judge says, by the scores of all readings. What is rare is told by texts of people, or else by the baseline.
    #[must_use]
    pub fn judge(&self, name: String, sha256: String, scored: &[ScoredText]) -> Judge {
        let people = self.ground.human.as_ref().map(|_| self.ground.arms.len() + 1);
        let arm = people.unwrap_or(self.ground.baseline);
        let usual = self.ground.readings().enumerate().filter(|(_, reading)| reading.arm == arm);
        let rare = rare(usual.flat_map(|(at, _)| of_words(self.sitting.whole(at, scored))));
        let periods: Vec<Option<f64>> = self.periods();
        let redundancies: Vec<f64> = self
            .sitting
            .progressions(scored)
            .iter()
            .map(|progression| progression.as_ref().and_then(super::judge::Progression::redundancy).unwrap_or(f64::NAN))
            .collect();
        let judgements = self.sitting.verdicts(scored).into_iter().enumerate().map(|(at, said)| {
            let whole = self.sitting.whole(at, scored);
            let surprisals: Vec<f64> = whole.tokens.iter().map(|token| token.surprisal).collect();
            let known = |value: Option<f64>| value.unwrap_or(f64::NAN);
            let of = |value: fn(&Surprisal) -> f64| known(said.surprisal.as_ref().map(value));
            let period = periods[at].map(|period| period * surprisals.len() as f64 / whole.bytes().max(1) as f64);
            Judgement {
                surprisal: of(|surprisal| surprisal.per_byte),
                gain: known(said.gain),
                similarity: known(said.similarity),
                redundancy: redundancies.get(self.groups[at]).copied().unwrap_or(f64::NAN),
                tail: known(rare.map(|rare| tail_rate(&of_words(whole), rare))),
                entropy: of(|surprisal| surprisal.entropy),
                ratio: known(said.surprisal.and_then(|surprisal| surprisal.ratio())),
                local_variance: known(Evenness::of(&surprisals).map(|even| even.local)),
                imprint: known(period.and_then(|period| imprint(&surprisals, period))),
                worst: known(worst_stretch(whole)),
                profile: Profile::of(&surprisals).map_or_else(Vec::new, |profile| profile.deciles.to_vec()),
            }
        });
        Judge { name, sha256, judgements: judgements.collect() }
    }

    /// For every reading the period of the wave in bytes: that of its arm, or for an arm without a wave that of the first arm that has one,
    /// so that a wave is compared with what has none.
    fn periods(&self) -> Vec<Option<f64>> {
        let arms = &self.ground.arms;
        let first = arms.iter().find_map(|arm| arm.setting.period);
        let of = |arm: usize, density: Option<f64>| {
            let period = arms.get(arm).and_then(|side| side.setting.period).or(first)?;
            Some(period / density?)
        };
        self.ground.sides().flat_map(|(arm, side)| side.stories.iter().map(move |story| of(arm, story.density))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::distinct::tests::near;
    use super::super::ground::{MOST_WORDS, tests::corpus};
    use super::*;
    use crate::story::ScoredToken;

    /// A judge to whom every word costs a nat a letter, and half of that where it stood before.
    fn score(prompt: &str, text: &str) -> ScoredText {
        let mut before = prompt.to_owned();
        let token = |word: &str| {
            let cost = if before.contains(word.trim()) { 0.5 } else { 1.0 };
            before.push_str(word);
            ScoredToken { id: 0, bytes: word.len(), surprisal: cost * word.len() as f64, rank: 0, entropy: 1.0 }
        };
        ScoredText { text: text.to_owned(), tokens: text.split_inclusive(' ').map(token).collect(), ..ScoredText::default() }
    }

    #[test]
    fn an_answer_is_read_apart_from_its_request() {
        let texts = |count: usize| vec![(0, "ash bog cup dew elm fog gap hut ivy jar".repeat(count)); 2];
        let mut corpus = corpus(&[("one", texts(1)), ("two", texts(1))]);
        corpus.arms[1].texts[0].answers = true;
        let ground = Ground::new(&corpus, MOST_WORDS, 1, None).unwrap();
        let hearing = Hearing::of(&ground, Asked { gain: 0, similarity: 0, turn: 0 });
        let prompts: Vec<&str> = hearing.sitting().readings().iter().map(|(prompt, _)| prompt.as_str()).collect();
        assert_eq!(prompts[..4], ["prompt number 0", "prompt number 0", "prompt number 0\n\n", "prompt number 0"]);
    }

    #[test]
    fn a_judgement_belongs_to_its_story_and_a_group_to_its_prompt() {
        let fresh = "ash bog cup dew elm fog gap hut ivy jar";
        let again = "ash bog cup dew elm ash bog cup dew elm";
        let texts = |texts: [&str; 3]| texts.iter().zip([0, 0, 1]).map(|(text, prompt)| (prompt, (*text).to_owned())).collect();
        let corpus = corpus(&[("one", texts([fresh, again, fresh])), ("two", texts([again, again, again]))]);
        let ground = Ground::new(&corpus, MOST_WORDS, 1, None).unwrap();
        let hearing = Hearing::of(&ground, Asked { gain: 1, similarity: 1, turn: 2 });
        let scored: Vec<ScoredText> = hearing.sitting().readings().iter().map(|(prompt, text)| score(prompt, text)).collect();
        let judge = hearing.judge("paper".into(), "0".into(), &scored);
        assert_eq!(judge.judgements.len(), 6);
        assert_eq!(hearing.groups, [0, 0, 1, 2, 2, 3]);
        near(judge.judgements[0].surprisal, 1.0);
        assert!(judge.judgements[1].surprisal < 0.9);
        // Its sibling tells half of the words, which cost half then.
        assert!((judge.judgements[0].similarity - 0.25).abs() < 0.01 && judge.judgements[2].similarity.is_nan());
        near(judge.judgements[3].gain, 0.0);
        assert!(judge.judgements[2].gain.is_nan(), "it has no sibling");
        near(judge.judgements[3].redundancy, judge.judgements[4].redundancy);
        near(judge.judgements[0].entropy, 1.0);
        assert!(judge.judgements[0].imprint.is_nan() && !judge.judgements[0].worst.is_nan());
        assert_eq!(judge.judgements[0].profile.len(), 10);
    }
}
