//! The control battery: stories that were spoiled on purpose. Noise wins every measure of diversity, loops and templates are easy to
//! miss, and an evaluation must say so. The stories are made here, of sentences of our own.

use std::collections::HashMap;

use super::grams::Gram;
use super::ground::tests::corpus;
use super::words::{Lexicon, Word};
use super::*;
use crate::prob::{Noise, Token};

/// Prompts, and stories of each.
const PROMPTS: usize = 16;
const STORIES: usize = 4;

/// Sentences with places for who, whom, where and what: a story keeps those that it chose, and so hangs together.
const SENTENCES: [&str; 24] = [
    "WHO came down to WHERE before the sun was up.",
    "Nobody had told WHO about WHAT.",
    "For three days WHO and WHOM did not speak.",
    "Behind WHERE stood a cart without wheels, and on it lay WHAT.",
    "WHOM laughed, took WHAT in both hands and threw it over the wall.",
    "It had rained on WHERE since the feast of the bees.",
    "“That is mine,” said WHO, and pointed at WHAT.",
    "“You were never at WHERE,” said WHOM.",
    "So WHO sold the last goat and bought WHAT back.",
    "In the evening a letter came for WHOM, and it smelt of smoke.",
    "WHO read it twice, then put it under WHAT.",
    "The children of the miller ran to WHERE with lamps in their hands.",
    "All of them had seen WHAT once, and none would say when.",
    "WHOM walked in front, and WHO counted the steps.",
    "At the end of the road they found WHERE as quiet as a barn.",
    "There, wrapped in a coat, was WHAT.",
    "WHO wept a little, for it had been a long year.",
    "Then WHOM told the truth about WHERE.",
    "It took until midnight, and the dog of the priest slept through it.",
    "Nothing was lost but WHAT and some bread.",
    "When spring came WHO built a bench near WHERE.",
    "On it sat WHOM every Sunday with a knife and an apple.",
    "Whoever asked for WHAT was given soup instead.",
    "And that is how WHERE got its second name.",
];
const WHOM: [&str; 8] = ["his brother", "Tilde", "the baker", "a stranger", "the judge", "little Arn", "Ruth", "the tinker"];
const WHERE: [&str; 8] =
    ["the mill", "Crow Hill", "the salt house", "the lower bridge", "the orchard", "Saint Anne", "the quarry", "the pond"];
const WHAT: [&str; 8] =
    ["the blue clock", "a sack of seed", "the fiddle", "her boots", "the bell", "a map", "the glass eye", "the ledger"];

/// Of these names and words are made that nobody has read before.
const SYLLABLES: [&str; 16] =
    ["bro", "cta", "dil", "fus", "gor", "han", "jip", "kle", "lum", "mox", "nar", "pud", "que", "ris", "tov", "zel"];

fn noise(prompt: usize, seed: usize) -> Noise {
    Noise::new(seed as u64, &[Token::try_from(prompt).unwrap()])
}

/// A number below `most`, by its key.
fn pick(noise: Noise, step: usize, what: u32, most: usize) -> usize {
    usize::try_from(noise.at(step, 0).bits(what) % most as u64).unwrap()
}

/// A word that no story holds twice by chance.
fn strange(noise: Noise, step: usize, what: u32) -> String {
    (what..what + 3).map(|part| SYLLABLES[pick(noise, step, part, SYLLABLES.len())]).collect()
}

/// The name of somebody whom only one story tells of: three words that nobody can guess, and everybody remembers.
fn name(noise: Noise, step: usize) -> String {
    [20, 30, 40].map(|what| strange(noise, step, what)).join(" ")
}

/// A story of some 200 words, told at a temperature: the hotter, the further it strays among the sentences from the usual next one, and the
/// more often it takes somebody else than its own.
fn story(prompt: usize, seed: usize, temperature: f64) -> String {
    let noise = noise(prompt, seed);
    let mut told = String::new();
    let mut left: Vec<&str> = SENTENCES.to_vec();
    left.rotate_left(pick(noise, 1, 0, SENTENCES.len()));
    for step in 2..20 {
        let strays = noise.at(step, 1).uniform(0) < 0.3 * temperature;
        let mut sentence = left.remove(if strays { pick(noise, step, 1, left.len()) } else { 0 }).to_owned();
        let stray = |what: u32| noise.at(step, 2).uniform(what) < 0.25 * temperature;
        for (what, (place, all)) in (0..).zip([("WHOM", WHOM), ("WHERE", WHERE), ("WHAT", WHAT)]) {
            let chosen = pick(noise, if stray(what) { step } else { 0 }, what, 8);
            sentence = sentence.replace(place, all[chosen]);
        }
        sentence = sentence.replace("WHO", &name(noise, if stray(3) { step } else { 0 }));
        told = told + &sentence + " ";
    }
    told
}

/// An arm whose stories are made by `make` of a prompt and a seed.
fn arm(make: impl Fn(usize, usize) -> String) -> Vec<(usize, String)> {
    (0..PROMPTS)
        .flat_map(|prompt| (0..STORIES).map(move |seed| (prompt, seed)))
        .map(|(prompt, seed)| (prompt, make(prompt, seed)))
        .collect()
}

