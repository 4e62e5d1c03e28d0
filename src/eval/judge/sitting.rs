//! A sitting of a judge: which texts it reads behind which, and what follows from it for every story and every prompt.
//!
//! Stories of one arm and one prompt stand together in a group. Of a story x = a b behind its prompt p, with other stories y of its
//! group, a′ the first half of y, and s(· | ·) the judge's surprisal in nats:
//!
//! ```text
//! gain        [ s(b | p a′) − s(b | p a) ] / bytes(b)      mean over some y
//! gain alone  [ s(b | p)    − s(b | p a) ] / bytes(b)
//! similarity  [ s(x | p)    − s(x | p y ¶ p) ] / bytes(x)  mean over some y
//! aₖ          s(xₖ | p x₁ ¶ p x₂ ¶ … p) / bytes(xₖ)    mean over the turns of the group
//! ```
//!
//! ¶ is an empty line. **Coherence gain** asks whether the second half of a story depends on its own first half more than on that of
//! another; noise and templates have none, and it rewards no blandness. Over nothing but the prompt (`alone`) the manner of the first
//! half counts too. **Similarity** and the **progressive conditional surprise** a₁ … aₙ (Khoriaty et al. 2026, arXiv 2606.01811,
//! after its formula) ask what stories of one prompt tell of each other. Its product with e^(−mean surprisal) is not used: noise raises
//! it. 1 − aₙ/a₁ does not rise so: 0 where nothing is learnt from the others, near 1 where they are copies.
//!
//! The turns of a group are its rotations: every story stands once in every place. A half ends where a word does.

use std::ops::ControlFlow;

use anyhow::Result;

use super::surprisal::Surprisal;
use crate::decode::Cancel;
use crate::engine::{Engine, Passage};
use crate::story::ScoredText;

/// What stands between two stories that are read one after the other.
const BETWEEN: &str = "\n\n";

/// A story that is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told<'a> {
    /// The number of its arm and prompt together: those of one number are a group.
    pub group: usize,
    /// What it goes on from; empty where nothing is known of it.
    pub prompt: &'a str,
    /// The story.
    pub text: &'a str,
}

/// What is asked beside the surprisal of each story. Each costs the judge about so many readings of all stories as it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// With how many others of its group a story's coherence gain is taken: 1 costs half a reading, and half a one for `alone`.
    pub gain: usize,
    /// With how many others its similarity is: one reading each.
    pub similarity: usize,
    /// The stories n of a turn, at least 2 or none: n − 1 readings, the first of which similarity has too.
    pub turn: usize,
}

impl Default for Asked {
    fn default() -> Self {
        Self { gain: 2, similarity: 1, turn: 0 }
    }
}

/// What is to be scored, and what for.
#[derive(Debug, Default)]
pub struct Sitting {
    readings: Vec<(String, String)>,
    stories: Vec<Story>,
    /// By group: of every turn the readings of its stories, in their places.
    turns: Vec<Vec<Vec<usize>>>,
}

/// The readings of a story, by number.
#[derive(Debug)]
struct Story {
    whole: usize,
    halves: Option<Halves>,
    beside: Vec<usize>,
}

/// The readings of a story's second half.
#[derive(Debug)]
struct Halves {
    own: usize,
    alone: usize,
    others: Vec<usize>,
}

/// What the judge says of a story.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Verdict {
    /// Its surprisal behind the prompt; none where nothing of it has a score.
    pub surprisal: Option<Surprisal>,
    /// Coherence gain over first halves of other stories, in nats a byte.
    pub gain: Option<f64>,
    /// Coherence gain over the prompt alone, in nats a byte.
    pub gain_alone: Option<f64>,
    /// What another story of the prompt takes off the surprisal at it, in nats a byte.
    pub similarity: Option<f64>,
}

/// How much of a story the stories before it tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Progression {
    /// a₁ … aₙ, in nats a byte.
    pub surprisals: Vec<f64>,
}

impl Progression {
    /// 1 − aₙ/a₁: the share of a story that is redundant when n − 1 others are known.
    #[must_use]
    pub fn redundancy(&self) -> Option<f64> {
        let (first, last) = (*self.surprisals.first()?, *self.surprisals.last()?);
        (first > 0.0).then(|| 1.0 - last / first)
    }
}

impl Sitting {
    /// What a judge reads to say this of these stories.
    #[must_use]
    pub fn of(stories: &[Told], asked: Asked) -> Self {
        let mut sitting = Self::default();
        let groups = stories.iter().map(|story| story.group + 1).max().unwrap_or(0);
        let members: Vec<Vec<usize>> =
            (0..groups).map(|group| (0..stories.len()).filter(|&at| stories[at].group == group).collect()).collect();
        for (at, story) in stories.iter().enumerate() {
            let group: Vec<Told> = members[story.group].iter().map(|&member| stories[member]).collect();
            let place = members[story.group].iter().position(|&member| member == at).unwrap_or(0);
            let judged = sitting.story(&group, place, asked);
            sitting.stories.push(judged);
        }
        for members in &members {
            let group: Vec<Told> = members.iter().map(|&member| stories[member]).collect();
            let places = if asked.turn < 2 || group.len() < 2 { 0 } else { asked.turn.min(group.len()) };
            let turns = (0..if places == 0 { 0 } else { group.len() }).map(|first| sitting.turn(&group, first, places));
            let turns = turns.collect();
            sitting.turns.push(turns);
        }
        sitting
    }

