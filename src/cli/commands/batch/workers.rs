//! Stories told in several memories at once, each in a thread of its own.
//!
//! On a processor attention walks over the cells of all stories of a memory, and single threads compute without waiting for
//! each other: so a small model tells fastest with one memory a core. A model whose weights fill the way to memory tells
//! fastest with several stories a decode.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::sync::mpsc;

use anyhow::{Context, Result, anyhow};

use crate::batch::{Heard, Item, Pace, Parallel, tell};
use crate::cli::interrupt::interruption;
use crate::decode::{Cancel, Plan};
use crate::engine::Engine;

/// In what the stories are told.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    /// Cells of each memory.
    pub cells: usize,
    /// Branches of each memory.
    pub branches: usize,
    pub parallel: Parallel,
    pub pace: Pace,
}

/// Tells these stories, and hands everything that happens to `hear`, which stops the run by an error. Ctrl-C stops it too.
pub fn tell_all(
    engine: &Engine,
    work: &Work,
    items: &[Item],
    plan: &(dyn Fn(Item) -> Plan + Sync),
    hear: &mut dyn FnMut(Item, Heard) -> Result<()>,
) -> Result<()> {
    let workers = work.parallel.sessions.min(items.len());
    // Told alone, a story is the same in any worker, and the next free one takes it. Told together its bits depend on who is
    // beside it, so each worker has stories of its own.
    let alone = work.pace.streams == 1;
    let queues: Vec<Mutex<VecDeque<Item>>> = if alone {
        vec![Mutex::new(items.iter().copied().collect())]
    } else {
        (0..workers).map(|worker| Mutex::new(items.iter().copied().skip(worker).step_by(workers).collect())).collect()
    };
    let stop = interruption().child();
    let (send, receive) = mpsc::channel();
    std::thread::scope(|scope| {
        for worker in 0..workers {
            let (send, queue, stop) = (send.clone(), &queues[if alone { 0 } else { worker }], &stop);
            scope.spawn(move || {
                let told = one_worker(engine, work, queue, plan, stop, &|heard| drop(send.send(Ok(heard))));
                if let Err(error) = told {
                    drop(send.send(Err(error)));
                }
            });
        }
        drop(send);
        let mut failed = None;
        for heard in receive {
            // Who waits for the end of a run that is over need not hear what happens until then.
            if failed.is_some() {
                continue;
            }
            let done = heard.and_then(|heard| {
                let number = number_of(&heard);
                let at = items.binary_search_by_key(&number, |item| item.number);
                let at = at.map_err(|_| anyhow!("a story that nobody asked for was told"))?;
                hear(items[at], heard)
            });
            if let Err(error) = done {
                stop.cancel();
                failed = Some(error);
            }
        }
        failed.map_or(Ok(()), Err)
    })
}

fn number_of(heard: &Heard) -> usize {
    match heard {
        Heard::Began(number) | Heard::Told(number, _) => *number,
        Heard::Finished(finished) => finished.number,
    }
}

/// Tells stories from a queue in one memory.
fn one_worker(
    engine: &Engine,
    work: &Work,
    queue: &Mutex<VecDeque<Item>>,
    plan: &(dyn Fn(Item) -> Plan + Sync),
    stop: &Cancel,
    hear: &dyn Fn(Heard),
) -> Result<()> {
    let mut session = engine.session_of(work.cells, work.branches).context("cannot make a memory for stories")?;
    let take = || {
        let mut queue = queue.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        queue.pop_front().map(|item| (item.number, plan(item)))
    };
    if work.pace.streams > 1 {
        tell(&mut *session, work.pace, &mut &take, stop, &mut |heard| hear(heard));
        return Ok(());
    }
    while let Some(story) = take() {
        // An empty memory, as a new one: then a story has the same bits wherever and whenever it is told.
        session.clear();
        let mut one = Some(story);
        tell(&mut *session, work.pace, &mut || one.take(), stop, &mut |heard| hear(heard));
        if stop.is_cancelled() {
            break;
        }
    }
    Ok(())
}
