//! Workers on other machines, here on loopback: they compute as this machine does, and where one is gone that is one sentence.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStderr, Stdio};
use std::time::Duration;

use afterword::story::Record;
use serde_json::Value;

use crate::support::{Ends, afterword, err, folder, read_json, signal};

/// A worker in a process of its own, which ends with the test.
struct Worker {
    child: Child,
    /// What it says next.
    said: BufReader<ChildStderr>,
    address: String,
}

impl Worker {
    fn new() -> Self {
        Self::at("127.0.0.1:0")
    }

    fn at(listen: &str) -> Self {
        let mut command = afterword(["rpc-serve", "--listen", listen, "--threads", "1"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let rest = line.strip_prefix("listening at ").unwrap_or_else(|| panic!("{line}"));
        let (address, rest) = rest.split_once(" · ").unwrap();
        assert!(rest.ends_with(" · 1 thread · protocol 7.0.0 · Ctrl-C ends it\n"), "{line}");
        let worker = Self { child, said, address: address.to_owned() };
        // It says so just before it does.
        let listens = |_: &usize| TcpStream::connect(&worker.address).is_ok();
        assert!((0..500).inspect(|_| std::thread::sleep(Duration::from_millis(10))).find(listens).is_some());
        worker
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The record of a story that is told with these options.
fn told(file: &Path, args: &[&str]) -> Record {
    let mut command = afterword(["write", "Once upon a time", "--seed", "3", "--tokens", "24", "--threads", "1", "--record"]);
    command.arg(file).args(args).done();
    read_json(file)
}

#[test]
fn two_workers_and_this_machine_tell_the_tokens_of_this_machine_alone() {
    let room = folder("equal");
    let (one, other) = (Worker::new(), Worker::new());
    let rpc = format!("{},{}", one.address, other.address);
    for preset in ["wave", "temperature"] {
        let record = |name: &str, args: &[&str]| told(&room.join(name), &[&["--preset", preset], args].concat());
        let alone = record("alone.json", &[]);
        assert_eq!((alone.tokens.len(), alone.run.gpu_layers), (24, None));
        // Some layers there and some here, and all there; one candidate in a decode, and as many as for a GPU.
        for args in [&["--gpu-layers", "2", "--width", "1"][..], &["--gpu-layers", "99", "--width", "1"], &[]] {
            let shared = record("shared.json", &[&["--rpc", &rpc], args].concat());
            assert_eq!(shared.run.devices, ["RPC0", "RPC1"]);
            assert_eq!(shared.tokens, alone.tokens, "{preset} {args:?}");
            assert_eq!(shared.text, alone.text);
        }
    }
    // What was told over workers is told again over workers.
    let replay = |args: &[&str]| {
        let mut command = afterword(["replay"]);
        command.arg(room.join("shared.json")).args(args);
        command
    };
    replay(&["--rpc", &rpc]).done();
    assert!(err(&replay(&[]).ended()).contains("there is no device `RPC0`"));
}

#[test]
fn doctor_lists_the_devices_of_workers_and_what_they_speak() {
    let worker = Worker::new();
    let said = afterword(["doctor", "--json", "--rpc", &worker.address]).prints();
    let report: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(report["workers"], serde_json::json!([[worker.address, "7.0.0"]]));
    let devices = report["devices"].as_array().unwrap();
    let lent = devices.iter().find(|device| device["name"] == "RPC0").unwrap();
    assert_eq!(lent["description"], worker.address.as_str());
    assert!(lent["memory"].as_u64() > Some(0), "{lent}");
    // One that is not there is broken, and the rest is looked at all the same.
    let nobody = nobody();
    let broken = afterword(["doctor", "--json", "--rpc", &nobody]).ended();
    assert_eq!(broken.status.code(), Some(1));
    assert!(err(&broken).contains(&format!("cannot use the worker `{nobody}`: nobody listens there")), "{}", err(&broken));
    let report: Value = serde_json::from_slice(&broken.stdout).unwrap();
    assert!(report["tokens-a-second"].as_f64() > Some(0.0));
}

/// An address at which nobody listens.
fn nobody() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

#[test]
fn a_worker_that_dies_is_a_sentence_and_the_same_command_goes_on() {
    let room = folder("dies");
    let (one, mut other) = (Worker::new(), Worker::new());
    fs::write(room.join("prompts.txt"), "Once upon a time\nThe door opened\nA wolf\n").unwrap();
    let batch = |out: &str, args: &[&str]| {
        let mut command = afterword(["batch", "--seeds", "1..10", "--tokens", "40", "--strict", "--threads", "1", "--out"]);
        command.arg(room.join(out)).arg(room.join("prompts.txt")).args(args);
        command
    };
    batch("alone", &[]).done();
    let rpc = format!("{},{}", one.address, other.address);
    let workers = ["--rpc", rpc.as_str()];
    let child = batch("shared", &workers).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let index = room.join("shared/index.jsonl");
    let begun = |_: &usize| fs::read_to_string(&index).is_ok_and(|index| index.lines().count() > 1);
    assert!((0..3000).inspect(|_| std::thread::sleep(Duration::from_millis(20))).find(begun).is_some());
    other.kill();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", err(&output));
    let said = err(&output);
    let lines: Vec<&str> = said.lines().rev().take(2).collect();
    assert!(lines[1].starts_with("error: it broke off on the model `"), "{said}");
    assert!(lines[1].ends_with(&format!(": the worker `{}` is gone", other.address)), "{said}");
    assert!(lines[0].starts_with("hint: ") && lines[0].contains("`batch` goes on where it was"), "{said}");
    // It is still gone, which is said before anything is loaded.
    let refused = batch("shared", &workers).ended();
    assert_eq!(refused.status.code(), Some(1));
    assert!(err(&refused).contains("nobody listens there"), "{}", err(&refused));
    let _again = Worker::at(&other.address);
    let done = batch("shared", &workers).done();
    assert!(err(&done).contains(" are there"), "{}", err(&done));
    let stories = |out: &str| {
        let mut stories: Vec<(String, Vec<u32>)> = fs::read_dir(room.join(out).join("stories"))
            .unwrap()
            .map(|file| file.unwrap().path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
            .map(|path| {
                let record: Value = read_json(&path);
                let tokens = serde_json::from_value(record["tokens"].clone()).unwrap();
                (path.file_stem().unwrap().to_string_lossy().into_owned(), tokens)
            })
            .collect();
        stories.sort();
        stories
    };
    assert_eq!(stories("shared").len(), 30);
    assert_eq!(stories("shared"), stories("alone"));
}

#[test]
fn a_worker_serves_one_client_at_a_time_and_says_nothing_to_others() {
    let room = folder("busy");
    let mut worker = Worker::new();
    let mut first = afterword([
        "write",
        "Once",
        "--seed",
        "1",
        "--tokens",
        "4000",
        "--continue",
        "--no-loop-stop",
        "--rpc",
        &worker.address,
    ]);
    let mut child = first.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    // The story has begun when its first words come.
    let mut story = child.stdout.take().unwrap();
    std::io::Read::read_exact(&mut story, &mut [0; 8]).unwrap();
    let second = afterword(["write", "Once", "--rpc", &worker.address, "--record"]).arg(room.join("none.json")).refused(1);
    assert!(second.contains(": it says nothing\nhint: it serves one client at a time"), "{second}");
    child.kill().unwrap();
    child.wait().unwrap();
    // Then it is free again.
    told(&room.join("then.json"), &["--rpc", &worker.address]);
    // And it ends as any program does; on standard output it has said nothing.
    signal(&worker.child, "INT");
    assert_eq!(worker.child.wait().unwrap().code(), Some(130));
    let mut out = String::new();
    std::io::Read::read_to_string(&mut worker.child.stdout.take().unwrap(), &mut out).unwrap();
    assert_eq!(out, "");
    let mut log = String::new();
    std::io::Read::read_to_string(&mut worker.said, &mut log).unwrap();
    assert!(log.contains("Accepted client connection"), "{log}");
}

#[test]
fn a_worker_listens_to_its_own_machine_unless_that_is_meant() {
    let refused = afterword(["rpc-serve", "--listen", "0.0.0.0:50052"]).refused(2);
    assert!(refused.contains("whoever reaches a worker can run what they like on its machine\nhint: "), "{refused}");
    assert!(refused.contains("`ssh -N -L 50052:127.0.0.1:50052 HOST`"), "{refused}");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let refused = afterword(["rpc-serve", "--listen", &address]).refused(1);
    assert!(refused.starts_with(&format!("error: cannot listen at `{address}`: ")), "{refused}");
    assert!(afterword(["rpc-serve", "--listen", "localhost:50052"]).refused(2).contains("expected an address of IP version 4"));
    assert!(
        afterword(["rpc-serve", "--listen", "127.0.0.1:0", "--device", "GPU99"])
            .refused(1)
            .contains("there is no device `GPU99`")
    );
    assert!(afterword(["write", "Once", "--rpc", "here"]).refused(2).contains("expected a machine and a port"));
    let many = vec!["127.0.0.1:9"; 17].join(",");
    assert!(afterword(["write", "Once", "--rpc", &many]).refused(2).contains("`--rpc` names 17 workers: at most 16"));
}
