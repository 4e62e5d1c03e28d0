//! What happens to a story that was handed in, and who hears of it.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::decode::{Cancel, Completion, Counts, Part, Plan};
use crate::sampler::Draw;
use crate::story::StopReason;

/// What happens to a story that was handed in. The last one is [`StoryEvent::Ended`], and it always comes.
#[derive(Debug, Clone)]
pub enum StoryEvent {
    /// It has a place, and its prompt is about to be read.
    Began,
    /// So many tokens of so many are read.
    Reading {
        /// Read now.
        read: usize,
        /// To be read in all.
        of: usize,
    },
    /// A token was told.
    Told {
        /// The decision.
        draw: Box<Draw>,
        /// The text that it let appear.
        text: String,
        /// Whose text that is.
        parts: Vec<Part>,
        /// What the story has cost.
        counts: Counts,
    },
    /// It has ended.
    Ended {
        /// What came of it.
        completion: Box<Completion>,
        /// The end of its text, which was held back until now.
        rest: String,
        /// Whose text that is.
        parts: Vec<Part>,
    },
}

impl StoryEvent {
    /// The end of a story that never began, behind a prompt of so many tokens.
    #[must_use]
    pub fn unbegun(prompt: usize, stop: StopReason) -> Self {
        Self::Ended { completion: Box::new(Completion::unbegun(prompt, stop)), rest: String::new(), parts: Vec::new() }
    }
}

/// Who hears of a story, on the thread that tells. A closure that hears events is one that is always ready.
pub trait Listener: Send {
    /// Something happened; `Break` ends the story as interrupted.
    fn hear(&mut self, event: StoryEvent) -> ControlFlow<()>;

    /// Whether more can be heard now; asked before each decode. While it cannot, the story rests with all that it holds, and the
    /// others go on. What follows from a decode that runs is heard nevertheless, and so is the end.
    fn is_ready(&self) -> bool {
        true
    }
}

impl<F: FnMut(StoryEvent) -> ControlFlow<()> + Send> Listener for F {
    fn hear(&mut self, event: StoryEvent) -> ControlFlow<()> {
        self(event)
    }
}

/// Whoever handed in a story. It hears of its end, whatever becomes of the thread.
pub(super) struct Client {
    cancel: Cancel,
    listener: Box<dyn Listener>,
    /// Tokens of the prompt.
    prompt: usize,
    has_ended: bool,
}

impl Client {
    pub fn new(plan: &Plan, cancel: Cancel, listener: Box<dyn Listener>) -> Self {
        Self { cancel, listener, prompt: plan.prompt.len(), has_ended: false }
    }

    pub fn has_left(&self) -> bool {
        self.cancel.is_cancelled()
    }

    pub fn is_ready(&self) -> bool {
        self.listener.is_ready()
    }

    pub fn hear(&mut self, event: StoryEvent) -> ControlFlow<()> {
        self.has_ended |= matches!(event, StoryEvent::Ended { .. });
        let heard = self.listener.hear(event);
        if self.has_left() { ControlFlow::Break(()) } else { heard }
    }
}

/// A story whose end nobody told ends here: given up before it began, or with the thread.
impl Drop for Client {
    fn drop(&mut self) {
        if self.has_ended {
            return;
        }
        let stop = if std::thread::panicking() {
            StopReason::Failed("the thread that tells stories broke off".to_owned())
        } else {
            StopReason::Interrupted
        };
        // It may be this listener that the thread broke off in, and a second panic would end the process without a word.
        let _ = catch_unwind(AssertUnwindSafe(|| self.hear(StoryEvent::unbegun(self.prompt, stop))));
    }
}
