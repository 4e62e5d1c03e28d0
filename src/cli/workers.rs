//! Workers whose devices compute for this process: asked whether they can be, joined, and named where one is gone.

use std::sync::OnceLock;

use anyhow::Result;

use crate::cli::opening::last_words;
use crate::cli::usage::Usage;
use crate::engine::{MOST_WORKERS, Protocol, Worker};
use crate::llama;

/// Those that were joined.
static JOINED: OnceLock<Vec<Worker>> = OnceLock::new();

/// Asks these workers whether they can be used, and puts their devices among those of this process; what each speaks.
///
/// # Errors
/// There are more than can be; one cannot be used; or the program was built without RPC.
pub fn join(workers: &[Worker]) -> Result<Vec<(Worker, Protocol)>> {
    if workers.is_empty() {
        return Ok(Vec::new());
    }
    if workers.len() > MOST_WORKERS {
        return Err(Usage(format!("`--rpc` names {} workers: at most {MOST_WORKERS}", workers.len())).into());
    }
    llama::on_abort(last_words);
    let (mut addresses, mut spoken) = (Vec::new(), Vec::new());
    for worker in workers {
        let greeted = worker.greet()?;
        addresses.push(greeted.address);
        spoken.push((worker.clone(), greeted.protocol));
    }
    // Before llama.cpp speaks to any: it may end the process.
    let _ = JOINED.set(workers.to_vec());
    llama::rpc::join(&addresses)?;
    Ok(spoken)
}

/// Whether there are any.
pub fn are_there() -> bool {
    JOINED.get().is_some()
}

/// Those that do not listen any more, by their names.
pub fn gone() -> Vec<String> {
    let gone = |worker: &&Worker| !worker.is_there();
    JOINED.get().into_iter().flatten().filter(gone).map(|worker| format!("`{worker}`")).collect()
}
