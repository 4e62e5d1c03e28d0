//! Equal ground: the prompts that all arms share, as many stories of each in every arm, all cut to one length in words.
//!
//! Nearly every measure moves with length and number, so what is longer or more would seem better or worse for that alone. Stories that
//! are too short are left out, and their share is told: an arm may seem better by ending early.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use unicode_script::Script;
use whatlang::Lang;

use super::corpus::{Arm, Corpus, Prompt, Text};
use super::script;
use super::setting::{Setting, temperatures};
use super::words::{Lexicon, Word, common_length, words};
use crate::prob::Noise;

/// The most words to which stories are cut where nothing else is said.
pub const MOST_WORDS: usize = 400;

/// A story as it is measured.
#[derive(Debug, Clone, PartialEq)]
pub struct Story {
    /// The number of its prompt in [`Ground::prompts`].
    pub prompt: usize,
    /// The name of its file, without its ending.
    pub name: String,
    /// What was told, whole.
    pub whole: String,
    /// Bytes of it that are measured.
    pub cut: usize,
    /// Words of the whole.
    pub length: usize,
    /// The words that are measured.
    pub words: Vec<Word>,
    /// The last words of the whole, as many: a loop begins late.
    pub last: Vec<Word>,
    /// Tokens a byte of the whole, for who told it.
    pub density: Option<f64>,
    /// Whether it was told in answer to its prompt, and does not go on from it.
    pub answers: bool,
}

impl Story {
    /// The text that is measured.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.whole[..self.cut]
    }
}

/// An arm on equal ground.
#[derive(Debug, Clone, PartialEq)]
pub struct Side {
    /// What it is called.
    pub name: String,
    /// How it was told.
    pub setting: Setting,
    /// The SHA-256 of the model that told it.
    pub writer: Option<String>,
    /// Its stories, by prompt.
    pub stories: Vec<Story>,
    /// Stories that it had.
    pub had: usize,
    /// The share of them that is shorter than the common length.
    pub short: f64,
    /// The lengths of all of them in words, ascending.
    pub lengths: Vec<usize>,
}

/// All arms on equal ground.
#[derive(Debug)]
pub struct Ground {
    /// The length of every story in words.
    pub length: usize,
    /// The prompts that all arms have stories of.
    pub prompts: Vec<Prompt>,
    /// The words of the prompts.
    pub prompt_words: Vec<Vec<Word>>,
    /// The arms.
    pub arms: Vec<Side>,
    /// The number of the arm that others are compared with.
    pub baseline: usize,
    /// The baseline once more: as many other stories of it, where it has twice as many as are compared. What these two differ by is
    /// chance.
    pub again: Option<Side>,
    /// The texts of people, of whatever prompts; none where none are long enough.
    pub human: Option<Side>,
    /// Prompts that some arm has no story of, and which are therefore left out.
    pub unshared: usize,
    /// All words.
    pub lexicon: Lexicon,
    /// The script that most of the texts are written in.
    pub script: Option<Script>,
    /// The language that most of the texts are in.
    pub language: Option<Lang>,
}

/// What a judge is asked to read: a text, and what it goes on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading<'a> {
    /// The number of the arm; behind the last comes the baseline once more, and then people.
    pub arm: usize,
    /// The number of the prompt. Texts of people have prompts of their own, from 0 up.
    pub prompt: usize,
    /// The prompt as text; none where nothing tells it.
    pub context: Option<&'a str>,
    /// The text.
    pub text: &'a str,
    /// Whether it answers the prompt, and does not go on from it.
    pub answers: bool,
}

/// A text with its words.
struct Cut<'a> {
    text: &'a Text,
    words: Vec<Word>,
    ends: Vec<usize>,
}

