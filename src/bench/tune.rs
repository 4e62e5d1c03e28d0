//! What width and how many threads suit a machine: the cost of a decode of n tokens, and how many looks the lazy draw needs.
//!
//! With width n, a turn that needs L looks takes ⌈L/n⌉ decodes of n tokens, and one that needs none takes one decode of one
//! token, for its token has still to be read:
//!
//! E(n) = Σ over turns of ⌈L/n⌉·c(n), or c(1) where L = 0, divided by the number of turns
//!
//! The best n is that of the smallest E, where a greater one must be worth it. A wide decode pays where c(n) hardly grows, as on a GPU; on a processor it seldom
//! does, since most turns need a single look.

use std::ops::ControlFlow;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};
use serde::Serialize;

use super::timed::Clock;
use crate::decode::{Cancel, Ended, Observer, Plan, Stories, Told, drive, each};
use crate::model::{Branch, From, Lexicon, Model, Rows, Step};
use crate::prob::Token;
use crate::sampler::{EndOfText, Reach};

/// The numbers of tokens in one decode that are measured.
pub const SIZES: [usize; 6] = [1, 2, 4, 8, 16, 32];

/// The cost of decodes with one number of threads.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Curve {
    /// The threads.
    pub threads: usize,
    /// Milliseconds for a decode of so many tokens, smallest number first.
    pub costs: Vec<(usize, f64)>,
}

/// What is best on this machine.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Advice {
    /// How many candidates to look at in one decode.
    pub width: usize,
    /// How many threads.
    pub threads: usize,
    /// Milliseconds a token that are expected with these.
    pub expected_ms_per_token: f64,
}

/// The time of one decode that reads `size` different tokens, each on its own fork behind `trunk`.
///
/// # Errors
/// A decode that failed, or not enough room for the forks.
pub fn cost(model: &mut dyn Model, trunk: Branch, size: usize, clock: Clock) -> Result<Duration> {
    // Which tokens does not matter, only that there are so many.
    let vocabulary = Token::try_from(model.lexicon().len()).context("the vocabulary is too large")?.max(1);
    let tokens: Vec<Token> = (0..vocabulary).cycle().take(size).collect();
    let fork = |token| Step { from: From::Fork(trunk), tokens: std::slice::from_ref(token), rows: Rows::Last };
    let steps: Vec<Step> = tokens.iter().map(fork).collect();
    let began = clock();
    let forks = model.extend(&steps, &mut |_, _, _| ())?;
    let time = clock().saturating_sub(began);
    for fork in forks {
        model.release(fork);
    }
    Ok(time)
}

/// How many looks each turn of a story needs, at width 1 the number of its decodes: a list with one entry a token told.
///
/// # Errors
/// A story that cannot be told.
pub fn looks(model: &mut dyn Model, plan: Plan) -> Result<Vec<usize>> {
    let lexicon = model.lexicon().clone();
    let free_ends = plan.sampler.reach() == Reach::Lazy
        && plan.sampler.chain().split().1.is_some_and(|future| future.end_of_text != EndOfText::Article);
    let mut looks = Looks { lexicon, free_ends, each: Vec::new(), failed: None };
    drive(&mut Stories::new(model, 1), 1, &mut each([plan]), &mut looks, &Cancel::new());
    match looks.failed {
        Some(cause) => Err(anyhow!(cause)),
        None => Ok(looks.each),
    }
}

/// Counts the looks of every turn.
struct Looks {
    lexicon: Lexicon,
    /// Whether what is after an end is known without a look.
    free_ends: bool,
    each: Vec<usize>,
    failed: Option<String>,
}

impl Observer for Looks {
    fn told(&mut self, _: usize, told: &Told) -> ControlFlow<()> {
        let looked = told.draw.candidates.iter().filter(|one| told.draw.skipped.is_none() && one.future.is_some());
        self.each.push(looked.filter(|one| !(self.free_ends && self.lexicon.ends(one.token))).count());
        ControlFlow::Continue(())
    }

