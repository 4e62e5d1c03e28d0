//! Models from a hub that stands on this machine, with every fault that a real one has; nobody else is asked.

mod faults;
mod layout;
#[cfg(feature = "cli")]
mod program;

use std::collections::VecDeque;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use afterword::decode::Cancel;
use afterword::files::sha256;
use afterword::hub::{Cache, Client, Event, Failure, Hub, Kept, Patience, Plan, Pulled, Settings, Token, Wanted, Watch};
use serde_json::json;

use crate::support::gguf::{Family, tiny};
use crate::support::server::{Reply, Request, Server};

pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

/// What goes wrong with one fetching of a file; headers that are asked for come as they are.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The connection closes behind so many bytes.
    Cut(usize),
    /// Nothing comes behind so many bytes.
    Stall(usize),
    /// The file comes whole, whatever part was asked for.
    NoParts,
    /// Another part comes than was asked for.
    WrongPart,
    /// A byte in the middle is another one.
    WrongByte,
    /// More bytes come than there are.
    TooMuch,
    /// This status, and for how many seconds the server asks.
    Status(u16, Option<u64>),
}

/// What the hub has.
pub struct Shelf {
    /// Each with its path.
    pub files: Vec<(String, Arc<Vec<u8>>)>,
    /// How many files a page of the list has.
    pub page: usize,
    /// What goes wrong next.
    pub faults: VecDeque<Fault>,
    /// What the servers of files call a file is this and its checksum.
    pub edition: String,
    /// How fast files come.
    pub pace: Option<(usize, Duration)>,
    /// What is answered instead, by the beginning of a path.
    pub instead: Vec<(String, Reply)>,
}

/// A hub, and the other server that has its files.
pub struct FakeHub {
    pub hub: Server,
    pub store: Server,
    pub shelf: Arc<Mutex<Shelf>>,
}

pub fn sum(bytes: &[u8]) -> String {
    sha256(bytes).unwrap()
}

/// A model of some hundred thousand bytes.
pub fn model() -> Vec<u8> {
    tiny(Family::Llama, 7).bytes()
}

impl FakeHub {
    pub fn with(files: &[(&str, Vec<u8>)]) -> Self {
        let files = files.iter().map(|(path, bytes)| ((*path).to_owned(), Arc::new(bytes.clone()))).collect();
        let faults = VecDeque::new();
        let shelf = Shelf { files, page: 1000, faults, edition: String::new(), pace: None, instead: Vec::new() };
        let shelf = Arc::new(Mutex::new(shelf));
        let own = shelf.clone();
        let store = Server::start(move |request| blob(&mut own.lock().unwrap(), request));
        let (own, elsewhere) = (shelf.clone(), store.url());
        let hub = Server::start(move |request| answer(&own.lock().unwrap(), request, &elsewhere));
        Self { hub, store, shelf }
    }

    pub fn of(model: &[u8]) -> Self {
        Self::with(&[("tale-Q4_K_M.gguf", model.to_vec())])
    }

    pub fn shelf(&self) -> std::sync::MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap()
    }

    pub fn fails(&self, faults: impl IntoIterator<Item = Fault>) {
        self.shelf().faults.extend(faults);
    }

    /// What the other server was asked of files and not of headers: the ranges.
    pub fn fetched(&self) -> Vec<Option<String>> {
        let seen = self.store.seen().into_iter().filter(|request| !is_of_header(request));
        seen.map(|request| request.header("range").map(str::to_owned)).collect()
    }
}

/// Whether a part with an end is asked for: so are headers.
fn is_of_header(request: &Request) -> bool {
    request.header("range").is_some_and(|range| !range.ends_with('-'))
}

