//! The thread that speaks HTTP, from the first connection to the last.

use std::any::Any;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use axum::serve::ListenerExt;
use tokio::runtime::Builder;
use tokio::sync::oneshot;
use tokio::time::sleep;

use super::app::{App, Door, Edge};
use super::catalogue::Voice;
use super::options::Options;
use super::router::router;
use crate::decode::Cancel;
use crate::engine::Engine;

/// How often it is asked whether the server is to end, and whether somebody has stopped reading.
const LOOKING: Duration = Duration::from_millis(20);

/// How long those whose stories have ended may take to hear of it.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How a server came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was told to end, and nothing runs any more.
    Quiet,
    /// It was told to end, and did not wait for what still runs: a decode that takes its time, a client that does not read.
    CutOff,
}

/// Takes a port of this address; 0 is any that is free.
///
/// # Errors
/// Somebody has it, or nobody may.
pub fn listen(address: IpAddr, port: u16) -> Result<TcpListener> {
    let place = SocketAddr::new(address, port);
    match TcpListener::bind(place) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => bail!("cannot listen at {place}: another program does"),
        listener => listener.with_context(|| format!("cannot listen at {place}")),
    }
}

/// A server that answers from its first moment on, and tells stories once it has a model.
pub struct Server {
    door: Arc<Door>,
    address: SocketAddr,
    http: JoinHandle<Result<bool>>,
    stories: Option<JoinHandle<()>>,
}

impl Server {
    /// Answers those who come to this listener, until `stop` is set.
    ///
    /// # Errors
    /// No thread or runtime can be had.
    pub fn start(listener: TcpListener, options: Options, edge: Edge, stop: Cancel) -> Result<Self> {
        let address = listener.local_addr().context("cannot ask for the server's address")?;
        listener.set_nonblocking(true).context("cannot listen without waiting")?;
        let door = Arc::new(Door::new(options, edge, stop));
        let runtime = Builder::new_current_thread().enable_all().build().context("cannot start the runtime of the server")?;
        let outside = Arc::clone(&door);
        let run = move || {
            let ended = runtime.block_on(answer(listener, outside));
            // What computes on threads of its own was given up, and is not waited for.
            runtime.shutdown_background();
            ended
        };
        let http = thread::Builder::new().name("http".to_owned()).spawn(run).context("cannot start a thread")?;
        Ok(Self { door, address, http, stories: None })
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Tells stories with this model from here on; the first of the voices rules where none is named.
    ///
    /// # Errors
    /// No memory can be opened, or no thread started.
    pub fn open(&mut self, engine: Arc<Engine>, voices: Vec<Voice>) -> Result<Arc<App>> {
        let (options, edge) = (Arc::clone(&self.door.options), Arc::clone(&self.door.edge));
        let (app, thread) = App::start(engine, voices, options, edge)?;
        let app = Arc::new(app);
        self.door.open(Arc::clone(&app));
        self.stories = Some(thread);
        Ok(app)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// The thread that tells stories broke off: a server that nobody can hear is none.
    pub fn wait(self) -> Result<Ending> {
        let Self { door, http, stories, .. } = self;
        let all_heard =
            http.join().map_err(|panic| anyhow!("the thread that answers requests broke off{}", words(&*panic)))??;
        let Some(stories) = stories else { return Ok(if all_heard { Ending::Quiet } else { Ending::CutOff }) };
        if let Ok(app) = door.app() {
            app.desk().shut_down();
        }
        let mut left = LAST_WORDS;
        while !stories.is_finished() && !left.is_zero() {
            thread::sleep(LOOKING);
            left = left.saturating_sub(LOOKING);
        }
        if !stories.is_finished() {
            return Ok(Ending::CutOff);
        }
        stories.join().map_err(|panic| anyhow!("the thread that tells stories broke off{}", words(&*panic)))?;
        Ok(if all_heard { Ending::Quiet } else { Ending::CutOff })
    }
}

/// What a panic said, as the end of a sentence.
fn words(panic: &(dyn Any + Send)) -> String {
    let said = panic.downcast_ref::<&str>().map(|said| (*said).to_owned()).or_else(|| panic.downcast_ref::<String>().cloned());
    said.map_or(String::new(), |said| format!(": {}", crate::text::excerpt(&said, 200)))
}

/// Answers until the server is to end, and then as long as grace is given; whether everybody has heard all that was for them.
async fn answer(listener: TcpListener, door: Arc<Door>) -> Result<bool> {
    let listener = tokio::net::TcpListener::from_std(listener).context("cannot listen")?;
    let listener = listener.tap_io(|connection| {
        // A token is not to wait for the next one. Where that cannot be had, it does.
        let _ = connection.set_nodelay(true);
    });
    let (end, ended) = oneshot::channel::<()>();
    let ended = async move {
        // Whoever could send is gone with this very task.
        let _ = ended.await;
    };
    let serving = axum::serve(listener, router(Arc::clone(&door))).with_graceful_shutdown(ended);
    let serving = tokio::spawn(serving.into_future());
    watch(&door).await;
    let _ = end.send(());
    let over = || serving.is_finished();
    if let Ok(app) = door.app() {
        let desk = app.desk();
        desk.close();
        until(door.options.grace, || over() || desk.is_idle() || desk.is_broken()).await;
        desk.interrupt();
    }
    until(LAST_WORDS, over).await;
    Ok(serving.is_finished())
}

/// Waits until the server is to end, or can tell nothing any more; meanwhile it looks after those who do not read.
async fn watch(door: &Door) {
    while !door.stop.is_cancelled() {
        sleep(LOOKING).await;
        let Ok(app) = door.app() else { continue };
        app.desk().give_up_stalled(door.options.stall);
        if app.desk().is_broken() {
            return;
        }
    }
}

/// Waits until something is so, and no longer than this.
async fn until(most: Duration, is: impl Fn() -> bool) {
    let mut left = most;
    while !is() && !left.is_zero() {
        sleep(LOOKING.min(left)).await;
        left = left.saturating_sub(LOOKING);
    }
}
