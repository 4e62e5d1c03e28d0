//! What `afterword rpc-serve` is asked.

// What stands here is the help text, where a terminal shows no backticks.
#![allow(clippy::doc_markdown)]

use std::net::SocketAddrV4;
use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::shared::from_one;

/// `afterword rpc-serve`
#[derive(Debug, Args)]
#[command(after_help = r#"Examples:
  afterword rpc-serve                            on the machine that lends
  ssh -N -L 50052:127.0.0.1:50052 tower          on the machine that tells
  afterword write "Once" --model big.gguf --rpc 127.0.0.1:50052
Let one version of afterword run on both. Ctrl-C ends it."#)]
pub struct RpcServe {
    /// The address to listen at, as IP:PORT; port 0 is any that is free.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:50052", value_parser = address)]
    pub listen: SocketAddrV4,

    /// Listen at an address that others reach. Whoever reaches the port can run what they like on this machine: llama.cpp's RPC asks for no
    /// password, and trusts what it is sent. So only within a network of your own, such as WireGuard; otherwise lead a tunnel here, as in
    /// the examples.
    #[arg(long)]
    pub expose: bool,

    /// Devices to lend, by name; without it all GPUs, or the processor where there is none. `afterword doctor` names them.
    #[arg(long, value_name = "NAME,…", value_delimiter = ',')]
    pub device: Option<Vec<String>>,

    /// Processor threads; without it one for each physical core.
    #[arg(long, value_name = "N", value_parser = from_one, allow_negative_numbers = true)]
    pub threads: Option<NonZeroUsize>,

    /// Keep large weights that were sent in this folder, so that they need not be sent again.
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
}

fn address(typed: &str) -> Result<SocketAddrV4, &'static str> {
    typed.parse().map_err(|_| "expected an address of IP version 4 and a port, as 127.0.0.1:50052")
}
