//! The lazy draw of the candidates: s = p^a · Ĥ^b, drawn exactly while only few of them are looked at.

use super::step::TokenPath;
use crate::prob::{Candidate, Candidates, Ceiling, FLOOR, Token};

/// How p and Ĥ of a candidate become its weight, and the weight its chance.
///
/// ln s(w) = a·ln p(w) + b·(ln Ĥ'(w) − ln Ē(w)), Ĥ' = min(Ĥ, c) / c, and ln Ē is `usual`: 0 without a baseline. The draw takes the largest of ln s(w)/T + g(w), where g is Gumbel noise: that is one draw
/// from s^(1/T), normalised. Without noise and at T = 1 it is the argmax.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weighing {
    /// The exponent of p.
    pub a: f64,
    /// The exponent of Ĥ.
    pub b: f64,
    /// T > 0.
    pub temperature: f64,
    /// c, from which on every Ĥ counts alike; at 1 Ĥ' is Ĥ.
    pub ceiling: Ceiling,
}

impl Weighing {
    /// ln s, with Ĥ' kept at or above [`FLOOR`]. For a logit instead of ln p it is ln s up to a constant, which no draw sees.
    #[must_use]
    pub fn log_s(&self, log_p: f64, future: f64, usual: f64) -> f64 {
        self.a * log_p + self.b * self.log_openness(future, usual)
    }

    /// ln (Ĥ'/Ē): what of Ĥ is weighed.
    #[must_use]
    pub fn log_openness(&self, future: f64, usual: f64) -> f64 {
        self.ceiling.below(future).clamp(FLOOR, 1.0).ln() - usual
    }

    /// ln s/T + g.
    #[must_use]
    pub fn score(&self, log_p: f64, future: f64, usual: f64, noise: f64) -> f64 {
        self.score_of(self.log_s(log_p, future, usual), noise)
    }

    /// The same of a weight that is known.
    fn score_of(&self, log_s: f64, noise: f64) -> f64 {
        log_s / self.temperature + noise
    }

    /// (a·ln p − b·ln Ē)/T + g, which no score of the candidate can pass, since Ĥ' ≤ 1; a candidate with Ĥ ≥ c reaches
    /// it. That holds of the rounded numbers too: taking ln Ē from ln Ĥ' ≤ 0, multiplying by b ≥ 0, adding a·ln p, dividing by T > 0
    /// and adding g each keep the order.
    #[must_use]
    pub fn bound(&self, log_p: f64, usual: f64, noise: f64) -> f64 {
        (self.a * log_p + self.b * (0.0 - usual)) / self.temperature + noise
    }
}

/// One candidate.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Contender {
    pub token: Token,
    logit: f64,
    noise: f64,
    /// ln Ē.
    usual: f64,
    bound: f64,
    /// The candidate and what has been rolled on behind it: the path whose row decides about Ĥ.
    pub path: TokenPath,
    pub future: Option<f64>,
    /// ln of what of its weight is left by what is not to be said.
    left: f64,
    score: Option<f64>,
    lost: bool,
}

/// What is known of a candidate that was looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Weighed {
    pub future: f64,
    /// Ĥ'/Ē; `None` where Ĥ is weighed as it is.
    pub openness: Option<f64>,
    pub log_s: f64,
    /// What of the weight is left by what is not to be said; `None` where that is all of it.
    pub left: Option<f64>,
}

/// The candidates of one turn, best bound first, of equals the smaller token first.
///
/// Scores and bounds are those of the logits as they are, not normalised: so at b = 0 they are bit for bit those of a draw
/// without `future`.
///
/// A candidate that is not known can win only if its bound beats the best score that is: so they are looked at in the order of
/// their bounds until none can. The draw is exactly the one with all scores known. The idea is that of EPIC (Ahmed & Singh,
/// arXiv 2601.01714, 2026).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LazyDraw {
    weighing: Weighing,
    /// Whether Ĥ is weighed as it is.
    plain: bool,
    contenders: Vec<Contender>,
}

