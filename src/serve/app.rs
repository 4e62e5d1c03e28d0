//! What every handler knows: the model, who tells its stories, and how the server was started.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Result;
use chrono::NaiveDateTime;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

use super::catalogue::{Asked, Catalogue, Voice};
use super::desk::Desk;
use super::fault::Fault;
use super::options::Options;
use super::spaces::Spaces;
use super::telling::Telling;
use super::visit::Visit;
use crate::bans::{Bans, Matcher};
use crate::decode::{Cancel, Keep, Plan, plain_sampler};
use crate::engine::{Engine, Slots, spawn};
use crate::model::MOST_BRANCHES;
use crate::sampler::Reach;

/// What is not to be known below the edge of a program: time, chance, and where lines go.
pub struct Edge {
    /// The time since 1970.
    pub now: fn() -> Duration,
    /// The local time, for chat templates that ask.
    pub local: fn() -> NaiveDateTime,
    /// A seed below 2⁵³, which JavaScript can hold.
    pub seed: fn() -> u64,
    /// Takes a line of the log.
    pub log: Box<dyn Fn(&str) + Send + Sync>,
}

/// A model that is open, and everything that a request needs.
pub struct App {
    /// The model.
    pub engine: Arc<Engine>,
    /// Places for stories, and how much of the memory each may take.
    pub slots: Slots,
    /// How the server was started.
    pub options: Arc<Options>,
    /// The names under which the model and its presets are asked for.
    pub catalogue: Catalogue,
    /// When it was opened, since 1970.
    pub opened: Duration,
    /// Time, chance and log.
    pub edge: Arc<Edge>,
    desk: Desk,
    /// Texts that were told and end in a space.
    spaces: Arc<Spaces>,
    /// One at a time may have a memory of its own.
    alone: Semaphore,
    said: Mutex<BTreeSet<String>>,
}

impl App {
    /// Starts the thread that tells stories; `voices` are the presets, of which the first one rules where none is named. A story may
    /// fill the engine's whole context.
    ///
    /// # Errors
    /// No memory can be opened, or no thread started.
    pub(super) fn start(
        engine: Arc<Engine>,
        voices: Vec<Voice>,
        options: Arc<Options>,
        edge: Arc<Edge>,
    ) -> Result<(Self, JoinHandle<()>)> {
        let slots = slots(&engine, &voices, &options)?;
        let (handle, thread) = spawn(Arc::clone(&engine), slots)?;
        let catalogue = Catalogue::new(&engine, options.alias.as_deref(), voices);
        let desk = Desk::new(handle, slots.count, options.queue, edge.now);
        let (opened, alone, said, spaces) = ((edge.now)(), Semaphore::new(1), Mutex::default(), Arc::default());
        Ok((Self { engine, slots, options, catalogue, opened, edge, desk, spaces, alone, said }, thread))
    }

    /// Hands in a story of this visit's. It waits for a place, in the order in which they came; whoever drops the telling ends it.
    ///
    /// # Errors
    /// The story fits no place; the queue is full; or the server is to end.
    pub fn tell(&self, visit: &Arc<Visit>, plan: Plan) -> Result<Telling, Fault> {
        self.slots.check(&plan)?;
        plan.check(self.engine.vocabulary()).map_err(|error| Fault::refused(&error))?;
        self.desk.tell(visit, plan)
    }

    /// Who tells, and who waits.
    #[must_use]
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// The texts that were told and end in a space.
    pub(super) fn spaces(&self) -> &Arc<Spaces> {
        &self.spaces
    }

    /// Which preset a request's `model` means.
    ///
    /// # Errors
    /// Behind `@` stands no known one.
    pub fn asked(&self, model: &str) -> Result<Asked, Fault> {
        self.catalogue.asked(model)
    }

    /// Does what takes a memory of its own beside the stories, such as scoring a text: one at a time, on a thread that may compute for
    /// long. Where the answer is dropped, the flag is set.
    ///
    /// # Errors
    /// What the deed says; 500 where it panics.
    pub async fn alone<T: Send + 'static>(
        self: &Arc<Self>,
        deed: impl FnOnce(&Self, &Cancel) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        // It is never closed.
        let _one = self.alone.acquire().await.map_err(|_| Fault::server("the server is about to end"))?;
        self.aside(deed).await
    }

    /// Does what may take its time without a memory, such as cutting a long text, where nobody waits for it.
    ///
    /// # Errors
    /// As there.
    pub async fn aside<T: Send + 'static>(
        self: &Arc<Self>,
        deed: impl FnOnce(&Self, &Cancel) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Fault> {
        let (app, given_up) = (Arc::clone(self), GivenUp(Cancel::new()));
        let cancel = given_up.0.clone();
        let done = spawn_blocking(move || deed(&app, &cancel)).await;
        done.unwrap_or_else(|_| Err(Fault::server("the server has failed at this request")))
    }

    /// A line of the log that is told once, however often it is so.
    pub fn once(&self, line: &str) {
        let is_new = self.said.lock().unwrap_or_else(PoisonError::into_inner).insert(line.to_owned());
        if is_new {
            (self.edge.log)(line);
        }
    }
}

/// Sets its flag where nobody waits any more.
struct GivenUp(Cancel);

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Places that hold any story of these voices, as long as the context and with all candidates looked at, as far as there can be so many
/// branches.
fn slots(engine: &Engine, voices: &[Voice], options: &Options) -> Result<Slots> {
    // What a request may add to its preset: it looks at all candidates, and goes back where it says what is banned.
    let bans = Arc::new(Matcher::new(Bans::default()).map_err(anyhow::Error::new)?);
    let exhaustive =
        |voice: &Voice| voice.sampler().with_reach(Reach::Exhaustive).with_shares(1).with_bans(Some(Arc::clone(&bans)));
    let samplers = voices.iter().map(exhaustive).chain([plain_sampler()?]);
    let context = engine.context();
    let longest = |sampler| Plan { context, ..Plan::new(sampler, vec![0], 0, context.saturating_sub(1).max(1)) };
    let shapes: Vec<Plan> = samplers.map(longest).collect();
    if options.strict {
        return Ok(Slots::for_stories(engine, 1, &shapes).strictly());
    }
    let count = options.stories.clamp(1, MOST_STORIES);
    let slots = Slots::for_stories(engine, count, &shapes);
    // A place holds a story that runs or one that is kept; of a single one the chat outlives the request for its title.
    let keep = Keep { prompts: count, stories: count.max(2) };
    // Each place may need one branch more for a prompt that is shared.
    let left = MOST_BRANCHES - keep.prompts - keep.stories - count;
    Ok(Slots { branches: slots.branches.min(left / count), ..slots.keeping(keep) })
}

/// More places than this leave none of them enough branches to look ahead.
pub const MOST_STORIES: usize = 32;

/// The door: it is open before the model is.
pub(super) struct Door {
    pub options: Arc<Options>,
    pub edge: Arc<Edge>,
    /// Set to end the server.
    pub stop: Cancel,
    app: OnceLock<Arc<App>>,
}

impl Door {
    pub fn new(options: Options, edge: Edge, stop: Cancel) -> Self {
        Self { options: Arc::new(options), edge: Arc::new(edge), stop, app: OnceLock::new() }
    }

    /// From here on there are stories.
    pub fn open(&self, app: Arc<App>) {
        // It is opened once.
        let _ = self.app.set(app);
    }

    /// The model, once it is loaded.
    pub fn app(&self) -> Result<Arc<App>, Fault> {
        self.app.get().cloned().ok_or_else(|| Fault::unavailable("Loading model", 1))
    }
}
