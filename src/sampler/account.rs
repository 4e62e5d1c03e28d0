//! What a turn keeps account of, so that its draw can tell how it came about.

use super::chain::Warmth;
use super::draw::{Draw, Looked, Now, Removed, Skipped, Watched};
use super::lazy_draw::Contest;
use super::prepared::{self, PreparedStage, StageOp};
use crate::prob::{Alpha, Partition, Survivor, Survivors, Token, rank};

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
    watched: Vec<Watched>,
    detail: bool,
    here: Option<f64>,
    alpha: Option<f64>,
    removed: Vec<Removed>,
    steering: Option<f64>,
}

impl Account {
    pub fn new(partition: Partition, warmth: Warmth, watched: Vec<Watched>, detail: bool) -> Self {
        Self { partition, warmth, watched, detail, here: None, alpha: None, removed: Vec::new(), steering: None }
    }

    /// Runs acts over the survivors and keeps account of what they remove.
    pub fn run(&mut self, acts: &[PreparedStage], survivors: &mut Survivors) {
        for act in acts {
            // It costs a look at all of them, and is for those who want to know.
            if let StageOp::DynamicTemperature(temperature) = act.op()
                && self.detail
            {
                self.warmth.temperature *= temperature.of(survivors).get();
            }
            self.removed.extend(prepared::run(std::slice::from_ref(act), survivors, &self.watched));
        }
    }

    /// Acts ran that removed nothing.
    pub fn ran_idle(&mut self, acts: &[PreparedStage]) {
        self.removed.extend(prepared::idle(acts));
    }

    /// What a stage that steers will remember.
    pub fn remember(&mut self, steering: Option<f64>) {
        self.steering = steering;
    }

    /// Act number `at` is known to have removed so many more, which were left out before it ran.
    pub fn count_more(&mut self, at: usize, more: usize) {
        self.removed[at].count += more;
    }

    /// Enters `future`: α, the openness of this very moment, and the narrowing to candidates.
    pub fn enter(&mut self, alpha: Alpha, here: f64, survivors: &mut Survivors, narrow: impl FnOnce(&mut Survivors)) {
        (self.alpha, self.here) = (Some(alpha.get()), Some(here));
        self.removed.push(prepared::removing("future", survivors, &self.watched, narrow));
    }

    /// What the row says of a token.
    pub fn own(&self, row: &[f32], token: Token) -> Own {
        let log_p = row.get(token as usize).map_or(f64::NEG_INFINITY, |&logit| self.partition.log_p(logit));
        // Mostly the token is one of the likeliest, whose ranks are known.
        let known = self.watched.iter().position(|one| one.token == token);
        Own { token, log_p, rank: self.detail.then(|| known.unwrap_or_else(|| rank(row, token))) }
    }

    /// What a chain without `future` has left of the watched tokens, likeliest first.
    pub fn left(&self, survivors: &Survivors) -> Vec<Looked> {
        if self.watched.is_empty() {
            return Vec::new();
        }
        let mass = survivors.mass();
        let tell = |survivor: Survivor| {
            let own = self.watched.iter().find(|one| one.token == survivor.token)?;
            let p = mass.log_p(survivor.logit).exp();
            Some(Looked { token: survivor.token, p, log_p: own.log_p, future: None, log_s: None })
        };
        let mut left: Vec<Looked> = survivors.iter().filter_map(tell).collect();
        left.sort_by(by_p);
        left
    }

    /// The draw of a token.
    pub fn draw(&self, own: Own, candidates: Vec<Looked>, skipped: Option<Skipped>) -> Draw {
        Draw {
            token: own.token,
            log_p: own.log_p,
            now: Now { entropy: self.partition.entropy(), normalised_entropy: self.here, rank: own.rank },
            alpha: self.alpha,
            temperature: self.warmth.moves.then_some(self.warmth.temperature),
            candidates,
            skipped,
            removed: self.removed.clone(),
            steering: self.steering,
        }
    }
}

/// The candidates as a draw tells of them, likeliest first.
pub(super) fn looked(survivors: &Survivors, own: &[Own], contest: &Contest) -> Vec<Looked> {
    let mass = survivors.mass();
    let tell = |(Survivor { token, logit }, own): (Survivor, &Own)| {
        let (log_p, future) = (mass.log_p(logit), contest.future(token));
        Looked { token, p: log_p.exp(), log_p: own.log_p, future, log_s: future.map(|h| contest.log_s(log_p, h)) }
    };
    let mut looked: Vec<Looked> = survivors.iter().zip(own).map(tell).collect();
    looked.sort_by(by_p);
    looked
}

/// Likeliest first, of equals the smaller token first.
fn by_p(a: &Looked, b: &Looked) -> std::cmp::Ordering {
    b.p.total_cmp(&a.p).then(a.token.cmp(&b.token))
}
