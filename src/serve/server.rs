//! The thread that speaks HTTP, from the first connection to the last.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};
use axum::serve::ListenerExt;
use tokio::runtime::Builder;
use tokio::time::sleep;

use super::app::{App, Door, Edge};
use super::catalogue::Voice;
use super::options::Options;
use super::router::router;
use crate::decode::Cancel;
use crate::engine::Engine;

/// How often it is asked whether the server is to end.
const LOOKING: Duration = Duration::from_millis(50);

/// How long those whose stories have ended may take to hear of it.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// How a server came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was told to end, and everybody was answered.
    Told,
    /// It was told to end, and somebody did not take their answer in time.
    CutOff,
}

/// Takes a port of this address; 0 is any that is free.
///
/// # Errors
/// Somebody has it, or nobody may.
pub fn listen(address: IpAddr, port: u16) -> Result<TcpListener> {
    let place = SocketAddr::new(address, port);
    match TcpListener::bind(place) {
        Err(error) if error.kind() == ErrorKind::AddrInUse => bail!("cannot listen on {place}: another program does"),
        listener => listener.with_context(|| format!("cannot listen on {place}")),
    }
}

/// A server that answers from its first moment on, and tells stories once it has a model.
pub struct Server {
    door: Arc<Door>,
    address: SocketAddr,
    http: JoinHandle<Result<Ending>>,
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
        let run = move || runtime.block_on(answer(listener, outside));
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
    /// A thread ended that was not told to.
    pub fn wait(self) -> Result<Ending> {
        let ended = || anyhow!("the thread that answers requests has ended");
        self.http.join().map_err(|_| ended())?
    }
}

/// Answers until the server is to end, and then as long as grace is given.
async fn answer(listener: TcpListener, door: Arc<Door>) -> Result<Ending> {
    let listener = tokio::net::TcpListener::from_std(listener).context("cannot listen")?;
    let listener = listener.tap_io(|connection| {
        // A token is not to wait for the next one.
        let _ = connection.set_nodelay(true);
    });
    let (waiting, outside) = (Arc::clone(&door), Arc::clone(&door));
    let stopped = async move {
        while !waiting.stop.is_cancelled() {
            sleep(LOOKING).await;
        }
    };
    let serving = axum::serve(listener, router(outside)).with_graceful_shutdown(stopped);
    let end = async move {
        while !door.stop.is_cancelled() {
            sleep(LOOKING).await;
        }
        if let Ok(app) = door.app() {
            app.desk().close();
            sleep(door.options.grace).await;
            app.desk().interrupt();
        }
        sleep(LAST_WORDS).await;
    };
    tokio::select! {
        served = serving => served.map(|()| Ending::Told).context("cannot answer requests"),
        () = end => Ok(Ending::CutOff),
    }
}
