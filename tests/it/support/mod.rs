//! What tests share: one way each to call the program, to read what it said, and to have a place of one's own.

pub mod gguf;
#[cfg(all(feature = "llama", unix))]
pub mod pty;

use std::ffi::OsStr;
use std::io::Write;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// The program as it was built for these tests.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_afterword");

/// The folder of the repository, where every command begins.
pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The model that comes with the program.
pub const BUNDLED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/models/fable-3m-q8_0.gguf");

/// The program with these arguments and nothing on its standard input.
pub fn afterword<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(args).current_dir(ROOT).stdin(Stdio::null());
    command
}

/// A shell that does this with the program as `$0` and the arguments as `$@`.
#[cfg(all(feature = "llama", unix))]
pub fn shell<A: AsRef<OsStr>>(script: &str, args: impl IntoIterator<Item = A>) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script, PROGRAM]).args(args).current_dir(ROOT).stdin(Stdio::null());
    command
}

/// How a command ends.
pub trait Ends {
    /// Whatever comes of it.
    fn ended(&mut self) -> Output;

    /// With this on its standard input.
    fn fed(&mut self, stdin: &[u8]) -> Output;

    /// Well.
    fn done(&mut self) -> Output {
        let output = self.ended();
        assert_eq!(output.status.code(), Some(0), "{}", err(&output));
        output
    }

    /// Well: what it wrote on standard output.
    fn prints(&mut self) -> String {
        out(&self.done())
    }

    /// With this code and nothing on standard output: what it wrote on standard error.
    fn refused(&mut self, code: i32) -> String {
        let output = self.ended();
        assert_eq!((output.status.code(), out(&output).as_str()), (Some(code), ""), "{}", err(&output));
        err(&output)
    }
}

impl Ends for Command {
    fn ended(&mut self) -> Output {
        self.output().unwrap()
    }

    fn fed(&mut self, stdin: &[u8]) -> Output {
        let piped = self.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        child.stdin.take().unwrap().write_all(stdin).unwrap();
        child.wait_with_output().unwrap()
    }
}

/// What was written on standard output.
pub fn out(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What was written on standard error.
pub fn err(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Sends a signal by its name, as `INT`.
#[cfg(all(feature = "llama", unix))]
pub fn signal(child: &std::process::Child, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap().success());
}

/// What a file of JSON holds: a record, or any value.
pub fn read_json<T: serde::de::DeserializeOwned>(path: impl AsRef<Path>) -> T {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// A place of this name where nothing is, which no other file of tests uses.
#[track_caller]
pub fn nowhere(name: &str) -> PathBuf {
    let tests = Path::new(Location::caller().file()).file_stem().unwrap();
    let room = Path::new(env!("CARGO_TARGET_TMPDIR")).join(tests);
    std::fs::create_dir_all(&room).unwrap();
    let path = room.join(name);
    let _ = std::fs::remove_dir_all(&path);
    let _ = std::fs::remove_file(&path);
    path
}

/// A fresh folder of this name, which no other file of tests uses.
#[track_caller]
pub fn folder(name: &str) -> PathBuf {
    let folder = nowhere(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
