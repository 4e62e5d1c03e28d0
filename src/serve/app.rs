//! What every handler knows: the model, who tells its stories, and how the server was started.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Result;
use chrono::NaiveDateTime;

use super::catalogue::{Asked, Catalogue, Voice};
use super::desk::{Desk, Telling};
use super::fault::Fault;
use super::options::Options;
use super::visit::Visit;
use crate::decode::{Cancel, Plan, plain_sampler};
use crate::engine::{Engine, Slots, spawn};

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
    ) -> Result<(Self, std::thread::JoinHandle<()>)> {
        let count = if options.strict { 1 } else { options.stories };
        let slots = Slots::for_stories(&engine, count, &shapes(&engine, &voices)?);
        let (handle, thread) = spawn(Arc::clone(&engine), slots)?;
        let catalogue = Catalogue::new(&engine, options.alias.as_deref(), voices);
        let desk = Desk::new(handle, slots.count, options.queue, edge.now);
        let opened = (edge.now)();
        Ok((Self { engine, slots, options, catalogue, opened, edge, desk }, thread))
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

    /// Which preset a request's `model` means.
    ///
    /// # Errors
    /// Behind `@` stands no known one.
    pub fn asked(&self, model: &str) -> Result<Asked, Fault> {
        self.catalogue.asked(model)
    }
}

/// Stories of all that the voices may need, each as long as the context.
fn shapes(engine: &Engine, voices: &[Voice]) -> Result<Vec<Plan>> {
    let samplers = voices.iter().map(Voice::sampler).chain([plain_sampler()?]);
    let context = engine.context();
    let longest = |sampler| Plan { context, ..Plan::new(sampler, vec![0], 0, context.saturating_sub(1).max(1)) };
    Ok(samplers.map(longest).collect())
}

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