impl LazyDraw {
    /// The draw among these candidates; `noise(token)` is their Gumbel noise, or 0 for an argmax, and `usual(token)` their ln Ē,
    /// where Ĥ is measured against something.
    pub fn new(
        weighing: Weighing,
        candidates: &Candidates,
        noise: impl Fn(Token) -> f64,
        usual: Option<&dyn Fn(Token) -> f64>,
    ) -> Self {
        let enter = |Candidate { token, logit }| {
            let (noise, usual) = (noise(token), usual.map_or(0.0, |usual| usual(token)));
            let bound = weighing.bound(logit, usual, noise);
            let path = TokenPath(vec![token]);
            Contender { token, logit, noise, usual, bound, path, future: None, left: 0.0, score: None, lost: false }
        };
        let mut contenders: Vec<Contender> = candidates.iter().map(enter).collect();
        contenders.sort_by(|a, b| b.bound.total_cmp(&a.bound).then(a.token.cmp(&b.token)));
        Self { weighing, plain: weighing.ceiling.is_open() && usual.is_none(), contenders }
    }

    /// The candidate that is this token.
    pub fn find(&mut self, token: Token) -> Option<&mut Contender> {
        self.contenders.iter_mut().find(|candidate| candidate.token == token)
    }

    /// What is known of a candidate whose ln p is this, where its Ĥ is known. For a logit instead of ln p its ln s is one up to a
    /// constant.
    pub fn weighed(&self, token: Token, log_p: f64) -> Option<Weighed> {
        let candidate = self.contenders.iter().find(|candidate| candidate.token == token)?;
        let (future, usual) = (candidate.future?, candidate.usual);
        let openness = (!self.plain).then(|| self.weighing.log_openness(future, usual).exp());
        let log_s = self.weighing.log_s(log_p, future, usual) + candidate.left;
        let left = (candidate.left < 0.0).then(|| candidate.left.exp());
        Some(Weighed { future, openness, log_s, left })
    }

    /// Ĥ of a candidate is known now, and ln of what is left of its weight by what is not to be said, at most 0.
    pub fn know(&mut self, token: Token, future: f64, left: f64) {
        let weighing = self.weighing;
        if let Some(candidate) = self.find(token) {
            (candidate.future, candidate.left) = (Some(future), left);
            let log_s = weighing.log_s(candidate.logit, future, candidate.usual) + left;
            candidate.score = Some(weighing.score_of(log_s, candidate.noise));
        }
    }

    /// The leader among the known: the highest score, of equals the smaller token.
    pub fn leader(&self) -> Option<&Contender> {
        let known = self.contenders.iter().filter(|candidate| candidate.score.is_some());
        known.reduce(|best, next| if beats((next.score, next.token), (best.score, best.token)) { next } else { best })
    }

    /// The candidates that are not known and can still win, best bound first.
    pub fn open(&self) -> impl Iterator<Item = &Contender> {
        let leader = self.leader().map(|leader| (leader.score, leader.token));
        self.unknown()
            .take_while(move |candidate| leader.is_none_or(|leader| beats((Some(candidate.bound), candidate.token), leader)))
    }

    /// All candidates that are not known, best bound first.
    pub fn unknown(&self) -> impl Iterator<Item = &Contender> {
        self.contenders.iter().filter(|candidate| candidate.score.is_none())
    }

    /// The candidates that have lost since this was last asked.
    pub fn newly_lost(&mut self) -> Vec<Token> {
        let Some(leader) = self.leader().map(|leader| leader.token) else { return Vec::new() };
        let losing = |candidate: &&mut Contender| candidate.score.is_some() && !candidate.lost && candidate.token != leader;
        let mark = |candidate: &mut Contender| {
            candidate.lost = true;
            candidate.token
        };
        self.contenders.iter_mut().filter(losing).map(mark).collect()
    }
}

