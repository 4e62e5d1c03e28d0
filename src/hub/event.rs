//! What happens while something is brought, for whoever shows it.

use std::time::Duration;

use crate::decode::Cancel;
use crate::engine::Cancelled;

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A server is asked.
    Asking(String),
    /// A file of a repository has a name that no file may have here, and is passed over.
    PassedOver(String),
    /// Something failed that may go better next time: why, how long is waited, and which try of how many comes next.
    Retrying {
        /// Why.
        cause: String,
        /// How long is waited before.
        wait: Duration,
        /// The number of the next try, from 2 on.
        next: u32,
        /// How many there are at most.
        of: u32,
    },
    /// Another process brings this file; it is waited for.
    Waiting(String),
    /// This place cannot lock files: nobody else is to bring the same at the same time.
    NotLocked,
    /// A file is brought, of so many bytes, of which so many are here.
    Begun {
        /// Its name.
        file: String,
        /// Bytes that were kept.
        kept: u64,
        /// All its bytes.
        size: u64,
    },
    /// So many bytes of the file are here now.
    Bytes(u64),
    /// A file begins from its first byte again.
    Anew(Anew),
    /// The file is whole, and its checksum right.
    Whole,
    /// The hub cannot be reached, and what is here is used.
    Unreachable(String),
}

/// Why a file begins again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Anew {
    /// It is another one than the one that was begun.
    Changed,
    /// The server sends it whole, whatever is asked, or sent another part than was asked for.
    NoParts,
    /// Its checksum is wrong.
    WrongSum,
}

/// Who is told, and what ends it from outside.
pub struct Watch<'w> {
    tell: &'w mut dyn FnMut(Event),
    cancel: &'w Cancel,
}

impl<'w> Watch<'w> {
    /// Tells this of every event, and ends when this is set.
    pub fn new(tell: &'w mut dyn FnMut(Event), cancel: &'w Cancel) -> Self {
        Self { tell, cancel }
    }

    pub(super) fn tell(&mut self, event: Event) {
        (self.tell)(event);
    }

    /// Asks whether to go on.
    ///
    /// # Errors
    /// [`Cancelled`]: it was ended from outside.
    pub(super) fn ask(&self) -> anyhow::Result<()> {
        if self.cancel.is_cancelled() { Err(Cancelled.into()) } else { Ok(()) }
    }

    /// Waits, and asks meanwhile whether to go on.
    ///
    /// # Errors
    /// As [`Watch::ask`].
    pub(super) fn wait(&self, time: Duration) -> anyhow::Result<()> {
        const STEP: Duration = Duration::from_millis(50);
        let mut left = time;
        while !left.is_zero() {
            self.ask()?;
            let step = left.min(STEP);
            std::thread::sleep(step);
            left -= step;
        }
        self.ask()
    }
}
