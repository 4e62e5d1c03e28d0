//! An actor: one plain thread owns the model's memory and tells the stories of everybody who asks, many in one decode.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};

use anyhow::{Context, Result};

use super::backend::Session;
use super::door::{Door, DoorState, Found, Job};
use super::engine::Engine;
use super::listener::{Client, Listener, StoryEvent};
use super::slots::Slots;
use crate::decode::{Attention, Cancel, Ended, Next, Observer, Occupancy, Plan, Stories, Told, drive};

/// The way to a thread that tells stories. Where all copies are gone, it ends with the stories that it has.
pub struct Handle {
    door: Arc<Door>,
    cancel: Cancel,
}

/// What one holds of a story that was handed in. To let go of it changes nothing.
#[derive(Clone)]
pub struct Ticket {
    door: Arc<Door>,
    cancel: Cancel,
}

impl Handle {
    /// Hands in a story. It waits for a place, in the order in which stories came.
    ///
    /// # Errors
    /// The thread has ended; the listener hears of the story's end then too.
    pub fn tell(&self, plan: Plan, listener: Box<dyn Listener>) -> Result<Ticket> {
        let cancel = self.cancel.child();
        let client = Client::new(&plan, cancel.clone(), listener);
        self.door.hand_in(Job { plan, client })?;
        Ok(Ticket { door: Arc::clone(&self.door), cancel })
    }

    /// Ends all stories, waiting and running ones, as interrupted with what they have, and with them the thread: as soon as the
    /// decode is over that runs.
    pub fn shut_down(&self) {
        self.cancel.cancel();
        self.door.ring();
    }

    /// How many stories wait for a place, and what those take that were told when it was last looked.
    #[must_use]
    pub fn occupancy(&self) -> (usize, Occupancy) {
        self.door.occupancy()
    }

    /// Whether the thread tells what is handed in.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.door.state() == DoorState::Open
    }

    /// Whether the thread has ended by a panic: then all its stories have failed, and nothing more will be told.
    #[must_use]
    pub fn has_broken_off(&self) -> bool {
        self.door.state() == DoorState::Broken
    }
}

impl Clone for Handle {
    fn clone(&self) -> Self {
        self.door.count_handles(|handles| handles + 1);
        Self { door: Arc::clone(&self.door), cancel: self.cancel.clone() }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.door.count_handles(|handles| handles - 1);
    }
}

impl Ticket {
    /// Gives the story up, waiting, reading or running: it ends as interrupted with what it has, after the decode that runs.
    pub fn cancel(&self) {
        self.cancel.cancel();
        self.door.ring();
    }

    /// The listener may be ready again: a story that rests goes on then.
    pub fn look(&self) {
        self.door.ring();
    }
}

/// A thread with a memory of these places. It runs until all handles are gone or one of them shuts it down; if it breaks off by
/// a panic, joining it tells of that, and so does [`Handle::has_broken_off`].
///
/// # Errors
/// No memory can be opened, or no thread started.
pub fn spawn(engine: Arc<Engine>, slots: Slots) -> Result<(Handle, JoinHandle<()>)> {
    let (opened, is_open) = channel();
    let cancel = Cancel::new();
    let stop = cancel.clone();
    let run = move || {
        let (cells, branches) = slots.room();
        match engine.session_of(cells, branches) {
            Ok(session) => run(session, slots, &stop, &opened),
            Err(error) => drop(opened.send(Err(error))),
        }
    };
    let thread = thread::Builder::new().name("stories".to_owned()).spawn(run).context("cannot start a thread")?;
    let door = is_open.recv().context("the thread that tells stories ended at once")??;
    Ok((Handle { door, cancel }, thread))
}

/// Tells what is handed in at the door, which is sent when it is there.
fn run(mut session: Box<dyn Session + '_>, slots: Slots, stop: &Cancel, opened: &Sender<Result<Arc<Door>>>) {
    let door = Arc::new(Door::new(Stories::new(&mut *session, slots.width).occupancy()));
    let _shut = Shut(Arc::clone(&door));
    if opened.send(Ok(Arc::clone(&door))).is_err() {
        return;
    }
    let desk = RefCell::new(Desk { door, listeners: BTreeMap::new(), next: 0, is_over: false });
    if !slots.strict {
        let mut stories = Stories::new(&mut *session, slots.width).keeping(slots.keep);
        let mut source = |running| desk.borrow_mut().next(running);
        return drive(&mut stories, slots.count, &mut source, &mut Clerk(&desk), stop);
    }
    while !stop.is_cancelled() && !desk.borrow().is_over {
        session.clear();
        let mut has_begun = false;
        let mut one = |running| {
            let next = if has_begun { Next::Never } else { desk.borrow_mut().next(running) };
            has_begun |= matches!(next, Next::Story(..));
            next
        };
        drive(&mut Stories::new(&mut *session, slots.width), 1, &mut one, &mut Clerk(&desk), stop);
    }
}

/// Shuts the door when the thread ends, however it does.
struct Shut(Arc<Door>);

impl Drop for Shut {
    fn drop(&mut self) {
        self.0.shut(if thread::panicking() { DoorState::Broken } else { DoorState::Shut });
    }
}

/// Who hears of the stories that run, and where the next one comes from.
struct Desk {
    door: Arc<Door>,
    listeners: BTreeMap<usize, Client>,
    next: usize,
    /// Nobody can hand in a story any more.
    is_over: bool,
}

impl Desk {
    /// The next story that nobody has given up, where there is one.
    fn next(&mut self, running: usize) -> Next {
        match self.door.find(running == 0) {
            Found::Story(Job { plan, client }) => {
                let number = self.next;
                self.next += 1;
                self.listeners.insert(number, client);
                Next::Story(number, plan)
            }
            Found::Nothing => Next::Later,
            Found::Never => {
                self.is_over = true;
                Next::Never
            }
        }
    }

    fn hear(&mut self, story: usize, event: StoryEvent) -> ControlFlow<()> {
        self.listeners.get_mut(&story).map_or(ControlFlow::Continue(()), |client| client.hear(event))
    }
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

    fn attention(&mut self, story: usize) -> Attention {
        match self.0.borrow().listeners.get(&story) {
            Some(client) if client.has_left() => Attention::Leaves,
            Some(client) if !client.is_ready() => Attention::Rests,
            _ => Attention::Listens,
        }
    }

    fn all_rest(&mut self) {
        self.0.borrow().door.sleep();
    }

    fn occupied(&mut self, occupancy: Occupancy) {
        let desk = self.0.borrow();
        desk.door.sweep();
        desk.door.occupied(occupancy);
    }
}
