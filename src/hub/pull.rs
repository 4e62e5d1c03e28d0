//! Bringing what is missing of a model, and giving it its names.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};

use super::asking::{check, found};
use super::download::{Goal, bring};
use super::event::Watch;
use super::failure::{Failure, Remedy};
use super::name::Wanted;
use super::plan::{Hub, Plan, Planned};
use crate::catalog::in_words;
use crate::files::{folder, words};

/// A model that is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pulled {
    /// Its files in their order; the first one is opened.
    pub files: Vec<PathBuf>,
    /// The bytes that came.
    pub came: u64,
}

impl Hub {
    /// Brings what is missing of a plan. Only when all of it is here has any of it a name, and only then is the revision this commit.
    ///
    /// # Errors
    /// A [`Failure`]; or it was ended from outside. The same call then goes on.
    pub fn pull(&self, plan: &Plan, watch: &mut Watch<'_>) -> Result<Pulled> {
        self.check_room(plan)?;
        let mut came = 0;
        for file in &plan.files {
            came += self.bring(plan, file, watch)?;
        }
        if let (Some(repository), Some((revision, commit))) = (&plan.repository, &plan.revision) {
            // The first part comes last: it is the one that is found.
            for file in plan.files.iter().rev().filter(|file| !file.oid.is_empty()) {
                let linked = repository.link(&file.oid, commit, &file.path);
                linked.map_err(|error| anyhow!("cannot write `{}`: {}", file.file.display(), words(&error)))?;
            }
            let pointed = repository.point(revision, commit);
            pointed.map_err(|error| anyhow!("cannot write down which commit `{revision}` is: {}", words(&error)))?;
        }
        Ok(Pulled { files: plan.files.iter().map(|file| file.file.clone()).collect(), came })
    }

    fn bring(&self, plan: &Plan, file: &Planned, watch: &mut Watch<'_>) -> Result<u64> {
        let Some(address) = &file.address else { return Ok(0) };
        let commit = plan.revision.as_ref().map_or("", |(_, commit)| commit);
        let check = match &plan.wanted {
            Wanted::Repository(name) => check(&self.client, name, commit, file),
            Wanted::Address(address) => Box::new(|answer: &_| found(address, answer)),
        };
        let Planned { path, size, sum, place, .. } = file;
        bring(&self.client, &Goal { name: path, address, size: *size, sum: sum.as_deref(), place, check: &*check }, watch)
    }

    /// Asks whether there is room on the disk for what is missing.
    fn check_room(&self, plan: &Plan) -> Result<()> {
        let missing = plan.missing();
        let Some(file) = plan.files.first().filter(|_| missing > 0) else { return Ok(()) };
        let place = folder(&file.place.done);
        // Folders that are to come are where the first one is that there is.
        let there = place.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
        let free = (self.free)(there).map_err(|error| anyhow!("{}", words(&error)));
        let free = free.with_context(|| format!("cannot ask how much is free in `{}`", there.display()))?;
        if missing > free {
            let (needed, free_words) = (in_words(missing), in_words(free));
            let message = format!("{needed} are to come, and only {free_words} are free in `{}`", there.display());
            return Err(Failure::new(message, Remedy::Space(missing - free)).into());
        }
        Ok(())
    }
}