    fn ended(&mut self, _: usize, ended: Ended) {
        self.failed = ended.completion.failure().map(str::to_owned);
    }
}

/// What must be saved, as a share of the cost, before more threads or a greater width are worth naming.
const WORTHWHILE: f64 = 0.05;

/// The width and the threads with the least expected cost, where what comes later must save 5 % of what came before it: less
/// than that is mostly chance. `None` where nothing was measured.
#[must_use]
pub fn advise(curves: &[Curve], looks: &[usize]) -> Option<Advice> {
    let mut best: Option<Advice> = None;
    for Curve { threads, costs } in curves {
        let Some(&(_, one)) = costs.first() else { continue };
        for &(width, many) in costs {
            let turn = |&looks: &usize| if looks == 0 { one } else { looks.div_ceil(width) as f64 * many };
            let expected_ms_per_token = looks.iter().map(turn).sum::<f64>() / looks.len().max(1) as f64;
            if best.is_none_or(|best| expected_ms_per_token < (1.0 - WORTHWHILE) * best.expected_ms_per_token) {
                best = Some(Advice { width, threads: *threads, expected_ms_per_token });
            }
        }
    }
    best.filter(|_| !looks.is_empty())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::bench::measure::tests::{sampler, toy};

    fn curve(threads: usize, costs: [f64; 3]) -> Curve {
        Curve { threads, costs: [1, 2, 4].into_iter().zip(costs).collect() }
    }

    #[test]
    fn where_a_batch_costs_as_much_as_its_tokens_one_look_at_a_time_is_best() {
        let advice = advise(&[curve(1, [10.0, 20.0, 40.0])], &[0, 1, 1, 3]).unwrap();
        assert_eq!((advice.width, advice.expected_ms_per_token), (1, 15.0));
    }

    #[test]
    fn where_a_batch_is_flat_the_widest_that_saves_a_decode_is_best() {
        let advice = advise(&[curve(1, [10.0, 10.0, 10.0]), curve(2, [11.0, 11.0, 11.0])], &[0, 1, 2, 3]).unwrap();
        assert_eq!((advice.width, advice.threads, advice.expected_ms_per_token), (4, 1, 10.0));
    }

    #[test]
    fn what_saves_next_to_nothing_is_not_worth_naming() {
        let advice = advise(&[curve(1, [10.0, 10.0, 9.6]), curve(2, [9.7, 9.7, 9.7])], &[1, 1, 2]).unwrap();
        assert_eq!((advice.width, advice.threads), (2, 1));
    }

    #[test]
    fn the_threads_are_those_of_the_fastest_curve() {
        let advice = advise(&[curve(1, [10.0, 18.0, 35.0]), curve(2, [6.0, 9.0, 16.0])], &[1, 2, 1]).unwrap();
        assert_eq!((advice.width, advice.threads), (1, 2));
        assert_eq!(advise(&[], &[1]), None);
    }

    #[test]
    fn the_cost_is_that_of_one_decode_on_forks_and_leaves_nothing_behind() {
        let mut model = toy();
        let trunk = Step { from: From::Root, tokens: &[1, 2, 3], rows: Rows::Last };
        let trunk = model.extend(&[trunk], &mut |_, _, _| ()).unwrap()[0];
        let ticks = Cell::new(0);
        let clock = || {
            ticks.set(ticks.get() + 1);
            Duration::from_secs(ticks.get())
        };
        assert_eq!(cost(&mut model, trunk, 8, &clock).unwrap(), Duration::from_secs(1));
        assert_eq!((model.decodes, model.evaluations, model.living()), (2, 11, 1));
    }

    #[test]
    fn the_looks_of_a_story_are_what_it_evaluates() {
        let plan = Plan::new(sampler("0", "token"), vec![1, 2, 3], 1, 30);
        let mut model = toy();
        let looks = looks(&mut model, plan).unwrap();
        // The prompt's three, and what was looked at; no turn of this story had a single survivor.
        assert!(looks.iter().all(|&looks| looks > 0));
        assert_eq!(model.evaluations, 3 + looks.iter().sum::<usize>());
    }
}
