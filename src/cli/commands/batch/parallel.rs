//! How many stories are told at once, and in how many memories.

use std::num::NonZeroUsize;

use anyhow::Result;

use crate::batch::Parallel;
use crate::cli::args::Batch;
use crate::cli::usage::Usage;
use crate::engine::{Engine, Width};
use crate::llama::physical_cores;
use crate::model::MOST_BRANCHES;

/// Stories told at once in one memory on a processor: the weights are read once for all of them, and up to here a decode of
/// more costs less than several (16 tokens cost 7 to 8 times one on models of 0.5 and 1 billion weights, 4 cost 2.5 times one).
const ON_A_PROCESSOR: usize = 16;

/// Every token's attention walks over the cells of all stories in its memory. Beyond so many cells that is what takes the time,
/// and fewer stories at once are faster.
const MOST_CELLS: usize = 8192;

/// Stories told at once that such a memory holds at least.
const LEAST: usize = 4;

/// Stories told at once on a GPU.
const ON_A_GPU: usize = 32;

/// Below this size of its file in bytes a model computes too little for a decode of several stories to gain anything.
const SMALL: u64 = 100_000_000;

/// How many stories are to be told at once on a GPU, before it is known how many fit: those share what one decode can hold.
pub fn wanted(args: &Batch, before: Option<Parallel>, stories: usize) -> usize {
    let told = match (args.parallel, before) {
        (Width::Fixed(count), _) => count.get(),
        (Width::Auto, Some(before)) => before.sessions.saturating_mul(before.streams),
        (Width::Auto, None) => ON_A_GPU,
    };
    told.min(stories)
}

/// How many stories are told at once: by what was asked, by what the folder's run had, else by the kind of device, the number
/// of cores and the size of the model. Never by timing, so that equal command lines do the same.
pub fn parallel(
    args: &Batch,
    engine: &Engine,
    before: Option<Parallel>,
    (cells, branches): (usize, usize),
    stories: usize,
) -> Result<Parallel> {
    let fixed = |width: Width| match width {
        Width::Auto => None,
        Width::Fixed(count) => Some(count.get()),
    };
    let (asked, sessions) = (fixed(args.parallel), fixed(args.sessions));
    if let (None, None, Some(before)) = (asked, sessions, before) {
        return Ok(if args.strict { Parallel { streams: 1, ..before } } else { before });
    }
    let on_gpu = engine.is_on_gpu();
    let small = engine.info().size < SMALL;
    let threads = engine.options().threads.map_or(if small { 1 } else { physical_cores() }, NonZeroUsize::get);
    let workers = if on_gpu { 1 } else { (physical_cores() / threads).max(1) };
    let streams_of_a_worker = match () {
        () if args.strict => 1,
        () if on_gpu => ON_A_GPU,
        () if small => 1,
        () => (MOST_CELLS / cells.max(1)).clamp(LEAST, ON_A_PROCESSOR),
    };
    // Who asks for so many memories wants each of them filled.
    let workers = sessions.unwrap_or(workers);
    let total = asked.unwrap_or(workers.saturating_mul(streams_of_a_worker)).min(stories).max(1);
    let sessions = if args.strict && sessions.is_none() { total } else { workers.min(total) };
    // One branch more for every story, which keeps a prompt for those that share it.
    let most = (MOST_BRANCHES / (branches + 1)).max(1);
    let streams = if args.strict { 1 } else { total.div_ceil(sessions) };
    if asked.is_some() && streams > most {
        let hint = format!("the presets need {branches} branches a story: at most {most} can be told at once in one memory");
        return Err(Usage(format!("`--parallel` is too much for one memory\nhint: {hint}")).into());
    }
    let mut parallel = Parallel { sessions, streams: streams.min(most) };
    // Memory: what is there of it in all, and not what happens to be free.
    let fits = |Parallel { sessions, streams }| match (engine.need(cells * streams, branches * streams), engine.memory()) {
        (Some(need), Some(memory)) => need.weights + (need.cache + need.compute) * sessions as u64 <= memory / 10 * 9,
        _ => true,
    };
    while asked.is_none() && parallel.streams > 1 && !fits(parallel) {
        parallel.streams -= 1;
    }
    Ok(parallel)
}
