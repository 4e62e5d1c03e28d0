//! Measures of an arm on equal ground: for every prompt a number, and of all stories together those that have no other form.

use std::collections::BTreeSet;

use anyhow::Result;

use super::bleu::{Counted, pair_bleu, self_bleu};
use super::compression;
use super::grams::{self, Gram};
use super::ground::{Ground, Side, Story};
use super::judge::{Bounds, derailed};
use super::openings::{names, opening, spread, unique};
use super::repetition::{ends_in_loop, rep, seq_rep, simctg_diversity};
use super::richness::{DRAWS, hdd, mattr, mtld};
use super::rouge::homogenisation;
use super::script::{foreign, other_language};
use super::sharing::{self, Shared, own};
use super::slop::{SlopList, contrasts};
use super::statistics::mean;
use super::style::{is_unfinished, style};
use super::words::Word;
use crate::prob::Noise;

/// seq-rep-4 above this is degenerate.
const REPEATED: f64 = 0.1;

/// What the words of a story may not pass, or it has lost its way; what a judge may not be surprised by is another's to say.
pub const BOUNDS: Bounds = Bounds { surprisal: f64::INFINITY, non_words: 0.05, other_script: 0.05 };

/// The most pairs of stories of one prompt that are compared; of more, so many are drawn.
const PAIRS: usize = 500;

/// Words of a phrase that is shared.
const SHARED: usize = 4;

/// The measures of one story, in the order of [`super::measure::OF_STORIES`]; `derailed` by its words alone.
#[must_use]
pub fn of_story(story: &Story, ground: &Ground, slop: &SlopList) -> [f64; 24] {
    let (text, words) = (story.text(), &story.words[..]);
    let share = |flag: bool| f64::from(u8::from(flag));
    let foreign = foreign(text, ground.script);
    let other_language = other_language(text, ground.language);
    let style = style(text);
    let slop = slop.count(words, &ground.lexicon);
    [
        story.length as f64,
        share(is_degenerate(story)),
        share(loops(story)),
        seq_rep(words, SHARED),
        simctg_diversity(words),
        rep(words, 16),
        rep(words, 32),
        rep(words, 128),
        share(is_unfinished(&story.whole)),
        foreign.non_words,
        foreign.other_script,
        other_language,
        mattr(words, 100),
        mtld(words),
        hdd(words, DRAWS),
        style.sentence,
        style.deviation,
        style.dialogue,
        style.dashes,
        slop.words,
        slop.phrases,
        slop.content,
        contrasts(text),
        share(derailed(None, foreign.non_words, foreign.other_script.max(other_language), &BOUNDS).is_some()),
    ]
}

/// Whether a story ends in a loop, where it is cut or where it really ends.
fn loops(story: &Story) -> bool {
    ends_in_loop(&story.words) || ends_in_loop(&story.last)
}

/// Whether a story is degenerate: it ends in a loop, or too many of its 4-grams, from its beginning or to its end, stood there before.
#[must_use]
pub fn is_degenerate(story: &Story) -> bool {
    loops(story) || seq_rep(&story.words, SHARED).max(seq_rep(&story.last, SHARED)) > REPEATED
}

/// The n-grams of an arm's stories as sets.
pub struct Sets {
    /// Without those of the prompt.
    pub own: Vec<Vec<Gram>>,
    /// With them.
    pub all: Vec<Vec<Gram>>,
}

impl Sets {
    /// Those of an arm; `prompts` holds the words of each prompt.
    #[must_use]
    pub fn of(side: &Side, prompts: &[Vec<Word>]) -> Self {
        let words = |story: &Story| prompts.get(story.prompt).map_or(&[][..], Vec::as_slice);
        Self {
            own: side.stories.iter().map(|story| own(&story.words, words(story), SHARED)).collect(),
            all: side.stories.iter().map(|story| grams::set(&story.words, SHARED)).collect(),
        }
    }
}

fn slices(sets: &[Vec<Gram>]) -> Vec<&[Gram]> {
    sets.iter().map(Vec::as_slice).collect()
}

/// The measures of the stories of one prompt, in the order of [`super::measure::OF_PROMPTS`]; NaN below two stories.
#[must_use]
pub fn of_prompt(stories: &[&Story], own: &[&[Gram]], all: &[&[Gram]], prompt: &[Word], ground: &Ground) -> [f64; 9] {
    if stories.len() < 2 {
        return [f64::NAN; 9];
    }
    let words: Vec<&[Word]> = stories.iter().map(|story| &story.words[..]).collect();
    let counted: Vec<Counted> = words.iter().map(|words| Counted::new(words)).collect();
    let pairs = pairs(stories.len());
    let shares = |shared: Vec<Shared>| {
        let value = |of: fn(&Shared) -> f64| mean(&shared.iter().map(of).collect::<Vec<_>>());
        (value(|shared| shared.share), value(|shared| shared.srs))
    };
    let (share, srs) = shares(sharing::within(own));
    let given: BTreeSet<&str> = prompt.iter().map(|&word| ground.lexicon.word(word)).collect();
    let named = stories.iter().flat_map(|story| names(story.text())).filter(|name| !given.contains(name.as_str()));
    [
        share,
        shares(sharing::within(all)).0,
        srs,
        pair_bleu(&counted, &pairs),
        self_bleu(&counted),
        homogenisation(&words, &pairs),
        unique(&words),
        spread(words.iter().map(|words| opening(words))).entropy,
        spread(named).entropy,
    ]
}

