//! The program: everything is in the library.

use std::ffi::OsString;
use std::process::ExitCode;

fn main() -> ExitCode {
    let typed: Vec<OsString> = std::env::args_os().collect();
    afterword::cli::shorten_waits(&typed);
    afterword::cli::run(typed)
}
