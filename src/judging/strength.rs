//! The model of Bradley and Terry: every arm has a strength, and its chance against another depends on their difference alone.
//!
//! ```text
//! P(i is preferred to j) = 1 / (1 + exp(θ_j − θ_i))
//! ```
//!
//! The strengths are those that make what was seen likeliest, a tie being half a win for each; θ is in nats, the logarithm of odds.
//! Only differences mean anything: two arms of 3 to 1 differ by ln 3.
//!
//! They exist only where every arm leads to every other by a chain of wins (Ford 1957). Otherwise arms fall into groups: one of
//! which all meetings were won by one side leads by more than any number, and two that are linked by no chain cannot be compared.
//! Neither is hidden behind a made-up number here: [`Lead`] says which it is.
//!
//! # Source
//! Bradley & Terry, Biometrika 1952; the iteration (MM) and its condition, Hunter, "MM algorithms for generalized Bradley-Terry
//! models", Annals of Statistics 2004.

use serde::{Serialize, Serializer};

use super::games::Games;

/// The iteration ends where no ln π moves by more.
const STILL: f64 = 1e-10;

/// It ends there at the latest: chains of arms that hardly meet move slowly.
const MOST_STEPS: usize = 20_000;

/// By how much an arm is stronger than another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Lead {
    /// So much in θ, in nats.
    By(f64),
    /// By more than any number: by chains of wins it stands above the other, and by none below.
    Above,
    /// The same the other way round.
    Below,
    /// No chain of wins links the two.
    Unknown,
}

impl Lead {
    /// As a number, ±∞ where there is no end; `None` where nothing is known.
    #[must_use]
    pub fn number(self) -> Option<f64> {
        match self {
            Self::By(nats) => Some(nats),
            Self::Above => Some(f64::INFINITY),
            Self::Below => Some(f64::NEG_INFINITY),
            Self::Unknown => None,
        }
    }

    /// The chance to be preferred to the other.
    #[must_use]
    pub fn chance(self) -> Option<f64> {
        self.number().map(|nats| 1.0 / (1.0 + (-nats).exp()))
    }
}

/// JSON has no number without end: `"above"` and `"below"` stand there for it.
impl Serialize for Lead {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::By(nats) => serializer.serialize_f64(*nats),
            Self::Above => serializer.serialize_str("above"),
            Self::Below => serializer.serialize_str("below"),
            Self::Unknown => serializer.serialize_none(),
        }
    }
}

/// Strengths of arms.
#[derive(Debug, Clone, PartialEq)]
pub struct Strengths {
    arms: usize,
    /// Whether an arm leads to another by a chain of wins, row by row.
    leads: Vec<bool>,
    /// θ within the group of arms that lead to each other, whose mean is 0.
    theta: Vec<f64>,
}

impl Strengths {
    /// The likeliest strengths.
    #[must_use]
    pub fn of(games: &Games) -> Self {
        let arms = games.arms();
        let leads = chains(games);
        let mut theta = vec![0.0; arms];
        for first in 0..arms {
            let group: Vec<usize> =
                (0..arms).filter(|&arm| arm == first || leads[first * arms + arm] && leads[arm * arms + first]).collect();
            if group[0] == first {
                fit(games, &group, &mut theta);
            }
        }
        Self { arms, leads, theta }
    }

    /// By how much an arm is stronger than another.
    #[must_use]
    pub fn lead(&self, one: usize, other: usize) -> Lead {
        let leads = |one: usize, other: usize| one == other || self.leads[one * self.arms + other];
        match (leads(one, other), leads(other, one)) {
            (true, true) => Lead::By(self.theta[one] - self.theta[other]),
            (true, false) => Lead::Above,
            (false, true) => Lead::Below,
            (false, false) => Lead::Unknown,
        }
    }

    /// The strength of an arm against the mean of all, in nats; `None` where not all have one.
    #[must_use]
    pub fn theta(&self, arm: usize) -> Option<f64> {
        self.is_one_group().then(|| self.theta[arm])
    }

    /// The chance of an arm to be preferred, against each of the others equally often: 1 and 0 are possible. `None` where it
    /// cannot be compared with one of them.
    #[must_use]
    pub fn chance(&self, arm: usize) -> Option<f64> {
        let others = (0..self.arms).filter(|other| *other != arm);
        let chances: Option<Vec<f64>> = others.map(|other| self.lead(arm, other).chance()).collect();
        chances.filter(|chances| !chances.is_empty()).map(|chances| chances.iter().sum::<f64>() / chances.len() as f64)
    }