impl Ground {
    /// Puts all arms on equal ground; `most` words a story at most, and `seed` decides which stories stay where one arm has more. The
    /// baseline is the named arm; else that of the temperature curve nearest to 1; else the first.
    ///
    /// # Errors
    /// There is no arm, or none of this name; stories are too short; or no prompt is shared by all arms.
    pub fn new(corpus: &Corpus, most: usize, seed: u64, baseline: Option<&str>) -> Result<Self> {
        ensure!(!corpus.arms.is_empty(), "there is nothing to compare\nhint: name a folder of stories");
        let baseline = baseline_of(corpus, baseline)?;
        let mut lexicon = Lexicon::default();
        let arms: Vec<Vec<Cut>> = corpus.arms.iter().map(|arm| read(arm, &mut lexicon)).collect();
        let lengths: Vec<Vec<usize>> = arms.iter().map(|arm| arm.iter().map(|cut| cut.words.len()).collect()).collect();
        let length = common_length(&lengths, most);
        let Some(length) = length else {
            let shortest =
                |at: &usize| lengths[*at].iter().filter(|&&words| words < 10).count() * 1000 / lengths[*at].len().max(1);
            let at = (0..arms.len()).max_by_key(shortest).unwrap_or_default();
            anyhow::bail!(
                "the stories of `{}` are too short to compare: {} of {} have fewer than 10 words",
                corpus.arms[at].name,
                lengths[at].iter().filter(|&&words| words < 10).count(),
                lengths[at].len()
            );
        };
        let counts = shared(&arms, corpus.prompts.len(), length);
        let kept: Vec<usize> = (0..counts.len()).filter(|&prompt| counts[prompt] > 0).collect();
        ensure!(
            !kept.is_empty(),
            "the arms share no prompt, so nothing can be compared\nhint: tell all of them of the same prompts; of plain texts the \
             folder within the arm, or the name up to `--`, is the prompt"
        );
        let prompts: Vec<Prompt> = kept.iter().map(|&prompt| corpus.prompts[prompt].clone()).collect();
        let prompt_words = prompts.iter().map(|prompt| lexicon.numbers(prompt.text.as_deref().unwrap_or_default())).collect();
        let number: BTreeMap<usize, usize> = kept.iter().enumerate().map(|(at, &prompt)| (prompt, at)).collect();
        let known = |prompt: usize| number.get(&prompt).copied();
        let place =
            |at: usize, turn: usize| side(&corpus.arms[at], &arms[at], length, &known, &|prompt| counts[prompt], turn, seed);
        let sides: Vec<Side> = (0..arms.len()).map(|at| place(at, 0)).collect();
        let again = Some(place(baseline, 1)).filter(|side| !side.stories.is_empty());
        let language = script::usual_language(sides.iter().flat_map(|side| side.stories.iter().map(Story::text)));
        let script = script::usual(sides.iter().flat_map(|side| side.stories.iter().map(Story::text)));
        let human = corpus.human.as_ref().map(|arm| {
            let cuts = read(arm, &mut lexicon);
            side(arm, &cuts, length, &Some, &|_| usize::MAX, 0, seed)
        });
        let human = human.filter(|side| !side.stories.is_empty());
        Ok(Self {
            length,
            unshared: met(&arms) - kept.len(),
            prompts,
            prompt_words,
            arms: sides,
            baseline,
            again,
            human,
            lexicon,
            script,
            language,
        })
    }

    /// The arms of the temperature curve, ascending; none where there is none.
    #[must_use]
    pub fn temperatures(&self) -> Vec<usize> {
        temperatures(&self.arms.iter().map(|arm| &arm.setting).collect::<Vec<_>>())
    }

    /// All that is measured, by its number in [`Reading::arm`].
    pub fn sides(&self) -> impl Iterator<Item = (usize, &Side)> {
        let others = [&self.again, &self.human].into_iter().map(Option::as_ref);
        self.arms.iter().map(Some).chain(others).enumerate().filter_map(|(at, side)| Some((at, side?)))
    }

    /// All that a judge is to read, arm by arm, and people last.
    pub fn readings(&self) -> impl Iterator<Item = Reading<'_>> {
        self.sides().flat_map(move |(arm, side)| {
            side.stories.iter().map(move |story| {
                let prompt = if arm <= self.arms.len() { self.prompts[story.prompt].text.as_deref() } else { None };
                Reading { arm, prompt: story.prompt, context: prompt, text: story.text(), answers: story.answers }
            })
        })
    }
}

fn read<'a>(arm: &'a Arm, lexicon: &mut Lexicon) -> Vec<Cut<'a>> {
    let cut = |text: &'a Text| {
        let (ends, words) = words(&text.text).map(|(end, word)| (end, lexicon.number(&word))).unzip();
        Cut { text, words, ends }
    };
    arm.texts.iter().map(cut).collect()
}

/// For every prompt how many long enough stories that arm has which has the fewest.
fn shared(arms: &[Vec<Cut>], prompts: usize, length: usize) -> Vec<usize> {
    let long = |arm: &Vec<Cut>, prompt| arm.iter().filter(|cut| cut.text.prompt == prompt && cut.words.len() >= length).count();
    (0..prompts).map(|prompt| arms.iter().map(|arm| long(arm, prompt)).min().unwrap_or_default()).collect()
}

