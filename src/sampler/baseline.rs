//! How open a story usually is after a token: what an Ĥ can be measured against.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use super::stages::{Future, Horizon};
use crate::files;
use crate::model::Vocabulary;
use crate::prob::{Ceiling, FLOOR, Token};

/// The version of the form of a table; it rises when a field changes its meaning.
const FORMAT: u32 = 1;

/// An Ĥ is kept in so many parts of 1.
const PARTS: u16 = 10_000;

/// How many observations the mean of all tokens weighs, beside those of a token.
///
/// A token that was seen once says little of itself: with weight 4 its Ē is a fifth its own. The best weight is the variance within
/// tokens divided by that between them, which on gemma-3-270m is 1.3 and more for tokens that were seen seldom, whose means hold
/// chance too; 4 is on the careful side.
const SHRINKAGE: f64 = 4.0;

/// What was seen of the openness after each token of one model: a table that is measured once and known before anything is
/// looked at.
///
/// About two fifths of the variance of Ĥ over candidates is the token itself (gemma-3-270m, n = 20: .020 of .047 over 23,029 looks after
/// 2,272 tokens): after "the" everything is
/// open, after "at" nothing, and that says nothing of the story. Measured against its usual value what is left of Ĥ is what the
/// *place* opens:
///
/// ```text
/// s(w) = p(w)^a · (Ĥ'(w) / Ē(w))^b
/// Ē(w) = (Σᵢ Ĥ'ᵢ + 4·m) / (N + 4)     over the N observations of w, shrunk to the mean m of all
/// ```
///
/// Ē is the mean of just what stands above it, Ĥ' *behind the ceiling*: so the ratio of a token that is as open as it usually is
/// is 1 at every ceiling. (Ē of the bare Ĥ under the same ceiling would be larger than the mean of Ĥ' for every token that is
/// seen on both sides of it, min being concave, and would punish just those.) For that the table holds all observations and not
/// their means alone.
///
/// The wholesale factor of all Ē drops out of a draw. Since Ē(w) is known before, (1/Ē(w))^b bounds the factor of a candidate, and
/// the lazy draw stays exact.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    table: Table,
    checksum: String,
}

/// The form of a table in a file.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Written {
    format: u32,
    /// The SHA-256 of the table as JSON without spaces.
    checksum: String,
    baseline: Table,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Table {
    /// The SHA-256 of the model's file.
    model: String,
    entropy_top: usize,
    horizon: Horizon,
    /// How many tokens the vocabulary has.
    vocabulary: usize,
    /// The mean of all observations.
    mean: f64,
    /// The tokens in ascending order, each with every Ĥ that was seen after it, in ten-thousandths.
    seen: Vec<(Token, Vec<u16>)>,
}

impl Baseline {
    /// No table is longer, in bytes: some millions of observations have fewer.
    pub const LONGEST: u64 = 32 << 20;

    /// The table of these observations, each a token and the Ĥ after it, over the n likeliest tokens and to this horizon, of the
    /// model whose file has this SHA-256 and whose vocabulary has so many tokens.
    ///
    /// # Errors
    /// There is no observation, or one of a token that the vocabulary has not.
    pub fn of(
        model: &str,
        entropy_top: usize,
        horizon: Horizon,
        vocabulary: usize,
        observed: impl IntoIterator<Item = (Token, f64)>,
    ) -> Result<Self> {
        let mut seen: BTreeMap<Token, Vec<u16>> = BTreeMap::new();
        for (token, future) in observed {
            seen.entry(token).or_default().push(in_parts(future));
        }
        let mut table =
            Table { model: model.to_owned(), entropy_top, horizon, vocabulary, mean: 0.0, seen: seen.into_iter().collect() };
        table.mean = table.mean_under(Ceiling::default());
        table.check()?;
        let checksum = table.checksum()?;
        Ok(Self { table, checksum })
    }

