//! Intervals over prompts: what would have come out with other prompts of the same kind.
//!
//! What is drawn again is prompts, each with all that was said of its stories: judgements of one prompt are alike, and to draw them one
//! by one would make intervals too narrow. The judges stay the same people.

use super::games::Games;
use super::strength::Strengths;
use crate::eval::statistics::{Interval, Resamples};

/// So many times are the prompts drawn.
pub const RESAMPLES: usize = 2000;

/// An interval is left out where more than this share of the resamples has no number for it.
const MOST_UNKNOWN: f64 = 0.05;

/// The strengths in every resample of the prompts, whose comparisons stand apart; none where there is one prompt or less.
pub fn resampled(prompts: &[Games], seed: u64) -> Vec<Strengths> {
    let Some(arms) = prompts.first().map(Games::arms).filter(|_| prompts.len() > 1) else { return Vec::new() };
    let strengths = |row: &[f64]| {
        let mut games = Games::new(arms);
        for (prompt, times) in prompts.iter().zip(row) {
            games.add_all(prompt, *times);
        }
        Strengths::of(&games)
    };
    Resamples::new(prompts.len(), RESAMPLES, seed).rows().map(strengths).collect()
}

/// The middle 95 % of a number that resamples have; `None` where there are none, or too many of them do not have it. An end may be
/// infinite: then so many of them had no largest or no smallest number.
pub fn interval(resamples: &[Strengths], number: impl Fn(&Strengths) -> Option<f64>) -> Option<Interval> {
    let mut numbers: Vec<f64> = resamples.iter().filter_map(number).collect();
    let unknown = (resamples.len() - numbers.len()) as f64;
    if numbers.is_empty() || unknown > MOST_UNKNOWN * resamples.len() as f64 {
        return None;
    }
    numbers.sort_by(f64::total_cmp);
    // The nearest rank: between a number and one without end there is none.
    let (tail, last) = (numbers.len() / 40, numbers.len() - 1);
    Some(Interval { low: numbers[tail], high: numbers[last - tail] })
}

#[cfg(test)]
mod tests {
    use super::super::strength::Lead;
    use super::*;
    use crate::prob::Noise;

    /// A prompt of which the first of two arms has this share of its comparisons.
    fn prompt(shares: &[f64]) -> Games {
        let mut games = Games::new(2);
        for share in shares {
            games.add(0, 1, *share);
        }
        games
    }

    #[test]
    fn one_prompt_has_no_interval() {
        assert!(resampled(&[prompt(&[1.0, 0.0])], 1).is_empty());
        assert_eq!(interval(&[], |strengths| strengths.chance(0)), None);
    }

    /// The chance of two arms is their share: 40 prompts of one comparison, 24 won, have the deviation √(0.6·0.4/40) = 0.0775.
    #[test]
    fn the_interval_of_a_share_is_that_of_its_prompts() {
        let prompts: Vec<Games> = (0..40).map(|at| prompt(&[f64::from(u8::from(at < 24))])).collect();
        let chance = interval(&resampled(&prompts, 3), |strengths| strengths.chance(0)).unwrap();
        assert!(
            (chance.low - (0.6 - 1.96 * 0.0775)).abs() < 0.03 && (chance.high - (0.6 + 1.96 * 0.0775)).abs() < 0.03,
            "{chance:?}"
        );
        // Ten judges who all say the same of each story tell no more.
        let repeated: Vec<Games> = (0..40).map(|at| prompt(&[f64::from(u8::from(at < 24)); 10])).collect();
        let again = interval(&resampled(&repeated, 3), |strengths| strengths.chance(0)).unwrap();
        assert!((again.low - chance.low).abs() < 1e-6 && (again.high - chance.high).abs() < 1e-6, "{again:?}");
    }

    #[test]
    fn an_interval_may_be_without_end() {
        // Of seven prompts one was lost: in every third resample it is missing.
        let prompts: Vec<Games> = (0..7).map(|at| prompt(&[f64::from(u8::from(at > 0))])).collect();
        let resamples = resampled(&prompts, 3);
        let lead = interval(&resamples, |strengths| strengths.lead(0, 1).number()).unwrap();
        assert!(lead.low.is_finite() && lead.high == f64::INFINITY, "{lead:?}");
        assert_eq!(serde_json::to_value(lead).unwrap()["high"], serde_json::Value::Null);
        let missing = resamples.iter().filter(|strengths| strengths.lead(0, 1) == Lead::Above).count();
        // (6/7)⁷ = 0.340, to four deviations.
        assert!((missing as f64 / RESAMPLES as f64 - 0.340).abs() < 0.043, "{missing}");
    }

    #[test]
    fn what_many_resamples_do_not_know_has_no_interval() {
        // Only the first of three prompts compares the arms: in 8 of 27 resamples it is missing.
        let prompts = [prompt(&[1.0, 0.0]), prompt(&[]), prompt(&[])];
        assert_eq!(interval(&resampled(&prompts, 3), |strengths| strengths.chance(0)), None);
    }

    /// 95 of 100 intervals of 60 prompts hold the true chance; 87 or more do with a chance of 99.9 %, if they are a little narrow too.
    #[test]
    fn nearly_all_intervals_hold_the_truth() {
        let holds = (0..100).filter(|&seed| {
            let coins = Noise::new(seed, &[]).at(0, 1);
            let prompts: Vec<Games> = (0..60).map(|at| prompt(&[f64::from(u8::from(coins.uniform(at) < 0.65))])).collect();
            {
                let chance = interval(&resampled(&prompts, 1), |strengths| strengths.chance(0)).unwrap();
                !chance.is_above(0.65) && !chance.is_below(0.65)
            }
        });
        let count = holds.count();
        assert!((87..=99).contains(&count), "{count}");
    }
}
