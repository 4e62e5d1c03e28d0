//! Measurements as a table: one row for each mode and number of stories.

use serde::Serialize;

use super::measure::{Job, Measure};
use super::mode::Mode;

/// What a mode costs. Times are medians over the runs; counts are over all of them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Row {
    /// How the stories were told.
    pub mode: Mode,
    /// How many at once.
    pub stories: usize,
    /// Tokens told in a second, over all stories.
    pub tokens_per_second: f64,
    /// Rows of logits computed for a token.
    pub evaluations_per_token: f64,
    /// Decodes for a token; stories that are told together share them.
    pub decodes_per_token: f64,
    /// Milliseconds a token outside the model: decisions, rows copied, text.
    pub outside_decode_ms_per_token: f64,
    /// Milliseconds a token in the model.
    pub decode_ms_per_token: f64,
    /// How many times slower than `plain` of the same run; `None` where that was not measured.
    pub slowdown_vs_plain: Option<f64>,
    /// How many times faster than `naive` of the same run; `None` where that was not measured.
    pub speedup_vs_naive: Option<f64>,
}

/// The rows of these measurements, in the order in which their modes first occur.
///
/// Ratios are taken within a run, where both sides have met the same machine, and their median is told. So they need not be
/// the ratios of the medians.
#[must_use]
pub fn rows(measured: &[(Job, Measure)]) -> Vec<Row> {
    let mut kinds: Vec<(usize, Mode)> = Vec::new();
    for (job, _) in measured {
        if !kinds.contains(&(job.stories, job.mode)) {
            kinds.push((job.stories, job.mode));
        }
    }
    kinds.into_iter().map(|(stories, mode)| row(measured, mode, stories)).collect()
}

fn row(measured: &[(Job, Measure)], mode: Mode, stories: usize) -> Row {
    let mine: Vec<(Job, Measure)> =
        measured.iter().copied().filter(|(job, _)| job.mode == mode && job.stories == stories).collect();
    let sum = |count: fn(Measure) -> usize| mine.iter().map(|(_, measure)| count(*measure)).sum::<usize>() as f64;
    let tokens = sum(|measure| measure.tokens).max(1.0);
    let middle = |value: fn(Measure) -> f64| median(mine.iter().map(|(_, measure)| value(*measure)).collect()).unwrap_or(0.0);
    // This mode's tokens a second over those of another.
    let against = |other: Mode| {
        let ratio = |(job, measure): &(Job, Measure)| {
            let same = |(one, _): &&(Job, Measure)| *one == Job { mode: other, ..*job };
            Some(rate(*measure) / rate(measured.iter().find(same)?.1))
        };
        median(mine.iter().filter_map(ratio).collect())
    };
    Row {
        mode,
        stories,
        tokens_per_second: middle(rate),
        evaluations_per_token: sum(|measure| measure.spent.evaluations) / tokens,
        decodes_per_token: sum(|measure| measure.spent.decodes) / tokens,
        outside_decode_ms_per_token: middle(|measure| each(measure, measure.time.saturating_sub(measure.spent.time))),
        decode_ms_per_token: middle(|measure| each(measure, measure.spent.time)),
        slowdown_vs_plain: against(Mode::Plain).map(f64::recip),
        speedup_vs_naive: against(Mode::Naive),
    }
}

/// Tokens a second.
fn rate(measure: Measure) -> f64 {
    measure.tokens as f64 / measure.time.as_secs_f64().max(1e-9)
}

/// Milliseconds a token.
fn each(measure: Measure, time: std::time::Duration) -> f64 {
    1e3 * time.as_secs_f64() / measure.tokens.max(1) as f64
}

/// The middle value, of an even number the mean of the two in the middle; `None` of nothing.
#[must_use]
pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let above = *values.get(middle)?;
    Some(if values.len().is_multiple_of(2) { f64::midpoint(values[middle - 1], above) } else { above })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::bench::Spent;

    fn measured(mode: Mode, run: usize, milliseconds: u64) -> (Job, Measure) {
        let spent = Spent { decodes: 20, evaluations: 15, time: Duration::from_millis(milliseconds / 2) };
        (Job { mode, stories: 1, run }, Measure { tokens: 10, time: Duration::from_millis(milliseconds), spent })
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(vec![4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(Vec::new()), None);
    }

    #[test]
    fn a_row_holds_medians_and_ratios_within_a_run() {
        // The machine is twice as slow in the second run, for both.
        let table = rows(&[
            measured(Mode::Plain, 0, 100),
            measured(Mode::Lazy, 0, 150),
            measured(Mode::Plain, 1, 200),
            measured(Mode::Lazy, 1, 300),
        ]);
        assert_eq!(table.iter().map(|row| row.mode).collect::<Vec<_>>(), [Mode::Plain, Mode::Lazy]);
        let lazy = &table[1];
        assert!((lazy.slowdown_vs_plain.unwrap() - 1.5).abs() < 1e-9);
        assert_eq!(lazy.speedup_vs_naive, None);
        assert_eq!((lazy.evaluations_per_token, lazy.decodes_per_token), (1.5, 2.0));
        assert!((lazy.decode_ms_per_token - 11.25).abs() < 1e-9 && (lazy.outside_decode_ms_per_token - 11.25).abs() < 1e-9);
        assert!((lazy.tokens_per_second - 50.0).abs() < 1e-9, "{}", lazy.tokens_per_second);
    }
}