    /// The table that stands in a file.
    ///
    /// # Errors
    /// It is none, is of a newer form, is torn or was changed; the cause is a clause without its subject.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        /// What every table begins with, in all versions of its form.
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let Head { format } = serde_json::from_slice(bytes).map_err(|_| anyhow::anyhow!("it is no table, or torn"))?;
        if format != FORMAT {
            bail!("it has the form {format}, and this program reads the form {FORMAT}");
        }
        let Written { format: _, checksum, baseline: table } =
            serde_json::from_slice(bytes).map_err(|_| anyhow::anyhow!("it is no table of what usually comes after a token"))?;
        ensure!(table.checksum()? == checksum, "it was changed: its checksum is that of another table");
        table.check()?;
        Ok(Self { table, checksum })
    }

    /// The table as it stands in a file.
    ///
    /// # Errors
    /// None that a table could bring.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        let Self { table, checksum } = self.clone();
        let written = Written { format: FORMAT, checksum, baseline: table };
        let mut text = serde_json::to_vec(&written).context("cannot write the table as JSON")?;
        text.push(b'\n');
        Ok(text)
    }

    /// Its SHA-256, by which a record knows it.
    #[must_use]
    pub fn checksum(&self) -> &str {
        &self.checksum
    }

    /// The SHA-256 of the model's file.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.table.model
    }

    /// How many observations it holds, and of how many tokens.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let seen = &self.table.seen;
        (seen.iter().map(|(_, all)| all.len()).sum(), seen.len())
    }

    /// The mean Ĥ over all observations.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.table.mean
    }

    /// The shares of Ĥ's variance that lie between tokens and within them, as variances.
    #[must_use]
    pub fn variances(&self) -> [f64; 2] {
        let (mut between, mut within, mut count) = (0.0, 0.0, 0.0);
        for (_, all) in &self.table.seen {
            let n = all.len() as f64;
            let mean = all.iter().map(|&part| of_parts(part)).sum::<f64>() / n;
            between += n * (mean - self.table.mean).powi(2);
            within += all.iter().map(|&part| (of_parts(part) - mean).powi(2)).sum::<f64>();
            count += n;
        }
        [between / count, within / count]
    }

    /// Whether it is a table for this stage and this vocabulary.
    ///
    /// # Errors
    /// It was measured otherwise.
    pub fn check(&self, future: &Future, vocabulary: &Vocabulary) -> Result<()> {
        let Table { entropy_top, horizon, vocabulary: size, .. } = &self.table;
        let (n, known) = (future.entropy_top.get(), vocabulary.len());
        ensure!(
            *entropy_top == n && *horizon == future.horizon,
            "the table of usual openness was measured over {entropy_top} tokens to the horizon {}, and `future` looks over {n} to \
             the horizon {}",
            horizon.name(),
            future.horizon.name()
        );
        ensure!(
            *size == known,
            "the table of usual openness is of a vocabulary of {size} tokens, and that of the model has {known}"
        );
        Ok(())
    }

    /// ln Ē of every token under this ceiling.
    #[must_use]
    pub fn usual(&self, ceiling: Ceiling) -> Usual {
        let mean = self.table.mean_under(ceiling);
        let shrunk = |all: &[u16]| {
            let sum: f64 = all.iter().map(|&part| ceiling.below(of_parts(part))).sum();
            (sum + SHRINKAGE * mean) / (all.len() as f64 + SHRINKAGE)
        };
        let log = |usual: f64| usual.max(FLOOR).ln();
        let of = self.table.seen.iter().map(|(token, all)| (*token, log(shrunk(all)))).collect();
        Usual { of, unseen: log(mean) }
    }
}

impl Table {
    fn mean_under(&self, ceiling: Ceiling) -> f64 {
        let all = || self.seen.iter().flat_map(|(_, all)| all);
        all().map(|&part| ceiling.below(of_parts(part))).sum::<f64>() / all().count() as f64
    }

    fn checksum(&self) -> Result<String> {
        let text = serde_json::to_vec(self).context("cannot write the table as JSON")?;
        files::sha256(&text[..]).context("cannot read the table")
    }

    /// Holds what a table must: whoever wrote it can compute a checksum too.
    fn check(&self) -> Result<()> {
        let Self { model, entropy_top, horizon: _, vocabulary, mean, seen } = self;
        ensure!(model.len() == 64 && model.bytes().all(|byte| byte.is_ascii_hexdigit()), "it names no model");
        ensure!(*entropy_top >= 2, "it was measured over {entropy_top} tokens, and there is no entropy of fewer than 2");
        ensure!(!seen.is_empty() && seen.iter().all(|(_, all)| !all.is_empty()), "nothing was seen after its tokens");
        ensure!(seen.is_sorted_by(|(one, _), (next, _)| one < next), "its tokens are out of order");
        let last = seen.last().map_or(0, |(token, _)| *token as usize);
        ensure!(last < *vocabulary, "it knows a token {last}, and a vocabulary of {vocabulary} tokens");
        let most = seen.iter().flat_map(|(_, all)| all).max();
        ensure!(most.is_none_or(|&most| most <= PARTS), "it knows an Ĥ above 1");
        ensure!((mean - self.mean_under(Ceiling::default())).abs() < 1e-9, "its mean is not that of its observations");
        Ok(())
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "Ĥ is between 0 and 1")]
fn in_parts(future: f64) -> u16 {
    (future.clamp(0.0, 1.0) * f64::from(PARTS)).round() as u16
}