/// How many prompts any arm has a story of.
fn met(arms: &[Vec<Cut>]) -> usize {
    let mut prompts: Vec<usize> = arms.iter().flatten().map(|cut| cut.text.prompt).collect();
    prompts.sort_unstable();
    prompts.dedup();
    prompts.len()
}

/// The number of the named arm; else of that of the temperature curve nearest to 1; else the first.
fn baseline_of(corpus: &Corpus, named: Option<&str>) -> Result<usize> {
    if let Some(name) = named {
        let known = || corpus.arms.iter().map(|arm| format!("`{}`", arm.name)).collect::<Vec<_>>().join(", ");
        let at = corpus.arms.iter().position(|arm| arm.name == name);
        return at.with_context(|| format!("there is no arm `{name}` to compare with\nhint: there are {}", known()));
    }
    let far = |at: &usize| (corpus.arms[*at].setting.temperature.unwrap_or(f64::INFINITY) - 1.0).abs();
    let curve = temperatures(&corpus.arms.iter().map(|arm| &arm.setting).collect::<Vec<_>>());
    Ok(curve.into_iter().min_by(|one, two| far(one).total_cmp(&far(two))).unwrap_or_default())
}

/// An arm with at most so many stories a prompt, chosen by noise of their names; at the next `turn` as many others, of those prompts
/// that have so many.
fn side(
    arm: &Arm,
    cuts: &[Cut],
    length: usize,
    number: &dyn Fn(usize) -> Option<usize>,
    most: &dyn Fn(usize) -> usize,
    turn: usize,
    seed: u64,
) -> Side {
    let mut groups: BTreeMap<usize, Vec<&Cut>> = BTreeMap::new();
    for cut in cuts.iter().filter(|cut| cut.words.len() >= length) {
        if let Some(at) = number(cut.text.prompt) {
            groups.entry(at).or_default().push(cut);
        }
    }
    let mut stories = Vec::new();
    for (prompt, mut group) in groups {
        let key = |cut: &&Cut| {
            let name: Vec<u32> = cut.text.name.bytes().map(u32::from).collect();
            (Noise::new(seed, &name).at(0, 3).bits(0), cut.text.name.clone())
        };
        let most = most(group[0].text.prompt);
        if group.len() > most {
            group.sort_by_cached_key(key);
        }
        if turn > 0 && group.len() < most.saturating_mul(turn + 1) {
            continue;
        }
        let mut group: Vec<&Cut> = group.into_iter().skip(most.saturating_mul(turn)).take(most).collect();
        group.sort_by(|one, two| one.text.name.cmp(&two.text.name));
        stories.extend(group.into_iter().map(|cut| story(prompt, cut, length)));
    }
    let mut lengths: Vec<usize> = cuts.iter().map(|cut| cut.words.len()).collect();
    lengths.sort_unstable();
    let short = lengths.partition_point(|&words| words < length) as f64 / lengths.len().max(1) as f64;
    Side {
        name: arm.name.clone(),
        setting: arm.setting.clone(),
        writer: arm.writer.clone(),
        stories,
        had: cuts.len(),
        short,
        lengths,
    }
}

