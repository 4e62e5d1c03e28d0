//! The program: one way to call it, and to read what it said.

use std::ffi::OsStr;
use std::io::Write;
use std::process::{Command, Output, Stdio};

use super::ROOT;

/// The program as it was built for these tests.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_afterword");

/// Keeps nothing of prompts from one test to another, unless a test takes that away again.
const NOTHING_KEPT: (&str, &str) = ("AFTERWORD_CACHE_LIMIT", "0");

/// What is found there is nobody's: a finding of `tune` would change what `auto` means.
const NO_CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/nothing-kept");

/// The program with these arguments and nothing on its standard input.
pub fn afterword<A: AsRef<OsStr>>(args: impl IntoIterator<Item = A>) -> Command {
    let mut command = deaf(PROGRAM);
    command.args(args).current_dir(ROOT).stdin(Stdio::null());
    command
}

/// A command that does not hear of whoever runs the tests: neither of a configuration nor of variables that stand for options.
pub fn deaf(program: &str) -> Command {
    let mut command = Command::new(program);
    let ours = std::env::vars_os().map(|(name, _)| name).filter(|name| name.as_encoded_bytes().starts_with(b"AFTERWORD_"));
    for name in ours {
        command.env_remove(name);
    }
    command.env("AFTERWORD_CONFIG", "").env(NOTHING_KEPT.0, NOTHING_KEPT.1).env("AFTERWORD_CACHE", NO_CACHE);
    command
}

/// A shell that does this with the program as `$0` and the arguments as `$@`.
#[cfg(all(feature = "llama", unix))]
pub fn shell<A: AsRef<OsStr>>(script: &str, args: impl IntoIterator<Item = A>) -> Command {
    let mut command = deaf("sh");
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
#[cfg(all(any(feature = "llama", feature = "hub"), unix))]
pub fn signal(child: &std::process::Child, name: &str) {
    assert!(Command::new("kill").args(["-s", name, &child.id().to_string()]).status().unwrap().success());
}
