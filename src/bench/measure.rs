//! What is measured, in which order, and how.

use std::cell::Cell;
use std::time::Duration;

use anyhow::Result;

use super::mode::{Mode, Samplers};
use super::timed::{Clock, Spent, Timed};
use super::trial::{Stopwatch, bare, one_by_one, together, too_short};
use crate::decode::{Plan, Stories};
use crate::model::Model;
use crate::prob::Token;

/// How often stories may end over their first token before the measurement is given up.
const MOST_STILLBORN: usize = 100;

/// What is to be measured.
#[derive(Debug, Clone)]
pub struct Bench {
    /// The samplers of the modes.
    pub samplers: Samplers,
    /// The modes, in the order in which they take their turns.
    pub modes: Vec<Mode>,
    /// How many stories are told at once: each number is a measurement of its own.
    pub stories: Vec<usize>,
    /// How often everything is measured.
    pub runs: usize,
    /// The prompts, which the stories share out among themselves; at least one, none empty.
    pub prompts: Vec<Vec<Token>>,
    /// Tokens that each story tells in one measurement, on average over the stories.
    pub tokens: usize,
    /// How many candidates of a story are looked at in one decode.
    pub width: usize,
    /// The seed of the first story.
    pub seed: u64,
}

/// One measurement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Job {
    /// How the stories are told.
    pub mode: Mode,
    /// How many are told at once.
    pub stories: usize,
    /// The number of the run, from 0. The jobs of one run tell the same stories.
    pub run: usize,
}

/// What one measurement came to. The reading of prompts has no part in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Measure {
    /// Tokens told, over all stories.
    pub tokens: usize,
    /// Time from the first of them to the last.
    pub time: Duration,
    /// What the model was asked for, and the time in it.
    pub spent: Spent,
}

impl Bench {
    /// All measurements. The modes take turns, run after run, so that a machine that becomes slower does so for all of them.
    #[must_use]
    pub fn jobs(&self) -> Vec<Job> {
        let mut jobs = Vec::new();
        for run in 0..self.runs {
            for &stories in &self.stories {
                jobs.extend(self.modes.iter().map(|&mode| Job { mode, stories, run }));
            }
        }
        jobs
    }

    /// The cells and branches that every job finds enough.
    #[must_use]
    pub fn room(&self) -> (usize, usize) {
        self.needs().fold((1, 1), |room, (_, needed)| (room.0.max(needed.0), room.1.max(needed.1)))
    }

    /// The mode that takes the most branches; `None` where nothing is measured.
    #[must_use]
    pub fn widest(&self) -> Option<Mode> {
        self.needs().max_by_key(|(_, (_, branches))| *branches).map(|(job, _)| job.mode)
    }

    /// The cells and branches of every job of a run.
    fn needs(&self) -> impl Iterator<Item = (Job, (usize, usize))> {
        self.jobs().into_iter().filter(|job| job.run == 0).map(|job| {
            let (cells, branches) = Stories::room_for(&self.plans(job, 0, 0..self.prompts.len()), self.width);
            // Stories beyond the prompts share them, and a branch more keeps each prompt that is shared.
            let kept = job.stories.saturating_sub(self.prompts.len()).min(self.prompts.len());
            (job, (cells * job.stories, branches * job.stories + kept))
        })
    }

    /// The longest text, in tokens, prompt and story together.
    #[must_use]
    pub fn longest(&self) -> usize {
        self.prompts.iter().map(Vec::len).max().unwrap_or_default() + self.quota()
    }