    /// Whether every arm leads to every other, so that all strengths are numbers.
    #[must_use]
    pub fn is_one_group(&self) -> bool {
        (0..self.arms).all(|one| (0..self.arms).all(|other| one == other || self.leads[one * self.arms + other]))
    }

    /// The arms in parts that no comparison links, each by number; one part where all are linked.
    #[must_use]
    pub fn parts(&self) -> Vec<Vec<usize>> {
        let mut parts: Vec<Vec<usize>> = Vec::new();
        for arm in 0..self.arms {
            let linked = |part: &Vec<usize>| part.iter().any(|&other| self.is_linked(arm, other));
            let (mut joined, apart): (Vec<_>, Vec<_>) = parts.into_iter().partition(linked);
            joined.push(vec![arm]);
            let mut part = joined.concat();
            part.sort_unstable();
            parts = apart;
            parts.push(part);
        }
        parts.sort();
        parts
    }

    fn is_linked(&self, one: usize, other: usize) -> bool {
        self.leads[one * self.arms + other] || self.leads[other * self.arms + one]
    }
}

/// Whether an arm leads to another by a chain of wins or ties, row by row.
fn chains(games: &Games) -> Vec<bool> {
    let arms = games.arms();
    let mut leads: Vec<bool> = (0..arms * arms).map(|at| games.won(at / arms, at % arms) > 0.0).collect();
    for through in 0..arms {
        for from in 0..arms {
            if leads[from * arms + through] {
                for to in 0..arms {
                    leads[from * arms + to] |= leads[through * arms + to];
                }
            }
        }
    }
    leads
}