/// The pairs of so many stories; of too many a part, drawn.
fn pairs(stories: usize) -> Vec<(usize, usize)> {
    let all = (0..stories).flat_map(|one| (one + 1..stories).map(move |two| (one, two)));
    if stories * stories.saturating_sub(1) / 2 <= PAIRS {
        return all.collect();
    }
    let noise = Noise::new(0, &[]);
    let mut drawn: Vec<(u64, (usize, usize))> = (0..).zip(all).map(|(at, pair)| (noise.at(0, 4).bits(at), pair)).collect();
    drawn.sort_unstable();
    drawn.into_iter().take(PAIRS).map(|(_, pair)| pair).collect()
}

/// A value of all stories together.
#[derive(Debug, Clone, PartialEq)]
pub struct Pooled {
    /// The value.
    pub value: f64,
    /// What it were without each of the prompts; empty where that would take too long to ask.
    pub without: Vec<f64>,
}

/// What the stories of an arm share across prompts, in the order of [`super::measure::ACROSS`]: of every story, and pooled.
#[must_use]
pub fn across(side: &Side, sets: &Sets, prompts: usize) -> [(Vec<f64>, Pooled); 3] {
    let of: Vec<usize> = side.stories.iter().map(|story| story.prompt).collect();
    let own = sharing::across(&slices(&sets.own), &of, prompts);
    let all = sharing::across(&slices(&sets.all), &of, prompts);
    let pooled = |values: Vec<f64>, without: Vec<f64>| {
        let value = mean(&values);
        (values, Pooled { value, without })
    };
    [
        pooled(own.stories.iter().map(|shared| shared.share).collect(), own.without),
        pooled(all.stories.iter().map(|shared| shared.share).collect(), all.without),
        pooled(own.stories.iter().map(|shared| shared.srs).collect(), own.srs_without),
    ]
}

/// For every two prompts what two of their stories share: see [`sharing::pairs`].
#[must_use]
pub fn pair_matrix(side: &Side, sets: &Sets, prompts: usize) -> Vec<Vec<f64>> {
    let of: Vec<usize> = side.stories.iter().map(|story| story.prompt).collect();
    sharing::pairs(&slices(&sets.own), &of, prompts)
}

/// Distinct n-grams of an arm, pooled, in the order of [`super::measure::POOLED`] from `distinct-1` to `ead-1`.
#[must_use]
pub fn distinct(side: &Side, prompts: usize, vocabulary: usize) -> [Pooled; 5] {
    let counts: Vec<Counts> = (1..=4).map(|n| Counts::of(side, n, prompts)).collect();
    let ngd = Pooled {
        value: counts.iter().map(|counts| counts.ratio(None)).sum(),
        without: (0..prompts).map(|prompt| counts.iter().map(|counts| counts.ratio(Some(prompt))).sum()).collect(),
    };
    let [one, two, three] = [0, 1, 2].map(|at| counts[at].pooled(Counts::ratio));
    let types = vocabulary as f64;
    let ead = counts[0].pooled(|counts, without| {
        let (different, total) = counts.left(without);
        different / (types * -(total * (-1.0 / types).ln_1p()).exp_m1())
    });
    [one, two, three, ngd, ead]
}

/// n-grams counted so that a prompt can be taken out again.
struct Counts {
    different: usize,
    total: usize,
    /// For every prompt its n-grams that no other holds, and all of its n-grams.
    of: Vec<(usize, usize)>,
}

impl Counts {
    fn of(side: &Side, n: usize, prompts: usize) -> Self {
        let mut all: Vec<(Gram, usize)> =
            side.stories.iter().flat_map(|story| grams::grams(&story.words, n).map(|gram| (gram, story.prompt))).collect();
        all.sort_unstable();
        let mut counts = Self { different: 0, total: all.len(), of: vec![(0, 0); prompts] };
        for same in all.chunk_by(|one, two| one.0 == two.0) {
            counts.different += 1;
            // They are sorted by prompt as well.
            if same[0].1 == same[same.len() - 1].1 {
                counts.of[same[0].1].0 += 1;
            }
            for (_, prompt) in same {
                counts.of[*prompt].1 += 1;
            }
        }
        counts
    }

