//! Truncations that measure a whole distribution: typical, top-nσ, top-H, XTC and that of Mirostat.

use std::cmp::Ordering;
use std::f64::consts::LN_2;

use serde::{Deserialize, Serialize};

use super::candidates::by_rank;
use super::{Candidate, Candidates, Probability, Sigmas, Token};

/// XTC, "exclude top choices": with this probability, where at least two tokens have p ≥ threshold, all of those but the least
/// likely are removed. What is still plausible stays, what everybody would say goes.
///
/// Tokens that end the story and those with a line break in them are never removed: a choice among them is one of form, and
/// without them a story cannot end where it should.
///
/// Source: p-e-w, text-generation-webui pull request 6335, 2024.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Xtc {
    /// How often it is done: 0 never, 1 at every token.
    pub probability: Probability,
    /// The least p of a top choice. Above 0.5 there are never two; at 0 every token is one, and the least likely of all is left.
    pub threshold: Probability,
}

impl Candidates {
    /// Locally typical sampling: keeps the smallest set of tokens whose surprise is nearest to the one to be expected, ranked by
    /// |−ln p − H|, with a mass above `mass`; 1 keeps all, 0 the most typical one. Of equals the likelier comes first.
    ///
    /// Source: Meister et al., "Locally typical sampling", TACL 2023 (arXiv 2202.00666).
    pub fn typical(&mut self, mass: Probability) {
        if mass.get() >= 1.0 {
            return;
        }
        let (own, entropy) = (self.mass(), self.entropy());
        let strangeness = |candidate: &Candidate| (own.log_p(candidate.logit) + entropy).abs();
        let order = |a: &Candidate, b: &Candidate| strangeness(a).total_cmp(&strangeness(b)).then_with(|| by_rank(a, b));
        let mut sum = 0.0;
        self.keep_until(order, |candidate| {
            sum += own.log_p(candidate.logit).exp();
            sum > mass.get()
        });
    }

    /// top-nσ: keeps those with l ≥ max l − n·σ, where σ is the standard deviation of the candidates' logits. A large n keeps
    /// all, n near 0 the likeliest. A temperature before it changes nothing of what it keeps.
    ///
    /// Source: Tang et al., arXiv 2411.07641.
    pub fn top_n_sigma(&mut self, n: Sigmas) {
        let count = self.len() as f64;
        let mean = self.iter().map(|candidate| candidate.logit).sum::<f64>() / count;
        let variance = self.iter().map(|candidate| (candidate.logit - mean).powi(2)).sum::<f64>() / count;
        let threshold = self.highest() - n.get() * variance.sqrt();
        self.0.retain(|candidate| candidate.logit >= threshold);
    }

    /// top-H: adds ranked tokens as long as the entropy of the set, renormalised, is at most h·H(p); 1 keeps all, 0 the
    /// likeliest.
    ///
    /// Each token that is added makes the entropy larger, so the set is the largest that the bound allows. With m = Σ p and
    /// w = Σ p ln p over the set it is ln m − w/m.
    ///
    /// Source: Potraghloo et al., "Top-H decoding", arXiv 2509.02510.
    pub fn top_h(&mut self, h: Probability) {
        if h.get() >= 1.0 {
            return;
        }
        let (own, most) = (self.mass(), h.get() * self.entropy());
        let (mut mass, mut weighted, mut first) = (0.0, 0.0, true);
        self.keep_while(by_rank, |candidate| {
            let log_p = own.log_p(candidate.logit);
            let p = log_p.exp();
            mass += p;
            weighted += p * log_p;
            // The entropy of one token is 0, whatever rounding makes of it.
            std::mem::take(&mut first) || mass.ln() - weighted / mass <= most
        });
    }

    /// XTC with this threshold, done: removes all with p ≥ threshold but the least likely of them and those that are protected.
    pub fn exclude_top_choices(&mut self, threshold: Probability, protected: impl Fn(Token) -> bool) {
        let (own, least) = (self.mass(), threshold.get().ln());
        let top = |candidate: &Candidate| own.log_p(candidate.logit) >= least;
        let (mut choices, mut least_likely) = (0, None);
        for candidate in self.iter().filter(top) {
            choices += 1;
            least_likely = least_likely.filter(|one| by_rank(one, &candidate) == Ordering::Greater).or(Some(candidate));
        }
        let Some(spared) = least_likely.filter(|_| choices >= 2) else { return };
        self.0.retain(|candidate| !top(candidate) || candidate.token == spared.token || protected(candidate.token));
    }