    /// Does one of the jobs on a model that holds no branch. `go_on` hears how many tokens were told since it was last asked,
    /// and stops the measurement by returning false; then there is no result.
    ///
    /// # Errors
    /// Not enough [`room`](Bench::room), a decode that failed, a sampler that does not fit the vocabulary, or stories that
    /// end as soon as they begin.
    pub fn measure(
        &self,
        job: Job,
        model: &mut dyn Model,
        clock: Clock,
        go_on: &mut dyn FnMut(usize) -> bool,
    ) -> Result<Option<Measure>> {
        let spent = Cell::new(Spent::default());
        let mut model = Timed::new(model, clock, &spent);
        let mut watch = Stopwatch::new(clock, &spent, self.tokens * job.stories, go_on);
        for number in 0.. {
            let plans = self.plans(job, number, 0..job.stories);
            match job.mode {
                Mode::Bare => bare(&mut model, &plans, &mut watch)?,
                Mode::Naive => one_by_one(&mut model, &plans, &mut watch)?,
                Mode::Plain | Mode::Voice | Mode::Batch | Mode::Lazy | Mode::Wave | Mode::Word => {
                    together(&mut model, self.width, plans, &mut watch)?;
                }
            }
            if watch.stopped {
                return Ok(None);
            }
            if watch.is_done() {
                break;
            }
            if number > MOST_STILLBORN && watch.measure.tokens == 0 {
                return Err(too_short(job.mode));
            }
        }
        Ok(Some(watch.measure))
    }

    /// The stories of a trial. Seeds and prompts depend on run, trial and place alone: all modes tell the same ones.
    fn plans(&self, job: Job, trial: usize, places: std::ops::Range<usize>) -> Vec<Plan> {
        let sampler = self.samplers.of(job.mode).or(self.samplers.of(Mode::Plain));
        let plan = |place: usize| {
            let prompt = &self.prompts[(job.run * job.stories + trial + place) % self.prompts.len()];
            let seed = self.seed.wrapping_add(((job.run as u64) << 40) + ((trial as u64) << 20) + place as u64);
            // What is measured is as long as it was asked for.
            Some(Plan::new(sampler?.clone(), prompt.clone(), seed, self.quota()))
        };
        places.filter_map(plan).collect()
    }

