//! Models from the net: the hub as options and environment have it, and work beside which Ctrl-C is heard at once.

use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow};

use crate::cli::args::HubArgs;
use crate::cli::commands::models::{hub_cache, hub_home};
use crate::cli::interrupt::{interrupted, interruption};
use crate::cli::settings::{fetched, named_by};
use crate::cli::usage::Usage;
use crate::engine::Cancelled;
use crate::files::{read_text, words};
use crate::hub::{Address, Cache, Client, Event, Hub, Patience, Proxy, Settings, Token, Watch};

/// The hub that is meant where none is named.
const HUB: &str = "https://huggingface.co";

/// No file of a token has more bytes.
const LONGEST_TOKEN: u64 = 4096;

/// How often it is asked whether Ctrl-C was pressed.
const STEP: Duration = Duration::from_millis(50);

/// So many times it is asked whether what runs then has ended by itself.
const GRACE: usize = 4;

/// The hub as it is meant.
pub fn hub(args: &HubArgs) -> Result<Hub> {
    let text = args
        .endpoint
        .clone()
        .or_else(|| Some(named_by("HF_ENDPOINT")?.to_string_lossy().into_owned()))
        .unwrap_or_else(|| HUB.to_owned());
    let endpoint: Address = text.parse().map_err(|cause: String| Usage(format!("`{text}` is no address of a hub: {cause}")))?;
    let first = args.first_wait.map_or(Patience::default().first, |ms| Duration::from_millis(ms as u64));
    let settings = Settings {
        token: token(args.token_file.as_deref())?,
        insecure: args.insecure,
        proxy: Proxy::try_from_env(),
        patience: Patience { first, ..Patience::default() },
        ..Settings::new(endpoint)
    };
    let homeless = "the user has no folder for caches\nhint: name one with the variable HF_HUB_CACHE";
    Ok(Hub {
        client: Client::new(settings),
        cache: Cache::new(hub_cache().context(homeless)?),
        addresses: fetched().context("the user has no folder for caches\nhint: name one with the variable AFTERWORD_CACHE")?,
        free: |folder| fs4::available_space(folder),
    })
}

/// Whether nobody is to be asked. What counts as yes is what counts so for the hub's own programs.
pub fn is_offline(args: &HubArgs) -> bool {
    let says = |name| {
        named_by(name)
            .is_some_and(|value| ["1", "on", "yes", "true"].iter().any(|yes| value.as_os_str().eq_ignore_ascii_case(yes)))
    };
    args.offline || says("HF_HUB_OFFLINE")
}

/// The token of whoever runs the program.
fn token(file: Option<&Path>) -> Result<Option<Token>> {
    let read = |path: &Path| {
        let text = read_text(path, LONGEST_TOKEN).map_err(|error| anyhow!("{}", words(&error)));
        let token = text.and_then(|text| Token::read(&text).map_err(|cause| anyhow!("{cause}")));
        token.with_context(|| format!("cannot read the token file `{}`", path.display()))
    };
    if let Some(file) = file {
        let empty = || Usage(format!("the token file `{}` is empty", file.display()));
        return Ok(Some(read(file)?.ok_or_else(empty)?));
    }
    if let Some(token) = named_by("HF_TOKEN") {
        let token = Token::read(&token.to_string_lossy());
        return token.map_err(|cause| Usage(format!("the variable HF_TOKEN cannot be used: {cause}")).into());
    }
    let usual = named_by("HF_TOKEN_PATH").or_else(|| hub_home().map(|home| home.join("token")));
    usual.filter(|path| path.is_file()).map_or(Ok(None), |path| read(&path))
}

/// What comes from the work.
enum Message<T> {
    Event(Event),
    Done(Result<T>),
}

/// Does something on a thread of its own, and shows here what happens. Ctrl-C ends it, whatever it waits for: nothing that is on the disk
/// needs to be cleaned up.
pub fn apart<T: Send + 'static>(
    deed: impl FnOnce(&mut Watch<'_>) -> Result<T> + Send + 'static,
    mut show: impl FnMut(Event),
) -> Result<T> {
    let (sender, receiver) = channel();
    let cancel = interruption().clone();
    thread::spawn(move || {
        let events: Sender<Message<T>> = sender.clone();
        // Who does not listen any more has left.
        let mut tell = |event| drop(events.send(Message::Event(event)));
        let done = deed(&mut Watch::new(&mut tell, &cancel));
        drop(sender.send(Message::Done(done)));
    });
    let mut steps = 0;
    loop {
        match receiver.recv_timeout(STEP) {
            Ok(Message::Done(done)) => return done,
            Ok(Message::Event(event)) if !interrupted() => show(event),
            Err(RecvTimeoutError::Disconnected) => return Err(anyhow!("the fetching broke off")),
            Ok(Message::Event(_)) | Err(RecvTimeoutError::Timeout) => {}
        }
        if interrupted() {
            steps += 1;
            if steps > GRACE {
                return Err(Cancelled.into());
            }
        }
    }
}