/// Whether one (score, token) stands before the other: higher, or equal with the smaller token.
fn beats(one: (Option<f64>, Token), other: (Option<f64>, Token)) -> bool {
    one.0 > other.0 || (one.0 == other.0 && one.1 < other.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prob::Alpha;
    use crate::sampler::Curve;

    fn s(p: f64, future: f64, alpha: f64, curve: Curve) -> f64 {
        let (a, b) = curve.exponents(Alpha::new(alpha).unwrap());
        Weighing { a, b, temperature: 1.0, ceiling: Ceiling::default() }.log_s(p.ln(), future, 0.0).exp()
    }

    #[test]
    fn the_weight_of_a_quarter_with_half_a_future() {
        for (alpha, weight) in [(-1.0, 0.25), (-0.5, 0.25 * 0.5_f64.sqrt()), (0.0, 0.125), (0.5, 0.25), (1.0, 0.5)] {
            assert!((s(0.25, 0.5, alpha, Curve::Article) - weight).abs() < 1e-12, "α = {alpha}");
        }
        assert!((s(0.25, 0.5, -0.5, Curve::Article) - 0.176_78).abs() < 1e-5);
    }

    #[test]
    fn the_other_curve_meets_it_at_the_ends_and_is_the_geometric_mean_in_the_middle() {
        for (alpha, weight) in [(-1.0, 0.25), (0.0, 0.125_f64.sqrt()), (1.0, 0.5)] {
            assert!((s(0.25, 0.5, alpha, Curve::Crossfade) - weight).abs() < 1e-12, "α = {alpha}");
        }
    }

    #[test]
    fn a_future_of_nothing_stays_finite() {
        assert!((s(0.25, 0.0, 1.0, Curve::Article) - 1e-6).abs() < 1e-18);
    }

    #[test]
    fn under_a_ceiling_what_is_open_enough_counts_as_wide_open() {
        let weighing = |c| Weighing { a: 1.0, b: 1.0, temperature: 1.0, ceiling: Ceiling::new(c).unwrap() };
        let half = weighing(0.5);
        for (future, weight) in [(0.9, 1.0), (0.5, 1.0), (0.4, 0.8), (0.25, 0.5), (0.0, 1e-6)] {
            assert!((half.log_s(0.0, future, 0.0).exp() - weight).abs() < 1e-12, "Ĥ = {future}");
        }
        // What reaches the ceiling reaches its bound, to the last bit.
        assert_eq!(half.score(-1.7, 0.5, 0.0, 0.3), half.bound(-1.7, 0.0, 0.3));
        assert!(half.score(-1.7, 0.499, 0.0, 0.3) < half.bound(-1.7, 0.0, 0.3));
        for future in [0.0, 0.3, 0.7, 1.0] {
            assert_eq!(weighing(1.0).log_s(-1.7, future, 0.0), -1.7 + future.max(FLOOR).ln());
        }
    }

    #[test]
    fn against_a_baseline_what_is_as_open_as_usual_weighs_as_much_as_p() {
        let weighing = Weighing { a: 1.0, b: 1.0, temperature: 1.0, ceiling: Ceiling::default() };
        let usual = 0.6_f64.ln();
        for (future, weight) in [(0.6, 0.25), (0.9, 0.375), (0.3, 0.125)] {
            assert!((weighing.log_s(0.25_f64.ln(), future, usual).exp() - weight).abs() < 1e-12, "Ĥ = {future}");
        }
        assert_eq!(weighing.bound(-1.5, usual, 0.5), weighing.score(-1.5, 1.0, usual, 0.5));
    }

    #[test]
    fn no_score_passes_its_bound() {
        for i in 0..1000_u32 {
            let x = f64::from(i) / 1000.0;
            let ceiling = Ceiling::new(1.0 - x / 1.5).unwrap();
            let weighing = Weighing { a: x, b: 1.0 - x / 2.0, temperature: 0.1 + x, ceiling };
            let (log_p, noise) = ((0.001 + x / 1.1).ln(), 7.0 * x - 2.0);
            for usual in [0.0, -0.3, -3.0 * x, FLOOR.ln()] {
                assert!(weighing.score(log_p, 1.0 - x, usual, noise) <= weighing.bound(log_p, usual, noise));
            }
        }
    }
}
