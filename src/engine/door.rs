//! Where stories are handed in, wait, and are given up: what a thread that tells and those who ask have in common.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use anyhow::{Result, anyhow};

use super::listener::Client;
use crate::decode::{Occupancy, Plan};

/// A story that was handed in.
pub(super) struct Job {
    pub plan: Plan,
    pub client: Client,
}

/// The place where stories wait.
pub(super) struct Door {
    within: Mutex<Within>,
    bell: Condvar,
}

struct Within {
    waiting: VecDeque<Job>,
    /// Those who can hand in stories.
    handles: usize,
    /// Somebody has rung since the thread last looked.
    rung: bool,
    state: DoorState,
    occupancy: Occupancy,
}

/// Whether the thread tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DoorState {
    Open,
    /// It has ended as it should.
    Shut,
    /// It has broken off by a panic.
    Broken,
}

/// What the thread finds at the door.
#[allow(clippy::large_enum_variant, reason = "it is handed out once a story")]
pub(super) enum Found {
    /// The story that came first.
    Story(Job),
    /// None now.
    Nothing,
    /// None ever.
    Never,
}

impl Door {
    /// A door with one handle, to an empty memory.
    pub fn new(occupancy: Occupancy) -> Self {
        let state = DoorState::Open;
        let within = Within { waiting: VecDeque::new(), handles: 1, rung: false, state, occupancy };
        Self { within: Mutex::new(within), bell: Condvar::new() }
    }

    fn within(&self) -> MutexGuard<'_, Within> {
        self.within.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands in a story.
    ///
    /// # Errors
    /// The thread has ended; then the story has, too.
    pub fn hand_in(&self, job: Job) -> Result<()> {
        let mut within = self.within();
        if within.state != DoorState::Open {
            drop(within);
            return Err(anyhow!("the thread that tells stories has ended"));
        }
        within.waiting.push_back(job);
        drop(within);
        self.ring();
        Ok(())
    }

    /// Wakes the thread, if it sleeps.
    pub fn ring(&self) {
        self.within().rung = true;
        self.bell.notify_one();
    }

    /// One handle more, or one less.
    pub fn count_handles(&self, count: impl FnOnce(usize) -> usize) {
        let mut within = self.within();
        within.handles = count(within.handles);
        drop(within);
        self.ring();
    }

    /// The next story that nobody has given up; where there is none, and `waits`, it is waited until somebody rings.
    pub fn find(&self, waits: bool) -> Found {
        self.sweep();
        let mut within = self.within();
        if waits {
            let nothing = |within: &mut Within| within.waiting.is_empty() && within.handles > 0 && !within.rung;
            within = self.bell.wait_while(within, nothing).unwrap_or_else(PoisonError::into_inner);
            // Who does not wait here may be about to sleep, and leaves the ring for that.
            within.rung = false;
        }
        match within.waiting.pop_front() {
            Some(job) => Found::Story(job),
            None if within.handles == 0 => Found::Never,
            None => Found::Nothing,
        }
    }

    /// Waits until somebody rings.
    pub fn sleep(&self) {
        let mut within = self.bell.wait_while(self.within(), |within| !within.rung).unwrap_or_else(PoisonError::into_inner);
        within.rung = false;
    }

    /// Ends the stories that were given up while they waited.
    pub fn sweep(&self) {
        let given_up: Vec<Job> = {
            let waiting = &mut self.within().waiting;
            (0..waiting.len())
                .rev()
                .filter_map(|at| waiting[at].client.has_left().then(|| waiting.remove(at)).flatten())
                .collect()
        };
        // Their listeners hear of it where nobody is kept waiting.
        drop(given_up);
    }

    /// What is taken of the memory.
    pub fn occupied(&self, occupancy: Occupancy) {
        self.within().occupancy = occupancy;
    }

    /// How many stories wait, and what is taken of the memory.
    pub fn occupancy(&self) -> (usize, Occupancy) {
        let within = self.within();
        (within.waiting.len(), within.occupancy)
    }

    pub fn state(&self) -> DoorState {
        self.within().state
    }

    /// Shuts the door: what waits ends, and nothing is handed in any more.
    pub fn shut(&self, state: DoorState) {
        let mut within = self.within();
        within.state = state;
        let turned_away = std::mem::take(&mut within.waiting);
        drop(within);
        drop(turned_away);
    }
}
