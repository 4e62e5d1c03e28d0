//! Workers: processes on other machines that compute layers of a model, over llama.cpp's RPC.
//!
//! llama.cpp ends the process where what answers is no worker, speaks another version or is gone, and waits without end where nothing is
//! said. So each is asked here first: whether it listens, answers, and speaks the version that we speak.

use std::fmt;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddrV4, TcpStream, ToSocketAddrs};
use std::str::FromStr;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use crate::files::words;

/// A version of the protocol. A server serves clients of its own major version whose minor one is not smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Protocol {
    /// Others do not understand each other.
    pub major: u8,
    /// What was added.
    pub minor: u8,
    /// What was mended.
    pub patch: u8,
}

/// The version that the llama.cpp of this program speaks.
pub const PROTOCOL: Protocol = Protocol { major: 7, minor: 0, patch: 0 };

/// As many workers as llama.cpp counts.
pub const MOST_WORKERS: usize = 16;

/// The number of the greeting among the commands, in every version.
const HELLO: u8 = 14;

/// Bytes that each side says of the ways in which it can be reached, all 0 where that is TCP alone.
const CAPABILITIES: usize = 24;

/// How long a name may be looked for.
const TO_RESOLVE: Duration = Duration::from_secs(2);

/// How long a connection may take.
const TO_CONNECT: Duration = Duration::from_millis(1500);

/// An answer is waited for in so many turns of so long, whatever comes in them: one who says a byte now and then is not listened to
/// for longer than one who says nothing.
const TURNS: usize = 12;
const TURN: Duration = Duration::from_millis(100);

/// A worker, by the address under which it listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Worker {
    host: String,
    port: u16,
}

/// What a worker that can be used is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Greeted {
    /// Where it is: llama.cpp knows no others, and looks for names without end.
    pub address: SocketAddrV4,
    /// What it speaks.
    pub protocol: Protocol,
}

/// What came of a greeting.
enum Answer {
    Version(Protocol),
    /// Bytes that no worker says.
    Strange,
    /// The end of the connection.
    HungUp,
    /// Nothing, or not enough of it.
    Silence,
}

impl Worker {
    /// Asks whether it can be used, in less than 3 s where its name is found at once. The connection is closed then: a worker serves one
    /// client at a time.
    ///
    /// # Errors
    /// Its name is not found, nobody listens, or who does is busy, is no worker, or speaks another version.
    pub fn greet(&self) -> Result<Greeted> {
        let refusal = || format!("cannot use the worker `{self}`");
        let address = self.address().with_context(refusal)?;
        let protocol = greet(address).with_context(refusal)?;
        Ok(Greeted { address, protocol })
    }

    /// Whether somebody takes a connection there.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.address().is_ok_and(|address| TcpStream::connect_timeout(&address.into(), TO_CONNECT).is_ok())
    }

    /// Its address: the first of version 4 under its name.
    fn address(&self) -> Result<SocketAddrV4> {
        let (name, (found, wait)) = ((self.host.clone(), self.port), mpsc::channel());
        // Whoever knows names may take as long as it likes, and cannot be told to stop.
        thread::spawn(move || found.send(name.to_socket_addrs().map(Iterator::collect::<Vec<_>>)));
        let addresses = match wait.recv_timeout(TO_RESOLVE) {
            Ok(addresses) => addresses.map_err(|_| anyhow!("there is no machine of this name"))?,
            Err(_) => bail!("its name was not found in time"),
        };
        let of_version_4 = addresses.iter().find_map(|address| match address {
            std::net::SocketAddr::V4(address) => Some(*address),
            std::net::SocketAddr::V6(_) => None,
        });
        of_version_4.context("it has no address of IP version 4, and workers know no others")
    }
}

