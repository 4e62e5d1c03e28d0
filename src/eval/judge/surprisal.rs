//! How surprising a text is to a judge, and how evenly: the measures of one scored text.
//!
//! All of them have two sides. Little surprise is blandness (a greedy story has the least), much is noise; and stories of people
//! surprise models more than those of models do. So nothing here is better for being smaller: it is compared with texts of people, or
//! with plain sampling at temperature 1.

use std::f64::consts::LN_2;

use crate::story::ScoredText;

/// Surprisal and entropy of a text, in nats.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Surprisal {
    /// Tokens that have a score.
    pub tokens: usize,
    /// Bytes of the text for which they stand.
    pub bytes: usize,
    /// Σ s / bytes, s = −ln θ(xₜ | x₁ … xₜ₋₁): the one that compares judges, whatever their tokens.
    pub per_byte: f64,
    /// mean s.
    pub per_token: f64,
    /// mean H, H = −Σᵥ θ(v | …) ln θ(v | …) before each token: the surprisal that the judge expected.
    pub entropy: f64,
}

impl Surprisal {
    /// That of a scored text; `None` where no token of it has a score.
    #[must_use]
    pub fn of(text: &ScoredText) -> Option<Self> {
        Self::over([text])
    }

    /// That of several texts as if they were one.
    #[must_use]
    pub fn over<'t>(texts: impl IntoIterator<Item = &'t ScoredText>) -> Option<Self> {
        let (mut tokens, mut bytes, mut nats, mut entropy) = (0, 0, 0.0, 0.0);
        for token in texts.into_iter().flat_map(|text| &text.tokens) {
            tokens += 1;
            bytes += token.bytes;
            nats += token.surprisal;
            entropy += token.entropy;
        }
        let count = tokens as f64;
        let measured = Self { tokens, bytes, per_byte: nats / bytes as f64, per_token: nats / count, entropy: entropy / count };
        (bytes > 0).then_some(measured)
    }

    /// Σ s / bytes in bits.
    #[must_use]
    pub fn bits_per_byte(&self) -> f64 {
        self.per_byte / LN_2
    }

    /// e^(mean s).
    #[must_use]
    pub fn perplexity(&self) -> f64 {
        self.per_token.exp()
    }

    /// e^(mean H): among how many equally likely tokens the judge saw itself choose (branching factor, arXiv 2506.17871).
    #[must_use]
    pub fn branching_factor(&self) -> f64 {
        self.entropy.exp()
    }

    /// mean s / mean H: 1 where the judge itself would write so at temperature 1, below it more timid, far above it noise. `None`
    /// where nothing was open.
    #[must_use]
    pub fn ratio(&self) -> Option<f64> {
        (self.entropy > 0.0).then(|| self.per_token / self.entropy)
    }
}

/// How evenly surprisal is spread (uniform information density; Meister et al. 2021), in the unit in which it is given.
///
/// It tells how acceptable sentences are, and is no quality of fiction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evenness {
    /// mean s^1.25.
    pub superlinear: f64,
    /// mean (s − mean s)².
    pub variance: f64,
    /// mean (sₜ − sₜ₋₁)²; 0 for a single one.
    pub local: f64,
}

impl Evenness {
    /// That of surprisals in their order; `None` where there is none.
    #[must_use]
    pub fn of(surprisals: &[f64]) -> Option<Self> {
        let mean_by =
            |square: &dyn Fn(f64) -> f64| surprisals.iter().map(|&s| square(s)).sum::<f64>() / surprisals.len() as f64;
        let mean = mean_by(&|s| s);
        let steps: f64 = surprisals.windows(2).map(|pair| (pair[1] - pair[0]).powi(2)).sum();
        let superlinear = mean_by(&|s| s.powf(1.25));
        let variance = mean_by(&|s| (s - mean).powi(2));
        (!surprisals.is_empty()).then(|| Self { superlinear, variance, local: steps / (surprisals.len() - 1).max(1) as f64 })
    }
}

/// How likely a text's tokens were by their ranks: shares of its tokens (after GLTR, Gehrmann et al. 2019).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ranks {
    /// Those that were the likeliest.
    pub first: f64,
    /// Those among the ten likeliest.
    pub ten: f64,
    /// Those among the hundred likeliest.
    pub hundred: f64,
}

impl Ranks {
    /// Those of several texts as if they were one; `None` where no token has a score.
    #[must_use]
    pub fn over<'t>(texts: impl IntoIterator<Item = &'t ScoredText>) -> Option<Self> {
        let ranks: Vec<usize> = texts.into_iter().flat_map(|text| &text.tokens).map(|token| token.rank).collect();
        let share = |most: usize| ranks.iter().filter(|&&rank| rank < most).count() as f64 / ranks.len() as f64;
        (!ranks.is_empty()).then(|| Self { first: share(1), ten: share(10), hundred: share(100) })
    }
}