/// A story of which so many words of a hundred are others, and all others stand where they did.
fn with_noise(text: &str, noise: Noise, percent: usize) -> String {
    let other =
        |(at, word): (usize, &str)| if pick(noise, at, 7, 100) < percent { strange(noise, at, 8) } else { word.to_owned() };
    text.split(' ').enumerate().map(other).collect::<Vec<_>>().join(" ")
}

fn shuffled(text: &str, noise: Noise) -> String {
    let mut words: Vec<(u64, &str)> = text.split(' ').enumerate().map(|(at, word)| (noise.at(at, 9).bits(0), word)).collect();
    words.sort_unstable();
    words.into_iter().map(|(_, word)| word).collect::<Vec<_>>().join(" ")
}

/// The last half is its first sentences over and over.
fn looped(text: &str) -> String {
    let half = &text[..text.floor_char_boundary(text.len() / 2)];
    let phrase = text.split_inclusive('.').next().unwrap();
    format!("{half}. {}", phrase.repeat(1 + text.len() / 2 / phrase.len()))
}

/// What is read in the place of a model: how often a word came behind the two words before it, in other stories, and in this one. A word
/// alone that came before tells it nothing, for then it would find coherence in a heap of words.
struct PaperJudge {
    lexicon: Lexicon,
    known: Grams,
}

/// How often n-grams were met, by n.
#[derive(Default)]
struct Grams(HashMap<(usize, Gram), f64>);

impl Grams {
    /// Takes the n-grams in that end at a place of a text.
    fn add(&mut self, text: &[Word], end: usize, lengths: std::ops::RangeInclusive<usize>) {
        for n in lengths.filter(|n| *n <= end) {
            let gram = grams::grams(&text[end - n..end], n).next().unwrap();
            *self.0.entry((n, gram)).or_default() += 1.0;
        }
    }

    fn count(&self, words: &[Word]) -> f64 {
        let Some(gram) = (!words.is_empty()).then(|| grams::grams(words, words.len()).next().unwrap()) else { return 0.0 };
        self.0.get(&(words.len(), gram)).copied().unwrap_or_default()
    }
}

impl PaperJudge {
    /// It has read stories that nobody compares.
    fn new() -> Self {
        let mut lexicon = Lexicon::default();
        let mut known = Grams::default();
        for seed in 0..60 {
            let text = lexicon.numbers(&story(1000 + seed, seed, 1.0));
            (1..=text.len()).for_each(|end| known.add(&text, end, 1..=3));
        }
        Self { lexicon, known }
    }

    /// (count + 3·p of one word less)/(count of what stands before + 3), down to 1/5000; what was met here counts for twenty.
    fn probability(&self, here: &Grams, before: &[Word], word: Word) -> f64 {
        let words = [before, &[word]].concat();
        (0..=before.len()).rev().fold(1.0 / 5000.0, |less, from| {
            let count = |words: &[Word]| self.known.count(words) + 20.0 * here.count(words);
            (count(&words[from..]) + 3.0 * less) / (count(&words[from..before.len()]) + 3.0)
        })
    }

    /// −Σ ln p of the text behind a context, in nats.
    fn surprisal(&self, context: &[Word], text: &[Word]) -> f64 {
        let mut here = Grams::default();
        let all = [context, text].concat();
        let mut sum = 0.0;
        for at in 0..all.len() {
            if at >= context.len() {
                sum -= self.probability(&here, &all[at.saturating_sub(2)..at], all[at]).ln();
            }
            here.add(&all, at + 1, 2..=3);
        }
        sum
    }

    fn judge(mut self, ground: &Ground) -> Judge {
        let readings: Vec<Reading> = ground.readings().collect();
        let texts: Vec<Vec<Word>> = readings.iter().map(|reading| self.lexicon.numbers(reading.text)).collect();
        let of = |at: usize| {
            let reading = readings[at];
            let of_group = |other: &usize| {
                *other != at && (readings[*other].arm, readings[*other].prompt) == (reading.arm, reading.prompt)
            };
            let other = &texts[(0..readings.len()).find(of_group).unwrap()];
            let (first, second) = texts[at].split_at(texts[at].len() / 2);
            let gain = self.surprisal(&other[..other.len() / 2], second) - self.surprisal(first, second);
            let bytes = reading.text.len() as f64;
            Judgement { surprisal: self.surprisal(&[], &texts[at]) / bytes, gain: gain / (bytes / 2.0), ..Judgement::default() }
        };
        Judge { name: "paper".into(), sha256: "paper".into(), judgements: (0..readings.len()).map(of).collect() }
    }
}

