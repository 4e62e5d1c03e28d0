//! Parts of one run, told in several folders, become one.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use super::disk::Disk;
use super::folder::Folder;
use super::run::RunFile;

/// What came of joining folders.
pub struct Merged<'d> {
    /// The folder with all stories that there are.
    pub folder: Folder<'d>,
    /// Stories that none of the folders holds.
    pub missing: usize,
    /// What decided the bits and was not everywhere the same, each as a clause.
    pub notes: Vec<String>,
}

/// Joins the folders `parts` into the folder `into`, which may hold a part of them already.
///
/// # Errors
/// A folder that holds no run, or another one than the first; one story told in two ways; or the disk fails.
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
    let mut folder = Folder::open(into, &whole, disk)?;
    let matrix = whole.matrix();
    let mut missing = 0;
    for item in matrix.items() {
        let name = matrix.name(item);
        let found = parts.iter().filter_map(|part| Folder::record(part, &name).map(|record| (part, record)));
        let mut found = found.filter(|(_, record)| record.seed == item.seed);
        let Some((part, record)) = found.next() else {
            missing += usize::from(!folder.has(item));
            continue;
        };
        if let Some((other, _)) = found.find(|(_, other)| other.tokens != record.tokens) {
            bail!("cannot join `{}` to `{}`: each tells `{name}` in its own way", other.display(), part.display());
        }
        if !folder.has(item) {
            folder.keep(item, &record)?;
        }
    }
    folder.finish()?;
    Ok(Merged { folder, missing, notes })
}
