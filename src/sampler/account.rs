//! What a turn keeps account of, so that its draw can tell how it came about.

use super::chain::Warmth;
use super::draw::{CandidateTrace, Draw, Now, Removed, Share, Shares, Skipped, TopTokenTrace};
use super::lazy_draw::LazyDraw;
use super::prepared::{self, PreparedStage, StageOp};
use crate::prob::{Alpha, Candidate, Candidates, Partition, Ranked, Token, rank, top};

/// What the model itself says of a token.
#[derive(Debug, Clone, Copy)]
pub(super) struct Own {
    pub token: Token,
    log_p: f64,
    rank: Option<usize>,
}

/// The account of a turn: its row, as far as its draw will tell of it, and what each stage has removed.
#[derive(Debug, Clone)]
pub(super) struct Account {
    partition: Partition,
    warmth: Warmth,
    watched: Vec<TopTokenTrace>,
    detail: bool,
    here: Option<f64>,
    alpha: Option<f64>,
    excess: Option<f64>,
    removed: Vec<Removed>,
    feedback: Option<f64>,
    likeliest: Vec<TopTokenTrace>,
    shares: Option<Shares>,
}

impl Account {
    pub fn new(partition: Partition, warmth: Warmth, watched: Vec<TopTokenTrace>, detail: bool) -> Self {
        let (here, alpha, excess, feedback, shares) = (None, None, None, None, None);
        let (removed, likeliest) = (Vec::new(), Vec::new());
        Self { partition, warmth, watched, detail, here, alpha, excess, removed, feedback, likeliest, shares }
    }

    /// The same, which also tells the n likeliest tokens of this row.
    pub fn telling(mut self, row: &[f32], n: usize) -> Self {
        let tell = |ranked: Ranked| TopTokenTrace { token: ranked.token, log_p: self.partition.log_p(ranked.logit) };
        self.likeliest = top(row, n).into_iter().map(tell).collect();
        self
    }

    /// A token was picked out of these, which are all that is left: tells its chance and the n largest, where those are asked for.
    pub fn share(&mut self, n: usize, candidates: &Candidates, taken: Token) {
        let mass = candidates.mass();
        let p = |candidate: Candidate| mass.log_p(candidate.logit).exp();
        let largest = candidates.first(n).into_iter().map(|one| Share { token: one.token, p: p(one) }).collect();
        let taken = candidates.log_p(taken).map_or(0.0, f64::exp);
        self.shares = (n > 0).then_some(Shares { taken, largest });
    }

    /// Runs acts over the candidates and keeps account of what they remove.
    pub fn run(&mut self, acts: &[PreparedStage], candidates: &mut Candidates) {
        for act in acts {
            // It costs a look at all of them, and is for those who want to know.
            if let StageOp::DynamicTemperature(temperature) = act.op()
                && self.detail
            {
                self.warmth.temperature *= temperature.of(candidates).get();
            }
            self.removed.extend(prepared::run(std::slice::from_ref(act), candidates, &self.watched));
        }
    }

    /// Acts ran that removed nothing.
    pub fn ran_idle(&mut self, acts: &[PreparedStage]) {
        self.removed.extend(prepared::idle(acts));
    }

    /// What a stage with feedback will remember.
    pub fn remember(&mut self, feedback: Option<f64>) {
        self.feedback = feedback;
    }

    /// Act number `at` is known to have removed so many more, which were left out before it ran.
    pub fn count_more(&mut self, at: usize, more: usize) {
        self.removed[at].count += more;
    }

    /// Enters `future`: α, Ĥ of this very moment, and the narrowing to candidates.
    pub fn enter(
        &mut self,
        stage: &'static str,
        alpha: Alpha,
        here: f64,
        candidates: &mut Candidates,
        narrow: impl FnOnce(&mut Candidates),
    ) {
        (self.alpha, self.here) = (Some(alpha.get()), Some(here));
        self.removed.push(prepared::removing(stage, candidates, &self.watched, narrow));
    }

    /// What the row says of a token.
    pub fn own(&self, row: &[f32], token: Token) -> Own {
        let log_p = row.get(token as usize).map_or(f64::NEG_INFINITY, |&logit| self.partition.log_p(logit));
        // Mostly the token is one of the likeliest, whose ranks are known.
        let known = self.watched.iter().position(|one| one.token == token);
        Own { token, log_p, rank: self.detail.then(|| known.unwrap_or_else(|| rank(row, token))) }
    }

    /// What a chain without `future` has left of the watched tokens, likeliest first.
    pub fn left(&self, candidates: &Candidates) -> Vec<CandidateTrace> {
        if self.watched.is_empty() {
            return Vec::new();
        }
        let mass = candidates.mass();
        let tell = |candidate: Candidate| {
            let own = self.watched.iter().find(|one| one.token == candidate.token)?;
            let p = mass.log_p(candidate.logit).exp();
            Some(CandidateTrace {
                token: candidate.token,
                p,
                log_p: own.log_p,
                future: None,
                openness: None,
                log_s: None,
                left: None,
            })
        };
        let mut left: Vec<CandidateTrace> = candidates.iter().filter_map(tell).collect();
        left.sort_by(by_p);
        left
    }

    /// A guard found the story so far beyond its model.
    pub fn guard(&mut self, excess: Option<f64>) {
        self.excess = excess;
    }

    /// The draw of a token.
    pub fn draw(&self, own: Own, candidates: Vec<CandidateTrace>, skipped: Option<Skipped>) -> Draw {
        Draw {
            token: own.token,
            log_p: own.log_p,
            now: Now { entropy: self.partition.entropy(), normalised_entropy: self.here, rank: own.rank },
            alpha: self.alpha,
            excess: self.excess,
            temperature: self.warmth.moves.then_some(self.warmth.temperature),
            candidates,
            skipped,
            removed: self.removed.clone(),
            feedback: self.feedback,
            likeliest: self.likeliest.clone(),
            shares: self.shares.clone(),
        }
    }
}

/// The candidates as a draw tells of them, likeliest first.
pub(super) fn looked(candidates: &Candidates, own: &[Own], lazy_draw: &LazyDraw) -> Vec<CandidateTrace> {
    let mass = candidates.mass();
    let tell = |(Candidate { token, logit }, own): (Candidate, &Own)| {
        let log_p = mass.log_p(logit);
        let weighed = lazy_draw.weighed(token, log_p);
        let [future, log_s] = [weighed.map(|one| one.future), weighed.map(|one| one.log_s)];
        let [openness, left] = [weighed.and_then(|one| one.openness), weighed.and_then(|one| one.left)];
        CandidateTrace { token, p: log_p.exp(), log_p: own.log_p, future, openness, log_s, left }
    };
    let mut looked: Vec<CandidateTrace> = candidates.iter().zip(own).map(tell).collect();
    looked.sort_by(by_p);
    looked
}

/// Likeliest first, of equals the smaller token first.
fn by_p(a: &CandidateTrace, b: &CandidateTrace) -> std::cmp::Ordering {
    b.p.total_cmp(&a.p).then(a.token.cmp(&b.token))
}