/// The battery beside three temperatures.
fn battery() -> Corpus {
    let usual = |prompt, seed| story(prompt, seed + 10, 1.0);
    corpus(&[
        ("temperature-0.5", arm(|prompt, seed| story(prompt, seed, 0.5))),
        ("temperature-1", arm(|prompt, seed| story(prompt, seed, 1.0))),
        ("temperature-1.6", arm(|prompt, seed| story(prompt, seed, 1.6))),
        ("original", arm(usual)),
        ("random 10 %", arm(|prompt, seed| with_noise(&usual(prompt, seed), noise(prompt, seed), 10))),
        ("random 30 %", arm(|prompt, seed| with_noise(&usual(prompt, seed), noise(prompt, seed), 30))),
        ("shuffled", arm(|prompt, seed| shuffled(&usual(prompt, seed), noise(prompt, seed)))),
        ("looped", arm(|prompt, seed| looped(&usual(prompt, seed)))),
        ("templated", arm(|prompt, seed| with_noise(&story(0, 0, 1.0), noise(prompt, seed), 2))),
    ])
}

fn options() -> Options {
    Options { resamples: 2000, threads: 2, ..Options::default() }
}

fn standing<'a>(evaluation: &'a Evaluation, arm: &str) -> &'a Standing {
    &evaluation.standings[evaluation.arms.iter().position(|info| info.name == arm).unwrap()]
}

fn value(evaluation: &Evaluation, key: &str, judge: Option<usize>, arm: &str) -> f64 {
    let arm = evaluation.arms.iter().position(|info| info.name == arm).unwrap();
    evaluation.measure(key, judge).unwrap().arms[arm].estimate.value
}

#[test]
fn spoiled_stories_get_the_verdicts_that_the_battery_asks_for() {
    let corpus = battery();
    let ground = Ground::new(&corpus, MOST_WORDS, 1).unwrap();
    let judge = PaperJudge::new().judge(&ground);
    for judges in [vec![], vec![judge]] {
        let evaluation = evaluate(&ground, &judges, &options()).unwrap();
        for noise in ["random 10 %", "random 30 %", "shuffled"] {
            let said = standing(&evaluation, noise).verdict.to_string();
            assert!(said.ends_with("coherence not established"), "{noise}: {said}");
        }
        assert_eq!(standing(&evaluation, "looped").verdict, Verdict::Degenerate);
        let templated = standing(&evaluation, "templated").verdict;
        assert!(matches!(templated, Verdict::NotEstablished | Verdict::NotComparable | Verdict::Dominated), "{templated}");
        let original = standing(&evaluation, "original").verdict;
        assert_eq!(original, if judges.is_empty() { Verdict::NotEstablished } else { Verdict::SameCurve });
    }
}

#[test]
fn noise_wins_measures_of_diversity_and_loses_what_is_used_as_coherence() {
    let ground = Ground::new(&battery(), MOST_WORDS, 1).unwrap();
    let evaluation = evaluate(&ground, &[PaperJudge::new().judge(&ground)], &options()).unwrap();
    for noise in ["random 10 %", "random 30 %", "shuffled"] {
        for (key, more) in [("distinct-2", true), ("shared-4", false), ("across-4", false), ("pair-bleu", false)] {
            let (spoiled, original) = (value(&evaluation, key, None, noise), value(&evaluation, key, None, "original"));
            assert!(if more { spoiled > original } else { spoiled < original }, "{key} of {noise}: {spoiled} {original}");
        }
        let gain = |arm| value(&evaluation, "gain", Some(0), arm);
        assert!(gain(noise) < gain("original"), "{noise}: {} {}", gain(noise), gain("original"));
        assert!(value(&evaluation, "surprisal", Some(0), noise) > value(&evaluation, "surprisal", Some(0), "original"));
    }
    // Loops and templates are seen by what they repeat.
    assert!(value(&evaluation, "seq-rep-4", None, "looped") > 0.3);
    assert!(value(&evaluation, "zstd", None, "templated") > 2.0 * value(&evaluation, "zstd", None, "original"));
    assert!(value(&evaluation, "across-4", None, "templated") > 0.9);
    // Richness alone does not see a template.
    let richness = |arm| value(&evaluation, "hd-d", None, arm);
    assert!((richness("templated") - richness("original")).abs() < 0.05);
}

#[test]
fn halves_of_the_baseline_do_not_differ_and_an_evaluation_is_a_function_of_its_seed() {
    let ground = Ground::new(&battery(), MOST_WORDS, 1).unwrap();
    let evaluation = evaluate(&ground, &[], &options()).unwrap();
    assert_eq!(evaluation.arms[evaluation.baseline].name, "temperature-1");
    assert_eq!(evaluation.temperatures, [0, 1, 2]);
    let shared = evaluation.measure("shared-4", None).unwrap().a_a.as_ref().unwrap();
    assert!(shared.p > 0.05 && shared.estimate.interval.low < 0.0 && shared.estimate.interval.high > 0.0, "{shared:?}");
    assert_eq!(
        format!("{:?}", evaluate(&ground, &[], &Options { threads: 1, ..options() }).unwrap()),
        format!("{evaluation:?}")
    );
    let primary = evaluation.measure("across-4", None).unwrap();
    let difference = primary.arms[8].difference.as_ref().unwrap();
    assert!(
        difference.holm >= difference.p && difference.estimate.interval.low > 0.0 && difference.wins > 0.8,
        "{difference:?}"
    );
}