    /// Pairs of a prompt and a text that is to be scored behind it.
    #[must_use]
    pub fn readings(&self) -> &[(String, String)] {
        &self.readings
    }

    /// Has all readings scored by this judge, in their order.
    ///
    /// # Errors
    /// As [`Engine::passage`] and [`Engine::score`].
    pub fn hold(
        &self,
        judge: &Engine,
        heard: &mut dyn FnMut(usize, usize) -> ControlFlow<()>,
        cancel: &Cancel,
    ) -> Result<Vec<ScoredText>> {
        let passages: Result<Vec<Passage>> = self.readings.iter().map(|(prompt, text)| judge.passage(prompt, text)).collect();
        judge.score(&passages?, heard, cancel)
    }

    /// The scored text of a story itself.
    #[must_use]
    pub fn whole<'s>(&self, story: usize, scored: &'s [ScoredText]) -> &'s ScoredText {
        &scored[self.stories[story].whole]
    }

    /// What is said of each story, by the scores of all readings.
    #[must_use]
    pub fn verdicts(&self, scored: &[ScoredText]) -> Vec<Verdict> {
        let taken_off = |with: usize, without: usize| {
            let bytes = scored[with].bytes().min(scored[without].bytes());
            (bytes > 0).then(|| (scored[without].nats() - scored[with].nats()) / bytes as f64)
        };
        let verdict = |story: &Story| Verdict {
            surprisal: Surprisal::of(&scored[story.whole]),
            gain: story
                .halves
                .as_ref()
                .and_then(|halves| mean(halves.others.iter().map(|&other| taken_off(halves.own, other)))),
            gain_alone: story.halves.as_ref().and_then(|halves| taken_off(halves.own, halves.alone)),
            similarity: mean(story.beside.iter().map(|&beside| taken_off(beside, story.whole))),
        };
        self.stories.iter().map(verdict).collect()
    }

    /// What stories of a group tell of each other, by group; none where that was not asked, or a group has one story.
    #[must_use]
    pub fn progressions(&self, scored: &[ScoredText]) -> Vec<Option<Progression>> {
        let per_byte = |reading: &usize| Surprisal::of(&scored[*reading]).map(|surprisal| surprisal.per_byte);
        let progression = |turns: &Vec<Vec<usize>>| {
            let places = turns.first()?.len();
            let surprisals = (0..places).map(|place| mean(turns.iter().map(|turn| per_byte(&turn[place]))));
            Some(Progression { surprisals: surprisals.collect::<Option<_>>()? })
        };
        self.turns.iter().map(progression).collect()
    }

    fn story(&mut self, group: &[Told], place: usize, asked: Asked) -> Story {
        let Told { prompt, text, .. } = group[place];
        let others = |most: usize| (1..group.len()).take(most).map(|back| group[(place + group.len() - back) % group.len()]);
        let whole = self.read(prompt.to_owned(), text);
        let halves = halves(text).filter(|_| asked.gain > 0).map(|(first, second)| Halves {
            own: self.read(format!("{prompt}{first}"), second),
            alone: self.read(prompt.to_owned(), second),
            others: others(asked.gain)
                .filter_map(|other| Some(self.read(format!("{}{}", other.prompt, halves(other.text)?.0), second)))
                .collect(),
        });
        let beside = others(asked.similarity).map(|other| self.read(behind(&[other], prompt), text)).collect();
        Story { whole, halves, beside }
    }

    /// The readings of a turn that begins with this story.
    fn turn(&mut self, group: &[Told], first: usize, places: usize) -> Vec<usize> {
        let turn: Vec<Told> = (first..first + places).map(|at| group[at % group.len()]).collect();
        (0..places).map(|place| self.read(behind(&turn[..place], turn[place].prompt), turn[place].text)).collect()
    }

    fn read(&mut self, prompt: String, text: &str) -> usize {
        self.readings.push((prompt, text.to_owned()));
        self.readings.len() - 1
    }
}

/// What stands before a story that is told of this prompt behind others.
fn behind(others: &[Told], prompt: &str) -> String {
    let parts = others.iter().flat_map(|other| [other.prompt, other.text, BETWEEN]);
    parts.chain([prompt]).collect()
}

