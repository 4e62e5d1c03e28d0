//! `afterword models known`: models to begin with, and what each is good for.

use std::io::Write;

use anyhow::Result;

use crate::catalog::in_words;
use crate::cli::render::terminal::{BOLD, DIM, Terminal};
use crate::hub::{KNOWN, Known};

pub fn run(as_json: bool, terminal: &Terminal) -> Result<()> {
    if as_json {
        return terminal.json(&KNOWN);
    }
    let mut out = terminal.out();
    for Known { name, wanted, size, licence, is_instruct, good_for, preset } in KNOWN {
        let kind = if is_instruct { "instruct" } else { "base" };
        writeln!(out, "{BOLD}{name}{BOLD:#} · {} · {licence} · {kind} · preset {preset}", in_words(size))?;
        writeln!(out, "  {good_for}")?;
        writeln!(out, "  {DIM}{wanted}{DIM:#}")?;
    }
    terminal.note("`afterword models pull NAME` fetches one; a preset is where to begin, and was not measured on it");
    terminal.note("a base model goes on with a beginning, an instruct model takes a wish as well");
    Ok(())
}