    fn left(&self, without: Option<usize>) -> (f64, f64) {
        let (different, total) = without.map_or((0, 0), |prompt| self.of[prompt]);
        ((self.different - different) as f64, (self.total - total) as f64)
    }

    fn ratio(&self, without: Option<usize>) -> f64 {
        let (different, total) = self.left(without);
        different / total
    }

    fn pooled(&self, value: impl Fn(&Self, Option<usize>) -> f64) -> Pooled {
        Pooled { value: value(self, None), without: (0..self.of.len()).map(|prompt| value(self, Some(prompt))).collect() }
    }
}

/// The compression ratios of an arm. What they were without each prompt would take minutes, and is not asked.
///
/// # Errors
/// A compressor fails.
pub fn compressed(side: &Side) -> Result<[Pooled; 2]> {
    let texts: Vec<&str> = side.stories.iter().map(Story::text).collect();
    let ratio = compression::ratio(&texts)?;
    Ok([ratio.zstd, ratio.gzip].map(|value| Pooled { value, without: Vec::new() }))
}

#[cfg(test)]
mod tests {
    use super::super::distinct::{self as whole, tests::near};
    use super::super::ground::tests::corpus;
    use super::super::measure::{ACROSS, OF_PROMPTS, OF_STORIES};
    use super::*;

    const TEXTS: [(usize, &str); 4] = [
        (0, "The old wolf came down from the hill, and the old dog barked at him all night long."),
        (0, "The old wolf came down to the river. “Who is there?” asked the fox, and nobody said a word."),
        (1, "A ship lay in the harbour with nobody on board, and the old dog barked at him all night."),
        (2, "Nobody knew where the lighthouse keeper had gone when the lamp went out on that winter night."),
    ];

    fn ground() -> Ground {
        let texts = TEXTS.iter().map(|(prompt, text)| (*prompt, (*text).to_owned())).collect();
        Ground::new(&corpus(&[("one", texts)]), 10, 1, None).unwrap()
    }

    fn at(measures: &[super::super::measure::Measure], key: &str) -> usize {
        measures.iter().position(|measure| measure.key == key).unwrap()
    }

    #[test]
    fn a_measure_stands_where_its_name_does() {
        let ground = ground();
        let story = of_story(&ground.arms[0].stories[0], &ground, &SlopList::parse("wolf").unwrap());
        near(story[at(&OF_STORIES, "words")], 18.0);
        near(story[at(&OF_STORIES, "slop-words")], 100.0);
        near(story[at(&OF_STORIES, "unfinished")], 0.0);
        near(story[at(&OF_STORIES, "simctg")], 1.0);
        near(story[at(&OF_STORIES, "rep-16")], 0.2);
        near(story[at(&OF_STORIES, "derailed")], 0.0);
        let side = &ground.arms[0];
        let sets = Sets::of(side, &ground.prompt_words);
        let stories: Vec<&Story> = side.stories[..2].iter().collect();
        let sets_of = [&sets.own[0][..], &sets.own[1][..]];
        let prompt = of_prompt(&stories, &sets_of, &sets_of, &ground.prompt_words[0], &ground);
        // Of seven 4-grams "the old wolf came" and "old wolf came down" are shared.
        near(prompt[at(&OF_PROMPTS, "shared-4")], 2.0 / 7.0);
        near(prompt[at(&OF_PROMPTS, "srs-4")], 3.0_f64.ln());
        near(prompt[at(&OF_PROMPTS, "openings")], 0.0);
        near(prompt[at(&OF_PROMPTS, "unique")], 1.0);
        assert!(of_prompt(&stories[..1], &sets_of[..1], &sets_of[..1], &[], &ground)[0].is_nan());
        let across = across(side, &sets, 3);
        near(across[at(&ACROSS, "across-4")].1.value, 0.0);
    }

    #[test]
    fn distinct_n_without_a_prompt_is_that_of_the_rest() {
        let ground = ground();
        let told = distinct(&ground.arms[0], 3, ground.lexicon.len());
        let words = |without: usize| {
            let stories = ground.arms[0].stories.iter().filter(move |story| story.prompt != without);
            stories.map(|story| &story.words[..]).collect::<Vec<_>>()
        };
        near(told[1].value, whole::distinct(&words(9), 2));
        near(told[4].value, whole::expectation_adjusted(&words(9), ground.lexicon.len()));
        for without in 0..3 {
            near(told[0].without[without], whole::distinct(&words(without), 1));
            near(told[3].without[without], whole::ngram_diversity(&words(without)));
        }
    }

    #[test]
    fn of_many_stories_some_pairs_are_drawn_and_of_few_all() {
        assert_eq!(pairs(4).len(), 6);
        let many = pairs(40);
        assert_eq!((many.len(), many == pairs(40)), (PAIRS, true));
        let ends = many.iter().filter(|(one, _)| *one > 20).count();
        assert!((80..180).contains(&ends), "{ends}");
    }
}