    /// Mirostat's cut: removes those with a surprise −log₂ p above `mu` bits; the likeliest stays.
    pub(super) fn at_most_surprising(&mut self, mu: f64) {
        let own = self.mass();
        let least = (-mu * LN_2).min(own.log_p(self.likeliest().logit));
        self.0.retain(|candidate| own.log_p(candidate.logit) >= least);
    }

    /// H = −Σ p ln p of the candidates, in nats.
    #[must_use]
    pub fn entropy(&self) -> f64 {
        let (z, weighted) = self.sums(self.highest());
        (z.ln() - weighted / z).max(0.0)
    }

    /// Keeps the first in this order up to the one, itself included, at which `done`; all where none is.
    fn keep_until(&mut self, order: impl Fn(&Candidate, &Candidate) -> Ordering, mut done: impl FnMut(&Candidate) -> bool) {
        let mut last = None;
        let mut ended = false;
        self.in_order(&order, |candidate| {
            last = Some(*candidate);
            ended = done(candidate);
            !ended
        });
        if let (true, Some(last)) = (ended, last) {
            self.0.retain(|candidate| order(candidate, &last).is_le());
        }
    }

    /// Keeps the first in this order as long as `goes_on`, and the first of all.
    fn keep_while(&mut self, order: impl Fn(&Candidate, &Candidate) -> Ordering, mut goes_on: impl FnMut(&Candidate) -> bool) {
        let mut last = None;
        let mut ended = false;
        self.in_order(&order, |candidate| {
            ended = !goes_on(candidate);
            if !ended || last.is_none() {
                last = Some(*candidate);
            }
            !ended
        });
        if let (true, Some(last)) = (ended, last) {
            self.0.retain(|candidate| order(candidate, &last).is_le());
        }
    }

