//! Who gets a place when: stories wait in the order in which they came, and whoever leaves is forgotten at once.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::fault::Fault;
use super::telling::{Buffer, Heard, Telling};
use super::visit::Visit;
use crate::decode::Plan;
use crate::engine::{Handle, Listener, StoryEvent, Ticket};
use crate::story::StopReason;

/// When to come again where the queue is full, in seconds.
const RETRY: u32 = 2;

/// The places, and the queue before them. Copies are the same desk.
#[derive(Clone)]
pub struct Desk(Arc<Shared>);

/// What is shared with those who listen.
pub(super) struct Shared {
    handle: Handle,
    places: usize,
    queue: usize,
    now: fn() -> Duration,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    next: u64,
    running: BTreeMap<u64, Running>,
    waiting: VecDeque<Waiting>,
    closed: bool,
}

/// A story that has a place.
struct Running {
    place: usize,
    prompt: usize,
    told: usize,
    buffer: Arc<Buffer>,
    /// None while it is being handed in.
    ticket: Option<Ticket>,
    /// Whether it is to end.
    leaves: bool,
}

/// A story that has none yet.
struct Waiting {
    number: u64,
    visit: Arc<Visit>,
    plan: Plan,
    events: UnboundedSender<Heard>,
    buffer: Arc<Buffer>,
}

/// A story as `/slots` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shown {
    /// Its place, where it has one.
    pub place: Option<usize>,
    /// Its number among all that were handed in.
    pub number: u64,
    /// Tokens of its prompt.
    pub prompt: usize,
    /// Tokens told.
    pub told: usize,
}

impl Desk {
    pub(super) fn new(handle: Handle, places: usize, queue: usize, now: fn() -> Duration) -> Self {
        Self(Arc::new(Shared { handle, places, queue, now, book: Mutex::default() }))
    }

    /// Hands in a story.
    ///
    /// # Errors
    /// As many requests wait as may, or the server is to end.
    pub(super) fn tell(&self, visit: &Arc<Visit>, plan: Plan) -> Result<Telling, Fault> {
        let mut book = self.0.book();
        if book.closed {
            return Err(Fault::unavailable("the server is about to end", 30));
        }
        if book.running.len() >= self.0.places && !book.has_room(visit, self.0.queue) {
            let (stories, requests) = (self.0.places, self.0.queue);
            let message =
                format!("{stories} stories are being told and {requests} requests wait; hint: come again in a moment");
            return Err(Fault::unavailable(message, RETRY));
        }
        let number = book.next;
        book.next += 1;
        let (events, heard) = unbounded_channel();
        let buffer = Arc::new(Buffer::default());
        let now = (self.0.now)();
        let telling =
            Telling::new(number, Arc::clone(&self.0), Arc::clone(visit), heard, Arc::clone(&buffer), plan.prompt.len(), now);
        book.waiting.push_back(Waiting { number, visit: Arc::clone(visit), plan, events, buffer });
        drop(book);
        self.0.admit();
        Ok(telling)
    }

    /// Takes no more stories; those that wait end.
    pub(super) fn close(&self) {
        let waiting = {
            let mut book = self.0.book();
            book.closed = true;
            std::mem::take(&mut book.waiting)
        };
        for waiting in waiting {
            waiting.ends((self.0.now)(), StopReason::Interrupted);
        }
    }

    /// Ends the stories that run, as interrupted.
    pub(super) fn interrupt(&self) {
        self.0.book().running.values_mut().for_each(Running::leave);
    }

    /// Ends the thread that tells.
    pub(super) fn shut_down(&self) {
        self.0.handle.shut_down();
    }

    /// Gives up those who have not read for so long: their stories would keep their places for good.
    pub(super) fn give_up_stalled(&self, stall: Duration) {
        let now = (self.0.now)();
        for running in self.0.book().running.values_mut() {
            if running.buffer.is_stalled(now, stall) {
                running.leave();
            }
        }
    }

    /// Whether nobody is told anything.
    pub(super) fn is_idle(&self) -> bool {
        self.0.book().running.is_empty()
    }

    /// Whether the thread that tells has ended by itself.
    pub(super) fn is_broken(&self) -> bool {
        self.0.handle.has_broken_off()
    }

    /// How many stories are told at once.
    #[must_use]
    pub fn places(&self) -> usize {
        self.0.places
    }

    /// What the memory holds: how many stories the thread has not begun, and what is taken and free.
    #[must_use]
    pub fn occupancy(&self) -> (usize, crate::decode::Occupancy) {
        self.0.handle.occupancy()
    }

