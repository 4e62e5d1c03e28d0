//! The command line: arguments become settings, and each subcommand has its file. The only place that prints.

// Without a backend nothing tells stories, and what only they need lies idle.
#![cfg_attr(not(feature = "llama"), allow(dead_code, unused_imports))]

#[cfg(feature = "llama")]
mod again;
mod args;
#[cfg(feature = "llama")]
mod asking;
mod bars;
#[cfg(feature = "llama")]
mod batch;
#[cfg(feature = "llama")]
mod bench;
mod columns;
#[cfg(feature = "llama")]
mod compare;
#[cfg(feature = "llama")]
mod doctor;
#[cfg(feature = "llama")]
mod drafting;
mod drafts;
#[cfg(feature = "llama")]
mod engine;
#[cfg(feature = "llama")]
mod explain;
mod explanation;
mod figures;
mod flow;
#[cfg(feature = "llama")]
mod interrupt;
mod line;
mod machine;
mod manual;
#[cfg(feature = "llama")]
mod margin;
#[cfg(feature = "llama")]
mod missing;
mod models;
#[cfg(feature = "llama")]
mod pictures;
mod plot;
mod presets;
#[cfg(feature = "llama")]
mod progress;
#[cfg(feature = "llama")]
mod prompt;
mod prose;
#[cfg(feature = "llama")]
mod recorded;
#[cfg(feature = "llama")]
mod recording;
mod rendering;
#[cfg(feature = "llama")]
mod replay;
mod report;
mod screen;
mod settings;
mod sheet;
#[cfg(feature = "llama")]
mod tell;
mod terminal;
#[cfg(feature = "llama")]
mod tinted;
#[cfg(feature = "llama")]
mod tune;
mod usage;
mod waits;
#[cfg(feature = "llama")]
mod write;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use anyhow::Result;
use clap::Parser;
use clap::error::ErrorKind;

use args::{Args, Command};
use terminal::Terminal;
use usage::Usage;

pub use waits::shorten as shorten_waits;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    /// What is wrong has been said.
    Failed,
    Interrupted,
}

/// It was interrupted before there was anything to keep.
#[derive(Debug)]
struct Interruption;

impl std::fmt::Display for Interruption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("interrupted")
    }
}

impl std::error::Error for Interruption {}

/// Runs the program with these arguments, its name first. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
#[must_use]
pub fn run(typed: impl IntoIterator<Item = OsString>) -> ExitCode {
    // A file that may not grow is then an error as a full disk is, and no sudden end.
    #[cfg(unix)]
    let _ = signal_hook::flag::register(libc::SIGXFSZ, std::sync::Arc::default());
    let args = match Args::try_parse_from(typed) {
        Ok(args) => args,
        Err(error) => return refused(&error),
    };
    let args = match args.settled() {
        Ok(args) => args,
        Err(error) => {
            Terminal::new(args::Colour::Auto, false).error(&error.into());
            return ExitCode::from(2);
        }
    };
    let terminal = Terminal::new(args.colour, args.quiet);
    match dispatch(args.command, &terminal) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Failed) => ExitCode::FAILURE,
        Ok(Outcome::Interrupted) => ExitCode::from(130),
        Err(error) if error.is::<Interruption>() => ExitCode::from(130),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            terminal.error(&error);
            ExitCode::from(if error.is::<Usage>() { 2 } else { 1 })
        }
    }
}

/// Prints what was asked for instead of a command, or what cannot be read as one.
fn refused(error: &clap::Error) -> ExitCode {
    // Colours as in a terminal without options: what was typed could not be read.
    let terminal = Terminal::new(args::Colour::Auto, false);
    match error.kind() {
        // Help and version are results; a closed pipe does not matter to them.
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => match error.print() {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                terminal.error(&anyhow::Error::new(error).context("cannot write to standard output"));
                ExitCode::FAILURE
            }
            _ => ExitCode::SUCCESS,
        },
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            ExitCode::from(2)
        }
        _ => {
            terminal.error(&Usage::of_parser(error).into());
            ExitCode::from(2)
        }
    }
}

#[cfg(feature = "llama")]
fn dispatch(command: Command, terminal: &Terminal) -> Result<Outcome> {
    match command {
        Command::Write(args) => write::run(args, terminal),
        Command::Batch(args) => batch::run(&args, terminal),
        Command::Bench(args) => bench::run(&args, terminal),
        Command::Compare(args) => compare::run(args, terminal),
        Command::Explain(args) => explain::run(args, terminal),
        Command::Presets(args) => presets::run(args, terminal),
        Command::Models(args) => models::run(args, terminal),
        Command::Report(args) => report::run(args, terminal),
        Command::Doctor { json } => doctor::run(json, terminal),
        Command::Completions { shell } => manual::complete(shell, terminal),
        Command::Man { out } => manual::man(out.as_deref(), terminal),
        Command::RenderTemplates => rendering::run(),
    }
}

#[cfg(not(feature = "llama"))]
fn dispatch(command: Command, terminal: &Terminal) -> Result<Outcome> {
    match command {
        Command::Presets(args) => presets::run(args, terminal),
        Command::Models(args) => models::run(args, terminal),
        Command::Report(args) => report::run(args, terminal),
        Command::Completions { shell } => manual::complete(shell, terminal),
        Command::Man { out } => manual::man(out.as_deref(), terminal),
        Command::RenderTemplates => rendering::run(),
        Command::Write(_)
        | Command::Batch(_)
        | Command::Bench(_)
        | Command::Compare(_)
        | Command::Explain(_)
        | Command::Doctor { .. } => {
            anyhow::bail!(
                "this program was built without a backend\nhint: build it with the feature `llama`, which is on by default"
            )
        }
    }
}

/// Whoever read the output has seen enough: `afterword … | head` is no failure.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
