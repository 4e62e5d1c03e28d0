//! The tables of what is usual after a token: where they are kept, and how a sampler comes by its own.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, Result, anyhow, ensure};

use super::engine::Engine;
use super::remedy::{Refusal, Remedy};
use super::replay::Replay;
use crate::files::{self, Form, Inputs, Output, words};
use crate::sampler::{Baseline, Future, Sampler};
use crate::story::Record;

/// The folder of tables, and those that have been read.
#[derive(Debug, Default)]
pub(super) struct Baselines {
    folder: Option<PathBuf>,
    known: Mutex<BTreeMap<PathBuf, Arc<Baseline>>>,
}

impl Engine {
    /// The same engine, which keeps its tables in this folder. Without one it knows none.
    #[must_use]
    pub fn keeping_baselines_in(mut self, folder: PathBuf) -> Self {
        self.baselines = Baselines { folder: Some(folder), ..Baselines::default() };
        self
    }

    /// The sampler with the model's table, where its chain measures against one; a sampler that has one keeps it.
    ///
    /// # Errors
    /// There is no such table, or it cannot be read.
    pub fn furnished(&self, sampler: &Sampler) -> Result<Sampler> {
        match sampler.chain().measured() {
            Some(future) if sampler.baseline().is_none() => Ok(sampler.with_baseline(self.baseline(future)?)),
            _ => Ok(sampler.clone()),
        }
    }

    /// The table for this stage, from memory or from its file.
    fn baseline(&self, future: &Future) -> Result<Arc<Baseline>> {
        let sha256 = self.identity()?;
        let model = self.info().path.display().to_string();
        let (entropy_top, horizon) = (future.entropy_top.get(), future.horizon);
        let missing = || {
            let message = format!(
                "cannot measure how open `{model}` usually is after a token: it has no table of that, over {entropy_top} tokens \
                 to the horizon {}",
                horizon.name()
            );
            let remedy = Remedy::Calibrate { model: self.info().path.clone(), entropy_top, horizon };
            Refusal::new(message, remedy)
        };
        let folder = self.baselines.folder.as_ref().ok_or_else(missing)?;
        let path = folder.join(name(&sha256, future));
        if let Some(known) = self.baselines.known.lock().unwrap_or_else(PoisonError::into_inner).get(&path) {
            return Ok(Arc::clone(known));
        }
        let bytes = match files::read(&path, Baseline::LONGEST) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(missing().into()),
            bytes => bytes.map_err(|error| words(&error)),
        };
        let read = || {
            let baseline = Baseline::parse(&bytes.map_err(|cause| anyhow!(cause))?)?;
            ensure!(baseline.model() == sha256, "it is of another model");
            baseline.check(future, self.vocabulary())?;
            Ok(Arc::new(baseline))
        };
        let baseline = read().with_context(|| format!("cannot read the table `{}`", path.display()))?;
        self.baselines.known.lock().unwrap_or_else(PoisonError::into_inner).insert(path, Arc::clone(&baseline));
        Ok(baseline)
    }

    /// Where a table for this stage is kept; the folder is made if it is not there. Asked before a table is measured.
    ///
    /// # Errors
    /// The engine keeps no tables, or the place cannot be written to.
    pub fn place_of_baseline(&self, future: &Future) -> Result<Output> {
        let folder = self.baselines.folder.as_ref().context("there is no folder in which tables are kept")?;
        let made = std::fs::create_dir_all(folder).map_err(|error| anyhow!(words(&error)));
        made.with_context(|| format!("cannot make the folder `{}`", folder.display()))?;
        Output::new(folder.join(name(&self.identity()?, future)), Form::BASELINE, &Inputs::default())
    }
}

/// The name of the file with the table of a model for a stage.
fn name(sha256: &str, future: &Future) -> String {
    let short = sha256.get(..16).unwrap_or(sha256);
    format!("{short}-{}-{}.json", future.entropy_top.get(), future.horizon.name())
}

impl Replay {
    /// The same stories, measured against the table of their record where they were measured against one.
    ///
    /// # Errors
    /// The model has another table now, or none.
    pub fn furnished(mut self, engine: &Engine, record: &Record) -> Result<Self> {
        for plan in self.plans_mut() {
            plan.sampler = engine.furnished(&plan.sampler)?;
            let now = plan.sampler.baseline().map(|baseline| baseline.checksum());
            let (told, now) = (record.baseline.as_deref().unwrap_or("none"), now.unwrap_or("none"));
            ensure!(
                told == now,
                "the story was measured against the table {} of what is usual after a token, and now there is {}",
                short(told),
                short(now)
            );
        }
        Ok(self)
    }
}

/// The beginning of a checksum, as people tell them apart.
fn short(checksum: &str) -> &str {
    checksum.get(..12).unwrap_or(checksum)
}
