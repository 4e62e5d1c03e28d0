//! The tokens that a chain has left, and what truncations and temperature do to them.

use super::lanes::{BLOCK, Sums, blocks, count};
use super::{Probability, Temperature, Token};

/// No logit is larger, whatever a chain does to it.
const LARGEST: f64 = 1e280;

/// A token that is still in play, and its logit as the chain has left it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate {
    /// The token.
    pub token: Token,
    /// Its logit, in nats up to a constant; finite.
    pub logit: f64,
}

/// Into how many steps logits are sorted by how far they are below the largest.
const STEPS: usize = 2048;

/// How far below the largest logit, in nats, top-p looks first for the end of what it keeps.
const NEAR: f64 = 8.0;

/// The step of a logit so far below the largest: a hundredth of a nat wide, the last one for all the rest.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // Never negative, and a cast of a float saturates.
fn step(below: f64) -> usize {
    ((below * 100.0) as usize).min(STEPS - 1)
}

/// The largest logit and ln Σ exp(l − max): the softmax in logarithms, exact for logits of any size.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Mass {
    max: f64,
    log: f64,
}

impl Mass {
    /// ln p of a logit, in nats.
    #[must_use]
    pub fn log_p(&self, logit: f64) -> f64 {
        (logit - self.max) - self.log
    }
}

/// The candidates of a row: at least one, in ascending order of tokens, every logit finite.
///
/// Their probabilities are the softmax of their logits: what a truncation removes is shared out by renormalising.
///
/// ```
/// use afterword::prob::{Probability, Candidates};
///
/// // p = 0.1, 0.2, 0.3 and 0.4: 0.45 of the likeliest is 0.18.
/// let row = [0.1_f32, 0.2, 0.3, 0.4].map(f32::ln);
/// let mut candidates = Candidates::of(&row, |_| true).unwrap();
/// candidates.min_p(Probability::new(0.45)?);
/// assert_eq!(candidates.iter().map(|candidate| candidate.token).collect::<Vec<_>>(), [1, 2, 3]);
/// assert!((candidates.log_p(3).unwrap() - (0.4_f64 / 0.9).ln()).abs() < 1e-6);
/// # Ok::<(), afterword::prob::OutOfRange>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Candidates(pub(super) Vec<Candidate>);

impl Candidates {
    /// The tokens of a row that may be taken and have a finite logit; `None` where there is none.
    #[must_use]
    pub fn of(row: &[f32], may: impl Fn(Token) -> bool) -> Option<Self> {
        let there = (0..).zip(row).filter(|&(token, logit): &(Token, &f32)| logit.is_finite() && may(token));
        Self::new(there.map(|(token, &logit)| Candidate { token, logit: f64::from(logit) }).collect())
    }

    /// The tokens of a row that are not `barred` and have a finite logit of at least `floor`, or stand in `also`, and how many
    /// more there are below it; `None` where none is left. Both lists are in ascending order.
    ///
    /// For a floor that is known to be cut anyway: most of a vocabulary is far below, and need not even be written down.
    #[must_use]
    pub fn from_floor(row: &[f32], floor: f64, also: &[Token], barred: &[Token]) -> Option<(Self, usize)> {
        let mut kept = Vec::with_capacity(if floor == f64::NEG_INFINITY { row.len() } else { 64 });
        let (mut also, mut barred, mut there) = (also, barred, 0);
        // Single precision decides about blocks, and rounds so that none is passed over.
        #[allow(clippy::cast_possible_truncation)]
        let about = (floor as f32).next_down();
        for (first, block) in blocks(row, &mut [0.0; BLOCK]) {
            there += count(block, f32::is_finite) as usize;
            #[allow(clippy::cast_possible_truncation)] // A block is short.
            let end = first + BLOCK as Token;
            let (named, shut) = (split_below(&mut also, end), split_below(&mut barred, end));
            // Few tokens pass.
            if count(block, |logit| logit >= about) == 0 && named.is_empty() && shut.is_empty() {
                continue;
            }
            for (token, &logit) in (first..).zip(block).filter(|(_, logit)| logit.is_finite()) {
                let logit = f64::from(logit);
                if shut.binary_search(&token).is_ok() {
                    there -= 1;
                } else if logit >= floor || named.binary_search(&token).is_ok() {
                    kept.push(Candidate { token, logit });
                }
            }
        }
        let below = there - kept.len();
        Some((Self::new(kept)?, below))
    }

