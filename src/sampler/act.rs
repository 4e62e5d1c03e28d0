//! Stages made ready for one moment of one story, and run.

use super::chain::{Pick, Stage};
use super::draw::{Removed, Watched};
use super::memory::Memory;
use crate::model::Lexicon;
use crate::prob::{Probability, StepNoise, Survivors, Temperature, Token};

/// What a stage does at this moment: whatever it reads of the story has been read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Act {
    stage: &'static str,
    does: Does,
}

#[derive(Debug, Clone, PartialEq)]
enum Does {
    Penalise(Vec<(Token, f64)>),
    TopK(usize),
    TopP(Probability),
    MinP(Probability),
    Temperature(Temperature),
}

impl Act {
    /// The acts of these stages, `future` left out: it is no act but a contest.
    pub(super) fn all(stages: &[Stage], memory: &Memory, lexicon: &Lexicon) -> Vec<Self> {
        let act = |stage: &Stage| {
            let does = match stage {
                Stage::Dry(dry) => {
                    let breakers: Vec<&[u8]> = dry.breakers.iter().map(String::as_bytes).filter(|b| !b.is_empty()).collect();
                    let breaks = |token| breakers.iter().any(|breaker| holds(lexicon.piece(token), breaker));
                    Does::Penalise(dry.penalties(memory.text(), breaks).into_iter().collect())
                }
                Stage::TopK(k) => Does::TopK(k.get()),
                Stage::TopP(p) => Does::TopP(*p),
                Stage::MinP(share) => Does::MinP(*share),
                Stage::Temperature(t) => Does::Temperature(*t),
                Stage::Future(_) => return None,
            };
            Some(Self { stage: stage.name(), does })
        };
        stages.iter().filter_map(act).collect()
    }

    fn run(&self, survivors: &mut Survivors) {
        match &self.does {
            Does::Penalise(penalties) => survivors.penalise(penalties.iter().copied()),
            Does::TopK(k) => survivors.top_k(*k),
            Does::TopP(p) => survivors.top_p(*p),
            Does::MinP(share) => survivors.min_p(*share),
            Does::Temperature(t) => survivors.temperature(*t),
        }
    }
}

/// Runs the acts in their order and tells what each removed; `watched` are the tokens whose fate is told by name.
pub(super) fn run(acts: &[Act], survivors: &mut Survivors, watched: &[Watched]) -> Vec<Removed> {
    let run_one = |act: &Act| removing(act.stage, survivors, watched, |survivors| act.run(survivors));
    acts.iter().map(run_one).collect()
}

/// Does one thing to the survivors and tells what it removed.
pub(super) fn removing(
    stage: &'static str,
    survivors: &mut Survivors,
    watched: &[Watched],
    does: impl FnOnce(&mut Survivors),
) -> Removed {
    let before = survivors.len();
    let standing: Vec<Watched> = watched.iter().copied().filter(|one| survivors.holds(one.token)).collect();
    does(survivors);
    let likeliest = standing.into_iter().filter(|one| !survivors.holds(one.token)).collect();
    Removed { stage, count: before - survivors.len(), likeliest }
}

/// Picks one of the survivors.
pub(super) fn pick(pick: Pick, survivors: &Survivors, noise: StepNoise) -> Token {
    let likeliest = survivors.likeliest().token;
    match pick {
        Pick::Argmax => likeliest,
        // Every logit is finite, so there always is a largest.
        Pick::Sample => noise.largest(survivors.iter().map(|s| (s.token, s.logit))).unwrap_or(likeliest),
    }
}

fn holds(piece: &[u8], part: &[u8]) -> bool {
    piece.windows(part.len()).any(|window| window == part)
}