/// The surprisals of a text's words in nats: those of their tokens together. A word is what stands between white space, and the white
/// space before it is its own.
#[must_use]
pub fn of_words(text: &ScoredText) -> Vec<f64> {
    let mut words: Vec<f64> = Vec::new();
    // Whether the last word has a letter already, so that white space ends it.
    let mut is_begun = true;
    for (token, part) in text.tokens.iter().zip(text.parts().1) {
        if (part.starts_with(char::is_whitespace) && is_begun) || words.is_empty() {
            words.push(0.0);
            is_begun = false;
        }
        is_begun |= part.contains(|letter: char| !letter.is_whitespace());
        if let Some(word) = words.last_mut() {
            *word += token.surprisal;
        }
    }
    words
}

/// The surprisal that of so many words only one in 200 is above: what the words of a baseline (texts of people, or plain sampling at
/// temperature 1) say is rare. `None` where there is no word.
#[must_use]
pub fn rare(baseline: impl IntoIterator<Item = f64>) -> Option<f64> {
    const PERCENTILE: f64 = 0.995;
    let mut words: Vec<f64> = baseline.into_iter().collect();
    words.sort_by(f64::total_cmp);
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a place in the list")]
    let place = (words.len() as f64 * PERCENTILE).ceil() as usize;
    words.get(place.saturating_sub(1)).copied()
}

/// τ, the tail rate: the share of words whose surprisal is above `rare`. Gibberish shows here first.
#[must_use]
pub fn tail_rate(words: &[f64], rare: f64) -> f64 {
    words.iter().filter(|&&word| word > rare).count() as f64 / words.len().max(1) as f64
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::story::ScoredToken;

    /// A text of these pieces with these surprisals, which were expected to be as large as `entropy`.
    pub fn text(pieces: &[(&str, f64)], entropy: f64) -> ScoredText {
        let token = |&(piece, surprisal): &(&str, f64)| ScoredToken { id: 0, bytes: piece.len(), surprisal, rank: 0, entropy };
        ScoredText {
            text: pieces.iter().map(|(piece, _)| *piece).collect(),
            tokens: pieces.iter().map(token).collect(),
            ..ScoredText::default()
        }
    }

    fn near(value: f64, right: f64) {
        assert!((value - right).abs() < 5e-7 * right.abs().max(1.0), "{value}, and not {right}");
    }

    #[test]
    fn surprisal_of_1_2_4_and_1_bits_is_a_perplexity_of_4() {
        let bits = |bits: f64| bits * LN_2;
        let text = text(&[("ab", bits(1.0)), ("cd", bits(2.0)), ("efg", bits(4.0)), ("h", bits(1.0))], bits(1.75));
        let measured = Surprisal::of(&text).unwrap();
        near(measured.perplexity(), 4.0);
        near(measured.per_token, 2.0 * LN_2);
        near(measured.bits_per_byte(), 1.0);
        near(measured.branching_factor(), 3.363_585_661);
        near(measured.ratio().unwrap(), 2.0 / 1.75);
        assert_eq!((measured.tokens, measured.bytes), (4, 8));
    }

    #[test]
    fn evenness_of_1_2_4_1_has_its_worked_values() {
        let Evenness { superlinear, variance, local } = Evenness::of(&[1.0, 2.0, 4.0, 1.0]).unwrap();
        near(superlinear, 2.508_817);
        near(variance, 1.5);
        near(local, 4.666_667);
        assert_eq!(Evenness::of(&[3.0]).map(|one| (one.variance, one.local)), Some((0.0, 0.0)));
    }

    #[test]
    fn of_nothing_nothing_is_said() {
        assert_eq!((Surprisal::of(&ScoredText::default()), Evenness::of(&[]), rare([])), (None, None, None));
        assert_eq!(tail_rate(&[], 1.0), 0.0);
        assert_eq!(Surprisal::of(&text(&[("a", 0.0)], 0.0)).unwrap().ratio(), None);
    }

    #[test]
    fn a_word_has_the_surprisal_of_its_tokens_and_of_the_space_before_it() {
        let text = text(&[("Once", 1.0), (" ", 0.5), ("up", 2.0), ("on", 4.0), (".", 8.0), ("\n\n", 16.0), (" a", 32.0)], 1.0);
        assert_eq!(of_words(&text), [1.0, 14.5, 48.0]);
    }

    #[test]
    fn ranks_are_shares_of_all_tokens() {
        let mut one = text(&[("a", 1.0), ("b", 1.0)], 1.0);
        (one.tokens[0].rank, one.tokens[1].rank) = (9, 100);
        let other = text(&[("c", 1.0), ("d", 1.0)], 1.0);
        assert_eq!(Ranks::over([&one, &other]), Some(Ranks { first: 0.5, ten: 0.75, hundred: 0.75 }));
        assert_eq!(Ranks::over([&ScoredText::default()]), None);
        assert_eq!(Surprisal::over([&one, &other]).unwrap().tokens, 4);
    }

    #[test]
    fn one_word_in_200_is_rare_and_noise_has_more_of_them() {
        let rare = rare((0..1000).map(f64::from)).unwrap();
        assert_eq!(rare, 994.0);
        assert_eq!(tail_rate(&(0..1000).map(f64::from).collect::<Vec<_>>(), rare), 0.005);
        assert_eq!(tail_rate(&[995.0, 2000.0, 3.0, 994.0], rare), 0.5);
    }
}