fn answer(shelf: &Shelf, request: &Request, store: &str) -> Reply {
    let path = request.path.as_str();
    if let Some((_, reply)) = shelf.instead.iter().find(|(begins, _)| path.starts_with(begins.as_str())) {
        return reply.clone();
    }
    if path == "/api/models/a/tale/refs" {
        let refs = json!({ "branches": [{ "name": "main", "ref": "refs/heads/main", "targetCommit": COMMIT }],
            "tags": [{ "name": "v1", "ref": "refs/tags/v1", "targetCommit": COMMIT }], "converts": [] });
        return Reply::of(200, refs.to_string());
    }
    if let Some(query) = path.strip_prefix(&format!("/api/models/a/tale/tree/{COMMIT}?recursive=true")) {
        return tree(shelf, query, request);
    }
    if let Some(path) = path.strip_prefix(&format!("/a/tale/resolve/{COMMIT}/")) {
        let Some((_, bytes)) = shelf.files.iter().find(|(own, _)| own == path) else { return Reply::of(404, "") };
        let oid = sum(bytes);
        // The length of what sends elsewhere is not that of the file.
        return Reply::of(302, "Found. Redirecting")
            .with("Location", format!("{store}/blob/{oid}?sig=1"))
            .with("X-Linked-Etag", format!("\"{oid}\""))
            .with("X-Linked-Size", bytes.len())
            .with("X-Repo-Commit", COMMIT);
    }
    Reply::of(404, "{\"error\":\"Repository not found\"}")
}

fn tree(shelf: &Shelf, query: &str, request: &Request) -> Reply {
    let from: usize = query.strip_prefix("&cursor=").map_or(0, |at| at.parse().unwrap());
    let entry = |(path, bytes): &(String, Arc<Vec<u8>>)| {
        json!({ "type": "file", "path": path, "size": bytes.len(), "oid": "0".repeat(40),
                "lfs": { "oid": sum(bytes), "size": bytes.len(), "pointerSize": 134 } })
    };
    let to = (from + shelf.page).min(shelf.files.len());
    let mut entries: Vec<_> = shelf.files[from.min(to)..to].iter().map(entry).collect();
    if from == 0 {
        entries.push(json!({ "type": "directory", "path": "folder.gguf", "oid": "1".repeat(40), "size": 0 }));
        entries.push(json!({ "type": "file", "path": "README.md", "oid": "1".repeat(40), "size": 5 }));
    }
    let reply = Reply::of(200, json!(entries).to_string());
    let host = request.header("host").unwrap();
    let next = format!("<http://{host}/api/models/a/tale/tree/{COMMIT}?recursive=true&cursor={to}>; rel=\"next\"");
    if to < shelf.files.len() { reply.with("Link", next) } else { reply }
}

fn blob(shelf: &mut Shelf, request: &Request) -> Reply {
    let oid = request.path.strip_prefix("/blob/").unwrap_or("/").split('?').next().unwrap();
    let by_name = request.path.strip_prefix("/files/").unwrap_or("/");
    let found = shelf.files.iter().find(|(path, bytes)| sum(bytes) == oid || path == by_name);
    let Some(bytes) = found.map(|(_, bytes)| bytes.clone()) else { return Reply::of(404, "") };
    let etag = format!("\"{}{}\"", shelf.edition, &sum(&bytes)[..8]);
    let fault = if is_of_header(request) { None } else { shelf.faults.pop_front() };
    if let Some(Fault::Status(status, wait)) = fault {
        let reply = Reply::of(status, "no");
        return wait.map_or(reply.clone(), |wait| reply.with("Retry-After", wait));
    }
    let is_same = request.header("if-range").is_none_or(|own| own == etag);
    let range = request.header("range").filter(|_| is_same && !matches!(fault, Some(Fault::NoParts)));
    let range = range.map(|range| {
        let (from, to) = range.strip_prefix("bytes=").unwrap().split_once('-').unwrap();
        (from.parse::<usize>().unwrap(), to.parse().map_or(bytes.len(), |to: usize| (to + 1).min(bytes.len())))
    });
    let mut reply = match range {
        Some((from, _)) if from >= bytes.len() => Reply::of(416, "").with("Content-Range", format!("bytes */{}", bytes.len())),
        Some((from, to)) => {
            let told = if matches!(fault, Some(Fault::WrongPart)) { from - 1 } else { from };
            Reply::of(206, &bytes[from..to]).with("Content-Range", format!("bytes {told}-{}/{}", to - 1, bytes.len()))
        }
        None => Reply::of(200, bytes.as_slice()),
    };
    match fault {
        Some(Fault::Cut(place)) => reply.cut = Some(place),
        Some(Fault::Stall(place)) => reply.stall = Some((place, Duration::from_secs(3))),
        Some(Fault::WrongByte) => {
            let middle = reply.body.len() / 2;
            reply.body[middle] ^= 1;
        }
        Some(Fault::TooMuch) => {
            reply.headers.push(("Content-Length".to_owned(), (reply.body.len() + 7).to_string()));
            reply.body.extend(b"and more");
        }
        _ => {}
    }
    reply.pace = shelf.pace.filter(|_| !is_of_header(request));
    reply.with("ETag", etag)
}

