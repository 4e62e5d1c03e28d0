//! Stories told together in one memory: as many at once as there are streams, and one that ends makes room for the next.

use std::collections::BTreeMap;

use anyhow::{Result, anyhow};

use crate::decode::{Counts, Event, Plan, Stories, Told};
use crate::model::Model;
use crate::sampler::Draw;

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
    pub told: Told,
    /// The sum of the log-probabilities of its tokens, the model's own, in nats.
    pub log_p: f64,
    /// The decisions, where they are kept.
    pub draws: Vec<Draw>,
    /// Why it could not go on.
    pub failed: Option<anyhow::Error>,
}

/// How stories are told in a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// Stories that are told at once, at least 1.
    pub streams: usize,
    /// Candidates of a story that are looked at in one decode.
    pub width: usize,
    /// Whether decisions are kept: they are large.
    pub keeps_draws: bool,
}

/// A story on its way.
struct Running {
    number: usize,
    plan: Plan,
    log_p: f64,
    draws: Vec<Draw>,
    failed: Option<anyhow::Error>,
    ended: bool,
}

/// Tells the stories that `next` hands out, until there is none or `stop` says so; what is on its way then is not heard of
/// again. A story that cannot begin or go on has failed, and the others go on.
///
/// Which stories run beside each other depends on nothing but their order and lengths.
///
/// # Errors
/// No story can go on, for want of room.
pub fn tell(
    model: &mut dyn Model,
    pace: Pace,
    next: &mut dyn FnMut() -> Option<(usize, Plan)>,
    stop: &dyn Fn() -> bool,
    hear: &mut dyn FnMut(Heard),
) -> Result<()> {
    let mut stories = Stories::new(model, pace.width);
    let mut running: BTreeMap<usize, Running> = BTreeMap::new();
    let mut more = true;
    loop {
        if stop() {
            // What is on its way gives its room back.
            drop(stories.finish());
            return Ok(());
        }
        while more && running.len() < pace.streams.max(1) {
            let Some((number, plan)) = next() else {
                more = false;
                break;
            };
            hear(Heard::Began(number));
            match stories.begin(plan.clone()) {
                Ok(story) => {
                    let (draws, failed) = (Vec::new(), None);
                    running.insert(story, Running { number, plan, log_p: 0.0, draws, failed, ended: false });
                }
                Err(error) => hear(Heard::Finished(Box::new(unbegun(number, plan, error)))),
            }
        }
        if running.is_empty() {
            return Ok(());
        }
        stories.round(&mut |event| match event {
            Event::Read { .. } => {}
            Event::Told { story, draw, counts, .. } => {
                let Some(one) = running.get_mut(&story) else { return };
                one.log_p += draw.log_p;
                if pace.keeps_draws {
                    one.draws.push(draw.clone());
                }
                hear(Heard::Told(one.number, counts));
            }
            Event::Ended { story, .. } => {
                if let Some(one) = running.get_mut(&story) {
                    one.ended = true;
                }
            }
            Event::Failed { story, error, .. } => {
                if let Some(one) = running.get_mut(&story) {
                    (one.ended, one.failed) = (true, Some(error));
                }
            }
        })?;
        let ended: Vec<usize> = running.iter().filter(|(_, one)| one.ended).map(|(story, _)| *story).collect();
        for story in ended {
            let Some(one) = running.remove(&story) else { continue };
            let Running { number, plan, log_p, draws, failed, ended: _ } = one;
            let told = stories.take(story).ok_or_else(|| anyhow!("a story that ended goes on"))?;
            hear(Heard::Finished(Box::new(Finished { number, plan, told, log_p, draws, failed })));
        }
    }
}

/// A story without a word.
fn unbegun(number: usize, plan: Plan, error: anyhow::Error) -> Finished {
    let counts = Counts { prompt: plan.prompt.len(), ..Counts::default() };
    let told = Told { tokens: Vec::new(), text: String::new(), stop: None, counts };
    Finished { number, plan, told, log_p: 0.0, draws: Vec::new(), failed: Some(error) }
}

#[cfg(test)]
pub(super) mod tests {
    use std::cell::RefCell;

    use super::*;
    use crate::model::{Kind, Lexicon, Toy};
    use crate::prob::Token;
    use crate::sampler::{Chain, Pick, Sampler};
    use crate::story::StopReason;

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
        Plan { sampler, prompt: prompt.to_vec(), seed, tokens, context: 100, slides: false, may_loop: true, stops: Vec::new() }
    }

    fn told(streams: usize, plans: Vec<Plan>, stop: impl Fn(usize) -> bool) -> Vec<Finished> {
        let mut toy = toy();
        let mut plans = plans.into_iter().enumerate();
        let (mut finished, rounds) = (Vec::new(), RefCell::new(0));
        let mut hear = |heard| {
            if let Heard::Finished(one) = heard {
                finished.push(*one);
            }
        };
        let stop = || {
            *rounds.borrow_mut() += 1;
            stop(*rounds.borrow())
        };
        let pace = Pace { streams, width: 1, keeps_draws: false };
        tell(&mut toy, pace, &mut || plans.next(), &stop, &mut hear).unwrap();
        assert_eq!(toy.living(), 0);
        finished
    }

    #[test]
    fn every_story_is_told_once_whatever_the_number_of_streams() {
        let plans: Vec<Plan> = (0..20).map(|seed: u8| plan(&[1, 2], seed.into(), 3 + usize::from(seed) % 5)).collect();
        let mut alone = told(1, plans.clone(), |_| false);
        alone.sort_by_key(|one| one.number);
        for streams in [2, 7, 50] {
            let mut together = told(streams, plans.clone(), |_| false);
            together.sort_by_key(|one| one.number);
            assert_eq!(together.len(), 20);
            for (one, other) in together.iter().zip(&alone) {
                assert_eq!((one.number, &one.told.tokens, one.log_p), (other.number, &other.told.tokens, other.log_p));
                assert_eq!(one.told.stop, Some(StopReason::Tokens));
            }
        }
    }

    #[test]
    fn a_story_that_ends_makes_room_at_once() {
        // The first is long; seven short ones pass beside it in the second stream.
        let plans = std::iter::once(plan(&[1], 0, 30)).chain((1..8).map(|seed| plan(&[1], seed, 4))).collect();
        let numbers: Vec<usize> = told(2, plans, |_| false).iter().map(|one| one.number).collect();
        assert_eq!(numbers, [1, 2, 3, 4, 5, 6, 7, 0]);
    }

    #[test]
    fn a_story_that_cannot_begin_disturbs_no_other() {
        let finished = told(2, vec![plan(&[1], 1, 4), plan(&[], 1, 4), plan(&[1], 2, 4)], |_| false);
        let failed: Vec<(usize, bool)> = finished.iter().map(|one| (one.number, one.failed.is_some())).collect();
        assert_eq!(failed, [(1, true), (0, false), (2, false)]);
    }

    #[test]
    fn who_stops_hears_nothing_more_of_what_was_on_its_way() {
        let plans = (0..6).map(|seed| plan(&[1], seed, 10)).collect();
        // Ten tokens take ten rounds: two stories are whole, two on their way.
        assert_eq!(told(2, plans, |rounds| rounds > 15).len(), 2);
    }
}
