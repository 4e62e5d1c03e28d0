//! A server on this machine that answers as it is told to, and breaks off where it is told to: one request a connection.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// What was asked.
#[derive(Debug, Clone)]
pub struct Request {
    /// With its query.
    pub path: String,
    /// Names in small letters.
    pub headers: Vec<(String, String)>,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// What is answered.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// So many bytes of the body are sent, and then the connection is closed.
    pub cut: Option<usize>,
    /// So many bytes at a time, and so long between them.
    pub pace: Option<(usize, Duration)>,
    /// Behind so many bytes nothing comes for so long.
    pub stall: Option<(usize, Duration)>,
}

impl Reply {
    pub fn of(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, body: body.into(), ..Self::default() }
    }

    #[must_use]
    #[allow(clippy::needless_pass_by_value, reason = "a number or a text, as it is")]
    pub fn with(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.headers.push((name.to_owned(), format!("{value}")));
        self
    }
}

/// A server; it ends with this value.
pub struct Server {
    address: SocketAddr,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    seen: Mutex<Vec<Request>>,
    ends: AtomicBool,
}

impl Server {
    pub fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let (answer, own) = (Arc::new(answer), state.clone());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if own.ends.load(Ordering::SeqCst) {
                    return;
                }
                let (answer, state) = (answer.clone(), own.clone());
                thread::spawn(move || {
                    // Who asked may be gone by now.
                    let _ = serve(stream, &*answer, &state);
                });
            }
        });
        Self { address, state }
    }

    /// `http://127.0.0.1:PORT`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All that was asked.
    pub fn seen(&self) -> Vec<Request> {
        self.state.seen.lock().unwrap().clone()
    }

    pub fn forget(&self) {
        self.state.seen.lock().unwrap().clear();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.state.ends.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

fn serve(mut stream: TcpStream, answer: &dyn Fn(&Request) -> Reply, state: &State) -> std::io::Result<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.lines();
    let path = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default().to_owned();
    let header = |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
    let request = Request { path, headers: lines.filter_map(header).collect() };
    state.seen.lock().unwrap().push(request.clone());
    let Reply { status, headers, body, cut, pace, stall } = answer(&request);
    let mut headers = headers;
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
        headers.push(("Content-Length".to_owned(), body.len().to_string()));
    }
    let lines: String = headers.iter().flat_map(|(name, value)| [name, ": ", value, "\r\n"]).collect();
    stream.write_all(format!("HTTP/1.1 {status} So\r\nConnection: close\r\n{lines}\r\n").as_bytes())?;
    let body = &body[..cut.unwrap_or(body.len()).min(body.len())];
    let (step, wait) = pace.unwrap_or((1 << 16, Duration::ZERO));
    let mut at = 0;
    while at < body.len() {
        let mut end = (at + step).min(body.len());
        if let Some((place, time)) = stall
            && at <= place
            && place < end
        {
            if at == place {
                thread::sleep(time);
            } else {
                end = place;
            }
        }
        stream.write_all(&body[at..end])?;
        at = end;
        thread::sleep(wait);
    }
    stream.flush()
}
