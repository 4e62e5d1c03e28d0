//! Stages made ready for one moment of one story, and run.

use super::chain::{Pick, Stage};
use super::draw::{Removed, Watched};
use super::memory::Memory;
use crate::model::Lexicon;
use crate::prob::{Place, Probability, Ranked, StepNoise, Survivors, Temperature, Token};

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
    pub(super) fn all(stages: &[Stage], memory: &Memory, place: &Place, lexicon: &Lexicon) -> Vec<Self> {
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
                Stage::Temperature(t) => Does::Temperature(t.at(place)),
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

/// A logit below which no token outlives these acts, and which of the acts is the one that cuts them: where penalties, which
/// only lower, are followed by a min-p. `likeliest` are the likeliest tokens that may be taken, with their logits.
///
/// The likeliest one without a penalty keeps its logit, so min-p will cut at least what is below its share of that.
pub(super) fn floor(acts: &[Act], likeliest: impl IntoIterator<Item = Ranked>) -> Option<(f64, usize)> {
    let at = acts.iter().position(|act| !matches!(act.does, Does::Penalise(_)))?;
    let Does::MinP(share) = &acts[at].does else { return None };
    let punished = |token: Token| {
        acts[..at].iter().any(|act| match &act.does {
            Does::Penalise(penalties) => penalties.iter().any(|(punished, _)| *punished == token),
            Does::TopK(_) | Does::TopP(_) | Does::MinP(_) | Does::Temperature(_) => false,
        })
    };
    let highest = likeliest.into_iter().find(|ranked| !punished(ranked.token))?;
    Some((f64::from(highest.logit) + share.get().ln(), at))
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
    let likeliest = || survivors.likeliest().token;
    match pick {
        Pick::Argmax => likeliest(),
        // Every logit is finite, so there always is a largest.
        Pick::Sample => noise.largest(survivors.iter().map(|s| (s.token, s.logit))).unwrap_or_else(likeliest),
    }
}

fn holds(piece: &[u8], part: &[u8]) -> bool {
    piece.windows(part.len()).any(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn act(does: Does) -> Act {
        Act { stage: "", does }
    }

    fn ranked(logits: &[f32]) -> Vec<Ranked> {
        (0..).zip(logits).map(|(token, &logit)| Ranked { token, logit }).collect()
    }

    #[test]
    fn nothing_below_the_floor_outlives_the_acts() {
        let row: Vec<f32> = (0_u16..40).map(|i| f32::from(i * 7 % 40) / 4.0).collect();
        let min_p = Probability::new(0.1).unwrap();
        for penalties in [vec![], vec![(17, 0.5)], vec![(17, 3.0), (34, 9.0)], (0..40).map(|t| (t, 1.0)).collect()] {
            let acts = [act(Does::Penalise(penalties)), act(Does::MinP(min_p))];
            let likeliest = crate::prob::top(&row, 20);
            let mut all = Survivors::of(&row, |_| true).unwrap();
            run(&acts, &mut all, &[]);
            let Some((floor, 1)) = floor(&acts, likeliest) else { continue };
            let (mut some, below) = Survivors::from_floor(&row, floor, |_| true).unwrap();
            assert!(below > 0);
            run(&acts, &mut some, &[]);
            assert_eq!(some, all);
        }
    }

    #[test]
    fn only_a_min_p_behind_penalties_makes_a_floor() {
        let share = Probability::new(0.5).unwrap();
        assert_eq!(floor(&[act(Does::TopK(3)), act(Does::MinP(share))], ranked(&[1.0])), None);
        assert_eq!(floor(&[act(Does::Penalise(vec![]))], ranked(&[1.0])), None);
        assert_eq!(floor(&[act(Does::MinP(share))], ranked(&[])), None);
        assert_eq!(floor(&[act(Does::MinP(share))], ranked(&[1.0])), Some((1.0 + 0.5_f64.ln(), 0)));
    }
}
