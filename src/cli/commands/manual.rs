//! `afterword completions` and `afterword man`: what a shell completes and what a manual says, out of the definitions of the
//! command line.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use clap::{Command, CommandFactory};
use clap_complete::{Shell, generate};
use clap_mangen::Man;

use crate::cli::Outcome;
use crate::cli::args::Args;
use crate::cli::render::terminal::Terminal;
use crate::files::{Form, Inputs, Output};
use crate::text::some;

/// Prints a script that makes a shell complete what is typed.
pub fn complete(shell: Shell, terminal: &Terminal) -> Result<Outcome> {
    let mut script = Vec::new();
    generate(shell, &mut shown(&Args::command()), "afterword", &mut script);
    terminal.out().write_all(&script)?;
    Ok(Outcome::Done)
}

/// Prints the page of the program, or writes it and those of all subcommands into a folder.
pub fn man(folder: Option<&Path>, terminal: &Terminal) -> Result<Outcome> {
    let mut command = Args::command();
    // Names that tell the whole way to a subcommand, as `afterword-presets-list`.
    command.build();
    let Some(folder) = folder else {
        terminal.out().write_all(&page(command)?)?;
        return Ok(Outcome::Done);
    };
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
    let count = write(command, folder)?;
    terminal.note(format_args!("{} · {}", some(count, "page"), folder.display()));
    Ok(Outcome::Done)
}

/// Writes the page of a command and those of its subcommands; returns how many there are.
fn write(command: Command, folder: &Path) -> Result<usize> {
    let mut count = 1;
    for below in command.get_subcommands().filter(|below| is_shown(below)) {
        count += write(below.clone(), folder)?;
    }
    let file = folder.join(Man::new(command.clone()).get_filename());
    Output::new(file, Form::MANUAL, &Inputs::streams())?.write(&page(command)?)?;
    Ok(count)
}

fn page(command: Command) -> Result<Vec<u8>> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    Ok(page)
}

/// Every command has the help of its own, and needs no command for it.
fn is_shown(command: &Command) -> bool {
    !command.is_hide_set() && command.get_name() != "help"
}

/// The command without what is hidden below it, which scripts of completions would name.
fn shown(command: &Command) -> Command {
    let about = command.get_about().cloned().unwrap_or_default();
    let below = command.get_subcommands().filter(|below| is_shown(below)).map(shown);
    Command::new(command.get_name().to_owned()).about(about).args(command.get_arguments()).subcommands(below)
}