/// Somebody who pulls.
pub struct User {
    pub home: PathBuf,
    pub hub: Hub,
}

impl User {
    pub fn new(home: PathBuf, endpoint: &str) -> Self {
        let short = Duration::from_millis(2);
        let patience = Patience { first: short, longest: Duration::from_millis(20), ..Patience::default() };
        let token = Token::read("hf_secret").unwrap();
        let settings = Settings { patience, token, ..Settings::new(endpoint.parse().unwrap()) };
        let free = |_: &Path| Ok(u64::MAX);
        let hub =
            Hub { client: Client::new(settings), cache: Cache::new(home.join("hub")), addresses: home.join("fetched"), free };
        Self { home, hub }
    }

    /// The same with other settings.
    pub fn setting(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.hub.client.settings().clone();
        change(&mut settings);
        self.hub.client = Client::new(settings);
        self
    }

    pub fn plans(&self, wanted: &str, kept: &Kept) -> (anyhow::Result<Plan>, Vec<Event>) {
        watched(|watch| self.hub.plan(&wanted.parse::<Wanted>()?, kept, watch))
    }

    /// Plans and pulls, and what happened when it was pulled.
    pub fn pulls(&self, wanted: &str) -> (anyhow::Result<Pulled>, Vec<Event>) {
        watched(|watch| {
            let plan = self.hub.plan(&wanted.parse::<Wanted>()?, &Kept::Cache, watch)?;
            self.hub.pull(&plan, watch)
        })
    }

    /// The file that came, and how many bytes came for it.
    pub fn gets(&self, wanted: &str) -> (PathBuf, u64) {
        let pulled = self.pulls(wanted).0.unwrap();
        (pulled.files[0].clone(), pulled.came)
    }

    pub fn fails(&self, wanted: &str) -> Failure {
        let error = self.pulls(wanted).0.unwrap_err();
        error.downcast_ref::<Failure>().unwrap_or_else(|| panic!("{error:#}")).clone()
    }

    /// The files below the folder of the cache, without locks.
    pub fn holds(&self) -> Vec<String> {
        let mut files = Vec::new();
        collect(&self.home.join("hub"), &self.home.join("hub"), &mut files);
        files.retain(|file| !file.starts_with(".locks/"));
        files.sort();
        files
    }
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().unwrap().is_dir() {
            collect(root, &entry.path(), files);
        } else {
            files.push(entry.path().strip_prefix(root).unwrap().to_str().unwrap().to_owned());
        }
    }
}

pub fn watched<T>(deed: impl FnOnce(&mut Watch<'_>) -> anyhow::Result<T>) -> (anyhow::Result<T>, Vec<Event>) {
    let (mut events, cancel) = (Vec::new(), Cancel::new());
    let mut tell = |event| events.push(event);
    let done = deed(&mut Watch::new(&mut tell, &cancel));
    (done, events)
}

/// A header that claims a model of four million million bytes, which nobody has.
#[cfg(feature = "cli")]
pub fn boast() -> (Vec<u8>, u64) {
    fn text(text: &str) -> Vec<u8> {
        [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
    }
    let (one, million) = (1_u64.to_le_bytes(), (1_u64 << 20).to_le_bytes());
    let entry = [&text("general.architecture"), &8_u32.to_le_bytes()[..], &text("llama")].concat();
    let tensor =
        [&text("output.weight"), &2_u32.to_le_bytes()[..], &million, &million, &0_u32.to_le_bytes(), &0_u64.to_le_bytes()];
    let mut bytes = [&b"GGUF\x03\0\0\0"[..], &one, &one, &entry, &tensor.concat()].concat();
    bytes.resize(1 << 20, 0);
    (bytes, (1 << 42) + (1 << 12))
}
