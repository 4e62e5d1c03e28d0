//! What `cache` is asked, and what is asked about it elsewhere.

// What stands here is the help text, where a terminal shows no backticks.
#![allow(clippy::doc_markdown)]

use clap::{Args, Subcommand};

/// `afterword cache`
#[derive(Debug, Args)]
pub struct Cache {
    /// What is done with it; without it it is listed.
    #[command(subcommand)]
    pub deed: Option<CacheDeed>,

    /// Print a JSON object.
    #[arg(long)]
    pub json: bool,
}

/// What can be done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum CacheDeed {
    /// Remove all that is kept of prompts; tables of `calibrate` stay.
    Clear,
}

/// Whether prompts are kept.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Model")]
pub struct KeepingArgs {
    /// Read the prompt afresh, and keep nothing of it: `afterword cache` tells what is kept. The story is the same either way.
    #[arg(long, hide_short_help = true)]
    pub no_cache: bool,
}
