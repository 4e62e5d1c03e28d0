//! `afterword rpc-serve`: lends the devices of this machine to others, for a model that no single one holds.

use std::fs;
use std::net::{SocketAddr, SocketAddrV4, TcpListener};
use std::num::NonZeroUsize;

use anyhow::{Context, Result, anyhow};

use crate::cli::Outcome;
use crate::cli::args::RpcServe;
use crate::cli::interrupt::at_once;
use crate::cli::opening::last_words;
use crate::cli::render::terminal::Terminal;
use crate::cli::usage::Usage;
use crate::engine::PROTOCOL;
use crate::files::words;
use crate::llama;
use crate::text::some;

pub fn run(args: &RpcServe, terminal: &Terminal) -> Result<Outcome> {
    let RpcServe { listen, expose, device, threads, cache } = args;
    if !listen.ip().is_loopback() && !expose {
        let hint = "leave out `--listen` and lead a tunnel here, `ssh -N -L 50052:127.0.0.1:50052 HOST`; `--expose` is for a network of your own";
        return Err(Usage(format!(
            "`{listen}` can be reached from other machines, and whoever reaches a worker can run what they like on its machine\nhint: {hint}"
        ))
        .into());
    }
    let address = free(*listen)?;
    if let Some(folder) = cache {
        let refusal = || format!("cannot make the folder `{}`", folder.display());
        fs::create_dir_all(folder).map_err(|error| anyhow!(words(&error))).with_context(refusal)?;
    }
    llama::on_abort(last_words);
    let threads = threads.map_or_else(llama::physical_cores, NonZeroUsize::get);
    let begun = |devices: &[String]| {
        let (devices, threads) = (devices.join(", "), some(threads, "thread"));
        terminal.note(format_args!("listening at {address} · {devices} · {threads} · protocol {PROTOCOL} · Ctrl-C ends it"));
    };
    at_once(|| llama::rpc::serve(address, device.as_deref(), threads, cache.as_deref(), !terminal.is_quiet(), begun))?;
    Ok(Outcome::Done)
}

/// The address, with a port that is free: llama.cpp does not say why it cannot listen.
fn free(listen: SocketAddrV4) -> Result<SocketAddrV4> {
    let bound = TcpListener::bind(listen).and_then(|listener| listener.local_addr());
    match bound.map_err(|error| anyhow!(words(&error))).with_context(|| format!("cannot listen at `{listen}`"))? {
        SocketAddr::V4(address) => Ok(address),
        SocketAddr::V6(address) => Err(anyhow!("cannot listen at `{address}`: it is of IP version 6")),
    }
}