fn story(prompt: usize, cut: &Cut, length: usize) -> Story {
    Story {
        prompt,
        name: cut.text.name.clone(),
        whole: cut.text.text.clone(),
        cut: cut.ends[length - 1],
        length: cut.words.len(),
        words: cut.words[..length].to_vec(),
        last: cut.words[cut.words.len() - length..].to_vec(),
        density: cut.text.tokens.map(|tokens| tokens as f64 / cut.text.text.len() as f64),
        answers: cut.text.answers,
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A corpus of arms, each of texts with the number of their prompt.
    pub fn corpus(arms: &[(&str, Vec<(usize, String)>)]) -> Corpus {
        let prompts = 1 + arms.iter().flat_map(|(_, texts)| texts.iter().map(|(prompt, _)| *prompt)).max().unwrap_or_default();
        let prompt = |at: usize| Prompt { name: format!("p{at}"), text: Some(format!("prompt number {at}")) };
        let arm = |(name, texts): &(&str, Vec<(usize, String)>)| Arm {
            name: (*name).to_owned(),
            setting: Setting::of_name(name),
            writer: None,
            texts: texts
                .iter()
                .enumerate()
                .map(|(at, (prompt, text))| Text {
                    name: format!("p{prompt}--{at:03}"),
                    prompt: *prompt,
                    text: text.clone(),
                    tokens: None,
                    surprisal: None,
                    answers: false,
                })
                .collect(),
        };
        Corpus { prompts: (0..prompts).map(prompt).collect(), arms: arms.iter().map(arm).collect(), ..Corpus::default() }
    }

    fn text(words: usize) -> String {
        ["one", "two", "three", "four", "five"].repeat(words)[..words].join(" ")
    }

    #[test]
    fn every_arm_has_as_many_stories_of_each_shared_prompt_and_all_are_as_long() {
        let one = vec![(0, text(70)), (0, text(80)), (0, text(90)), (1, text(100)), (2, text(60))];
        let two = vec![(0, text(55)), (0, text(65)), (1, text(75)), (3, text(99))];
        let ground = Ground::new(&corpus(&[("one", one), ("two", two)]), MOST_WORDS, 1, None).unwrap();
        assert_eq!((ground.length, ground.prompts.len(), ground.unshared), (50, 2, 2));
        for side in &ground.arms {
            assert_eq!(side.stories.iter().map(|story| story.prompt).collect::<Vec<_>>(), [0, 0, 1]);
            assert!(side.stories.iter().all(|story| story.words.len() == 50 && story.last.len() == 50));
        }
        let story = &ground.arms[0].stories[0];
        assert_eq!((story.text().split_whitespace().count(), story.whole.len() > story.cut), (50, true));
        assert_eq!(ground.readings().count(), 6);
        assert_eq!(ground.readings().next().unwrap().context, Some("prompt number 0"));
    }

    #[test]
    fn which_stories_stay_is_a_function_of_the_seed() {
        let many: Vec<(usize, String)> = (0..20).map(|_| (0, text(60))).collect();
        let corpus = corpus(&[("many", many), ("few", vec![(0, text(60)); 5])]);
        let names = |seed| {
            let ground = Ground::new(&corpus, MOST_WORDS, seed, None).unwrap();
            ground.arms[0].stories.iter().map(|story| story.name.clone()).collect::<Vec<_>>()
        };
        assert_eq!((names(1).len(), names(1)), (5, names(1)));
        assert_ne!(names(1), names(2));
    }

    #[test]
    fn the_baseline_stands_there_once_more_where_it_has_twice_as_many() {
        let many: Vec<(usize, String)> = (0..5).map(|at| (usize::from(at == 4), text(60))).collect();
        let few = vec![(0, text(60)), (0, text(60)), (1, text(60))];
        let ground = Ground::new(&corpus(&[("many", many), ("few", few)]), MOST_WORDS, 1, Some("many")).unwrap();
        let names = |side: &Side| side.stories.iter().map(|story| (story.prompt, story.name.clone())).collect::<Vec<_>>();
        let (once, again) = (names(&ground.arms[0]), names(ground.again.as_ref().unwrap()));
        // Of the second prompt it has but one.
        assert_eq!((once.len(), again.len()), (3, 2));
        assert!(again.iter().all(|story| story.0 == 0 && !once.contains(story)));
        assert_eq!(ground.readings().map(|reading| reading.arm).collect::<Vec<_>>(), [0, 0, 0, 1, 1, 1, 2, 2]);
        assert!(Ground::new(&corpus(&[("few", vec![(0, text(60))])]), MOST_WORDS, 1, None).unwrap().again.is_none());
        let missing = Ground::new(&corpus(&[("few", vec![(0, text(60))])]), MOST_WORDS, 1, Some("wave")).unwrap_err();
        assert!(missing.to_string().starts_with("there is no arm `wave`"));
    }

    #[test]
    fn the_share_of_stories_that_are_too_short_is_told() {
        let arm: Vec<(usize, String)> = (0..40).map(|at| (0, text(if at < 2 { 20 } else { 120 }))).collect();
        let ground = Ground::new(&corpus(&[("one", arm)]), MOST_WORDS, 1, None).unwrap();
        assert_eq!((ground.length, ground.arms[0].had, ground.arms[0].short), (100, 40, 0.05));
        assert_eq!(ground.arms[0].stories.len(), 38);
    }

    #[test]
    fn what_cannot_be_compared_is_said_plainly() {
        let said = |corpus: &Corpus| Ground::new(corpus, MOST_WORDS, 1, None).unwrap_err().to_string();
        assert!(said(&Corpus::default()).starts_with("there is nothing to compare"));
        let short = corpus(&[("one", vec![(0, text(60))]), ("two", vec![(0, text(60)), (0, text(3))])]);
        assert_eq!(said(&short), "the stories of `two` are too short to compare: 1 of 2 have fewer than 10 words");
        let apart = corpus(&[("one", vec![(0, text(60))]), ("two", vec![(1, text(60))])]);
        assert!(said(&apart).starts_with("the arms share no prompt"));
    }
}
