//! Selections of candidates in an order, and the entropy that some cuts measure.

use std::cmp::Ordering;

use super::{Candidate, Candidates, by_rank};

impl Candidates {
    /// H = −Σ p ln p of the candidates, in nats.
    #[must_use]
    pub fn entropy(&self) -> f64 {
        let (z, weighted) = self.sums(self.highest());
        (z.ln() - weighted / z).max(0.0)
    }

    /// The n likeliest, likeliest first, of equals the smaller number first; all where there are fewer.
    #[must_use]
    pub fn first(&self, n: usize) -> Vec<Candidate> {
        let mut first = Vec::new();
        if n > 0 {
            self.in_order(&by_rank, |candidate| {
                first.push(*candidate);
                first.len() < n
            });
        }
        first
    }

    /// Keeps the first in this order up to the one, itself included, at which `done`; all where none is.
    pub(crate) fn keep_until(
        &mut self,
        order: impl Fn(&Candidate, &Candidate) -> Ordering,
        mut done: impl FnMut(&Candidate) -> bool,
    ) {
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
    pub(crate) fn keep_while(
        &mut self,
        order: impl Fn(&Candidate, &Candidate) -> Ordering,
        mut goes_on: impl FnMut(&Candidate) -> bool,
    ) {
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
    use std::f64::consts::LN_2;

    use super::*;
    use crate::prob::Token;

    #[test]
    fn the_entropy_of_halves_is_that_of_the_hand() {
        let halves = [0.5_f64, 0.25, 0.125, 0.125];
        let all = (0..).zip(halves).map(|(token, p)| Candidate { token, logit: p.ln() });
        assert!((Candidates::new(all.collect()).unwrap().entropy() - 1.75 * LN_2).abs() < 1e-12);
        let certain = [Candidate { token: 0, logit: 1e280 }, Candidate { token: 1, logit: -1e280 }];
        assert!(Candidates::new(certain.to_vec()).unwrap().entropy() < 1e-300);
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
        for n in [0, 1, 64, 65, 3000, 4000] {
            assert_eq!(candidates.first(n), seen[..n.min(3000)]);
        }
    }
}
