//! A small HTTP client of the tests' own: it sends what it is told to, byte for byte, and may leave whenever it likes.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;

/// No answer of a toy takes longer, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(60);

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    /// Names in small letters.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Reply {
    /// The value of a header; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    pub fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The message of a fault, whose shape is asked for.
    pub fn fault(&self) -> String {
        let json = self.json();
        assert_eq!(json["error"]["code"], self.status, "{json}");
        assert!(json["error"]["type"].is_string(), "{json}");
        json["error"]["message"].as_str().unwrap().to_owned()
    }
}

/// Asks, and waits for the whole answer.
pub fn ask(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
    Asking::send(address, method, path, headers, body).reply()
}

pub fn get(address: SocketAddr, path: &str) -> Reply {
    ask(address, "GET", path, &[], b"")
}

/// Sends JSON.
pub fn post(address: SocketAddr, path: &str, body: &Value) -> Reply {
    ask(address, "POST", path, &[], body.to_string().as_bytes())
}

/// A request that was sent, and whose answer is not read yet. Where it is dropped, the client is gone.
pub struct Asking {
    from: BufReader<TcpStream>,
}

impl Asking {
    /// Sends a request. What is not among the headers is as most clients have it.
    pub fn send(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Self {
        let is_said = |name: &str| headers.iter().any(|(said, _)| said.eq_ignore_ascii_case(name));
        let usual = [
            ("Host", address.to_string()),
            ("Connection", "close".to_owned()),
            ("Content-Type", "application/json".to_owned()),
            ("Content-Length", body.len().to_string()),
        ];
        let usual = usual.iter().filter(|(name, _)| !is_said(name)).map(|(name, value)| (*name, value.as_str()));
        let lines = usual.chain(headers.iter().copied()).map(|(name, value)| format!("{name}: {value}\r\n"));
        let head = format!("{method} {path} HTTP/1.1\r\n{}", lines.collect::<String>());
        Self::raw(address, &[head.as_bytes(), b"\r\n", body].concat())
    }

    /// Sends these bytes.
    pub fn raw(address: SocketAddr, bytes: &[u8]) -> Self {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.set_write_timeout(Some(PATIENCE)).unwrap();
        // A server that has enough closes, and what it said can be read nevertheless.
        let _ = stream.write_all(bytes);
        Self { from: BufReader::new(stream) }
    }

    /// Sends JSON that asks for a stream.
    pub fn post(address: SocketAddr, path: &str, body: &Value) -> Self {
        Self::send(address, "POST", path, &[], body.to_string().as_bytes())
    }

    /// The status and the headers.
    pub fn head(&mut self) -> (u16, Vec<(String, String)>) {
        let mut line = || {
            let mut line = String::new();
            self.from.read_line(&mut line).unwrap();
            line.trim_end().to_owned()
        };
        let first = line();
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no answer: {first:?}"));
        let mut headers = Vec::new();
        loop {
            let line = line();
            let Some((name, value)) = line.split_once(':') else { return (status, headers) };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    /// The whole answer.
    pub fn reply(mut self) -> Reply {
        let (status, headers) = self.head();
        let is = |name: &str, value: &str| headers.iter().any(|(known, said)| known == name && said == value);
        let length = headers.iter().find(|(name, _)| name == "content-length").map(|(_, length)| length.parse().unwrap());
        let mut body = Vec::new();
        if is("transfer-encoding", "chunked") {
            while let Some(chunk) = self.chunk() {
                body.extend(chunk);
            }
        } else if let Some(length) = length {
            body.resize(length, 0);
            self.from.read_exact(&mut body).unwrap();
        }
        Reply { status, headers, body }
    }

    /// The whole answer, of whatever was sent; nothing where the connection was closed without one.
    pub fn any_reply(mut self) -> Option<Reply> {
        let mut bytes = Vec::new();
        // A connection that is cut while there is more to be said ends here.
        let _ = self.from.read_to_end(&mut bytes);
        // What says that the body may come is no answer yet.
        let bytes = bytes.strip_prefix(b"HTTP/1.1 100 Continue\r\n\r\n").unwrap_or(&bytes);
        let (head, body) = bytes.split_at(bytes.windows(4).position(|end| end == b"\r\n\r\n")? + 4);
        let head = String::from_utf8_lossy(head);
        let status = head.split(' ').nth(1)?.parse().ok()?;
        let headers = head.lines().skip(1).filter_map(|line| line.split_once(':'));
        let headers: Vec<(String, String)> =
            headers.map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned())).collect();
        let body = body.to_vec();
        Some(Reply { status, headers, body })
    }

    /// The next piece of a body that comes in pieces; nothing at its end.
    pub fn chunk(&mut self) -> Option<Vec<u8>> {
        let mut length = String::new();
        self.from.read_line(&mut length).unwrap();
        let length = usize::from_str_radix(length.trim(), 16).ok()?;
        let mut chunk = vec![0; length + 2];
        self.from.read_exact(&mut chunk).unwrap();
        chunk.truncate(length);
        (length > 0).then_some(chunk)
    }

    /// The JSON of the next event; nothing at the end, or where the event is `[DONE]`. An event is a piece of the body.
    pub fn event(&mut self) -> Option<Value> {
        loop {
            let chunk = String::from_utf8(self.chunk()?).unwrap();
            match chunk.strip_prefix("data: ") {
                Some(data) => return serde_json::from_str(data).ok(),
                None => assert!(chunk.starts_with(": "), "{chunk:?}"),
            }
        }
    }
}