    /// These candidates, in ascending order of tokens; `None` where there is none.
    #[must_use]
    pub fn new(candidates: Vec<Candidate>) -> Option<Self> {
        debug_assert!(candidates.is_sorted_by(|a, b| a.token < b.token), "candidates out of order");
        debug_assert!(candidates.iter().all(|candidate| candidate.logit.is_finite()), "a logit is not finite");
        (!candidates.is_empty()).then_some(Self(candidates))
    }

    /// How many there are, at least 1.
    #[must_use]
    #[allow(clippy::len_without_is_empty)]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// In ascending order of tokens.
    pub fn iter(&self) -> impl Iterator<Item = Candidate> + '_ {
        self.0.iter().copied()
    }

    /// Whether the token is still in play.
    #[must_use]
    pub fn holds(&self, token: Token) -> bool {
        self.find(token).is_some()
    }

    fn find(&self, token: Token) -> Option<usize> {
        self.0.binary_search_by_key(&token, |candidate| candidate.token).ok()
    }

    /// The likeliest one, of equals the one with the smaller number.
    #[must_use]
    pub fn likeliest(&self) -> Candidate {
        let max = self.highest();
        *self.0.iter().find(|candidate| candidate.logit == max).unwrap_or(&self.0[0])
    }

    /// The largest logit.
    #[must_use]
    pub fn highest(&self) -> f64 {
        let mut maxima = [f64::NEG_INFINITY; 8];
        let (eights, rest) = self.0.as_chunks::<8>();
        for eight in eights {
            for (max, candidate) in maxima.iter_mut().zip(eight) {
                *max = if candidate.logit > *max { candidate.logit } else { *max };
            }
        }
        let rest = rest.iter().map(|candidate| candidate.logit);
        maxima.into_iter().chain(rest).fold(f64::NEG_INFINITY, f64::max)
    }

    /// All of them, likeliest first, of equals the smaller number first.
    #[must_use]
    pub fn ranked(&self) -> Vec<Candidate> {
        let mut ranked = self.0.clone();
        ranked.sort_unstable_by(by_rank);
        ranked
    }

    /// What makes probabilities of their logits.
    #[must_use]
    pub fn mass(&self) -> Mass {
        let max = self.highest();
        Mass { max, log: self.sums(max).0.ln() }
    }

    /// Z = Σ exp(l − max) and Σ exp(l − max)·(l − max).
    pub(super) fn sums(&self, max: f64) -> (f64, f64) {
        let mut sums = Sums::default();
        let (eights, rest) = self.0.as_chunks::<8>();
        for eight in eights {
            sums.add(eight.map(|candidate| candidate.logit - max));
        }
        let (mut z, mut mean) = sums.total();
        for candidate in rest {
            let below = (candidate.logit - max).max(-700.0);
            let mass = super::exponential::exp(below);
            z += mass;
            mean += mass * below;
        }
        (z, mean)
    }

    /// ln p of a token among the candidates; `None` for one that is gone.
    #[must_use]
    pub fn log_p(&self, token: Token) -> Option<f64> {
        Some(self.mass().log_p(self.0[self.find(token)?].logit))
    }

    /// Keeps those for which `keep` holds, unless that would keep none: then nothing changes.
    pub fn retain(&mut self, keep: impl Fn(Token) -> bool) {
        if self.0.iter().any(|candidate| keep(candidate.token)) {
            self.0.retain(|candidate| keep(candidate.token));
        }
    }

    /// Keeps those for which `keep` holds. It must hold for one of them, the likeliest if for no other.
    ///
    /// # Panics
    /// In debug builds, where it holds for none.
    pub(crate) fn keep(&mut self, keep: impl Fn(&Candidate) -> bool) {
        self.0.retain(keep);
        debug_assert!(!self.0.is_empty(), "nothing is left");
    }

    /// Takes the penalties off the logits of their tokens.
    pub fn penalise(&mut self, penalties: impl IntoIterator<Item = (Token, f64)>) {
        for (token, penalty) in penalties {
            self.change(token, |logit| logit - penalty);
        }
    }

    /// Changes the logit of a token, where it is still in play.
    pub fn change(&mut self, token: Token, logit: impl Fn(f64) -> f64) {
        if let Some(at) = self.find(token) {
            self.0[at].logit = tame(logit(self.0[at].logit));
        }
    }

    /// top-k: keeps the k likeliest, of equals the smaller numbers; as many as there are, or more, keeps all.
    ///
    /// # Panics
    /// For k = 0.
    pub fn top_k(&mut self, k: usize) {
        assert!(k > 0, "top-k of nothing");
        if k < self.0.len() {
            let mut ranked = self.0.clone();
            let (_, last, _) = ranked.select_nth_unstable_by(k - 1, by_rank);
            let last = *last;
            self.0.retain(|candidate| by_rank(candidate, &last).is_le());
        }
    }

    /// top-p: keeps the smallest ranked set whose probabilities sum to at least p; 1 keeps all, 0 the likeliest.
    ///
    /// Source: Holtzman et al., "The curious case of neural text degeneration", ICLR 2020.
    pub fn top_p(&mut self, p: Probability) {
        if p.get() >= 1.0 {
            return;
        }
        // Sorting what may be half a vocabulary would cost more than all else: the mass is counted in steps of logits, and only
        // the step within which the sum reaches p is sorted. Mostly that stands near the top, and what is far below is not
        // even counted.
        let max = self.highest();
        let goal = p.get() * self.sums(max).0;
        let near = self.0.iter().copied().filter(|candidate| candidate.logit >= max - NEAR).collect();
        let mut near = Self(near);
        let mut steps = near.steps(max);
        if steps.iter().sum::<f64>() < goal {
            near = self.clone();
            steps = near.steps(max);
        }
        let mut sum = 0.0;
        let reaches = |step: &f64| {
            let reached = sum + step >= goal;
            sum += if reached { 0.0 } else { *step };
            reached
        };
        let within = steps.iter().position(reaches).unwrap_or(STEPS - 1);
        let mut ranked: Vec<Candidate> =
            near.0.iter().copied().filter(|candidate| step(max - candidate.logit) == within).collect();
        ranked.sort_unstable_by(by_rank);
        let last = ranked.iter().find(|candidate| {
            sum += super::exponential::exp(candidate.logit - max);
            sum >= goal
        });
        if let Some(last) = last.or(ranked.last()) {
            near.0.retain(|candidate| by_rank(candidate, last).is_le());
        }
        *self = near;
    }

    /// The mass exp(l − max) in each step of logits.
    fn steps(&self, max: f64) -> [f64; STEPS] {
        let mut steps = [0.0; STEPS];
        for candidate in &self.0 {
            steps[step(max - candidate.logit)] += super::exponential::exp(candidate.logit - max);
        }
        steps
    }

    /// min-p: keeps those with at least this share of the likeliest one's probability, l ≥ `l_max` + ln min-p; 0 keeps all,
    /// 1 the likeliest and its equals.
    ///
    /// Source: Nguyen et al., arXiv 2407.01082.
    pub fn min_p(&mut self, share: Probability) {
        let threshold = self.highest() + share.get().ln();
        self.0.retain(|candidate| candidate.logit >= threshold);
    }

    /// Temperature: l / T, so that p becomes p^(1/T), renormalised; 1 changes nothing, 0 keeps only the likeliest.
    pub fn temperature(&mut self, temperature: Temperature) {
        if temperature.is_frozen() {
            self.0 = vec![self.likeliest()];
        } else {
            self.0.iter_mut().for_each(|candidate| candidate.logit = temperature.cool(candidate.logit));
        }
    }

    /// Gives every candidate a new logit.
    ///
    /// # Panics
    /// In debug builds, for one that is not finite.
    pub fn reweigh(&mut self, logit: impl Fn(Candidate) -> f64) {
        self.0.iter_mut().for_each(|candidate| candidate.logit = logit(*candidate));
        debug_assert!(self.0.iter().all(|candidate| candidate.logit.is_finite()), "a logit is not finite");
    }
}

