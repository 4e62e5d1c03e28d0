//! The command line: arguments become settings, and each subcommand has its file. The only place that prints.

// Without a backend nothing tells stories, and what only they need lies idle.
#![cfg_attr(not(feature = "llama"), allow(dead_code))]

mod args;
mod bars;
mod columns;
#[cfg(feature = "llama")]
mod compare;
#[cfg(feature = "llama")]
mod engine;
#[cfg(feature = "llama")]
mod explain;
mod explanation;
mod figures;
mod presets;
#[cfg(feature = "llama")]
mod progress;
mod prose;
mod settings;
mod terminal;
#[cfg(feature = "llama")]
mod write;

use std::ffi::OsString;
use std::io::ErrorKind;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;

use args::{Args, Command};
use terminal::Terminal;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    Interrupted,
}

/// Wrong usage: what was typed cannot be meant.
#[derive(Debug)]
struct Usage(String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// Runs the program with these arguments, its name first. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
#[must_use]
pub fn run(typed: impl IntoIterator<Item = OsString>) -> ExitCode {
    let args = match Args::try_parse_from(typed) {
        Ok(args) => args,
        Err(error) => {
            // Help and version are no errors, and clap knows where each belongs; a closed pipe does not matter here.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let terminal = Terminal::new(args.colour, args.quiet);
    match dispatch(args.command, &terminal) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Interrupted) => ExitCode::from(130),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            terminal.error(&error);
            ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
        }
    }
}

#[cfg(feature = "llama")]
fn dispatch(command: Command, terminal: &Terminal) -> Result<Outcome> {
    match command {
        Command::Write(args) => write::run(args, terminal),
        Command::Compare(args) => compare::run(args, terminal),
        Command::Explain(args) => explain::run(args, terminal),
        Command::Presets(args) => presets::run(args, terminal),
    }
}

#[cfg(not(feature = "llama"))]
fn dispatch(command: Command, terminal: &Terminal) -> Result<Outcome> {
    match command {
        Command::Presets(args) => presets::run(args, terminal),
        Command::Write(_) | Command::Compare(_) | Command::Explain(_) => {
            anyhow::bail!(
                "this program was built without a backend\nhint: build it with the feature `llama`, which is on by default"
            )
        }
    }
}

/// Whoever read the output has seen enough: `afterword … | head` is no failure.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error.chain().filter_map(|cause| cause.downcast_ref::<std::io::Error>()).any(|cause| cause.kind() == ErrorKind::BrokenPipe)
}
