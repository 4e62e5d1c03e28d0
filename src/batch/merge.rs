//! Parts of one run, told in several folders, become one.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use super::disk::Disk;
use super::folder::{Folder, edited, of_run};
use super::run::RunFile;
use crate::engine::Remedy;

/// What came of joining folders.
pub struct Merged<'d> {
    /// The folder with all stories that there are.
    pub folder: Folder<'d>,
    /// Stories that none of the folders holds.
    pub missing: usize,
    /// What decided the bits and was not everywhere the same, each as a clause.
    pub notes: Vec<String>,
}

/// Joins the folders `parts` into the folder `into`, which may hold a part of them already. A text that somebody has worked on
/// comes along as it is.
///
/// # Errors
/// A folder that holds no run, another one than the first, or a story of another one; one story told in two ways; or the disk
/// fails.
pub fn merge<'d>(parts: &[PathBuf], into: &std::path::Path, disk: &'d dyn Disk) -> Result<Merged<'d>> {
    let mut runs: Vec<RunFile> = Vec::new();
    let mut notes = Vec::new();
    for part in parts {
        let run = Folder::run(part)?.with_context(|| format!("cannot join `{}`: it has no `run.toml`", part.display()))?;
        if let Some(first) = runs.first() {
            let changed = run.differences(first);
            ensure!(changed.is_empty(), "cannot join `{}` to `{}`: {}", part.display(), parts[0].display(), changed.join("; "));
            notes.extend(run.other_bits(first).into_iter().map(|note| format!("in `{}` {note}", part.display())));
        }
        runs.push(run);
    }
    let first = runs.into_iter().next().context("no folder is named to be joined")?;
    let whole = RunFile { shard: None, ..first };
    let mut folder = Folder::open_or(into, &whole, disk, &Remedy::AnotherFolder)?;
    let matrix = whole.matrix();
    let mut missing = 0;
    for item in matrix.items() {
        let name = matrix.name(item);
        let mut found = None;
        for part in parts {
            let joins = || format!("cannot join `{}`", part.display());
            let Some((record, _)) = of_run(part, &name, &whole, item).with_context(joins)? else { continue };
            match &found {
                None => found = Some((part, record)),
                Some((first, other)) if other.tokens != record.tokens => {
                    bail!("cannot join `{}` to `{}`: each tells `{name}` in its own way", part.display(), first.display());
                }
                Some(_) => {}
            }
        }
        match found {
            None => missing += usize::from(!folder.has(item)),
            Some(_) if folder.has(item) => {}
            Some((part, record)) => match edited(part, &name, &record)? {
                Some(text) => folder.keep_with(item, &record, &text)?,
                None => folder.keep(item, &record)?,
            },
        }
    }
    folder.finish()?;
    Ok(Merged { folder, missing, notes })
}
