//! Overuse: words and phrases that stand in stories far more often than in those of people.

use std::collections::HashMap;

use serde::Serialize;

use super::grams::{self, Gram};
use super::words::{Lexicon, Word};

/// A word or phrase must be met so often.
const LEAST: usize = 5;

/// And for so many prompts.
const PROMPTS: usize = 2;

/// Something that is overused.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Overused {
    /// The word or phrase.
    pub text: String,
    /// How often it stands in the stories.
    pub count: usize,
    /// ρ = its frequency in the stories / its frequency in those of people.
    pub ratio: f64,
}

/// The n-grams that stories overuse, the worst first: ρ(g) = f(g)/f(g of people), with ½ added to both counts; only what is met five times
/// and for two prompts, and no more than `most` of them.
///
/// Source of the ratio: Paech 2025 (slop-forensics).
#[must_use]
pub fn overused(stories: &[(usize, &[Word])], human: &[&[Word]], n: usize, most: usize, lexicon: &Lexicon) -> Vec<Overused> {
    let mut met: HashMap<Gram, (usize, Vec<usize>)> = HashMap::new();
    let (mut total, mut human_total) = (0, 0);
    for &(prompt, story) in stories {
        for (gram, count) in grams::counts(story, n) {
            let (sum, prompts) = met.entry(gram).or_default();
            *sum += count;
            total += count;
            if prompts.len() < PROMPTS && !prompts.contains(&prompt) {
                prompts.push(prompt);
            }
        }
    }
    let mut known: HashMap<Gram, usize> = HashMap::new();
    for (gram, count) in human.iter().flat_map(|story| grams::counts(story, n)) {
        human_total += count;
        *known.entry(gram).or_default() += count;
    }
    let frequency = |count: usize, total: usize| (count as f64 + 0.5) / (total as f64 + 0.5);
    let often = met.into_iter().filter(|(_, (count, prompts))| *count >= LEAST && prompts.len() >= PROMPTS);
    let mut all: Vec<(f64, usize, Gram)> = often
        .map(|(gram, (count, _))| {
            let usual = frequency(known.get(&gram).copied().unwrap_or_default(), human_total);
            (frequency(count, total) / usual, count, gram)
        })
        .collect();
    all.sort_by(|one, two| two.0.total_cmp(&one.0).then(one.2.cmp(&two.2)));
    let told = |(ratio, count, gram)| Overused { text: text(gram, n, lexicon), count, ratio };
    all.into_iter().take(most).map(told).collect()
}

fn text(gram: Gram, n: usize, lexicon: &Lexicon) -> String {
    #[allow(clippy::cast_possible_truncation, reason = "a word is the lowest 32 bits of what is left")]
    let words = (0..n).rev().map(|at| lexicon.word((gram >> (32 * at)) as Word));
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::distinct::tests::near;
    use super::*;

    #[test]
    fn what_people_rarely_say_and_stories_of_several_prompts_often_is_overused() {
        let mut lexicon = Lexicon::default();
        let mut numbers = |text: &str| lexicon.numbers(text);
        let (one, two) = (numbers("hum hum hum the wolf wolf wolf wolf wolf"), numbers("hum hum the end"));
        let human = numbers("the wolf and the lamb hum");
        let told = overused(&[(0, &one), (1, &two)], &[&human], 1, 9, &lexicon);
        // `wolf` stands there five times, but for one prompt only.
        assert_eq!(told.iter().map(|word| (word.text.as_str(), word.count)).collect::<Vec<_>>(), [("hum", 5)]);
        near(told[0].ratio, (5.5 / 13.5) / (1.5 / 6.5));
        let pairs = overused(&[(0, &one), (1, &one), (2, &one)], &[&human], 2, 1, &lexicon);
        assert_eq!(pairs[0].text, "wolf wolf");
    }
}
