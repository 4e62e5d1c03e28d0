//! Who gets a place when: stories wait in the order in which they came, and whoever leaves is forgotten at once.

use std::collections::{BTreeMap, VecDeque};
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_stream::{Stream, StreamExt};

use super::fault::Fault;
use super::visit::{Visit, word};
use crate::decode::{Cancel, Completion, Plan};
use crate::engine::{Handle, StoryEvent};
use crate::story::StopReason;

/// When to come again where the queue is full, in seconds.
const RETRY: u32 = 2;

/// The places, and the queue before them. Copies are the same desk.
#[derive(Clone)]
pub struct Desk(Arc<Shared>);

struct Shared {
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

struct Running {
    place: usize,
    cancel: Cancel,
    prompt: usize,
    told: usize,
}

struct Waiting {
    number: u64,
    visit: Arc<Visit>,
    plan: Plan,
    events: UnboundedSender<Heard>,
}

/// An event, and when it was.
type Heard = (Duration, StoryEvent);

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
            let message = format!("{} stories are told and {} requests wait: come again later", self.0.places, self.0.queue);
            return Err(Fault::unavailable(message, RETRY));
        }
        let number = book.next;
        book.next += 1;
        let (events, heard) = unbounded_channel();
        let telling = Telling {
            number,
            shared: Arc::clone(&self.0),
            visit: Arc::clone(visit),
            heard,
            prompt: plan.prompt.len(),
            times: Times { handed: (self.0.now)(), ..Times::default() },
            place: None,
            ended: false,
        };
        book.waiting.push_back(Waiting { number, visit: Arc::clone(visit), plan, events });
        self.0.admit(&mut book);
        Ok(telling)
    }

    /// Takes no more stories; those that wait end.
    pub(super) fn close(&self) {
        let mut book = self.0.book();
        book.closed = true;
        for Waiting { plan, events, .. } in book.waiting.drain(..) {
            let _ = events.send(((self.0.now)(), unbegun(plan.prompt.len(), StopReason::Interrupted)));
        }
    }

    /// Ends the stories that run, as interrupted.
    pub(super) fn interrupt(&self) {
        for running in self.0.book().running.values() {
            running.cancel.cancel();
        }
    }

    /// How many stories are told at once.
    #[must_use]
    pub fn places(&self) -> usize {
        self.0.places
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
        visits.dedup();
        visits.len() < queue || visits.contains(&Arc::as_ptr(visit))
    }

    /// The first place that nobody has.
    fn free_place(&self) -> usize {
        let is_free = |place: &usize| self.running.values().all(|running| running.place != *place);
        (0..=self.running.len()).find(is_free).unwrap_or_default()
    }
}

impl Shared {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives places to those that wait, as many as there are.
    fn admit(self: &Arc<Self>, book: &mut Book) {
        while book.running.len() < self.places {
            let Some(Waiting { number, plan, events, .. }) = book.waiting.pop_front() else { return };
            let prompt = plan.prompt.len();
            let listener = self.listener(number, events.clone());
            match self.handle.tell(plan, listener) {
                Ok(cancel) => {
                    let place = book.free_place();
                    book.running.insert(number, Running { place, cancel, prompt, told: 0 });
                }
                Err(error) => {
                    let failed = StopReason::Failed(error.to_string());
                    let _ = events.send(((self.now)(), unbegun(prompt, failed)));
                }
            }
        }
    }

    /// Who hears of a story on the thread that tells.
    fn listener(self: &Arc<Self>, number: u64, events: UnboundedSender<Heard>) -> crate::engine::Listener {
        let shared = Arc::clone(self);
        Box::new(move |event| {
            match &event {
                StoryEvent::Told { counts, .. } => {
                    if let Some(running) = shared.book().running.get_mut(&number) {
                        running.told = counts.tokens;
                    }
                }
                StoryEvent::Ended { .. } => {
                    let mut book = shared.book();
                    book.running.remove(&number);
                    shared.admit(&mut book);
                }
                StoryEvent::Began | StoryEvent::Reading { .. } => {}
            }
            match events.send(((shared.now)(), event)) {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        })
    }

    /// Whoever asked for this story is gone.
    fn leave(&self, number: u64) {
        let mut book = self.book();
        book.waiting.retain(|waiting| waiting.number != number);
        if let Some(running) = book.running.get(&number) {
            // Its place is free when the thread has let go of it.
            running.cancel.cancel();
        }
    }
}

/// The end of a story that never began.
fn unbegun(prompt: usize, stop: StopReason) -> StoryEvent {
    StoryEvent::Ended { completion: Box::new(Completion::unbegun(prompt, stop)), rest: String::new(), parts: Vec::new() }
}

/// When what happened to a story, since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Times {
    /// It was handed in.
    pub handed: Duration,
    /// It got its place.
    pub began: Option<Duration>,
    /// Its first token was told.
    pub first: Option<Duration>,
    /// Its last token was told, so far.
    pub last: Option<Duration>,
}

/// A story that was handed in: a stream of what happens to it, the last of which is [`StoryEvent::Ended`], and that always comes.
/// Whoever drops it ends the story, be it queued, reading or telling.
pub struct Telling {
    number: u64,
    shared: Arc<Shared>,
    visit: Arc<Visit>,
    heard: UnboundedReceiver<Heard>,
    prompt: usize,
    times: Times,
    place: Option<usize>,
    ended: bool,
}

impl Telling {
    /// What happens next; `None` behind the end.
    pub async fn next(&mut self) -> Option<StoryEvent> {
        StreamExt::next(self).await
    }

    /// When what happened, as far as it was taken from the stream.
    #[must_use]
    pub fn times(&self) -> Times {
        self.times
    }

    /// The place that it has or had.
    #[must_use]
    pub fn place(&self) -> Option<usize> {
        self.place
    }

    fn note(&mut self, heard: Option<Heard>) -> StoryEvent {
        // The thread is gone, and with it what it would have said.
        let lost = || ((self.shared.now)(), unbegun(self.prompt, StopReason::Failed("the thread that tells has ended".into())));
        let (at, event) = heard.unwrap_or_else(lost);
        match &event {
            StoryEvent::Began => {
                self.times.began = Some(at);
                self.place = self.shared.book().running.get(&self.number).map(|running| running.place);
            }
            StoryEvent::Told { .. } => {
                self.times.first.get_or_insert(at);
                self.times.last = Some(at);
            }
            StoryEvent::Ended { completion, .. } => {
                self.ended = true;
                let telling = self.times.first.zip(self.times.last).map(|(first, last)| last.saturating_sub(first));
                self.visit.told(completion.counts.tokens, telling.unwrap_or_default(), word(&completion.stop));
            }
            StoryEvent::Reading { .. } => {}
        }
        event
    }
}

impl Stream for Telling {
    type Item = StoryEvent;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<StoryEvent>> {
        if self.ended {
            return Poll::Ready(None);
        }
        self.heard.poll_recv(context).map(|heard| Some(self.note(heard)))
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        if !self.ended {
            self.shared.leave(self.number);
            self.visit.told(0, Duration::ZERO, "the client left");
        }
    }
}
