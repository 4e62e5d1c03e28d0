//! An actor: one plain thread owns the model's memory and tells the stories of everybody who asks, many in one decode.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result, anyhow};

use super::engine::Engine;
use super::slots::Slots;
use crate::decode::{Cancel, Completion, Counts, Ended, Next, Observer, Part, Plan, Stories, Told, drive};
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

/// Who hears of a story, on the thread that tells; `Break` ends it as interrupted.
pub type Listener = Box<dyn FnMut(StoryEvent) -> ControlFlow<()> + Send>;

/// The way to a thread that tells stories. Where all copies are gone, it ends with the stories that it has.
#[derive(Clone)]
pub struct Handle {
    /// Stories; without one the thread looks up.
    jobs: Sender<Option<Job>>,
    cancel: Cancel,
}

/// A story that was handed in.
struct Job {
    plan: Plan,
    cancel: Cancel,
    listener: Listener,
}

impl Handle {
    /// Hands in a story. It waits for a place, in the order in which stories came; the flag that comes back ends it, waiting or
    /// running, as interrupted.
    ///
    /// # Errors
    /// The thread has ended.
    pub fn tell(&self, plan: Plan, listener: Listener) -> Result<Cancel> {
        let cancel = self.cancel.child();
        let job = Job { plan, cancel: cancel.clone(), listener };
        self.jobs.send(Some(job)).map_err(|_| anyhow!("the thread that tells stories has ended"))?;
        Ok(cancel)
    }

    /// Ends all stories, waiting and running ones, and with them the thread.
    pub fn shut_down(&self) {
        self.cancel.cancel();
        // It may sleep until somebody hands in a story. If it is gone, it need not be woken.
        let _ = self.jobs.send(None);
    }
}

/// A thread with a memory of these places. It runs until all handles are gone or one of them shuts it down.
///
/// # Errors
/// No memory can be opened, or no thread started.
pub fn spawn(engine: Arc<Engine>, slots: Slots) -> Result<(Handle, JoinHandle<()>)> {
    let (jobs, waiting) = channel();
    let (opened, is_open) = channel();
    let cancel = Cancel::new();
    let stop = cancel.clone();
    let run = move || {
        let (cells, branches) = slots.room();
        let mut session = match engine.session_of(cells, branches) {
            Ok(session) => session,
            Err(error) => return drop(opened.send(Err(error))),
        };
        if opened.send(Ok(())).is_ok() {
            let desk = RefCell::new(Desk { waiting, listeners: BTreeMap::new(), next: 0 });
            let mut source = |running| desk.borrow_mut().next(running);
            let mut stories = Stories::new(&mut *session, slots.width);
            drive(&mut stories, slots.count, &mut source, &mut Clerk(&desk), &stop);
            desk.borrow_mut().turn_away();
        }
    };
    let thread = thread::Builder::new().name("stories".to_owned()).spawn(run).context("cannot start a thread")?;
    is_open.recv().context("the thread that tells stories ended at once")??;
    Ok((Handle { jobs, cancel }, thread))
}

/// Where stories wait, and who hears of those that run.
struct Desk {
    waiting: Receiver<Option<Job>>,
    listeners: BTreeMap<usize, (Cancel, Listener)>,
    next: usize,
}

impl Desk {
    /// The next story that nobody has given up, where there is one.
    fn next(&mut self, running: usize) -> Next {
        loop {
            let job = if running > 0 { self.waiting.try_recv() } else { self.waiting.recv().map_err(TryRecvError::from) };
            let job = match job {
                Ok(Some(job)) => job,
                Ok(None) | Err(TryRecvError::Empty) => return Next::Later,
                Err(TryRecvError::Disconnected) => return Next::Never,
            };
            let Job { plan, cancel, mut listener } = job;
            if cancel.is_cancelled() {
                let _ = listener(interrupted(&plan));
                continue;
            }
            let number = self.next;
            self.next += 1;
            self.listeners.insert(number, (cancel, listener));
            return Next::Story(number, plan);
        }
    }

    /// Tells all who still wait that nothing will come of it.
    fn turn_away(&mut self) {
        while let Ok(job) = self.waiting.try_recv() {
            if let Some(Job { plan, mut listener, .. }) = job {
                let _ = listener(interrupted(&plan));
            }
        }
    }

    fn hear(&mut self, story: usize, event: StoryEvent) -> ControlFlow<()> {
        let Some((cancel, listener)) = self.listeners.get_mut(&story) else { return ControlFlow::Continue(()) };
        let heard = listener(event);
        if cancel.is_cancelled() { ControlFlow::Break(()) } else { heard }
    }
}

/// The end of a story that never began.
fn interrupted(plan: &Plan) -> StoryEvent {
    let completion = Completion::unbegun(plan.prompt.len(), StopReason::Interrupted);
    StoryEvent::Ended { completion: Box::new(completion), rest: String::new(), parts: Vec::new() }
}

/// Hands what happens to a story to whoever listens.
struct Clerk<'d>(&'d RefCell<Desk>);

impl Observer for Clerk<'_> {
    fn began(&mut self, story: usize) {
        let _ = self.0.borrow_mut().hear(story, StoryEvent::Began);
    }

    fn reading(&mut self, story: usize, read: usize, of: usize) -> ControlFlow<()> {
        self.0.borrow_mut().hear(story, StoryEvent::Reading { read, of })
    }

    fn told(&mut self, story: usize, told: &Told) -> ControlFlow<()> {
        let Told { draw, text, parts, counts } = *told;
        let event = StoryEvent::Told { draw: Box::new(draw.clone()), text: text.to_owned(), parts: parts.to_vec(), counts };
        self.0.borrow_mut().hear(story, event)
    }

    fn ended(&mut self, story: usize, ended: Ended) {
        let Ended { completion, rest, parts, .. } = ended;
        let mut desk = self.0.borrow_mut();
        let _ = desk.hear(story, StoryEvent::Ended { completion: Box::new(completion), rest, parts });
        desk.listeners.remove(&story);
    }
}
