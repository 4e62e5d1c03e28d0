//! The model's side of a tree: one thread owns the memory, answers what it is asked at a place, and reports.
//!
//! Requests are answered in their order, and every one is over with a [`Report::Over`]. Whoever does not want to wait gives up what
//! was asked with [`Guide::cancel`]. The memory grows with what is asked of it; what was in it is read again then.

mod asking;
mod cutting;
mod deciding;
mod planning;
mod report;
mod telling;
#[cfg(test)]
pub(super) mod tests;

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};

pub use asking::{Aim, Recipe, Request, Stretch, Way, Wish};
use planning::Prepared;
pub use report::{Cost, Report};

use crate::decode::{Budget, Cancel, Explorer};
use crate::engine::Engine;
use crate::files::causes;
use crate::model::MOST_BRANCHES;

/// Texts that stay in memory beside what a request needs: those that the writer was at last.
const KEPT: usize = 8;

/// Rows that stay known.
const ROWS: usize = 64;

/// The cells of a memory at least: less would soon be too little.
const LEAST: usize = 1024;

/// The way to the model's side. Where it is gone, that ends.
pub struct Guide {
    requests: Sender<Job>,
    all: Cancel,
    /// What is asked for now is given up by this flag.
    now: Mutex<Cancel>,
}

/// A request, and what gives it up.
struct Job {
    request: Request,
    cancel: Cancel,
}

/// What is being answered.
struct Work<'w> {
    engine: &'w Engine,
    request: &'w Request,
    cancel: &'w Cancel,
    hear: &'w mut dyn FnMut(Report),
}

impl Guide {
    /// A thread that answers with this engine; `hear` gets its reports, on that thread.
    ///
    /// # Errors
    /// No thread can be started.
    pub fn spawn(engine: Arc<Engine>, hear: impl FnMut(Report) + Send + 'static) -> Result<(Self, JoinHandle<()>)> {
        let (requests, asked) = channel();
        let mut last = Last(hear);
        let run = move || serve(&engine, &asked, &mut last.0);
        let thread = thread::Builder::new().name("guide".to_owned()).spawn(run).context("cannot start a thread")?;
        let all = Cancel::new();
        let now = Mutex::new(all.child());
        Ok((Self { requests, all, now }, thread))
    }

    /// Asks for something, behind all that was asked before; whether there is anybody to ask.
    pub fn ask(&self, request: Request) -> bool {
        let cancel = self.now.lock().unwrap_or_else(PoisonError::into_inner).clone();
        self.requests.send(Job { request, cancel }).is_ok()
    }

    /// Gives up all that was asked until now: what is being answered ends with what there is of it, as soon as the decode is over that
    /// runs.
    pub fn cancel(&self) {
        let mut now = self.now.lock().unwrap_or_else(PoisonError::into_inner);
        now.cancel();
        *now = self.all.child();
    }
}

impl Drop for Guide {
    fn drop(&mut self) {
        self.all.cancel();
    }
}

/// Reports the end of the thread, however it comes.
struct Last<H: FnMut(Report)>(H);

impl<H: FnMut(Report)> Drop for Last<H> {
    fn drop(&mut self) {
        (self.0)(Report::Gone);
    }
}

/// Answers until nobody can ask any more.
fn serve(engine: &Engine, asked: &Receiver<Job>, hear: &mut dyn FnMut(Report)) {
    let (mut room, mut larger) = ((LEAST, KEPT), None);
    while let Some((job, prepared)) = larger.take().or_else(|| next(engine, asked, hear)) {
        room = roomy(room, prepared.room, engine.context());
        let over = |failed| Report::Over { number: job.request.number, failed, cost: Cost::default() };
        match engine.session_of(room.0, room.1) {
            Err(error) => {
                hear(over(Some(causes(&error))));
                room = (LEAST, KEPT);
            }
            Ok(mut session) => {
                let mut explorer = Explorer::new(&mut *session, Budget { branches: room.1, rows: ROWS });
                let mut work = Some((job, prepared));
                while let Some((job, prepared)) = work.take() {
                    if prepared.room.0 > room.0 || prepared.room.1 > room.1 {
                        larger = Some((job, prepared));
                        break;
                    }
                    answer(engine, &mut explorer, &job, prepared, hear);
                    work = next(engine, asked, hear);
                }
            }
        }
    }
}

/// The next request that can be answered, with what is needed for it.
fn next(engine: &Engine, asked: &Receiver<Job>, hear: &mut dyn FnMut(Report)) -> Option<(Job, Prepared)> {
    loop {
        let job = asked.recv().ok()?;
        let Job { request, cancel } = &job;
        let prepared = Work { engine, request, cancel, hear }.prepare();
        match prepared {
            Ok(prepared) => return Some((job, prepared)),
            Err(error) => {
                hear(Report::Over { number: request.number, failed: Some(causes(&error)), cost: Cost::default() });
            }
        }
    }
}

/// Room for what is needed and more to come: twice as much at least where it was too small.
fn roomy(has: (usize, usize), needed: (usize, usize), context: usize) -> (usize, usize) {
    let grown = |has: usize, needed: usize, most: usize| {
        if needed <= has { has } else { needed.next_power_of_two().min(most).max(needed) }
    };
    let branches = (needed.1 + KEPT).next_multiple_of(KEPT).min(MOST_BRANCHES);
    (grown(has.0, needed.0, 2 * context), has.1.max(branches).max(needed.1))
}

/// Answers one request.
fn answer(engine: &Engine, explorer: &mut Explorer, job: &Job, prepared: Prepared, hear: &mut dyn FnMut(Report)) {
    let Job { request, cancel } = job;
    let before = (explorer.decodes(), explorer.evaluations());
    let mut work = Work { engine, request, cancel, hear };
    let answered = match &request.wish {
        Wish::Decide { own } => work.decide(explorer, &prepared, *own),
        Wish::Ghosts { candidates, words } => work.ghosts(explorer, &prepared, candidates, *words),
        Wish::Tell { into, .. } => work.tell(explorer, prepared, into),
        Wish::Score => work.score(explorer, &prepared),
    };
    let failed = answered.err().map(|error| causes(&error));
    let cost = Cost { decodes: explorer.decodes() - before.0, evaluations: explorer.evaluations() - before.1 };
    hear(Report::Over { number: request.number, failed, cost });
}