/// Says hello and reads which version answers.
fn greet(address: SocketAddrV4) -> Result<Protocol> {
    let protocol = match say_hello(address, CAPABILITIES)? {
        Answer::Version(protocol) => protocol,
        Answer::Strange => bail!("what answers there is no worker"),
        Answer::Silence => {
            bail!("it says nothing\nhint: it serves one client at a time, and may be busy with another; or it is no worker")
        }
        // Before version 7 nothing was said in a greeting, and who heard more hung up.
        Answer::HungUp => match say_hello(address, 0) {
            Ok(Answer::Version(protocol)) => protocol,
            _ => bail!("it hung up on the greeting of version {PROTOCOL}: it is no worker, or one of another version"),
        },
    };
    if protocol.major != PROTOCOL.major || protocol.minor > PROTOCOL.minor {
        bail!(
            "it speaks version {protocol} of the protocol, and this program {PROTOCOL}\nhint: let one version of afterword run on all machines"
        );
    }
    Ok(protocol)
}

/// Says hello with so many bytes of capabilities: the command, the size of what follows as 8 bytes, the smallest first, and that. The
/// answer is its size likewise, the version in three bytes, and in versions with capabilities a byte more and theirs.
fn say_hello(address: SocketAddrV4, capabilities: usize) -> Result<Answer> {
    let mut stream = TcpStream::connect_timeout(&address.into(), TO_CONNECT).map_err(|error| match error.kind() {
        ErrorKind::ConnectionRefused => anyhow!(
            "nobody listens there\nhint: `afterword rpc-serve` on that machine is a worker; it listens to that machine alone, and a tunnel \
             leads there: `ssh -N -L {}:127.0.0.1:50052 HOST`",
            address.port()
        ),
        ErrorKind::TimedOut => anyhow!("it cannot be reached"),
        _ => anyhow!(words(&error)),
    })?;
    let mut hello = vec![HELLO];
    hello.extend((capabilities as u64).to_le_bytes());
    hello.resize(hello.len() + capabilities, 0);
    let lasting = |error: std::io::Error| anyhow!(words(&error));
    stream.set_read_timeout(Some(TURN)).and_then(|()| stream.set_write_timeout(Some(TURN))).map_err(lasting)?;
    if stream.write_all(&hello).is_err() {
        return Ok(Answer::HungUp);
    }
    let version = 3;
    let size = if capabilities == 0 { version } else { version + 1 + CAPABILITIES };
    let mut answer = vec![0; 8 + size];
    let mut read = 0;
    for _ in 0..TURNS {
        match stream.read(&mut answer[read..]) {
            Ok(0) => return Ok(if read == 0 { Answer::HungUp } else { Answer::Strange }),
            Ok(more) => read += more,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut | ErrorKind::Interrupted) => {}
            Err(_) => return Ok(Answer::HungUp),
        }
        if read >= 8 && answer[..8] != (size as u64).to_le_bytes() {
            return Ok(Answer::Strange);
        }
        if read == answer.len() {
            let [major, minor, patch] = [answer[8], answer[9], answer[10]];
            return Ok(Answer::Version(Protocol { major, minor, patch }));
        }
    }
    Ok(if read < 8 { Answer::Silence } else { Answer::Strange })
}

impl FromStr for Worker {
    type Err = String;

    fn from_str(typed: &str) -> Result<Self, String> {
        let parts = typed.split_once(':').filter(|(host, _)| !host.is_empty() && !host.contains(char::is_whitespace));
        let port = |port: &str| port.parse().ok().filter(|port| *port > 0);
        match parts.and_then(|(host, number)| Some((host.to_owned(), port(number)?))) {
            Some((host, port)) => Ok(Self { host, port }),
            None => Err("expected a machine and a port, as `10.0.0.5:50052`".to_owned()),
        }
    }
}