/// Takes the tokens below `end` off the front of an ascending list.
fn split_below<'a>(tokens: &mut &'a [Token], end: Token) -> &'a [Token] {
    let count = tokens.iter().position(|&token| token >= end).unwrap_or(tokens.len());
    let (below, rest) = tokens.split_at(count);
    *tokens = rest;
    below
}

/// Keeps a logit so far from the ends of the numbers that sums, differences and quotients of logits stay finite.
pub(crate) fn tame(logit: f64) -> f64 {
    logit.clamp(-LARGEST, LARGEST)
}

impl Temperature {
    /// l / T.
    ///
    /// For a T that is not frozen: there l / T has no meaning, only the likeliest is left.
    #[must_use]
    pub fn cool(self, logit: f64) -> f64 {
        tame(logit / self.get())
    }
}

/// Likeliest first, of equals the smaller number first.
pub(crate) fn by_rank(a: &Candidate, b: &Candidate) -> std::cmp::Ordering {
    b.logit.total_cmp(&a.logit).then(a.token.cmp(&b.token))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Probabilities in, tokens and probabilities out.
    fn candidates(p: &[f64]) -> Candidates {
        let all = (0..).zip(p).filter(|(_, p)| **p > 0.0).map(|(token, p)| Candidate { token, logit: p.ln() });
        Candidates::new(all.collect()).unwrap()
    }

    fn after(p: &[f64], stage: impl Fn(&mut Candidates)) -> Vec<(Token, f64)> {
        let mut candidates = candidates(p);
        stage(&mut candidates);
        let mass = candidates.mass();
        candidates.iter().map(|s| (s.token, (mass.log_p(s.logit).exp() * 1e6).round() / 1e6)).collect()
    }

    fn share(x: f64) -> Probability {
        Probability::new(x).unwrap()
    }

    const P: [f64; 4] = [0.1, 0.2, 0.3, 0.4];

    #[test]
    fn top_k_keeps_the_likeliest_and_renormalises() {
        assert_eq!(after(&P, |s| s.top_k(1)), [(3, 1.0)]);
        assert_eq!(after(&P, |s| s.top_k(3)), [(1, 0.222_222), (2, 0.333_333), (3, 0.444_444)]);
        assert_eq!(after(&P, |s| s.top_k(4)), after(&P, |s| s.top_k(9)));
        assert_eq!(after(&[0.25; 4], |s| s.top_k(2)), [(0, 0.5), (1, 0.5)]);
    }

    #[test]
    fn top_p_keeps_the_smallest_sufficient_set() {
        assert_eq!(after(&P, |s| s.top_p(share(0.0))), [(3, 1.0)]);
        assert_eq!(after(&P, |s| s.top_p(share(0.39))), [(3, 1.0)]);
        assert_eq!(after(&P, |s| s.top_p(share(0.41))).len(), 2);
        assert_eq!(after(&P, |s| s.top_p(share(0.69))).len(), 2);
        assert_eq!(after(&P, |s| s.top_p(share(0.71))), [(1, 0.222_222), (2, 0.333_333), (3, 0.444_444)]);
        assert_eq!(after(&P, |s| s.top_p(share(1.0))).len(), 4);
    }

    #[test]
    fn top_p_reaches_past_its_first_guess() {
        let uniform = vec![1.0 / 1000.0; 1000];
        assert_eq!(after(&uniform, |s| s.top_p(share(0.500_5))).len(), 501);
        assert_eq!(after(&uniform, |s| s.top_p(share(0.999_95))).len(), 1000);
    }

    #[test]
    fn min_p_is_relative_to_the_likeliest() {
        assert_eq!(after(&P, |s| s.min_p(share(0.0))).len(), 4);
        assert_eq!(after(&P, |s| s.min_p(share(0.49))).len(), 3);
        assert_eq!(after(&P, |s| s.min_p(share(0.51))).len(), 2);
        assert_eq!(after(&P, |s| s.min_p(share(1.0))), [(3, 1.0)]);
    }

    #[test]
    fn temperature_sharpens_and_flattens() {
        assert_eq!(after(&P, |s| s.temperature(Temperature::new(1.0).unwrap())), after(&P, |_| ()));
        assert_eq!(after(&P, |s| s.temperature(Temperature::new(0.0).unwrap())), [(3, 1.0)]);
        // p² / Σ p² = {1, 4, 9, 16} / 30.
        let squared = after(&P, |s| s.temperature(Temperature::new(0.5).unwrap()));
        assert_eq!(squared, [(0, 0.033_333), (1, 0.133_333), (2, 0.3), (3, 0.533_333)]);
        assert_eq!(after(&[0.5, 0.5], |s| s.temperature(Temperature::new(0.0).unwrap())), [(0, 1.0)]);
        assert_eq!(after(&P, |s| s.temperature(Temperature::new(1e-320).unwrap())), [(3, 1.0)]);
    }

    #[test]
    fn penalties_reach_their_tokens_and_no_others() {
        let halved = after(&P, |s| s.penalise([(3, std::f64::consts::LN_2), (9, 5.0)]));
        assert_eq!(halved, [(0, 0.125), (1, 0.25), (2, 0.375), (3, 0.25)]);
    }

    #[test]
    fn what_may_not_be_taken_or_has_no_mass_does_not_survive() {
        let row = [1.0, f32::NEG_INFINITY, f32::NAN, 2.0, 3.0];
        let candidates = Candidates::of(&row, |token| token != 4).unwrap();
        assert_eq!(candidates.iter().map(|s| s.token).collect::<Vec<_>>(), [0, 3]);
        assert_eq!(Candidates::of(&row, |_| false), None);
    }

    #[test]
    fn a_floor_leaves_what_is_not_below_it_and_counts_the_rest() {
        let row = [1.0, f32::NEG_INFINITY, 2.0, 3.0, 4.0];
        let (candidates, below) = Candidates::from_floor(&row, 2.0, &[], &[4]).unwrap();
        assert_eq!((candidates.iter().map(|s| s.token).collect::<Vec<_>>(), below), (vec![2, 3], 1));
        let (named, below) = Candidates::from_floor(&row, 2.0, &[0, 1, 3], &[4]).unwrap();
        assert_eq!((named.iter().map(|s| s.token).collect::<Vec<_>>(), below), (vec![0, 2, 3], 0));
        assert_eq!(Candidates::from_floor(&row, 9.0, &[], &[]), None);
    }

    #[test]
    fn a_floor_finds_in_a_long_row_what_a_walk_through_it_finds() {
        let row: Vec<f32> = (0_u32..1003).map(|i| (i.wrapping_mul(2_654_435_761) % 1000) as f32).collect();
        let (also, barred) = ([5, 16, 500, 1002], [0, 15, 17, 499, 998]);
        for floor in [f64::NEG_INFINITY, 500.0, 990.0, 999.0] {
            let (found, below) = Candidates::from_floor(&row, floor, &also, &barred).unwrap();
            let mut walk = Candidates::of(&row, |token| !barred.contains(&token)).unwrap();
            let all = walk.len();
            walk.0.retain(|candidate| candidate.logit >= floor || also.contains(&candidate.token));
            assert_eq!((found.len() + below, found), (all, walk));
        }
    }

    #[test]
    fn top_p_of_a_long_row_is_that_of_its_sorted_list_near_the_top_and_far_below() {
        for (spread, p) in [(1.0, 0.5), (1.0, 0.999), (4.0, 0.9), (4.0, 0.999_999_9), (40.0, 0.95)] {
            let row: Vec<f32> = (0_u32..3001).map(|i| spread * (i.wrapping_mul(2_654_435_761) % 997) as f32 / 100.0).collect();
            let all = Candidates::of(&row, |_| true).unwrap();
            let (mass, mut sum) = (all.mass(), 0.0);
            let reaches = |s: &Candidate| {
                sum += mass.log_p(s.logit).exp();
                sum >= p
            };
            let count = all.ranked().iter().position(reaches).unwrap_or(all.len() - 1) + 1;
            let mut kept = all.clone();
            kept.top_p(share(p));
            assert_eq!(kept.len(), count, "spread {spread}, p {p}");
            assert!(all.ranked()[..count].iter().all(|candidate| kept.holds(candidate.token)));
        }
    }

    #[test]
    fn nothing_removes_the_last_candidate() {
        let mut one = candidates(&[0.0, 1.0]);
        one.top_k(1);
        one.top_p(share(0.0));
        one.min_p(share(1.0));
        one.temperature(Temperature::new(0.0).unwrap());
        one.retain(|_| false);
        assert_eq!((one.len(), one.holds(1), one.likeliest().token), (1, true, 1));
    }
}
