//! What is typed about models from the net.

// What stands here is the help text, where a terminal shows no backticks.
#![allow(clippy::doc_markdown)]

use std::path::PathBuf;

use clap::Args;

use super::shared::from_nothing;

/// Whom to ask, and how.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Hub")]
pub struct HubArgs {
    /// A file that holds a token of the hub, for gated and private models; without it what HF_TOKEN says, or the file that HF_TOKEN_PATH
    /// names, or that of the hub's own programs. It is sent to the hub alone.
    #[arg(long, value_name = "FILE")]
    pub token_file: Option<PathBuf>,

    /// A mirror that speaks the hub's API; without it what HF_ENDPOINT says, or https://huggingface.co.
    #[arg(long, value_name = "URL")]
    pub endpoint: Option<String>,

    /// Ask nobody: what is here is enough. The variable HF_HUB_OFFLINE says the same.
    #[arg(long)]
    pub offline: bool,

    /// Ask servers without https too, beyond this machine. Others on the way can then read and change what they say, so no token is sent.
    #[arg(long, hide_short_help = true)]
    pub insecure: bool,

    /// Milliseconds before the second of five tries, for tests.
    #[arg(long, value_name = "MS", hide = true, value_parser = from_nothing)]
    pub first_wait: Option<usize>,
}

/// `afterword models pull`
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  afterword models pull smollm2
  afterword models pull bartowski/Qwen_Qwen3-4B-GGUF:Q8_0 --dry-run
  afterword write "Once upon a time" --model "$(afterword models pull smollm2)""#)]
pub struct Pull {
    /// A short name that `afterword models known` tells, a repository of the Hugging Face hub and perhaps which of its models
    /// (USER/REPO, USER/REPO@REVISION, USER/REPO:QUANTISATION, USER/REPO:FILE.gguf), or the address of a GGUF file.
    #[arg(value_name = "NAME")]
    pub name: String,

    /// Put it into this folder, under its own name, instead of the cache that other programs share.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,

    /// Tell what would be fetched, and fetch nothing but headers.
    #[arg(long)]
    pub dry_run: bool,

    /// Fetch it though it cannot fit into this machine.
    #[arg(long)]
    pub force: bool,

    /// Print a JSON object; without it the path of the model.
    #[arg(long)]
    pub json: bool,

    /// Whom to ask.
    #[command(flatten)]
    pub hub: HubArgs,
}
