//! What is measured, by name: what a measure is of, which way is better, and where its numbers come from.

use serde::Serialize;

/// What a measure tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// Whether the text holds at all. Every other number of an arm that fails here means nothing.
    Guard,
    /// How different the stories of one prompt are.
    Within,
    /// What stories of different prompts have in common.
    Across,
    /// Phrases that are everybody's.
    Formulaic,
    /// What should be as in texts of people, neither less nor more.
    TwoSided,
    /// What another model says.
    Judge,
}

/// Which way is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    /// More is better.
    More,
    /// Less is better.
    Less,
    /// Neither: as in texts of people.
    Near,
}

/// A measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Measure {
    /// Its name, in tables and in JSON.
    pub key: &'static str,
    /// What it tells of.
    pub group: Group,
    /// Which way is better.
    pub better: Better,
    /// What it is, in a few words.
    pub about: &'static str,
}

const fn measure(key: &'static str, group: Group, better: Better, about: &'static str) -> Measure {
    Measure { key, group, better, about }
}

use Better::{Less, More, Near};
use Group::{Across, Formulaic, Guard, Judge, TwoSided, Within};

/// Measures of single stories, in the order in which [`super::measuring`] finds them. Of a prompt they are means over its stories.
pub const OF_STORIES: [Measure; 24] = [
    measure("words", Guard, Near, "words of the whole story, before it is cut"),
    measure("degenerate", Guard, Less, "share of stories that end in a loop, or with seq-rep-4 above .1"),
    measure("loops", Guard, Less, "share of stories that end in a loop"),
    measure("seq-rep-4", Guard, Less, "share of 4-grams that stood in the story before"),
    measure("simctg", Guard, Near, "product of 1 − seq-rep-n over n = 2 … 4; prose of people has about .95"),
    measure("rep-16", Guard, Near, "share of words that stand among the 16 before them"),
    measure("rep-32", Guard, Near, "share of words that stand among the 32 before them"),
    measure("rep-128", Guard, Near, "share of words that stand among the 128 before them"),
    measure("unfinished", Guard, Less, "share of whole stories that break off within a sentence or quotation"),
    measure("non-words", Guard, Less, "share of words that cannot be words"),
    measure("other-script", Guard, Less, "share of words in another script than the usual one"),
    measure("other-language", Guard, Less, "share of stretches of 50 words in another language than the usual one"),
    measure("mattr-100", TwoSided, Near, "different words / 100, mean over all windows of 100 words"),
    measure("mtld", TwoSided, Near, "words until different words / words falls to .72"),
    measure("hd-d", TwoSided, Near, "chance of words to be met among 42 drawn"),
    measure("sentence", TwoSided, Near, "words a sentence"),
    measure("sentence-sd", TwoSided, Near, "standard deviation of words a sentence"),
    measure("dialogue", TwoSided, Near, "share of words between quotation marks"),
    measure("dashes", TwoSided, Near, "em dashes for 1,000 words"),
    measure("slop-words", Formulaic, Less, "words of the slop list for 1,000 words"),
    measure("slop-phrases", Formulaic, Less, "phrases of the slop list for 1,000 words"),
    measure("slop-content", Formulaic, Less, "phrases of the slop list for 1,000 words, function words left out"),
    measure("contrasts", Formulaic, Less, "turns of “not X, but Y” for 1,000 characters"),
    measure("derailed", Guard, Less, "share of stories with over 5 % non-words, or as much in another script or language"),
];

/// Measures of the stories of one prompt, where it has two or more.
pub const OF_PROMPTS: [Measure; 9] = [
    measure(
        "shared-4",
        Within,
        Less,
        "share of a story's 4-grams that another story of its prompt holds, those of the prompt left out",
    ),
    measure("shared-4-echo", Within, Less, "the same with the 4-grams of the prompt"),
    measure("srs-4", Within, Less, "ln(1 + stories of the prompt that hold a story's 4-grams)"),
    measure("pair-bleu", Within, Less, "mean BLEU-4 of two stories of a prompt"),
    measure("self-bleu", Within, Less, "mean BLEU-4 of a story against all others of its prompt"),
    measure("rouge-l", Within, Less, "mean ROUGE-L of two stories of a prompt"),
    measure("unique", Within, More, "share of stories that equal no other of their prompt"),
    measure("openings", Within, More, "entropy of the first three words, nats"),
    measure("names", Within, More, "entropy of the names, nats"),
];

/// Measures of what stories of different prompts share: of every story against those of all other prompts.
pub const ACROSS: [Measure; 3] = [
    measure(
        "across-4",
        Across,
        Less,
        "share of a story's 4-grams that a story of another prompt holds, those of its prompt left out",
    ),
    measure("across-4-echo", Across, Less, "the same with the 4-grams of the prompt"),
    measure("across-srs-4", Across, Less, "ln(1 + stories of other prompts that hold a story's 4-grams)"),
];

/// Measures of all stories of an arm together.
pub const POOLED: [Measure; 8] = [
    measure("across-4-pairs", Across, Less, "share of 4-grams that two stories of different prompts have in common"),
    measure("distinct-1", Across, More, "different words / words"),
    measure("distinct-2", Across, More, "different bigrams / bigrams"),
    measure("distinct-3", Across, More, "different trigrams / trigrams"),
    measure("ngd", Across, More, "sum of distinct-1 … distinct-4"),
    measure("ead-1", Across, More, "different words / those that as many uniform draws would find"),
    measure("zstd", Across, Less, "bytes / bytes compressed by zstd at level 19"),
    measure("gzip", Across, Less, "bytes / bytes compressed by gzip at level 9"),
];

/// Measures of a judge, of single stories, in the order of [`super::Judgement::values`], and the last one from the first.
pub const OF_JUDGES: [Measure; 11] = [
    measure("surprisal", Judge, Near, "surprisal of the story, nats a byte"),
    measure("gain", Judge, More, "coherence gain: what the first half takes off the surprisal of the second, nats a byte"),
    measure("similarity", Judge, Less, "what another story of the prompt takes off the surprisal, nats a byte"),
    measure("redundancy", Judge, Less, "1 − surprisal behind all other stories of the prompt / surprisal alone"),
    measure("tail", Judge, Less, "share of tokens of a surprisal beyond the usual"),
    measure("entropy", Judge, Near, "mean entropy of the judge's predictions, nats a token"),
    measure("ratio", Judge, Near, "surprisal / entropy a token: 1 where the judge itself had told the story"),
    measure("local-variance", Judge, Near, "mean square of what surprisal changes from token to token, nats²"),
    measure("imprint", Judge, Near, "power of the surprisal at the wave's frequency / that of its neighbours"),
    measure("worst", Judge, Less, "surprisal of the worst 40 tokens in a row, nats a byte"),
    measure("derailed", Judge, Less, "share of stories that derail by their words, or whose worst stretch passes the bound"),
];

/// The primary measures, chosen before looking: diversity within a prompt, and formulas across prompts. All others explore.
pub const PRIMARY: [&str; 2] = ["shared-4", "across-4"];
