//! The command line: arguments become settings, and each subcommand has its file. The only place that prints.

// Without a backend nothing tells stories, and what only they need lies idle.
#![cfg_attr(not(feature = "llama"), allow(dead_code, unused_imports))]

mod args;
#[cfg(feature = "llama")]
mod chapter;
mod commands;
mod defaults;
#[cfg(feature = "hub")]
mod fetching;
mod given;
mod habits;
mod interrupt;
mod keys;
mod machine;
mod missing;
mod named;
#[cfg(feature = "llama")]
mod opening;
#[cfg(feature = "llama")]
mod prompt;
#[cfg(feature = "llama")]
mod prompting;
#[cfg(feature = "llama")]
mod recorded;
#[cfg(feature = "llama")]
mod recording;
#[cfg(feature = "llama")]
mod remembering;
mod render;
mod settings;
#[cfg(feature = "llama")]
mod tell;
mod template_process;
mod usage;
mod waits;
#[cfg(feature = "llama")]
mod workers;

use std::ffi::OsString;
use std::io;
use std::process::ExitCode;

use anyhow::Result;
use clap::error::ErrorKind;

use args::Command;
use defaults::Stopped;
use render::notes::{is_usage, with_hint};
use render::terminal::Terminal;
use usage::Usage;

use crate::engine::Cancelled;

pub use waits::shorten as shorten_waits;

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Done,
    /// What is wrong has been said.
    Failed,
    Interrupted,
}

/// Runs the program with these arguments, its name first. Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted.
#[must_use]
pub fn run(typed: impl IntoIterator<Item = OsString>) -> ExitCode {
    // A file that may not grow is then an error as a full disk is, and no sudden end.
    #[cfg(unix)]
    let _ = signal_hook::flag::register(libc::SIGXFSZ, std::sync::Arc::default());
    let typed: Vec<OsString> = typed.into_iter().collect();
    let (args, defaults) = match defaults::parse(&typed) {
        Ok(parsed) => parsed,
        Err(Stopped::Line(error)) => return refused(&error, &typed),
        Err(Stopped::Defaults(error)) => {
            Terminal::new(args::Colour::Auto, false).error(&error);
            return ExitCode::from(2);
        }
    };
    let args = match args.settled() {
        Ok(args) => args,
        Err(error) => {
            Terminal::new(args::Colour::Auto, false).error(&error.into());
            return ExitCode::from(2);
        }
    };
    let terminal = Terminal::new(args.colour, args.quiet);
    let yes = args.says_yes();
    match ready(args.command, yes, &terminal).and_then(|command| dispatch(command, yes, &terminal)) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Failed) => ExitCode::FAILURE,
        Ok(Outcome::Interrupted) => ExitCode::from(130),
        Err(error) if error.is::<Cancelled>() => ExitCode::from(130),
        Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            let said = with_hint(&error);
            let behind = defaults.behind(&said.to_string());
            terminal.error(&behind.map_or(anyhow::anyhow!("{said}"), |hint| anyhow::anyhow!("{said}\nhint: {hint}")));
            ExitCode::from(if is_usage(&error) { 2 } else { 1 })
        }
    }
}

/// The command, with the files of the models that it names and the workers that are to compute for it.
fn ready(mut command: Command, yes: bool, terminal: &Terminal) -> Result<Command> {
    #[cfg(feature = "llama")]
    workers::join(command.workers())?;
    for model in command.models() {
        *model = named::file(model, yes, terminal)?;
    }
    Ok(command)
}

/// Prints what was asked for instead of a command, or what cannot be read as one.
fn refused(error: &clap::Error, typed: &[OsString]) -> ExitCode {
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
            terminal.error(&Usage::of_parser(error, typed).into());
            ExitCode::from(2)
        }
    }
}

#[cfg(feature = "llama")]
fn dispatch(command: Command, yes: bool, terminal: &Terminal) -> Result<Outcome> {
    match command {
        Command::Write(args) => commands::write::run(args, terminal),
        #[cfg(feature = "serve")]
        Command::Serve(args) => commands::serve::run(*args, terminal),
        Command::Desk(args) => commands::desk::run(args, terminal),
        #[cfg(feature = "explore")]
        Command::Explore(args) => commands::explore::run(*args, terminal),
        Command::Batch(args) => commands::batch::run(&args, terminal),
        Command::Bench(args) => commands::bench::run(&args, terminal),
        Command::Compare(args) => commands::compare::run(args, terminal),
        Command::Explain(args) => commands::explain::run(args, terminal),
        Command::Replay(args) => commands::replay::run(args, terminal),
        Command::Score(args) => commands::score::run(*args, terminal),
        Command::Tune(args) => commands::tune::run(&args, terminal),
        Command::Calibrate(args) => commands::calibrate::run(&args, terminal),
        Command::Cache(args) => commands::cache::run(&args, terminal),
        Command::Presets(args) => commands::presets::run(args, terminal),
        Command::Models(args) => commands::models::run(args, yes, terminal),
        Command::Report(args) => commands::report::run(args, terminal),
        Command::Eval(args) => commands::eval::run(&args, terminal),
        Command::Judge(args) => commands::judge::run(args, terminal),
        Command::Config(args) => commands::config::run(args, yes, terminal),
        Command::Doctor { json, rpc } => commands::doctor::run(json, &rpc, terminal),
        Command::RpcServe(args) => commands::rpc_serve::run(&args, terminal),
        Command::Completions { shell } => commands::manual::complete(shell, terminal),
        Command::Man { out } => commands::manual::man(out.as_deref(), terminal),
        Command::RenderTemplates => template_process::run(),
    }
}

#[cfg(not(feature = "llama"))]
fn dispatch(command: Command, yes: bool, terminal: &Terminal) -> Result<Outcome> {
    match command {
        Command::Cache(args) => commands::cache::run(&args, terminal),
        Command::Presets(args) => commands::presets::run(args, terminal),
        Command::Models(args) => commands::models::run(args, yes, terminal),
        Command::Report(args) => commands::report::run(args, terminal),
        Command::Eval(args) => commands::eval::run(&args, terminal),
        Command::Judge(args) => commands::judge::run(args, terminal),
        Command::Config(args) => commands::config::run(args, yes, terminal),
        Command::Completions { shell } => commands::manual::complete(shell, terminal),
        Command::Man { out } => commands::manual::man(out.as_deref(), terminal),
        Command::RenderTemplates => template_process::run(),
        #[cfg(feature = "serve")]
        Command::Serve(_) => without_backend(),
        #[cfg(feature = "explore")]
        Command::Explore(_) => without_backend(),
        Command::Write(_)
        | Command::Desk(_)
        | Command::Batch(_)
        | Command::Bench(_)
        | Command::Compare(_)
        | Command::Explain(_)
        | Command::Replay(_)
        | Command::Score(_)
        | Command::Tune(_)
        | Command::Calibrate(_)
        | Command::RpcServe(_)
        | Command::Doctor { .. } => without_backend(),
    }
}

/// What tells stories is not there.
#[cfg(not(feature = "llama"))]
fn without_backend() -> Result<Outcome> {
    anyhow::bail!("this program was built without a backend\nhint: build it with the feature `llama`, which is on by default")
}

/// Whoever read the output has seen enough: `afterword … | head` is no failure.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let mut causes = error.chain().filter_map(|cause| cause.downcast_ref::<io::Error>());
    causes.any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}
