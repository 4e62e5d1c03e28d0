//! Parts of one run, told in several folders, become one.

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};

use super::disk::Disk;
use super::folder::{Folder, edited, of_run};
use super::matrix::{Item, Matrix};
use super::run::RunFile;
use super::shard::Shard;
use crate::engine::Remedy;
use crate::story::Record;

/// What came of joining folders.
pub struct Merged<'d> {
    /// The folder with all stories that there are.
    pub folder: Folder<'d>,
    /// What is in none of the folders.
    pub missing: Missing,
    /// What decided the bits and was not everywhere the same, each as a clause.
    pub notes: Vec<String>,
}

/// The stories that a run has and no folder holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Missing {
    /// Their names, in the order of the run.
    pub stories: Vec<String>,
    /// The parts of the run to which they belong, as far as none of the folders is that part's.
    pub parts: Vec<Shard>,
    /// The folders that do not hold all of their own part.
    pub short: Vec<Short>,
}

/// A folder that does not hold all that it is to hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Short {
    /// The folder.
    pub folder: PathBuf,
    /// How many stories it lacks.
    pub lacks: usize,
    /// Of so many.
    pub of: usize,
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
    let shards: Vec<Option<Shard>> = runs.iter().map(|run| run.shard).collect();
    let first = runs.into_iter().next().context("no folder is named to be joined")?;
    let whole = RunFile { shard: None, ..first };
    let mut folder = Folder::open_or(into, &whole, disk, &Remedy::AnotherFolder)?;
    let matrix = whole.matrix();
    let mut missing = Vec::new();
    for item in matrix.items() {
        let name = matrix.name(item);
        match found(parts, &name, &whole, item)? {
            _ if folder.has(item) => {}
            None => missing.push(item),
            Some((part, record)) => match edited(part, &name, &record)? {
                Some(text) => folder.keep_with(item, &record, &text)?,
                None => folder.keep(item, &record)?,
            },
        }
    }
    folder.finish()?;
    let missing = Missing::of(&missing, &matrix, parts, &shards);
    Ok(Merged { folder, missing, notes })
}

/// The story of this name, with the first of the folders that holds it.
fn found<'p>(parts: &'p [PathBuf], name: &str, whole: &RunFile, item: Item) -> Result<Option<(&'p PathBuf, Box<Record>)>> {
    let mut found: Option<(&PathBuf, Box<Record>)> = None;
    for part in parts {
        let joins = || format!("cannot join `{}`", part.display());
        let Some((record, _)) = of_run(part, name, whole, item).with_context(joins)? else { continue };
        match &found {
            None => found = Some((part, record)),
            Some((first, other)) if other.tokens != record.tokens => {
                bail!("cannot join `{}` to `{}`: each tells `{name}` in its own way", part.display(), first.display());
            }
            Some(_) => {}
        }
    }
    Ok(found)
}

impl Missing {
    /// Where these stories of a run should have been, whose folders hold these parts of it, or all.
    fn of(items: &[Item], matrix: &Matrix, folders: &[PathBuf], shards: &[Option<Shard>]) -> Self {
        let holds = |shard: &Option<Shard>, item: &Item| shard.is_none_or(|shard| shard.holds(item.number));
        // Which parts there are is told by those that are there, if they agree.
        let parts = shards.first().copied().flatten().map(|first| first.all().collect::<Vec<_>>());
        let parts = parts.filter(|all| shards.iter().flatten().all(|shard| all.contains(shard))).unwrap_or_default();
        let is_absent = |part: &Shard| !shards.contains(&Some(*part)) && items.iter().any(|item| part.holds(item.number));
        let short = folders.iter().zip(shards).filter_map(|(folder, shard)| {
            let lacks = items.iter().filter(|item| holds(shard, item)).count();
            let of = matrix.items().filter(|item| holds(shard, item)).count();
            (lacks > 0).then(|| Short { folder: folder.clone(), lacks, of })
        });
        Self {
            stories: items.iter().map(|item| matrix.name(*item)).collect(),
            short: short.collect(),
            parts: parts.into_iter().filter(is_absent).collect(),
        }
    }
}
