//! `afterword serve` as a process: its address, its signals, its refusals.

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Stdio};

use serde_json::{Value, json};

use super::toy::{story, streamed};
use crate::support::http::{Asking, get, post};
use crate::support::{Ends, afterword, err, out, signal};

/// The program as it serves the bundled model.
pub struct Program {
    child: Child,
    pub address: SocketAddr,
}

impl Program {
    /// Begun with these options, and ready.
    pub fn serving(more: &[&str]) -> Self {
        let usual = ["serve", "--port", "0", "--json", "--threads", "1"];
        let mut child = afterword(usual.iter().chain(more)).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
        let told: Value = serde_json::from_str(&line).unwrap();
        let address = told["address"].as_str().unwrap().strip_prefix("http://").unwrap().parse().unwrap();
        let program = Self { child, address };
        // It answers before the model is loaded.
        while get(program.address, "/health").status == 503 {
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        program
    }

    /// Its exit code, the rest of its standard output, and what it said beside.
    fn end(mut self) -> (Option<i32>, String, String) {
        let (mut out, mut err) = (String::new(), String::new());
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        self.child.stderr.take().unwrap().read_to_string(&mut err).unwrap();
        (self.child.wait().unwrap().code(), out, err)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
    }
}

#[test]
fn it_tells_where_it_is_serves_stories_and_ends_at_a_signal() {
    for name in ["INT", "TERM"] {
        let program = Program::serving(&["--tokens", "8"]);
        let told = post(program.address, "/v1/completions", &json!({ "prompt": "Once upon a time", "seed": 1 })).json();
        assert_eq!(told["usage"]["completion_tokens"], 8, "{told}");
        assert!(get(program.address, "/").text().contains("Where to type the address"));
        signal(&program.child, name);
        let address = format!("http://{}", program.address);
        let (code, out, err) = program.end();
        assert_eq!((code, out.as_str()), (Some(130), ""), "{err}");
        for said in
            [&format!("listening at {address}"), "fable-3m-q8_0@wave", "SillyTavern", "POST /v1/completions", "8 tokens"]
        {
            assert!(err.contains(said), "{said}: {err}");
        }
        assert!(!err.contains("Once upon a time\n") && !err.contains("panic"), "{err}");
    }
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let program = Program::serving(&["--grace", "3600"]);
    let mut running = Asking::post(program.address, "/v1/completions", &streamed("Once upon a time", 100_000));
    assert_eq!(running.head().0, 200);
    running.event().unwrap();
    signal(&program.child, "INT");
    while std::net::TcpStream::connect(program.address).is_ok() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    signal(&program.child, "INT");
    assert_eq!(program.end().0, Some(130));
}

#[test]
fn told_by_the_clock_of_the_request_a_story_is_that_of_write() {
    let program = Program::serving(&["--clock", "request", "--strict"]);
    let mut body = story("Once upon a time there was a king", 40);
    body["model"] = "any@wave".into();
    let told = post(program.address, "/v1/completions", &body).json();
    let write = ["write", "--raw", "--preset", "wave", "--seed", "3", "--tokens", "40", "--threads", "1", "--quiet"];
    let written = afterword(write.iter().chain(&["Once upon a time there was a king"])).prints();
    assert!(written.trim_end().ends_with(told["choices"][0]["text"].as_str().unwrap().trim_end()), "{told}\n{written}");
}

#[test]
fn a_port_that_is_taken_is_named_with_another() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let refused = afterword(["serve", "--port", &port]).ended();
    assert_eq!((refused.status.code(), out(&refused).as_str()), (Some(1), ""));
    let said = err(&refused);
    assert!(said.contains(&format!("cannot listen at 127.0.0.1:{port}: another program does")), "{said}");
    assert!(said.contains("--port"), "{said}");
}

#[test]
fn without_a_key_nobody_comes_from_the_network() {
    for (typed, said) in [
        (vec!["--host", "0.0.0.0"], "there is no key"),
        (vec!["--host", "nowhere"], "expected an address"),
        (vec!["--allow-origin", "example.org/path"], "expected an origin"),
        (vec!["--api-key", "a", "--no-key"], "--no-key"),
        (vec!["--stories", "0"], "from 1 up"),
        (vec!["--stories", "1000"], "at most 32"),
        (vec!["--grace", "-1"], "seconds"),
        (vec!["--preset", "nobody"], "nobody"),
    ] {
        let refused = afterword([&["serve", "--port", "0"][..], &typed].concat()).ended();
        assert_eq!(refused.status.code(), Some(2), "{typed:?}: {}", err(&refused));
        assert!(err(&refused).contains(said), "{said}: {}", err(&refused));
    }
}