    /// Those that run by their places, then those that wait, in their order.
    #[must_use]
    pub fn shown(&self) -> Vec<Shown> {
        let book = self.0.book();
        let running = book.running.iter().map(|(&number, running)| {
            let Running { place, prompt, told, .. } = *running;
            Shown { place: Some(place), number, prompt, told }
        });
        let waiting = book.waiting.iter().map(|waiting| {
            let Waiting { number, plan, .. } = waiting;
            Shown { place: None, number: *number, prompt: plan.prompt.len(), told: 0 }
        });
        let mut shown: Vec<Shown> = running.collect();
        shown.sort_by_key(|shown| shown.place);
        shown.extend(waiting);
        shown
    }
}

impl Book {
    /// Whether one more story of this visit's may wait: requests are counted, and not their drafts.
    fn has_room(&self, visit: &Arc<Visit>, queue: usize) -> bool {
        let mut visits: Vec<*const Visit> = self.waiting.iter().map(|waiting| Arc::as_ptr(&waiting.visit)).collect();
        visits.sort();
        visits.dedup();
        visits.len() < queue || visits.contains(&Arc::as_ptr(visit))
    }

    /// The first place that nobody has.
    fn free_place(&self) -> usize {
        let is_free = |place: &usize| self.running.values().all(|running| running.place != *place);
        (0..=self.running.len()).find(is_free).unwrap_or_default()
    }
}

impl Running {
    /// It is to end; its place is free when the thread has let go of it.
    fn leave(&mut self) {
        self.leaves = true;
        if let Some(ticket) = &self.ticket {
            ticket.cancel();
        }
    }
}

impl Waiting {
    /// It ends before it began.
    fn ends(self, now: Duration, stop: StopReason) {
        // Whoever is gone need not hear of it.
        let _ = self.events.send((now, StoryEvent::unbegun(self.plan.prompt.len(), stop)));
    }
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Duration {
        (self.now)()
    }

    /// Gives places to those that wait, as many as there are. Nothing is handed in while the book is held: whoever hears of an end at
    /// once looks into it.
    fn admit(self: &Arc<Self>) {
        while let Some(waiting) = self.next() {
            let Waiting { number, plan, events, buffer, .. } = waiting;
            let ear = Ear { number, shared: Arc::clone(self), events, buffer };
            // Where the thread has ended, the listener has heard of the story's end.
            let Ok(ticket) = self.handle.tell(plan, Box::new(ear)) else { continue };
            if let Some(running) = self.book().running.get_mut(&number) {
                running.ticket = Some(ticket);
                if running.leaves {
                    running.leave();
                }
            }
        }
    }

    /// The story that came first, where there is a place for it; it has that from here on.
    fn next(&self) -> Option<Waiting> {
        let mut book = self.book();
        if book.running.len() >= self.places {
            return None;
        }
        let waiting = book.waiting.pop_front()?;
        let (place, prompt, buffer) = (book.free_place(), waiting.plan.prompt.len(), Arc::clone(&waiting.buffer));
        book.running.insert(waiting.number, Running { place, prompt, told: 0, buffer, ticket: None, leaves: false });
        Some(waiting)
    }

    /// Whoever asked for this story is gone, or has enough.
    pub(super) fn leave(&self, number: u64) {
        let mut book = self.book();
        if let Some(running) = book.running.get_mut(&number) {
            return running.leave();
        }
        let at = book.waiting.iter().position(|waiting| waiting.number == number);
        let waiting = at.and_then(|at| book.waiting.remove(at));
        drop(book);
        if let Some(waiting) = waiting {
            waiting.ends(self.now(), StopReason::Interrupted);
        }
    }

    /// The listener of this story has room again.
    pub(super) fn look(&self, number: u64) {
        if let Some(ticket) = self.book().running.get(&number).and_then(|running| running.ticket.as_ref()) {
            ticket.look();
        }
    }

    /// Where this story is told.
    pub(super) fn place(&self, number: u64) -> Option<usize> {
        self.book().running.get(&number).map(|running| running.place)
    }
}

/// Who hears of a story on the thread that tells.
struct Ear {
    number: u64,
    shared: Arc<Shared>,
    events: UnboundedSender<Heard>,
    buffer: Arc<Buffer>,
}

impl Listener for Ear {
    fn hear(&mut self, event: StoryEvent) -> ControlFlow<()> {
        let (now, is_end) = (self.shared.now(), matches!(event, StoryEvent::Ended { .. }));
        if let StoryEvent::Told { counts, .. } = &event {
            self.buffer.put(now);
            if let Some(running) = self.shared.book().running.get_mut(&self.number) {
                running.told = counts.tokens;
            }
        }
        if is_end {
            self.shared.book().running.remove(&self.number);
        }
        let heard = self.events.send((now, event));
        if is_end {
            self.shared.admit();
        }
        if heard.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    }

    fn is_ready(&self) -> bool {
        !self.buffer.is_full()
    }
}
