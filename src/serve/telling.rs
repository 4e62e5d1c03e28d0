//! A story as whoever asked for it hears it: a stream, a buffer before it, and the times of what happened.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::mpsc::UnboundedReceiver;
use tokio_stream::{Stream, StreamExt};

use super::desk::Shared;
use super::visit::{Visit, word};
use crate::engine::StoryEvent;
use crate::story::StopReason;

/// Tokens that wait for a slow reader; with more its story rests.
const MOST_WAITING: usize = 32;

/// An event, and when it was.
pub(super) type Heard = (Duration, StoryEvent);

/// How many tokens wait to be read, and since when there is no room for more.
#[derive(Debug, Default)]
pub(super) struct Buffer {
    waiting: AtomicUsize,
    /// Milliseconds since 1970; 0 while there is room.
    full_since: AtomicU64,
    given_up: AtomicBool,
}

impl Buffer {
    /// One more waits.
    pub fn put(&self, now: Duration) {
        if self.waiting.fetch_add(1, Ordering::SeqCst) + 1 == MOST_WAITING {
            self.full_since.store(milliseconds(now).max(1), Ordering::SeqCst);
        }
    }

    /// One was read; whether there is room again.
    fn take(&self) -> bool {
        let has_room = self.waiting.fetch_sub(1, Ordering::SeqCst) == MOST_WAITING;
        if has_room {
            self.full_since.store(0, Ordering::SeqCst);
        }
        has_room
    }

    /// Whether the story is to rest.
    pub fn is_full(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) >= MOST_WAITING
    }

    /// Whether nothing was read for so long that whoever listens is given up.
    pub fn is_stalled(&self, now: Duration, stall: Duration) -> bool {
        let since = self.full_since.load(Ordering::SeqCst);
        let is = since > 0 && milliseconds(now).saturating_sub(since) >= milliseconds(stall);
        self.given_up.fetch_or(is, Ordering::SeqCst);
        is
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
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
    buffer: Arc<Buffer>,
    prompt: usize,
    told: usize,
    times: Times,
    place: Option<usize>,
    ended: bool,
}

impl Telling {
    pub(super) fn new(
        number: u64,
        shared: Arc<Shared>,
        visit: Arc<Visit>,
        heard: UnboundedReceiver<Heard>,
        buffer: Arc<Buffer>,
        prompt: usize,
        handed: Duration,
    ) -> Self {
        let times = Times { handed, ..Times::default() };
        Self { number, shared, visit, heard, buffer, prompt, told: 0, times, place: None, ended: false }
    }

    /// What happens next; `None` behind the end.
    pub async fn next(&mut self) -> Option<StoryEvent> {
        StreamExt::next(self).await
    }

    /// Ends it as interrupted; what it still has, and its end, is heard.
    pub fn end(&self) {
        self.shared.leave(self.number);
    }

    /// Does the same from elsewhere, whenever it is called.
    pub(super) fn leaver(&self) -> impl Fn() + Send + Sync + 'static {
        let (shared, number) = (Arc::clone(&self.shared), self.number);
        move || shared.leave(number)
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

    /// From its first token to its last.
    fn span(&self) -> Duration {
        let Times { first, last, .. } = self.times;
        first.zip(last).map(|(first, last)| last.saturating_sub(first)).unwrap_or_default()
    }

    /// Takes notice of what happened.
    fn note(&mut self, heard: Option<Heard>) -> StoryEvent {
        // The thread is gone, and with it what it would have said.
        let lost = || {
            (self.shared.now(), StoryEvent::unbegun(self.prompt, StopReason::Failed("the thread that tells has ended".into())))
        };
        let (at, event) = heard.unwrap_or_else(lost);
        match &event {
            StoryEvent::Began => {
                self.times.began = Some(at);
                self.place = self.shared.place(self.number);
            }
            StoryEvent::Told { counts, .. } => {
                self.told = counts.tokens;
                self.times.first.get_or_insert(at);
                self.times.last = Some(at);
                if self.buffer.take() {
                    self.shared.look(self.number);
                }
            }
            StoryEvent::Ended { completion, .. } => {
                self.ended = true;
                let end = if self.buffer.given_up.load(Ordering::SeqCst) { "did not read" } else { word(&completion.stop) };
                self.visit.told(completion.counts.tokens, self.span(), end);
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
            self.visit.told(self.told, self.span(), "left");
        }
    }
}