    /// Visits candidates in an order as long as `visit` wants more. Mostly it wants few: the first 64 are sorted, then four
    /// times as many more, and so on.
    fn in_order(&self, order: &impl Fn(&Candidate, &Candidate) -> Ordering, mut visit: impl FnMut(&Candidate) -> bool) {
        // Numbers are a quarter of what they stand for, and a second list of a whole vocabulary would be felt.
        let Ok(count) = u32::try_from(self.0.len()) else { return };
        let mut rest: Vec<u32> = (0..count).collect();
        let order = |a: &u32, b: &u32| order(&self.0[*a as usize], &self.0[*b as usize]);
        let (mut from, mut size) = (0, 64);
        while from < rest.len() {
            let part = &mut rest[from..];
            let take = size.min(part.len());
            if take < part.len() {
                part.select_nth_unstable_by(take - 1, order);
            }
            part[..take].sort_unstable_by(order);
            if !part[..take].iter().all(|&at| visit(&self.0[at as usize])) {
                return;
            }
            from += take;
            size *= 4;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Probabilities in, tokens that stay out.
    fn left(p: &[f64], stage: impl Fn(&mut Candidates)) -> Vec<Token> {
        let all = (0..).zip(p).map(|(token, p)| Candidate { token, logit: p.ln() + 3.0 });
        let mut candidates = Candidates::new(all.collect()).unwrap();
        stage(&mut candidates);
        candidates.iter().map(|candidate| candidate.token).collect()
    }

    fn share(x: f64) -> Probability {
        Probability::new(x).unwrap()
    }

    const P: [f64; 4] = [0.1, 0.2, 0.3, 0.4];

    #[test]
    fn the_entropy_of_halves_is_that_of_the_hand() {
        let halves = [0.5_f64, 0.25, 0.125, 0.125];
        let all = (0..).zip(halves).map(|(token, p)| Candidate { token, logit: p.ln() });
        assert!((Candidates::new(all.collect()).unwrap().entropy() - 1.75 * LN_2).abs() < 1e-12);
        let certain = [Candidate { token: 0, logit: 1e280 }, Candidate { token: 1, logit: -1e280 }];
        assert!(Candidates::new(certain.to_vec()).unwrap().entropy() < 1e-300);
    }

    #[test]
    fn typical_keeps_what_is_about_as_surprising_as_expected() {
        // H = 1.2799; −ln p = 2.303, 1.609, 1.204, 0.916: strangeness 1.023, 0.330, 0.076, 0.364. So the order is 2, 1, 3, 0.
        assert_eq!(left(&P, |s| s.typical(share(0.0))), [2]);
        assert_eq!(left(&P, |s| s.typical(share(0.29))), [2]);
        assert_eq!(left(&P, |s| s.typical(share(0.31))), [1, 2]);
        assert_eq!(left(&P, |s| s.typical(share(0.49))), [1, 2]);
        assert_eq!(left(&P, |s| s.typical(share(0.51))), [1, 2, 3]);
        assert_eq!(left(&P, |s| s.typical(share(0.91))), [0, 1, 2, 3]);
        assert_eq!(left(&P, |s| s.typical(share(1.0))), [0, 1, 2, 3]);
    }

    #[test]
    fn of_equally_typical_ones_the_smaller_number_comes_first() {
        assert_eq!(left(&[0.25; 4], |s| s.typical(share(0.3))), [0, 1]);
    }

    #[test]
    fn top_n_sigma_keeps_what_is_within_so_many_deviations() {
        // ln p = −2.303, −1.609, −1.204, −0.916: mean −1.508, σ = 0.5206.
        // The distances from the top are 1.386 = 2.663 σ, 0.693 = 1.331 σ, 0.288 = 0.553 σ.
        let kept = |n: f64| left(&P, |s| s.top_n_sigma(Sigmas::new(n).unwrap()));
        assert_eq!(kept(0.55), [3]);
        assert_eq!(kept(0.56), [2, 3]);
        assert_eq!(kept(1.33), [2, 3]);
        assert_eq!(kept(1.34), [1, 2, 3]);
        assert_eq!(kept(2.66), [1, 2, 3]);
        assert_eq!(kept(2.67), [0, 1, 2, 3]);
        assert_eq!(left(&[0.5, 0.5], |s| s.top_n_sigma(Sigmas::new(1e-9).unwrap())), [0, 1]);
    }

    #[test]
    fn top_h_keeps_a_share_of_the_entropy() {
        // H = 1.2799. Of {0.4, 0.3}: H(4/7) = 0.6829 = 0.5336 H; of {0.4, 0.3, 0.2}: 1.0609 = 0.8289 H.
        assert_eq!(left(&P, |s| s.top_h(share(0.0))), [3]);
        assert_eq!(left(&P, |s| s.top_h(share(0.533))), [3]);
        assert_eq!(left(&P, |s| s.top_h(share(0.534))), [2, 3]);
        assert_eq!(left(&P, |s| s.top_h(share(0.828))), [2, 3]);
        assert_eq!(left(&P, |s| s.top_h(share(0.830))), [1, 2, 3]);
        assert_eq!(left(&P, |s| s.top_h(share(1.0))), [0, 1, 2, 3]);
    }

    #[test]
    fn xtc_leaves_the_least_likely_of_the_top_choices() {
        let kept = |t: f64| left(&P, |s| s.exclude_top_choices(share(t), |_| false));
        assert_eq!(kept(0.09), [0]);
        assert_eq!(kept(0.11), [0, 1]);
        assert_eq!(kept(0.19), [0, 1]);
        assert_eq!(kept(0.21), [0, 1, 2]);
        assert_eq!(kept(0.31), [0, 1, 2, 3]);
        assert_eq!(kept(0.0), [0]);
        assert_eq!(left(&[0.5, 0.5], |s| s.exclude_top_choices(share(0.5), |_| false)), [1]);
        assert_eq!(left(&[1.0], |s| s.exclude_top_choices(share(0.1), |_| false)), [0]);
    }

    #[test]
    fn xtc_removes_nothing_that_is_protected() {
        assert_eq!(left(&P, |s| s.exclude_top_choices(share(0.15), |token| token == 3)), [0, 1, 3]);
        assert_eq!(left(&P, |s| s.exclude_top_choices(share(0.15), |_| true)), [0, 1, 2, 3]);
    }

    #[test]
    fn what_is_too_surprising_goes_and_the_likeliest_stays() {
        // −log₂ p = 3.322, 2.322, 1.737, 1.322.
        let kept = |mu: f64| left(&P, |s| s.at_most_surprising(mu));
        assert_eq!(kept(-5.0), [3]);
        assert_eq!(kept(1.3), [3]);
        assert_eq!(kept(1.73), [3]);
        assert_eq!(kept(1.74), [2, 3]);
        assert_eq!(kept(2.31), [2, 3]);
        assert_eq!(kept(2.33), [1, 2, 3]);
        assert_eq!(kept(3.33), [0, 1, 2, 3]);
    }

    #[test]
    fn a_long_order_is_the_sorted_one() {
        let logit = |token: Token| f64::from(token.wrapping_mul(2_654_435_761) % 1000);
        let candidates = Candidates::new((0..3000).map(|token| Candidate { token, logit: logit(token) }).collect()).unwrap();
        let mut seen = Vec::new();
        candidates.in_order(&by_rank, |candidate| {
            seen.push(*candidate);
            true
        });
        assert_eq!(seen, candidates.ranked());
    }
}
