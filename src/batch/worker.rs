//! Stories told together in one memory: as many at once as there are streams, and one that ends makes room for the next.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::decode::{Cancel, Completion, Counts, Ended, Next, Observer, Plan, Stories, Told, drive};
use crate::model::Model;
use crate::sampler::Draw;
use crate::story::StopReason;

/// What happened, to the story with this number of the caller's.
#[derive(Debug)]
pub enum Heard {
    /// Its prompt is being read.
    Began(usize),
    /// A token was told; so much it has cost.
    Told(usize, Counts),
    /// It ended, or could not go on.
    Finished(Box<Finished>),
}

/// A story at its end.
#[derive(Debug)]
pub struct Finished {
    /// The caller's number.
    pub number: usize,
    /// What was asked for.
    pub plan: Plan,
    /// What was told.
    pub told: Completion,
    /// The decisions, where they are kept.
    pub draws: Vec<Draw>,
}

/// How stories are told in a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Stories that are told at once, at least 1.
    pub streams: usize,
    /// Candidates of a story that are looked at in one decode.
    pub width: usize,
    /// Whether decisions are kept: they are large.
    pub keeps_draws: bool,
}

/// Tells the stories that `next` hands out, until there is none or `cancel` is set; what is on its way then is not heard of
/// again. A story that cannot begin or go on has failed, and the others go on.
///
/// Which stories run beside each other depends on nothing but their order and lengths.
pub fn tell(
    model: &mut dyn Model,
    pace: Pace,
    next: &mut dyn FnMut() -> Option<(usize, Plan)>,
    cancel: &Cancel,
    hear: &mut dyn FnMut(Heard),
) {
    let mut source = |_| next().map_or(Next::Never, |(number, plan)| Next::Story(number, plan));
    let mut worker = Worker { keeps_draws: pace.keeps_draws, draws: BTreeMap::new(), hear };
    drive(&mut Stories::new(model, pace.width), pace.streams, &mut source, &mut worker, cancel);
}

/// Keeps what is to be kept of the stories on their way.
struct Worker<'h> {
    keeps_draws: bool,
    draws: BTreeMap<usize, Vec<Draw>>,
    hear: &'h mut dyn FnMut(Heard),
}

impl Observer for Worker<'_> {
    fn began(&mut self, story: usize) {
        (self.hear)(Heard::Began(story));
    }

    fn told(&mut self, story: usize, told: &Told) -> ControlFlow<()> {
        if self.keeps_draws {
            self.draws.entry(story).or_default().push(told.draw.clone());
        }
        (self.hear)(Heard::Told(story, told.counts));
        ControlFlow::Continue(())
    }

    fn ended(&mut self, number: usize, ended: Ended) {
        let Ended { plan, completion: told, .. } = ended;
        let draws = self.draws.remove(&number).unwrap_or_default();
        if told.stop != StopReason::Interrupted {
            (self.hear)(Heard::Finished(Box::new(Finished { number, plan, told, draws })));
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::model::{Kind, Lexicon, Toy};
    use crate::prob::Token;
    use crate::sampler::{Chain, Pick, Sampler};

    /// A model of three letters, and of rows that depend on the whole text.
    pub fn toy() -> Toy {
        let lexicon = Lexicon::new(["a", "b", "c"].map(|piece| (piece, Kind::Text)));
        Toy::new(lexicon, |text| {
            let sum: Token = text.iter().sum();
            (0_u8..3).map(|token| f32::from(token) * ((sum as usize + text.len()) % 3) as f32).collect()
        })
    }

    pub fn plan(prompt: &[Token], seed: u64, tokens: usize) -> Plan {
        let sampler = Sampler::new(Chain::new(Vec::new()).unwrap(), Pick::Sample);
        Plan { context: 100, ..Plan::new(sampler, prompt.to_vec(), seed, tokens) }
    }

    /// Tells these stories, until so many tokens are told over all.
    fn told(streams: usize, plans: Vec<Plan>, most: usize) -> Vec<Finished> {
        let mut toy = toy();
        let mut plans = plans.into_iter().enumerate();
        let (mut finished, mut tokens, cancel) = (Vec::new(), 0, Cancel::new());
        let mut hear = |heard| match heard {
            Heard::Began(_) => {}
            Heard::Told(..) => {
                tokens += 1;
                if tokens == most {
                    cancel.cancel();
                }
            }
            Heard::Finished(one) => finished.push(*one),
        };
        let pace = Pace { streams, width: 1, keeps_draws: false };
        tell(&mut toy, pace, &mut || plans.next(), &cancel, &mut hear);
        assert_eq!(toy.living(), 0);
        finished
    }

    #[test]
    fn every_story_is_told_once_whatever_the_number_of_streams() {
        let plans: Vec<Plan> = (0..20).map(|seed: u8| plan(&[1, 2], seed.into(), 3 + usize::from(seed) % 5)).collect();
        let mut alone = told(1, plans.clone(), usize::MAX);
        alone.sort_by_key(|one| one.number);
        for streams in [2, 7, 50] {
            let mut together = told(streams, plans.clone(), usize::MAX);
            together.sort_by_key(|one| one.number);
            assert_eq!(together.len(), 20);
            for (one, other) in together.iter().zip(&alone) {
                assert_eq!((one.number, &one.told), (other.number, &other.told));
                assert_eq!(one.told.stop, StopReason::Tokens);
            }
        }
    }

    #[test]
    fn a_story_that_ends_makes_room_at_once() {
        // The first is long; seven short ones pass beside it in the second stream.
        let plans = std::iter::once(plan(&[1], 0, 30)).chain((1..8).map(|seed| plan(&[1], seed, 4))).collect();
        let numbers: Vec<usize> = told(2, plans, usize::MAX).iter().map(|one| one.number).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 0]);
    }

    #[test]
    fn a_story_that_cannot_begin_disturbs_no_other() {
        let finished = told(2, vec![plan(&[1], 1, 4), plan(&[], 1, 4), plan(&[1], 2, 4)], usize::MAX);
        let failed: Vec<(usize, bool)> = finished.iter().map(|one| (one.number, one.told.failure().is_some())).collect();
        assert_eq!(failed, [(1, true), (0, false), (2, false)]);
    }

    #[test]
    fn who_stops_hears_nothing_more_of_what_was_on_its_way() {
        let plans = (0..6).map(|seed| plan(&[1], seed, 10)).collect();
        // Ten tokens take ten rounds: two stories are whole, two on their way.
        assert_eq!(told(2, plans, 30).len(), 2);
    }
}
