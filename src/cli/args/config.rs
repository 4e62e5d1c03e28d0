//! What is asked about defaults.

// What stands here is the help text, where a terminal shows no backticks.
#![allow(clippy::doc_markdown)]

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand};

use super::Command;
use crate::cli::defaults::{KEYS, listed};

/// `afterword config`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = listed())]
pub struct Config {
    /// What is to be changed.
    #[command(subcommand)]
    pub change: Option<ConfigChange>,

    /// Print a JSON object.
    #[arg(long)]
    pub json: bool,
}

/// A change of the file.
#[derive(Debug, Subcommand)]
pub enum ConfigChange {
    /// Give a key a value in the file; everything else in it stays as it is.
    Set {
        /// The key.
        #[arg(value_parser = keys())]
        key: String,
        /// Its value, as it would be typed.
        #[arg(allow_hyphen_values = true)]
        value: String,
    },
    /// Take a key out of the file.
    Unset {
        /// The key.
        #[arg(value_parser = keys())]
        key: String,
    },
}

fn keys() -> PossibleValuesParser {
    PossibleValuesParser::new(KEYS.each_ref().map(|key| key.name))
}

impl Command {
    /// Whether no default of anybody's belongs to the command: it goes by what a record says, or tells of the defaults or of the
    /// program itself.
    pub fn needs_no_defaults(&self) -> bool {
        match self {
            Self::Write(args) => args.resume.is_some(),
            Self::Explain(args) => args.record.is_some(),
            Self::Replay(_) | Self::Config(_) | Self::Completions { .. } | Self::Man { .. } | Self::RenderTemplates => true,
            _ => false,
        }
    }
}