fn of_parts(part: u16) -> f64 {
    f64::from(part) / f64::from(PARTS)
}

/// ln Ē of every token, for one ceiling.
#[derive(Debug, Clone, PartialEq)]
pub struct Usual {
    of: BTreeMap<Token, f64>,
    unseen: f64,
}

impl Usual {
    /// ln Ē(w), at most 0; for a token that was never seen that of all.
    #[must_use]
    pub fn log(&self, token: Token) -> f64 {
        self.of.get(&token).copied().unwrap_or(self.unseen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MODEL: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn table(observed: &[(Token, f64)]) -> Baseline {
        Baseline::of(MODEL, 20, Horizon::Token, 9, observed.iter().copied()).unwrap()
    }

    #[test]
    fn the_usual_openness_is_shrunk_to_the_mean_with_weight_4() {
        // The mean is .5. Token 3: (.9 + .7 + 4·.5) / 6 = .6; token 5: (.2 + .2 + 4·.5) / 6 = .4; token 8 was never seen.
        let table = table(&[(5, 0.2), (3, 0.9), (3, 0.7), (5, 0.2)]);
        let usual = |c: f64| {
            let usual = table.usual(Ceiling::new(c).unwrap());
            [3, 5, 8].map(|token| (usual.log(token).exp() * 1e9).round() / 1e9)
        };
        assert_eq!(usual(1.0), [0.6, 0.4, 0.5]);
        // Under a ceiling of .5 the observations are 1, 1, .4, .4, and their mean .7.
        assert_eq!(usual(0.5), [0.8, 0.6, 0.7]);
        assert_eq!((table.counts(), table.mean()), ((4, 2), 0.5));
        // Between tokens: (.3² + .3²)/2 = .09; within: (.1² + .1² + 0 + 0)/4.
        let [between, within] = table.variances();
        assert!((between - 0.09).abs() < 1e-12 && (within - 0.005).abs() < 1e-12);
    }

    #[test]
    fn a_table_is_read_back_as_it_was_written() {
        let table = table(&[(0, 0.0), (8, 1.0), (3, 0.123_449)]);
        let read = Baseline::parse(&table.to_json().unwrap()).unwrap();
        assert_eq!(read, table);
        assert_eq!(read.checksum().len(), 64);
        assert!(Baseline::of(MODEL, 20, Horizon::Token, 9, []).is_err());
        assert!(Baseline::of(MODEL, 20, Horizon::Token, 9, [(9, 0.5)]).is_err());
    }

    #[test]
    fn what_is_no_table_or_was_changed_is_refused_in_a_sentence() {
        let text = String::from_utf8(table(&[(3, 0.9), (5, 0.2)]).to_json().unwrap()).unwrap();
        // A table that lies about itself, under a checksum of its own.
        let forged = |from: &str, to: &str| {
            let mut written: Written = serde_json::from_str(&text.replacen(from, to, 1)).unwrap();
            written.checksum = written.baseline.checksum().unwrap();
            serde_json::to_string(&written).unwrap()
        };
        for (text, words) in [
            (String::new(), "it is no table, or torn"),
            (text[..60].to_owned(), "it is no table, or torn"),
            ("{\"format\":1}".to_owned(), "no table of what usually comes"),
            (text.replacen("\"format\":1", "\"format\":2", 1), "has the form 2, and this program reads the form 1"),
            (text.replacen("[9000]", "[9001]", 1), "its checksum is that of another table"),
            (forged("[9000]", "[9001]"), "its mean is not that"),
            (forged("[9000]", "[]"), "nothing was seen"),
            (forged("[9000]", "[65535]"), "an Ĥ above 1"),
            (forged("[3,", "[5,"), "out of order"),
            (forged("\"vocabulary\":9", "\"vocabulary\":5"), "knows a token 5, and a vocabulary of 5 tokens"),
            (forged("\"entropy-top\":20", "\"entropy-top\":1"), "measured over 1 tokens"),
            (forged("0123", "x123"), "names no model"),
        ] {
            let refusal = Baseline::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(refusal.contains(words), "{words}: {refusal}");
        }
    }
}