    /// Tokens that a story may tell: some more than on average, for not all stories of a trial are equally fast.
    fn quota(&self) -> usize {
        self.tokens + self.tokens / 4 + 16
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::{Kind, Toy, Vocabulary};
    use crate::prob::Noise;
    use crate::sampler::{Chain, Horizon, Pick, Sampler, Stage};

    const V: Token = 14;

    /// A model of pseudo-random rows, in which one token of many ends a story.
    #[allow(clippy::cast_possible_truncation)]
    pub fn toy() -> Toy {
        let vocabulary = Vocabulary::new((0..V).map(|t| match t {
            13 => ("</s>".to_string(), Kind::End),
            _ if t.is_multiple_of(3) => (format!("{t}"), Kind::Text),
            _ => (format!(" w{t}"), Kind::Text),
        }));
        Toy::new(vocabulary, |text| {
            let noise = Noise::new(5, text).at(0, 0);
            (0..V).map(|token| (noise.uniform(token) * 4.0) as f32 - if token == 13 { 1.0 } else { 0.0 }).collect()
        })
    }

    /// A chain with min-p, `future` and temperature.
    pub fn sampler(alpha: &str, horizon: &str) -> Sampler {
        let future = format!("future = {{ candidates = 8, entropy-top = 5, alpha = {alpha}, horizon = '{horizon}' }}");
        let stages = ["min-p = 0.05", &future, "temperature = 0.9"].map(|stage| toml::from_str::<Stage>(stage).unwrap());
        Sampler::new(Chain::new(stages.to_vec()).unwrap(), Pick::Sample)
    }

    fn bench() -> Bench {
        let wave = sampler("{ wave = { period = 20 } }", "token");
        Bench {
            samplers: Samplers::new(&sampler("0", "token"), Pick::Sample, wave).unwrap(),
            modes: Mode::ALL.to_vec(),
            stories: vec![1, 3],
            runs: 2,
            prompts: vec![vec![1, 2, 3], vec![4, 5]],
            tokens: 40,
            width: 1,
            seed: 7,
        }
    }

    /// Measures on a clock that stands still.
    fn measure(bench: &Bench, mode: Mode, stories: usize) -> Measure {
        let (cells, branches) = bench.room();
        let mut model = toy().with_room(crate::model::Room { cells, branches, batch: 512 });
        let job = Job { mode, stories, run: 0 };
        let measured = bench.measure(job, &mut model, &|| Duration::ZERO, &mut |_| true).unwrap().unwrap();
        assert_eq!(model.living(), 0, "{mode}: a branch has leaked");
        measured
    }

    #[test]
    fn the_modes_take_turns() {
        let order: Vec<(usize, usize, Mode)> = bench().jobs().iter().map(|job| (job.run, job.stories, job.mode)).collect();
        assert_eq!(order.len(), 2 * 2 * 8);
        assert_eq!(order[..2], [(0, 1, Mode::Bare), (0, 1, Mode::Plain)]);
        assert_eq!((order[8], order[16]), ((0, 3, Mode::Bare), (1, 1, Mode::Bare)));
    }

    #[test]
    fn every_mode_tells_its_tokens_whatever_ends_between() {
        for mode in Mode::ALL {
            for stories in [1, 3] {
                let told = measure(&bench(), mode, stories).tokens;
                // A last round tells what it tells; a word that was rolled to its end comes at once.
                assert!((40 * stories..(40 + Horizon::CAP) * stories).contains(&told), "{mode}, {stories}: {told}");
            }
        }
    }

    #[test]
    fn what_looks_at_nothing_costs_one_evaluation_a_token_and_shares_its_decodes() {
        for mode in [Mode::Bare, Mode::Plain, Mode::Voice] {
            let alone = measure(&bench(), mode, 1);
            assert_eq!((alone.spent.evaluations, alone.spent.decodes), (alone.tokens, alone.tokens), "{mode}");
            let shared = measure(&bench(), mode, 3);
            assert_eq!((shared.spent.evaluations, 3 * shared.spent.decodes), (shared.tokens, shared.tokens), "{mode}");
        }
    }

    #[test]
    fn lazy_evaluates_least_and_naive_once_more_than_batch() {
        // The toy of these tests seldom ends its stories, and never where all modes tell a single trial.
        let [lazy, batch, naive] = [Mode::Lazy, Mode::Batch, Mode::Naive].map(|mode| measure(&bench(), mode, 1));
        let each = |measure: Measure| measure.spent.evaluations as f64 / measure.tokens as f64;
        assert!(each(lazy) < each(batch) && each(batch) < each(naive), "{lazy:?} {batch:?} {naive:?}");
        assert_eq!(naive.spent.decodes, naive.spent.evaluations);
        assert!(batch.spent.decodes <= batch.tokens + 1);
    }

    #[test]
    fn whoever_listens_can_stop_it() {
        let (bench, mut model, mut heard) = (bench(), toy(), 0);
        let job = Job { mode: Mode::Lazy, stories: 1, run: 0 };
        let mut go_on = |told| {
            heard += told;
            heard < 5
        };
        assert_eq!(bench.measure(job, &mut model, &|| Duration::ZERO, &mut go_on).unwrap(), None);
        assert_eq!((heard, model.living()), (5, 0));
    }

    #[test]
    fn stories_that_end_at_once_cannot_be_measured() {
        let vocabulary = toy().vocabulary().clone();
        let only_end = |_: &[Token]| (0..V).map(|t| if t == 13 { 0.0 } else { f32::NEG_INFINITY }).collect();
        let mut model = Toy::new(vocabulary, only_end);
        let job = Job { mode: Mode::Plain, stories: 1, run: 0 };
        let refused = bench().measure(job, &mut model, &|| Duration::ZERO, &mut |_| true).unwrap_err();
        assert!(refused.to_string().contains("end as soon as they begin"));
    }
}