/// The halves of a text: the second begins with the white space before a word, or where there is none, in the middle. `None` where
/// one of them would be empty.
fn halves(text: &str) -> Option<(&str, &str)> {
    let middle = text.len() / 2;
    let begins = |&(at, letter): &(usize, char)| letter.is_whitespace() && !text[..at].ends_with(char::is_whitespace);
    let nearest = |places: &mut dyn Iterator<Item = (usize, char)>| {
        places.filter(|(at, _)| *at > 0).min_by_key(|(at, _)| at.abs_diff(middle)).map(|(at, _)| at)
    };
    let at = nearest(&mut text.char_indices().filter(begins)).filter(|&at| !text[at..].trim().is_empty());
    let at = at.or_else(|| nearest(&mut text.char_indices()))?;
    Some(text.split_at(at))
}

/// The mean of what is known; `None` where nothing is.
fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let known: Vec<f64> = values.flatten().collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::story::ScoredToken;

    /// A judge to whom each letter of a text costs a nat a byte, and half of one where it stands before it already.
    fn judge(prompt: &str, text: &str) -> ScoredText {
        let mut before = prompt.to_owned();
        let token = |letter: char| {
            let surprisal = if before.contains(letter) { 0.5 } else { 1.0 };
            before.push(letter);
            ScoredToken { id: 0, bytes: letter.len_utf8(), surprisal, rank: 0, entropy: 0.5 }
        };
        ScoredText { text: text.to_owned(), tokens: text.chars().map(token).collect(), ..ScoredText::default() }
    }

    fn judged(stories: &[Told], asked: Asked) -> (Vec<Verdict>, Vec<Option<Progression>>) {
        let sitting = Sitting::of(stories, asked);
        let scored: Vec<ScoredText> = sitting.readings().iter().map(|(prompt, text)| judge(prompt, text)).collect();
        for (at, story) in stories.iter().enumerate() {
            assert_eq!(sitting.whole(at, &scored).text, story.text);
        }
        (sitting.verdicts(&scored), sitting.progressions(&scored))
    }

    fn told(group: usize, text: &str) -> Told<'_> {
        Told { group, prompt: "p ", text }
    }

    #[test]
    fn the_gain_is_what_the_own_first_half_takes_off_and_that_of_another_does_not() {
        let asked = Asked { gain: 1, similarity: 0, turn: 0 };
        // " abc" is known behind "abc" and new behind "xyz"; its space stands in the prompt.
        let (verdicts, _) = judged(&[told(0, "abc abc"), told(0, "xyz xyz")], asked);
        let expected = (3.0 - 1.5) / 4.0;
        assert_eq!(verdicts[0].gain, Some(expected));
        assert_eq!(verdicts[0].gain_alone, Some(expected));
        assert_eq!(verdicts[0].similarity, None);
        // What ignores its own beginning gains nothing, and a template nothing over another of it.
        assert_eq!(judged(&[told(0, "abc xyz"), told(0, "mno xyz")], asked).0[0].gain, Some(0.0));
        let template = judged(&[told(0, "abc abc"), told(0, "abc abc")], asked).0[0];
        assert_eq!((template.gain, template.gain_alone), (Some(0.0), Some(expected)));
        // Alone in its group a story has no other to be compared with.
        let alone = judged(&[told(0, "abc abc"), told(1, "xyz xyz")], asked).0[0];
        assert_eq!((alone.gain, alone.gain_alone), (None, Some(expected)));
    }

    #[test]
    fn similarity_is_what_another_story_takes_off() {
        let asked = Asked { gain: 0, similarity: 2, turn: 0 };
        let (verdicts, _) = judged(&[told(0, "abc"), told(0, "abc"), told(0, "xyz")], asked);
        // Of two others one tells all of it, and the other nothing.
        assert_eq!(verdicts[0].similarity, Some(0.5 / 2.0));
        assert_eq!(verdicts[2].similarity, Some(0.0));
        assert_eq!(verdicts[0].surprisal.unwrap().per_byte, 1.0);
    }

    #[test]
    fn progressive_surprise_falls_where_stories_repeat_each_other_and_nowhere_else() {
        let asked = Asked { gain: 0, similarity: 0, turn: 3 };
        let same =
            [told(0, "abc"), told(0, "abc"), told(0, "abc"), told(1, "abc"), told(1, "def"), told(1, "ghi"), told(2, "abc")];
        let (_, progressions) = judged(&same, asked);
        let [Some(same), Some(other), None] = &progressions[..] else { panic!("{progressions:?}") };
        assert_eq!((&same.surprisals[..], same.redundancy()), (&[1.0, 0.5, 0.5][..], Some(0.5)));
        assert_eq!((&other.surprisals[..], other.redundancy()), (&[1.0; 3][..], Some(0.0)));
        assert_eq!(Progression { surprisals: vec![0.0, 0.0] }.redundancy(), None);
    }

    #[test]
    fn a_text_is_halved_before_a_word_and_a_script_without_spaces_in_the_middle() {
        for (text, first, second) in [
            ("one two three four", "one two", " three four"),
            ("one  two", "one", "  two"),
            ("狼の森", "狼", "の森"),
            ("word ", "wo", "rd "),
        ] {
            assert_eq!(halves(text), Some((first, second)));
        }
        assert_eq!([halves(""), halves("a")], [None; 2]);
    }
}
