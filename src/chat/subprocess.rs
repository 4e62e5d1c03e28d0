//! A process that renders templates for this one, and may end of them.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, bail};

use super::renderer::{Job, Rendered, Renderer};

/// How often the person at the keyboard is listened to while a template is rendered.
const LISTENING: Duration = Duration::from_millis(20);

/// What a [`Subprocess`] says to a job, on one line of JSON: what became of it, or why it was stopped.
pub type Answer = Result<Rendered, String>;

/// Renders in a process of its own, which is started for the first template and kept for the next.
///
/// The process reads [`Job`]s from its standard input, each on one line of JSON, and writes an [`Answer`] to each. It keeps the
/// limits of time and memory itself, so that it does not outlive us by more than they allow. If it ends without an answer, the
/// template is to blame, and the next one gets a new process.
#[derive(Debug)]
pub struct Subprocess {
    program: PathBuf,
    arguments: Vec<OsString>,
    stops: fn() -> bool,
    running: Mutex<Option<Running>>,
}

impl Subprocess {
    /// A process that `program` with these arguments is to be. A template is given up when `stops` says so, which is asked
    /// every 20 ms.
    #[must_use]
    pub fn new(program: PathBuf, arguments: Vec<OsString>, stops: fn() -> bool) -> Self {
        Self { program, arguments, stops, running: Mutex::new(None) }
    }

    fn start(&self) -> Result<Running> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let started = command.spawn();
        let mut child =
            started.with_context(|| format!("`{}`, which is to render it, cannot be started", self.program.display()))?;
        let (Some(jobs), Some(output), Some(errors)) = (child.stdin.take(), child.stdout.take(), child.stderr.take()) else {
            bail!("`{}`, which is to render it, has no input and output", self.program.display());
        };
        let (sender, answers) = channel();
        // Ends with the process, or when nobody waits for an answer any more.
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            loop {
                let mut line = Vec::new();
                match output.read_until(b'\n', &mut line) {
                    Ok(length) if length > 0 && sender.send(line).is_ok() => {}
                    _ => break,
                }
            }
        });
        Ok(Running { child, jobs, answers, errors })
    }
}

impl Renderer for Subprocess {
    fn render(&self, job: &Job) -> Result<Rendered> {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        // One that has ended since is not this template's fault.
        let alive =
            running.take().and_then(|mut process| process.child.try_wait().is_ok_and(|end| end.is_none()).then_some(process));
        let mut process = alive.map_or_else(|| self.start(), Ok)?;
        let rendered = process.answer(job, self.stops)?;
        *running = Some(process);
        Ok(rendered)
    }
}

/// A process that waits for a job.
#[derive(Debug)]
struct Running {
    child: Child,
    jobs: ChildStdin,
    answers: Receiver<Vec<u8>>,
    errors: ChildStderr,
}

impl Running {
    fn answer(&mut self, job: &Job, stops: fn() -> bool) -> Result<Rendered> {
        let mut line = serde_json::to_vec(job).context("it cannot be handed to the process that renders it")?;
        line.push(b'\n');
        // A process that does not take the job does not answer it either, and then says why.
        let _ = self.jobs.write_all(&line).and_then(|()| self.jobs.flush());
        let answer = loop {
            match self.answers.recv_timeout(LISTENING) {
                Ok(line) => break line,
                Err(RecvTimeoutError::Disconnected) => return Err(self.end()),
                Err(RecvTimeoutError::Timeout) if stops() => bail!("it was interrupted"),
                Err(RecvTimeoutError::Timeout) => {}
            }
        };
        let answer: Answer = serde_json::from_slice(&answer).context("the process that renders it gives no answer")?;
        answer.map_err(|reason| anyhow!(reason))
    }

    /// Why the process has ended, from the last words of its runtime.
    fn end(&mut self) -> anyhow::Error {
        let mut said = Vec::new();
        let _ = (&mut self.errors).take(4096).read_to_end(&mut said);
        let said = String::from_utf8_lossy(&said);
        if said.contains("overflowed its stack") {
            anyhow!("it is nested too deeply")
        } else if said.contains("memory allocation") {
            anyhow!("it asks for more memory than there is")
        } else {
            let status = self.child.wait().map_or(String::new(), |status| format!(" ({status})"));
            anyhow!("the process that renders it has ended{status}")
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It holds nothing that is worth waiting for.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