impl fmt::Display for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::time::Instant;

    use super::*;

    /// Somebody who listens, and does this with each of so many clients.
    fn listening(clients: usize, deed: impl Fn(&mut TcpStream) + Send + 'static) -> Worker {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || (0..clients).for_each(|_| deed(&mut listener.accept().unwrap().0)));
        Worker { host: "127.0.0.1".to_owned(), port }
    }

    /// What is said of a worker, which takes less than 3 s.
    fn refused(worker: &Worker) -> String {
        let began = Instant::now();
        let said = format!("{:#}", worker.greet().unwrap_err());
        assert!(began.elapsed() < Duration::from_secs(3), "{said}");
        assert!(said.starts_with(&format!("cannot use the worker `{worker}`: ")), "{said}");
        said
    }

    /// A worker of this version, which knows greetings with so many bytes.
    fn of_version(version: [u8; 3], capabilities: usize) -> impl Fn(&mut TcpStream) {
        move |stream| {
            let mut head = [0; 9];
            stream.read_exact(&mut head).unwrap();
            assert_eq!(head[0], HELLO);
            // It hangs up on others.
            if head[1..] != (capabilities as u64).to_le_bytes() {
                return;
            }
            stream.read_exact(&mut vec![0; capabilities]).unwrap();
            let rest = if capabilities == 0 { Vec::new() } else { vec![0; 1 + CAPABILITIES] };
            let answer = [&version[..], &rest].concat();
            stream.write_all(&[&(answer.len() as u64).to_le_bytes()[..], &answer].concat()).unwrap();
        }
    }

    #[test]
    fn a_worker_of_our_version_can_be_used() {
        for version in [[7, 0, 0], [7, 0, 9]] {
            let worker = listening(1, of_version(version, CAPABILITIES));
            let greeted = worker.greet().unwrap();
            assert_eq!((greeted.address.port(), greeted.protocol.patch), (worker.port, version[2]));
        }
    }

    #[test]
    fn another_version_is_told_of_with_ours() {
        for (version, capabilities, clients) in [([8, 0, 0], CAPABILITIES, 1), ([7, 1, 0], CAPABILITIES, 1), ([3, 6, 1], 0, 2)]
        {
            let said = refused(&listening(clients, of_version(version, capabilities)));
            let version = version.map(|number| number.to_string()).join(".");
            assert!(
                said.contains(&format!("it speaks version {version} of the protocol, and this program 7.0.0\nhint: ")),
                "{said}"
            );
        }
    }

    #[test]
    fn who_speaks_another_protocol_is_no_worker() {
        let web = |stream: &mut TcpStream| {
            let _ = stream.read(&mut [0; 64]);
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n");
        };
        assert!(refused(&listening(1, web)).ends_with("what answers there is no worker"));
        let banner = |stream: &mut TcpStream| {
            let _ = stream.write_all(b"SSH-2.0-OpenSSH_9.6\r\n");
            thread::sleep(Duration::from_secs(4));
        };
        assert!(refused(&listening(1, banner)).ends_with("what answers there is no worker"));
        // Who hangs up on every greeting.
        assert!(refused(&listening(2, |_| ())).contains("it hung up on the greeting of version 7.0.0"));
    }

    #[test]
    fn who_says_nothing_or_next_to_nothing_is_not_waited_for() {
        assert!(refused(&listening(1, |_| thread::sleep(Duration::from_secs(4)))).contains("it says nothing\nhint: "));
        let dribbling = |stream: &mut TcpStream| {
            for byte in 28_u64.to_le_bytes() {
                thread::sleep(Duration::from_millis(80));
                let _ = stream.write_all(&[byte]);
            }
            thread::sleep(Duration::from_secs(4));
        };
        refused(&listening(1, dribbling));
    }

    #[test]
    fn where_nobody_listens_is_said_what_a_worker_is() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let worker = Worker { host: "127.0.0.1".to_owned(), port: listener.local_addr().unwrap().port() };
        assert!(worker.is_there());
        drop(listener);
        assert!(refused(&worker).contains("nobody listens there\nhint: `afterword rpc-serve`"));
        assert!(!worker.is_there());
    }

    #[test]
    fn a_worker_is_typed_as_a_machine_and_a_port() {
        let worker: Worker = "tower.example:50052".parse().unwrap();
        assert_eq!(worker.to_string(), "tower.example:50052");
        for typed in ["", "tower", ":50052", "tower:", "tower:0", "tower:65536", "::1:50052", "a b:1"] {
            assert!(typed.parse::<Worker>().is_err(), "{typed}");
        }
    }
}