/// The strengths of a group in which every arm leads to every other, with mean 0:
///
/// ```text
/// π_i ← W_i / Σ_j n_ij / (π_i + π_j),   θ = ln π
/// ```
///
/// one arm after the other. No step makes what was seen less likely.
fn fit(games: &Games, group: &[usize], theta: &mut [f64]) {
    let mut pi = vec![1.0; group.len()];
    let won: Vec<f64> = group.iter().map(|&one| group.iter().map(|&other| games.won(one, other)).sum()).collect();
    for _ in 0..MOST_STEPS {
        let mut moved = 0.0_f64;
        for (at, &one) in group.iter().enumerate() {
            let met = group.iter().enumerate().filter(|(other, _)| *other != at);
            let sum: f64 = met.map(|(other, &arm)| games.between(one, arm) / (pi[at] + pi[other])).sum();
            if sum > 0.0 {
                let next = won[at] / sum;
                moved = moved.max((next.ln() - pi[at].ln()).abs());
                pi[at] = next;
            }
        }
        // Only ratios matter, and they are kept from drifting.
        let mean = pi.iter().map(|pi: &f64| pi.ln()).sum::<f64>() / pi.len() as f64;
        for pi in &mut pi {
            *pi /= mean.exp();
        }
        if moved < STILL {
            break;
        }
    }
    for (pi, &arm) in pi.iter().zip(group) {
        theta[arm] = pi.ln();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prob::Noise;

    /// So many wins of an arm over another, and ties between them.
    fn games(arms: usize, won: &[(usize, usize, usize)], ties: &[(usize, usize, usize)]) -> Games {
        let mut games = Games::new(arms);
        for (all, share) in [(won, 1.0), (ties, 0.5)] {
            for &(one, other, times) in all {
                (0..times).for_each(|_| games.add(one, other, share));
            }
        }
        games
    }

    fn by(lead: Lead) -> f64 {
        let Lead::By(nats) = lead else { panic!("{lead:?}") };
        nats
    }

    #[test]
    fn three_to_one_is_the_logarithm_of_three() {
        let strengths = Strengths::of(&games(2, &[(0, 1, 3), (1, 0, 1)], &[]));
        assert!((by(strengths.lead(0, 1)) - 3_f64.ln()).abs() < 1e-9);
        assert!((strengths.theta(0).unwrap() - 3_f64.ln() / 2.0).abs() < 1e-9);
        assert!((strengths.chance(0).unwrap() - 0.75).abs() < 1e-9);
        // Two ties are a win each.
        let tied = Strengths::of(&games(2, &[(0, 1, 2)], &[(0, 1, 2)]));
        assert!((by(tied.lead(0, 1)) - 3_f64.ln()).abs() < 1e-9);
        assert!(by(Strengths::of(&games(2, &[], &[(0, 1, 4)])).lead(0, 1)).abs() < 1e-9);
    }

    /// Odds of 2 and of 3 make odds of 6 of the two ends, whether those meet or not.
    #[test]
    fn strengths_add_up_along_a_chain() {
        for meets in [0, 7] {
            let ends = [(0, 2, 6 * meets), (2, 0, meets)];
            let won = [&[(0, 1, 2), (1, 0, 1), (1, 2, 3), (2, 1, 1)][..], &ends].concat();
            let strengths = Strengths::of(&games(3, &won, &[]));
            assert!((by(strengths.lead(0, 2)) - 6_f64.ln()).abs() < 1e-8);
            assert!((by(strengths.lead(1, 0)) + 2_f64.ln()).abs() < 1e-8);
        }
    }

    /// At the likeliest strengths every arm has won as often as it was to be expected.
    #[test]
    fn wins_are_those_that_the_strengths_expect() {
        let games = games(4, &[(0, 1, 5), (1, 0, 2), (1, 2, 4), (2, 3, 3), (3, 0, 1), (2, 0, 2), (3, 1, 2)], &[(0, 3, 3)]);
        let strengths = Strengths::of(&games);
        for one in 0..4 {
            let expected = |other| games.between(one, other) * strengths.lead(one, other).chance().unwrap();
            let (won, expected): (f64, f64) = ((0..4).map(|other| games.won(one, other)).sum(), (0..4).map(expected).sum());
            assert!((won - expected).abs() < 1e-6, "{one}: {won} {expected}");
        }
        assert!((0..4).map(|arm| strengths.theta(arm).unwrap()).sum::<f64>().abs() < 1e-9);
    }

    /// 4,000 comparisons a pair of four arms: an error of θ of about 0.03.
    #[test]
    fn strengths_are_recovered_from_what_they_bring_about() {
        let truth = [0.9, 0.3, -0.2, -1.0_f64];
        let mut games = Games::new(4);
        for one in 0..4_u32 {
            for other in 0..one {
                let (one_at, other_at) = (one as usize, other as usize);
                let chance = 1.0 / (1.0 + (truth[other_at] - truth[one_at]).exp());
                for step in 0..4000 {
                    let won = Noise::new(11, &[one, other]).at(step, 0).uniform(0) < chance;
                    games.add(one_at, other_at, f64::from(u8::from(won)));
                }
            }
        }
        let strengths = Strengths::of(&games);
        for (arm, truth) in truth.iter().enumerate() {
            assert!((strengths.theta(arm).unwrap() - truth).abs() < 0.1, "{arm}: {:?}", strengths.theta(arm));
        }
    }

    #[test]
    fn an_arm_that_never_lost_leads_without_end() {
        let strengths = Strengths::of(&games(3, &[(0, 1, 5), (0, 2, 1), (1, 2, 3), (2, 1, 1)], &[]));
        assert_eq!((strengths.lead(0, 1), strengths.lead(2, 0)), (Lead::Above, Lead::Below));
        assert_eq!(strengths.theta(1), None);
        assert!(!strengths.is_one_group());
        // What the others have among themselves is known all the same.
        assert!((by(strengths.lead(1, 2)) - 3_f64.ln()).abs() < 1e-9);
        assert_eq!(strengths.chance(0), Some(1.0));
        assert!((strengths.chance(1).unwrap() - 0.375).abs() < 1e-9);
        assert_eq!(strengths.parts(), [[0, 1, 2]]);
    }

    #[test]
    fn arms_that_no_comparison_links_are_not_compared() {
        let strengths = Strengths::of(&games(5, &[(0, 1, 1), (1, 0, 1), (2, 3, 2), (3, 2, 1)], &[]));
        assert_eq!((strengths.lead(0, 2), strengths.lead(4, 0)), (Lead::Unknown, Lead::Unknown));
        assert!((by(strengths.lead(2, 3)) - 2_f64.ln()).abs() < 1e-9);
        assert_eq!((strengths.chance(0), strengths.theta(0)), (None, None));
        assert_eq!(strengths.parts(), vec![vec![0, 1], vec![2, 3], vec![4]]);
        // Both beaten by one, they are linked, and still nobody knows which of them is better.
        let beaten = Strengths::of(&games(3, &[(0, 1, 1), (0, 2, 1)], &[]));
        assert_eq!((beaten.lead(1, 2), beaten.parts().len()), (Lead::Unknown, 1));
    }

    #[test]
    fn nothing_compared_is_nothing_known() {
        let strengths = Strengths::of(&Games::new(2));
        assert_eq!((strengths.lead(0, 1), strengths.lead(0, 0)), (Lead::Unknown, Lead::By(0.0)));
        assert_eq!(
            serde_json::to_string(&[Lead::By(0.5), Lead::Above, Lead::Below, Lead::Unknown]).unwrap(),
            "[0.5,\"above\",\"below\",null]"
        );
    }
}
