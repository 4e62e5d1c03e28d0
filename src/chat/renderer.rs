//! Where templates are rendered: in this process, or in one of their own.
//!
//! A chat template is a program that somebody else wrote and that comes with every downloaded model. Its loops and most of what
//! it writes are bounded by the engine's fuel, which counts instructions and bytes. Three things are not, because the engine's
//! values are compared, written and dropped by ordinary recursive code that knows no fuel:
//!
//! - depth: a list in a list in a list, a namespace that holds itself, or a source of twenty thousand `+1` overflow the stack,
//!   and an overflow ends the process it happens in;
//! - time: forty lists of which each holds the one before it twice have 2⁴⁰ leaves, and `==` visits them all;
//! - memory: some operations ask for all of their result at once, and an allocation that fails ends the process too.
//!
//! None of the three can be mended from outside in a thread: a thread cannot be stopped, its stack can be made larger but not
//! survived, and memory belongs to the process. So templates of strangers are rendered by a [`Subprocess`], the program itself
//! under limits of stack, memory and time, whose end is one more way for a template to fail. It is kept from one prompt to the
//! next, and works the same on every system.
//!
//! Whoever links the library and trusts the templates, or has no such program at hand, renders [`InProcess`]. The choice is an
//! argument and never a fall-back.

use std::fmt::Debug;
use std::thread;

use anyhow::{Result, anyhow};
use chrono::NaiveDateTime;
use minijinja::Value;
use serde::{Deserialize, Serialize};

use super::engine;

/// The stack on which a template is read and rendered, in bytes. All that is right needs some hundred kB, and what is not read
/// costs nothing.
const STACK: usize = 64 << 20;

/// A template, and the variables of each text that it is to make.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    pub(super) source: String,
    /// What the clock says in it.
    pub(super) now: NaiveDateTime,
    pub(super) variables: Vec<Value>,
}

/// What became of a job: for each set of variables the text, or why there is none, as a clause without its subject.
pub type Rendered = Vec<Result<String, String>>;

/// Something that renders templates. What it makes of a job is equivalent to what [`InProcess`] makes of it.
pub trait Renderer: Debug + Send + Sync {
    /// Renders a template once with each set of variables.
    ///
    /// # Errors
    /// It could not be tried, or had to be stopped; the cause is a clause without its subject.
    fn render(&self, job: &Job) -> Result<Rendered>;
}

/// Renders in this process, on a thread with a stack of 64 MiB.
///
/// Steps, loops and bytes are bounded; depth and the time of comparisons are not, and a template that goes too deep ends the
/// process: for templates that are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InProcess;

impl Renderer for InProcess {
    fn render(&self, job: &Job) -> Result<Rendered> {
        thread::scope(|scope| {
            let thread = thread::Builder::new().name("template".to_owned()).stack_size(STACK);
            let thread = thread.spawn_scoped(scope, || engine::render(job));
            let thread = thread.map_err(|error| anyhow!("there is no thread to render it: {error}"))?;
            // A panic is a mistake of the engine's, not of ours.
            thread.join().map_err(|_| anyhow!("the template engine fails on it"))
        })
    }
}
