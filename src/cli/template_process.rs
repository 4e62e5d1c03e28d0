//! The program as the process that renders chat templates for another one, and may end of them.

use std::io::{self, BufRead, Write};
use std::panic;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

use crate::chat::{Answer, InProcess, Job, Renderer};
use crate::cli::Outcome;

/// How long a template may take: the longest ones take some milliseconds.
const TIME: Duration = Duration::from_secs(2);

/// How much memory this process may hold meanwhile, in bytes. All that the engine's fuel allows fits.
const MEMORY: u64 = 1 << 30;

/// How often both are looked at.
const LOOKING: Duration = Duration::from_millis(10);

/// This program, as what renders the templates of models in a process of its own.
#[cfg(feature = "llama")]
pub fn renderer() -> Result<crate::chat::Subprocess> {
    use std::path::PathBuf;

    // A program that is replaced while it runs is still itself there.
    let itself = PathBuf::from("/proc/self/exe");
    let program = if itself.exists() { itself } else { std::env::current_exe().context("the program does not find itself")? };
    let arguments = vec![crate::cli::args::RENDERING.into()];
    Ok(crate::chat::Subprocess::new(program, arguments, crate::cli::interrupt::interrupted))
}

/// Answers jobs until there are no more, or one had to be stopped.
pub fn run() -> Result<Outcome> {
    // What is to be said of a template, the other process says; and only it hears Ctrl-C.
    panic::set_hook(Box::new(|_| {}));
    let _ = ctrlc::set_handler(|| {});
    let mut out = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let job: Job = serde_json::from_str(&line?).context("this is no template to be rendered")?;
        let answer = watched(job);
        serde_json::to_writer(&mut out, &answer)?;
        out.write_all(b"\n")?;
        out.flush()?;
        if answer.is_err() {
            // The thread goes on with the template; it ends with the process.
            return Ok(Outcome::Failed);
        }
    }
    Ok(Outcome::Done)
}

/// Renders within the limits of time and memory; those of depth end the process.
fn watched(job: Job) -> Answer {
    let (sender, answer) = channel();
    thread::spawn(move || sender.send(InProcess.render(&job).map_err(|error| error.to_string())));
    let (started, mut memory) = (Instant::now(), Memory::default());
    loop {
        match answer.recv_timeout(LOOKING) {
            Ok(answer) => return answer,
            Err(RecvTimeoutError::Disconnected) => return Err("the template engine fails on it".to_owned()),
            Err(RecvTimeoutError::Timeout) if started.elapsed() > TIME => return Err("it does not come to an end".to_owned()),
            Err(RecvTimeoutError::Timeout) if memory.held() > MEMORY => {
                return Err(format!("it asks for more than {} MB of memory", MEMORY >> 20));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// The memory of this process, looked at again and again.
#[derive(Default)]
struct Memory {
    system: System,
}

impl Memory {
    /// What it holds now, in bytes.
    fn held(&mut self) -> u64 {
        let this = Pid::from_u32(std::process::id());
        let kind = ProcessRefreshKind::nothing().with_memory();
        self.system.refresh_processes_specifics(ProcessesToUpdate::Some(&[this]), true, kind);
        self.system.process(this).map_or(0, sysinfo::Process::memory)
    }
}
